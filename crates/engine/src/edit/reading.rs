//! What an edit reads before it is worked out.

use std::collections::BTreeMap;

use driftless_record::{Operation, RawStamp, Record, RecordId, ServerRecord};
use driftless_store::{Image, OperationSelection, StoreError};

use super::{Desk, Under};
use crate::{EngineError, alias};

impl Desk<'_> {
    /// Returns a record as the user sees it, and the image under it if there is one. An id that the record had before
    /// leads to it too.
    pub(crate) fn standing(&self, mut id: RecordId) -> Result<(Record, Option<Image>), EngineError> {
        let (mut view, mut image) = self.store.record_and_image(&self.entity.name, &id)?;
        if view.is_none()
            && let Some(now) = alias::now(self.store, &self.entity.name, &id)?
        {
            (view, image) = self.store.record_and_image(&self.entity.name, &now)?;
            id = now;
        }
        let missing = || EngineError::NoRecord {
            entity: self.entity.name.to_string(),
            id: id.to_string(),
        };
        Ok((view.ok_or_else(missing)?, image))
    }

    /// Returns what an edit of the record rests on, and the record's pending operations.
    pub(crate) fn grounds(
        &self,
        id: &RecordId,
        view: Record,
        image: Option<Image>,
    ) -> Result<(Under, Vec<Operation>), EngineError> {
        if let Some(image) = image {
            return Ok((Under::Kept(image), self.pending(id)?));
        }
        // Every pending operation has an image under it, so this record has none.
        let server = ServerRecord {
            record: view,
            stamps: BTreeMap::new(),
        };
        let image = Image {
            entity: self.entity.name.clone(),
            id: id.clone(),
            server: Some(server),
            gone: false,
        };
        Ok((Under::New(image), Vec::new()))
    }

    pub(super) fn pending(&self, id: &RecordId) -> Result<Vec<Operation>, StoreError> {
        self.store.operations(&OperationSelection::PendingOf(
            self.entity.name.clone(),
            id.clone(),
        ))
    }

    /// Takes the next number.
    pub(crate) fn next_sequence(&self) -> Result<u64, StoreError> {
        let last = match self.last_sequence.get() {
            Some(last) => last,
            None => {
                let latest = self.store.operations(&OperationSelection::Latest(1))?;
                latest.last().map_or(0, |operation| operation.sequence)
            }
        };
        self.last_sequence.set(Some(last + 1));
        Ok(last + 1)
    }

    pub(crate) fn raw_stamp(&self) -> RawStamp {
        let clock = &self.host.clock;
        // The commit number grows with every edit, so it orders edits of one millisecond.
        let counter = u32::try_from(self.number.0 % u64::from(u32::MAX)).unwrap_or_default();
        RawStamp {
            wall: clock.now(),
            monotonic: clock.monotonic(),
            boot: clock.boot(),
            counter,
            device: self.account.device,
        }
    }
}
