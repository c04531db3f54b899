//! `logout`, `accounts`, `settings`: who works here, and how.

use std::collections::BTreeSet;

use clap::Args;
use driftless_engine::closest;
use driftless_record::{EntityName, Schema, Settings as Rules};
use driftless_store_sqlite::home::Unsent;
use serde_json::json;

use crate::account::{Account, SignIn};
use crate::context::{Context, Desk};
use crate::error::CliError;
use crate::output::{Answer, journal, note, text};

/// Sign out, and clear this account from the device
#[derive(Debug, Args)]
#[command(after_help = "\
Refused while something is not on the server yet, unless you say what becomes of it.

Examples:
  driftless logout
  driftless logout --to-vault   sets the account with its unsent changes aside, within the home
  driftless logout --discard    deletes unsent changes, for ever")]
pub(crate) struct Logout {
    /// Delete changes that are not on the server, for ever
    #[arg(long, conflicts_with = "to_vault")]
    discard: bool,
    /// Move the account with its unsent changes into the home's vault, where nothing is deleted
    #[arg(long)]
    to_vault: bool,
}

/// List the accounts on this device
#[derive(Debug, Args)]
pub(crate) struct Accounts {}

/// Show the settings in force
#[derive(Debug, Args)]
#[command(after_help = "\
They come from the server with every synchronization, or from the file given to `login --profile`.")]
pub(crate) struct Settings {}

impl Logout {
    pub(crate) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let home = context.home()?;
        let account = home.choose(context.account.as_deref())?;
        let unsent = match (self.discard, self.to_vault) {
            (true, _) => Unsent::Discard,
            (false, true) => Unsent::ToVault,
            (false, false) => Unsent::Refuse,
        };
        if unsent == Unsent::Refuse {
            let pending = context.desk()?.engine.outbox()?;
            if !pending.is_empty() {
                note(&journal::operations(&pending));
                let what = text::count(pending.len() as u64, "change");
                return Err(CliError::failed(
                    "unsent",
                    format!("{what} not on the server yet; nothing was cleared"),
                )
                .hint(
                    "send with `driftless sync`, keep with --to-vault, or delete for ever with --discard",
                ));
            }
        }
        if account.try_drive()?.is_none() {
            return Err(CliError::failed(
                "driven-elsewhere",
                "another process is synchronizing this account",
            )
            .hint("nothing was cleared; try again when it is done"));
        }
        // The secret goes first: whatever happens then, nobody is signed in any more.
        let kept = account.credentials().map_err(|error| {
            let place = account.credentials_place();
            error
                .in_front("nothing was cleared; who is signed in cannot be read: ")
                .hint(format!("sign in again, or delete {}", place.display()))
        })?;
        account.keep_credentials(None)?;
        let removed = match home.remove(&account, unsent) {
            Ok(removed) => removed,
            Err(error) => {
                // It stays, and so does who is signed in.
                if account.has_folder()
                    && let Err(lost) = account.keep_credentials(kept.as_ref())
                {
                    note(&format!("you are signed out: {}", lost.message));
                }
                return Err(error);
            }
        };
        let vault = removed.vault.as_ref().map(|path| path.display().to_string());
        let document = json!({
            "account": account.id(),
            "unsent": removed.unsent,
            "vault": vault,
        });
        let text = match (&vault, removed.unsent) {
            (Some(vault), _) => format!("signed out; the account with its unsent changes is in {vault}"),
            (None, Some(0)) => "signed out; this account is cleared from the device".to_owned(),
            (None, Some(lost)) => format!("signed out; {} discarded", text::count(lost, "unsent change")),
            (None, None) => "signed out; what was not sent could not be read and was discarded".to_owned(),
        };
        Ok(Answer::new(document, text))
    }
}

impl Accounts {
    pub(crate) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let home = context.home()?;
        let accounts = home.accounts()?;
        let current = home.choose(context.account.as_deref()).ok();
        let current = current.as_ref().map(Account::id);
        let mut rows = Vec::new();
        let mut documents = Vec::new();
        for account in &accounts {
            let is_current = current == Some(account.id());
            // An account whose files are gone is listed like the others: how else is it found?
            let sign_in = account.sign_in().ok();
            let is_signed_in = account
                .credentials()
                .is_ok_and(|credentials| credentials.is_some());
            let of = |part: fn(&SignIn) -> &String| sign_in.as_ref().map(part);
            documents.push(json!({
                "account": account.id(),
                "user": account.user(),
                "display_name": of(|sign_in| &sign_in.display_name),
                "url": of(|sign_in| &sign_in.url),
                "server": of(|sign_in| &sign_in.server),
                "signed_in": is_signed_in,
                "current": is_current,
            }));
            rows.push(row(account, sign_in.as_ref(), is_current));
        }
        let text = if rows.is_empty() {
            "no account yet; sign in first: driftless login URL --user U".to_owned()
        } else {
            text::table(["", "account", "user", "address", "signed in"], rows)
        };
        Ok(Answer::new(json!({ "accounts": documents }), text))
    }
}

fn row(account: &Account, sign_in: Option<&SignIn>, is_current: bool) -> [String; 5] {
    [
        if is_current { "*" } else { "" }.to_owned(),
        account.id().to_owned(),
        account.user(),
        sign_in.map(|sign_in| sign_in.url.clone()).unwrap_or_default(),
        text::when_if(sign_in.map(|sign_in| sign_in.at)),
    ]
}

impl Settings {
    pub(crate) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk: Desk = context.desk()?;
        let settings = desk.engine.settings()?;
        let state = desk.state()?;
        let document = json!({ "mode": state.mode().word(), "settings": settings });
        let shown = serde_json::to_string_pretty(&settings)
            .map_err(|error| CliError::failed("internal", error.to_string()))?;
        for name in unknown_entities(&settings, &*desk.schema()?) {
            note(&name);
        }
        let text = format!("mode in force: {}\n{shown}", state.mode().word());
        Ok(Answer::new(document, text))
    }
}

/// Says which entities the settings name and the server does not have; nothing is said before its schema is known.
fn unknown_entities(settings: &Rules, schema: &Schema) -> Vec<String> {
    if schema.entities.is_empty() {
        return Vec::new();
    }
    let scope = settings.scope.iter().flat_map(|scope| scope.keys());
    let named: BTreeSet<_> = settings
        .conflict_by_entity
        .keys()
        .chain(scope)
        .chain(&settings.excluded)
        .collect();
    let unknown = named
        .into_iter()
        .filter(|name| !schema.entities.contains_key(*name));
    unknown
        .map(|name| {
            let close = closest(name.as_str(), schema.entities.keys().map(EntityName::as_str));
            let close = close.map(|close| format!(" (did you mean `{close}`?)"));
            format!(
                "the settings name `{name}`, which the server does not have{}",
                close.unwrap_or_default()
            )
        })
        .collect()
}
