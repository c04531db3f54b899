//! A store that is looked at after every commit.

use std::sync::{Arc, Mutex};

use driftless_record::{Operation, Value};
use driftless_store::{
    CommitNumber, Image, Layer, MemoryStore, OperationSelection, RecordStore, StoreError, WriteBatch,
};

/// Says what is wrong with a store, if something is.
pub(crate) type Look = dyn Fn(&MemoryStore) -> Option<String> + Send + Sync;

/// A memory store, and what was found wrong with it after a commit.
pub(crate) struct Watched {
    inner: MemoryStore,
    look: Box<Look>,
    found: Arc<Mutex<Vec<String>>>,
}

/// What was found wrong.
pub(crate) type Found = Arc<Mutex<Vec<String>>>;

impl Watched {
    pub(crate) fn new(
        found: Found,
        look: impl Fn(&MemoryStore) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner: MemoryStore::new(),
            look: Box::new(look),
            found,
        }
    }
}

/// What a person should see of a record: worked out here again, so that the engine's own reckoning is not its judge.
fn shown<'a>(image: &Image, pending: impl Iterator<Item = &'a Operation>) -> Option<Vec<(String, Value)>> {
    let server = image.server.as_ref().map(|server| server.record.fields.clone());
    let mut seen = server.clone().filter(|_| !image.gone);
    for operation in pending {
        seen = operation.kind.edits().map(|edits| {
            let begins = operation.kind.begins_record();
            let mut fields = match seen {
                Some(fields) => fields,
                None if begins => Default::default(),
                None => server.clone().unwrap_or_default(),
            };
            fields.extend(
                edits
                    .iter()
                    .map(|(field, edit)| (field.clone(), edit.new.clone())),
            );
            fields
        });
    }
    let filled = |(field, value): (driftless_record::FieldName, Value)| {
        (!value.is_null()).then(|| (field.to_string(), value))
    };
    seen.map(|fields| fields.into_iter().filter_map(filled).collect())
}

/// Finds a record that is not shown as its image and its pending operations say.
pub(crate) fn view_is_off(store: &dyn RecordStore) -> Option<String> {
    let schema = store.schema().unwrap();
    let pending = store
        .operations(&OperationSelection::Pending(usize::MAX))
        .unwrap();
    for entity in schema.entities.values().filter(|entity| !entity.is_abstract) {
        let mut ids = store.unsettled(&entity.name).unwrap();
        let of_entity = || pending.iter().filter(|operation| operation.entity == entity.name);
        ids.extend(of_entity().map(|operation| operation.record.clone()));
        for id in ids {
            let Some(image) = store.image(&entity.name, &id).unwrap() else {
                return Some(format!("{} {id} has operations and no image", entity.name));
            };
            let expected = shown(&image, of_entity().filter(|operation| operation.record == id));
            let found = store.get(&entity.name, &id).unwrap().map(|record| {
                let filled = record.fields.into_iter().filter(|(_, value)| !value.is_null());
                filled
                    .map(|(field, value)| (field.to_string(), value))
                    .collect::<Vec<_>>()
            });
            // A record that is nowhere else shows its key, which no operation needs to name.
            let keyless = |fields: Option<Vec<(String, Value)>>| {
                fields.map(|fields| {
                    fields
                        .into_iter()
                        .filter(|(field, _)| field != "id")
                        .collect::<Vec<_>>()
                })
            };
            if keyless(found.clone()) != keyless(expected.clone()) {
                return Some(format!(
                    "{} {id} is shown as {found:?} instead of {expected:?}",
                    entity.name
                ));
            }
        }
    }
    None
}

impl Layer for Watched {
    fn below(&self) -> &dyn RecordStore {
        &self.inner
    }
}

impl RecordStore for Watched {
    fn commit(&self, batch: WriteBatch) -> Result<CommitNumber, StoreError> {
        let number = self.inner.commit(batch)?;
        if let Some(wrong) = (self.look)(&self.inner) {
            self.found.lock().unwrap().push(wrong);
        }
        Ok(number)
    }

    fn position(&self) -> Result<CommitNumber, StoreError> {
        self.inner.position()
    }
}
