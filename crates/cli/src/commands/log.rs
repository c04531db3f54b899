//! `log`, `resolve`: what happened, and what waits for a decision.

use clap::Args;
use driftless_engine::Decision;
use driftless_record::{CauseClass, LogEntry, LogId, RecordId};
use driftless_store::LogSelection;
use serde_json::{Value as Json, json};

use super::outbox::{How, touched_json, touched_text};
use crate::context::{Context, Desk};
use crate::drive;
use crate::error::{CliError, Exit};
use crate::input;
use crate::mail;
use crate::output::Answer;
use crate::output::journal::{self, OutboxFacts};

/// Show what happened, and what waits for you
#[derive(Debug, Args)]
#[command(after_help = "\
An entry that waits for you shows both sides of every field, why, and the commands that settle it.

Examples:
  driftless log              the latest entries, one line each
  driftless log --open       only what waits for you
  driftless log 4            one entry with everything")]
pub(crate) struct Log {
    /// One entry, by its number
    #[arg(value_name = "LOG-ID")]
    id: Option<LogId>,
    /// Only entries that wait for you
    #[arg(long, conflicts_with = "id")]
    open: bool,
    /// At most so many of the latest entries
    #[arg(long, value_name = "N", default_value_t = 200)]
    latest: usize,
}

/// Settle an entry of the log that waits for you
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  driftless resolve 4 --mine                keep what you changed
  driftless resolve 4 --theirs              take what the server has; your other changes are still sent
  driftless resolve 4 --pick city=mine phone=theirs
                                            a side for each field
  driftless resolve 4 --set city=Oslo       neither: this value
  driftless resolve 4 --without city        send a refused change without this field
  driftless resolve 4 --rename name='Acme 2'
                                            a value of its own, where another record has the one you gave
  driftless resolve 4 --link 0199c0de-0000-7000-8000-000000000001
                                            my new record is this one: what refers to mine refers to it
  driftless resolve 4 --retry               send a refused change again as it is
  driftless resolve 4 --discard --plan      say what would be taken back, without doing it
  driftless resolve 4 --request-access      print a mail that asks for the right that was missing")]
pub(crate) struct Resolve {
    /// The entry, by its number
    #[arg(value_name = "LOG-ID")]
    id: LogId,
    #[command(flatten)]
    way: Way,
    /// Only say what it would touch
    #[arg(long, conflicts_with = "request_access")]
    plan: bool,
}

/// How to settle it: exactly one.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the flags, of which one is given"
)]
struct Way {
    /// Keep your values, on top of the server's latest data
    #[arg(long)]
    mine: bool,
    /// Take the server's values; what you changed elsewhere in the record is still sent
    #[arg(long)]
    theirs: bool,
    /// Take a side for each field, as field=mine or field=theirs
    #[arg(long, value_name = "FIELD=SIDE", num_args = 1..)]
    pick: Vec<String>,
    /// Send a refused change without these fields; their values stay in the log
    #[arg(long, value_name = "FIELD", num_args = 1..)]
    without: Vec<String>,
    /// Take these values, as field=value
    #[arg(long, value_name = "FIELD=VALUE", num_args = 1..)]
    set: Vec<String>,
    /// Take a value of its own, as field=value, where another record has the one you gave
    #[arg(long, value_name = "FIELD=VALUE", num_args = 1..)]
    rename: Vec<String>,
    /// Your new record is this one, which the server has: what refers to yours refers to it; your values stay in the log
    #[arg(long, value_name = "OTHER-ID")]
    link: Option<String>,
    /// Take back every pending change of the record, and what needs it
    #[arg(long)]
    revert: bool,
    /// Send the same again
    #[arg(long)]
    retry: bool,
    /// Take back this change, and what needs it
    #[arg(long)]
    discard: bool,
    /// Print a mail that asks for the right that was missing; settles nothing
    #[arg(long)]
    request_access: bool,
}

impl Log {
    pub(crate) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let selection = match (self.id, self.open) {
            (Some(id), _) => LogSelection::One(id),
            (None, true) => LogSelection::Open,
            (None, false) => LogSelection::Latest(self.latest),
        };
        let entries = desk.engine.log(&selection)?;
        if let (Some(id), true) = (self.id, entries.is_empty()) {
            return Err(driftless_engine::EngineError::NoLogEntry(id).into());
        }
        let schema = desk.schema()?;
        let facts = OutboxFacts::read(&desk.engine, &desk.engine.outbox()?)?;
        let rows: Vec<Json> = entries
            .iter()
            .map(|entry| journal::entry_json(&schema, entry, &facts))
            .collect();
        let text = if entries.is_empty() {
            let nothing = if self.open {
                "nothing waits for you"
            } else {
                "the log is empty"
            };
            nothing.to_owned()
        } else if self.id.is_some() || self.open {
            {
                let cards = entries.iter().map(|entry| journal::card(entry, &facts));
                cards.collect::<Vec<_>>().join("\n\n")
            }
        } else {
            journal::entries(&entries)
        };
        Ok(Answer::new(json!({ "entries": rows }), text))
    }
}

impl Resolve {
    pub(crate) async fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let entry = desk
            .engine
            .log(&LogSelection::One(self.id))?
            .pop()
            .ok_or(driftless_engine::EngineError::NoLogEntry(self.id))?;
        if self.way.request_access {
            return request_access(&desk, &entry);
        }
        let decision = self.way.decision(&desk, &entry)?;
        if self.plan {
            let touched = desk.engine.resolve_preview(self.id, &decision)?;
            return Ok(Answer::new(
                touched_json(&touched, How::Planned),
                touched_text(&touched, "would be taken back"),
            ));
        }
        let touched = desk.engine.resolve(self.id, &decision)?;
        let mut document = touched_json(&touched, How::Done);
        let mut exit = Exit::Done;
        let mut lines = vec![format!("log {} is settled", self.id)];
        if !touched.ended.is_empty() {
            lines.push(touched_text(&touched, "taken back"));
        }
        if !touched.redirected.is_empty() {
            // They waited for a record that never comes to be.
            drive::send_at_once(&desk, touched.redirected.first().copied()).await;
        }
        let mut outcomes = Vec::new();
        for (place, operation) in touched.queued.iter().enumerate() {
            let outcome = if place == 0 {
                drive::send_at_once(&desk, Some(*operation)).await
            } else {
                Some(drive::outcome(&desk, *operation))
            };
            if matches!(outcome, Some(driftless_engine::Outcome::Parked(_))) {
                exit = Exit::Waits;
            }
            lines.push(format!(
                "operation {operation}: {}",
                journal::outcome_text(outcome)
            ));
            let told = journal::outcome_json(outcome);
            outcomes.push(json!({
                "operation": operation.to_string(),
                "outcome": told["outcome"],
                "log": told["log"],
            }));
        }
        if let Some(document) = document.as_object_mut() {
            document.insert("outcomes".to_owned(), Json::Array(outcomes));
        }
        Ok(Answer::new(document, lines.join("\n")).exit(exit))
    }
}

impl Way {
    fn decision(&self, desk: &Desk, entry: &LogEntry) -> Result<Decision, CliError> {
        let decision = if self.mine {
            Decision::Mine
        } else if self.theirs {
            Decision::Theirs
        } else if self.revert {
            Decision::Revert
        } else if self.retry {
            Decision::Retry
        } else if self.discard {
            Decision::Discard
        } else {
            let (name, _) = entry
                .record
                .as_ref()
                .ok_or_else(|| CliError::failed("not-possible", "this entry is not about a record"))?;
            let entity = desk.entity(name.as_str())?;
            if !self.pick.is_empty() {
                return Ok(Decision::Pick(input::sides(&entity, &self.pick)?));
            }
            if !self.without.is_empty() {
                // A field that the server no longer has is known from the entry alone.
                let told = |name: &str| entry.fields.iter().find(|case| case.field.as_str() == name);
                let names = self.without.iter().map(|name| match told(name) {
                    Some(case) => Ok(case.field.clone()),
                    None => input::field_name(&entity, name),
                });
                return Ok(Decision::Without(names.collect::<Result<_, _>>()?));
            }
            if let Some(other) = &self.link {
                let other = RecordId::parse(&entity, other).map_err(driftless_engine::EngineError::from)?;
                return Ok(Decision::Link(other));
            }
            if !self.rename.is_empty() {
                is_about_a_clash(entry)?;
                return Ok(Decision::Set(input::fields(
                    &*desk.schema()?,
                    &entity,
                    &self.rename,
                )?));
            }
            Decision::Set(input::fields(&*desk.schema()?, &entity, &self.set)?)
        };
        Ok(decision)
    }
}

fn is_about_a_clash(entry: &LogEntry) -> Result<(), CliError> {
    let cause = entry.cause.as_ref().map(|cause| cause.class);
    if cause == Some(CauseClass::Unique) {
        return Ok(());
    }
    let text = format!("entry {} is not about a value that another record has", entry.id);
    Err(CliError::failed("not-possible", text)
        .hint(format!("`driftless log {}` shows what can be done", entry.id)))
}

fn request_access(desk: &Desk, entry: &LogEntry) -> Result<Answer, CliError> {
    let is_right = entry
        .cause
        .as_ref()
        .is_some_and(|cause| cause.class == CauseClass::Permission);
    if !is_right {
        return Err(CliError::failed(
            "not-possible",
            format!("entry {} is not about a missing right", entry.id),
        )
        .hint(format!("`driftless log {}` shows what can be done", entry.id)));
    }
    let to = desk.engine.settings()?.request_mailbox;
    let outbox = desk.engine.outbox()?;
    let refused = outbox
        .iter()
        .find(|item| entry.operations.contains(&item.operation.id));
    let verb = refused.map(|item| journal::verb(&item.operation));
    let mail = mail::request_access(entry, verb, &desk.account.sign_in()?, to.as_deref());
    Ok(Answer::new(
        json!({ "to": mail.to, "subject": mail.subject, "body": mail.body }),
        mail.text(),
    ))
}
