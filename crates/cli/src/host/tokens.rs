//! Credentials in a file that only its owner can read.

use std::path::PathBuf;

use driftless_transport::{Credentials, TokenStore, TokenStoreError};
use serde::{Deserialize, Serialize};

use super::file;

/// A file with the credentials of one account.
#[derive(Debug, Clone)]
pub(crate) struct TokenFile {
    path: PathBuf,
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Stored {
    v: u8,
    user: String,
    password: Option<String>,
    token: Option<String>,
}

impl TokenFile {
    /// Names the file; nothing is read yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

fn failed(error: impl std::fmt::Display) -> TokenStoreError {
    TokenStoreError(error.to_string())
}

impl TokenStore for TokenFile {
    fn load(&self) -> Result<Option<Credentials>, TokenStoreError> {
        let Some(stored) = file::read_json::<Stored>(&self.path).map_err(failed)? else {
            return Ok(None);
        };
        match stored {
            Stored {
                v: 1,
                user,
                password: Some(password),
                token: None,
            } => Ok(Some(Credentials::Password { user, password })),
            Stored {
                v: 1,
                user,
                password: None,
                token: Some(token),
            } => Ok(Some(Credentials::Token { user, token })),
            _ => Err(failed("the file is of another version")),
        }
    }

    fn save(&self, credentials: Option<&Credentials>) -> Result<(), TokenStoreError> {
        let Some(credentials) = credentials else {
            return file::remove(&self.path).map_err(failed);
        };
        let stored = match credentials.clone() {
            Credentials::Password { user, password } => Stored {
                v: 1,
                user,
                password: Some(password),
                token: None,
            },
            Credentials::Token { user, token } => Stored {
                v: 1,
                user,
                password: None,
                token: Some(token),
            },
        };
        file::write_json(&self.path, &stored).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn credentials_come_back_and_only_their_owner_can_read_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        let file = TokenFile::new(path.clone());
        assert_eq!(file.load().unwrap(), None);
        for credentials in [
            Credentials::Password {
                user: "ann".to_owned(),
                password: String::new(),
            },
            Credentials::Token {
                user: "ann".to_owned(),
                token: "t".to_owned(),
            },
        ] {
            file.save(Some(&credentials)).unwrap();
            assert_eq!(file.load().unwrap(), Some(credentials));
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            }
        }
        file.save(None).unwrap();
        assert_eq!(file.load().unwrap(), None);
    }

    #[test]
    fn a_file_that_is_damaged_tells_nothing_of_its_contents() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.json");
        fs::write(&path, "{\"password\": \"hunter2\"").unwrap();
        let error = TokenFile::new(path).load().unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
