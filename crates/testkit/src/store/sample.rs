//! A small world for tests of stores: accounts, contacts, order lines, and operations on them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use driftless_record::id::{BootId, DeviceId};
use driftless_record::{
    Change, ChangeAction, ChoiceOption, Collection, CollectionName, Condition, EntityName, EntitySchema,
    FieldEdit, FieldKind, FieldName, FieldSchema, Fields, Handling, LogEntry, LogId, LogKind, Operation,
    OperationId, OperationKind, OperationState, RawStamp, Record, RecordId, RequestId, Revision, Row, RowSet,
    Schema, Sending, ServerRecord, Stamp, TenantId, Timestamp, UserId, Value,
};
use driftless_store::{Image, Write, WriteBatch};
use uuid::Uuid;

/// Makes an entity name.
///
/// # Panics
/// If the text is not a name.
#[must_use]
pub fn entity(text: &str) -> EntityName {
    EntityName::parse(text).expect("a name")
}

/// Makes a field name.
///
/// # Panics
/// If the text is not a name.
#[must_use]
pub fn field(text: &str) -> FieldName {
    FieldName::parse(text).expect("a name")
}

/// Makes a record id.
#[must_use]
pub fn id(text: &str) -> RecordId {
    RecordId::from_canonical(text)
}

/// Makes the entity `name` with fields; the first is the key.
#[must_use]
pub fn entity_schema(name: &str, fields: Vec<(&str, FieldKind)>) -> EntitySchema {
    let mut schema = EntitySchema::new(entity(name));
    for (name, kind) in fields {
        schema.add(FieldSchema::new(field(name), kind));
    }
    schema.key = schema
        .fields
        .first()
        .map(|first| first.name.clone())
        .into_iter()
        .collect();
    schema
}

/// A text without limit.
pub const TEXT: FieldKind = FieldKind::Text { max_chars: None };
/// A whole number of 64 bits.
pub const INT: FieldKind = FieldKind::Int { bits: 64 };

/// Returns a lookup to one entity.
#[must_use]
pub fn lookup_to(target: &str) -> FieldKind {
    FieldKind::Lookup {
        targets: vec![entity(target)],
    }
}

/// Returns the schema of the small world: `Account` with a field of each kind, `Contact` with a lookup to its account,
/// and `Line` with a composite key.
#[must_use]
pub fn schema() -> Schema {
    let options: Vec<_> = ["red", "green", "blue"]
        .into_iter()
        .map(|code| ChoiceOption {
            code: code.to_owned(),
            number: None,
            label: code.to_owned(),
        })
        .collect();
    let mut account = entity_schema(
        "Account",
        vec![
            ("account_id", FieldKind::Guid),
            ("name", TEXT),
            ("active", FieldKind::Bool),
            ("employees", FieldKind::Int { bits: 32 }),
            (
                "revenue",
                FieldKind::Money {
                    scale: 2,
                    currency: None,
                },
            ),
            (
                "rate",
                FieldKind::Decimal {
                    precision: None,
                    scale: None,
                },
            ),
            ("score", FieldKind::Double),
            ("founded", FieldKind::Date),
            ("opens", FieldKind::Time),
            ("modified", FieldKind::DateTime),
            ("response", FieldKind::Duration),
            ("logo", FieldKind::Binary { max_bytes: None }),
            (
                "colour",
                FieldKind::Choice {
                    options: options.clone(),
                },
            ),
            ("colours", FieldKind::Choices { options }),
            ("parent", lookup_to("Account")),
            (
                "owner",
                FieldKind::Lookup {
                    targets: vec![entity("Contact"), entity("Account")],
                },
            ),
            ("contract", FieldKind::File),
        ],
    );
    account.display_field = Some(field("name"));
    account.collections.insert(
        CollectionName::parse("contacts").expect("a name"),
        Collection {
            entity: entity("Contact"),
            via: field("account"),
            cascade_delete: false,
        },
    );
    let contact = entity_schema(
        "Contact",
        vec![("number", INT), ("name", TEXT), ("account", lookup_to("Account"))],
    );
    let mut line = entity_schema("Line", vec![("order", INT), ("line", TEXT), ("amount", INT)]);
    line.key.push(field("line"));
    let mut schema = Schema {
        version: "1".to_owned(),
        ..Schema::default()
    };
    for entity in [account, contact, line] {
        schema.add(entity);
    }
    schema
}

/// Returns the guid of the `n`th account.
#[must_use]
pub fn guid(n: u128) -> Uuid {
    Uuid::from_u128(n << 96 | n)
}

/// Returns the id of the `n`th account.
#[must_use]
pub fn account(n: u128) -> RecordId {
    RecordId::guid(guid(n))
}

/// Makes a row set of one row.
#[must_use]
pub fn one_row(
    entity_name: &str,
    id: &RecordId,
    revision: Option<&str>,
    values: Vec<(&str, Value)>,
) -> RowSet {
    let (columns, values): (Vec<_>, Vec<_>) = values
        .into_iter()
        .map(|(name, value)| (field(name), value))
        .unzip();
    RowSet {
        entity: entity(entity_name),
        columns: columns.into(),
        rows: vec![Row {
            id: id.clone(),
            revision: revision.map(|text| Revision(text.to_owned())),
            values,
        }],
    }
}

/// Makes the write of the `n`th account with a name.
#[must_use]
pub fn put_account(n: u128, name: &str) -> Write {
    let values = vec![("account_id", Value::Guid(guid(n))), ("name", Value::text(name))];
    Write::PutRows(one_row("Account", &account(n), Some("r1"), values))
}

/// Makes a batch.
#[must_use]
pub fn batch(writes: impl IntoIterator<Item = Write>) -> WriteBatch {
    WriteBatch {
        expect: None,
        writes: writes.into_iter().collect(),
    }
}

/// Makes the batch that sets the schema of the small world.
#[must_use]
pub fn schema_batch() -> WriteBatch {
    batch([Write::PutSchema(Arc::new(schema()))])
}

/// What the device's clocks said at the `n`th edit.
#[must_use]
pub fn raw_stamp(n: u32) -> RawStamp {
    RawStamp {
        wall: Timestamp(1_700_000_000_000 + i64::from(n)),
        monotonic: 1000 + i64::from(n),
        boot: BootId(Uuid::from_u128(7)),
        counter: n,
        device: DeviceId(Uuid::from_u128(8)),
    }
}

/// The `n`th stamp in the common order.
#[must_use]
pub fn stamp(n: u32) -> Stamp {
    Stamp {
        time: Timestamp(1_700_000_000_500 + i64::from(n)),
        counter: n,
        device: DeviceId(Uuid::from_u128(8)),
    }
}

/// Returns the id of the `n`th operation.
#[must_use]
pub fn operation_id(n: u128) -> OperationId {
    OperationId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n))
}

/// Returns the id of the `n`th request.
#[must_use]
pub fn request_id(n: u128) -> RequestId {
    RequestId(Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0000 + n))
}

/// Makes the operation with sequence number `n`: an edit of the name of an account.
#[must_use]
pub fn operation(n: u64, record: &RecordId, state: OperationState) -> Operation {
    let edit = FieldEdit {
        old: Value::text("before"),
        new: Value::text(format!("after {n}")),
        raw: raw_stamp(1),
        stamp: n.is_multiple_of(2).then(|| stamp(2)),
    };
    Operation {
        id: operation_id(u128::from(n)),
        sequence: n,
        author: UserId("anna".to_owned()),
        tenant: TenantId("https://crm.example/".to_owned()),
        schema_version: "1".to_owned(),
        entity: entity("Account"),
        record: record.clone(),
        base_revision: Some(Revision("r1".to_owned())),
        kind: OperationKind::Update(BTreeMap::from([(field("name"), edit)])),
        needs: BTreeSet::from([operation_id(999)]),
        state,
        attempts: 1,
        rebased: 2,
        handling: Handling::default(),
    }
}

/// Makes the write of an operation.
#[must_use]
pub fn put_operation(operation: Operation) -> Write {
    Write::PutOperation(Box::new(operation))
}

/// Makes the image of an account.
#[must_use]
pub fn image(n: u128, name: &str) -> Image {
    let record = Record {
        entity: entity("Account"),
        id: account(n),
        revision: Some(Revision("r1".to_owned())),
        fields: Fields::from([
            (field("name"), Value::text(name)),
            (field("score"), Value::double(0.5)),
        ]),
    };
    Image {
        entity: entity("Account"),
        id: account(n),
        server: Some(ServerRecord {
            record,
            stamps: BTreeMap::from([(field("name"), stamp(3))]),
        }),
        gone: false,
    }
}

/// Makes a sending of one operation.
#[must_use]
pub fn sending(n: u128) -> Sending {
    Sending {
        id: request_id(n),
        first_sent: Timestamp(1_700_000_001_000),
        change: Change {
            entity: entity("Account"),
            record: account(n),
            action: ChangeAction::Update(Fields::from([(field("name"), Value::text("after"))])),
            condition: Condition::Revision(Revision("r1".to_owned())),
            stamps: BTreeMap::from([(field("name"), stamp(4))]),
        },
        operations: vec![operation_id(n)],
        together: None,
    }
}

/// Makes a log entry that waits for a person.
#[must_use]
pub fn log_entry(n: u64) -> LogEntry {
    LogEntry {
        id: LogId(n),
        at: Timestamp(1_700_000_002_000),
        kind: LogKind::Refused,
        record: Some((entity("Account"), account(1))),
        title: "Alpha".to_owned(),
        operations: vec![operation_id(u128::from(n))],
        fields: Vec::new(),
        cause: None,
        reason: "the server refused it".to_owned(),
        kept: Fields::from([(field("name"), Value::text("kept"))]),
        needs_person: true,
        settled: None,
    }
}

/// Returns batches that put something of each kind into an empty store.
#[must_use]
pub fn everything() -> Vec<WriteBatch> {
    let accounts = (1..4).map(|n| put_account(n, &format!("Account {n}")));
    let journal = [
        put_operation(operation(
            1,
            &account(1),
            OperationState::Applied(driftless_record::Applied::Accepted),
        )),
        put_operation(operation(2, &account(1), OperationState::Queued)),
        put_operation(operation(3, &account(2), OperationState::Refused(LogId(1)))),
        Write::PutImage(image(1, "Account 1")),
        Write::PutImage(image(2, "Account 2")),
        Write::PutSending(Box::new(sending(2))),
        Write::PutLog(Box::new(log_entry(1))),
        Write::PutNote("checkpoint".to_owned(), Some(vec![1, 2, 3])),
        Write::PutFile(driftless_store::FileRow {
            content: "00000000000000000000000000000001".to_owned(),
            entity: entity("Account"),
            id: account(1),
            field: field("contract"),
            size: 3,
            sent: false,
        }),
        Write::BeginLoad(entity("Contact")),
    ];
    vec![schema_batch(), batch(accounts), batch(journal)]
}
