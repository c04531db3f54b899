//! Making a copied or restored home a device of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use driftless_record::{
    Change, ChangeAction, Condition, FieldEdit, FieldName, Fields, Operation, OperationKind, OperationState,
    RequestId, Sending, Timestamp,
};
use driftless_store::{OperationSelection, RecordStore, Retry, StoreError, Write, WriteBatch};

use super::{Home, HomeError, place};
use crate::{Key, random};

impl Home {
    /// Opens a home that was copied or restored, as a new device: it gets new ids, and what was queued counts as
    /// unknown, as the original may have sent it. `key` gives the key of each account's store.
    ///
    /// May be called again if it was cut; until it is done, [`Home::open`] goes on to refuse the home.
    ///
    /// # Errors
    /// As [`Home::open`]; [`HomeError::InUse`] if a process drives an account.
    pub fn reclaim(path: impl Into<PathBuf>, key: impl Fn(&str) -> Option<Key>) -> Result<Self, HomeError> {
        let mut home = Self::open_anywhere(path.into())?;
        for account in home.accounts()? {
            let Some(_lease) = account.lease()? else {
                return Err(HomeError::InUse(account.id().to_owned()));
            };
            match account.store(key(account.id())) {
                Ok(store) => distrust(&store)?,
                // What cannot be opened cannot be sent either; it is told when it is used.
                Err(HomeError::StoreMissing { .. } | HomeError::Store(StoreError::Damaged(_))) => {}
                Err(error) => return Err(error),
            }
        }
        home.renew()?;
        place::remember(home.path())?;
        Ok(home)
    }
}

/// Marks everything that was to be sent as sent by nobody knows whom, so that it is looked for before it is sent.
fn distrust(store: &dyn RecordStore) -> Result<(), StoreError> {
    loop {
        let mut batch = WriteBatch::based_on(store.position()?);
        for operation in store.operations(&OperationSelection::Pending(usize::MAX))? {
            if !matches!(
                operation.state,
                OperationState::Queued | OperationState::Waiting(_)
            ) {
                continue;
            }
            let sending = sending(&operation);
            let state = OperationState::Unknown(sending.id);
            batch.push(Write::PutSending(Box::new(sending)));
            batch.push(Write::PutOperation(Box::new(Operation { state, ..operation })));
        }
        if batch.writes.is_empty() {
            return Ok(());
        }
        match store.commit(batch) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|_| ()),
        }
    }
}

/// Makes the sending by which the original may have sent an operation. It was sent so long ago that no back end answers
/// for it any more: the record is read.
fn sending(operation: &Operation) -> Sending {
    let (action, absent) = match &operation.kind {
        OperationKind::Create(edits) => (ChangeAction::Create(values(edits)), true),
        OperationKind::Update(edits) => (ChangeAction::Update(values(edits)), false),
        OperationKind::Delete { .. } => (ChangeAction::Delete, false),
    };
    let condition = match &operation.base_revision {
        _ if absent => Condition::Absent,
        Some(revision) => Condition::Revision(revision.clone()),
        None => Condition::Exists,
    };
    Sending {
        id: RequestId(random::id()),
        first_sent: Timestamp(0),
        change: Change {
            entity: operation.entity.clone(),
            record: operation.record.clone(),
            action,
            condition,
            stamps: BTreeMap::new(),
        },
        operations: vec![operation.id],
    }
}

fn values(edits: &BTreeMap<FieldName, FieldEdit>) -> Fields {
    edits
        .iter()
        .map(|(name, edit)| (name.clone(), edit.new.clone()))
        .collect()
}
