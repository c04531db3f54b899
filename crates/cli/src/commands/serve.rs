//! `serve`: the reference server.

use std::path::PathBuf;

use clap::Args;
use driftless_server::{Server, ServerOptions};

use crate::context::Context;
use crate::error::{CliError, Exit};
use crate::output::{line, note};

/// Run the reference server
#[derive(Debug, Args)]
#[command(after_help = "\
OData 4.01 over SQLite, with a CRM schema built in. The first line on standard output is its address. \
Ctrl-C ends it. Without --data it keeps its data in a temporary folder and forgets them at the end.

Examples:
  driftless serve --seed-data 2000
  driftless serve --data /var/lib/crm --listen 127.0.0.1:8080
  driftless serve --schema model.xml --seed data.json")]
pub(crate) struct Serve {
    /// The folder of its database
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
    /// Fill a new database of --schema with this data: a JSON object of arrays by entity set
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
        let server = tokio::task::spawn_blocking(|| Server::open(options))
            .await
            .map_err(|error| CliError::failed("server", error.to_string()))?
            .map_err(failed)?;
        let first_password = server.first_password().map(str::to_owned);
        let bound = server.bind().await.map_err(failed)?;
        if context.json {
            let document = serde_json::json!({ "url": bound.url(), "first_password": first_password });
            line(&format!("{document}\n"));
        } else {
            line(&format!("{}\n", bound.url()));
        }
        if let Some(password) = first_password {
            note(&format!("user admin, password {password} (shown only now)"));
        }
        bound.run(asked_to_end()).await.map_err(failed)?;
        Ok(Exit::Done)
    }
}

/// Waits until the user or the system asks the server to end.
async fn asked_to_end() {
    crate::host::asked_to_end().await;
}
