//! Fields that only administrators may set.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{EntityName, FieldName};
use http::StatusCode;
use rusqlite::{Connection, params};

use super::table::Table;
use crate::reply::Refusal;

/// The fields, by entity.
pub(crate) type Rights = BTreeMap<EntityName, BTreeSet<FieldName>>;

/// Makes the table, also in a database that was made before there was one.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS rights$ (entity TEXT NOT NULL, field TEXT NOT NULL, PRIMARY KEY (entity, field))
         STRICT, WITHOUT ROWID",
    )
}

/// Reads the fields that only administrators may set.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Rights> {
    let mut rights = Rights::new();
    let mut statement = connection.prepare_cached("SELECT entity, field FROM rights$")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let names = (
            EntityName::parse(row.get_ref(0)?.as_str()?),
            FieldName::parse(row.get_ref(1)?.as_str()?),
        );
        if let (Ok(entity), Ok(field)) = names {
            rights.entry(entity).or_default().insert(field);
        }
    }
    Ok(rights)
}

/// Replaces them.
pub(crate) fn replace(connection: &mut Connection, rights: &Rights) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute("DELETE FROM rights$", [])?;
    for (entity, fields) in rights {
        for field in fields {
            let names = params![entity.as_str(), field.as_str()];
            transaction.execute("INSERT INTO rights$ (entity, field) VALUES (?, ?)", names)?;
        }
    }
    transaction.commit()
}

/// Refuses a field that only administrators may set.
pub(super) fn check<'a>(
    connection: &Connection,
    table: &Table,
    fields: impl Iterator<Item = &'a FieldName>,
) -> Result<(), Refusal> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM rights$ WHERE entity = ? AND field = ?")?;
    let entity = table.entity.name.as_str();
    for name in fields {
        if statement.exists(params![entity, name.as_str()])? {
            let text = format!("only an administrator can set `{name}` of {}", table.entity.set);
            return Err(Refusal::new(StatusCode::FORBIDDEN, "FieldForbidden", text).target(name.to_string()));
        }
    }
    Ok(())
}
