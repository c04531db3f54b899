//! A whole database as text.

use std::fmt::Write as _;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// Returns every table and index and every row of a database, but not on which page they are; and what an integrity check
/// says.
pub(crate) fn dump(connection: &Connection) -> rusqlite::Result<String> {
    let mut text = String::new();
    let mut statement =
        connection.prepare("SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name")?;
    let mut rows = statement.query([])?;
    let mut tables = Vec::new();
    while let Some(row) = rows.next()? {
        let (kind, name, sql): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let _ = writeln!(text, "{kind} {name}: {sql}");
        if kind == "table" {
            tables.push(name);
        }
    }
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\""))?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let _ = write!(text, "{table}:");
            for at in 0..columns {
                text.push(' ');
                match row.get_ref(at)? {
                    // Whatever the bytes are, other bytes are other characters.
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                        text.extend(bytes.iter().map(|b| char::from(*b)))
                    }
                    other => drop(write!(text, "{other:?}")),
                }
            }
            text.push('\n');
        }
    }
    let mut statement = connection.prepare("PRAGMA integrity_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let _ = writeln!(text, "integrity: {}", row.get::<_, String>(0)?);
    }
    Ok(text)
}
