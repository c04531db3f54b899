//! How values and queries look in SQL: one stored form, shared by the device's store and the server's databases.
//!
//! Every form keeps the order of its values, so that an index answers ranges and orders:
//!
//! | kind | first column | further columns |
//! |---|---|---|
//! | bool | integer 0 or 1 | |
//! | int | integer | |
//! | decimal of at most 18 digits with a fixed scale; money with a scale up to 4 | integer, scaled | |
//! | other decimals and money | bytes that sort like the number ([`SortableDecimal`]) | |
//! | double | real; not-a-number as the text `NaN`, which sorts after every number | |
//! | text, choice | text | |
//! | date | integer, days since 1970-01-01 | |
//! | time, duration | integer, ticks of 100 ns | |
//! | date-time | integer, ticks of 100 ns since 1970 in UTC | `_o`: offset in minutes |
//! | guid | 16 bytes: less than half of the text form, and in the same order | |
//! | binary | bytes | |
//! | choices | codes in order, each between two separators (U+001F) | |
//! | lookup | the id of the target, canonical text as in a record id column | `_e`: entity, if there are several targets; `_n`: display name |
//! | file | JSON text | |

mod codec;
mod compile;
mod day;
mod decimal;
mod dialect;
mod names;
mod stored;

pub(crate) use codec::joined;
pub use codec::{DecodeError, EncodeError, decode, encode};
pub use compile::Compiler;
pub(crate) use day::{date_of, day_number, ticks_of, time_of};
pub use decimal::{DecimalForm, SortableDecimal};
pub use dialect::Dialect;
pub use names::{CompileError, Names, Select, Statement};
pub use stored::{ColumnPart, Stored, StoredRef, columns};

#[cfg(test)]
mod tests;
