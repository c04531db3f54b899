//! The differences between databases, all of them.

use super::Stored;
use crate::query::{Collation, Function};

/// A database's kind of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite 3.41 or later.
    Sqlite,
    /// PostgreSQL 15 or later; text columns must have the collation `C`.
    Postgres,
}

const MAX: &str = "9223372036854775807";
const MIN: &str = "(-9223372036854775807 - 1)";

impl Dialect {
    fn is_sqlite(self) -> bool {
        self == Self::Sqlite
    }

    /// The placeholder of a parameter.
    pub(crate) fn placeholder(self, number: usize, value: &Stored<'_>) -> String {
        if self.is_sqlite() {
            return format!("?{number}");
        }
        let ty = match value {
            Stored::Null => return format!("${number}"),
            Stored::Int(_) => "bigint",
            Stored::Real(_) => "double precision",
            Stored::Text(_) => "text",
            Stored::Blob(_) | Stored::Decimal(_) => "bytea",
        };
        format!("${number}::{ty}")
    }

    /// The operator that is true for equal values and for two nulls.
    pub(crate) fn same(self) -> &'static str {
        if self.is_sqlite() {
            "IS"
        } else {
            "IS NOT DISTINCT FROM"
        }
    }

    /// The operator that is true for different values, and for a value and null.
    pub(crate) fn different(self) -> &'static str {
        if self.is_sqlite() {
            "IS NOT"
        } else {
            "IS DISTINCT FROM"
        }
    }

    /// A condition as a value: 0, 1 or null.
    pub(crate) fn bool_value(self, condition: &str) -> String {
        if self.is_sqlite() {
            format!("({condition})")
        } else {
            format!("({condition})::int")
        }
    }

    /// A text as it is compared.
    pub(crate) fn collated(self, text: &str, collation: Collation) -> String {
        match (collation, self) {
            (Collation::Binary, _) => text.to_owned(),
            (Collation::AsciiNoCase, Self::Sqlite) => format!("{text} COLLATE NOCASE"),
            (Collation::AsciiNoCase, Self::Postgres) => self.lower(text),
        }
    }

    /// The right side of a comparison with a text that is [`Dialect::collated`].
    pub(crate) fn collated_parameter(self, text: &str, collation: Collation) -> String {
        match (collation, self) {
            (Collation::Binary, _) | (_, Self::Sqlite) => text.to_owned(),
            (Collation::AsciiNoCase, Self::Postgres) => self.lower(text),
        }
    }

    /// A text with ASCII letters in lower case.
    pub(crate) fn lower(self, text: &str) -> String {
        if self.is_sqlite() {
            format!("lower({text})")
        } else {
            format!("lower({text} COLLATE \"C\")")
        }
    }

    /// A text with ASCII letters in upper case.
    pub(crate) fn upper(self, text: &str) -> String {
        if self.is_sqlite() {
            format!("upper({text})")
        } else {
            format!("upper({text} COLLATE \"C\")")
        }
    }

    /// A text without ASCII white space at its ends.
    pub(crate) fn trimmed(self, text: &str) -> String {
        if self.is_sqlite() {
            format!("trim({text}, char(9, 10, 11, 12, 13, 32))")
        } else {
            format!("btrim({text}, E'\\t\\n\\x0B\\f\\r ')")
        }
    }

    /// The place of a text in another, from 1; 0 if it is not there.
    pub(crate) fn place(self, text: &str, part: &str) -> String {
        if self.is_sqlite() {
            format!("instr({text}, {part})")
        } else {
            format!("strpos({text}, {part})::bigint")
        }
    }

    /// The number of characters.
    pub(crate) fn length(self, text: &str) -> String {
        if self.is_sqlite() {
            format!("length({text})")
        } else {
            format!("char_length({text})::bigint")
        }
    }

    /// A whole number of at least 0 and at most a number that no text reaches.
    pub(crate) fn clamped(self, number: &str) -> String {
        if self.is_sqlite() {
            format!("min(max({number}, 0), 1000000000)")
        } else {
            // Unlike SQLite's, these functions pass over nulls.
            format!(
                "(CASE WHEN {number} IS NULL THEN NULL ELSE least(greatest({number}, 0), 1000000000) END)::int"
            )
        }
    }

    /// A computation on whole numbers; null if the result is not within 64 bits (outermost numbers excluded).
    pub(crate) fn whole(self, a: &str, operator: &str, b: &str) -> String {
        if self.is_sqlite() {
            return format!("nullif(nullif(CAST(({a} {operator} {b}) AS INTEGER), {MAX}), {MIN})");
        }
        let result = match operator {
            "/" => format!("trunc(div({a}::numeric, nullif({b}, 0)))"),
            "%" => format!("mod({a}::numeric, nullif({b}, 0))"),
            _ => format!("({a}::numeric {operator} {b})"),
        };
        // An out-of-range number becomes the outermost one, and that becomes null; nulls pass through.
        format!("(CASE WHEN {result} > -{MAX} - 1 AND {result} < {MAX} THEN {result} END)::bigint")
    }

    /// A computation on doubles; null on division by zero.
    pub(crate) fn real(self, a: &str, operator: &str, b: &str) -> String {
        match (self, operator) {
            (Self::Postgres, "/") => format!("({a} / nullif({b}, 0))"),
            _ => format!("({a} {operator} {b})"),
        }
    }

    /// A whole number as a double.
    pub(crate) fn to_real(self, number: &str) -> String {
        if self.is_sqlite() {
            format!("CAST({number} AS REAL)")
        } else {
            format!("({number})::double precision")
        }
    }

    /// A double column for computing: not-a-number counts as null.
    pub(crate) fn without_nan(self, column: &str) -> String {
        if self.is_sqlite() {
            format!("nullif({column}, 'NaN')")
        } else {
            format!("nullif({column}, 'NaN'::double precision)")
        }
    }

    /// Not-a-number as it is stored.
    pub(crate) fn nan(self) -> Stored<'static> {
        if self.is_sqlite() {
            Stored::Text("NaN".into())
        } else {
            Stored::Real(f64::NAN)
        }
    }

    /// A double without fraction.
    pub(crate) fn rounded(self, function: Function, number: &str) -> String {
        match (self, function) {
            (Self::Sqlite, Function::Round) => format!("round({number})"),
            (Self::Sqlite, _) => {
                let cut = format!("CAST({number} AS INTEGER)");
                let step = if function == Function::Floor {
                    format!("- ({number} < {cut})")
                } else {
                    format!("+ ({number} > {cut})")
                };
                format!(
                    "(CASE WHEN abs({number}) < 4503599627370496.0 THEN CAST({cut} {step} AS REAL) ELSE {number} END)"
                )
            }
            (Self::Postgres, Function::Round) => {
                format!(
                    "(CASE WHEN abs({number}) < 4503599627370496.0 THEN trunc({number} + 0.5::double precision * sign({number})) ELSE {number} END)"
                )
            }
            (Self::Postgres, Function::Floor) => format!("floor({number})"),
            (Self::Postgres, _) => format!("ceil({number})"),
        }
    }

    /// The year, month or day of a day number within years 1 to 9999.
    pub(crate) fn date_part(self, function: Function, day: &str) -> String {
        let (format, name) = match function {
            Function::Year => ("%Y", "YEAR"),
            Function::Month => ("%m", "MONTH"),
            _ => ("%d", "DAY"),
        };
        if self.is_sqlite() {
            format!("CAST(strftime('{format}', {day} * 86400, 'unixepoch') AS INTEGER)")
        } else {
            format!("EXTRACT({name} FROM DATE '1970-01-01' + ({day})::int)::bigint")
        }
    }

    /// The bytes of a guid from its text; null if it is none.
    pub(crate) fn guid(self, text: &str) -> String {
        if self.is_sqlite() {
            format!("unhex({text}, '-')")
        } else {
            format!("uuid_send({text}::uuid)")
        }
    }

    /// A whole number from its text.
    pub(crate) fn integer(self, text: &str) -> String {
        if self.is_sqlite() {
            format!("CAST({text} AS INTEGER)")
        } else {
            format!("({text})::bigint")
        }
    }

    /// How nulls come first in ascending order and last in descending order.
    pub(crate) fn nulls(self, descending: bool) -> &'static str {
        match (self, descending) {
            (Self::Sqlite, _) => "",
            (Self::Postgres, false) => " NULLS FIRST",
            (Self::Postgres, true) => " NULLS LAST",
        }
    }

    /// What stands for no limit.
    pub(crate) fn no_limit(self) -> &'static str {
        if self.is_sqlite() { "-1" } else { "ALL" }
    }
}

/// Quotes an identifier.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
