//! `outbox`, `undo`, `wait`: what is not on the server yet.

use std::time::Duration;

use clap::Args;
use driftless_engine::{Outcome, Touched};
use driftless_mode::Activity;
use driftless_record::OperationId;
use serde_json::{Value as Json, json};

use crate::context::{Context, Desk};
use crate::drive;
use crate::error::{CliError, Exit};
use crate::input::seconds;
use crate::output::{Answer, journal, text};

/// How long `wait` rests between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Show what waits to be sent, in order
#[derive(Debug, Args)]
#[command(after_help = "\
An operation is queued, in flight, unknown (sent, no answer yet), waiting (the server asked for later), \
conflict or refused (see `driftless log`). Nothing leaves the outbox but to the server, or by your word.

Example:
  driftless outbox")]
pub(crate) struct Outbox {}

/// Take back a change that is not on the server yet
#[derive(Debug, Args)]
#[command(after_help = "\
Changes that need it are taken back with it; --plan lists them without doing anything.

Example:
  driftless undo 0199c0de-0000-7000-8000-000000000001 --plan")]
pub(crate) struct Undo {
    /// The operation, as `outbox` shows it
    #[arg(value_name = "OP-ID")]
    operation: OperationId,
    /// Only say what would be taken back
    #[arg(long)]
    plan: bool,
}

/// Wait until a change is on the server, or waits for you
#[derive(Debug, Args)]
#[command(after_help = "\
Sends it too, unless the mode is offline. Ends with 0 when the outcome is known, with 3 if the change waits for you, with 4 if the server could not \
be reached in time, with 1 if time ran out otherwise.

Example:
  driftless wait 0199c0de-0000-7000-8000-000000000001 --timeout 60")]
pub(crate) struct Wait {
    /// The operation, as `outbox` shows it
    #[arg(value_name = "OP-ID")]
    operation: OperationId,
    /// For how long, such as 60 or 0.5
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: Duration,
}

impl Outbox {
    pub(crate) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let items = desk.engine.outbox()?;
        let schema = desk.schema()?;
        let operations: Vec<Json> = items
            .iter()
            .map(|item| journal::operation_json(&schema, item))
            .collect();
        let text = if items.is_empty() {
            "the outbox is empty: everything is on the server".to_owned()
        } else {
            journal::operations(&items)
        };
        Ok(Answer::new(json!({ "operations": operations }), text))
    }
}

impl Undo {
    pub(crate) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let (touched, how, did) = if self.plan {
            let touched = desk.engine.undo_preview(self.operation)?;
            (touched, How::Planned, "would be taken back")
        } else {
            (desk.engine.undo(self.operation)?, How::Done, "taken back")
        };
        Ok(Answer::new(
            touched_json(&touched, how),
            touched_text(&touched, did),
        ))
    }
}

/// Whether a decision was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Done,
    /// Only looked at.
    Planned,
}

/// Writes what a decision touched for programs.
pub(crate) fn touched_json(touched: &Touched, how: How) -> Json {
    let ended: Vec<_> = touched
        .ended
        .iter()
        .map(|(operation, (entity, record))| {
            json!({
                "operation": operation.to_string(),
                "entity": entity.as_str(),
                "record": record.as_str(),
            })
        })
        .collect();
    let queued: Vec<_> = touched.queued.iter().map(ToString::to_string).collect();
    let behind: Vec<_> = touched.behind.iter().map(ToString::to_string).collect();
    let redirected: Vec<_> = touched.redirected.iter().map(ToString::to_string).collect();
    json!({
        "done": how == How::Done,
        "queued": queued,
        "ended": ended,
        "redirected": redirected,
        "behind": behind,
    })
}

/// Writes what a decision touched for people.
pub(crate) fn touched_text(touched: &Touched, did: &str) -> String {
    let mut lines = vec![format!(
        "{did}: {}",
        text::count(touched.ended.len() as u64, "change")
    )];
    for (operation, (entity, record)) in &touched.ended {
        lines.push(format!("  {operation}  {entity} {record}"));
    }
    if did.starts_with("would") && !touched.queued.is_empty() {
        lines.push(format!(
            "would be sent: {}",
            text::count(touched.queued.len() as u64, "change")
        ));
        lines.extend(touched.queued.iter().map(|operation| format!("  {operation}")));
    }
    if !touched.redirected.is_empty() {
        let verb = if did.starts_with("would") {
            "would refer"
        } else {
            "refer"
        };
        lines.push(format!(
            "{verb} to the other record: {}",
            text::count(touched.redirected.len() as u64, "change")
        ));
        lines.extend(
            touched
                .redirected
                .iter()
                .map(|operation| format!("  {operation}")),
        );
    }
    if !touched.behind.is_empty() {
        let changes = text::count(touched.behind.len() as u64, "change");
        lines.push(if touched.queued.is_empty() {
            format!("not held up by it any more: {changes}")
        } else {
            format!("waiting behind: {changes}")
        });
        lines.extend(touched.behind.iter().map(|operation| format!("  {operation}")));
    }
    lines.join("\n")
}

impl Wait {
    pub(crate) async fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let waiting = tokio::time::timeout(self.timeout, settled(&desk, self.operation)).await;
        let outcome = match waiting {
            Ok(outcome) => outcome?,
            Err(_) => desk.engine.outcome(self.operation)?,
        };
        let exit = match outcome {
            Outcome::Parked(_) => Exit::Waits,
            Outcome::Pending => {
                return Err(still_pending(&desk).await?);
            }
            Outcome::Applied(_) | Outcome::Superseded | Outcome::Reverted => Exit::Done,
        };
        let told = journal::outcome_json(Some(outcome));
        let document = json!({
            "operation": self.operation.to_string(),
            "outcome": told["outcome"],
            "log": told["log"],
        });
        Ok(Answer::new(document, journal::outcome_text(Some(outcome))).exit(exit))
    }
}

/// Waits until an operation is settled or parked, sending the outbox where the mode allows it.
async fn settled(desk: &Desk, operation: OperationId) -> Result<Outcome, CliError> {
    loop {
        let outcome = desk.engine.outcome(operation)?;
        if outcome != Outcome::Pending {
            return Ok(outcome);
        }
        if !desk.mode()?.allows(Activity::SendWrite) {
            return Err(CliError {
                exit: Exit::Away,
                ..CliError::failed("offline", "the mode is offline: nothing is sent by itself")
                    .hint("nothing is lost; send it with `driftless sync`, or `driftless mode auto` first")
            });
        }
        drive::push(desk).await;
        let outcome = desk.engine.outcome(operation)?;
        if outcome != Outcome::Pending {
            return Ok(outcome);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Says why an operation is still pending when time ran out.
async fn still_pending(desk: &Desk) -> Result<CliError, CliError> {
    let reached = tokio::time::timeout(Duration::from_secs(2), async {
        desk.transport()?.contact().await.map_err(CliError::from)
    });
    Ok(match reached.await {
        Ok(Ok(_)) => CliError::failed("pending", "time ran out, and the outcome is not known yet")
            .hint("nothing is lost; `driftless outbox` shows what it waits for"),
        Ok(Err(error)) => error,
        Err(_) => CliError {
            exit: Exit::Away,
            ..CliError::failed("unreachable", "the server did not answer in time")
                .hint("nothing is lost: the change is in the outbox")
        },
    })
}
