//! Prints a store of the current format as SQL text: the fixture that later versions must still open.
//!
//! Run it once for each format, before it is released:
//! `cargo run -p driftless-store-sqlite --example fixture > crates/store-sqlite/tests/fixtures/format-2.sql`

use std::error::Error;
use std::io::Write as _;

use driftless_store::RecordStore as _;
use driftless_store_sqlite::SqliteStore;
use driftless_testkit::store::sample;
use rusqlite::Connection;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(path.clone())?;
    for batch in sample::everything() {
        store.commit(batch)?;
    }
    drop(store);
    let connection = Connection::open(path)?;
    let mut out = std::io::stdout().lock();
    for pragma in ["application_id", "user_version"] {
        let value: i64 = connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))?;
        writeln!(out, "PRAGMA {pragma} = {value};")?;
    }
    // Tables before indexes, and what SQLite makes for itself left out.
    let mut objects = connection.prepare(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'index', rowid",
    )?;
    let objects = objects.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    for object in objects {
        let (kind, name, sql): (String, String, String) = object?;
        writeln!(out, "{sql};")?;
        if kind == "table" {
            print_rows(&connection, &name, &mut out)?;
        }
    }
    Ok(())
}

fn print_rows(
    connection: &Connection,
    table: &str,
    out: &mut impl std::io::Write,
) -> Result<(), Box<dyn Error>> {
    let columns: Vec<String> = connection
        .prepare("SELECT 'quote(\"' || name || '\")' FROM pragma_table_info(?1)")?
        .query_map([table], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let values = columns.join(" || ', ' || ");
    let mut rows = connection.prepare(&format!("SELECT {values} FROM \"{table}\""))?;
    for row in rows.query_map([], |row| row.get::<_, String>(0))? {
        writeln!(out, "INSERT INTO \"{table}\" VALUES ({});", row?)?;
    }
    Ok(())
}
