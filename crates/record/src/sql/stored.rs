//! Stored values, and the columns that a field takes.

use std::borrow::Cow;

use super::decimal::{DecimalForm, SortableDecimal};
use crate::schema::FieldKind;

/// A value of one column, ready to be bound.
#[derive(Debug, Clone, PartialEq)]
pub enum Stored<'a> {
    /// No value.
    Null,
    /// A whole number.
    Int(i64),
    /// A floating point number, never NaN.
    Real(f64),
    /// Text without U+0000.
    Text(Cow<'a, str>),
    /// Bytes.
    Blob(Cow<'a, [u8]>),
    /// The bytes of a decimal; bound as a blob.
    Decimal(SortableDecimal),
}

/// A value of one column, as a database hands it out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StoredRef<'a> {
    /// No value.
    Null,
    /// A whole number.
    Int(i64),
    /// A floating point number.
    Real(f64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

impl Stored<'_> {
    /// Returns the value as a borrowed one of the five types that databases know.
    #[must_use]
    pub fn as_ref(&self) -> StoredRef<'_> {
        match self {
            Self::Null => StoredRef::Null,
            Self::Int(v) => StoredRef::Int(*v),
            Self::Real(v) => StoredRef::Real(*v),
            Self::Text(v) => StoredRef::Text(v),
            Self::Blob(v) => StoredRef::Blob(v),
            Self::Decimal(v) => StoredRef::Blob(v.as_bytes()),
        }
    }

    /// Returns the value without borrowed parts.
    #[must_use]
    pub fn into_owned(self) -> Stored<'static> {
        match self {
            Self::Null => Stored::Null,
            Self::Int(v) => Stored::Int(v),
            Self::Real(v) => Stored::Real(v),
            Self::Text(v) => Stored::Text(Cow::Owned(v.into_owned())),
            Self::Blob(v) => Stored::Blob(Cow::Owned(v.into_owned())),
            Self::Decimal(v) => Stored::Decimal(v),
        }
    }
}

/// One of the columns that a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnPart {
    /// What to append to the field's column name; empty for the first column, which is the one that is compared.
    pub suffix: &'static str,
    /// The type in a `STRICT` table of SQLite.
    pub sqlite: &'static str,
    /// The type in PostgreSQL.
    pub postgres: &'static str,
}

const fn part(suffix: &'static str, sqlite: &'static str, postgres: &'static str) -> ColumnPart {
    ColumnPart {
        suffix,
        sqlite,
        postgres,
    }
}

const PG_TEXT: &str = "text COLLATE \"C\"";
const BOOL: &[ColumnPart] = &[part("", "INTEGER", "smallint")];
const INTEGER: &[ColumnPart] = &[part("", "INTEGER", "bigint")];
const REAL: &[ColumnPart] = &[part("", "ANY", "double precision")];
const TEXT: &[ColumnPart] = &[part("", "TEXT", PG_TEXT)];
const BLOB: &[ColumnPart] = &[part("", "BLOB", "bytea")];
const DATE_TIME: &[ColumnPart] = &[part("", "INTEGER", "bigint"), part("_o", "INTEGER", "smallint")];
const LOOKUP: &[ColumnPart] = &[part("", "TEXT", PG_TEXT), part("_n", "TEXT", PG_TEXT)];
const LOOKUP_OF_SEVERAL: &[ColumnPart] = &[
    part("", "TEXT", PG_TEXT),
    part("_e", "TEXT", PG_TEXT),
    part("_n", "TEXT", PG_TEXT),
];

/// Returns the columns that a field of a kind takes, in the order in which values are encoded.
#[must_use]
pub fn columns(kind: &FieldKind) -> &'static [ColumnPart] {
    match kind {
        FieldKind::Bool => BOOL,
        FieldKind::Int { .. } | FieldKind::Date | FieldKind::Time | FieldKind::Duration => INTEGER,
        FieldKind::Decimal { .. } | FieldKind::Money { .. } => match DecimalForm::of(kind) {
            Some(DecimalForm::Scaled(_)) => INTEGER,
            _ => BLOB,
        },
        FieldKind::Double => REAL,
        FieldKind::Text { .. } | FieldKind::Choice { .. } | FieldKind::Choices { .. } | FieldKind::File => {
            TEXT
        }
        FieldKind::DateTime => DATE_TIME,
        FieldKind::Guid | FieldKind::Binary { .. } => BLOB,
        FieldKind::Lookup { targets } if targets.len() == 1 => LOOKUP,
        FieldKind::Lookup { .. } => LOOKUP_OF_SEVERAL,
    }
}
