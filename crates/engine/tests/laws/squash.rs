//! Squashing against a server: what several edits come to when they travel as one is what they would have come to one by
//! one. The server here is reckoned again, edit by edit, and knows nothing of the engine.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{World, able, entity, fields, name, options, without_stamps};
use crate::convergence;
use crate::queue::block_on;
use crate::tap::Tap;
use driftless_engine::Outcome;
use driftless_record::{
    Applied, ConflictRule, FieldName, Fields, Operation, OperationKind, RawStamp, RecordId, Settings, Side,
    Stamp, Timestamp, Value,
};
use driftless_store::{LogSelection, OperationSelection};
use driftless_transport::Capabilities;
use proptest::prelude::*;

/// What happens to one of two accounts.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The user sets a field.
    Set(usize, usize, u8),
    /// The user deletes the account.
    Delete(usize),
    /// Somebody in the office sets a field.
    Office(usize, usize, u8),
}

const FIELDS: [&str; 3] = ["name", "city", "status"];

fn value(field: usize, value: u8) -> Value {
    match FIELDS[field] {
        "status" => Value::Choice(["open", "won", "lost"][usize::from(value)].to_owned()),
        _ => Value::text(format!("v{value}")),
    }
}

fn step() -> impl Strategy<Value = Step> {
    let (of, field, value) = (0usize..2, 0..FIELDS.len(), 0u8..3);
    prop_oneof![
        6 => (of.clone(), field.clone(), value.clone()).prop_map(|(of, field, value)| Step::Set(of, field, value)),
        1 => of.clone().prop_map(Step::Delete),
        4 => (of, field, value).prop_map(|(of, field, value)| Step::Office(of, field, value)),
    ]
}

/// How the other side of the case is told, and who wins then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judge {
    /// The later edit, by the server's stamps.
    Later,
    /// One side, by values alone.
    Rule(Side),
}

/// A record on the server: the fields with their stamps.
type Kept = BTreeMap<FieldName, (Value, Option<Stamp>)>;

fn stamp(raw: RawStamp) -> Stamp {
    Stamp {
        time: raw.wall,
        counter: raw.counter,
        device: raw.device,
    }
}

/// A server that is brought one operation after the other, with the fields that the user's edits lost.
struct Model {
    judge: Judge,
    records: BTreeMap<RecordId, Kept>,
    lost: BTreeSet<(RecordId, FieldName)>,
}

impl Model {
    fn take(&mut self, operation: &Operation) {
        let Some(record) = self.records.get_mut(&operation.record) else {
            return;
        };
        match &operation.kind {
            OperationKind::Update(edits) => {
                for (field, edit) in edits {
                    let place = (operation.record.clone(), field.clone());
                    let (now, at) = record.get(field).cloned().unwrap_or_default();
                    let mine = Some(stamp(edit.raw));
                    let wins = match self.judge {
                        Judge::Later => at.is_none() || mine > at,
                        Judge::Rule(side) => now == edit.old || now == edit.new || side == Side::Mine,
                    };
                    if wins {
                        record.insert(
                            field.clone(),
                            (edit.new.clone(), mine.filter(|_| self.judge == Judge::Later)),
                        );
                        self.lost.remove(&place);
                    } else if now == edit.new {
                        self.lost.remove(&place);
                    } else {
                        self.lost.insert(place);
                    }
                }
            }
            OperationKind::Delete { seen, raw, .. } => {
                let differs = |(field, (now, _)): &(&FieldName, &(Value, Option<Stamp>))| {
                    seen.get(*field).is_some_and(|seen| seen != now)
                };
                let changed: Vec<_> = record.iter().filter(differs).collect();
                let wins = match self.judge {
                    Judge::Later => changed.iter().filter_map(|(_, (_, at))| *at).max() < Some(stamp(*raw)),
                    Judge::Rule(side) => side == Side::Mine,
                };
                if changed.is_empty() || wins {
                    self.records.remove(&operation.record);
                }
            }
            other => panic!("the script makes no {other:?}"),
        }
    }
}

fn kept(world: &World, id: &RecordId) -> Option<Kept> {
    let server = world.server().record(&entity("Account"), id)?;
    let with_stamp = |(field, value): (FieldName, Value)| {
        let at = server.stamps.get(&field).copied();
        (field, (value, at))
    };
    Some(server.record.fields.into_iter().map(with_stamp).collect())
}

fn world(judge: Judge) -> World {
    let (capabilities, rule): (Capabilities, _) = match judge {
        Judge::Later => (able(), ConflictRule::ExecutionOrder),
        Judge::Rule(Side::Mine) => (without_stamps(), ConflictRule::ClientWins),
        Judge::Rule(Side::Theirs) => (without_stamps(), ConflictRule::ServerWins),
    };
    let world = World::new(1, capabilities, 1);
    let settings = Settings {
        conflict: rule,
        ..Settings::default()
    };
    world.server().set_settings(Some(settings));
    world
}

proptest! {
    #![proptest_config(convergence::config(150))]

    /// Replaying the queue edit by edit on a server of one's own and letting the engine send it squashed come to the
    /// same: values, stamps, and what the log tells of values that lost.
    #[test]
    fn l12_a_squashed_queue_leaves_the_server_as_the_edits_one_by_one(
        steps in prop::collection::vec(step(), 1..14),
        judge in prop_oneof![3 => Just(Judge::Later), 1 => Just(Judge::Rule(Side::Mine)), 1 => Just(Judge::Rule(Side::Theirs))],
    ) {
        block_on(async {
            let world = world(judge);
            let ids = [world.account(1, "v0"), world.account(2, "v0")];
            let device = &world.devices[0];
            device.sync().await;
            for step in steps {
                world.pass(10);
                match step {
                    Step::Set(of, field, to) => {
                        let given = fields(&[(FIELDS[field], value(field, to))]);
                        // A record that was deleted here is not there to be set.
                        let _ = device.engine.update("Account", ids[of].as_str(), given);
                    }
                    Step::Delete(of) => {
                        let _ = device.engine.delete("Account", ids[of].as_str());
                    }
                    Step::Office(of, field, to) => {
                        let given: Fields = fields(&[(FIELDS[field], value(field, to))]);
                        world.server().put(&entity("Account"), &ids[of], given);
                    }
                }
            }
            world.pass(10);
            let queue = device.store().operations(&OperationSelection::Pending(100)).unwrap();
            let records = ids.iter().filter_map(|id| Some((id.clone(), kept(&world, id)?))).collect();
            let mut model = Model { judge, records, lost: BTreeSet::new() };
            queue.iter().for_each(|operation| model.take(operation));
            for _ in 0..3 {
                world.pass(400_000);
                device.sync().await;
            }
            prop_assert_eq!(device.engine.outbox().unwrap(), vec![]);
            for id in &ids {
                let (mut there, mut expected) = (kept(&world, id), model.records.get(id).cloned());
                if judge != Judge::Later {
                    // This server tells no stamps.
                    let all = there.iter_mut().chain(expected.iter_mut()).flat_map(BTreeMap::values_mut);
                    all.for_each(|(_, at)| *at = None);
                }
                prop_assert_eq!(there, expected);
            }
            let log = device.engine.log(&LogSelection::Latest(100)).unwrap();
            for (id, field) in &model.lost {
                if model.records.contains_key(id) {
                    let told = log.iter().filter(|entry| entry.record.as_ref().is_some_and(|record| record.1 == *id));
                    let mut told = told.flat_map(|entry| &entry.fields);
                    let is_told = told.any(|case| case.field == *field && case.winner == Some(Side::Theirs));
                    prop_assert!(is_told, "the loss of {} was silent", field);
                }
            }
            Ok(())
        })?;
    }

    /// Between the edits of a field the device reads what others did to it. The merged change still rests on what the
    /// user saw first, so a change that came in between is a contradiction, and not overwritten in silence because the
    /// last edit was made on top of a newer revision.
    #[test]
    fn l13_a_change_of_others_that_was_read_between_two_edits_is_not_overwritten_in_silence(
        steps in prop::collection::vec((any::<bool>(), 0u8..4), 1..8),
    ) {
        block_on(async {
            let (world, id) = World::with_one_account(without_stamps()).await;
            let device = &world.devices[0];
            let (mut first, mut mine, mut theirs) = (None, None, Value::text("Rome"));
            let mut passed = BTreeSet::new();
            for (is_mine, value) in steps {
                world.pass(10);
                let value = format!("v{value}");
                if is_mine {
                    let seen = device.text("Account", &id, "city").map(Value::text);
                    device.set(&id, "city", &value);
                    if seen != Some(Value::text(value.as_str())) {
                        first = first.or(seen);
                    }
                    passed.extend(first.is_some().then(|| value.clone()));
                    mine = first.is_some().then(|| Value::text(value));
                } else {
                    world.office(&id, "city", &value);
                    theirs = Value::text(value);
                    // It is read, and nothing is sent.
                    let options = options();
                    let tap = Tap::stopping(device.wire.clone(), &options.stop);
                    device.engine.sync(&tap, options).await.unwrap();
                    let there = device.store().image(&entity("Account"), &id).unwrap();
                    if let Some(image) = there {
                        let read = image.server.unwrap().record;
                        prop_assert_eq!(read.value(&name("city")), &theirs);
                    }
                }
            }
            world.pass(400_000);
            device.sync().await;
            let Some(mine) = mine else {
                return Ok(());
            };
            // What equals one of my own edits on the way is no contradiction: one by one they would not have met any.
            let contradicts = Some(&theirs) != first.as_ref() && !matches!(&theirs, Value::Text(city) if passed.contains(&**city));
            let entry = device.open_entries().into_iter().find(|entry| entry.fields.iter().any(|case| case.field == name("city")));
            prop_assert_eq!(entry.is_some(), contradicts);
            if let Some(entry) = entry {
                prop_assert_eq!(Some(&entry.fields[0].base), first.as_ref());
                prop_assert_eq!(world.on_server(&id, "city"), theirs);
            } else {
                prop_assert_eq!(world.on_server(&id, "city"), mine);
            }
            Ok(())
        })?;
    }

    /// The server sees every transition of a field whose transitions count, in order, whatever else is edited between.
    #[test]
    fn l14_a_server_sees_every_transition_that_matters(
        steps in prop::collection::vec((any::<bool>(), 0u8..3), 1..10),
    ) {
        block_on(async {
            let (world, id) = World::with_one_account(able()).await;
            let device = &world.devices[0];
            let mut made = Vec::new();
            for (of_status, to) in steps {
                world.pass(10);
                let field = if of_status { 2 } else { 1 };
                let given = fields(&[(FIELDS[field], value(field, to))]);
                let written = device.engine.update("Account", id.as_str(), given).unwrap();
                made.extend(written.operation.filter(|_| of_status).map(|_| value(field, to)));
            }
            device.sync().await;
            let server = world.server();
            let status = |effect: &driftless_testkit::backend::Effect| match &effect.change.action {
                driftless_record::ChangeAction::Update(fields) => fields.get(&name("status")).cloned(),
                _ => None,
            };
            let seen: Vec<Value> = server.effects().iter().filter_map(status).collect();
            prop_assert_eq!(seen, made);
            Ok(())
        })?;
    }

    /// A field is set and set back. Where the server keeps stamps the edit is sent, and wins against what others did
    /// before it; where it does not, nothing is sent, unless somebody else has changed the field meanwhile.
    #[test]
    fn l17_a_change_back_is_kept_where_its_stamp_can_matter(
        values in prop::collection::vec(0u8..3, 1..4),
        office in prop::option::of((0usize..4, 0u8..3)),
        stamps in any::<bool>(),
        told in any::<bool>(),
    ) {
        block_on(async {
            let (world, id) = World::with_one_account(if stamps { able() } else { without_stamps() }).await;
            let device = &world.devices[0];
            if told {
                // The device knows when the value was set that it comes back to.
                world.office(&id, "city", "Rome");
                device.sync().await;
            }
            let turn = |at: usize| {
                if let Some((_, to)) = office.filter(|(when, _)| *when == at) {
                    world.pass(10);
                    world.office(&id, "city", &format!("office {to}"));
                }
            };
            for (at, to) in values.iter().enumerate() {
                turn(at);
                world.pass(10);
                device.set(&id, "city", &format!("v{to}"));
            }
            world.pass(10);
            device.set(&id, "city", "Rome");
            let back = world.server().now();
            (values.len()..4).for_each(turn);
            world.pass(10);
            device.sync().await;
            let after = office.is_some_and(|(when, _)| when >= values.len());
            match (stamps, office, after) {
                (true, _, false) => {
                    prop_assert_eq!(world.on_server(&id, "city"), Value::text("Rome"));
                    let server = world.server().record(&entity("Account"), &id).unwrap();
                    prop_assert_eq!(server.stamps[&name("city")].time, Timestamp(back));
                }
                (true, Some((_, to)), true) => {
                    prop_assert_eq!(world.on_server(&id, "city"), Value::text(format!("office {to}")));
                }
                (false, None, _) => {
                    prop_assert_eq!(world.server().effects().len(), 0);
                    let all = device.store().operations(&OperationSelection::Latest(10)).unwrap();
                    for operation in all {
                        let outcome = device.engine.outcome(operation.id).unwrap();
                        prop_assert_eq!(outcome, Outcome::Applied(Applied::Accepted));
                    }
                }
                (false, Some((_, to)), _) => {
                    prop_assert_eq!(world.on_server(&id, "city"), Value::text(format!("office {to}")));
                    prop_assert_eq!(device.open_entries().len(), 1, "it is shown");
                }
                (true, None, true) => prop_assert!(false, "after nothing"),
            }
            Ok(())
        })?;
    }
}
