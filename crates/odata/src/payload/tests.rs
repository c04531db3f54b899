//! Tests of reading and writing bodies.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_record::{
    ChoiceOption, DateTime, DeviceId, Duration, EntityName, EntitySchema, FieldKind, FieldName, FieldSchema,
    Fields, FileValue, Lookup, RecordId, Revision, Row, Schema, Stamp, Timestamp, Value,
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;

fn field(name: &str) -> FieldName {
    FieldName::parse(name).unwrap()
}

fn entity_name(name: &str) -> EntityName {
    EntityName::parse(name).unwrap()
}

/// A schema whose entity `All` has a field of every kind, with targets for its lookups.
fn schema() -> Schema {
    let options = vec![
        ChoiceOption {
            code: "open".to_owned(),
            number: Some(1),
            label: "Open".to_owned(),
        },
        ChoiceOption {
            code: "closed".to_owned(),
            number: None,
            label: "Closed".to_owned(),
        },
    ];
    let mut all = EntitySchema::new(entity_name("All"));
    let kinds = [
        ("id", FieldKind::Guid),
        ("flag", FieldKind::Bool),
        ("small", FieldKind::Int { bits: 8 }),
        ("int", FieldKind::Int { bits: 64 }),
        (
            "dec",
            FieldKind::Decimal {
                precision: None,
                scale: None,
            },
        ),
        (
            "money",
            FieldKind::Money {
                scale: 2,
                currency: None,
            },
        ),
        ("dbl", FieldKind::Double),
        ("text", FieldKind::Text { max_chars: None }),
        ("date", FieldKind::Date),
        ("time", FieldKind::Time),
        ("at", FieldKind::DateTime),
        ("span", FieldKind::Duration),
        ("guid", FieldKind::Guid),
        ("bin", FieldKind::Binary { max_bytes: None }),
        (
            "choice",
            FieldKind::Choice {
                options: options.clone(),
            },
        ),
        ("choices", FieldKind::Choices { options }),
        (
            "one_id",
            FieldKind::Lookup {
                targets: vec![entity_name("All")],
            },
        ),
        (
            "many_id",
            FieldKind::Lookup {
                targets: vec![entity_name("All"), entity_name("Num"), entity_name("Txt")],
            },
        ),
        ("file", FieldKind::File),
    ];
    for (name, kind) in kinds {
        all.add(FieldSchema::new(field(name), kind));
    }
    all.key = vec![field("id")];
    let mut schema = Schema::default();
    for (name, kind) in [
        ("Num", FieldKind::Int { bits: 32 }),
        ("Txt", FieldKind::Text { max_chars: None }),
    ] {
        let mut entity = EntitySchema::new(entity_name(name));
        entity.add(FieldSchema::new(field("key"), kind));
        entity.key = vec![field("key")];
        schema.add(entity);
    }
    let mut pair = EntitySchema::new(entity_name("Pair"));
    pair.add(FieldSchema::new(field("order"), FieldKind::Int { bits: 32 }));
    pair.add(FieldSchema::new(
        field("line"),
        FieldKind::Text { max_chars: None },
    ));
    pair.key = vec![field("order"), field("line")];
    schema.add(pair);
    schema.add(all);
    schema
}

fn layout_of(name: &str) -> Layout {
    let schema = schema();
    Layout::new(&schema, schema.entity(name).unwrap(), &[], None)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z \"\\\\/]{0,12}", ".{0,8}"]
}

fn decimals() -> impl Strategy<Value = Value> {
    (any::<i64>(), any::<u32>(), 0u32..28).prop_map(|(low, high, scale)| {
        let mantissa = i128::from(low) * i128::from(high % 1000) + i128::from(high);
        Value::Decimal(Decimal::from_i128_with_scale(mantissa, scale))
    })
}

fn date_times() -> impl Strategy<Value = Value> {
    (
        -600_000_000_000_000_000i64..2_500_000_000_000_000_000,
        prop_oneof![Just(0i16), -840i16..840],
    )
        .prop_map(|(ticks, offset_minutes)| {
            Value::DateTime(DateTime {
                ticks,
                offset_minutes,
            })
        })
}

fn lookup(target: usize, id: u128, name: Option<String>) -> Value {
    let (entity, id) = match target {
        0 => ("All", RecordId::guid(Uuid::from_u128(id))),
        1 => ("Num", RecordId::from_canonical(&(id % 1_000_000).to_string())),
        _ => ("Txt", RecordId::from_canonical(&format!("t{id}"))),
    };
    Value::Lookup(Lookup {
        entity: entity_name(entity),
        id,
        name,
    })
}

fn lookups(targets: usize) -> impl Strategy<Value = Value> {
    (0..targets, any::<u128>(), proptest::option::of(text()))
        .prop_map(|(target, id, name)| lookup(target, id, name))
}

fn value(kind: &FieldKind) -> BoxedStrategy<Value> {
    let some = match kind {
        FieldKind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        FieldKind::Int { bits: 8 } => any::<i8>().prop_map(|n| Value::Int(n.into())).boxed(),
        FieldKind::Int { .. } => any::<i64>().prop_map(Value::Int).boxed(),
        FieldKind::Decimal { .. } | FieldKind::Money { .. } => decimals().boxed(),
        FieldKind::Double => prop_oneof![
            any::<f64>().prop_map(Value::double),
            Just(Value::double(f64::INFINITY)),
            Just(Value::double(f64::NEG_INFINITY)),
            Just(Value::double(f64::NAN)),
        ]
        .prop_map(|value| match value {
            Value::Double(number) if number.0.is_nan() => Value::double(f64::NAN),
            value => value,
        })
        .boxed(),
        FieldKind::Text { .. } => text().prop_map(Value::Text).boxed(),
        FieldKind::Date => date_times()
            .prop_map(|value| match value {
                Value::DateTime(at) => Value::Date(at.civil().unwrap().date()),
                other => other,
            })
            .boxed(),
        FieldKind::Time => (0i8..24, 0i8..60, 0i8..60, 0i32..10_000_000)
            .prop_map(|(h, m, s, t)| Value::Time(jiff::civil::time(h, m, s, t * 100)))
            .boxed(),
        FieldKind::DateTime => date_times().boxed(),
        FieldKind::Duration => (-600_000_000_000_000i64..600_000_000_000_000)
            .prop_map(|ticks| Value::Duration(Duration { ticks }))
            .boxed(),
        FieldKind::Guid => any::<u128>()
            .prop_map(|id| Value::Guid(Uuid::from_u128(id)))
            .boxed(),
        FieldKind::Binary { .. } => proptest::collection::vec(any::<u8>(), 0..20)
            .prop_map(Value::Binary)
            .boxed(),
        FieldKind::Choice { .. } => text().prop_map(Value::Choice).boxed(),
        FieldKind::Choices { .. } => proptest::collection::btree_set("[a-z,\"]{1,5}", 0..4)
            .prop_map(|codes| Value::Choices(codes.into_iter().collect()))
            .boxed(),
        FieldKind::Lookup { targets } => lookups(targets.len()).boxed(),
        FieldKind::File => (text(), text(), text(), any::<u64>())
            .prop_map(|(content, name, media_type, size)| {
                Value::File(FileValue {
                    content,
                    name,
                    media_type,
                    size,
                })
            })
            .boxed(),
    };
    prop_oneof![1 => Just(Value::Null), 4 => some].boxed()
}

/// Rows of the entity that has everything. Lookups compare by target only, so names are compared apart.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let schema = schema();
    let columns: Vec<_> = schema
        .entity("All")
        .unwrap()
        .fields
        .iter()
        .skip(1)
        .map(|field| value(&field.kind))
        .collect();
    let row =
        (any::<u128>(), columns, proptest::option::of("[!-~]{1,9}")).prop_map(|(id, mut values, etag)| {
            let id = Uuid::from_u128(id);
            values.insert(0, Value::Guid(id));
            Row {
                id: RecordId::guid(id),
                revision: etag.map(Revision),
                values,
            }
        });
    proptest::collection::vec(row, 0..4)
}

fn stamps() -> impl Strategy<Value = BTreeMap<FieldName, Stamp>> {
    let stamp = (any::<i64>(), any::<u32>(), any::<u128>()).prop_map(|(time, counter, device)| Stamp {
        time: Timestamp(time),
        counter,
        device: DeviceId(Uuid::from_u128(device)),
    });
    proptest::collection::btree_map(prop_oneof![Just(field("text")), Just(field("int"))], stamp, 0..3)
}

fn names(rows: &[Row]) -> Vec<Option<String>> {
    let name = |value: &Value| match value {
        Value::Lookup(lookup) => lookup.name.clone(),
        _ => None,
    };
    rows.iter().flat_map(|row| row.values.iter().map(name)).collect()
}

proptest! {
    #[test]
    fn pages_survive_write_and_read(
        rows in rows(),
        stamps in stamps(),
        gone in proptest::collection::vec((any::<u128>(), any::<bool>()), 0..3),
        numbers in prop_oneof![Just(Numbers::Strings), Just(Numbers::Numbers)],
        form in prop_oneof![Just(DeltaForm::V40), Just(DeltaForm::V401)],
        (count, next) in (any::<Option<u64>>(), proptest::option::of(text())),
    ) {
        let layout = layout_of("All");
        let reason = |deleted| if deleted { RemovedReason::Deleted } else { RemovedReason::Changed };
        let gone: Vec<_> = gone
            .into_iter()
            .map(|(id, deleted)| Removed { id: RecordId::guid(Uuid::from_u128(id)), reason: reason(deleted) })
            .collect();
        let mut bytes = Vec::new();
        let mut writer = PageWriter::new(&mut bytes, &layout, "$metadata#Alls", count, (numbers, form));
        rows.iter().for_each(|row| writer.row(row, &stamps));
        gone.iter().for_each(|removed| writer.removed(removed));
        writer.finish(next.as_deref(), Some("delta"));
        let page = read_page(&bytes, &layout).unwrap();
        prop_assert_eq!(&page.rows.rows, &rows, "{}", String::from_utf8_lossy(&bytes));
        prop_assert_eq!(names(&page.rows.rows), names(&rows));
        prop_assert_eq!(page.removed, gone);
        prop_assert!(page.missing.is_empty());
        prop_assert_eq!(page.stamps.values().all(|read| *read == stamps), true);
        prop_assert_eq!((page.count, page.next_link, page.delta_link.as_deref()), (count, next, Some("delta")));
    }

    #[test]
    fn records_and_changes_survive_write_and_read(rows in rows(), stamps in stamps(), keep in any::<u32>()) {
        let layout = layout_of("All");
        for row in rows {
            let record = read_record(&write_record(&layout, &row, Some("c"), &stamps, Numbers::Strings), &layout).unwrap();
            prop_assert_eq!((&record.record.id, &record.record.revision), (&row.id, &row.revision));
            prop_assert_eq!(record.record.fields.len(), layout.columns().len());
            prop_assert_eq!(&record.stamps, &stamps);
            let given: Fields = record
                .record
                .fields
                .into_iter()
                .enumerate()
                .filter(|(at, _)| keep >> at & 1 == 1)
                .map(|(_, field)| field)
                .collect();
            let options = BodyOptions { own: Own::With, ..BodyOptions::default() };
            let strict = layout.clone().unknown(Unknown::Refuse);
            let body = read_body(&write_body(&layout, &given, &stamps, options), &strict).unwrap();
            prop_assert_eq!(&body.fields, &given);
            prop_assert_eq!(&body.stamps, &stamps);
            let options = BodyOptions { lookups: LookupForm::Bind, ..options };
            let body = read_body(&write_body(&layout, &given, &stamps, options), &strict).unwrap();
            prop_assert_eq!(&body.fields, &given);
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(rows in rows(), at in any::<prop::sample::Index>(), byte in any::<u8>(), text in ".{0,60}") {
        let layout = layout_of("All");
        let mut bytes = Vec::new();
        let mut writer = PageWriter::new(&mut bytes, &layout, "c", None, (Numbers::Strings, DeltaForm::V401));
        rows.iter().for_each(|row| writer.row(row, &BTreeMap::new()));
        writer.finish(None, None);
        let place = at.index(bytes.len());
        let _ = read_page(&bytes[..place], &layout);
        bytes[place] = byte;
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            let _ = (read_page(bytes, &layout), read_record(bytes, &layout), read_body(bytes, &layout));
        }
    }
}

fn page(text: &str) -> Result<Page, PayloadError> {
    read_page(text.as_bytes(), &layout_of("Num"))
}

#[test]
fn pages_are_read_in_the_words_of_both_versions() {
    let layout = layout_of("Pair");
    let text = r##"{"@context":"$metadata#Pairs/$delta","@count":"3","value":[
        {"@etag":"W/\"1\"","order":"1","line":"a'b","unknown":{"deep":[1,2,{"x":null}]},"line@odata.type":"x"},
        {"@odata.context":"#Pairs/$deletedEntity","id":"https://h/s/Pairs(order=2,line='x%2Fy')","reason":"deleted"},
        {"@removed":{},"@id":"Pairs(line='z',order=3)"},
        {"@odata.removed":null,"order":4,"line":"w"},
        {"@odata.context":"#Pairs/$link","source":"a","relationship":"b","target":"c"}
        ],"@nextLink":"n"}"##;
    let page = read_page(text.as_bytes(), &layout).unwrap();
    assert_eq!(page.rows.rows[0].id.as_str(), "order=1,line='a''b'");
    assert_eq!(page.rows.rows[0].revision, Some(Revision("W/\"1\"".to_owned())));
    let gone: Vec<_> = page
        .removed
        .iter()
        .map(|removed| (removed.id.as_str(), removed.reason))
        .collect();
    assert_eq!(
        gone,
        [
            ("order=2,line='x/y'", RemovedReason::Deleted),
            ("order=3,line='z'", RemovedReason::Changed),
            ("order=4,line='w'", RemovedReason::Changed),
        ]
    );
    assert_eq!((page.count, page.next_link.as_deref()), (Some(3), Some("n")));
}

#[test]
fn partial_rows_say_what_they_lack() {
    let layout = layout_of("All");
    let id = Uuid::from_u128(5);
    let page = read_page(
        format!(r#"{{"value":[{{"id":"{id}","text":"x"}}]}}"#).as_bytes(),
        &layout,
    )
    .unwrap();
    let missing = &page.missing[&0];
    assert!(
        missing.contains(&field("int"))
            && !missing.contains(&field("text"))
            && !missing.contains(&field("file"))
    );
}

#[test]
fn hostile_and_broken_pages_are_refused() {
    assert_eq!(
        page(r#"{"value":[{"key":1,"key":2}]}"#),
        Err(PayloadError::Duplicate("key".to_owned()))
    );
    assert_eq!(
        page(r#"{"value":[],"value":[]}"#),
        Err(PayloadError::Duplicate("value".to_owned()))
    );
    assert_eq!(
        page(r#"{"value":[{}]}"#),
        Err(PayloadError::MissingKey("key".to_owned()))
    );
    assert!(matches!(
        page(r#"{"value":[{"key":"x"}]}"#),
        Err(PayloadError::WrongType { .. })
    ));
    assert!(matches!(
        page(r#"{"value":[{"key":99999999999}]}"#),
        Err(PayloadError::WrongType { .. })
    ));
    assert!(matches!(
        page(r#"{"value":[{"key":1}"#),
        Err(PayloadError::NotJson { .. })
    ));
    assert!(matches!(page("<html>"), Err(PayloadError::NotJson { .. })));
    assert_eq!(page(r#"{"error":{}}"#), Err(PayloadError::ErrorInside));
    assert_eq!(page("{}"), Err(PayloadError::Shape("an object with `value`")));
    assert!(matches!(page("[]"), Err(PayloadError::Shape(_))));
    let deep = format!(
        r#"{{"value":[],"x":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(page(&deep), Err(PayloadError::Limit("levels")));
    let wide: Vec<_> = (0..6_000).map(|n| format!("\"x{n}\":1")).collect();
    assert_eq!(
        page(&format!(r#"{{"value":[{{{}}}]}}"#, wide.join(","))),
        Err(PayloadError::Limit("names in one object"))
    );
    let mut layout = layout_of("Num");
    layout.limits.rows = 2;
    let rows = br#"{"value":[{"key":1},{"key":2},{"key":3}]}"#;
    assert_eq!(read_page(rows, &layout), Err(PayloadError::Limit("rows")));
}

#[test]
fn numbers_lose_no_digits() {
    let layout = layout_of("All");
    let id = Uuid::from_u128(5);
    for dec in ["12345678901234567890.12345678", "0.1", "-7.00", "1e3"] {
        for quote in ["", "\""] {
            let text =
                format!(r#"{{"id":"{id}","dec":{quote}{dec}{quote},"int":{quote}9007199254740993{quote}}}"#);
            let record = read_record(text.as_bytes(), &layout).unwrap().record;
            let exact = Decimal::from_str_exact(dec)
                .or_else(|_| Decimal::from_scientific(dec))
                .unwrap();
            assert_eq!(record.value(&field("dec")), &Value::Decimal(exact));
            assert_eq!(record.value(&field("int")), &Value::Int(9_007_199_254_740_993));
        }
    }
    let long = format!(r#"{{"id":"{id}","dec":0.12345678901234567890123456789012345}}"#);
    assert!(matches!(
        read_record(long.as_bytes(), &layout),
        Err(PayloadError::WrongType { .. })
    ));
}

#[test]
fn a_server_names_the_field_that_was_probably_meant() {
    let layout = layout_of("All").unknown(Unknown::Refuse);
    let error = read_body(br#"{"txt":"x"}"#, &layout).unwrap_err();
    assert_eq!(error.to_string(), "unknown field txt: did you mean text?");
    assert!(
        read_body(
            br#"{"@odata.type":"x","text@odata.type":"y","text":"z"}"#,
            &layout
        )
        .is_ok()
    );
}

#[test]
fn links_and_annotations_of_other_services_set_lookups() {
    let layout = layout_of("All");
    let id = Uuid::from_u128(7);
    let text = format!(
        r#"{{"many_id@Microsoft.Dynamics.CRM.lookuplogicalname":"Txt","many_id":"{id}",
        "many_id@OData.Community.Display.V1.FormattedValue":"Name","one@odata.bind":"/Alls({id})"}}"#
    );
    let body = read_body(text.as_bytes(), &layout).unwrap();
    let Value::Lookup(many) = &body.fields["many_id"] else {
        panic!("no lookup")
    };
    assert_eq!(
        (many.entity.as_str(), many.name.as_deref()),
        ("Txt", Some("Name"))
    );
    assert_eq!(body.fields["one_id"], lookup(0, 7, None));
    let many = read_body(br#"{"many_Num@bind":"https://h/s/Nums(7)"}"#, &layout).unwrap();
    assert_eq!(many.fields["many_id"], lookup(1, 7, None));
    let bad = read_body(br#"{"one@odata.bind":"Alls(x)"}"#, &layout);
    assert!(matches!(bad, Err(PayloadError::WrongType { .. })));
}

#[test]
fn record_links_are_those_of_the_standard() {
    let schema = schema();
    let link =
        |entity: &str, id: &str| record_link(schema.entity(entity).unwrap(), &RecordId::from_canonical(id));
    assert_eq!(link("Num", "7").as_deref(), Some("Nums(7)"));
    assert_eq!(link("Txt", "O'Neil/x").as_deref(), Some("Txts('O''Neil%2Fx')"));
    assert_eq!(
        link("Pair", "order=7,line='a b'").as_deref(),
        Some("Pairs(order=7,line='a%20b')")
    );
    assert_eq!(link("Num", "x"), None);
}

#[test]
fn only_asked_for_columns_are_read_with_the_key_among_them() {
    let schema = schema();
    let entity: &Arc<EntitySchema> = schema.entity("All").unwrap();
    let layout = Layout::new(&schema, entity, &[field("text")], None);
    assert_eq!(
        layout.columns().iter().map(FieldName::as_str).collect::<Vec<_>>(),
        ["id", "text"]
    );
}
