//! What can be wrong with a query as text.

use crate::syntax::SyntaxError;

/// Why a query cannot be understood. Texts name fields and options, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryTextError {
    /// The text does not follow the grammar.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// The entity has no such field.
    #[error("{entity} has no field {name}{}", did_you_mean(suggestion.as_deref()))]
    UnknownField {
        /// The entity.
        entity: String,
        /// The name, cut to 64 characters.
        name: String,
        /// The field that was probably meant.
        suggestion: Option<String>,
    },
    /// A name in a path leads nowhere.
    #[error("{entity}: {name} leads to no other records{}", did_you_mean(suggestion.as_deref()))]
    NotFollowed {
        /// The entity.
        entity: String,
        /// The name, cut to 64 characters.
        name: String,
        /// The lookup or collection that was probably meant.
        suggestion: Option<String>,
    },
    /// A literal is not of the field's type.
    #[error("field {field}: expected {expected}")]
    Literal {
        /// The field.
        field: String,
        /// What was expected, with an example.
        expected: &'static str,
    },
    /// A choice has no such option.
    #[error("field {field} has no such option{}", did_you_mean(suggestion.as_deref()))]
    UnknownOption {
        /// The field.
        field: String,
        /// The code that was probably meant.
        suggestion: Option<String>,
    },
    /// A parameter alias that has no value.
    #[error("the alias @{0} has no value")]
    UnknownAlias(String),
    /// A query option that the service does not know.
    #[error("unknown query option {0}")]
    UnknownQueryOption(String),
    /// A query option that is given twice.
    #[error("the query option {0} is given twice")]
    Repeated(&'static str),
    /// Valid OData that cannot be answered here.
    #[error("not supported here: {0}")]
    Unsupported(&'static str),
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion
        .map(|name| format!(": did you mean {name}?"))
        .unwrap_or_default()
}

/// Cuts a name from elsewhere, so that it can stand in an error text.
pub(super) fn cut(name: &str) -> String {
    name.chars().take(64).collect()
}
