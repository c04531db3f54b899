//! `serve`: the reference server.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use driftless_server::{Server, ServerOptions, User};
use serde_json::json;

use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::output::{line, note};

/// How many users of one kind are named; the JSON document names all.
const SHOWN_USERS: usize = 6;

/// Run the reference server
#[derive(Debug, Args)]
#[command(after_help = "\
OData 4.01 over SQLite, with a CRM schema built in. The first line on standard output is its address. \
Ctrl-C ends it. Without --data it keeps its data in a temporary folder and forgets them at the end. Who can \
sign in is told on standard error at the start. A server that begins with data has users with a well-known \
password: it is for trying things out.

Examples:
  driftless serve --seed-data 2000
  driftless serve --data /var/lib/crm --listen 127.0.0.1:8080
  driftless serve --schema model.xml --seed data.json")]
pub(crate) struct Serve {
    /// The folder of its database, made if it is not there
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address and port to listen on; port 0 means a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Fill a new database with so many made-up, related records
    #[arg(long, value_name = "N", conflicts_with = "schema")]
    seed_data: Option<usize>,
    /// Serve this schema (CSDL XML) instead of the built-in one
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Fill a new database of --schema with this data: JSON such as {"Accounts": [{"name": "x"}]}
    #[arg(long, value_name = "FILE", requires = "schema")]
    seed: Option<PathBuf>,
}

impl Serve {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let failed = |error: driftless_server::ServerError| CliError::failed("server", error.to_string());
        let mut options = ServerOptions::default();
        options.data = self.data;
        options.listen = self.listen;
        options.seed_data = self.seed_data;
        options.schema_file = self.schema;
        options.seed_file = self.seed;
        let had_data = options.seed_data.is_some() || options.seed_file.is_some();
        let server = tokio::task::spawn_blocking(|| Server::open(options))
            .await
            .map_err(|error| CliError::failed("server", error.to_string()))?
            .map_err(failed)?;
        let first_password = server.first_password().map(str::to_owned);
        let is_ignored = had_data && !server.is_new();
        let users = server.users().to_vec();
        let notes = server.notes().to_vec();
        // Told before anything else can go wrong: it is known nowhere else.
        if let Some(password) = &first_password {
            note(&format!(
                "sign in as admin: with the password {password} (shown only now)"
            ));
        }
        let bound = server.bind().await.map_err(failed)?;
        if is_ignored {
            note(
                "the database was there before and stays as it is: nothing was added to it (--seed-data and --seed fill a new one only)",
            );
        }
        for left_out in notes {
            note(&format!("not served: {left_out}"));
        }
        if first_password.is_none() {
            tell_users(&users);
        }
        if context.json {
            let users: Vec<_> = users
                .iter()
                .map(|user| json!({ "user": user.name, "password": user.known_password }))
                .collect();
            let document = json!({ "url": bound.url(), "first_password": first_password, "users": users });
            line(&format!("{document}\n"));
        } else {
            line(&format!("{}\n", bound.url()));
        }
        bound.run(asked_to_end()).await.map_err(failed)?;
        Ok(Exit::Done)
    }
}

/// Says who can sign in, and how.
fn tell_users(users: &[User]) {
    let mut by_password: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    for user in users {
        by_password
            .entry(user.known_password)
            .or_default()
            .push(&user.name);
    }
    for (password, names) in by_password {
        let how = match password {
            None => "with the password that was told when the database was made".to_owned(),
            Some("") => "without a password (login --demo)".to_owned(),
            Some(password) => format!("with the password {password}"),
        };
        let more = match names.len().saturating_sub(SHOWN_USERS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let names = names[..names.len().min(SHOWN_USERS)].join(", ");
        note(&format!("sign in as {names}{more}: {how}"));
    }
}

/// Waits until the user or the system asks the server to end.
async fn asked_to_end() {
    crate::host::asked_to_end().await;
}
