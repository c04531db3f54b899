//! Opening a database: the one in a directory, or a new one with its data.

use std::path::{Path, PathBuf};

use driftless_odata::csdl;
use driftless_record::Schema;
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use super::pool::{self, Pool};
use super::state::{self, Credential, State};
use super::table::{Tables, child_lookups};
use super::{load, repeat};
use crate::options::ServerOptions;
use crate::service::layouts;
use crate::{ServerError, auth, crm, edge};

/// The password of the users of a database that began with data.
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
}

/// Opens the database of a server, making it if it is not there.
pub(crate) fn open(options: &ServerOptions) -> Result<Opened, ServerError> {
    let (directory, temporary) = directory(options)?;
    let connection = pool::open(&directory.join("server.db"))?;
    let asked = asked_schema(options)?;
    let mut first_password = None;
    let state = match state::read(&connection)? {
        Some(state) => state,
        None => {
            let schema = match &asked {
                Some(schema) => schema.clone(),
                None => crm::schema().map_err(|error| ServerError::Schema(error.to_string()))?,
            };
            first_password = create(&connection, options, &schema)?;
            state::read(&connection)?.ok_or(ServerError::Damaged("the new database has no state"))?
        }
    };
    let schema: Schema =
        serde_json::from_str(&state.schema).map_err(|_| ServerError::Damaged("its schema cannot be read"))?;
    if asked.is_some_and(|asked| asked != schema) {
        return Err(ServerError::OtherSchema);
    }
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

/// Reads the schema that the options name, if they name one.
fn asked_schema(options: &ServerOptions) -> Result<Option<Schema>, ServerError> {
    let Some(path) = &options.schema_file else {
        return Ok(None);
    };
    let bytes = read_file(path)?;
    let metadata = csdl::read(&bytes).map_err(|error| ServerError::Schema(error.to_string()))?;
    Ok(Some(metadata.schema))
}

fn read_file(path: &Path) -> Result<Vec<u8>, ServerError> {
    std::fs::read(path).map_err(ServerError::file(path))
}

/// Makes everything in one transaction: a database is whole or not there. Returns the administrator's password if one
/// was made up.
fn create(
    connection: &Connection,
    options: &ServerOptions,
    schema: &Schema,
) -> Result<Option<String>, ServerError> {
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
    let tables = Tables::new(schema, |name| state::entity_number(connection, name))?;
    for table in tables.iter() {
        connection.execute_batch(&table.create())?;
    }
    if let Some(path) = &options.seed_file {
        let text = String::from_utf8(read_file(path)?)
            .map_err(|_| ServerError::Seed("it is not UTF-8".to_owned()))?;
        load::from_json(connection, &tables, &layouts(schema), &text)?;
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

fn credential(name: &str, user_id: Option<&str>, display: &str, hash: Option<&str>) -> Credential {
    Credential {
        name: name.to_owned(),
        user_id: user_id.map(str::to_owned),
        display: display.to_owned(),
        hash: hash.map(str::to_owned),
        is_admin: name == ADMIN,
    }
}
