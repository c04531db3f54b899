//! Random work on a few records that refer to each other, for the laws of the queue.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{World, fields, name};
use driftless_engine::{Engine, EngineError, Written};
use driftless_record::{EntityName, Fields, Lookup, RecordId, Value};
use driftless_testkit::backend::Fault;
use driftless_transport::{Batch, Capabilities};
use proptest::prelude::*;
use uuid::Uuid;

/// One of the records of a script: two accounts, then two contacts.
pub(crate) type Slot = usize;

/// Every record of a script.
pub(crate) const SLOTS: usize = 4;

/// One thing that a person does on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Makes a record, which refers to another one; it need not be there yet.
    Create(Slot, Option<Slot>),
    /// Gives it a name.
    Set(Slot, u8),
    /// Lets it refer to another one, or to none.
    Refer(Slot, Option<Slot>),
    /// Deletes it.
    Delete(Slot),
}

pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    let (slot, to) = (0..SLOTS, prop::option::of(0..SLOTS));
    prop_oneof![
        3 => (slot.clone(), to.clone()).prop_map(|(slot, to)| Edit::Create(slot, to.map(|to| other(slot, to)))),
        3 => (slot.clone(), 0u8..4).prop_map(|(slot, value)| Edit::Set(slot, value)),
        3 => (slot.clone(), to).prop_map(|(slot, to)| Edit::Refer(slot, to.map(|to| other(slot, to)))),
        2 => slot.prop_map(Edit::Delete),
    ]
}

pub(crate) fn edits(most: usize) -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec(edit(), 1..most)
}

/// Accounts refer to contacts, and contacts to accounts.
fn other(slot: Slot, to: Slot) -> Slot {
    if slot < 2 { 2 + to % 2 } else { to % 2 }
}

/// What may happen to one request.
pub(crate) fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::None),
        1 => Just(Fault::Unreachable),
        1 => Just(Fault::RequestLost),
        2 => Just(Fault::ReplyLost),
        2 => (0usize..3).prop_map(Fault::ReplyCut),
        1 => Just(Fault::KilledBefore),
        1 => Just(Fault::KilledAfter),
    ]
}

/// How many changes go in one request.
pub(crate) fn batch() -> impl Strategy<Value = Batch> {
    (prop_oneof![Just(1usize), Just(2), Just(100)], any::<bool>()).prop_map(|(limit, depends_on)| Batch {
        limit,
        depends_on,
        groups: depends_on,
    })
}

/// Returns what a back end can do, with these batches.
pub(crate) fn able(batch: Batch) -> Capabilities {
    Capabilities {
        batch,
        ..crate::common::able()
    }
}

pub(crate) fn entity_of(slot: Slot) -> EntityName {
    crate::common::entity(if slot < 2 { "Account" } else { "Contact" })
}

pub(crate) fn id_of(slot: Slot) -> RecordId {
    RecordId::guid(guid(slot))
}

fn guid(slot: Slot) -> Uuid {
    Uuid::from_u128(0xA0 + slot as u128)
}

fn link(slot: Slot) -> &'static str {
    if slot < 2 { "main" } else { "account" }
}

pub(crate) fn reference(to: Option<Slot>) -> Value {
    let lookup = |to: Slot| {
        Value::Lookup(Lookup {
            entity: entity_of(to),
            id: id_of(to),
            name: None,
        })
    };
    to.map_or(Value::Null, lookup)
}

/// Carries an edit out; `None` if the record is not there, or is there already.
pub(crate) fn perform(engine: &Engine, edit: Edit) -> Option<Written> {
    try_to(engine, edit).unwrap_or_else(|error| panic!("{edit:?}: {error}"))
}

/// Tries to carry an edit out.
pub(crate) fn try_to(engine: &Engine, edit: Edit) -> Result<Option<Written>, EngineError> {
    let done = match edit {
        Edit::Create(slot, to) => {
            let mut given = new(slot);
            given.extend(to.map(|to| (name(link(slot)), reference(Some(to)))));
            engine.create(entity_of(slot).as_str(), given)
        }
        Edit::Set(slot, value) => update(engine, slot, "name", Value::text(format!("v{value}"))),
        Edit::Refer(slot, to) => update(engine, slot, link(slot), reference(to)),
        Edit::Delete(slot) => engine.delete(entity_of(slot).as_str(), id_of(slot).as_str()),
    };
    match done {
        Err(EngineError::NoRecord { .. } | EngineError::Exists { .. }) => Ok(None),
        done => done.map(Some),
    }
}

/// Returns the fields of a new record.
fn new(slot: Slot) -> Fields {
    fields(&[("id", Value::Guid(guid(slot))), ("name", Value::text("new"))])
}

fn update(engine: &Engine, slot: Slot, field: &str, value: Value) -> Result<Written, EngineError> {
    engine.update(
        entity_of(slot).as_str(),
        id_of(slot).as_str(),
        fields(&[(field, value)]),
    )
}

/// Returns what a record refers to that is on the server at first, with these: each contact to an account.
fn at_first(slot: Slot, there: &BTreeSet<Slot>) -> Option<Slot> {
    slot.checked_sub(2).filter(|to| there.contains(to))
}

impl World {
    /// Puts records of a script on the server.
    pub(crate) fn seed(&self, there: &BTreeSet<Slot>) {
        for slot in there {
            let mut given = new(*slot);
            given.insert(name(link(*slot)), reference(at_first(*slot, there)));
            self.server().put(&entity_of(*slot), &id_of(*slot), given);
        }
    }
}

/// Makes a script that leaves every reference whole: what a server that keeps references whole can take in some order,
/// given the records that it has. What is deleted is let go before, and is not made again.
pub(crate) fn whole(edits: &[Edit], there: &BTreeSet<Slot>) -> Vec<Edit> {
    let mut script = Vec::new();
    let mut living = there.clone();
    let mut deleted = BTreeSet::new();
    let mut named = BTreeSet::new();
    let mut refers: BTreeMap<Slot, Option<Slot>> =
        there.iter().map(|slot| (*slot, at_first(*slot, there))).collect();
    let mut take = |edit: Edit, living: &mut BTreeSet<Slot>, refers: &mut BTreeMap<Slot, Option<Slot>>| {
        let names_deleted = |to: Option<Slot>, gone: &BTreeSet<Slot>| to.is_some_and(|to| gone.contains(&to));
        match edit {
            Edit::Create(slot, to) => {
                if living.contains(&slot) || deleted.contains(&slot) || names_deleted(to, &deleted) {
                    return;
                }
                living.insert(slot);
                refers.insert(slot, to);
                named.extend(to);
            }
            Edit::Set(slot, _) if living.contains(&slot) => {}
            Edit::Refer(slot, to) if living.contains(&slot) && !names_deleted(to, &deleted) => {
                refers.insert(slot, to);
                named.extend(to);
            }
            Edit::Delete(slot) if living.contains(&slot) => {
                // One side lets go first, so that no two records wait for each other's end.
                script.extend((slot < 2).then_some(Edit::Refer(slot, None)));
                living.remove(&slot);
                deleted.insert(slot);
                refers.remove(&slot);
            }
            Edit::Set(..) | Edit::Refer(..) | Edit::Delete(_) => return,
        }
        script.push(edit);
    };
    for edit in edits {
        take(*edit, &mut living, &mut refers);
    }
    for slot in 0..SLOTS {
        if refers.values().any(|to| *to == Some(slot)) || !living.contains(&slot) {
            // Does nothing for what was deleted.
            take(Edit::Create(slot, None), &mut living, &mut refers);
        }
    }
    let dangling: Vec<Slot> = refers
        .iter()
        .filter(|(_, to)| to.is_some_and(|to| !living.contains(&to)))
        .map(|(slot, _)| *slot)
        .collect();
    for slot in dangling {
        if slot < 3 {
            script.push(Edit::Refer(slot, None));
            continue;
        }
        // This one goes behind what it refers to, when nobody refers to it any more.
        let to_it = refers.iter().filter(|(_, to)| **to == Some(slot));
        script.extend(to_it.map(|(from, _)| Edit::Refer(*from, None)));
        script.push(Edit::Delete(slot));
    }
    script
}
