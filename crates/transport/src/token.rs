//! Credentials, and where they are kept.

use std::fmt;

/// How a user proves who he is. Debug output shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// User name and password.
    Password {
        /// The user name.
        user: String,
        /// The password.
        password: String,
    },
    /// A bearer token that was got elsewhere.
    Token {
        /// The user name, for display.
        user: String,
        /// The token.
        token: String,
    },
}

impl Credentials {
    /// Returns the user name.
    #[must_use]
    pub fn user(&self) -> &str {
        match self {
            Self::Password { user, .. } | Self::Token { user, .. } => user,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Password { .. } => "Password",
            Self::Token { .. } => "Token",
        };
        f.debug_struct(kind)
            .field("user", &self.user())
            .finish_non_exhaustive()
    }
}

/// Says why credentials could not be kept or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored sign-in cannot be used: {0}; sign in again")]
pub struct TokenStoreError(pub String);

/// Keeps the credentials of an account, outside the store: a keychain, a file that only its owner can read.
pub trait TokenStore: Send + Sync {
    /// Returns the credentials, if there are any.
    ///
    /// # Errors
    /// [`TokenStoreError`] if they cannot be read.
    fn load(&self) -> Result<Option<Credentials>, TokenStoreError>;

    /// Keeps credentials, or forgets them.
    ///
    /// # Errors
    /// [`TokenStoreError`] if they cannot be kept.
    fn save(&self, credentials: Option<&Credentials>) -> Result<(), TokenStoreError>;
}

const _: fn(&dyn TokenStore) = |_| {};
