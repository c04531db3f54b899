//! `login`: who works here.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::Args;
use driftless_engine::closest;
use driftless_record::{Settings as Rules, Timestamp};
use driftless_transport::{Credentials, TransportError};
use driftless_transport_http::ServiceRoot;
use serde_json::json;

use crate::account::SignIn;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Answer, text};
use crate::wire::{Connector, Way, connect};

/// The most bytes of a password or token on standard input.
const MAX_SECRET: u64 = 64 << 10;

/// Sign in to a service
#[derive(Debug, Args)]
#[command(after_help = "\
An address without a scheme means https://; http:// works only for a server on this machine. The password \
is asked for, or read from standard input with --password-stdin, or from DRIFTLESS_PASSWORD; it is never an \
argument. Signing in again renews the password and keeps everything on the device.

Examples:
  driftless login crm.example.com/odata --user ann
  echo \"$PASSWORD\" | driftless login http://127.0.0.1:8080 --user ann --password-stdin
  driftless login http://127.0.0.1:8080 --demo")]
pub(crate) struct Login {
    /// The address of the service, such as crm.example.com/odata
    url: String,
    /// Who signs in
    #[arg(long, required_unless_present = "demo", conflicts_with = "demo")]
    user: Option<String>,
    /// Read the password from standard input
    #[arg(long, conflicts_with = "demo")]
    password_stdin: bool,
    /// Read a bearer token from standard input instead of a password
    #[arg(long, conflicts_with_all = ["password_stdin", "demo"])]
    token_stdin: bool,
    /// Sign in as the user `demo`, who has no password
    #[arg(long)]
    demo: bool,
    /// What speaks to the service
    #[arg(long, value_enum, default_value_t)]
    connector: Connector,
    /// Settings (mode, scope, conflict rules) for a service that serves none, as JSON
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// Trust this authority's certificates too, as PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Login {
    pub(crate) async fn run(self, context: &Context) -> Result<Answer, CliError> {
        let root = ServiceRoot::parse(&self.url)?;
        let profile = self.profile()?;
        let ca_pem = match &self.ca {
            Some(path) => Some(std::fs::read(path).map_err(|error| CliError::file(path, &error))?),
            None => None,
        };
        // A home that cannot be used is told before a password is asked for.
        let home = context.home()?;
        let credentials = self.credentials()?;
        let way = Way {
            connector: self.connector,
            root: root.clone(),
            credentials: Some(credentials.clone()),
            ca_pem: ca_pem.clone(),
            profile: None,
            trace: context.trace,
        };
        let contact = connect(way)?
            .contact()
            .await
            .map_err(|error| self.not_signed_in(error, &root))?;
        let sign_in = SignIn {
            url: root.to_string(),
            user: credentials.user().to_owned(),
            display_name: contact.display_name.clone(),
            server: contact.server.clone(),
            connector: self.connector,
            at: Timestamp(0),
        };
        let account = home.sign_in(&contact, sign_in)?;
        account.keep_credentials(Some(&credentials))?;
        account.keep_ca(ca_pem.as_deref())?;
        if let Some(profile) = &profile {
            account.keep_profile(profile)?;
        }
        let document = json!({
            "account": account.id(),
            "user": contact.user.0,
            "display_name": contact.display_name,
            "tenant": contact.tenant.0,
            "server": contact.server,
            "next": "driftless download",
        });
        let text = format!(
            "signed in as {} at {root}\nnext: driftless download",
            text::clip(&contact.display_name)
        );
        Ok(Answer::new(document, text))
    }

    /// Says what to do when the service cannot be signed in to.
    fn not_signed_in(&self, error: TransportError, root: &ServiceRoot) -> CliError {
        let is_bare = !self.url.contains("://");
        let hint = match &error {
            TransportError::SignIn { .. } => "nothing was changed on this device".to_owned(),
            TransportError::Unreachable { .. } | TransportError::Lost { .. } | TransportError::Certificate { .. }
                if is_bare && root.is_loopback() =>
            {
                format!(
                    "an address without a scheme means https://; a server without TLS on this machine is http://{}",
                    self.url.trim()
                )
            }
            TransportError::Unreachable { .. } => {
                "is the address right, and is there a network?".to_owned()
            }
            TransportError::NotOurs { .. } => {
                "open any page in a browser: some networks want to be signed in to first; otherwise check that the address is that of the OData service and not of a page for people".to_owned()
            }
            _ => return error.into(),
        };
        CliError::from(error).hint(hint)
    }

    fn profile(&self) -> Result<Option<Rules>, CliError> {
        let Some(path) = &self.profile else {
            return Ok(None);
        };
        let bytes = std::fs::read(path).map_err(|error| CliError::file(path, &error))?;
        let unusable = |why: String| {
            CliError::failed("profile", format!("{} cannot be used: {why}", path.display()))
                .hint("docs/cli.md shows what a profile looks like")
        };
        let document = serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
        if let Some(unknown) = Rules::unknown_names(&document).first() {
            let close = closest(&unknown.name, unknown.known.iter().map(String::as_str));
            let close = close.map(|close| format!(" (did you mean `{close}`?)"));
            return Err(unusable(format!(
                "settings have no `{}`{}",
                unknown.name,
                close.unwrap_or_default()
            )));
        }
        let profile = serde_json::from_value(document).map_err(|error| unusable(error.to_string()))?;
        Ok(Some(profile))
    }

    fn credentials(&self) -> Result<Credentials, CliError> {
        let Some(user) = self.user.clone() else {
            return Ok(Credentials::Password {
                user: "demo".to_owned(),
                password: String::new(),
            });
        };
        if self.token_stdin {
            let token = secret_from_stdin()?;
            return Ok(Credentials::Token { user, token });
        }
        let password = if self.password_stdin {
            secret_from_stdin()?
        } else if let Ok(password) = std::env::var("DRIFTLESS_PASSWORD") {
            password
        } else {
            ask(&user)?
        };
        Ok(Credentials::Password { user, password })
    }
}

/// Reads one line from standard input, without its end.
fn secret_from_stdin() -> Result<String, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(MAX_SECRET)
        .read_to_string(&mut text)
        .map_err(|error| CliError::failed("stdin", format!("standard input cannot be read: {error}")))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Asks for the password on the terminal.
fn ask(user: &str) -> Result<String, CliError> {
    let missing = || {
        CliError::usage("a password is needed, and there is no terminal to ask on")
            .hint("give it with --password-stdin or the variable DRIFTLESS_PASSWORD")
    };
    if !std::io::stdin().is_terminal() {
        return Err(missing());
    }
    let terminal = console::Term::stderr();
    let asked = terminal.write_str(&format!("password of {user}: "));
    asked
        .and_then(|()| terminal.read_secure_line())
        .map_err(|_| missing())
}
