//! What expressions mean, written by hand: the anchor of the differential test.

use rust_decimal::Decimal;

use super::{Context, NoLookups, matches, run};
use crate::id::RecordId;
use crate::name::{EntityName, FieldName};
use crate::query::{Arithmetic, Collation, Comparison, Expr, Function, Order, Query, QueryError};
use crate::record::Record;
use crate::schema::{ChoiceOption, EntitySchema, FieldKind, FieldSchema, Schema};
use crate::time::DateTime;
use crate::value::Value;

fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

fn schema() -> Schema {
    let mut item = EntitySchema::new(EntityName::parse("Item").unwrap());
    item.key = vec![name("id")];
    let option = ChoiceOption {
        code: "open".to_owned(),
        number: Some(3),
        label: "Open".to_owned(),
    };
    for (field, kind) in [
        ("id", FieldKind::Int { bits: 32 }),
        ("title", FieldKind::Text { max_chars: None }),
        ("n", FieldKind::Int { bits: 64 }),
        (
            "price",
            FieldKind::Decimal {
                precision: Some(18),
                scale: Some(2),
            },
        ),
        ("ratio", FieldKind::Double),
        ("at", FieldKind::DateTime),
        ("flag", FieldKind::Bool),
        ("nothing", FieldKind::Int { bits: 64 }),
        (
            "status",
            FieldKind::Choice {
                options: vec![option],
            },
        ),
    ] {
        item.add(FieldSchema::new(name(field), kind));
    }
    item.display_field = Some(name("title"));
    let mut schema = Schema::default();
    schema.add(item);
    schema
}

fn record(id: i64, fields: &[(&str, Value)]) -> Record {
    Record {
        entity: EntityName::parse("Item").unwrap(),
        id: RecordId::from_canonical(&id.to_string()),
        revision: None,
        fields: fields
            .iter()
            .map(|(field, value)| (name(field), value.clone()))
            .collect(),
    }
}

fn context(schema: &Schema, collation: Collation) -> Context<'_> {
    Context {
        schema,
        collation,
        now: "2026-11-22T08:30:00Z".parse::<DateTime>().unwrap(),
        lookups: &NoLookups,
    }
}

fn of(field: &str) -> Box<Expr> {
    Box::new(Expr::field(name(field)))
}

fn value(value: Value) -> Box<Expr> {
    Box::new(Expr::Literal(value))
}

fn holds(expr: &Expr, collation: Collation) -> Result<bool, QueryError> {
    let schema = schema();
    let item = record(
        1,
        &[
            ("id", Value::Int(1)),
            ("title", Value::text("Zürich Äb")),
            ("n", Value::Int(-7)),
            ("price", Value::Decimal(Decimal::new(250, 2))),
            ("ratio", Value::double(0.1)),
            (
                "at",
                Value::DateTime("2026-01-01T00:30:00.25+01:00".parse().unwrap()),
            ),
            ("flag", Value::Bool(true)),
            ("status", Value::Choice("open".to_owned())),
        ],
    );
    matches(expr, &item, &context(&schema, collation))
}

#[test]
fn null_equals_null_and_is_neither_larger_nor_smaller() {
    use Comparison::{Eq, Ge, Gt, Le, Lt, Ne};
    let rows = [
        (Eq, true),
        (Ne, false),
        (Gt, false),
        (Ge, false),
        (Lt, false),
        (Le, false),
    ];
    for (comparison, expected) in rows {
        let expr = Expr::Compare(comparison, of("nothing"), value(Value::Null));
        assert_eq!(
            holds(&expr, Collation::Binary),
            Ok(expected),
            "{comparison:?} null"
        );
        let expr = Expr::Compare(comparison, of("nothing"), value(Value::Int(1)));
        assert_eq!(
            holds(&expr, Collation::Binary),
            Ok(comparison == Ne),
            "{comparison:?} 1"
        );
    }
    let larger = || Expr::Compare(Gt, of("nothing"), value(Value::Int(1)));
    assert_eq!(holds(&Expr::Not(Box::new(larger())), Collation::Binary), Ok(true));
    let unknown = Expr::Call(Function::Contains, vec![*value(Value::Null), *of("title")]);
    assert_eq!(holds(&unknown, Collation::Binary), Ok(false));
    assert_eq!(holds(&Expr::Not(Box::new(unknown)), Collation::Binary), Ok(false));
}

#[test]
fn computed_values_are_what_the_documentation_says() {
    let text = |text: &str| *value(Value::text(text));
    let int = |number| *value(Value::Int(number));
    let call = |function, arguments: &[Expr]| Box::new(Expr::Call(function, arguments.to_vec()));
    let compute = |operator, a, b| Box::new(Expr::Arithmetic(operator, a, b));
    let title = || *of("title");
    let decimal = |mantissa, scale| Value::Decimal(Decimal::new(mantissa, scale));
    let rows = [
        (call(Function::Length, &[title()]), Value::Int(9)),
        (call(Function::IndexOf, &[title(), text("rich")]), Value::Int(2)),
        (call(Function::IndexOf, &[title(), text("q")]), Value::Int(-1)),
        (
            call(Function::Substring, &[title(), int(1), int(2)]),
            Value::text("ür"),
        ),
        (
            call(Function::Substring, &[title(), int(-4)]),
            Value::text("Zürich Äb"),
        ),
        (call(Function::ToLower, &[title()]), Value::text("zürich Äb")),
        (
            call(Function::Trim, &[text("\t a\u{A0} ")]),
            Value::text("a\u{A0}"),
        ),
        (
            call(Function::Concat, &[title(), text("!")]),
            Value::text("Zürich Äb!"),
        ),
        (call(Function::Year, &[*of("at")]), Value::Int(2026)),
        (call(Function::Hour, &[*of("at")]), Value::Int(0)),
        (call(Function::FractionalSeconds, &[*of("at")]), decimal(25, 2)),
        (call(Function::TotalOffsetMinutes, &[*of("at")]), Value::Int(60)),
        (
            call(Function::Year, &[*call(Function::Now, &[])]),
            Value::Int(2026),
        ),
        (call(Function::Round, &[*of("price")]), Value::Int(3)),
        (call(Function::Floor, &[*of("price")]), Value::Int(2)),
        (
            compute(Arithmetic::Div, of("n"), value(Value::Int(2))),
            Value::Int(-3),
        ),
        (
            compute(Arithmetic::Mod, of("n"), value(Value::Int(4))),
            Value::Int(-3),
        ),
        (
            compute(Arithmetic::DivBy, of("n"), value(Value::Int(2))),
            Value::double(-3.5),
        ),
        (
            compute(Arithmetic::Div, of("n"), value(Value::Int(0))),
            Value::Null,
        ),
        (
            compute(Arithmetic::Mul, of("n"), value(Value::Int(i64::MAX))),
            Value::Null,
        ),
        (
            compute(Arithmetic::Add, of("price"), value(decimal(5, 1))),
            Value::Int(3),
        ),
        (of("ratio"), decimal(1, 1)),
        (of("price"), Value::double(2.5)),
        (of("status"), Value::text("open")),
        (of("status"), Value::Int(3)),
        (
            of("at"),
            Value::DateTime("2025-12-31T23:30:00.25Z".parse().unwrap()),
        ),
    ];
    for (expr, expected) in rows {
        let equal = Expr::Compare(Comparison::Eq, expr.clone(), value(expected.clone()));
        assert_eq!(
            holds(&equal, Collation::Binary),
            Ok(true),
            "{expr:?} = {expected:?}"
        );
    }
}

#[test]
fn case_makes_a_difference_only_where_the_collation_says_so() {
    let rows = [
        (
            Expr::Compare(Comparison::Eq, of("title"), value(Value::text("züRICH Äb"))),
            true,
        ),
        (
            Expr::Compare(Comparison::Eq, of("title"), value(Value::text("zürich äb"))),
            false,
        ),
        (
            Expr::Call(Function::StartsWith, vec![*of("title"), *value(Value::text("z"))]),
            true,
        ),
        (
            Expr::Call(Function::EndsWith, vec![*of("title"), *value(Value::text("B"))]),
            true,
        ),
    ];
    for (expr, without_case) in rows {
        assert_eq!(holds(&expr, Collation::AsciiNoCase), Ok(without_case), "{expr:?}");
        assert_eq!(holds(&expr, Collation::Binary), Ok(false), "{expr:?}");
    }
}

#[test]
fn what_does_not_fit_the_schema_is_an_error() {
    let rows = [
        Expr::compare(name("missing"), Comparison::Eq, Value::Int(1)),
        Expr::compare(name("n"), Comparison::Eq, Value::text("1")),
        Expr::compare(name("status"), Comparison::Eq, Value::Int(99)),
        Expr::Not(of("n")),
        Expr::Call(Function::Length, vec![*of("n")]),
        Expr::Call(Function::Length, vec![]),
        *of("title"),
    ];
    for expr in rows {
        assert!(holds(&expr, Collation::Binary).is_err(), "{expr:?}");
    }
}

#[test]
fn queries_search_order_page_and_select() {
    let schema = schema();
    let item = |id, title: &str, n: Option<i64>| {
        record(
            id,
            &[
                ("title", Value::text(title)),
                ("n", n.map_or(Value::Null, Value::Int)),
                ("flag", Value::Bool(true)),
            ],
        )
    };
    let records = [
        item(1, "Red Car", Some(2)),
        item(2, "red bus", None),
        item(3, "CAR, red", Some(2)),
        item(4, "x", None),
    ];
    let mut query = Query::all(EntityName::parse("Item").unwrap());
    query.search = Some(" RED ".to_owned());
    query.order = vec![Order {
        by: *of("n"),
        descending: false,
    }];
    query.select = vec![name("title")];
    let answer = |query: &Query| -> Vec<String> {
        let found = run(query, records.clone(), &context(&schema, Collation::Binary)).unwrap();
        assert!(
            found
                .iter()
                .all(|record| record.fields.keys().eq([&name("title")]))
        );
        found.iter().map(|record| record.id.to_string()).collect()
    };
    assert_eq!(answer(&query), ["2", "1", "3"]);
    query.order[0].descending = true;
    assert_eq!(answer(&query), ["1", "3", "2"]);
    query.skip = 1;
    assert_eq!(answer(&query.clone().top(1)), ["3"]);
    query.search = Some("red car".to_owned());
    assert_eq!(answer(&query), ["3"]);
}
