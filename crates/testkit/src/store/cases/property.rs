//! Random batches against the model.

use std::cell::RefCell;

use driftless_record::{Applied, LogId, OperationState, Query, Record, RecordId, Timestamp, Value};
use driftless_store::{FileRow, Image, LogSelection, OperationSelection, RecordStore, Write};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::store::sample::{
    account, batch, entity, field, id, image, log_entry, one_row, operation, operation_id, put_operation,
    request_id, schema_batch, sending,
};
use crate::store::{Model, StoreFactory};

/// Whatever is committed, and however often the store is reopened, it reads like the model.
pub fn random_batches_read_like_the_model(factory: &mut impl StoreFactory) {
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    let steps = prop::collection::vec(prop_oneof![9 => batches().prop_map(Some), 1 => Just(None)], 1..30);
    let state = RefCell::new((Some(factory.open()), factory));
    let outcome = runner.run(&steps, |steps| {
        let (store, factory) = &mut *state.borrow_mut();
        let mut open = store.take().unwrap_or_else(|| factory.open());
        let mut model = clear(&open);
        for step in steps {
            match step {
                Some(writes) => {
                    open.commit(batch(writes.iter().cloned())).map_err(|e| fail(&e))?;
                    writes.iter().for_each(|write| model.write(write));
                }
                None => open = factory.reopen(open),
            }
        }
        compare(&open, &model)?;
        *store = Some(open);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn fail(error: &driftless_store::StoreError) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

/// Brings a store back to a state that the model can begin with.
fn clear(store: &impl RecordStore) -> Model {
    store.commit(schema_batch()).unwrap();
    let mut writes = Vec::new();
    for name in ["Account", "Contact"] {
        let ids = store.ids(&entity(name), None, usize::MAX).unwrap();
        writes.push(Write::RemoveRows(
            entity(name),
            ids.into_iter().map(|(id, _)| id).collect(),
        ));
        writes.push(Write::EndLoad(entity(name)));
    }
    for n in 0..6 {
        writes.push(Write::DropImage(entity("Account"), account(n)));
        writes.push(Write::DropSending(request_id(n)));
        writes.push(Write::PutNote(n.to_string(), None));
        writes.push(Write::DropFile(format!("c{n}")));
    }
    store.commit(batch(writes)).unwrap();
    let mut model = Model::default();
    for operation in store.operations(&OperationSelection::Latest(usize::MAX)).unwrap() {
        model.operations.insert(operation.id, operation);
    }
    for entry in store.log(&LogSelection::Latest(usize::MAX)).unwrap() {
        model.log.insert(entry.id, entry);
    }
    model
}

fn batches() -> impl Strategy<Value = Vec<Write>> {
    prop::collection::vec(writes(), 0..6)
}

fn writes() -> impl Strategy<Value = Write> {
    let n = 0..6u128;
    let text = prop_oneof![Just(Value::Null), "[ab%_']{0,3}".prop_map(Value::text)];
    let number = prop_oneof![Just(Value::Null), any::<i32>().prop_map(|v| Value::Int(v.into()))];
    let names = prop_oneof![Just("Account"), Just("Contact")];
    prop_oneof![
        (n.clone(), text.clone(), number.clone()).prop_map(|(n, name, employees)| {
            let values = vec![("name", name), ("employees", employees)];
            Write::PutRows(one_row("Account", &account(n), Some(&format!("r{n}")), values))
        }),
        (n.clone(), text.clone()).prop_map(|(n, name)| {
            Write::PutRows(one_row("Account", &account(n), None, vec![("name", name)]))
        }),
        (n.clone(), text).prop_map(|(n, name)| {
            Write::PutRows(one_row(
                "Contact",
                &id(&n.to_string()),
                None,
                vec![("name", name)],
            ))
        }),
        n.clone()
            .prop_map(|n| Write::RemoveRows(entity("Account"), vec![account(n), account(n / 2)])),
        (n.clone(), any::<bool>(), any::<bool>()).prop_map(|(n, gone, known)| {
            let whole = image(n, "image");
            let server = whole.server.clone().filter(|_| known);
            Write::PutImage(Image {
                server,
                gone,
                ..whole
            })
        }),
        n.clone()
            .prop_map(|n| Write::DropImage(entity("Account"), account(n))),
        (0..6u64, n.clone(), states()).prop_map(|(at, n, state)| put_operation(operation(
            at,
            &account(n),
            state
        ))),
        (0..6u64, n.clone(), states()).prop_map(|(at, n, state)| put_operation(operation(
            at,
            &account(n),
            state
        ))),
        n.clone().prop_map(|n| Write::PutSending(Box::new(sending(n)))),
        n.clone().prop_map(|n| Write::DropSending(request_id(n))),
        (0..6u64, any::<bool>()).prop_map(|(n, needs_person)| {
            let mut entry = log_entry(n);
            entry.needs_person = needs_person;
            Write::PutLog(Box::new(entry))
        }),
        (n.clone(), any::<Option<Vec<u8>>>()).prop_map(|(n, value)| Write::PutNote(n.to_string(), value)),
        names.clone().prop_map(|name| Write::BeginLoad(entity(name))),
        names.prop_map(|name| Write::EndLoad(entity(name))),
        (n.clone(), n.clone(), any::<bool>()).prop_map(|(content, n, sent)| {
            Write::PutFile(FileRow {
                content: format!("c{content}"),
                entity: entity("Account"),
                id: account(n),
                field: field("contract"),
                size: 1,
                sent,
            })
        }),
        n.prop_map(|n| Write::DropFile(format!("c{n}"))),
    ]
}

fn states() -> impl Strategy<Value = OperationState> {
    prop_oneof![
        3 => Just(OperationState::Queued),
        1 => Just(OperationState::InFlight(request_id(1))),
        1 => Just(OperationState::Refused(LogId(1))),
        1 => Just(OperationState::Applied(Applied::Merged)),
        1 => Just(OperationState::Reverted),
    ]
}

/// Returns whether a record of the store says what the model's says: fields that the model does not name are null.
fn same(stored: &Record, model: &Record) -> bool {
    let known = stored
        .fields
        .iter()
        .all(|(name, value)| value == model.value(name));
    known
        && model.fields.keys().all(|name| stored.fields.contains_key(name))
        && stored.revision == model.revision
}

fn compare(store: &impl RecordStore, model: &Model) -> Result<(), TestCaseError> {
    for name in ["Account", "Contact"] {
        let name = entity(name);
        let rows: Vec<_> = model
            .rows
            .iter()
            .filter(|((of, _), _)| *of == name)
            .map(|(_, record)| record)
            .collect();
        let ids: Vec<RecordId> = store
            .ids(&name, None, 99)
            .unwrap()
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        prop_assert_eq!(
            ids,
            rows.iter().map(|record| record.id.clone()).collect::<Vec<_>>()
        );
        for record in &rows {
            let stored = store.get(&name, &record.id).unwrap().unwrap();
            prop_assert!(same(&stored, record), "{:?} is not {:?}", stored, record);
        }
        let shown = store.query(&Query::all(name.clone()), Timestamp(0)).unwrap();
        let expected = if model.loading.contains_key(&name) {
            0
        } else {
            rows.len()
        };
        prop_assert_eq!(shown.len(), expected);
        prop_assert!(
            shown
                .iter()
                .zip(rows)
                .all(|(stored, record)| same(stored, record))
        );
        let images = model.images.iter().filter(|((of, _), _)| *of == name);
        let mut unsettled = store.unsettled(&name).unwrap();
        unsettled.sort_unstable();
        prop_assert_eq!(
            unsettled,
            images.map(|((_, id), _)| id.clone()).collect::<Vec<_>>()
        );
    }
    let pending = model.pending();
    prop_assert_eq!(store.pending().unwrap(), pending.len() as u64);
    prop_assert_eq!(
        &store.operations(&OperationSelection::Pending(3)).unwrap()[..],
        &pending[..pending.len().min(3)]
    );
    prop_assert_eq!(
        store.operations(&OperationSelection::Latest(99)).unwrap(),
        model.in_sequence()
    );
    for n in 0..6 {
        let place = (entity("Account"), account(n));
        let mut of_record = pending.clone();
        of_record.retain(|operation| operation.record == place.1);
        let selection = OperationSelection::PendingOf(place.0.clone(), place.1.clone());
        prop_assert_eq!(store.operations(&selection).unwrap(), of_record);
        let one = store
            .operations(&OperationSelection::One(operation_id(n)))
            .unwrap();
        prop_assert_eq!(one.first(), model.operations.get(&operation_id(n)));
        prop_assert_eq!(
            store.image(&place.0, &place.1).unwrap(),
            model.images.get(&place).cloned()
        );
        prop_assert_eq!(
            store.sending(request_id(n)).unwrap(),
            model.sendings.get(&request_id(n)).cloned()
        );
        prop_assert_eq!(
            store.note(&n.to_string()).unwrap(),
            model.notes.get(&n.to_string()).cloned()
        );
        let files: Vec<_> = model
            .files
            .values()
            .filter(|file| file.id == place.1)
            .cloned()
            .collect();
        prop_assert_eq!(store.files(&place.0, &place.1).unwrap(), files);
    }
    let log: Vec<_> = model.log.values().cloned().collect();
    let open: Vec<_> = log.iter().filter(|entry| entry.is_open()).cloned().collect();
    prop_assert_eq!(store.log(&LogSelection::Latest(99)).unwrap(), log);
    prop_assert_eq!(store.log(&LogSelection::Open).unwrap(), open);
    let mut loading = store.loading().unwrap();
    loading.sort_unstable();
    prop_assert_eq!(loading, model.loading.keys().cloned().collect::<Vec<_>>());
    Ok(())
}
