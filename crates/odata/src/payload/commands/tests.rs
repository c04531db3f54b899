//! Answers of commands, as services of all kinds write them.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn field(name: &str) -> FieldName {
    FieldName::parse(name).unwrap()
}

fn name(name: &str) -> EntityName {
    EntityName::parse(name).unwrap()
}

/// Entities with a key of each kind.
fn schema() -> Schema {
    let mut schema = Schema::default();
    let text = FieldKind::Text { max_chars: None };
    let int = FieldKind::Int { bits: 64 };
    for (entity, key) in [
        ("account", vec![("accountid", FieldKind::Guid)]),
        ("order", vec![("number", int.clone())]),
        ("line", vec![("order", int), ("place", text)]),
    ] {
        let mut made = EntitySchema::new(name(entity));
        for (part, kind) in key {
            made.key.push(field(part));
            made.add(FieldSchema::new(field(part), kind));
        }
        schema.add(made);
    }
    schema
}

fn results() -> Results {
    let slots = [("a", "account"), ("b", "account"), ("l", "line"), ("o", "order")]
        .map(|(slot, made)| (field(slot), name(made)));
    Results::new(
        &schema(),
        &name("lead"),
        slots.iter().map(|(slot, made)| (slot, made)),
    )
}

/// What an answer tells, as `slot=id`.
fn told(body: &str) -> String {
    let made = results().read(body.as_bytes()).unwrap();
    let made: Vec<_> = made.iter().map(|(slot, id)| format!("{slot}={id}")).collect();
    made.join(" ")
}

#[test]
fn results_are_read_from_members_and_from_typed_records() {
    let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let members = format!(r#"{{"@odata.context":"x","b":"{one}","a":null,"o":"7","l":"order=7,place='x'"}}"#);
    assert_eq!(told(&members), format!("b={one} l=order=7,place='x' o=7"));
    let upper = one.to_string().to_uppercase();
    assert_eq!(told(&format!(r#"{{"a":"{upper}"}}"#)), format!("a={one}"));
    let list = format!(
        r##"{{"@odata.context":"x","value":[{{"@odata.type":"#Microsoft.Dynamics.CRM.order","number":7,"name":"y"}},
        {{"@odata.type":"#Microsoft.Dynamics.CRM.account","accountid":"{one}"}},
        {{"@odata.type":"#Microsoft.Dynamics.CRM.account","accountid":"{two}"}},
        {{"@odata.type":"#Microsoft.Dynamics.CRM.account","accountid":"{two}"}},
        {{"@odata.type":"#Microsoft.Dynamics.CRM.task","id":1}},{{"id":1}},3]}}"##
    );
    assert_eq!(told(&list), format!("a={one} b={two} o=7"));
}

#[test]
fn an_answer_that_is_whole_but_tells_nothing_names_no_record() {
    for body in [
        "null",
        "7",
        "[]",
        "{}",
        r#"{"value":5}"#,
        r#"{"a":{"x":1}}"#,
        r#"{"a":"no guid"}"#,
    ] {
        assert_eq!(told(body), "", "{body}");
    }
}

#[test]
fn an_answer_that_is_cut_short_proves_nothing() {
    let whole = format!(r#"{{"a":"{}","o":7}}"#, Uuid::from_u128(1));
    for end in 0..whole.len() {
        assert!(results().read(&whole.as_bytes()[..end]).is_err(), "{end}");
    }
    assert!(results().read(&whole.as_bytes()[..whole.len()]).is_ok());
}

proptest! {
    #[test]
    fn results_survive_write_and_read(a in any::<Option<u128>>(), o in any::<Option<i64>>(), place in proptest::option::of("[a-z',]{1,6}")) {
        let made: BTreeMap<FieldName, RecordId> = [
            ("a", a.map(|n| RecordId::guid(Uuid::from_u128(n)))),
            ("o", o.map(|n| RecordId::from_canonical(&n.to_string()))),
            ("l", place.map(|text| RecordId::from_canonical(&format!("order=1,place='{}'", text.replace('\'', "''"))))),
        ]
        .into_iter()
        .filter_map(|(slot, id)| Some((field(slot), id?)))
        .collect();
        for numbers in [Numbers::Strings, Numbers::Numbers] {
            let body = results().write("context", &made, numbers);
            prop_assert_eq!(results().read(&body).unwrap(), made.clone());
        }
    }

    #[test]
    fn no_answer_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in ".{0,60}") {
        let _ = results().read(&bytes);
        let _ = results().read(text.as_bytes());
    }
}
