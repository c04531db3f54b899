//! What queries compile to: plain comparisons that indexes serve, and nothing that goes too deep.

use super::Compiler;
use crate::name::{EntityName, FieldName};
use crate::query::{
    Arithmetic, Collation, Comparison, Expr, Function, MAX_DEPTH, NoLookups, Order, Path, Query, QueryError,
};
use crate::record::Record;
use crate::schema::{EntitySchema, FieldKind, FieldSchema, Schema};
use crate::sql::{CompileError, Dialect, Names, Stored};
use crate::time::DateTime;
use crate::value::Value;

struct Tables;

impl Names for Tables {
    fn table(&self, entity: &EntityName) -> Option<String> {
        Some(format!("e_{entity}"))
    }

    fn id_column(&self, _: &EntityName) -> String {
        "id".to_owned()
    }

    fn column(&self, _: &EntityName, field: &FieldName) -> Option<String> {
        Some(format!("c_{field}"))
    }

    fn restriction(
        &self,
        _: &EntityName,
        alias: &str,
        bind: &mut dyn FnMut(Stored<'static>) -> String,
    ) -> Option<String> {
        Some(format!("{alias}.unit = {}", bind(Stored::Int(7))))
    }
}

fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

fn schema() -> Schema {
    let entity = EntityName::parse("Item").unwrap();
    let mut item = EntitySchema::new(entity.clone());
    item.key = vec![name("key")];
    let parent = FieldKind::Lookup {
        targets: vec![entity],
    };
    let money = FieldKind::Money {
        scale: 2,
        currency: None,
    };
    for (field, kind) in [
        ("key", FieldKind::Guid),
        ("title", FieldKind::Text { max_chars: None }),
        ("n", FieldKind::Int { bits: 64 }),
        ("price", money),
        ("flag", FieldKind::Bool),
        ("at", FieldKind::DateTime),
        ("parent", parent),
    ] {
        item.add(FieldSchema::new(name(field), kind));
    }
    let mut schema = Schema::default();
    schema.add(item);
    schema
}

fn compile(dialect: Dialect, filter: Expr) -> Result<String, CompileError> {
    let schema = schema();
    let compiler = Compiler {
        schema: &schema,
        names: &Tables,
        dialect,
        collation: Collation::Binary,
        now: DateTime {
            ticks: 0,
            offset_minutes: 0,
        },
    };
    let query = Query::all(EntityName::parse("Item").unwrap()).filter(filter);
    let sql = compiler.count(&query)?.sql;
    Ok(sql.replace("SELECT count(*) FROM \"e_Item\" AS t0 WHERE ", ""))
}

fn compare(field: &str, comparison: Comparison, value: Value) -> Expr {
    Expr::compare(name(field), comparison, value)
}

#[test]
fn field_against_value_is_a_plain_comparison_of_its_column() {
    let decimal = |mantissa, scale| Value::Decimal(rust_decimal::Decimal::new(mantissa, scale));
    let rows = [
        (compare("n", Comparison::Eq, Value::Int(1)), "t0.\"c_n\" = ?1"),
        (
            compare("n", Comparison::Ne, Value::Int(1)),
            "t0.\"c_n\" IS NOT ?1",
        ),
        (compare("n", Comparison::Eq, Value::Null), "t0.\"c_n\" IS NULL"),
        (compare("n", Comparison::Gt, Value::Null), "FALSE"),
        (compare("n", Comparison::Gt, decimal(15, 1)), "t0.\"c_n\" > ?1"),
        (
            compare("price", Comparison::Le, decimal(1_005, 3)),
            "t0.\"c_price\" <= ?1",
        ),
        (compare("price", Comparison::Eq, decimal(1_005, 3)), "FALSE"),
        (
            compare("title", Comparison::Ge, Value::text("a")),
            "t0.\"c_title\" >= ?1",
        ),
        (Expr::field(name("flag")), "t0.\"c_flag\" = 1"),
        (
            Expr::Not(Box::new(compare("n", Comparison::Lt, Value::Int(1)))),
            "NOT ((t0.\"c_n\" < ?1) IS TRUE)",
        ),
        (
            Expr::Call(
                Function::StartsWith,
                vec![Expr::field(name("title")), Expr::Literal(Value::text("ab"))],
            ),
            "(t0.\"c_title\" >= ?1 AND t0.\"c_title\" < ?2)",
        ),
        (
            Expr::In(
                Box::new(Expr::field(name("n"))),
                vec![Expr::Literal(Value::Int(1)), Expr::Literal(Value::Null)],
            ),
            "(t0.\"c_n\" IN (?1) OR t0.\"c_n\" IS NULL)",
        ),
    ];
    for (filter, expected) in rows {
        let sql = compile(Dialect::Sqlite, filter).unwrap();
        let (condition, restriction) = sql[1..sql.len() - 1].rsplit_once(" AND ").unwrap();
        assert_eq!(condition, expected);
        assert!(restriction.starts_with("t0.unit = ?"), "{restriction}");
    }
}

#[test]
fn a_key_behind_a_lookup_needs_no_join_and_rights_hold_behind_lookups() {
    let behind = |field| {
        Expr::Compare(
            Comparison::Eq,
            Box::new(Expr::Field(Path {
                scope: 0,
                through: vec![name("parent")],
                field: name(field),
            })),
            Box::new(Expr::Literal(match field {
                "key" => Value::Guid(uuid::Uuid::nil()),
                _ => Value::Int(1),
            })),
        )
    };
    let key = compile(Dialect::Sqlite, behind("key")).unwrap();
    assert_eq!(key, "(t0.\"c_parent\" = ?1 AND t0.unit = ?2)");
    let other = compile(Dialect::Sqlite, behind("n")).unwrap();
    assert!(
        other.contains("LEFT JOIN \"e_Item\" AS t1 ON t1.\"id\" = t0.\"c_parent\" AND (t1.unit = ?1)"),
        "{other}"
    );
}

#[test]
fn postgres_differs_in_words_only() {
    let rows = [
        (
            compare("n", Comparison::Ne, Value::Int(1)),
            "t0.\"c_n\" IS DISTINCT FROM $1::bigint",
        ),
        (
            Expr::Compare(
                Comparison::Eq,
                Box::new(Expr::field(name("n"))),
                Box::new(Expr::field(name("n"))),
            ),
            "t0.\"c_n\" IS NOT DISTINCT FROM t0.\"c_n\"",
        ),
        (
            Expr::Call(
                Function::Contains,
                vec![Expr::field(name("title")), Expr::Literal(Value::text("b"))],
            ),
            "strpos(t0.\"c_title\", $1::text)::bigint > 0",
        ),
    ];
    for (filter, expected) in rows {
        let sql = compile(Dialect::Postgres, filter).unwrap();
        assert!(sql.contains(expected), "{sql}");
    }
}

#[test]
fn depth_has_a_limit_and_what_is_within_compiles() {
    let nested =
        |levels: usize, wrap: fn(Expr) -> Expr, inner: Expr| (0..levels).fold(inner, |inner, _| wrap(inner));
    let not: fn(Expr) -> Expr = |inner| Expr::Not(Box::new(inner));
    let and: fn(Expr) -> Expr = |inner| Expr::And(vec![Expr::field(name("flag")), inner]);
    let equal: fn(Expr) -> Expr = |inner| {
        Expr::Compare(
            Comparison::Eq,
            Box::new(inner),
            Box::new(Expr::field(name("flag"))),
        )
    };
    let add: fn(Expr) -> Expr =
        |inner| Expr::Arithmetic(Arithmetic::Add, Box::new(inner), Box::new(Expr::field(name("n"))));
    let trim: fn(Expr) -> Expr = |inner| Expr::Call(Function::Trim, vec![inner]);
    let number = |inner| {
        Expr::Compare(
            Comparison::Eq,
            Box::new(inner),
            Box::new(Expr::Literal(Value::Int(1))),
        )
    };
    let text = |inner| {
        Expr::Compare(
            Comparison::Eq,
            Box::new(inner),
            Box::new(Expr::Literal(Value::text("a"))),
        )
    };
    let deep = |levels| {
        [
            nested(levels - 1, not, Expr::field(name("flag"))),
            nested(levels - 1, and, Expr::field(name("flag"))),
            nested(levels - 1, equal, Expr::field(name("flag"))),
            number(nested(levels - 2, add, Expr::field(name("n")))),
            text(nested(levels - 2, trim, Expr::field(name("title")))),
        ]
    };
    let schema = schema();
    let context = crate::query::Context {
        schema: &schema,
        collation: Collation::Binary,
        now: DateTime {
            ticks: 0,
            offset_minutes: 0,
        },
        lookups: &NoLookups,
    };
    let record = Record {
        entity: EntityName::parse("Item").unwrap(),
        id: crate::id::RecordId::from_canonical("1"),
        revision: None,
        fields: [(name("flag"), Value::Bool(true))].into(),
    };
    for filter in deep(MAX_DEPTH) {
        crate::query::eval::matches(&filter, &record, &context).unwrap();
        compile(Dialect::Sqlite, filter).unwrap();
    }
    for filter in deep(MAX_DEPTH + 1).into_iter().chain(deep(500)) {
        assert_eq!(
            crate::query::eval::matches(&filter, &record, &context),
            Err(QueryError::TooLarge)
        );
        assert_eq!(
            compile(Dialect::Sqlite, filter),
            Err(CompileError::Query(QueryError::TooLarge))
        );
    }
}

#[test]
fn functions_that_grow_by_nesting_are_refused_and_never_hang() {
    let floor = |inner| {
        let half = Expr::Arithmetic(
            Arithmetic::DivBy,
            Box::new(inner),
            Box::new(Expr::Literal(Value::double(3.0))),
        );
        Expr::Call(Function::Floor, vec![half])
    };
    let deep = (0..60).fold(Expr::field(name("n")), |inner, _| floor(inner));
    let filter = Expr::Compare(
        Comparison::Eq,
        Box::new(deep),
        Box::new(Expr::Literal(Value::double(1.0))),
    );
    assert_eq!(compile(Dialect::Sqlite, filter), Err(CompileError::TooLarge));
}

#[test]
fn order_ends_with_the_id_and_pages_are_parameters() {
    let schema = schema();
    let compiler = Compiler {
        schema: &schema,
        names: &Tables,
        dialect: Dialect::Sqlite,
        collation: Collation::AsciiNoCase,
        now: DateTime {
            ticks: 0,
            offset_minutes: 0,
        },
    };
    let mut query = Query::all(EntityName::parse("Item").unwrap()).top(5);
    query.select = vec![name("title"), name("at")];
    query.order = vec![Order {
        by: Expr::field(name("title")),
        descending: true,
    }];
    query.skip = 3;
    let select = compiler.select(&query, &["id", "odd\"name"]).unwrap();
    expect_test::expect![[r#"
        SELECT t0."id", t0."odd""name", t0."c_title", t0."c_at", t0."c_at_o" FROM "e_Item" AS t0 WHERE t0.unit = ?1 ORDER BY t0."c_title" COLLATE NOCASE DESC, t0."id" LIMIT ?2 OFFSET ?3"#]]
    .assert_eq(&select.statement.sql);
    assert_eq!(
        select.statement.params,
        [Stored::Int(7), Stored::Int(5), Stored::Int(3)]
    );
}
