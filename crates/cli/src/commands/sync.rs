//! `download`, `sync`: the two ways to say the same.

use std::time::Duration;

use clap::Args;
use driftless_engine::SyncReport;
use driftless_store::LogSelection;
use serde_json::{Value as Json, json};

use crate::context::{Context, Desk};
use crate::drive;
use crate::error::{CliError, Exit};
use crate::input::seconds;
use crate::output::journal::{self, OutboxFacts};
use crate::output::{Answer, report, text};

/// Load everything that belongs on this device
#[derive(Debug, Args)]
#[command(after_help = "\
The first synchronization, in named stages. When it is cut, the same command goes on at the page it had \
reached. Later, `driftless sync` does the same and is quicker.

Example:
  driftless download")]
pub(crate) struct Download {
    /// Stop after so many seconds at the next page; the same command goes on there
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    deadline: Option<Duration>,
}

/// Send what you changed, and load what others changed
#[derive(Debug, Args)]
#[command(after_help = "\
Works in every mode, also offline. Ends with 3 if something that was sent \
now waits for you, with 4 if the server cannot be reached; nothing is lost then.

Examples:
  driftless sync
  driftless sync --plan           what would be sent, without talking to anyone
  driftless sync --deadline 30    stop at the next page or batch after 30 seconds")]
pub(crate) struct Sync {
    /// Only say what would be sent; the network is not used
    #[arg(long, conflicts_with = "deadline")]
    plan: bool,
    /// Stop after so many seconds at the next page or batch
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    deadline: Option<Duration>,
}

impl Download {
    pub(crate) async fn run(self, context: &Context) -> Result<Answer, CliError> {
        let answer = carry_out(&context.desk()?, self.deadline).await?;
        // What waits is told; by its exit code only `sync` asks for it.
        Ok(match answer.exit {
            Exit::Waits => answer.exit(Exit::Done),
            Exit::Done | Exit::Failed | Exit::Usage | Exit::Away => answer,
        })
    }
}

impl Sync {
    pub(crate) async fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        if self.plan {
            return plan(&desk);
        }
        carry_out(&desk, self.deadline).await
    }
}

async fn carry_out(desk: &Desk, deadline: Option<Duration>) -> Result<Answer, CliError> {
    let report = drive::synchronize(desk, deadline).await?;
    let waiting = desk.engine.log(&LogSelection::Open)?;
    let facts = OutboxFacts::read(&desk.engine, &desk.engine.outbox()?)?;
    let document = report::json(&report, &*desk.schema()?, &waiting, &facts);
    let exit = exit(&report, deadline);
    Ok(Answer::new(document, report::text(&report, &waiting)).exit(exit))
}

/// Says how a synchronization ends. An entity that the server does not give is told in the report; it is a failure only
/// if there is no other.
fn exit(report: &SyncReport, deadline: Option<Duration>) -> Exit {
    if let Some(error) = &report.interrupted {
        return CliError::from(error.clone()).exit;
    }
    let unread = report.entities.values().filter(|of| of.problem.is_some()).count();
    if (unread > 0 && unread == report.entities.len()) || (report.out_of_time && deadline.is_none()) {
        Exit::Failed
    } else if report.newly_waiting.is_empty() {
        Exit::Done
    } else {
        Exit::Waits
    }
}

fn plan(desk: &Desk) -> Result<Answer, CliError> {
    let preview = desk.engine.preview()?;
    let items = desk.engine.outbox()?;
    let schema = desk.schema()?;
    let parts = [
        ("sends", "would be sent", &preview.sends),
        ("conflicts", "would wait for you", &preview.conflicts),
        ("ends", "would end without being sent", &preview.ends),
        ("probes", "would be asked for first", &preview.probes),
        (
            "later",
            "would be sent later in the same synchronization",
            &preview.later,
        ),
        ("waits", "would go on waiting", &preview.waits),
    ];
    let mut document = serde_json::Map::new();
    let mut lines = Vec::new();
    for (name, words, ids) in parts {
        let of: Vec<_> = ids
            .iter()
            .filter_map(|id| items.iter().find(|item| item.operation.id == *id))
            .cloned()
            .collect();
        let rows: Vec<Json> = of
            .iter()
            .map(|item| journal::operation_json(&schema, item))
            .collect();
        document.insert(name.to_owned(), json!(rows));
        if !of.is_empty() {
            lines.push(format!("{words}: {}", text::count(of.len() as u64, "change")));
            lines.push(journal::operations(&of));
        }
    }
    if lines.is_empty() {
        lines.push("there is nothing to send".to_owned());
    }
    Ok(Answer::new(Json::Object(document), lines.join("\n")))
}
