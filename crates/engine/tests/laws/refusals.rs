//! What becomes of changes that the server refuses, of those behind them, and of what is taken back.

use std::collections::BTreeSet;

use driftless_engine::Outcome;
use driftless_record::{
    Cause, CauseClass, Change, ChangeAction, LogKind, Operation, OperationId, OperationKind, OperationState,
    Value,
};
use proptest::prelude::*;

use crate::chance::{block, cases};
use crate::common::*;
use crate::convergence::{play, step};

const CLASSES: [CauseClass; 13] = [
    CauseClass::Auth,
    CauseClass::Permission,
    CauseClass::Validation,
    CauseClass::MissingReference,
    CauseClass::Conflict,
    CauseClass::Precondition,
    CauseClass::Referenced,
    CauseClass::Unique,
    CauseClass::Gone,
    CauseClass::TooLarge,
    CauseClass::Throttled,
    CauseClass::Transient,
    CauseClass::Unsupported,
];

/// Refuses an account whose name says with which class.
fn as_named(change: &Change) -> Option<Cause> {
    let (ChangeAction::Create(fields) | ChangeAction::Update(fields)) = &change.action else {
        return None;
    };
    let Some(Value::Text(text)) = fields.get("name") else {
        return None;
    };
    let class = *CLASSES.get(text.strip_prefix("class ")?.parse::<usize>().ok()?)?;
    Some(Cause {
        class,
        field: Some(name("name")),
        other: None,
        code: "C7".to_owned(),
        text: format!("the server's words about {text}"),
    })
}

proptest! {
    #![proptest_config(cases(48))]

    /// Whoever reads "failed" cannot help himself. What was typed stays in view, whatever the server says, and the log
    /// says which field, which kind of reason and the server's own words.
    #[test]
    fn l36_every_refusal_keeps_the_values_with_class_field_and_the_servers_words(
        classes in prop::collection::vec(0usize..13, 1..6), updates in any::<bool>(),
    ) {
        block(async {
            let world = World::new(1, able(), 1);
            let ids: Vec<_> = (1..=classes.len() as u128).map(|number| world.account(number, "Some")).collect();
            let device = &world.devices[0];
            device.sync().await;
            world.server().refuse(Some(as_named));
            let mut made = Vec::new();
            for (class, id) in classes.iter().zip(&ids) {
                let given = fields(&[("name", Value::text(format!("class {class}")))]);
                let written = if updates {
                    device.engine.update("Account", id.as_str(), given)
                } else {
                    device.engine.create("Account", given)
                };
                made.push((CLASSES[*class], written.unwrap()));
            }
            for _ in 0..12 {
                device.sync().await;
                for ((class, written), number) in made.iter().zip(&classes) {
                    let text = format!("class {number}");
                    prop_assert_eq!(device.text("Account", &written.record, "name"), Some(text), "{:?}", class);
                }
                world.pass(600_000);
            }
            let entries = device.open_entries();
            for ((class, written), number) in made.iter().zip(&classes) {
                let operation = written.operation.unwrap();
                let entry = entries.iter().find(|entry| entry.operations.contains(&operation));
                let Some(entry) = entry else {
                    // To sign in is not about the change.
                    prop_assert_eq!(*class, CauseClass::Auth);
                    let stored = device.pending().into_iter().find(|o| o.id == operation).unwrap();
                    prop_assert_eq!((stored.state, stored.rebased), (OperationState::Queued, 0));
                    continue;
                };
                prop_assert_eq!(entry.kind, LogKind::Refused);
                let cause = entry.cause.clone().unwrap();
                prop_assert_eq!((cause.class, cause.code.as_str()), (*class, "C7"));
                prop_assert_eq!(cause.field, Some(name("name")));
                prop_assert_eq!(cause.text, format!("the server's words about class {number}"));
                prop_assert_eq!(device.engine.outcome(operation).unwrap(), Outcome::Parked(entry.id));
            }
            Ok(())
        })?;
    }

    /// What was refused is mended where it was made; what waited behind it has done nothing wrong and needs no hand.
    #[test]
    fn l38_mending_frees_everything_that_waited(
        bad in prop::collection::vec(any::<bool>(), 1..4), children in prop::collection::vec(0usize..4, 0..5),
        chained in any::<bool>(),
    ) {
        block(async {
            let world = World::new(1, able(), 1);
            let device = &world.devices[0];
            device.sync().await;
            world.server().refuse(Some(as_named));
            let title = |bad: bool| Value::text(if bad { "class 2" } else { "fine" });
            let accounts: Vec<_> =
                bad.iter().map(|bad| device.engine.create("Account", fields(&[("name", title(*bad))])).unwrap()).collect();
            if chained {
                for account in &accounts {
                    device.set(&account.record, "city", "Oslo");
                }
            }
            let mut waiting = Vec::new();
            for of in &children {
                let parent = &accounts[of % accounts.len()].record;
                let given = fields(&[("name", Value::text("Kim")), ("account", lookup(parent))]);
                waiting.push(device.engine.create("Contact", given).unwrap().operation.unwrap());
            }
            device.sync().await;
            let before: BTreeSet<OperationId> = device.pending().iter().map(|o| o.id).collect();
            let refused: Vec<_> = accounts.iter().zip(&bad).filter(|(_, bad)| **bad).map(|(account, _)| account).collect();
            prop_assert_eq!(device.open_entries().len(), refused.len());
            for account in refused {
                let mended = device.engine.update("Account", account.record.as_str(), fields(&[("name", Value::text("good"))]));
                prop_assert!(before.contains(&mended.unwrap().operation.unwrap()));
            }
            device.sync().await;
            prop_assert_eq!(device.engine.outbox().unwrap(), vec![]);
            prop_assert_eq!(device.open_entries(), vec![]);
            prop_assert_eq!(world.server().all(&entity("Contact")).len(), children.len());
            prop_assert_eq!(world.server().all(&entity("Account")).len(), bad.len());
            for operation in waiting {
                prop_assert!(matches!(device.engine.outcome(operation).unwrap(), Outcome::Applied(_)));
            }
            Ok(())
        })?;
    }

    /// To take something back is promised before it is done, so the promise must name all of it: what cannot be without
    /// it goes too, and not one operation more.
    #[test]
    fn l37_undo_takes_back_what_it_said_and_nothing_else(
        steps in prop::collection::vec(step(), 1..30), of in 0usize..8, seed in any::<u64>(),
    ) {
        block(async {
            let mut world = World::new(1, able(), seed);
            for number in 1..=2 {
                world.account(number, "Some");
            }
            world.devices[0].sync().await;
            use crate::convergence::Step::{OfficeDelete, Sync};
            for step in steps.iter().filter(|step| !matches!(step, Sync { .. } | OfficeDelete { .. })) {
                let step = step.clone().on_the_first();
                play(&mut world, &step, &mut Vec::new()).await;
            }
            let device = &world.devices[0];
            let before = device.pending();
            if before.is_empty() {
                return Ok(());
            }
            let start = &before[of % before.len()];
            let expected = without(&before, start);
            let told = device.engine.undo_preview(start.id).unwrap();
            prop_assert_eq!(device.pending(), before.clone(), "a preview does nothing");
            let ended: BTreeSet<OperationId> = told.ended.iter().map(|(id, _)| *id).collect();
            prop_assert_eq!(&ended, &expected);
            prop_assert_eq!(device.engine.undo(start.id).unwrap(), told);
            let left: Vec<OperationId> = device.pending().iter().map(|o| o.id).collect();
            let kept: Vec<OperationId> = before.iter().map(|o| o.id).filter(|id| !expected.contains(id)).collect();
            prop_assert_eq!(left, kept);
            prop_assert_eq!(crate::watched::view_is_off(device.store()), None);
            for operation in before.iter().filter(|o| expected.contains(&o.id)) {
                prop_assert_eq!(device.engine.outcome(operation.id).unwrap(), Outcome::Reverted);
                let key = (&operation.entity, &operation.record);
                let rest = device.pending().iter().any(|o| (&o.entity, &o.record) == key);
                if !rest {
                    // As the server has it, or not at all.
                    let view = device.store().get(key.0, key.1).unwrap();
                    let there = world.server().record(key.0, key.1);
                    prop_assert_eq!(view.is_some(), there.is_some());
                    prop_assert_eq!(device.store().image(key.0, key.1).unwrap(), None);
                }
            }
            Ok(())
        })?;
    }
}

/// Returns what cannot be without an operation: all later ones of a record that it makes, and every create and update
/// that names such a record, and so on.
pub(crate) fn without(pending: &[Operation], start: &Operation) -> BTreeSet<OperationId> {
    let mut gone = BTreeSet::from([start.id]);
    loop {
        let count = gone.len();
        for operation in pending {
            let needs = pending.iter().filter(|other| gone.contains(&other.id)).any(|other| {
                let makes = matches!(other.kind, OperationKind::Create(_));
                let same = (&other.entity, &other.record) == (&operation.entity, &operation.record);
                let mut edits = operation.kind.edits().into_iter().flatten();
                let names = edits.any(|(_, edit)| {
                    matches!(&edit.new, Value::Lookup(to) if (&to.entity, &to.id) == (&other.entity, &other.record))
                });
                // A record may be named before it is made, unless that names one that was deleted since.
                let of_record = |one: &&Operation| (&one.entity, &one.record) == (&other.entity, &other.record);
                let is_first = pending.iter().find(of_record).is_some_and(|first| first.id == other.id);
                makes && (other.sequence < operation.sequence && (same || names) || names && is_first)
            });
            if needs {
                gone.insert(operation.id);
            }
        }
        if gone.len() == count {
            return gone;
        }
    }
}
