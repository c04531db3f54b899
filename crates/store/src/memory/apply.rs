//! Carrying out a batch, with a way back for each change.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use driftless_record::{EntityName, Operation, OperationId, Record, RecordId, RowSet, Value};

use super::state::{Place, State};
use crate::{CommitNumber, StoreError, Write, fit};

/// The way back from a change.
pub(super) type Undo = Box<dyn FnOnce(&mut State)>;

impl State {
    /// Carries out a batch, all or nothing.
    pub(super) fn commit(&mut self, writes: Vec<Write>) -> Result<CommitNumber, StoreError> {
        let mut undo = Vec::new();
        for write in writes {
            if let Err(error) = self.write(write, &mut undo) {
                for back in undo.into_iter().rev() {
                    back(self);
                }
                return Err(error);
            }
        }
        self.number.0 += 1;
        Ok(self.number)
    }

    fn write(&mut self, write: Write, undo: &mut Vec<Undo>) -> Result<(), StoreError> {
        match write {
            Write::PutRows(rows) => self.put_rows(&rows, undo)?,
            Write::RemoveRows(entity, ids) => {
                for id in ids {
                    let gone = self.table_mut(&entity)?.rows.remove(&id);
                    undo.push(row_back(entity.clone(), id, gone));
                }
                self.table(&entity)?;
            }
            Write::PutImage(image) => {
                if let Some(server) = &image.server
                    && (server.record.entity != image.entity || server.record.id != image.id)
                {
                    let why = format!("the image of a record of {} is of another record", image.entity);
                    return Err(StoreError::Unfit(why));
                }
                let place = (image.entity.clone(), image.id.clone());
                set(self, undo, |state| &mut state.images, place, Some(image));
            }
            Write::DropImage(entity, id) => set(self, undo, |state| &mut state.images, (entity, id), None),
            Write::PutOperation(operation) => self.put_operation(*operation, undo)?,
            Write::PutSending(sending) => {
                set(
                    self,
                    undo,
                    |state| &mut state.sendings,
                    sending.id,
                    Some(*sending),
                );
            }
            Write::DropSending(id) => set(self, undo, |state| &mut state.sendings, id, None),
            Write::PutLog(entry) => set(self, undo, |state| &mut state.log, entry.id, Some(*entry)),
            Write::PutNote(name, value) => set(self, undo, |state| &mut state.notes, name, value),
            Write::PutSchema(schema) => self.put_schema(schema, undo)?,
            Write::BeginLoad(entity) => self.set_loading(&entity, true, undo)?,
            Write::EndLoad(entity) => self.set_loading(&entity, false, undo)?,
            Write::PutFile(file) => {
                set(
                    self,
                    undo,
                    |state| &mut state.files,
                    file.content.clone(),
                    Some(file),
                );
            }
            Write::DropFile(content) => set(self, undo, |state| &mut state.files, content, None),
        }
        Ok(())
    }

    fn put_rows(&mut self, rows: &RowSet, undo: &mut Vec<Undo>) -> Result<(), StoreError> {
        let table = self.table_mut(&rows.entity)?;
        let mut kinds = Vec::with_capacity(rows.columns.len());
        for (at, name) in rows.columns.iter().enumerate() {
            let unfit = |why| StoreError::Unfit(format!("field {name} of {} {why}", rows.entity));
            if rows.columns[..at].contains(name) {
                return Err(unfit("is set twice in a row"));
            }
            let field = table
                .entity
                .field(name)
                .ok_or_else(|| unfit("is not in the schema"))?;
            kinds.push(field.kind.clone());
        }
        for row in &rows.rows {
            if row.values.len() != kinds.len() {
                let why = format!("a row of {} has too few or too many values", rows.entity);
                return Err(StoreError::Unfit(why));
            }
            let table = self.table_mut(&rows.entity)?;
            let before = table.rows.get(&row.id).cloned();
            let mut record = before.clone().unwrap_or_else(|| Record {
                entity: rows.entity.clone(),
                id: row.id.clone(),
                revision: None,
                fields: table
                    .entity
                    .fields
                    .iter()
                    .map(|f| (f.name.clone(), Value::Null))
                    .collect(),
            });
            record.revision.clone_from(&row.revision);
            for ((name, kind), value) in rows.columns.iter().zip(&kinds).zip(&row.values) {
                record.fields.insert(name.clone(), fit(kind, value)?);
            }
            table.rows.insert(row.id.clone(), record);
            undo.push(row_back(rows.entity.clone(), row.id.clone(), before));
        }
        Ok(())
    }

    fn put_operation(&mut self, operation: Operation, undo: &mut Vec<Undo>) -> Result<(), StoreError> {
        let (id, sequence) = (operation.id, operation.sequence);
        if i64::try_from(sequence).is_err() {
            return Err(StoreError::Unfit("the sequence number is too large".to_owned()));
        }
        if self.operations.get(&sequence).is_some_and(|other| other.id != id) {
            let why = format!("operation {id}: another has its sequence number");
            return Err(StoreError::Unfit(why));
        }
        let before = self.set_operation(id, Some(operation));
        undo.push(Box::new(move |state| {
            state.set_operation(id, before);
        }));
        Ok(())
    }

    /// Sets or removes the operation of an id and returns the one before.
    fn set_operation(&mut self, id: OperationId, operation: Option<Operation>) -> Option<Operation> {
        let before = self
            .sequences
            .remove(&id)
            .and_then(|sequence| self.operations.remove(&sequence));
        if let Some(before) = &before
            && let Entry::Occupied(mut pending) = self.pending.entry(place(before))
        {
            pending.get_mut().remove(&before.sequence);
            if pending.get().is_empty() {
                pending.remove();
            }
        }
        if let Some(operation) = operation {
            if !operation.state.is_final() {
                self.pending
                    .entry(place(&operation))
                    .or_default()
                    .insert(operation.sequence);
            }
            self.sequences.insert(id, operation.sequence);
            self.operations.insert(operation.sequence, operation);
        }
        before
    }
}

fn place(operation: &Operation) -> Place {
    (operation.entity.clone(), operation.record.clone())
}

fn row_back(entity: EntityName, id: RecordId, before: Option<Record>) -> Undo {
    Box::new(move |state| {
        if let Some(table) = state.tables.get_mut(&entity) {
            match before {
                Some(record) => table.rows.insert(id, record),
                None => table.rows.remove(&id),
            };
        }
    })
}

/// Sets or removes an entry of a map, with its way back.
fn set<K, V>(
    state: &mut State,
    undo: &mut Vec<Undo>,
    map: fn(&mut State) -> &mut BTreeMap<K, V>,
    key: K,
    value: Option<V>,
) where
    K: Ord + Clone + 'static,
    V: 'static,
{
    let put = move |state: &mut State, key: K, value| match value {
        Some(value) => map(state).insert(key, value),
        None => map(state).remove(&key),
    };
    let before = put(state, key.clone(), value);
    undo.push(Box::new(move |state| {
        put(state, key, before);
    }));
}
