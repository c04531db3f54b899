//! What can be wrong with a query.

use crate::name::{CollectionName, EntityName, FieldName};

/// The deepest expression that is accepted, in levels.
pub const MAX_DEPTH: usize = 200;

/// The most parts (fields, values, operators) that an expression may have.
pub const MAX_PARTS: usize = 20_000;

/// Says why a query cannot be answered for a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The schema has no such entity.
    #[error("there is no entity `{entity}`")]
    NoEntity {
        /// The entity.
        entity: EntityName,
    },
    /// The entity has no such field.
    #[error("`{entity}` has no field `{field}`")]
    NoField {
        /// The entity.
        entity: EntityName,
        /// The field.
        field: FieldName,
    },
    /// The entity has no such collection.
    #[error("`{entity}` has no collection `{collection}`")]
    NoCollection {
        /// The entity.
        entity: EntityName,
        /// The collection.
        collection: CollectionName,
    },
    /// A path goes through a field that is no lookup, or one that may point to several entities.
    #[error("`{field}` of `{entity}` does not lead to one entity: use a lookup with a single target")]
    NotFollowed {
        /// The entity.
        entity: EntityName,
        /// The field.
        field: FieldName,
    },
    /// A choice has no option with this number.
    #[error("the choice has no option with number {number}")]
    NoOption {
        /// The number.
        number: i64,
    },
    /// An operator or function does not take these types.
    #[error("`{operation}` does not take {types}")]
    Types {
        /// The operator or function.
        operation: &'static str,
        /// The types it was given.
        types: String,
    },
    /// A function has too few or too many arguments.
    #[error("`{function}` does not take {count} arguments")]
    Arguments {
        /// The function.
        function: &'static str,
        /// How many it was given.
        count: usize,
    },
    /// A field steps out of more lambdas than there are.
    #[error("a field refers to a lambda that does not enclose it")]
    Scope,
    /// The expression has too many levels or parts.
    #[error("the expression is too large: at most {MAX_DEPTH} levels and {MAX_PARTS} parts; split the query")]
    TooLarge,
}
