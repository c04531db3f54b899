//! Queries.

use driftless_record::query::{self, Arithmetic, Comparison, Function, NoLookups, Order, Path, eval};
use driftless_record::{
    Collation, CollectionName, DateTime, Expr, FieldName, Lookup, Query, Record, Timestamp, Value,
};
use driftless_store::{MemoryStore, RecordStore, StoreError, ViewReader, Write, WriteBatch};

use crate::store::StoreFactory;
use crate::store::sample::{account, batch, entity, field, guid, id, one_row, schema, schema_batch};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// The rows that the queries look into.
fn rows() -> WriteBatch {
    let names = [
        Some("Alpha"),
        Some("alpha"),
        Some("Beta %_"),
        None,
        Some(""),
        Some("\u{e4}lpha"),
        Some("Zulu"),
    ];
    let mut writes = Vec::new();
    for (n, name) in (1..).zip(names) {
        let at = |days: i64| {
            Value::DateTime(DateTime {
                ticks: (19_000 + days) * 864_000_000_000,
                offset_minutes: 60,
            })
        };
        let or_null = |yes: bool, value: Value| if yes { value } else { Value::Null };
        let number = i64::try_from(n).unwrap_or_default();
        let parent = Value::Lookup(Lookup {
            entity: entity("Account"),
            id: account(n / 2),
            name: None,
        });
        let values = vec![
            ("account_id", Value::Guid(guid(n))),
            ("name", name.map_or(Value::Null, Value::text)),
            ("active", or_null(n != 3, Value::Bool(n % 2 == 0))),
            ("employees", or_null(n != 2, Value::Int(number * 10 - 30))),
            (
                "revenue",
                Value::Decimal(format!("{}.25", n * n).parse().unwrap_or_default()),
            ),
            (
                "score",
                or_null(
                    n != 5,
                    Value::double(1.5 - f64::from(u8::try_from(n).unwrap_or_default())),
                ),
            ),
            ("modified", or_null(n != 6, at(number))),
            (
                "colour",
                Value::Choice(if n % 2 == 0 { "red" } else { "blue" }.to_owned()),
            ),
            ("parent", or_null(n > 1, parent)),
        ];
        writes.push(Write::PutRows(one_row("Account", &account(n), None, values)));
    }
    for n in 0..10_u8 {
        let values = vec![
            ("number", Value::Int(n.into())),
            ("name", Value::text(format!("Contact {n}"))),
            (
                "account",
                Value::Lookup(Lookup {
                    entity: entity("Account"),
                    id: account(u128::from(n % 4)),
                    name: None,
                }),
            ),
        ];
        writes.push(Write::PutRows(one_row(
            "Contact",
            &id(&n.to_string()),
            None,
            values,
        )));
    }
    batch(writes)
}

fn compare(name: &str, comparison: Comparison, value: Value) -> Expr {
    Expr::compare(field(name), comparison, value)
}

fn call(function: Function, arguments: Vec<Expr>) -> Expr {
    Expr::Call(function, arguments)
}

fn literal(value: impl Into<String>) -> Expr {
    Expr::Literal(Value::text(value))
}

fn through_parent(name: &str) -> Expr {
    Expr::Field(Path {
        scope: 0,
        through: vec![field("parent")],
        field: field(name),
    })
}

fn filters() -> Vec<Expr> {
    let name = || Expr::field(field("name"));
    let employees = || Box::new(Expr::field(field("employees")));
    let eq = |left: Expr, right: Value| {
        Expr::Compare(Comparison::Eq, Box::new(left), Box::new(Expr::Literal(right)))
    };
    let contacts = |body: Option<Expr>| query::Collected {
        scope: 0,
        through: Vec::new(),
        collection: CollectionName::parse("contacts").unwrap_or_else(|error| panic!("{error}")),
        body: body.map(Box::new),
    };
    let body = || Expr::compare(field("number"), Comparison::Gt, Value::Int(6));
    vec![
        compare("name", Comparison::Eq, Value::text("Alpha")),
        compare("name", Comparison::Ne, Value::text("Alpha")),
        compare("name", Comparison::Eq, Value::Null),
        compare("name", Comparison::Ne, Value::Null),
        compare("name", Comparison::Gt, Value::text("a")),
        compare("employees", Comparison::Ge, Value::Int(0)),
        compare("employees", Comparison::Lt, Value::Int(0)),
        compare(
            "revenue",
            Comparison::Le,
            Value::Decimal("9.25".parse().unwrap_or_default()),
        ),
        compare("score", Comparison::Lt, Value::double(0.0)),
        compare("active", Comparison::Eq, Value::Bool(true)),
        compare("colour", Comparison::Eq, Value::text("red")),
        Expr::Not(Box::new(compare("employees", Comparison::Lt, Value::Int(0)))),
        Expr::And(Vec::new()),
        Expr::Or(Vec::new()),
        Expr::Or(vec![
            compare("active", Comparison::Eq, Value::Bool(false)),
            compare("employees", Comparison::Gt, Value::Int(20)),
        ]),
        Expr::In(Box::new(name()), vec![literal("Alpha"), literal("")]),
        call(Function::Contains, vec![name(), literal("%_")]),
        call(Function::StartsWith, vec![name(), literal("al")]),
        call(Function::EndsWith, vec![name(), literal("lpha")]),
        eq(call(Function::Length, vec![name()]), Value::Int(5)),
        eq(call(Function::ToUpper, vec![name()]), Value::text("ALPHA")),
        eq(
            call(Function::Year, vec![Expr::field(field("modified"))]),
            Value::Int(2022),
        ),
        Expr::Compare(
            Comparison::Lt,
            Box::new(Expr::field(field("modified"))),
            Box::new(call(Function::Now, Vec::new())),
        ),
        eq(
            Expr::Arithmetic(
                Arithmetic::Mod,
                employees(),
                Box::new(Expr::Literal(Value::Int(20))),
            ),
            Value::Int(0),
        ),
        eq(Expr::Negate(employees()), Value::Int(20)),
        eq(through_parent("name"), Value::text("Alpha")),
        eq(through_parent("name"), Value::Null),
        Expr::Any(contacts(None)),
        Expr::Any(contacts(Some(body()))),
        Expr::All(contacts(Some(body()))),
        Expr::Not(Box::new(Expr::Any(contacts(None)))),
    ]
}

fn ordered(by: &[(&str, bool)]) -> Vec<Order> {
    let one = |(name, descending): &(&str, bool)| Order {
        by: Expr::field(field(name)),
        descending: *descending,
    };
    by.iter().map(one).collect()
}

fn queries() -> Vec<Query> {
    let all = || Query::all(entity("Account"));
    let mut queries: Vec<_> = filters().into_iter().map(|filter| all().filter(filter)).collect();
    for (skip, top) in [(0, None), (2, Some(3)), (5, None), (0, Some(0)), (9, Some(9))] {
        for order in [
            ordered(&[]),
            ordered(&[("name", false)]),
            ordered(&[("active", true), ("score", false)]),
            ordered(&[("modified", true)]),
            ordered(&[("revenue", false)]),
        ] {
            queries.push(Query {
                order,
                skip,
                top,
                ..all()
            });
        }
    }
    let by_parent = vec![Order {
        by: through_parent("name"),
        descending: true,
    }];
    queries.push(Query {
        order: by_parent,
        ..all()
    });
    for search in ["alpha", "BETA %", "", "lph a"] {
        queries.push(Query {
            search: Some(search.to_owned()),
            ..all()
        });
    }
    queries.push(Query {
        select: vec![field("revenue"), field("name")],
        ..all()
    });
    queries
}

/// Every query is answered as the interpreter answers it.
pub fn queries_agree_with_the_interpreter(factory: &mut impl StoreFactory) {
    let store = factory.open();
    let oracle = MemoryStore::new();
    for batch in [schema_batch(), rows()] {
        store.commit(batch.clone()).unwrap();
        oracle.commit(batch).unwrap();
    }
    let mut answered = 0;
    for query in queries() {
        let found = store.query(&query, NOW).unwrap();
        assert_eq!(found, oracle.query(&query, NOW).unwrap(), "{query:?}");
        answered += found.len();
    }
    assert!(answered > 100, "the queries find something");
    // The oracle itself: records in hand, no store.
    let everything = store.query(&Query::all(entity("Account")), NOW).unwrap();
    let query = Query::all(entity("Account")).filter(compare("employees", Comparison::Ge, Value::Int(0)));
    assert_eq!(store.query(&query, NOW).unwrap(), interpreted(&query, everything));
}

fn interpreted(query: &Query, records: Vec<Record>) -> Vec<Record> {
    let schema = schema();
    let context = query::Context {
        schema: &schema,
        collation: Collation::Binary,
        now: DateTime::from_timestamp(NOW),
        lookups: &NoLookups,
    };
    eval::run(query, records, &context).unwrap()
}

/// A count is the number of records that the query has without its skip and top.
pub fn counts_ignore_paging(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    store.commit(rows()).unwrap();
    for query in queries() {
        let unpaged = Query {
            skip: 0,
            top: None,
            ..query.clone()
        };
        let all = store.query(&unpaged, NOW).unwrap().len() as u64;
        assert_eq!(store.count(&query, NOW).unwrap(), all, "{query:?}");
    }
}

/// A query with a name that the schema does not have is an error.
pub fn what_does_not_fit_the_schema_is_refused(factory: &mut impl StoreFactory) {
    let store = factory.open();
    store.commit(schema_batch()).unwrap();
    let unknown = store.query(&Query::all(entity("Nothing")), NOW).unwrap_err();
    assert!(matches!(unknown, StoreError::UnknownEntity(_)), "{unknown:?}");
    let nothing: FieldName = field("nothing");
    let wrong = [
        Query::all(entity("Account")).filter(Expr::compare(nothing.clone(), Comparison::Eq, Value::Null)),
        Query {
            select: vec![nothing],
            ..Query::all(entity("Account"))
        },
        Query::all(entity("Account")).filter(compare("employees", Comparison::Gt, Value::text("x"))),
    ];
    for query in wrong {
        let error = store.query(&query, NOW).unwrap_err();
        assert!(matches!(error, StoreError::Unfit(_)), "{error:?}");
        store
            .commit(batch([Write::BeginLoad(entity("Account"))]))
            .unwrap();
        assert!(store.query(&query, NOW).is_err(), "also while it is loading");
        store.commit(batch([Write::EndLoad(entity("Account"))])).unwrap();
    }
}
