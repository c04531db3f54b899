//! The write door.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use driftless_record::{EntityName, OperationState, Query, Schema, Timestamp, Value};
use driftless_store::{
    CommitNumber, FileRow, JournalReader, LogSelection, OperationSelection, RecordStore, StoreError,
    ViewReader, Write, WriteBatch,
};

use crate::store::StoreFactory;
use crate::store::sample::{
    account, batch, entity, field, id, image, log_entry, one_row, operation, put_account, put_operation,
    request_id, schema, schema_batch, sending,
};

/// A fresh store answers every question with nothing.
pub fn an_empty_store_has_nothing(factory: &mut impl StoreFactory) {
    let store = factory.open();
    assert_eq!(store.position().unwrap(), CommitNumber(0));
    assert_eq!(*store.schema().unwrap(), Schema::default());
    assert_eq!(store.pending().unwrap(), 0);
    assert_eq!(store.operations(&OperationSelection::Pending(9)).unwrap(), []);
    assert_eq!(store.operations(&OperationSelection::Latest(9)).unwrap(), []);
    assert_eq!(store.log(&LogSelection::Open).unwrap(), []);
    assert_eq!(store.note("checkpoint").unwrap(), None);
    assert_eq!(store.loading().unwrap(), Vec::<EntityName>::new());
    assert_eq!(store.unsettled(&entity("Account")).unwrap(), []);
    let unknown = store.get(&entity("Account"), &account(1));
    assert!(
        matches!(unknown, Err(StoreError::UnknownEntity(_))),
        "{unknown:?}"
    );
}

/// Each commit has a number above all before, also an empty one, and across reopening.
pub fn numbers_of_commits_grow(factory: &mut impl StoreFactory) {
    let mut store = factory.open();
    let mut last = store.position().unwrap();
    for round in 0..4 {
        let number = store.commit(WriteBatch::default()).unwrap();
        assert!(number > last);
        assert_eq!(store.position().unwrap(), number);
        last = number;
        if round == 1 {
            store = factory.reopen(store);
        }
    }
}

/// A batch based on an older commit does nothing; one based on the last commit is carried out.
pub fn a_stale_batch_changes_nothing(factory: &mut impl StoreFactory) {
    let store = factory.open();
    let first = store.commit(schema_batch()).unwrap();
    let second = store.commit(batch([put_account(1, "Alpha")])).unwrap();
    let mut late = WriteBatch::based_on(first);
    late.push(put_account(1, "Late"));
    let error = store.commit(late.clone()).unwrap_err();
    assert!(
        matches!(error, StoreError::Stale { expected, found } if expected == first && found == second),
        "{error:?}"
    );
    assert_eq!(name(&store, 1), Value::text("Alpha"));
    assert_eq!(store.position().unwrap(), second);
    late.expect = Some(second);
    store.commit(late).unwrap();
    assert_eq!(name(&store, 1), Value::text("Late"));
}

/// A write that does not fit undoes all before it in its batch.
pub fn an_unfit_write_leaves_nothing_of_its_batch(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    let before = batch([
        put_account(1, "Alpha"),
        put_operation(operation(1, &account(1), OperationState::Queued)),
        Write::PutImage(image(1, "Alpha")),
        Write::PutLog(Box::new(log_entry(1))),
        Write::PutSending(Box::new(sending(1))),
        Write::PutNote("checkpoint".to_owned(), Some(vec![1])),
    ]);
    let position = store.commit(before).unwrap();
    let unfit = [
        Write::PutRows(one_row(
            "Account",
            &account(2),
            None,
            vec![("employees", Value::text("many"))],
        )),
        Write::PutRows(one_row(
            "Account",
            &account(2),
            None,
            vec![("nothing", Value::Null)],
        )),
        Write::PutRows(one_row("Nothing", &account(2), None, vec![])),
        Write::RemoveRows(entity("Nothing"), vec![id("1")]),
        Write::BeginLoad(entity("Nothing")),
        Write::EndLoad(entity("Nothing")),
    ];
    for last in unfit {
        let mut smaller = schema();
        smaller.entities.remove("Line");
        let mut batch = batch([
            Write::PutSchema(Arc::new(smaller)),
            put_account(1, "Other"),
            put_account(3, "New"),
            Write::RemoveRows(entity("Account"), vec![account(1)]),
            put_operation(operation(1, &account(1), OperationState::Superseded)),
            put_operation(operation(2, &account(1), OperationState::Queued)),
            Write::DropImage(entity("Account"), account(1)),
            Write::PutImage(image(3, "New")),
            Write::PutLog(Box::new(log_entry(2))),
            Write::DropSending(request_id(1)),
            Write::PutNote("checkpoint".to_owned(), None),
            Write::PutNote("other".to_owned(), Some(vec![2])),
            Write::BeginLoad(entity("Account")),
            Write::PutFile(FileRow {
                content: "c1".to_owned(),
                entity: entity("Account"),
                id: account(1),
                field: field("contract"),
                size: 1,
                sent: false,
            }),
        ]);
        batch.push(last);
        let error = store.commit(batch).unwrap_err();
        assert!(
            matches!(error, StoreError::Unfit(_) | StoreError::UnknownEntity(_)),
            "{error:?}"
        );
        assert_eq!(store.position().unwrap(), position);
        assert_eq!(*store.schema().unwrap(), schema());
        assert_eq!(name(&store, 1), Value::text("Alpha"));
        assert_eq!(store.get(&entity("Account"), &account(3)).unwrap(), None);
        assert_eq!(
            store.operations(&OperationSelection::Latest(9)).unwrap(),
            [operation(1, &account(1), OperationState::Queued)]
        );
        assert_eq!(store.unsettled(&entity("Account")).unwrap(), [account(1)]);
        assert_eq!(store.log(&LogSelection::Latest(9)).unwrap(), [log_entry(1)]);
        assert_eq!(store.sending(request_id(1)).unwrap(), Some(sending(1)));
        assert_eq!(store.note("checkpoint").unwrap(), Some(vec![1]));
        assert_eq!(store.note("other").unwrap(), None);
        assert_eq!(store.loading().unwrap(), []);
        assert_eq!(store.files(&entity("Account"), &account(1)).unwrap(), []);
    }
}

/// What was committed is there after closing and opening.
pub fn everything_survives_reopening(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    let number = store
        .commit(batch([
            put_account(1, "Alpha"),
            put_operation(operation(1, &account(1), OperationState::Queued)),
            put_operation(operation(2, &account(1), OperationState::Reverted)),
            Write::PutImage(image(1, "Alpha")),
            Write::PutLog(Box::new(log_entry(1))),
            Write::PutSending(Box::new(sending(1))),
            Write::PutNote("checkpoint".to_owned(), Some(vec![1, 2])),
        ]))
        .unwrap();
    let store = factory.reopen(store);
    assert_eq!(store.position().unwrap(), number);
    assert_eq!(*store.schema().unwrap(), schema());
    assert_eq!(name(&store, 1), Value::text("Alpha"));
    assert_eq!(
        store
            .query(&Query::all(entity("Account")), Timestamp(0))
            .unwrap()
            .len(),
        1
    );
    assert_eq!(store.pending().unwrap(), 1);
    assert_eq!(store.operations(&OperationSelection::Latest(9)).unwrap().len(), 2);
    assert_eq!(
        store.image(&entity("Account"), &account(1)).unwrap(),
        Some(image(1, "Alpha"))
    );
    assert_eq!(store.log(&LogSelection::Open).unwrap(), [log_entry(1)]);
    assert_eq!(store.sending(request_id(1)).unwrap(), Some(sending(1)));
    assert_eq!(store.note("checkpoint").unwrap(), Some(vec![1, 2]));
}

/// While one thread commits pairs, others never see half a pair.
pub fn readers_see_whole_commits(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    store
        .commit(batch([put_account(1, "0"), put_account(2, "0")]))
        .unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..60 {
                let text = round.to_string();
                store
                    .commit(batch([put_account(1, &text), put_account(2, &text)]))
                    .unwrap();
            }
            done.store(true, Ordering::Release);
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    let pair = store.query(&Query::all(entity("Account")), Timestamp(0)).unwrap();
                    assert_eq!(pair[0].value(&field("name")), pair[1].value(&field("name")));
                }
            });
        }
    });
    assert_eq!(name(&store, 2), Value::text("59"));
}

fn name(store: &impl RecordStore, n: u128) -> Value {
    let record = store.get(&entity("Account"), &account(n)).unwrap();
    record.map_or(Value::Null, |record| record.value(&field("name")).clone())
}
