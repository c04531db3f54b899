//! What commands are expected to do.

use uuid::Uuid;

use super::*;

fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

fn lookup(entity: &str, number: u128) -> Value {
    Value::Lookup(Lookup {
        entity: EntityName::parse(entity).unwrap(),
        id: RecordId::guid(Uuid::from_u128(number)),
        name: None,
    })
}

/// Makes an account unless it is not wanted or one is given, and always a deal with it.
fn command() -> CommandSchema {
    let make = |slot: &str, entity: &str, fields: &[(&str, EffectValue)], only_if: &[&str]| Effect::Make {
        slot: name(slot),
        entity: EntityName::parse(entity).unwrap(),
        fields: fields
            .iter()
            .map(|(field, value)| (name(field), value.clone()))
            .collect(),
        only_if: only_if.iter().map(|text| name(text)).collect(),
    };
    CommandSchema {
        when: [(name("status"), vec![Value::Null, Value::text("new")])].into(),
        effects: vec![
            make(
                "account",
                "Account",
                &[("name", EffectValue::Field(name("company")))],
                &["create_account", "account_id"],
            ),
            make(
                "deal",
                "Deal",
                &[("account_id", EffectValue::Made(name("account")))],
                &[],
            ),
            Effect::Set {
                field: name("status"),
                to: EffectValue::Constant(Value::text("done")),
            },
            Effect::Set {
                field: name("reason"),
                to: EffectValue::Parameter(name("reason")),
            },
        ],
        ..CommandSchema::new(CommandName::parse("Qualify").unwrap())
    }
}

fn expected(parameters: &[(&str, Value)]) -> Expected {
    let entity = EntityName::parse("Lead").unwrap();
    let subject = Subject {
        entity: &entity,
        id: &RecordId::guid(Uuid::from_u128(9)),
        fields: &[(name("company"), Value::text("Northern Lights"))].into(),
        name: None,
        now: Timestamp(0),
    };
    let parameters = parameters
        .iter()
        .map(|(field, value)| (name(field), value.clone()))
        .collect();
    let mut count = 0;
    command().expected(&subject, &parameters, |_| {
        count += 1;
        Some(RecordId::guid(Uuid::from_u128(count)))
    })
}

fn deal(expected: &Expected) -> (usize, Option<&Value>) {
    let deal = expected.made.iter().find(|made| made.slot == name("deal"));
    (expected.made.len(), deal.unwrap().fields.get("account_id"))
}

#[test]
fn a_record_is_made_unless_a_parameter_makes_it_needless() {
    let (one, seven) = (lookup("Account", 1), lookup("Account", 7));
    let given = ("account_id", seven.clone());
    for (parameters, want) in [
        (vec![], (2, Some(&one))),
        (vec![("create_account", Value::Bool(true))], (2, Some(&one))),
        (vec![("account_id", Value::Null)], (2, Some(&one))),
        (vec![("create_account", Value::Bool(false))], (1, None)),
        (vec![given.clone()], (1, Some(&seven))),
        (
            vec![("create_account", Value::Bool(true)), given.clone()],
            (1, Some(&seven)),
        ),
        (
            vec![("create_account", Value::Bool(false)), given],
            (1, Some(&seven)),
        ),
    ] {
        let expected = expected(&parameters);
        assert_eq!(deal(&expected), want, "{parameters:?}");
    }
}

#[test]
fn a_field_is_left_alone_where_nothing_was_given_for_it() {
    assert!(!expected(&[]).fields.contains_key("reason"));
    let emptied = expected(&[("reason", Value::Null)]);
    assert_eq!(emptied.fields.get("reason"), Some(&Value::Null));
    assert_eq!(emptied.fields.get("status"), Some(&Value::text("done")));
}

#[test]
fn a_command_is_forbidden_by_the_fields_that_do_not_have_an_allowed_value() {
    let with = |value: Value| Fields::from([(name("status"), value)]);
    let command = command();
    assert!(command.forbidden_by(&Fields::new()).is_empty());
    assert!(command.forbidden_by(&with(Value::text("new"))).is_empty());
    assert_eq!(
        command.forbidden_by(&with(Value::text("done"))),
        [&name("status")]
    );
}
