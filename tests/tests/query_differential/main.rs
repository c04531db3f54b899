//! Interpreter and SQLite give the same answer to every query: random records, random well-typed queries.
//!
//! `DRIFTLESS_QUERY_ROUNDS` sets the number of databases (40 queries each), `DRIFTLESS_QUERY_SEED` the first seed.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod maker;
mod world;

use std::collections::BTreeMap;

use driftless_record::query::eval::run;
use driftless_record::query::{Comparison, Context, Function, Order};
use driftless_record::sql::{
    CompileError, Compiler, Dialect, Names, Statement, Stored, StoredRef, columns, decode, encode,
};
use driftless_record::{
    Collation, DateTime, EntityName, Expr, FieldName, Query, Record, RecordId, Schema, Value,
};
use maker::Maker;
use rusqlite::types::{ToSqlOutput, ValueRef};
use world::{Random, World, schema};

const QUERIES: u64 = 40;
const NOW: DateTime = DateTime {
    ticks: 17_000_000_000_000_000,
    offset_minutes: 0,
};

struct Tables<'a>(&'a Schema);

impl Names for Tables<'_> {
    fn table(&self, entity: &EntityName) -> Option<String> {
        Some(format!("table \"{entity}"))
    }

    fn id_column(&self, _: &EntityName) -> String {
        "record id".to_owned()
    }

    fn column(&self, entity: &EntityName, field: &FieldName) -> Option<String> {
        let fields = &self.0.entity(entity.as_str())?.fields;
        let place = fields.iter().position(|known| known.name == *field)?;
        Some(format!("c{place}"))
    }
}

fn bound<'a>(value: &'a Stored<'_>) -> ToSqlOutput<'a> {
    ToSqlOutput::Borrowed(match value.as_ref() {
        StoredRef::Null => ValueRef::Null,
        StoredRef::Int(v) => ValueRef::Integer(v),
        StoredRef::Real(v) => ValueRef::Real(v),
        StoredRef::Text(v) => ValueRef::Text(v.as_bytes()),
        StoredRef::Blob(v) => ValueRef::Blob(v),
    })
}

fn read(value: ValueRef<'_>) -> StoredRef<'_> {
    match value {
        ValueRef::Null => StoredRef::Null,
        ValueRef::Integer(v) => StoredRef::Int(v),
        ValueRef::Real(v) => StoredRef::Real(v),
        ValueRef::Text(v) => StoredRef::Text(std::str::from_utf8(v).unwrap()),
        ValueRef::Blob(v) => StoredRef::Blob(v),
    }
}

fn database(schema: &Schema, world: &World) -> rusqlite::Connection {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    for entity in schema.entities.values() {
        let mut sql = format!(
            "CREATE TABLE \"table \"\"{}\" (\"record id\" TEXT NOT NULL UNIQUE",
            entity.name
        );
        for (place, field) in entity.fields.iter().enumerate() {
            for part in columns(&field.kind) {
                sql.push_str(&format!(", c{place}{} {}", part.suffix, part.sqlite));
            }
        }
        sql.push_str(") STRICT");
        database.execute_batch(&sql).unwrap();
    }
    for record in world.records.values() {
        let entity = schema.entity(record.entity.as_str()).unwrap();
        let id = Stored::Text(record.id.as_str().into());
        let mut row = vec![id];
        for field in &entity.fields {
            encode(&field.kind, record.value(&field.name), &mut row).unwrap();
        }
        let marks = vec!["?"; row.len()].join(", ");
        let sql = format!("INSERT INTO \"table \"\"{}\" VALUES ({marks})", entity.name);
        database
            .execute(&sql, rusqlite::params_from_iter(row.iter().map(bound)))
            .unwrap();
    }
    database
}

/// Asks both; returns whether SQL could answer.
fn agree(
    seed: u64,
    query: &Query,
    compiler: &Compiler<'_>,
    world: &World,
    database: &rusqlite::Connection,
) -> bool {
    let context = Context {
        schema: compiler.schema,
        collation: compiler.collation,
        now: NOW,
        lookups: world,
    };
    let expected = run(query, world.records.values().cloned(), &context);
    let select = match (compiler.select(query, &["record id"]), &expected) {
        (Ok(select), _) => select,
        (Err(CompileError::Query(wrong)), Err(error)) => {
            assert_eq!(&wrong, error, "seed {seed}: {query:?}");
            return true;
        }
        (Err(CompileError::Unsupported { .. } | CompileError::TooLarge), _) => return false,
        (Err(other), _) => panic!("seed {seed}: {other} for {query:?}"),
    };
    let expected = expected.unwrap_or_else(|error| panic!("seed {seed}: only SQL takes {query:?}: {error}"));
    let sql = &select.statement.sql;
    let params = || rusqlite::params_from_iter(select.statement.params.iter().map(bound));
    let entity = compiler.schema.entity(query.entity.as_str()).unwrap();
    let mut statement = database
        .prepare(sql)
        .unwrap_or_else(|error| panic!("seed {seed}: {error}: {sql}"));
    let found = statement.query_map(params(), |row| {
        let mut at = 1;
        let mut fields = BTreeMap::new();
        for name in &select.fields {
            let kind = &entity.field(name).unwrap().kind;
            let width = columns(kind).len();
            let parts: Vec<_> = (at..at + width)
                .map(|column| read(row.get_ref(column).unwrap()))
                .collect();
            fields.insert(name.clone(), decode(kind, &parts).unwrap());
            at += width;
        }
        Ok(Record {
            entity: query.entity.clone(),
            id: RecordId::from_canonical(row.get_ref(0)?.as_str()?),
            revision: None,
            fields,
        })
    });
    let found: Vec<_> = found
        .and_then(Iterator::collect)
        .unwrap_or_else(|error| panic!("seed {seed}: {error}: {sql}"));
    let ids = |records: &[Record]| {
        records
            .iter()
            .map(|record| record.id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ids(&found),
        ids(&expected),
        "seed {seed}: SQLite left, interpreter right\n{query:#?}\n{sql}\n{:?}",
        select.statement.params
    );
    for (found, expected) in found.iter().zip(&expected) {
        for (name, value) in &expected.fields {
            let same = match (value, found.value(name)) {
                (Value::Double(a), Value::Double(b)) => a == b || (a.0.is_nan() && b.0.is_nan()),
                (a, b) => a == b,
            };
            assert!(same, "seed {seed}: {name} came back changed");
        }
    }
    let unpaged = Query {
        skip: 0,
        top: None,
        ..query.clone()
    };
    let all = run(&unpaged, world.records.values().cloned(), &context)
        .unwrap()
        .len() as i64;
    let ask = |statement: Statement| -> i64 {
        let params = rusqlite::params_from_iter(statement.params.iter().map(bound));
        database
            .query_row(&statement.sql, params, |row| row.get(0))
            .unwrap()
    };
    assert_eq!(ask(compiler.count(query).unwrap()), all, "seed {seed}: count");
    assert_eq!(
        ask(compiler.exists(query).unwrap()),
        i64::from(all > 0),
        "seed {seed}: exists"
    );
    true
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

#[test]
fn interpreter_and_sqlite_agree() {
    let schema = schema();
    let tables = Tables(&schema);
    let first = setting("DRIFTLESS_QUERY_SEED", 1);
    let mut answered = 0;
    let mut asked = 0;
    for seed in first..first + setting("DRIFTLESS_QUERY_ROUNDS", 100) {
        let mut random = Random(seed);
        let world = World::random(&mut random, &schema);
        let database = database(&schema, &world);
        let mut maker = Maker {
            random,
            schema: &schema,
            scopes: Vec::new(),
        };
        for number in 0..QUERIES {
            let compiler = Compiler {
                schema: &schema,
                names: &tables,
                dialect: Dialect::Sqlite,
                collation: if number % 2 == 0 {
                    Collation::Binary
                } else {
                    Collation::AsciiNoCase
                },
                now: NOW,
            };
            let query = maker.query();
            asked += 1;
            answered += u64::from(agree(seed, &query, &compiler, &world, &database));
        }
    }
    assert!(
        answered * 10 > asked * 7,
        "SQL answered only {answered} of {asked}"
    );
}

#[test]
fn plain_conditions_and_orders_are_served_by_an_index() {
    let schema = schema();
    let tables = Tables(&schema);
    let world = World::random(&mut Random(1), &schema);
    let database = database(&schema, &world);
    let field = |name: &str| FieldName::parse(name).unwrap();
    let account = EntityName::parse("Account").unwrap();
    for (index, name) in ["n", "name", "at", "parent"].into_iter().enumerate() {
        let column = tables.column(&account, &field(name)).unwrap();
        let sql = format!("CREATE INDEX i{index} ON \"table \"\"Account\" ({column}, \"record id\")");
        database.execute_batch(&sql).unwrap();
    }
    let compare = |name: &str, comparison, value| Expr::compare(field(name), comparison, value);
    let prefix = Expr::Call(
        Function::StartsWith,
        vec![Expr::field(field("name")), Expr::Literal(Value::text("a"))],
    );
    let filters = [
        compare("n", Comparison::Eq, Value::Int(3)),
        compare("n", Comparison::Eq, Value::Null),
        compare("n", Comparison::Gt, Value::double(3.5)),
        compare("name", Comparison::Eq, Value::text("a")),
        compare("at", Comparison::Le, Value::DateTime(NOW)),
        compare("parent", Comparison::Eq, Value::Guid(world::uuid_of(1))),
        prefix,
    ];
    let compiler = Compiler {
        schema: &schema,
        names: &tables,
        dialect: Dialect::Sqlite,
        collation: Collation::Binary,
        now: NOW,
    };
    let plan = |statement: &Statement| -> String {
        let mut prepared = database
            .prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sql))
            .unwrap();
        let params = rusqlite::params_from_iter(statement.params.iter().map(bound));
        let lines = prepared.query_map(params, |row| row.get::<_, String>(3)).unwrap();
        lines.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    for filter in filters {
        let query = Query::all(account.clone()).filter(filter.clone());
        let plan = plan(&compiler.count(&query).unwrap());
        assert!(
            plan.contains("SEARCH t0 USING ") && plan.contains("INDEX i"),
            "{filter:?}: {plan}"
        );
    }
    let mut ordered = Query::all(account.clone()).top(10);
    ordered.order = vec![Order {
        by: Expr::field(field("name")),
        descending: false,
    }];
    let plan = plan(&compiler.select(&ordered, &[]).unwrap().statement);
    assert!(
        plan.contains("USING INDEX i1") && !plan.contains("TEMP B-TREE"),
        "{plan}"
    );
}
