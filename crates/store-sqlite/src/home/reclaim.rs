//! Making a copied or restored home a device of its own.

use std::path::PathBuf;

use driftless_record::{Operation, OperationState, RequestId};
use driftless_store::{OperationSelection, RecordStore, Retry, StoreError, Write, WriteBatch};

use super::stretch::{sending, stretches};
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
            let Some(lease) = account.lease()? else {
                return Err(HomeError::InUse(account.id().to_owned()));
            };
            let distrusted = account
                .store_of_driver(key(account.id()), &lease)
                .and_then(|store| Ok(distrust(&store)?));
            match distrusted {
                // What cannot be read cannot be sent either; it is told when it is used.
                Ok(()) | Err(HomeError::StoreMissing { .. } | HomeError::Store(StoreError::Damaged(_))) => {}
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
        let pending = store.operations(&OperationSelection::Pending(usize::MAX))?;
        for stretch in stretches(pending, &*store.schema()?) {
            let id = RequestId(random::id());
            let Some(sending) = sending(&stretch, id) else {
                continue;
            };
            batch.push(Write::PutSending(Box::new(sending)));
            for operation in stretch {
                let state = OperationState::Unknown(id);
                batch.push(Write::PutOperation(Box::new(Operation { state, ..operation })));
            }
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
