//! The journal.

use driftless_record::{Applied, LogId, OperationState, Settled, Timestamp};
use driftless_store::{
    FileRow, Image, JournalReader, LogSelection, OperationSelection, RecordStore, StoreError,
    ViewReader as _, Write,
};

use crate::store::StoreFactory;
use crate::store::sample::{
    account, batch, entity, field, image, log_entry, operation, operation_id, put_account, put_operation,
    request_id, schema_batch, sending,
};

/// Operations come in the order of their sequence numbers, whatever the order they were put in.
pub fn operations_come_in_sequence(factory: &mut impl StoreFactory) {
    let store = factory.open();
    let put = |n: u64, record: u128, state| put_operation(operation(n, &account(record), state));
    let done = OperationState::Applied(Applied::Accepted);
    store
        .commit(batch([
            put(30, 1, OperationState::Queued),
            put(10, 1, OperationState::Waiting(Timestamp(5))),
            put(40, 2, done.clone()),
            put(20, 2, OperationState::Queued),
            put(5, 1, done),
        ]))
        .unwrap();
    let numbers = |selection| -> Vec<u64> {
        let found = store.operations(&selection).unwrap();
        found.iter().map(|operation| operation.sequence).collect()
    };
    assert_eq!(numbers(OperationSelection::Pending(9)), [10, 20, 30]);
    assert_eq!(numbers(OperationSelection::Pending(2)), [10, 20]);
    assert_eq!(numbers(OperationSelection::Pending(0)), [0u64; 0]);
    assert_eq!(
        numbers(OperationSelection::PendingOf(entity("Account"), account(1))),
        [10, 30]
    );
    assert_eq!(
        numbers(OperationSelection::PendingOf(entity("Contact"), account(1))),
        [0u64; 0]
    );
    assert_eq!(numbers(OperationSelection::Latest(3)), [20, 30, 40]);
    assert_eq!(numbers(OperationSelection::Latest(9)), [5, 10, 20, 30, 40]);
    assert_eq!(numbers(OperationSelection::One(operation_id(40))), [40]);
    assert_eq!(numbers(OperationSelection::One(operation_id(41))), [0u64; 0]);
    let whole = store
        .operations(&OperationSelection::One(operation_id(10)))
        .unwrap();
    assert_eq!(
        whole,
        [operation(10, &account(1), OperationState::Waiting(Timestamp(5)))]
    );
}

/// An operation counts as pending exactly while its state is not final.
pub fn pending_follows_the_state(factory: &mut impl StoreFactory) {
    let store = factory.open();
    let states = [
        OperationState::Queued,
        OperationState::InFlight(request_id(1)),
        OperationState::Unknown(request_id(1)),
        OperationState::Waiting(Timestamp(1)),
        OperationState::Conflict(LogId(1)),
        OperationState::Refused(LogId(1)),
        OperationState::Applied(Applied::Accepted),
        OperationState::Queued,
        OperationState::Applied(Applied::Merged),
        OperationState::Superseded,
        OperationState::Reverted,
    ];
    for state in states {
        let operation = operation(1, &account(1), state);
        store.commit(batch([put_operation(operation.clone())])).unwrap();
        let pending = u64::from(!operation.state.is_final());
        assert_eq!(store.pending().unwrap(), pending, "{:?}", operation.state);
        let of_record = OperationSelection::PendingOf(entity("Account"), account(1));
        assert_eq!(store.operations(&of_record).unwrap().len() as u64, pending);
        assert_eq!(
            store.operations(&OperationSelection::Latest(9)).unwrap(),
            [operation]
        );
    }
}

/// Putting an operation again replaces it, also its record and place in the sequence.
pub fn an_operation_replaces_the_one_of_its_id(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store
        .commit(batch([put_operation(operation(
            1,
            &account(1),
            OperationState::Queued,
        ))]))
        .unwrap();
    let mut moved = operation(7, &account(2), OperationState::Queued);
    moved.id = operation_id(1);
    store.commit(batch([put_operation(moved.clone())])).unwrap();
    assert_eq!(
        store.operations(&OperationSelection::Pending(9)).unwrap(),
        [moved.clone()]
    );
    let before = OperationSelection::PendingOf(entity("Account"), account(1));
    assert_eq!(store.operations(&before).unwrap(), []);
    let now = OperationSelection::PendingOf(entity("Account"), account(2));
    assert_eq!(store.operations(&now).unwrap(), [moved]);
}

/// A second pending operation with a sequence number that is taken is refused.
pub fn two_operations_never_share_a_sequence_number(factory: &mut impl StoreFactory) {
    let store = factory.open();
    let first = operation(1, &account(1), OperationState::Queued);
    store.commit(batch([put_operation(first.clone())])).unwrap();
    let mut second = first.clone();
    second.id = operation_id(2);
    let error = store.commit(batch([put_operation(second)])).unwrap_err();
    assert!(matches!(error, StoreError::Unfit(_)), "{error:?}");
    assert_eq!(store.operations(&OperationSelection::Latest(9)).unwrap(), [first]);
}

/// A sending is there, as it was put last, until it is dropped.
pub fn sendings_are_kept_until_dropped(factory: &mut impl StoreFactory) {
    let store = factory.open();
    let mut again = sending(1);
    again.first_sent = Timestamp(9);
    store
        .commit(batch([Write::PutSending(Box::new(sending(1)))]))
        .unwrap();
    assert_eq!(store.sending(request_id(1)).unwrap(), Some(sending(1)));
    store
        .commit(batch([Write::PutSending(Box::new(again.clone()))]))
        .unwrap();
    assert_eq!(store.sending(request_id(1)).unwrap(), Some(again));
    store
        .commit(batch([
            Write::DropSending(request_id(1)),
            Write::DropSending(request_id(2)),
        ]))
        .unwrap();
    assert_eq!(store.sending(request_id(1)).unwrap(), None);
}

/// A record is unsettled exactly while it has an image.
pub fn images_mark_unsettled_records(factory: &mut impl StoreFactory) {
    let store = factory.open();
    let mut none = image(2, "");
    none.server = None;
    let mut gone = image(1, "Alpha");
    gone.gone = true;
    store
        .commit(batch([
            Write::PutImage(none.clone()),
            Write::PutImage(image(1, "Alpha")),
        ]))
        .unwrap();
    let mut unsettled = store.unsettled(&entity("Account")).unwrap();
    unsettled.sort_unstable();
    assert_eq!(unsettled, [account(1), account(2)]);
    assert_eq!(store.unsettled(&entity("Contact")).unwrap(), []);
    assert_eq!(store.image(&entity("Account"), &account(2)).unwrap(), Some(none));
    store.commit(batch([Write::PutImage(gone.clone())])).unwrap();
    assert_eq!(store.image(&entity("Account"), &account(1)).unwrap(), Some(gone));
    store
        .commit(batch([Write::DropImage(entity("Account"), account(1))]))
        .unwrap();
    assert_eq!(store.image(&entity("Account"), &account(1)).unwrap(), None);
    assert_eq!(store.unsettled(&entity("Account")).unwrap(), [account(2)]);
    let mut wrong = image(3, "Gamma");
    wrong.id = account(4);
    let error = store.commit(batch([Write::PutImage(wrong)])).unwrap_err();
    assert!(matches!(error, StoreError::Unfit(_)), "{error:?}");
}

/// An image stays with its record, whatever becomes of the operation that was made with it, until it is replaced or
/// dropped; a record and its image read together as they read alone.
pub fn an_image_stays_with_its_record(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    store.commit(batch([put_account(1, "Alpha")])).unwrap();
    let name = entity("Account");
    let queued = |n, record| put_operation(operation(n, &account(record), OperationState::Queued));
    let images = |expected: [Option<Image>; 2]| {
        for (n, expected) in (1..).zip(expected) {
            let alone = store.get(&name, &account(n)).unwrap();
            assert_eq!(store.image(&name, &account(n)).unwrap(), expected);
            let both = store.record_and_image(&name, &account(n)).unwrap();
            assert_eq!(both, (alone, expected));
        }
    };
    store
        .commit(batch([Write::PutImage(image(1, "Alpha")), queued(1, 1)]))
        .unwrap();
    images([Some(image(1, "Alpha")), None]);
    store
        .commit(batch([Write::PutImage(image(1, "Beta")), queued(2, 1)]))
        .unwrap();
    images([Some(image(1, "Beta")), None]);
    let accepted = OperationState::Applied(Applied::Accepted);
    store
        .commit(batch([put_operation(operation(1, &account(1), accepted))]))
        .unwrap();
    images([Some(image(1, "Beta")), None]);
    store
        .commit(batch([
            queued(3, 2),
            Write::PutImage(image(2, "Gamma")),
            queued(2, 2),
            queued(1, 2),
        ]))
        .unwrap();
    images([Some(image(1, "Beta")), Some(image(2, "Gamma"))]);
    store
        .commit(batch([
            Write::DropImage(name.clone(), account(1)),
            put_account(1, "Beta"),
        ]))
        .unwrap();
    images([None, Some(image(2, "Gamma"))]);
}

/// Entries that wait for a person are open until they are settled; entries come in the order of their numbers.
pub fn log_entries_are_open_until_settled(factory: &mut impl StoreFactory) {
    let store = factory.open();
    let mut note = log_entry(3);
    note.needs_person = false;
    let put = |entry| Write::PutLog(Box::new(entry));
    store
        .commit(batch([put(log_entry(2)), put(note.clone()), put(log_entry(1))]))
        .unwrap();
    assert_eq!(
        store.log(&LogSelection::Open).unwrap(),
        [log_entry(1), log_entry(2)]
    );
    let mut settled = log_entry(1);
    settled.settled = Some(Settled {
        at: Timestamp(5),
        by: "mine".to_owned(),
    });
    store.commit(batch([put(settled.clone())])).unwrap();
    assert_eq!(store.log(&LogSelection::Open).unwrap(), [log_entry(2)]);
    assert_eq!(
        store.log(&LogSelection::One(LogId(1))).unwrap(),
        [settled.clone()]
    );
    assert_eq!(store.log(&LogSelection::One(LogId(4))).unwrap(), []);
    assert_eq!(
        store.log(&LogSelection::Latest(2)).unwrap(),
        [log_entry(2), note.clone()]
    );
    assert_eq!(
        store.log(&LogSelection::Latest(9)).unwrap(),
        [settled, log_entry(2), note]
    );
}

/// Notes hold any bytes under any name, until they are removed.
pub fn notes_are_set_and_removed(factory: &mut impl StoreFactory) {
    let store = factory.open();
    let note = |name: &str, value: Option<&[u8]>| Write::PutNote(name.to_owned(), value.map(<[u8]>::to_vec));
    store
        .commit(batch([
            note("a", Some(b"1")),
            note("A", Some(&[0, 255])),
            note("", Some(b"")),
        ]))
        .unwrap();
    assert_eq!(store.note("a").unwrap(), Some(b"1".to_vec()));
    assert_eq!(store.note("A").unwrap(), Some(vec![0, 255]));
    assert_eq!(store.note("").unwrap(), Some(Vec::new()));
    store
        .commit(batch([note("a", Some(b"2")), note("A", None), note("b", None)]))
        .unwrap();
    assert_eq!(store.note("a").unwrap(), Some(b"2".to_vec()));
    assert_eq!(store.note("A").unwrap(), None);
}

/// File rows are found by their record, in the order of content ids.
pub fn file_rows_belong_to_records(factory: &mut impl StoreFactory) {
    let store = factory.open();
    let file = |content: &str, record: u128, sent| FileRow {
        content: content.to_owned(),
        entity: entity("Account"),
        id: account(record),
        field: field("contract"),
        size: 3,
        sent,
    };
    let put = |file| Write::PutFile(file);
    store
        .commit(batch([
            put(file("c2", 1, false)),
            put(file("c1", 1, false)),
            put(file("c3", 2, false)),
        ]))
        .unwrap();
    let of = |record| store.files(&entity("Account"), &account(record)).unwrap();
    assert_eq!(of(1), [file("c1", 1, false), file("c2", 1, false)]);
    store
        .commit(batch([
            put(file("c1", 1, true)),
            put(file("c2", 2, false)),
            Write::DropFile("c3".to_owned()),
        ]))
        .unwrap();
    assert_eq!(of(1), [file("c1", 1, true)]);
    assert_eq!(of(2), [file("c2", 2, false)]);
    assert_eq!(store.files(&entity("Contact"), &account(1)).unwrap(), []);
}
