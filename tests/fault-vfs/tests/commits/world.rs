//! The commits that the engine makes, and the stores that they are made in.

use std::path::Path;
use std::sync::Arc;

use driftless_fault_vfs::Image;
use driftless_record::{
    Applied, EntityName, FieldKind, FieldSchema, Lookup, OperationState, RowSet, Settled, Timestamp, Value,
};
use driftless_store::{FileRow, RecordStore as _, Write, WriteBatch};
use driftless_testkit::store::sample::{
    INT, TEXT, account, batch, entity, entity_schema, field, id, image, log_entry, one_row, operation,
    put_account, put_operation, request_id, schema, schema_batch, sending,
};

use crate::open::{SOUND, mount, open};
use crate::story::STORE;

/// A text that takes room.
const LONG: &str =
    "some text that takes room, so that a handful of records fills a page of the database file";

/// The entity that is counted.
pub(crate) fn account_entity() -> EntityName {
    entity("Account")
}

/// A disk without a store.
pub(crate) fn nothing() -> Image {
    Image::new()
}

/// A store after commits: closed, or left behind by a process that ended, with its log.
pub(crate) fn after(batches: &[WriteBatch], closed: bool) -> Image {
    let disk = mount(SOUND, &nothing());
    let store = open(disk.path(STORE)).unwrap();
    for batch in batches {
        store.commit(batch.clone()).unwrap();
    }
    if !closed {
        disk.kill();
    }
    drop(store);
    disk.image()
}

/// A store as the first version wrote it, which had no keys.
#[cfg(not(feature = "encryption"))]
pub(crate) fn format_1(closed: bool) -> Image {
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/store-sqlite/tests/fixtures/format-1.sql");
    let disk = mount(SOUND, &nothing());
    let connection = rusqlite::Connection::open(disk.path(STORE)).unwrap();
    connection
        .query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
        .unwrap();
    connection
        .execute_batch(&std::fs::read_to_string(fixture).unwrap())
        .unwrap();
    if !closed {
        disk.kill();
    }
    drop(connection);
    disk.image()
}

/// A store whose log is so long that the next edit brings a checkpoint.
pub(crate) fn before_a_checkpoint() -> Image {
    let mut batches = usual();
    loop {
        let image = after(&batches, false);
        let frames = image.get("store.db-wal").map_or(0, Vec::len) / 4120;
        assert!(frames < 1000, "a checkpoint has been");
        if frames >= 985 {
            return image;
        }
        // Each brings some frames of its own.
        let room = (990 - frames).saturating_sub(14).max(1) * 4080;
        batches.push(batch([Write::PutNote(
            format!("more {frames}"),
            Some(vec![8; room]),
        )]));
    }
}

fn accounts(numbers: std::ops::Range<u128>, name: &str) -> RowSet {
    let mut all = RowSet {
        entity: account_entity(),
        columns: [field("account_id"), field("name")].as_slice().into(),
        rows: Vec::new(),
    };
    for n in numbers {
        if let Write::PutRows(one) = put_account(n, &format!("{name} {n}: {LONG}")) {
            all.rows.extend(one.rows);
        }
    }
    all
}

fn contacts(numbers: std::ops::Range<i64>) -> RowSet {
    let mut all = None::<RowSet>;
    for n in numbers {
        let of = Value::Lookup(Lookup {
            entity: account_entity(),
            id: account(n.unsigned_abs().into()),
            name: None,
        });
        let values = vec![
            ("number", Value::Int(n)),
            ("name", Value::text(LONG)),
            ("account", of),
        ];
        let one = one_row("Contact", &id(&n.to_string()), Some("r1"), values);
        match &mut all {
            Some(all) => all.rows.extend(one.rows),
            None => all = Some(one),
        }
    }
    all.unwrap()
}

fn note(name: &str, value: &[u8]) -> Write {
    Write::PutNote(name.to_owned(), Some(value.to_vec()))
}

fn file(n: u8, sent: bool) -> Write {
    Write::PutFile(FileRow {
        content: format!("{n:032}"),
        entity: account_entity(),
        id: account(1),
        field: field("contract"),
        size: 3,
        sent,
    })
}

/// An edit of an account: the record as the user sees it, what the server has, and the operation.
fn edit_of(n: u128, sequence: u64) -> [Write; 3] {
    [
        put_account(n, &format!("edited by {sequence}")),
        Write::PutImage(image(n, LONG)),
        put_operation(operation(sequence, &account(n), OperationState::Queued)),
    ]
}

/// Records, pending operations, a sending, a log entry, notes and files.
pub(crate) fn usual() -> Vec<WriteBatch> {
    let mut batches = vec![
        schema_batch(),
        batch([
            Write::PutRows(accounts(1..120, "Account")),
            Write::PutRows(contacts(1..40)),
            note("checkpoint", b"first"),
            note("old", b"old"),
        ]),
    ];
    batches.extend((1..20).map(|n| batch(edit_of(n.into(), n))));
    batches.push(batch([
        put_operation(operation(5, &account(5), OperationState::InFlight(request_id(5)))),
        Write::PutSending(Box::new(sending(5))),
        Write::PutLog(Box::new(log_entry(1))),
        file(1, false),
        file(2, true),
    ]));
    batches
}

pub(crate) fn edit() -> WriteBatch {
    batch(edit_of(50, 50))
}

/// The edit that comes after whatever is tried.
pub(crate) fn next_edit() -> WriteBatch {
    batch([
        put_operation(operation(900, &account(90), OperationState::Queued)),
        note("next", b"next"),
    ])
}

/// The edit that shows that a store can be written to.
pub(crate) fn last_edit() -> WriteBatch {
    batch([put_operation(operation(
        950,
        &account(95),
        OperationState::Queued,
    ))])
}

pub(crate) fn create_and_delete() -> WriteBatch {
    let mut writes = vec![Write::RemoveRows(account_entity(), vec![account(60), account(5)])];
    writes.push(Write::PutImage(image(60, LONG)));
    writes.push(put_operation(operation(60, &account(60), OperationState::Queued)));
    writes.push(put_account(500, LONG));
    writes.push(put_operation(operation(
        61,
        &account(500),
        OperationState::Queued,
    )));
    batch(writes)
}

pub(crate) fn send() -> WriteBatch {
    batch([
        put_operation(operation(7, &account(7), OperationState::InFlight(request_id(7)))),
        Write::PutSending(Box::new(sending(7))),
    ])
}

pub(crate) fn confirm() -> WriteBatch {
    let applied = OperationState::Applied(Applied::Accepted);
    batch([
        put_operation(operation(5, &account(5), applied)),
        put_account(5, "as the server has it"),
        Write::DropImage(account_entity(), account(5)),
        Write::DropSending(request_id(5)),
        note("stamps", b"5"),
    ])
}

pub(crate) fn page() -> WriteBatch {
    batch([
        Write::PutRows(accounts(40..100, "Fresh")),
        Write::PutImage(image(3, "fresh")),
        put_operation(operation(3, &account(3), OperationState::Queued)),
        Write::RemoveRows(account_entity(), (101..110).map(account).collect()),
        note("checkpoint", b"second"),
    ])
}

pub(crate) fn load_begins() -> WriteBatch {
    batch([Write::BeginLoad(entity("Contact")), note("load", b"begun")])
}

pub(crate) fn loading() -> Vec<WriteBatch> {
    let mut batches = usual();
    batches.push(load_begins());
    batches
}

pub(crate) fn load_goes_on() -> WriteBatch {
    batch([Write::PutRows(contacts(100..400)), note("load", b"page 1")])
}

pub(crate) fn loaded() -> Vec<WriteBatch> {
    let mut batches = loading();
    batches.push(load_goes_on());
    batches
}

pub(crate) fn load_ends() -> WriteBatch {
    batch([
        Write::PutRows(contacts(400..450)),
        note("load", b"page 2"),
        Write::EndLoad(entity("Contact")),
    ])
}

/// A field comes, one goes, one has another kind, an entity comes and one goes.
pub(crate) fn schema_change() -> WriteBatch {
    let mut next = schema();
    next.version = "2".to_owned();
    let mut accounts = (**next.entity("Account").unwrap()).clone();
    accounts.fields.retain(|known| known.name != field("rate"));
    for known in &mut accounts.fields {
        if known.name == field("employees") {
            known.kind = FieldKind::Double;
        }
    }
    accounts.add(FieldSchema::new(field("nickname"), TEXT));
    next.add(accounts);
    next.entities.remove("Line");
    next.add(entity_schema("Visit", vec![("number", INT), ("what", TEXT)]));
    batch([
        Write::PutSchema(Arc::new(next)),
        put_operation(operation(2, &account(2), OperationState::Queued)),
    ])
}

pub(crate) fn refusal() -> WriteBatch {
    let refused = OperationState::Refused(log_entry(2).id);
    batch([
        put_operation(operation(5, &account(5), refused)),
        Write::PutLog(Box::new(log_entry(2))),
        Write::DropSending(request_id(5)),
    ])
}

pub(crate) fn refused() -> Vec<WriteBatch> {
    let mut batches = usual();
    batches.push(refusal());
    batches
}

pub(crate) fn resolution() -> WriteBatch {
    let mut entry = log_entry(2);
    entry.settled = Some(Settled {
        at: Timestamp(1_700_000_003_000),
        by: "theirs".to_owned(),
    });
    batch([
        Write::PutLog(Box::new(entry)),
        put_operation(operation(5, &account(5), OperationState::Superseded)),
        put_account(5, "as the server has it"),
        Write::DropImage(account_entity(), account(5)),
    ])
}

pub(crate) fn notes() -> WriteBatch {
    batch([
        note("checkpoint", &[9; 5000]),
        note("new", b"new"),
        Write::PutNote("old".to_owned(), None),
    ])
}

pub(crate) fn files() -> WriteBatch {
    batch([
        file(1, true),
        file(3, false),
        Write::DropFile(format!("{:032}", 2)),
    ])
}
