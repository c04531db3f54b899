//! The simplest thing that could be a store: what every store must read like.

use std::collections::BTreeMap;

use driftless_record::{
    EntityName, LogEntry, LogId, Operation, OperationId, Record, RecordId, RequestId, Sending,
};
use driftless_store::{FileRow, Image, Write};

/// Maps of everything, without a schema: it takes only writes that fit, and keeps values as they are.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// The rows.
    pub rows: BTreeMap<(EntityName, RecordId), Record>,
    /// The operations.
    pub operations: BTreeMap<OperationId, Operation>,
    /// The sendings.
    pub sendings: BTreeMap<RequestId, Sending>,
    /// The images.
    pub images: BTreeMap<(EntityName, RecordId), Image>,
    /// The log.
    pub log: BTreeMap<LogId, LogEntry>,
    /// The notes.
    pub notes: BTreeMap<String, Vec<u8>>,
    /// The file rows.
    pub files: BTreeMap<String, FileRow>,
    /// The entities that are loading.
    pub loading: BTreeMap<EntityName, ()>,
}

impl Model {
    /// Carries out a write that is known to fit. Schemas are not the model's business.
    pub fn write(&mut self, write: &Write) {
        match write {
            Write::PutRows(rows) => {
                for row in &rows.rows {
                    let set = rows.record(row);
                    let record = self
                        .rows
                        .entry((rows.entity.clone(), row.id.clone()))
                        .or_insert_with(|| Record {
                            fields: driftless_record::Fields::new(),
                            ..set.clone()
                        });
                    record.revision = set.revision;
                    record.fields.extend(set.fields);
                }
            }
            Write::RemoveRows(entity, ids) => {
                for id in ids {
                    self.rows.remove(&(entity.clone(), id.clone()));
                }
            }
            Write::PutImage(image) => {
                self.images
                    .insert((image.entity.clone(), image.id.clone()), image.clone());
            }
            Write::DropImage(entity, id) => {
                self.images.remove(&(entity.clone(), id.clone()));
            }
            Write::PutOperation(operation) => {
                self.operations.insert(operation.id, (**operation).clone());
            }
            Write::PutSending(sending) => {
                self.sendings.insert(sending.id, (**sending).clone());
            }
            Write::DropSending(id) => {
                self.sendings.remove(id);
            }
            Write::PutLog(entry) => {
                self.log.insert(entry.id, (**entry).clone());
            }
            Write::PutNote(name, Some(value)) => {
                self.notes.insert(name.clone(), value.clone());
            }
            Write::PutNote(name, None) => {
                self.notes.remove(name);
            }
            Write::PutSchema(_) => {}
            Write::BeginLoad(entity) => {
                self.loading.insert(entity.clone(), ());
            }
            Write::EndLoad(entity) => {
                self.loading.remove(entity);
            }
            Write::PutFile(file) => {
                self.files.insert(file.content.clone(), file.clone());
            }
            Write::DropFile(content) => {
                self.files.remove(content);
            }
        }
    }

    /// Returns operations that are not final, in sequence.
    #[must_use]
    pub fn pending(&self) -> Vec<Operation> {
        let mut found: Vec<_> = self.in_sequence();
        found.retain(|operation| !operation.state.is_final());
        found
    }

    /// Returns every operation in sequence.
    #[must_use]
    pub fn in_sequence(&self) -> Vec<Operation> {
        let mut found: Vec<_> = self.operations.values().cloned().collect();
        found.sort_by_key(|operation| operation.sequence);
        found
    }
}
