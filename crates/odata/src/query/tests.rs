//! Tests of queries as text.

use std::sync::Arc;

use driftless_record::query::{Comparison, Expr, Order, Path, Query};
use driftless_record::{
    ChoiceOption, Collection, EntityName, EntitySchema, FieldKind, FieldName, FieldSchema, Lookup, RecordId,
    Schema, Value,
};
use proptest::prelude::*;

use super::*;
use crate::syntax::{Form, parse_expr, to_query_string};

fn entity_name(name: &str) -> EntityName {
    EntityName::parse(name).unwrap()
}

fn add(entity: &mut EntitySchema, name: &str, kind: FieldKind) {
    entity.add(FieldSchema::new(FieldName::parse(name).unwrap(), kind));
}

fn lookup_to(targets: &[&str]) -> FieldKind {
    FieldKind::Lookup {
        targets: targets.iter().map(|name| entity_name(name)).collect(),
    }
}

fn schema() -> Schema {
    let option = |code: &str, number| ChoiceOption {
        code: code.to_owned(),
        number: Some(number),
        label: code.to_owned(),
    };
    let options = vec![option("open", 1), option("closed", 2)];
    let mut schema = Schema::default();

    let mut account = EntitySchema::new(entity_name("Account"));
    add(&mut account, "id", FieldKind::Guid);
    add(&mut account, "name", FieldKind::Text { max_chars: None });
    add(
        &mut account,
        "status",
        FieldKind::Choice {
            options: options.clone(),
        },
    );
    add(&mut account, "tags", FieldKind::Choices { options });
    add(
        &mut account,
        "revenue",
        FieldKind::Decimal {
            precision: None,
            scale: Some(2),
        },
    );
    add(&mut account, "rate", FieldKind::Double);
    add(&mut account, "staff", FieldKind::Int { bits: 32 });
    add(&mut account, "founded", FieldKind::Date);
    add(&mut account, "opens", FieldKind::Time);
    add(&mut account, "modifiedAt", FieldKind::DateTime);
    add(&mut account, "wait", FieldKind::Duration);
    add(&mut account, "active", FieldKind::Bool);
    add(&mut account, "logo", FieldKind::Binary { max_bytes: None });
    add(&mut account, "parent_id", lookup_to(&["Account"]));
    account.key = vec!["id".try_into().unwrap()];
    let contacts = Collection {
        entity: entity_name("Contact"),
        via: "accountId".try_into().unwrap(),
        cascade_delete: false,
    };
    account
        .collections
        .insert("contacts".try_into().unwrap(), contacts);
    schema.add(account);

    let mut contact = EntitySchema::new(entity_name("Contact"));
    add(&mut contact, "code", FieldKind::Text { max_chars: None });
    add(&mut contact, "email", FieldKind::Text { max_chars: None });
    add(&mut contact, "age", FieldKind::Int { bits: 32 });
    add(&mut contact, "accountId", lookup_to(&["Account"]));
    add(&mut contact, "regarding_id", lookup_to(&["Account", "Contact"]));
    contact.key = vec!["code".try_into().unwrap()];
    schema.add(contact);
    schema
}

fn account(schema: &Schema) -> Arc<EntitySchema> {
    schema.entity("Account").unwrap().clone()
}

fn filter(text: &str) -> Result<Expr, QueryTextError> {
    let schema = schema();
    parse_filter(text, Names::own(&schema), &account(&schema))
}

/// Lowers, raises, prints as a URL, and lowers again.
fn round(text: &str) -> String {
    let schema = schema();
    let (names, entity) = (Names::own(&schema), account(&schema));
    let first = filter(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let raised = raise(&first, names, &entity).unwrap();
    let url = crate::syntax::to_query(&raised);
    let again = lower(
        &parse_expr(&url, Form::Query).unwrap(),
        names,
        &entity,
        &Default::default(),
    )
    .unwrap();
    assert_eq!(again, first, "{text} -> {url}");
    raised.to_string()
}

#[test]
fn filters_keep_their_meaning() {
    for text in [
        "name eq 'O''Neil & Co' and not (status eq 'open' or status eq null)",
        "revenue gt 12.50 and staff in (1,2,3) and rate lt 1.5e0",
        "founded ge 2020-01-01 and opens lt 08:30:00 and modifiedAt ge 2026-11-22T08:30:00.5Z",
        "wait gt duration'PT1H30M' and logo ne binary'Zm8=' and active eq true",
        "contains(tolower(name),'x') and startswith(name,'a') and length(trim(name)) ge 3",
        "year(modifiedAt) eq 2026 and date(modifiedAt) eq 2026-11-22 and now() gt modifiedAt",
        "parent/parent/name eq 'x' and parent_id eq 01234567-89ab-cdef-0123-456789abcdef",
        "contacts/any(x1:x1/age gt staff and endswith(x1/email,'.org')) and not contacts/any()",
        "contacts/all(x1:x1/account/contacts/any(x2:x2/age lt x1/age and x2/email eq name))",
        "tags/any(x1:x1 eq 'open')",
        "staff add 2 mul -3 sub 1 eq staff mod 5 and revenue divby 2 gt 0.5",
        "substring(name,1,2) eq 'ab' and indexof(name,'b') eq -1",
    ] {
        assert_eq!(round(text), text);
    }
}

#[test]
fn names_and_literals_are_understood_as_people_write_them() {
    let same = |a: &str, b: &str| assert_eq!(filter(a).unwrap(), filter(b).unwrap(), "{a}");
    same("status eq 2", "status eq 'closed'");
    same("parent_id/name eq 'x'", "parent/name eq 'x'");
    same("$it/name eq 'x'", "name eq 'x'");
    same("'x' eq name", "'x' eq $it/name");
    same(
        "id eq '01234567-89ab-cdef-0123-456789abcdef'",
        "id eq 01234567-89AB-cdef-0123-456789abcdef",
    );
    same("modifiedAt ge 2026-11-22", "modifiedAt ge 2026-11-22T00:00:00Z");
    same(
        "modifiedAt ge 2026-11-22T00:00Z",
        "modifiedAt ge 2026-11-22T00:00:00Z",
    );
    same("contacts/$count gt 0", "contacts/any()");
    same("contacts/$count eq 0", "not contacts/any()");
    same(
        "contacts/$count($filter=age gt 5) ne 0",
        "contacts/any(c:c/age gt 5)",
    );
    same("tags has 'open,closed'", "tags has N.T'closed,open'");
    same("name in ['a','b']", "name in ('a','b')");
    same("name in ('a')", "name in ('a' )");
    same("rate gt 1", "rate gt 1.0");
    same("parent eq null", "parent_id eq null");
}

#[test]
fn a_key_of_one_of_several_entities_means_any_of_them() {
    let schema = schema();
    let contact = schema.entity("Contact").unwrap().clone();
    let id = "01234567-89ab-cdef-0123-456789abcdef";
    let expr = parse_filter(&format!("regarding_id ne {id}"), Names::own(&schema), &contact).unwrap();
    let of = |entity| {
        Expr::Literal(Value::Lookup(Lookup {
            entity: entity_name(entity),
            id: RecordId::from_canonical(id),
            name: None,
        }))
    };
    let field = Expr::field("regarding_id".try_into().unwrap());
    assert_eq!(
        expr,
        Expr::Not(Box::new(Expr::In(
            Box::new(field),
            vec![of("Account"), of("Contact")]
        )))
    );
}

#[test]
fn what_does_not_fit_is_explained() {
    let check = |text: &str, said: &str| assert_eq!(filter(text).unwrap_err().to_string(), said, "{text}");
    check("nam eq 'x'", "Account has no field nam: did you mean name?");
    check(
        "statsu eq 'x'",
        "Account has no field statsu: did you mean status?",
    );
    check(
        "contact/any()",
        "Account: contact leads to no other records: did you mean contacts?",
    );
    check(
        "status eq 'opne'",
        "field status has no such option: did you mean open?",
    );
    check("staff eq 'x'", "field staff: expected a number such as 42");
    check(
        "founded eq 5",
        "field founded: expected a date such as 2026-11-22",
    );
    check(
        "name eq 5",
        "field name: expected text in single quotes such as 'abc'",
    );
    check("name eq", "expected the end at position 4");
    check("name eq @x", "the alias @x has no value");
    check(
        "contacts/email eq 'x'",
        "not supported here: fields of a collection without `any` or `all`",
    );
    check("geo.length(name) eq 1", "not supported here: geo.length");
    check(
        "cast(name,Edm.String) eq 'x'",
        "not supported: cast at position 4",
    );
}

fn options(text: &str) -> Result<QueryOptions, QueryTextError> {
    let schema = schema();
    read_options(text, Names::own(&schema), &account(&schema), Treatment::Refuse)
}

#[test]
fn a_whole_request_is_understood() {
    let read = options(
        "$filter=name%20eq%20@n&@n='x%20y'&$select=id,name&$orderby=revenue%20desc,name&$top=5&$skip=10&count=true\
         &$search=blue%20AND%20%22dark%20green%22&$skiptoken=abc&$expand=parent($select=name),contacts($filter=age%20gt%203;$top=2)",
    )
    .unwrap();
    assert_eq!(read.query.filter, filter("name eq 'x y'").ok());
    assert_eq!(read.query.select.len(), 2);
    assert!(read.query.order[0].descending && !read.query.order[1].descending);
    assert_eq!((read.query.top, read.query.skip, read.count), (Some(5), 10, true));
    assert_eq!(read.query.search.as_deref(), Some("blue dark green"));
    assert_eq!(read.skip_token.as_deref(), Some("abc"));
    assert!(matches!(&read.expand[0].what, Expanded::Lookup(field, _) if field.as_str() == "parent_id"));
    assert_eq!(read.expand[1].options.query.top, Some(2));
    assert_eq!(options("$top=1&top=2"), Err(QueryTextError::Repeated("$top")));
    assert_eq!(
        options("x=1"),
        Err(QueryTextError::UnknownQueryOption("x".to_owned()))
    );
    assert_eq!(
        options("$filter=@a&@a=@b&@b=@a"),
        Err(QueryTextError::UnknownAlias("a".to_owned()))
    );
    assert!(matches!(options("$foo=1"), Err(QueryTextError::Syntax(_))));
    assert!(options("").is_ok());
}

#[test]
fn queries_survive_write_and_read() {
    let schema = schema();
    let by = |name: &str| Expr::field(name.try_into().unwrap());
    let query = Query {
        filter: filter("name eq 'x' and contacts/any()").ok(),
        search: Some("blue o'neil NOT".to_owned()),
        order: vec![
            Order {
                by: by("name"),
                descending: true,
            },
            Order {
                by: by("id"),
                descending: false,
            },
        ],
        skip: 3,
        top: Some(9),
        select: vec!["id".try_into().unwrap(), "parent_id".try_into().unwrap()],
        ..Query::all(entity_name("Account"))
    };
    let url = to_query_string(&raise_query(&query, Names::own(&schema)).unwrap());
    assert_eq!(options(&url).unwrap().query, query, "{url}");
}

fn leaf(kind: &'static str) -> BoxedStrategy<Expr> {
    let field = |name: &str| Expr::field(name.try_into().unwrap());
    let through = Expr::Field(Path {
        scope: 0,
        through: vec!["parent_id".try_into().unwrap()],
        field: "name".try_into().unwrap(),
    });
    match kind {
        "text" => prop_oneof![
            Just(field("name")),
            Just(through),
            ".{0,6}".prop_map(|t| Expr::Literal(Value::Text(t)))
        ]
        .boxed(),
        _ => prop_oneof![
            Just(field("staff")),
            any::<i64>().prop_map(|n| Expr::Literal(Value::Int(n)))
        ]
        .boxed(),
    }
}

fn condition() -> impl Strategy<Value = Expr> {
    let compare = |kind| {
        let operator = prop_oneof![
            Just(Comparison::Eq),
            Just(Comparison::Ne),
            Just(Comparison::Lt),
            Just(Comparison::Ge)
        ];
        (operator, leaf(kind), leaf(kind)).prop_map(|(op, a, b)| Expr::Compare(op, Box::new(a), Box::new(b)))
    };
    let status = any::<bool>().prop_map(|open| {
        let code = if open { "open" } else { "closed" };
        Expr::compare(
            "status".try_into().unwrap(),
            Comparison::Eq,
            Value::Choice(code.to_owned()),
        )
    });
    prop_oneof![compare("text"), compare("int"), status].prop_recursive(4, 30, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Expr::Or),
            inner.prop_map(|one| Expr::Not(Box::new(one))),
        ]
    })
}

proptest! {
    #[test]
    fn every_filter_survives_the_wire(expr in condition()) {
        let schema = schema();
        let (names, entity) = (Names::own(&schema), account(&schema));
        let url = crate::syntax::to_query(&raise(&expr, names, &entity).unwrap());
        let read = lower(&parse_expr(&url, Form::Query).unwrap(), names, &entity, &Default::default()).unwrap();
        prop_assert_eq!(read, expr, "{}", url);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,50}", near in "(name|staff|contacts|x|/|any|\\(|\\)|:| |eq|and|not|'|1|,|@|\\$it|in|has){0,12}") {
        for text in [text, near] {
            let _ = filter(&text);
            let _ = options(&text);
            let _ = options(&format!("$expand={text}"));
            let _ = options(&format!("$select={text}"));
        }
    }
}
