//! `watch`, `events`: what changes, as it changes; one JSON document a line.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use driftless_record::{LogId, Record, RecordId};
use driftless_store::LogSelection;
use serde_json::{Value as Json, json};

use super::Which;
use crate::context::{Context, Desk};
use crate::error::{CliError, Exit};
use crate::host::asked_to_end;
use crate::output::journal::{self, OutboxFacts};
use crate::output::record::{self, Pending};
use crate::output::{line, text};

/// How often the device is looked at for a change, by whichever process.
const LOOK: Duration = Duration::from_millis(200);

/// Follow a list as it changes, until Ctrl-C
#[derive(Debug, Args)]
#[command(after_help = "\
First every record that is there, then each one that comes, changes or goes, whether by you, by another \
process or by a synchronization. With --json, one document a line: {\"event\": \"added\", \"record\": …}.

Example:
  driftless watch Case --filter \"status eq 'open'\" --json")]
pub(crate) struct Watch {
    #[command(flatten)]
    which: Which,
}

/// Print the latest entries of the log, one a line; with --follow also those to come
#[derive(Debug, Args)]
#[command(after_help = "\
With --json, one document a line: {\"event\": \"log\", \"entry\": …}. An entry that changes, as when it is settled, \
is printed again.

Examples:
  driftless events
  driftless events --follow --json")]
pub(crate) struct Events {
    /// Go on until Ctrl-C
    #[arg(long)]
    follow: bool,
}

/// Calls `look` now and whenever the store has changed, until the user ends it.
async fn follow(desk: &Desk, mut look: impl FnMut() -> Result<(), CliError>) -> Result<Exit, CliError> {
    let mut seen = None;
    let end = asked_to_end();
    tokio::pin!(end);
    loop {
        let position = desk.engine.position()?;
        if seen != Some(position) {
            look()?;
            seen = Some(position);
        }
        tokio::select! {
            _ = &mut end => return Ok(Exit::Done),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

impl Watch {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let desk = context.desk()?;
        let entity = desk.entity(&self.which.entity)?;
        let query = self.which.query(&*desk.schema()?, &entity)?;
        let mut shown: BTreeMap<RecordId, (Record, bool)> = BTreeMap::new();
        follow(&desk, || {
            let pending = Pending::of(&desk.engine.outbox()?);
            let mut now = BTreeMap::new();
            for found in desk.engine.query(&query)? {
                let is_pending = pending.has(&found);
                now.insert(found.id.clone(), (found, is_pending));
            }
            let tell = |event: &str, (found, is_pending): &(Record, bool)| {
                if context.json {
                    let document = record::json(&entity, found, *is_pending);
                    line(&format!("{}\n", json!({ "event": event, "record": document })));
                } else {
                    let mark = if *is_pending { "  (outbox)" } else { "" };
                    let title = text::clip(&record::title(&entity, found));
                    line(&format!("{event:8} {}  {title}{mark}\n", found.id));
                }
            };
            for (id, found) in &now {
                match shown.get(id) {
                    None => tell("added", found),
                    Some(before) if before != found => tell("changed", found),
                    Some(_) => {}
                }
            }
            for (_, gone) in shown.iter().filter(|(id, _)| !now.contains_key(id)) {
                tell("removed", gone);
            }
            shown = now;
            Ok(())
        })
        .await
    }
}

impl Events {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let desk = context.desk()?;
        let schema = desk.schema()?;
        let mut told: BTreeMap<LogId, Json> = BTreeMap::new();
        let mut look = || {
            let facts = OutboxFacts::read(&desk.engine, &desk.engine.outbox()?)?;
            for entry in desk.engine.log(&LogSelection::Latest(1000))? {
                let document = journal::entry_json(&schema, &entry, &facts);
                if told.get(&entry.id) == Some(&document) {
                    continue;
                }
                if context.json {
                    line(&format!("{}\n", json!({ "event": "log", "entry": document })));
                } else {
                    line(&format!("{}\n", journal::entry_line(&entry)));
                }
                told.insert(entry.id, document);
            }
            Ok(())
        };
        if self.follow {
            follow(&desk, look).await
        } else {
            look()?;
            Ok(Exit::Done)
        }
    }
}
