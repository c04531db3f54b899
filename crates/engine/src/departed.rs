//! Records that left the scope while something of them was pending: they stay until that has settled, and go then.

use std::collections::BTreeSet;

use driftless_record::{EntityName, RecordId};
use driftless_store::{RecordStore, Retry, StoreError, Write, WriteBatch};

use crate::notes::{self, Note};

/// Records by their ids.
pub(crate) type Ids = BTreeSet<RecordId>;

/// Returns the write that notes which records of an entity have left and which are back, if that changes anything.
pub(crate) fn noted(
    store: &dyn RecordStore,
    entity: &EntityName,
    left: &Ids,
    is_back: impl Fn(&RecordId) -> bool,
) -> Result<Option<Write>, StoreError> {
    let note = Note::Departed(entity.clone());
    let known: Ids = notes::read(store, &note)?.unwrap_or_default();
    let mut now = known.clone();
    now.retain(|id| !is_back(id));
    now.extend(left.iter().cloned());
    Ok((now != known).then(|| written(&note, &now)))
}

/// Takes the records off the device that have left and of which nothing is pending any more (law L23).
pub(crate) fn evict(store: &dyn RecordStore) -> Result<(), StoreError> {
    loop {
        let mut batch = WriteBatch::based_on(store.position()?);
        for entity in store.schema()?.entities.values() {
            let note = Note::Departed(entity.name.clone());
            let Some(known) = notes::read::<Ids>(store, &note)? else {
                continue;
            };
            let (mut settled, mut kept) = (Vec::new(), Ids::new());
            for id in known {
                match store.image(&entity.name, &id)? {
                    Some(_) => drop(kept.insert(id)),
                    None => settled.push(id),
                }
            }
            if !settled.is_empty() {
                batch.push(Write::RemoveRows(entity.name.clone(), settled));
                batch.push(written(&note, &kept));
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

fn written(note: &Note, ids: &Ids) -> Write {
    if ids.is_empty() {
        notes::remove(note)
    } else {
        notes::write(note, ids)
    }
}
