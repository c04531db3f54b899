//! Several edits in one commit: each is worked out as if those before it were saved already.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use driftless_record::{
    EntityName, GroupId, Handling, LogEntry, LogId, Operation, OperationKind, Query, Record, RecordId,
    RequestId, Revision, RowSet, Schema, Sending, Timestamp, Value,
};
use driftless_store::{
    CommitNumber, FileRow, Image, JournalReader, LogSelection, OperationSelection, RecordStore, Retry,
    StoreError, ViewReader, Write, WriteBatch,
};

use crate::edit::{Desk, MAX_TRIES, Scene};
use crate::gate::{Gate, enter};
use crate::wish::{Edit, Written};
use crate::{EngineError, names};

/// Carries edits out in one commit, as one group.
pub(crate) fn carry_out(scene: Scene<'_>, edits: &[Edit], gate: &Gate) -> Result<Vec<Written>, EngineError> {
    let store = scene.store;
    let mut turn = enter(gate);
    *turn = None;
    for _ in 0..MAX_TRIES {
        let number = store.position()?;
        let schema = store.schema()?;
        let above = Above {
            store,
            number,
            writes: Mutex::default(),
        };
        let group = Some(GroupId(scene.host.uuid()));
        let scene = Scene {
            store: &above,
            handling: Handling {
                group,
                ..scene.handling
            },
            ..scene
        };
        let mut written = Vec::with_capacity(edits.len());
        for (index, edit) in edits.iter().enumerate() {
            let planned = names::entity(&schema, edit.entity())
                .and_then(|entity| Desk::new(scene, (number, &schema), entity, None).plan(edit));
            let (made, writes) = planned.map_err(|error| EngineError::InGroup {
                number: index + 1,
                error: Box::new(error),
            })?;
            above.open().extend(writes);
            written.push(made);
        }
        check(&above)?;
        let writes = std::mem::take(&mut *above.open());
        if writes.is_empty() {
            return Ok(written);
        }
        match store.commit(WriteBatch {
            expect: Some(number),
            writes,
        }) {
            Err(error) if error.retry() == Retry::Reread => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(written),
        }
    }
    Err(StoreError::Busy.into())
}

/// Refuses what no change set can carry: a command beside another change of its record, whose order nothing would keep,
/// and a change of what a command of the same group makes.
fn check(above: &Above<'_>) -> Result<(), EngineError> {
    let writes = above.open();
    let mut operations: Vec<&Operation> = Vec::new();
    for write in writes.iter() {
        if let Write::PutOperation(operation) = write {
            operations.retain(|known| known.id != operation.id);
            operations.push(operation);
        }
    }
    for operation in &operations {
        let others = || operations.iter().filter(|other| other.id != operation.id);
        let same = |other: &&&Operation| other.entity == operation.entity && other.record == operation.record;
        let awaited = matches!(operation.kind, OperationKind::Awaited { .. });
        let named = |other: &&&Operation| {
            let values = other.kind.edits().into_iter().flat_map(|edits| edits.values());
            !matches!(other.kind, OperationKind::Awaited { .. } | OperationKind::Command { .. })
                && values.map(|edit| &edit.new).any(|value| {
                    matches!(value, Value::Lookup(to) if to.entity == operation.entity && to.id == operation.record)
                })
        };
        let clashes = others().any(|other| {
            (same(&other) && (operation.kind.is_command() || awaited)) || (awaited && named(&other))
        });
        if clashes {
            return Err(EngineError::NotOneGroup {
                entity: operation.entity.to_string(),
                id: operation.record.to_string(),
            });
        }
    }
    Ok(())
}

/// A store with edits on top that are not saved yet. Queries and lists of ids see the store alone: edits ask for
/// neither.
struct Above<'a> {
    store: &'a dyn RecordStore,
    number: CommitNumber,
    writes: Mutex<Vec<Write>>,
}

impl Above<'_> {
    fn open(&self) -> MutexGuard<'_, Vec<Write>> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ViewReader for Above<'_> {
    fn schema(&self) -> Result<Arc<Schema>, StoreError> {
        self.store.schema()
    }

    fn get(&self, entity: &EntityName, id: &RecordId) -> Result<Option<Record>, StoreError> {
        let mut found = self.store.get(entity, id)?;
        for write in self.open().iter() {
            match write {
                Write::PutRows(rows) if rows.entity == *entity => put(&mut found, rows, id),
                Write::RemoveRows(of, ids) if of == entity && ids.contains(id) => found = None,
                _ => {}
            }
        }
        Ok(found)
    }

    fn query(&self, query: &Query, now: Timestamp) -> Result<Vec<Record>, StoreError> {
        self.store.query(query, now)
    }

    fn count(&self, query: &Query, now: Timestamp) -> Result<u64, StoreError> {
        self.store.count(query, now)
    }

    fn ids(
        &self,
        entity: &EntityName,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<(RecordId, Option<Revision>)>, StoreError> {
        self.store.ids(entity, after, limit)
    }

    fn loading(&self) -> Result<Vec<EntityName>, StoreError> {
        self.store.loading()
    }
}

/// Brings a record after a row of it.
fn put(found: &mut Option<Record>, rows: &RowSet, id: &RecordId) {
    for row in rows.rows.iter().filter(|row| row.id == *id) {
        let record = found.get_or_insert_with(|| Record {
            entity: rows.entity.clone(),
            id: id.clone(),
            revision: None,
            fields: driftless_record::Fields::new(),
        });
        record.revision.clone_from(&row.revision);
        let values = rows.columns.iter().cloned().zip(row.values.iter().cloned());
        record.fields.extend(values);
    }
}

impl JournalReader for Above<'_> {
    fn operations(&self, selection: &OperationSelection) -> Result<Vec<Operation>, StoreError> {
        let mut found = self.store.operations(selection)?;
        for write in self.open().iter() {
            let Write::PutOperation(operation) = write else {
                continue;
            };
            found.retain(|known| known.id != operation.id);
            let belongs = match selection {
                OperationSelection::Pending(_) => !operation.state.is_final(),
                OperationSelection::PendingOf(entity, id) => {
                    !operation.state.is_final() && operation.entity == *entity && operation.record == *id
                }
                OperationSelection::One(id) => operation.id == *id,
                OperationSelection::Latest(_) => true,
            };
            if belongs {
                found.push((**operation).clone());
            }
        }
        found.sort_by_key(|operation| operation.sequence);
        if let OperationSelection::Latest(most) = selection {
            found = found.split_off(found.len().saturating_sub(*most));
        }
        Ok(found)
    }

    fn pending(&self) -> Result<u64, StoreError> {
        self.store.pending()
    }

    fn sending(&self, id: RequestId) -> Result<Option<Sending>, StoreError> {
        self.store.sending(id)
    }

    fn image(&self, entity: &EntityName, id: &RecordId) -> Result<Option<Image>, StoreError> {
        let mut found = self.store.image(entity, id)?;
        for write in self.open().iter() {
            match write {
                Write::PutImage(image) if image.entity == *entity && image.id == *id => {
                    found = Some(image.clone());
                }
                Write::DropImage(of, dropped) if of == entity && dropped == id => found = None,
                _ => {}
            }
        }
        Ok(found)
    }

    fn unsettled(&self, entity: &EntityName) -> Result<Vec<RecordId>, StoreError> {
        self.store.unsettled(entity)
    }

    fn log(&self, selection: &LogSelection) -> Result<Vec<LogEntry>, StoreError> {
        let mut found = self.store.log(selection)?;
        let wanted: Option<LogId> = match selection {
            LogSelection::One(id) => Some(*id),
            LogSelection::Open | LogSelection::Latest(_) => None,
        };
        for write in self.open().iter() {
            if let Write::PutLog(entry) = write
                && wanted.is_none_or(|id| id == entry.id)
            {
                found.retain(|known| known.id != entry.id);
                found.push((**entry).clone());
            }
        }
        Ok(found)
    }

    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.note(name)
    }

    fn files(&self, entity: &EntityName, id: &RecordId) -> Result<Vec<FileRow>, StoreError> {
        self.store.files(entity, id)
    }
}

impl RecordStore for Above<'_> {
    fn commit(&self, batch: WriteBatch) -> Result<CommitNumber, StoreError> {
        self.open().extend(batch.writes);
        Ok(self.number)
    }

    fn position(&self) -> Result<CommitNumber, StoreError> {
        Ok(self.number)
    }
}
