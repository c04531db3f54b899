//! Random work while the schema changes again and again: nothing that a person gave is lost, and all of it gets through
//! once the schema takes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_engine::Decision;
use driftless_record::{
    ChangeAction, EntitySchema, FieldKind, FieldName, FieldSchema, Fields, LogKind, Operation, OperationId,
    OperationState, RecordId, Schema, Value,
};
use driftless_store::OperationSelection;
use driftless_testkit::backend::{Fault, Habits, Values};
use proptest::prelude::*;

use crate::chance::{block, capabilities, cases, fault};
use crate::common::{Device, World, entity, name, schema};

/// How many fields change their form.
const SLOTS: usize = 2;

/// The form of a field.
#[derive(Debug, Clone)]
struct Form {
    /// Its name, and those that it had, the first one first.
    names: Vec<String>,
    is_whole: bool,
    is_there: bool,
    is_required: bool,
}

/// The form of accounts: fields beside the name that come, go and change.
#[derive(Debug, Clone)]
struct Shape {
    version: u32,
    slots: Vec<Form>,
}

impl Shape {
    fn new() -> Self {
        let slot = |slot| Form {
            names: vec![format!("s{slot}v0")],
            is_whole: false,
            is_there: true,
            is_required: false,
        };
        Self {
            version: 1,
            slots: (0..SLOTS).map(slot).collect(),
        }
    }

    fn schema(&self) -> Arc<Schema> {
        let mut all = schema();
        let mut account = EntitySchema::clone(all.entity("Account").unwrap());
        for form in self.slots.iter().filter(|form| form.is_there) {
            account.add(form.field());
        }
        all.version = self.version.to_string();
        all.add(account);
        Arc::new(all)
    }

    fn reshape(&mut self, slot: usize, how: How) {
        self.version += 1;
        let version = self.version;
        let form = &mut self.slots[slot];
        match how {
            How::Rename => form.names.push(format!("s{slot}v{version}")),
            How::Retype => form.is_whole = !form.is_whole,
            How::ComeOrGo => form.is_there = !form.is_there,
            How::Require => form.is_required = !form.is_required,
        }
    }

    /// Takes everything that was ever given.
    fn open(&mut self) {
        self.version += 1;
        for form in &mut self.slots {
            (form.is_whole, form.is_there, form.is_required) = (false, true, false);
        }
    }
}

impl Form {
    fn field(&self) -> FieldSchema {
        let now = self.names.last().unwrap();
        let kind = match self.is_whole {
            true => FieldKind::Int { bits: 64 },
            false => FieldKind::Text { max_chars: Some(40) },
        };
        let former = self.names.iter().rev().skip(1);
        FieldSchema {
            required: self.is_required,
            former_names: former.map(|text| name(text)).collect(),
            ..FieldSchema::new(name(now), kind)
        }
    }

    fn is_called(&self, field: &FieldName) -> bool {
        self.names.iter().any(|name| name == field.as_str())
    }
}

#[derive(Debug, Clone, Copy)]
enum How {
    Rename,
    Retype,
    ComeOrGo,
    Require,
}

#[derive(Debug, Clone)]
enum Step {
    Set { record: usize, slot: usize },
    Create { full: bool },
    Delete { record: usize },
    Reshape { slot: usize, how: How },
    Sync(Fault),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let how = prop_oneof![
        3 => Just(How::Rename),
        3 => Just(How::Retype),
        2 => Just(How::ComeOrGo),
        1 => Just(How::Require),
    ];
    let step = prop_oneof![
        6 => (0usize..4, 0..SLOTS).prop_map(|(record, slot)| Step::Set { record, slot }),
        2 => any::<bool>().prop_map(|full| Step::Create { full }),
        1 => (0usize..4).prop_map(|record| Step::Delete { record }),
        4 => (0..SLOTS, how).prop_map(|(slot, how)| Step::Reshape { slot, how }),
        4 => fault().prop_map(Step::Sync),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..30)
}

/// What was promised to the person, and what he did last.
#[derive(Default)]
struct Promised {
    /// Every operation with what it gave each slot.
    operations: BTreeMap<OperationId, (RecordId, BTreeMap<usize, String>)>,
    /// What each slot of each record was given last.
    last: BTreeMap<(RecordId, usize), String>,
    deleted: Vec<RecordId>,
    count: u32,
}

impl Promised {
    /// Returns a value as a field takes it now: every other one can be a whole number.
    fn value(&mut self, form: &Form) -> Value {
        self.count += 1;
        match (form.is_whole, self.count % 2) {
            (true, _) => Value::Int(i64::from(self.count)),
            (false, 0) => Value::text(self.count.to_string()),
            (false, _) => Value::text(format!("v{}", self.count)),
        }
    }
}

/// Returns the field of a slot as the device knows it.
fn known<'a>(entity: &'a EntitySchema, form: &Form) -> Option<&'a FieldSchema> {
    entity.fields.iter().find(|field| form.is_called(&field.name))
}

async fn play(world: &mut World, shape: &mut Shape, promised: &mut Promised, step: &Step) {
    world.pass(1_000);
    let device = &world.devices[0];
    let account = device.engine.entity("Account").unwrap();
    let mut records: Vec<RecordId> = (1..=2)
        .map(|n| RecordId::guid(uuid::Uuid::from_u128(n)))
        .collect();
    records.extend(promised.operations.values().map(|(record, _)| record.clone()));
    records.dedup();
    match step {
        Step::Set { record, slot } => {
            let record = &records[record % records.len()];
            let Some(field) = known(&account, &shape.slots[*slot]) else {
                return;
            };
            let value = promised.value(&Form {
                is_whole: matches!(field.kind, FieldKind::Int { .. }),
                ..shape.slots[*slot].clone()
            });
            let given = Fields::from([(field.name.clone(), value.clone())]);
            if let Ok(written) = device.engine.update("Account", record.as_str(), given) {
                let text = value.to_string();
                promised.last.insert((record.clone(), *slot), text.clone());
                if let Some(id) = written.operation {
                    let known = promised
                        .operations
                        .entry(id)
                        .or_insert((record.clone(), BTreeMap::new()));
                    known.1.insert(*slot, text);
                }
            }
        }
        Step::Create { full } => {
            let mut given = Fields::from([(name("name"), Value::text("New"))]);
            let mut told = BTreeMap::new();
            for (slot, form) in shape.slots.iter().enumerate() {
                if let Some(field) = known(&account, form).filter(|field| *full || field.required) {
                    let form = Form {
                        is_whole: matches!(field.kind, FieldKind::Int { .. }),
                        ..form.clone()
                    };
                    let value = promised.value(&form);
                    told.insert(slot, value.to_string());
                    given.insert(field.name.clone(), value);
                }
            }
            let written = device.engine.create("Account", given).unwrap();
            for (slot, text) in &told {
                promised
                    .last
                    .insert((written.record.clone(), *slot), text.clone());
            }
            promised
                .operations
                .insert(written.operation.unwrap(), (written.record, told));
        }
        Step::Delete { record } => {
            let record = &records[record % records.len()];
            if device.engine.delete("Account", record.as_str()).is_ok() {
                promised.deleted.push(record.clone());
            }
        }
        Step::Reshape { slot, how } => {
            shape.reshape(*slot, *how);
            world.server().convert(shape.schema());
        }
        Step::Sync(fault) => {
            world.server().fail([*fault]);
            world.devices[0].sync_or_die().await;
            world.server().heal();
        }
        Step::Restart => world.devices[0].restart(),
    }
}

/// Checks that everything that was promised is on the server, or waits with its value, where a person finds it.
fn nothing_is_lost(world: &World, shape: &Shape, promised: &Promised) -> Result<(), TestCaseError> {
    let device = &world.devices[0];
    for (id, (record, told)) in &promised.operations {
        let found = device.store().operations(&OperationSelection::One(*id)).unwrap();
        let Some(operation) = found.first() else {
            return Err(TestCaseError::fail(format!("operation {id} is gone")));
        };
        if operation.state.is_final() {
            continue;
        }
        for (slot, text) in told {
            let superseded = promised.last.get(&(record.clone(), *slot)) != Some(text);
            prop_assert!(
                superseded || holds(operation, &shape.slots[*slot], text),
                "{text} of slot {slot} is not in {operation:?}"
            );
        }
        if let Some(log) = operation.state.parked() {
            let open = device.open_entries();
            let entry = open.iter().find(|entry| entry.id == log);
            prop_assert!(entry.is_some(), "{operation:?} is parked without a word");
        }
    }
    Ok(())
}

fn holds(operation: &Operation, form: &Form, text: &str) -> bool {
    let mut edits = operation.kind.edits().into_iter().flatten();
    edits.any(|(field, edit)| form.is_called(field) && edit.new.to_string() == text)
}

/// Checks that of all that the server has got of a field, what was given last came last.
fn all_got_through(world: &World, shape: &Shape, promised: &Promised) -> Result<(), TestCaseError> {
    let server = world.server();
    for record in &promised.deleted {
        prop_assert!(
            server.record(&entity("Account"), record).is_none(),
            "{record} is still there"
        );
    }
    for ((record, slot), text) in &promised.last {
        if promised.deleted.contains(record) {
            continue;
        }
        let form = &shape.slots[*slot];
        let got = |fields: &Fields| {
            let mut values = fields.iter();
            values.find_map(|(field, value)| form.is_called(field).then(|| value.to_string()))
        };
        let of_record = server
            .effects()
            .iter()
            .filter(|effect| effect.change.record == *record);
        let last = of_record.rev().find_map(|effect| match &effect.change.action {
            ChangeAction::Create(fields) | ChangeAction::Update(fields) => got(fields),
            _ => None,
        });
        prop_assert_eq!(last.as_ref(), Some(text), "slot {} of {}", slot, record);
    }
    Ok(())
}

/// What a person sees of every record is what the server has.
fn is_equal(device: &Device, world: &World) -> Result<(), TestCaseError> {
    let all = world.server().all(&entity("Account"));
    for (id, fields) in all {
        let seen = device.engine.get("Account", id.as_str()).unwrap();
        for (field, value) in fields {
            prop_assert_eq!(seen.value(&field), &value, "{} of {}", field, id);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(64))]

    /// An administrator changes the schema without asking who has unsent work. Whatever he does, each value that was
    /// given is on the server or waits where a person finds it, and no synchronization breaks off over it; once the
    /// schema takes everything again, all of it gets through by itself, once.
    #[test]
    fn i01_work_outlives_every_change_of_the_schema(
        capabilities in capabilities(), steps in steps(), seed in any::<u64>(),
    ) {
        block(async {
            let mut world = World::new(1, capabilities, seed);
            world.server().set_habits(Habits { values: Values::Checked, ..Habits::default() });
            let mut shape = Shape::new();
            world.server().convert(shape.schema());
            for number in 1..=2 {
                world.account(number, "Some");
            }
            world.devices[0].sync().await;
            let mut promised = Promised::default();
            for step in &steps {
                play(&mut world, &mut shape, &mut promised, step).await;
                nothing_is_lost(&world, &shape, &promised)?;
            }
            shape.open();
            world.server().convert(shape.schema());
            for _ in 0..8 {
                world.pass(400_000);
                world.devices[0].sync().await;
                nothing_is_lost(&world, &shape, &promised)?;
                // A value that the server has dropped meanwhile is a change of it.
                for entry in world.devices[0].open_entries() {
                    if entry.kind == LogKind::Conflict {
                        world.devices[0].engine.resolve(entry.id, &Decision::Mine).unwrap();
                    }
                }
            }
            let device = &world.devices[0];
            let left = device.engine.outbox().unwrap();
            prop_assert!(left.is_empty(), "{left:#?}");
            prop_assert_eq!(device.open_entries(), vec![]);
            let ended = |id: &OperationId| {
                let found = device.store().operations(&OperationSelection::One(*id)).unwrap();
                !matches!(found[0].state, OperationState::Reverted)
            };
            prop_assert!(promised.operations.keys().all(ended));
            all_got_through(&world, &shape, &promised)?;
            is_equal(device, &world)
        })?;
    }
}
