//! What the database knows of itself: format, names, counters, settings.

use rusqlite::{Connection, OptionalExtension, params};

use crate::ServerError;

/// The format that this server writes.
const FORMAT: i64 = 1;

/// The tables that do not depend on the schema.
const TABLES: &str = "
    CREATE TABLE state$ (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        format INTEGER NOT NULL,
        database TEXT NOT NULL,   -- a random id: tokens of another database are unknown here
        schema TEXT NOT NULL,     -- JSON
        settings TEXT NOT NULL,   -- JSON
        seq INTEGER NOT NULL,     -- the last change, in the order of commits
        floor INTEGER NOT NULL    -- changes up to this one are no longer in the feed
    ) STRICT;
    CREATE TABLE feed$ (
        entity INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        id TEXT NOT NULL,
        PRIMARY KEY (entity, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE entity$ (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        last_made INTEGER NOT NULL DEFAULT 0  -- the last number that the server made for a record
    ) STRICT;
    CREATE TABLE credential$ (
        name TEXT PRIMARY KEY,
        user_id TEXT,
        display TEXT NOT NULL,
        hash TEXT,                -- NULL: signs in with an empty password
        is_admin INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE repeat$ (
        principal TEXT NOT NULL,
        request TEXT NOT NULL,
        fingerprint BLOB NOT NULL,
        replies TEXT NOT NULL,    -- JSON
        made INTEGER NOT NULL,
        PRIMARY KEY (principal, request)
    ) STRICT;
    CREATE INDEX repeat_by_age ON repeat$ (made);
";

/// The row of [`TABLES`]' `state` that does not change with each write.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// The random id of the database.
    pub(crate) database: String,
    /// The schema as JSON.
    pub(crate) schema: String,
}

/// Sets a connection up; `PRAGMA`s that change nothing in the file.
pub(crate) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(256);
    connection.busy_timeout(std::time::Duration::from_secs(30))?;
    switch_to_log(connection)?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA cache_size = -32768; PRAGMA foreign_keys = OFF;
         PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;",
    )
}

/// Asks for the write-ahead log. The answer comes before the change is carried out, so the statement is run to its end:
/// else an error of the disk at that moment would be missed, and commits would not be as durable as they are said to be.
fn switch_to_log(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// Reads the state; `None` if the database is new.
pub(crate) fn read(connection: &Connection) -> Result<Option<State>, ServerError> {
    let tables: i64 = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'state$'",
        [],
        |row| row.get(0),
    )?;
    if tables == 0 {
        return Ok(None);
    }
    let (format, database, schema) =
        connection.query_row("SELECT format, database, schema FROM state$", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
        })?;
    if format != FORMAT {
        return Err(ServerError::Format {
            found: format,
            known: FORMAT,
        });
    }
    Ok(Some(State { database, schema }))
}

/// Makes the tables that do not depend on the schema, and the state.
pub(crate) fn create(connection: &Connection, state: &State) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    connection.execute(
        "INSERT INTO state$ (one, format, database, schema, settings, seq, floor) VALUES (1, ?, ?, ?, '{}', 0, 0)",
        params![FORMAT, state.database, state.schema],
    )?;
    Ok(())
}

/// Keeps the metadata document that the schema was read from.
pub(crate) fn keep_document(connection: &Connection, document: &str) -> rusqlite::Result<()> {
    connection.execute_batch("CREATE TABLE document$ (text TEXT NOT NULL) STRICT")?;
    connection.execute("INSERT INTO document$ (text) VALUES (?)", [document])?;
    Ok(())
}

/// Returns the metadata document that the schema was read from; `None` for the built-in schema.
pub(crate) fn document(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'document$'";
    let is_there: bool = connection.query_row(sql, [], |row| row.get(0))?;
    if !is_there {
        return Ok(None);
    }
    connection
        .query_row("SELECT text FROM document$", [], |row| row.get(0))
        .optional()
}

/// Returns the number of an entity, which stands for it in the feed; made at the first call.
pub(crate) fn entity_number(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.execute(
        "INSERT INTO entity$ (name) VALUES (?) ON CONFLICT DO NOTHING",
        [name],
    )?;
    connection.query_row("SELECT number FROM entity$ WHERE name = ?", [name], |row| {
        row.get(0)
    })
}

/// Returns the last change and the last one that is no longer in the feed.
pub(crate) fn seq_and_floor(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    connection
        .prepare_cached("SELECT seq, floor FROM state$")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Returns the settings as JSON.
pub(crate) fn settings(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT settings FROM state$", [], |row| row.get(0))
}

/// Replaces the settings.
pub(crate) fn set_settings(connection: &Connection, json: &str) -> rusqlite::Result<()> {
    connection.execute("UPDATE state$ SET settings = ?", [json])?;
    Ok(())
}

/// Makes the next number for a record of an entity.
pub(crate) fn make_number(connection: &Connection, entity: i64) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("UPDATE entity$ SET last_made = last_made + 1 WHERE number = ? RETURNING last_made")?
        .query_row([entity], |row| row.get(0))
}

/// Raises the last number made for records of an entity to at least `number`.
pub(crate) fn raise_number(connection: &Connection, entity: i64, number: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE entity$ SET last_made = max(last_made, ?2) WHERE number = ?1")?
        .execute(params![entity, number])?;
    Ok(())
}

/// A user's right to sign in.
#[derive(Debug, Clone)]
pub(crate) struct Credential {
    pub(crate) name: String,
    /// The id of the record that stands for the user, if there is one.
    pub(crate) user_id: Option<String>,
    pub(crate) display: String,
    /// The hash of the password; `None` where an empty password signs in.
    pub(crate) hash: Option<String>,
    pub(crate) is_admin: bool,
}

/// Returns a user's credential.
pub(crate) fn credential(connection: &Connection, name: &str) -> rusqlite::Result<Option<Credential>> {
    connection
        .prepare_cached("SELECT name, user_id, display, hash, is_admin FROM credential$ WHERE name = ?")?
        .query_row([name], |row| {
            Ok(Credential {
                name: row.get(0)?,
                user_id: row.get(1)?,
                display: row.get(2)?,
                hash: row.get(3)?,
                is_admin: row.get(4)?,
            })
        })
        .optional()
}

/// Returns the names of those who can sign in, and whether they need a password.
pub(crate) fn users(connection: &Connection) -> rusqlite::Result<Vec<(String, bool)>> {
    let mut statement = connection.prepare("SELECT name, hash IS NOT NULL FROM credential$ ORDER BY name")?;
    let users = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    users.collect()
}

/// Adds or replaces a user's credential.
pub(crate) fn set_credential(connection: &Connection, credential: &Credential) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO credential$ (name, user_id, display, hash, is_admin) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![
            credential.name,
            credential.user_id,
            credential.display,
            credential.hash,
            credential.is_admin
        ])?;
    Ok(())
}
