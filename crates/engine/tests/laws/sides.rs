//! Whose values win, and what is sent then.

use std::collections::BTreeSet;

use driftless_engine::Decision;
use driftless_record::{
    ChangeAction, Condition, ConflictRule, FieldName, Fields, LogEntry, LogKind, RecordId, Settings, Side,
    Value,
};
use driftless_store::LogSelection;
use proptest::prelude::*;

use crate::chance::{Apart, apart, block, cases};
use crate::common::*;
use crate::wire::Wire;

const RULES: [ConflictRule; 4] = [
    ConflictRule::ExecutionOrder,
    ConflictRule::ServerWins,
    ConflictRule::ClientWins,
    ConflictRule::Ask,
];

/// The administrator's settings with one of the rules.
pub(crate) fn settings(rule: usize) -> Settings {
    Settings {
        conflict: RULES[rule],
        ..Settings::default()
    }
}

/// What a server may do to what it is sent.
pub(crate) fn shout(fields: &mut Fields) {
    if let Some(Value::Text(text)) = fields.get_mut("name") {
        *text = text.to_uppercase();
    }
}

/// A world of one device and one record, changed on both sides since they were the same.
async fn world(apart: &Apart, stamps: bool, rule: usize) -> (World, RecordId) {
    let world = World::new(1, if stamps { able() } else { without_stamps() }, 1);
    world.server().set_settings(Some(settings(rule)));
    let id = world.account(1, "v0");
    for touch in apart.base {
        world.server().put(&entity("Account"), &id, touch.fields());
    }
    world.devices[0].sync().await;
    for touch in &apart.mine {
        world.pass(1000);
        world.devices[0]
            .engine
            .update("Account", id.as_str(), touch.fields())
            .unwrap();
    }
    for touch in &apart.theirs {
        world.pass(1000);
        world.server().put(&entity("Account"), &id, touch.fields());
    }
    world.pass(1000);
    (world, id)
}

fn last(of: &[crate::chance::Touch], city: bool) -> Option<Value> {
    of.iter()
        .rev()
        .find(|touch| touch.city == city)
        .map(|touch| touch.value())
}

fn log(device: &Device) -> Vec<LogEntry> {
    device.engine.log(&LogSelection::Latest(1000)).unwrap()
}

proptest! {
    #![proptest_config(cases(64))]

    /// Two people who worked on different fields have not contradicted each other, so there is nothing for a policy to
    /// decide: whoever compares whole records loses one of both.
    #[test]
    fn l25_changes_of_different_fields_are_both_kept_under_every_rule(
        mut apart in apart(), stamps in any::<bool>(), rule in 0usize..4,
    ) {
        apart.mine.iter_mut().for_each(|touch| touch.city = true);
        apart.theirs.iter_mut().for_each(|touch| touch.city = false);
        block(async {
            let (world, id) = world(&apart, stamps, rule).await;
            world.devices[0].sync().await;
            prop_assert_eq!(world.devices[0].open_entries(), vec![]);
            let base = |city: bool| apart.base[usize::from(city)].value();
            prop_assert_eq!(world.on_server(&id, "city"), last(&apart.mine, true).unwrap_or_else(|| base(true)));
            prop_assert_eq!(world.on_server(&id, "name"), last(&apart.theirs, false).unwrap_or_else(|| base(false)));
            Ok(())
        })?;
    }

    /// A field that is sent along unchanged overwrites what somebody else does to it in the same moment, and a field
    /// that the device does not know is emptied.
    #[test]
    fn l26_a_change_sends_only_the_fields_that_it_changes(
        apart in apart(), stamps in any::<bool>(), rule in 0usize..4, decisions in prop::collection::vec(any::<bool>(), 1..3),
    ) {
        block(async {
            let (world, _) = world(&apart, stamps, rule).await;
            let device = &world.devices[0];
            device.sync().await;
            for (entry, mine) in device.open_entries().iter().zip(decisions.iter().cycle()) {
                device.engine.resolve(entry.id, if *mine { &Decision::Mine } else { &Decision::Theirs }).unwrap();
            }
            device.sync().await;
            let edited: BTreeSet<FieldName> = apart.mine.iter().map(|touch| name(touch.field())).collect();
            for effect in world.server().effects() {
                let ChangeAction::Update(fields) = &effect.change.action else { continue };
                for (field, value) in fields {
                    prop_assert!(edited.contains(field), "{} was sent", field);
                    let mine = apart.mine.iter().any(|touch| touch.field() == field.as_str() && touch.value() == *value);
                    prop_assert!(mine, "{} was sent with a value that nobody set here", field);
                }
            }
            Ok(())
        })?;
    }

    /// "The device wins" is about what both have seen. A third change that comes in between is read first and kept in
    /// the log, and who is overtaken again and again gives up and asks.
    #[test]
    fn l30_client_wins_sends_the_revision_that_was_just_read_a_bounded_number_of_times(
        others in 0usize..16, stamps in any::<bool>(),
    ) {
        block(async {
            let apart = Apart {
                base: [crate::chance::Touch { city: false, value: 0 }, crate::chance::Touch { city: true, value: 0 }],
                mine: vec![crate::chance::Touch { city: true, value: 1 }],
                theirs: vec![crate::chance::Touch { city: true, value: 2 }],
            };
            let (world, id) = world(&apart, stamps, 2).await;
            let wire = Wire::new(&world.backend);
            let (key, mut left) = (id.clone(), others);
            wire.rules.lock().unwrap().before_push = Some(Box::new(move |server| {
                if left > 0 {
                    left -= 1;
                    let third = format!("third {left}");
                    server.put(&entity("Account"), &key, fields(&[("city", Value::text(third))]));
                }
            }));
            for _ in 0..20 {
                world.devices[0].engine.sync(&wire, options()).await.unwrap();
                world.pass(400_000);
            }
            let sent = std::mem::take(&mut wire.rules.lock().unwrap().sent);
            prop_assert!(sent.len() <= 13, "{} tries", sent.len());
            for item in &sent {
                prop_assert!(matches!(item.sending.change.condition, Condition::Revision(_)), "sent blind");
            }
            let told = log(&world.devices[0]);
            let seen: BTreeSet<String> =
                told.iter().flat_map(|entry| &entry.fields).map(|case| case.theirs.to_string()).collect();
            if world.devices[0].open_entries().is_empty() {
                prop_assert_eq!(world.on_server(&id, "city"), Value::text("v1"));
                // What was overwritten in the end is in the log.
                let overwritten = if others == 0 { "v2".to_owned() } else { "third 0".to_owned() };
                prop_assert!(seen.contains(&overwritten), "{} is nowhere in {:?}", overwritten, seen);
            } else {
                prop_assert!(others >= 10);
                prop_assert!(world.on_server(&id, "city").to_string().starts_with("third"));
            }
            Ok(())
        })?;
    }

    /// To give way without a word is to lose an edit: what the server's values replaced stays readable.
    #[test]
    fn l31_where_the_server_wins_its_values_stay_and_the_lost_ones_are_in_the_log(
        apart in apart(), stamps in any::<bool>(), days in prop_oneof![Just(0u8), Just(1), Just(40)],
    ) {
        block(async {
            let (world, id) = world(&apart, stamps, 1).await;
            let device = &world.devices[0];
            device.sync().await;
            prop_assert_eq!(device.engine.outbox().unwrap(), vec![]);
            // Nobody has to read the log the same day.
            for _ in 0..days {
                world.pass(86_400_000);
                device.sync().await;
            }
            for city in [false, true] {
                let base = apart.base[usize::from(city)].value();
                let theirs = last(&apart.theirs, city).unwrap_or_else(|| base.clone());
                // An edit that set the value that was there already is none.
                let mut shown = base.clone();
                let edits = apart.mine.iter().filter(|touch| touch.city == city);
                let edits: Vec<Value> = edits.map(|touch| touch.value()).filter(|value| {
                    let changes = *value != shown;
                    shown.clone_from(value);
                    changes
                }).collect();
                let field = if city { "city" } else { "name" };
                let Some(mine) = edits.last() else { continue };
                if last(&apart.theirs, city).is_none() {
                    // Nobody else was here: the server wins what is contradicted, and nothing besides.
                    prop_assert_eq!(world.on_server(&id, field), mine.clone());
                }
                if theirs == base {
                    continue;
                }
                // Where the server has what I had on the way, what I made of it later contradicts nothing (law L12).
                if edits[..edits.len() - 1].contains(&theirs) {
                    continue;
                }
                prop_assert_eq!(world.on_server(&id, field), theirs.clone());
                prop_assert_eq!(device.text("Account", &id, field), Some(theirs.to_string()));
                if *mine != theirs {
                    let lost = log(device).into_iter().filter(|entry| entry.kind == LogKind::Overwritten).any(|entry| {
                        entry.fields.iter().any(|case| {
                            case.field.as_str() == field && case.mine == *mine && case.winner == Some(Side::Theirs)
                        })
                    });
                    prop_assert!(lost, "{} {} is nowhere in the log", field, mine);
                }
            }
            prop_assert_eq!(device.open_entries(), vec![]);
            Ok(())
        })?;
    }

    /// An update that a server takes for an upsert makes a record of two fields out of one that somebody deleted.
    #[test]
    fn l32_a_change_of_a_record_that_is_gone_makes_no_new_one(
        apart in apart(), stamps in any::<bool>(), rule in 0usize..4, late in any::<bool>(),
    ) {
        block(async {
            let (world, id) = world(&apart, stamps, rule).await;
            let wire = Wire::new(&world.backend);
            let key = id.clone();
            if late {
                // Between the reading and the write.
                wire.rules.lock().unwrap().before_push = Some(Box::new(move |server| {
                    if server.effects().is_empty() && server.record(&entity("Account"), &key).is_some() {
                        server.remove(&entity("Account"), &key);
                    }
                }));
            } else {
                world.server().remove(&entity("Account"), &id);
            }
            for _ in 0..3 {
                world.devices[0].engine.sync(&wire, options()).await.unwrap();
            }
            for item in &wire.rules.lock().unwrap().sent {
                if matches!(item.sending.change.action, ChangeAction::Update(_)) {
                    prop_assert!(item.sending.change.condition != Condition::Absent);
                }
            }
            let found = world.server().record(&entity("Account"), &id);
            if let Some(found) = found {
                let made = world.server().effects().iter().any(|effect| {
                    matches!(&effect.change.action, ChangeAction::Create(fields) if fields.contains_key("name") && fields.contains_key("city"))
                });
                let untouched = world.server().effects().is_empty();
                prop_assert!(made || untouched, "half a record: {:?}", found.record.fields);
                prop_assert!(!made || RULES[rule] == ConflictRule::ClientWins, "made again by {:?}", RULES[rule]);
            }
            Ok(())
        })?;
    }

    /// A record that comes back without half its fields, or under another id, is another record with the same name.
    #[test]
    fn l33_a_deleted_record_comes_back_whole_under_its_own_id_or_not_at_all(
        apart in apart(), stamps in any::<bool>(), by_rule in any::<bool>(), closed in any::<bool>(),
    ) {
        block(async {
            let (world, id) = world(&Apart { theirs: Vec::new(), ..apart.clone() }, stamps, if by_rule { 2 } else { 3 }).await;
            let device = &world.devices[0];
            if device.pending().is_empty() {
                return Ok(());
            }
            let mine = device.engine.get("Account", id.as_str()).unwrap().fields;
            world.server().remove(&entity("Account"), &id);
            if closed {
                let mut schema = schema();
                let mut account = (**schema.entity("Account").unwrap()).clone();
                account.access.create = false;
                schema.add(account);
                world.server().set_schema(std::sync::Arc::new(schema));
            }
            device.sync().await;
            for entry in device.open_entries() {
                let done = device.engine.resolve(entry.id, &Decision::Mine);
                prop_assert_eq!(done.is_err(), closed);
            }
            device.sync().await;
            let effects = world.server().effects().to_vec();
            if closed {
                prop_assert_eq!(effects, vec![]);
                prop_assert_eq!(device.open_entries().len(), 1);
                prop_assert_eq!(device.engine.get("Account", id.as_str()).unwrap().fields, mine);
                return Ok(());
            }
            prop_assert_eq!(effects.len(), 1, "in one request");
            prop_assert_eq!(&effects[0].change.record, &id);
            let filled: Fields = mine.into_iter().filter(|(_, value)| !value.is_null()).collect();
            prop_assert_eq!(world.server().all(&entity("Account")).remove(&id), Some(filled));
            Ok(())
        })?;
    }
}
