//! Giving records other ids, everywhere at once (law L35): the server made their keys, or a person said that two are
//! one. Pure, but for reading what lies beside the outbox.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{
    CommandCall, EntityName, EntitySchema, FieldEdit, FieldKind, FieldName, Fields, Lookup, Operation,
    OperationKind, Query, Record, RecordId, Schema, ServerRecord, Timestamp, Value,
};
use driftless_store::{FileRow, Image, RecordStore, StoreError, Write};

use crate::depend::key_targets;
use crate::fold::{key_fields, settle_in, whole_row};
use crate::ground::{Ground, Key, key};
use crate::notes::{self, Note};

/// What becomes of a record that gets another id.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Renamed {
    /// The id from here on.
    pub id: RecordId,
    /// What the server has of it, under that id, if that was told.
    pub server: Option<ServerRecord>,
}

/// Records that get other ids, by the ids that they have.
pub(crate) type Renames = BTreeMap<Key, Renamed>;

/// What a store has beside the outbox that new ids are about.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// Server data that are on the device under the new ids already.
    known: BTreeMap<Key, Image>,
    /// Records that never leave the device.
    local: Vec<Record>,
    /// Files of the old records.
    files: Vec<FileRow>,
}

/// Works out the writes that carry renames out, behind other writes of the same commit.
pub(crate) fn behind(
    store: &dyn RecordStore,
    ground: &Ground,
    writes: &[Write],
    renames: &Renames,
    now: Timestamp,
) -> Result<Vec<Write>, StoreError> {
    if renames.is_empty() {
        return Ok(Vec::new());
    }
    let mut ground = ground.clone();
    ground.absorb(writes.to_vec());
    let mut renames = renames.clone();
    add_named_by_keys(&ground, &mut renames);
    let beside = Beside::read(store, &ground, &renames, now)?;
    Ok(rename(&ground, &renames, beside))
}

impl Beside {
    fn read(
        store: &dyn RecordStore,
        ground: &Ground,
        renames: &Renames,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut beside = Self::default();
        for ((entity, old), renamed) in renames {
            beside.files.extend(store.files(entity, old)?);
            let place = (entity.clone(), renamed.id.clone());
            if ground.images.contains_key(&place) || ground.schema.entity(entity.as_str()).is_none() {
                continue;
            }
            // Read before the server said that it is this one: at least as new as what it said.
            if let Some(record) = store.get(entity, &renamed.id)? {
                beside.known.insert(place, settled(record));
            }
        }
        for entity in ground
            .schema
            .entities
            .values()
            .filter(|e| e.local_only && !e.is_abstract)
        {
            if entity
                .fields
                .iter()
                .any(|field| matches!(field.kind, FieldKind::Lookup { .. }))
            {
                beside
                    .local
                    .extend(store.query(&Query::all(entity.name.clone()), now)?);
            }
        }
        Ok(beside)
    }
}

fn settled(record: Record) -> Image {
    Image {
        entity: record.entity.clone(),
        id: record.id.clone(),
        server: Some(ServerRecord {
            record,
            stamps: BTreeMap::new(),
        }),
        gone: false,
    }
}

/// Adds pending records whose keys name a renamed one: with it, their own ids change.
fn add_named_by_keys(ground: &Ground, renames: &mut Renames) {
    loop {
        let mut more = Renames::new();
        for place in ground.pending.iter().map(key) {
            if renames.contains_key(&place) || more.contains_key(&place) {
                continue;
            }
            if let Some(id) = renamed_by_key(&ground.schema, &place, renames) {
                more.insert(place, Renamed { id, server: None });
            }
        }
        if more.is_empty() {
            return;
        }
        renames.extend(more);
    }
}

fn renamed_by_key(schema: &Schema, place: &Key, renames: &Renames) -> Option<RecordId> {
    if !key_targets(schema, place)
        .iter()
        .any(|target| renames.contains_key(target))
    {
        return None;
    }
    let entity = schema.entity(place.0.as_str())?;
    let fields = entity.key.iter().cloned().zip(place.1.key_values(entity).ok()?);
    let values: Vec<Value> = fields
        .map(|(field, value)| key_value(schema, entity, &field, &value, renames).unwrap_or(value))
        .collect();
    RecordId::from_key(entity, &values).ok()
}

/// Returns the value of a key field that names a renamed record.
fn key_value(
    schema: &Schema,
    entity: &EntitySchema,
    field: &FieldName,
    value: &Value,
    renames: &Renames,
) -> Option<Value> {
    let targets = entity.key_targets.get(field).into_iter().flatten();
    targets
        .filter_map(|name| schema.entity(name.as_str()))
        .find_map(|target| {
            let id = RecordId::from_key(target, std::slice::from_ref(value)).ok()?;
            let renamed = renames.get(&(target.name.clone(), id))?;
            renamed.id.key_values(target).ok()?.pop()
        })
}

/// Works out the writes: operations, images and views under the new ids, nothing under the old ones, and an alias from
/// each old id to the new one.
fn rename(ground: &Ground, renames: &Renames, beside: Beside) -> Vec<Write> {
    let desk = Desk {
        schema: &ground.schema,
        renames,
    };
    let mut writes = Vec::new();
    let mut pending: BTreeMap<Key, Vec<Operation>> = BTreeMap::new();
    let mut touched: BTreeSet<Key> = renames
        .iter()
        .map(|((entity, _), to)| (entity.clone(), to.id.clone()))
        .collect();
    for operation in &ground.pending {
        let renamed = desk.operation(operation);
        if renamed != *operation {
            touched.insert(key(&renamed));
            writes.push(Write::PutOperation(Box::new(renamed.clone())));
        }
        pending.entry(key(&renamed)).or_default().push(renamed);
    }
    for (old, renamed) in renames {
        // What an entity that is gone had is dropped with its image.
        if ground.schema.entity(old.0.as_str()).is_some() {
            writes.push(Write::RemoveRows(old.0.clone(), vec![old.1.clone()]));
        }
        writes.push(Write::DropImage(old.0.clone(), old.1.clone()));
        writes.push(notes::write(
            &Note::Alias(old.0.clone(), old.1.clone()),
            &renamed.id,
        ));
    }
    let old_ids: BTreeMap<Key, &Key> = renames
        .iter()
        .map(|(old, to)| ((old.0.clone(), to.id.clone()), old))
        .collect();
    for place in touched {
        let known = ground.images.get(&place).or_else(|| beside.known.get(&place));
        let image = match (known, old_ids.get(&place)) {
            (Some(known), _) => known.clone(),
            (None, Some(old)) => desk.image(&place, ground.images.get(*old), renames.get(*old)),
            (None, None) => continue,
        };
        let pending = pending.remove(&place).unwrap_or_default();
        settle_in(&ground.schema, image, &pending, &mut writes);
    }
    for record in beside.local {
        let fields = desk.fields(&record.fields);
        if fields != record.fields
            && let Some(entity) = ground.schema.entity(record.entity.as_str())
        {
            writes.push(Write::PutRows(whole_row(entity, Record { fields, ..record })));
        }
    }
    for file in beside.files {
        let id = desk.id(&file.entity, &file.id).clone();
        writes.push(Write::PutFile(FileRow { id, ..file }));
    }
    writes
}

struct Desk<'a> {
    schema: &'a Schema,
    renames: &'a Renames,
}

impl Desk<'_> {
    fn id<'a>(&'a self, entity: &EntityName, id: &'a RecordId) -> &'a RecordId {
        let renamed = self.renames.get(&(entity.clone(), id.clone()));
        renamed.map_or(id, |renamed| &renamed.id)
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::Lookup(to) => Value::Lookup(Lookup {
                id: self.id(&to.entity, &to.id).clone(),
                ..to.clone()
            }),
            other => other.clone(),
        }
    }

    fn fields(&self, fields: &Fields) -> Fields {
        let renamed = |(field, value): (&FieldName, &Value)| (field.clone(), self.value(value));
        fields.iter().map(renamed).collect()
    }

    fn edits(
        &self,
        entity: &EntityName,
        edits: &BTreeMap<FieldName, FieldEdit>,
    ) -> BTreeMap<FieldName, FieldEdit> {
        let schema = self.schema.entity(entity.as_str());
        let new = |field: &FieldName, value: &Value| {
            let by_key = schema.and_then(|e| key_value(self.schema, e, field, value, self.renames));
            by_key.unwrap_or_else(|| self.value(value))
        };
        edits
            .iter()
            .map(|(field, edit)| {
                let edit = FieldEdit {
                    old: self.value(&edit.old),
                    new: new(field, &edit.new),
                    ..edit.clone()
                };
                (field.clone(), edit)
            })
            .collect()
    }

    /// Returns what somebody saw of a record, with the key that it has now.
    fn seen(&self, place: &Key, seen: &Fields) -> Fields {
        let mut fields = self.fields(seen);
        if let (Some(renamed), Some(entity)) = (self.renames.get(place), self.schema.entity(place.0.as_str()))
        {
            fields.extend(key_fields(entity, &renamed.id));
        }
        fields
    }

    fn operation(&self, operation: &Operation) -> Operation {
        let kind = match &operation.kind {
            OperationKind::Create(edits) => OperationKind::Create(self.edits(&operation.entity, edits)),
            OperationKind::Update(edits) => OperationKind::Update(self.edits(&operation.entity, edits)),
            OperationKind::Delete { seen, raw, stamp } => OperationKind::Delete {
                seen: self.seen(&key(operation), seen),
                raw: *raw,
                stamp: *stamp,
            },
            OperationKind::Command { call, edits, raw } => OperationKind::Command {
                call: Box::new(CommandCall {
                    parameters: self.fields(&call.parameters),
                    ..(**call).clone()
                }),
                edits: self.edits(&operation.entity, edits),
                raw: *raw,
            },
            OperationKind::Awaited { by, slot, edits } => OperationKind::Awaited {
                by: *by,
                slot: slot.clone(),
                edits: self.edits(&operation.entity, edits),
            },
        };
        Operation {
            record: self.id(&operation.entity, &operation.record).clone(),
            kind,
            ..operation.clone()
        }
    }

    /// Makes the image of a record under its new id, of what the server said or of what was known under the old one.
    fn image(&self, place: &Key, old: Option<&Image>, renamed: Option<&Renamed>) -> Image {
        let told = renamed.and_then(|renamed| renamed.server.as_ref());
        let server = told.or_else(|| old?.server.as_ref()).cloned();
        let server = server.map(|server| ServerRecord {
            record: Record {
                id: place.1.clone(),
                // What is expected of a record that a command made may refer to another one that it made.
                fields: self.fields(&server.record.fields),
                ..server.record
            },
            ..server
        });
        Image {
            entity: place.0.clone(),
            id: place.1.clone(),
            gone: old.is_some_and(|image| image.gone),
            server,
        }
    }
}
