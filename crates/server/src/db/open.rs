//! Opening a database: the one in a directory, or a new one with its data.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use driftless_odata::csdl::{self, Metadata, Note};
use driftless_record::Schema;
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use super::pool::{self, Pool};
use super::state::{self, Credential, State};
use super::table::{Tables, child_lookups};
use super::{load, repeat, rights};
use crate::options::ServerOptions;
use crate::server::User;
use crate::service::{Facts, layouts};
use crate::{ServerError, auth, crm, document, edge};

/// The password of the users of a database that began with data; it is no secret.
pub(crate) const DEMO_PASSWORD: &str = "driftless";
/// The user who signs in there without one.
const DEMO_USER: &str = "demo";
/// The administrator.
const ADMIN: &str = "admin";
/// The users of a database whose data came from a file.
const FILE_USERS: [&str; 5] = [DEMO_USER, ADMIN, "alice", "bob", "carol"];

/// An open database.
pub(crate) struct Opened {
    pub(crate) pool: Pool,
    pub(crate) schema: Schema,
    pub(crate) tables: Tables,
    pub(crate) database: Uuid,
    /// Deletes the directory when dropped, where the database is temporary.
    pub(crate) temporary: Option<TempDir>,
    /// The administrator's password, if it was made just now.
    pub(crate) first_password: Option<String>,
    /// The metadata document, and what it says of the wire if it was not written here.
    pub(crate) metadata: String,
    pub(crate) facts: Option<Facts>,
    /// What of a schema file is not served, and why.
    pub(crate) notes: Vec<String>,
    /// Whether the database was made just now.
    pub(crate) is_new: bool,
    /// Who can sign in.
    pub(crate) users: Vec<User>,
    /// Keeps other servers out of the directory.
    pub(crate) lock: File,
}

/// Opens the database of a server, making it if it is not there.
pub(crate) fn open(options: &ServerOptions) -> Result<Opened, ServerError> {
    let (directory, temporary) = directory(options)?;
    let lock = lock(&directory)?;
    let connection = pool::open(&directory.join("server.db"))?;
    let asked = asked_schema(options)?;
    let mut first_password = None;
    let known = state::read(&connection)?;
    let is_new = known.is_none();
    let state = match known {
        Some(state) => state,
        None => {
            first_password = create(&connection, options, asked.as_ref())?;
            state::read(&connection)?.ok_or(ServerError::Damaged("the new database has no state"))?
        }
    };
    let schema: Schema =
        serde_json::from_str(&state.schema).map_err(|_| ServerError::Damaged("its schema cannot be read"))?;
    if asked.is_some_and(|(asked, _)| asked.schema != schema) {
        return Err(ServerError::OtherSchema);
    }
    let told = match state::document(&connection)? {
        Some(text) => {
            let read = parse(text.as_bytes())?;
            Some((document::served(&text, &read), read))
        }
        None => None,
    };
    let (metadata, facts, notes) = match told {
        Some((Some(metadata), read)) => (metadata, Some(read.facts), read.notes),
        Some((None, _)) | None => (document::built_in(&schema), None, Vec::new()),
    };
    let users = users(&connection)?;
    rights::prepare(&connection)?;
    let tables = Tables::new(&schema, |name| state::entity_number(&connection, name))?;
    repeat::sweep(&connection, edge::now())?;
    Ok(Opened {
        database: state
            .database
            .parse()
            .map_err(|_| ServerError::Damaged("its id is no UUID"))?,
        pool: Pool::new(&directory.join("server.db"), connection),
        schema,
        tables,
        temporary,
        first_password,
        metadata,
        facts,
        notes: notes.iter().map(note).collect(),
        is_new,
        users,
        lock,
    })
}

fn directory(options: &ServerOptions) -> Result<(PathBuf, Option<TempDir>), ServerError> {
    match &options.data {
        Some(path) => {
            std::fs::create_dir_all(path).map_err(ServerError::file(path))?;
            Ok((path.clone(), None))
        }
        None => {
            let made = tempfile::Builder::new().prefix("driftless-server-").tempdir();
            let made = made.map_err(ServerError::file(std::env::temp_dir()))?;
            Ok((made.path().to_owned(), Some(made)))
        }
    }
}

/// Keeps other servers out of a directory as long as the answer lives: two at once would not see each other's changes.
fn lock(directory: &Path) -> Result<File, ServerError> {
    let path = directory.join("server.lock");
    let failed = ServerError::file(&path);
    match File::create(&path).map(|file| (file.try_lock(), file)) {
        Ok((Ok(()), file)) => Ok(file),
        Ok((Err(TryLockError::WouldBlock), _)) => Err(ServerError::InUse(directory.to_owned())),
        Ok((Err(TryLockError::Error(error)), _)) | Err(error) => Err(failed(error)),
    }
}

/// Reads the schema that the options name, if they name one, with its text.
fn asked_schema(options: &ServerOptions) -> Result<Option<(Metadata, String)>, ServerError> {
    let Some(path) = &options.schema_file else {
        return Ok(None);
    };
    let bytes = read_file(path)?;
    let metadata = parse(&bytes)?;
    let text = String::from_utf8(bytes).map_err(|_| ServerError::Schema("it is not UTF-8".to_owned()))?;
    Ok(Some((metadata, text)))
}

fn parse(document: &[u8]) -> Result<Metadata, ServerError> {
    csdl::read(document).map_err(|error| ServerError::Schema(error.to_string()))
}

fn note(note: &Note) -> String {
    let property = note
        .property
        .as_ref()
        .map(|name| format!(".{name}"))
        .unwrap_or_default();
    format!("{}{property}: {}", note.entity, note.text)
}

fn read_file(path: &Path) -> Result<Vec<u8>, ServerError> {
    std::fs::read(path).map_err(ServerError::file(path))
}

/// Makes everything in one transaction: a database is whole or not there. Returns the administrator's password if one
/// was made up.
fn create(
    connection: &Connection,
    options: &ServerOptions,
    asked: Option<&(Metadata, String)>,
) -> Result<Option<String>, ServerError> {
    let (schema, facts) = match asked {
        Some((metadata, _)) => (metadata.schema.clone(), Some(&metadata.facts)),
        None => (
            crm::schema().map_err(|error| ServerError::Schema(error.to_string()))?,
            None,
        ),
    };
    let schema = &schema;
    let json = serde_json::to_string(schema).map_err(|error| ServerError::Schema(error.to_string()))?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let database = edge::random_id();
    state::create(
        connection,
        &State {
            database: database.to_string(),
            schema: json,
        },
    )?;
    if let Some((_, text)) = asked {
        state::keep_document(connection, text)?;
    }
    let tables = Tables::new(schema, |name| state::entity_number(connection, name))?;
    for table in tables.iter() {
        connection.execute_batch(&table.create())?;
    }
    if let Some(path) = &options.seed_file {
        let text = String::from_utf8(read_file(path)?)
            .map_err(|_| ServerError::Seed("it is not UTF-8".to_owned()))?;
        load::from_json(connection, &tables, &layouts(schema, facts), &text)?;
    } else if let (Some(count), None) = (options.seed_data, &options.schema_file) {
        load::built_in(connection, &tables, count)?;
    }
    // Indexes of what is loaded at once are built at the end.
    let children = child_lookups(schema);
    for table in tables.iter() {
        for statement in table.indexes(&children) {
            connection.execute_batch(&statement)?;
        }
    }
    let password = credentials(connection, options)?;
    connection.execute_batch("COMMIT")?;
    Ok(password)
}

/// Lets users sign in: those of the data, or only an administrator with a password made up here.
fn credentials(connection: &Connection, options: &ServerOptions) -> Result<Option<String>, ServerError> {
    let has_data =
        options.seed_file.is_some() || (options.seed_data.is_some() && options.schema_file.is_none());
    if !has_data {
        let password = edge::random_id().simple().to_string();
        let hash = auth::hash(&password, edge::random_id())?;
        state::set_credential(connection, &credential(ADMIN, None, "Administrator", Some(&hash)))?;
        return Ok(Some(password));
    }
    // One hash for all: that the demonstration users have one password is no secret.
    let hash = auth::hash(DEMO_PASSWORD, edge::random_id())?;
    let mut users: Vec<(String, Option<String>, String)> = Vec::new();
    if options.seed_file.is_some() {
        users.extend(FILE_USERS.map(|name| (name.to_owned(), None, name.to_owned())));
    } else {
        let mut statement = connection.prepare("SELECT user_name, \"$id\", full_name FROM \"User\"")?;
        for user in statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))? {
            users.push(user?);
        }
    }
    for (name, id, display) in &users {
        let hash = (name != DEMO_USER).then_some(hash.as_str());
        state::set_credential(connection, &credential(name, id.as_deref(), display, hash))?;
    }
    Ok(None)
}

/// Returns who can sign in, with the password where everybody knows it.
fn users(connection: &Connection) -> Result<Vec<User>, ServerError> {
    let users = state::users(connection)?;
    let is_demo = users.len() > 1;
    let known = |needs_password| match (needs_password, is_demo) {
        (false, _) => Some(""),
        (true, true) => Some(DEMO_PASSWORD),
        (true, false) => None,
    };
    let user = |(name, needs_password)| User {
        name,
        known_password: known(needs_password),
    };
    Ok(users.into_iter().map(user).collect())
}

fn credential(name: &str, user_id: Option<&str>, display: &str, hash: Option<&str>) -> Credential {
    Credential {
        name: name.to_owned(),
        user_id: user_id.map(str::to_owned),
        display: display.to_owned(),
        hash: hash.map(str::to_owned),
        is_admin: name == ADMIN,
    }
}
