//! Driving an account: synchronizing while this process holds the lease.

use std::sync::Arc;
use std::time::Duration;

use driftless_engine::{EngineError, NoProgress, Outcome, SyncOptions, SyncReport, TakeOver, What};
use driftless_mode::Activity;
use driftless_record::OperationId;

use crate::account::Lease;
use crate::context::Desk;
use crate::error::CliError;
use crate::host::StopSwitch;
use crate::output::note;
use crate::progress::Shown;

/// How long a synchronization waits for another process that drives the account.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it waits between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// How long a write waits for its outcome.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Synchronizes everything because the user asked for it, with progress on standard error.
pub(crate) async fn synchronize(desk: &Desk, deadline: Option<Duration>) -> Result<SyncReport, CliError> {
    let transport = desk.transport()?;
    let stop = StopSwitch::listen();
    let _lease = lease(desk, &stop).await?;
    let shown = Arc::new(Shown::new());
    let options = SyncOptions {
        what: What::Everything,
        deadline_millis: deadline.map(millis),
        stop: Arc::clone(&stop.thrown),
        progress: Arc::clone(&shown) as _,
        take_over: TakeOver::Any,
        ..SyncOptions::default()
    };
    let report = tokio::select! {
        report = desk.engine.sync(&*transport, options) => report.map_err(CliError::from),
        () = hung(&stop) => Err(CliError::failed("stopped", "stopped while the server did not answer")
            .hint("nothing was lost; what was on its way is asked for at the next `driftless sync`")),
    };
    shown.finish();
    report
}

/// Completes when the user wants to stop and the server lets him wait: nothing more is expected of it then.
async fn hung(stop: &StopSwitch) {
    while !stop.is_thrown() {
        tokio::time::sleep(LOOK).await;
    }
    tokio::time::sleep(AT_ONCE).await;
}

/// Takes the lease, waiting a little for another process that has it.
async fn lease(desk: &Desk, stop: &StopSwitch) -> Result<Lease, CliError> {
    let mut waited = Duration::ZERO;
    loop {
        if let Some(lease) = desk.account.try_drive()? {
            return Ok(lease);
        }
        if waited.is_zero() {
            note("another process is synchronizing this account; waiting for it");
        }
        if waited >= PATIENCE || stop.is_thrown() {
            return Err(CliError::failed(
                "driven-elsewhere",
                "another process is synchronizing this account",
            )
            .hint("nothing was changed; try again when it is done"));
        }
        tokio::time::sleep(LOOK).await;
        waited += LOOK;
    }
}

/// Tries for a moment to send what was just saved, if the mode allows it, and returns what became of the operation.
///
/// Whatever goes wrong on the way, the operation is saved: it is then pending, and the reason is told on standard error.
pub(crate) async fn send_at_once(desk: &Desk, operation: Option<OperationId>) -> Option<Outcome> {
    let operation = operation?;
    match desk.mode() {
        Ok(mode) if mode.allows(Activity::SendWrite) => push(desk).await,
        Ok(_) => {}
        // It is saved already: nothing from here on may look like a failure of the write.
        Err(error) => note(&format!("saved, not sent: {}", error.message)),
    }
    Some(outcome(desk, operation))
}

/// Returns what became of an operation that is saved: pending, if that cannot be read now.
pub(crate) fn outcome(desk: &Desk, operation: OperationId) -> Outcome {
    or_pending(desk.engine.outcome(operation))
}

/// An error would look like a failure of the write, and whoever repeats that makes the record twice.
fn or_pending(read: Result<Outcome, EngineError>) -> Outcome {
    read.unwrap_or_else(|error| {
        let message = CliError::from(error).message;
        note(&format!("saved; what became of it cannot be read: {message}"));
        Outcome::Pending
    })
}

/// Sends the outbox for a moment at most; what hinders it is told on standard error.
pub(crate) async fn push(desk: &Desk) {
    if let Err(error) = try_push(desk).await {
        note(&format!("saved, not sent: {}", error.message));
        if let Some(hint) = error.hint.filter(|_| error.exit != crate::error::Exit::Away) {
            note(&format!("  {hint}"));
        }
    }
}

async fn try_push(desk: &Desk) -> Result<(), CliError> {
    let transport = desk.transport()?;
    let Some(_lease) = desk.account.try_drive()? else {
        return Err(CliError::failed(
            "driven-elsewhere",
            "another process is synchronizing this account",
        ));
    };
    let options = SyncOptions {
        what: What::Push,
        deadline_millis: Some(millis(AT_ONCE)),
        progress: Arc::new(NoProgress),
        take_over: TakeOver::Any,
        ..SyncOptions::default()
    };
    // An answer that comes too late is no harm: what was sent is asked for before anything else is sent.
    let report = match tokio::time::timeout(AT_ONCE, desk.engine.sync(&*transport, options)).await {
        Ok(report) => report?,
        Err(_) => return Err(CliError::failed("slow", "the server did not answer in time")),
    };
    match report.interrupted {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// Returns a span in milliseconds.
pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_write_is_pending_when_its_outcome_cannot_be_read() {
        let operation: OperationId = "00000000-0000-0000-0000-000000000001".parse().unwrap();
        assert_eq!(
            or_pending(Err(EngineError::NoOperation(operation))),
            Outcome::Pending
        );
        assert_eq!(or_pending(Ok(Outcome::Reverted)), Outcome::Reverted);
    }
}
