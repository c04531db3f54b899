//! Decisions on log entries, carried out in one commit.

use driftless_record::{Fields, LogId, OperationId};
use driftless_store::{LogSelection, RecordStore, Retry};

use super::desk::Desk;
use super::undo::entries_left_empty;
use crate::EngineError;
use crate::edit::settle_entry;
use crate::ground::{Ground, Key};
use crate::host::{Account, Host};

/// What a person decides about a log entry that waits for him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// My values, on top of the server's latest data.
    Mine,
    /// The server's values; what I changed elsewhere in the record is still sent.
    Theirs,
    /// These values.
    Set(Fields),
    /// Every pending change of the record is taken back, and of those that need it.
    Revert,
    /// The same again.
    Retry,
    /// This change is taken back, and those that need it.
    Discard,
}

impl Decision {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Mine => "mine",
            Self::Theirs => "theirs",
            Self::Set(_) => "set",
            Self::Revert => "revert",
            Self::Retry => "retry",
            Self::Discard => "discard",
        }
    }
}

/// What a decision or an undo touches: told before it is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Touched {
    /// Operations that go back into the queue.
    pub queued: Vec<OperationId>,
    /// Operations that end here, in sequence, with their records.
    pub ended: Vec<(OperationId, Key)>,
}

/// Carries a decision out, or, with `dry`, only says what it would touch.
pub(crate) fn decide(
    store: &dyn RecordStore,
    host: &Host,
    account: &Account,
    log: LogId,
    decision: &Decision,
    dry: bool,
) -> Result<Touched, EngineError> {
    loop {
        let mut ground = Ground::read(store)?;
        let entry = store
            .log(&LogSelection::One(log))?
            .pop()
            .ok_or(EngineError::NoLogEntry(log))?;
        if !entry.is_open() {
            return Err(EngineError::NotPossible(format!(
                "entry {log} is settled already; nothing was changed"
            )));
        }
        let mut desk = Desk::new(&ground, host, account, &entry)?;
        desk.carry_out(decision)?;
        let (touched, mut writes) = (desk.touched, desk.writes);
        if dry {
            return Ok(touched);
        }
        let mut settled = entries_left_empty(&ground, &touched);
        settled.insert(log);
        for log in settled {
            writes.extend(settle_entry(store, host, log, decision.word())?);
        }
        match ground.commit(store, writes) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|()| touched).map_err(Into::into),
        }
    }
}
