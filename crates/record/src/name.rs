//! Checked names of entities, fields, child collections and commands.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

/// The longest name that is accepted, in characters (the limit of an OData simple identifier).
pub const MAX_NAME_CHARS: usize = 128;

/// Says why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a name: use a letter or underscore, then letters, digits or underscores, at most {MAX_NAME_CHARS} characters"
)]
pub struct InvalidName {
    /// The text as it was given, cut to 64 characters.
    pub text: String,
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && chars.all(|c| c == '_' || c.is_alphanumeric())
        && text.chars().count() <= MAX_NAME_CHARS
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// A name is an OData simple identifier: a letter or underscore, then letters, digits or underscores,
        /// at most [`MAX_NAME_CHARS`] characters. Cloning is cheap; ordering is by code point.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks a text and makes it a name.
            ///
            /// # Errors
            /// [`InvalidName`] if the text is not a simple identifier.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                if is_name(text) {
                    Ok(Self(Arc::from(text)))
                } else {
                    Err(InvalidName { text: text.chars().take(64).collect() })
                }
            }

            /// Returns the name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::parse(&text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidName;
            fn try_from(text: &str) -> Result<Self, InvalidName> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }
    };
}

name!(
    /// The name of an entity, such as `Account`.
    EntityName
);
name!(
    /// The name of a field of an entity, such as `account_id`.
    FieldName
);
name!(
    /// The name of a collection of child records, such as `contacts` of an account.
    CollectionName
);
name!(
    /// The name of a command of an entity, such as `QualifyLead`.
    CommandName
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_simple_identifiers() {
        for good in ["Account", "_x", "Äpfel", "a1_b"] {
            assert_eq!(EntityName::parse(good).unwrap().as_str(), good);
        }
        let long = "a".repeat(MAX_NAME_CHARS + 1);
        for bad in [
            "",
            "1a",
            "a b",
            "a\"); DROP TABLE outbox;--",
            "a.b",
            "a-b",
            long.as_str(),
        ] {
            assert!(FieldName::parse(bad).is_err(), "{bad}");
        }
    }
}
