//! From errors of the database to errors of the port.

use driftless_record::EntityName;
use driftless_store::StoreError;
use rusqlite::{ErrorCode, ffi};

/// The result of anything that talks to the database.
pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Turns an error of the database into the port's: by what the caller can do next.
pub(crate) fn of_database(error: rusqlite::Error) -> StoreError {
    // The only trigger that refuses anything is that of a store that was closed, see closing.rs.
    let extended = error.sqlite_error().map(|error| error.extended_code);
    if extended == Some(ffi::SQLITE_CONSTRAINT_TRIGGER) {
        return StoreError::Closed;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Damaged("the database file is not readable".to_owned())
        }
        _ => match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..) => {
                StoreError::Damaged("a stored value has an unexpected type".to_owned())
            }
            other => StoreError::Backend(Box::new(other)),
        },
    }
}

/// Turns an error of a file operation into the port's.
pub(crate) fn of_file(error: std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => StoreError::Full,
        _ => StoreError::Backend(Box::new(error)),
    }
}

/// Says that a payload of the journal cannot be read.
pub(crate) fn unreadable(what: &str) -> StoreError {
    StoreError::Damaged(format!("{what} cannot be read"))
}

/// Says that the schema has no such entity.
pub(crate) fn unknown(entity: &EntityName) -> StoreError {
    StoreError::UnknownEntity(entity.to_string())
}

/// Says that a number is too large to be stored.
pub(crate) fn too_large(what: &str) -> StoreError {
    StoreError::Unfit(format!("{what} is too large"))
}
