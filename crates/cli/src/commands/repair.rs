//! `repair`: the way forward when the data on this device cannot be used any more.

use clap::Args;
use driftless_record::Operation;
use driftless_store_sqlite::Health;
use serde_json::{Value as Json, json};

use crate::context::Context;
use crate::error::CliError;
use crate::home::Home;
use crate::output::{Answer, journal, text};

/// Go on when the data here are damaged, gone, or a copy of another device's
#[derive(Debug, Args)]
#[command(after_help = "\
Reads everything of the account first. If nothing is damaged, nothing is changed. Otherwise the data are \
moved, whole, into the home's vault folder, where nothing is ever deleted; the changes that were not sent \
yet and can still be read are listed and written beside them. You stay signed in.

A home that was copied or came back from a backup becomes a device of its own; what it was to send is looked \
for on the server first, as the original may have sent it.

Example:
  driftless repair")]
pub(crate) struct Repair {}

impl Repair {
    pub(crate) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let home = match context.home() {
            Err(error) if error.code == "copied" => return reclaim(context),
            home => home?,
        };
        let account = home.choose(context.account.as_deref())?;
        let Health::Damaged(damage) = account.examine()? else {
            let document = json!({
                "account": account.id(), "damage": null, "set_aside": null, "salvaged": [], "incomplete": false,
                "next": null,
            });
            return Ok(Answer::new(document, "nothing is damaged; nothing was changed"));
        };
        let aside = home.set_aside(&account)?;
        let place = aside.path.as_ref().map(|path| path.display().to_string());
        let next = match account.sign_in() {
            Ok(_) => "driftless download",
            Err(_) => "driftless login URL --user U",
        };
        let salvaged: Vec<Json> = aside.operations.iter().map(operation_json).collect();
        let mut lines = vec![format!("the data of {} are damaged: {damage}", account.user())];
        lines.push(match &place {
            Some(place) => format!("set aside, nothing deleted: {place}"),
            None => "nothing was left of them".to_owned(),
        });
        let read = text::count(aside.operations.len() as u64, "unsent change");
        if let (Some(place), false) = (&place, aside.operations.is_empty()) {
            lines.push(format!("{read} could be read, see {place}/unsent.json:"));
            lines.extend(aside.operations.iter().map(|operation| {
                let (what, entity, record) = (journal::verb(operation), &operation.entity, &operation.record);
                format!("  {}  {what} {entity} {record}", operation.id)
            }));
        }
        lines.push(match (aside.incomplete, aside.operations.is_empty()) {
            (false, true) => "everything had been sent".to_owned(),
            (false, false) => "that is all that was not sent".to_owned(),
            (true, true) => "what was not sent, if anything, cannot be read".to_owned(),
            (true, false) => "there may have been more that cannot be read".to_owned(),
        });
        lines.push(format!("the account is empty now; next: {next}"));
        let document = json!({
            "account": account.id(),
            "damage": damage,
            "set_aside": place,
            "salvaged": salvaged,
            "incomplete": aside.incomplete,
            "next": next,
        });
        Ok(Answer::new(document, lines.join("\n")))
    }
}

fn reclaim(context: &Context) -> Result<Answer, CliError> {
    Home::reclaim(context.home_path()?)?;
    let document = json!({
        "account": null, "damage": "copied", "set_aside": null, "salvaged": [], "incomplete": false,
        "next": "driftless sync",
    });
    Ok(Answer::new(
        document,
        "this copy is a device of its own now; what it was to send is looked for on the server first\n\
         next: driftless sync",
    ))
}

fn operation_json(operation: &Operation) -> Json {
    json!({
        "id": operation.id.to_string(),
        "kind": journal::verb(operation),
        "entity": operation.entity.as_str(),
        "record": operation.record.as_str(),
    })
}
