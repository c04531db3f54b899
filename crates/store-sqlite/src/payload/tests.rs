//! Stored forms are frozen: what a version wrote stays readable, and what is written changes only on purpose.

use std::collections::BTreeMap;

use driftless_record::id::{BootId, DeviceId};
use driftless_record::log::CauseClass;
use driftless_record::{
    Applied, Cause, Change, ChangeAction, CommandCall, CommandName, Condition, ConflictRule, EntityName,
    FieldCase, FieldEdit, FieldKind, FieldName, FieldSchema, Fields, FileValue, GroupId, Handling, LogEntry,
    LogId, LogKind, Lookup, Operation, OperationId, OperationKind, OperationState, RawStamp, Record,
    RecordId, RequestId, Revision, Sending, ServerRecord, Settled, Side, Stamp, TenantId, Timestamp, Urgency,
    UserId, Value,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn field(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

fn account() -> (EntityName, RecordId) {
    (
        EntityName::parse("Account").unwrap(),
        RecordId::from_canonical("7"),
    )
}

fn raw() -> RawStamp {
    RawStamp {
        wall: Timestamp(100),
        monotonic: 5,
        boot: BootId(Uuid::from_u128(1)),
        counter: 2,
        device: DeviceId(Uuid::from_u128(2)),
    }
}

fn stamp() -> Stamp {
    Stamp {
        time: Timestamp(101),
        counter: 2,
        device: DeviceId(Uuid::from_u128(2)),
    }
}

fn values() -> Fields {
    let lookup = Lookup {
        entity: account().0,
        id: account().1,
        name: Some("Alpha".to_owned()),
    };
    let file = FileValue {
        content: "c".to_owned(),
        name: "a.pdf".to_owned(),
        media_type: "application/pdf".to_owned(),
        size: 3,
    };
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::Int(-5),
        Value::Decimal("1.50".parse().unwrap()),
        Value::double(0.5),
        Value::text("a\"b"),
        Value::Date("2026-11-22".parse().unwrap()),
        Value::Time("08:30:00.5".parse().unwrap()),
        Value::DateTime("2026-11-22T08:30:00+01:00".parse().unwrap()),
        Value::Duration("PT1S".parse().unwrap()),
        Value::Guid(Uuid::from_u128(3)),
        Value::Binary(vec![0, 255]),
        Value::Choice("red".to_owned()),
        Value::Choices(vec!["blue".to_owned(), "red".to_owned()]),
        Value::Lookup(lookup),
        Value::File(file),
    ];
    (0..)
        .zip(values)
        .map(|(n, value)| (field(&format!("f{n:02}")), value))
        .collect()
}

fn operation(kind: OperationKind, state: OperationState) -> Operation {
    Operation {
        id: OperationId(Uuid::from_u128(4)),
        sequence: 9,
        author: UserId("anna".to_owned()),
        tenant: TenantId("t".to_owned()),
        schema_version: "s1".to_owned(),
        entity: account().0,
        record: account().1,
        base_revision: Some(Revision("r".to_owned())),
        kind,
        needs: [OperationId(Uuid::from_u128(5))].into(),
        state,
        attempts: 1,
        rebased: 2,
        handling: Handling::default(),
    }
}

fn call() -> CommandCall {
    CommandCall {
        name: CommandName::parse("Qualify").unwrap(),
        parameters: values(),
        makes: BTreeMap::from([(field("account"), account().0)]),
    }
}

fn edit(new: Value) -> BTreeMap<FieldName, FieldEdit> {
    let edit = FieldEdit {
        old: Value::Null,
        new,
        raw: raw(),
        stamp: Some(stamp()),
    };
    BTreeMap::from([(field("name"), edit)])
}

/// What version 1 wrote for an update.
const OPERATION: &str = r#"{"v":1,"id":"00000000-0000-0000-0000-000000000004","sequence":9,"author":"anna","tenant":"t","schema":"s1","entity":"Account","record":"7","base":"r","kind":{"update":{"name":{"old":"n","new":{"t":"x"},"raw":[100,5,"00000000-0000-0000-0000-000000000001",2,"00000000-0000-0000-0000-000000000002"],"stamp":[101,2,"00000000-0000-0000-0000-000000000002"]}}},"needs":["00000000-0000-0000-0000-000000000005"],"state":"queued","attempts":1,"rebased":2}"#;

#[test]
fn an_operation_of_an_old_writer_reads_like_new() {
    let expected = operation(
        OperationKind::Update(edit(Value::text("x"))),
        OperationState::Queued,
    );
    assert_eq!(decode_operation(OPERATION.as_bytes()).unwrap(), expected);
    assert_eq!(operation_json(&expected).unwrap(), OPERATION);
}

#[test]
fn an_operation_is_written_as_format_2_writes_it() {
    let operation = operation(
        OperationKind::Update(edit(Value::text("x"))),
        OperationState::Queued,
    );
    let bytes = encode_operation(&operation).unwrap();
    let shown: String = bytes.iter().map(|byte| byte.escape_ascii().to_string()).collect();
    expect_test::expect![[r#"\x01\x01\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\t\x04anna\x01t\x02s1\x07Account\x017\x01\x01r\x01\x01\x04name\x00\x05\x01x\xc8\x01\n\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x01\xca\x01\x02\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x01\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x01\x02"#]].assert_eq(&shown);
}

#[test]
fn every_operation_comes_back() {
    let kinds = [
        OperationKind::Create(edit(Value::Int(1))),
        OperationKind::Update(edit(Value::double(f64::NAN))),
        OperationKind::Delete {
            seen: values(),
            raw: raw(),
            stamp: None,
        },
        OperationKind::Command {
            call: Box::new(call()),
            edits: edit(Value::Choice("won".to_owned())),
            raw: raw(),
        },
        OperationKind::Awaited {
            by: OperationId(Uuid::from_u128(8)),
            slot: field("account"),
            edits: edit(Value::text("Alpha")),
        },
    ];
    let handlings = [
        Handling::default(),
        Handling {
            urgency: Urgency::Urgent,
            conflict: Some(ConflictRule::Ask),
            group: Some(GroupId(Uuid::from_u128(9))),
        },
    ];
    let request = RequestId(Uuid::from_u128(6));
    let states = [
        OperationState::Queued,
        OperationState::InFlight(request),
        OperationState::Unknown(request),
        OperationState::Waiting(Timestamp(-1)),
        OperationState::Conflict(LogId(1)),
        OperationState::Refused(LogId(u64::MAX)),
        OperationState::Applied(Applied::Accepted),
        OperationState::Applied(Applied::Merged),
        OperationState::Superseded,
        OperationState::Reverted,
    ];
    for kind in kinds {
        for (state, handling) in states
            .iter()
            .flat_map(|state| handlings.iter().map(move |how| (state, how)))
        {
            let operation = Operation {
                handling: *handling,
                ..operation(kind.clone(), state.clone())
            };
            let payload = encode_operation(&operation).unwrap();
            assert_eq!(decode_operation(&payload).unwrap(), operation);
        }
    }
}

/// What version 1 wrote for every kind of value, in JSON.
const SENDING: &str = r#"{"v":1,"id":"00000000-0000-0000-0000-000000000006","first_sent":7,"entity":"Account","record":"7","action":{"create":{"f00":"n","f01":{"b":true},"f02":{"i":-5},"f03":{"m":"1.50"},"f04":{"d":4602678819172646912},"f05":{"t":"a\"b"},"f06":{"day":"2026-11-22"},"f07":{"time":"08:30:00.5"},"f08":{"at":[17953326000000000,60]},"f09":{"span":10000000},"f10":{"g":"00000000-0000-0000-0000-000000000003"},"f11":{"x":"00ff"},"f12":{"c":"red"},"f13":{"cs":["blue","red"]},"f14":{"l":["Account","7","Alpha"]},"f15":{"f":{"content":"c","name":"a.pdf","media_type":"application/pdf","size":3}}}},"condition":"absent","stamps":{"f00":[101,2,"00000000-0000-0000-0000-000000000002"]},"operations":["00000000-0000-0000-0000-000000000004"]}"#;

#[test]
fn a_sending_of_an_old_writer_reads_like_new() {
    let mut sending = Sending {
        id: RequestId(Uuid::from_u128(6)),
        first_sent: Timestamp(7),
        change: Change {
            entity: account().0,
            record: account().1,
            action: ChangeAction::Create(values()),
            condition: Condition::Absent,
            stamps: BTreeMap::from([(field("f00"), stamp())]),
        },
        operations: vec![OperationId(Uuid::from_u128(4))],
        together: None,
    };
    assert_eq!(encode_sending(&sending).unwrap(), SENDING);
    assert_eq!(decode_sending(SENDING).unwrap(), sending);
    sending.together = Some(RequestId(Uuid::from_u128(7)));
    sending.change.condition = Condition::Revision(Revision("r".to_owned()));
    let actions = [
        ChangeAction::Delete,
        ChangeAction::Update(values()),
        ChangeAction::Command(call()),
    ];
    for action in actions {
        sending.change.action = action;
        let payload = encode_sending(&sending).unwrap();
        assert_eq!(decode_sending(&payload).unwrap(), sending);
    }
}

/// What version 1 wrote for an image with every kind of value, as hexadecimal digits.
const IMAGE: &str = "0101010172100366303000036630310101036630320209036630330304312e3530036630340480808080808080f03f03663035050361226203663036060a323032362d31312d323203663037070a30383a33303a30302e35036630380880b0a2ac8e9de43f78036630390980dac409036631300a1000000000000000000000000000000003036631310b0200ff036631320c03726564036631330d0204626c756503726564036631340e074163636f756e7401370105416c706861036631350f016305612e7064660f6170706c69636174696f6e2f706466030103663030ca0102100000000000000000000000000000000201";

#[test]
fn an_image_of_an_old_writer_reads_like_new() {
    let (entity, id) = account();
    let server = ServerRecord {
        record: Record {
            entity: entity.clone(),
            id: id.clone(),
            revision: Some(Revision("r".to_owned())),
            fields: values(),
        },
        stamps: BTreeMap::from([(field("f00"), stamp())]),
    };
    let payload = encode_image(Some(&server), true).unwrap();
    let digits: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digits, IMAGE);
    assert_eq!(
        decode_image(&entity, &id, &payload).unwrap(),
        (Some(server), true)
    );
    assert_eq!(encode_image(None, false).unwrap(), [1, 0, 0]);
    assert_eq!(decode_image(&entity, &id, &[1, 0, 0]).unwrap(), (None, false));
    for unreadable in [&[][..], &[2, 0, 0], &payload[..payload.len() - 1]] {
        assert!(decode_image(&entity, &id, unreadable).is_err());
    }
}

/// What version 1 wrote for a log entry.
const ENTRY: &str = r#"{"v":1,"id":3,"at":8,"kind":"conflict","record":["Account","7"],"title":"Alpha","operations":["00000000-0000-0000-0000-000000000004"],"fields":[{"field":"name","base":"n","mine":{"t":"a"},"theirs":{"t":"b"},"mine_at":[101,2,"00000000-0000-0000-0000-000000000002"],"theirs_at":null,"winner":"mine"}],"cause":{"class":"missing_reference","field":"name","code":"404","text":"gone"},"reason":"both","kept":{"name":{"t":"k"}},"needs_person":true,"settled":{"at":9,"by":"mine"}}"#;

#[test]
fn a_log_entry_of_an_old_writer_reads_like_new() {
    let mut case = FieldCase::new(field("name"), Value::Null, Value::text("a"), Value::text("b"))
        .at(Some(stamp()), None);
    case.winner = Some(Side::Mine);
    let mut entry = LogEntry {
        id: LogId(3),
        at: Timestamp(8),
        kind: LogKind::Conflict,
        record: Some(account()),
        title: "Alpha".to_owned(),
        operations: vec![OperationId(Uuid::from_u128(4))],
        fields: vec![case],
        cause: Some(Cause {
            class: CauseClass::MissingReference,
            field: Some(field("name")),
            other: None,
            code: "404".to_owned(),
            text: "gone".to_owned(),
        }),
        reason: "both".to_owned(),
        kept: Fields::from([(field("name"), Value::text("k"))]),
        needs_person: true,
        settled: Some(Settled {
            at: Timestamp(9),
            by: "mine".to_owned(),
        }),
    };
    assert_eq!(encode_log(&entry).unwrap(), ENTRY);
    assert_eq!(decode_log(ENTRY).unwrap(), entry);
    entry.fields[0].made = Some(Value::text("a and b"));
    let made = ENTRY.replace(r#""winner":"mine""#, r#""winner":"mine","made":{"t":"a and b"}"#);
    assert_eq!(encode_log(&entry).unwrap(), made);
    assert_eq!(decode_log(&made).unwrap(), entry);
}

/// What version 1 wrote for an entity.
const ENTITY: &str = r#"{"v":1,"name":"Account","set":"Accounts","label":"Account","base":null,"is_abstract":false,"key":["id"],"fields":[{"name":"id","label":"id","kind":{"int":32},"required":false,"nullable":true,"read_only":false,"server_made":false,"each_transition_matters":false,"searchable":false},{"name":"sum","label":"sum","kind":{"money":[2,null]},"required":false,"nullable":true,"read_only":false,"server_made":false,"each_transition_matters":false,"searchable":false}],"collections":{},"display_field":null,"modified_field":null,"create":true,"update":true,"delete":true,"append_only":false,"local_only":false}"#;

#[test]
fn an_entity_of_an_old_writer_reads_like_new() {
    let mut entity = driftless_record::EntitySchema::new(account().0);
    entity.add(FieldSchema::new(field("id"), FieldKind::Int { bits: 32 }));
    let money = FieldKind::Money {
        scale: 2,
        currency: None,
    };
    entity.add(FieldSchema::new(field("sum"), money));
    entity.key.push(field("id"));
    assert_eq!(encode_entity(&entity).unwrap(), ENTITY);
    assert_eq!(decode_entity(ENTITY).unwrap(), entity);
}

proptest! {
    #[test]
    fn no_payload_makes_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0..900usize) {
        let (entity, id) = account();
        let _ = decode_image(&entity, &id, &[&[1], &bytes[..]].concat());
        let _ = decode_operation(&OPERATION.as_bytes()[..cut.min(OPERATION.len())]);
        let _ = decode_operation(&[&[1], &bytes[..]].concat());
        let _ = decode_log(&String::from_utf8_lossy(&bytes));
    }
}
