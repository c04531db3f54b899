//! Interpreter and SQLite give the same answer to every query: random records, random well-typed queries.
//!
//! `DRIFTLESS_QUERY_ROUNDS` sets the number of databases (40 queries each), `DRIFTLESS_QUERY_SEED` the first seed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use driftless_record::query::eval::run;
use driftless_record::query::{
    Arithmetic, Collected, Comparison, Context, Function, Lookups, Order, Path,
};
use driftless_record::sql::{CompileError, Compiler, Dialect, Names, Stored, StoredRef, columns, decode, encode};
use driftless_record::{
    Collation, Collection, CollectionName, DateTime, Duration, EntityName, EntitySchema, Expr, FieldKind, FieldName,
    FieldSchema, Lookup, Query, Record, RecordId, Schema, Value,
};
use rusqlite::types::{ToSqlOutput, ValueRef};

const QUERIES: u64 = 40;
const NOW: DateTime = DateTime {
    ticks: 17_000_000_000_000_000,
    offset_minutes: 0,
};

/// A small generator of random numbers (SplitMix64): the same seed gives the same run everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

fn entity(name: &str) -> EntityName {
    EntityName::parse(name).unwrap()
}

fn field(name: &str) -> FieldName {
    FieldName::parse(name).unwrap()
}

fn lookup_to(targets: &[&str]) -> FieldKind {
    FieldKind::Lookup {
        targets: targets.iter().map(|name| entity(name)).collect(),
    }
}

fn table(name: &str, key: &str, fields: Vec<(&str, FieldKind)>, collections: &[(&str, &str, &str)]) -> EntitySchema {
    let mut schema = EntitySchema::new(entity(name));
    schema.key = vec![field(key)];
    for (name, kind) in fields {
        let mut made = FieldSchema::new(field(name), kind);
        made.searchable = matches!(name, "name" | "note");
        schema.add(made);
    }
    for (name, child, via) in collections {
        let collection = Collection {
            entity: entity(child),
            via: field(via),
            cascade_delete: false,
        };
        schema.collections.insert(CollectionName::parse(name).unwrap(), collection);
    }
    schema
}

fn schema() -> Schema {
    let text = || FieldKind::Text { max_chars: None };
    let int = || FieldKind::Int { bits: 64 };
    let decimal = |precision, scale| FieldKind::Decimal { precision, scale };
    let money = FieldKind::Money {
        scale: 4,
        currency: None,
    };
    let mut schema = Schema::default();
    schema.add(table(
        "Account",
        "id",
        vec![
            ("id", FieldKind::Guid),
            ("name", text()),
            ("note", text()),
            ("flag", FieldKind::Bool),
            ("n", int()),
            ("m", int()),
            ("amount", decimal(Some(18), Some(2))),
            ("whole", decimal(Some(18), Some(0))),
            ("price", money),
            ("free", decimal(None, None)),
            ("free2", decimal(None, Some(3))),
            ("ratio", FieldKind::Double),
            ("rate", FieldKind::Double),
            ("day", FieldKind::Date),
            ("day2", FieldKind::Date),
            ("clock", FieldKind::Time),
            ("at", FieldKind::DateTime),
            ("at2", FieldKind::DateTime),
            ("span", FieldKind::Duration),
            ("other", FieldKind::Guid),
            ("bytes", FieldKind::Binary { max_bytes: None }),
            ("status", FieldKind::Choice { options: Vec::new() }),
            ("tags", FieldKind::Choices { options: Vec::new() }),
            ("owner", lookup_to(&["User"])),
            ("parent", lookup_to(&["Account"])),
            ("parent2", lookup_to(&["Account"])),
            ("about", lookup_to(&["Account", "Contact"])),
            ("file", FieldKind::File),
        ],
        &[("contacts", "Contact", "account"), ("topics", "Contact", "about"), ("children", "Account", "parent")],
    ));
    schema.add(table(
        "Contact",
        "no",
        vec![
            ("no", int()),
            ("name", text()),
            ("note", text()),
            ("n", int()),
            ("price", decimal(Some(10), Some(4))),
            ("at", FieldKind::DateTime),
            ("flag", FieldKind::Bool),
            ("account", lookup_to(&["Account"])),
            ("about", lookup_to(&["Contact", "Account"])),
        ],
        &[("topics", "Account", "about")],
    ));
    schema.add(table("User", "login", vec![("login", text()), ("name", text()), ("n", int())], &[
        ("accounts", "Account", "owner"),
    ]));
    schema
}

// Values. Few different ones, so that equal values and hits are common.

const TEXTS: [&str; 16] = [
    "", "a", "A", "ab", "aB", "Ábc", "ÁBC", "abc%_", "\u{10FFFF}", "zü\u{1F600}x", " \ta b\r\n", "b'\"c", "\u{E000}",
    "\u{D7FF}x", "\\", "Straße",
];
const CODES: [&str; 4] = ["open", "won", "lost", "Open"];

fn text(random: &mut Random) -> String {
    let mut text = (*random.pick(&TEXTS)).to_owned();
    if random.one_in(3) {
        text.push_str(*random.pick(&TEXTS));
    }
    text
}

fn ticks(random: &mut Random) -> i64 {
    match random.below(8) {
        0 => *random.pick(&[
            i64::MAX,
            i64::MIN,
            -621_355_968_000_000_000,
            -621_355_968_000_000_001,
            2_534_023_007_999_999_999 / 10,
            0,
            -1,
        ]),
        1 => i64::from_ne_bytes(random.next().to_ne_bytes()) % 3_000_000_000_000_000_000 / 10,
        2 => -(random.below(100_000) as i64) * 7_777_777_777,
        _ => 17_000_000_000_000_000 + (random.below(40) as i64 - 20) * 36_000_000_000 + random.below(3) as i64,
    }
}

fn int(random: &mut Random) -> i64 {
    match random.below(12) {
        0 => *random.pick(&[i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1, 1 << 53, (1 << 53) + 1, 922_337_203_685_478]),
        1 => i64::from_ne_bytes(random.next().to_ne_bytes()) >> random.below(60),
        _ => random.below(13) as i64 - 6,
    }
}

fn decimal(random: &mut Random, scale: u32) -> rust_decimal::Decimal {
    use rust_decimal::Decimal;
    match random.below(10) {
        0 => Decimal::new(int(random), scale),
        1 => Decimal::new(random.below(20) as i64 - 10, 0),
        _ => Decimal::new((random.below(21) as i64 - 10) * 10i64.pow(scale.min(9)) / 4, scale),
    }
}

fn free_decimal(random: &mut Random) -> rust_decimal::Decimal {
    let scale = random.below(29) as u32;
    match random.below(6) {
        0 => rust_decimal::Decimal::MAX,
        1 => rust_decimal::Decimal::from_i128_with_scale(i128::from(random.next()) * 99_999_999, scale),
        2 => -rust_decimal::Decimal::new(int(random), scale),
        _ => decimal(random, 3),
    }
}

fn double(random: &mut Random) -> f64 {
    match random.below(10) {
        0 => *random.pick(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e300, 5e-324, 4_503_599_627_370_495.5]),
        1 => f64::from_bits(random.next() & !(0x7FF << 52) | ((1000 + random.below(46)) as u64) << 52),
        _ => (random.below(17) as f64 - 8.0) / 4.0,
    }
}

fn id_of(random: &mut Random, entity: &str) -> RecordId {
    let number = random.below(14);
    match entity {
        "Account" => RecordId::guid(uuid_of(number)),
        "Contact" => RecordId::from_canonical(&number.to_string()),
        _ => RecordId::from_canonical(["ann", "Bob", "c'd"][number % 3]),
    }
}

fn uuid_of(number: usize) -> uuid::Uuid {
    uuid::Uuid::from_u128((number as u128) << 100 | 0xABCD_EF00)
}

fn value(random: &mut Random, kind: &FieldKind) -> Value {
    match kind {
        FieldKind::Bool => Value::Bool(random.one_in(2)),
        FieldKind::Int { .. } => Value::Int(int(random)),
        FieldKind::Decimal {
            scale: Some(scale),
            precision: Some(_),
        }
        | FieldKind::Money { scale, .. } => Value::Decimal(decimal(random, u32::from(*scale))),
        FieldKind::Decimal { .. } => Value::Decimal(free_decimal(random)),
        FieldKind::Double => Value::double(double(random)),
        FieldKind::Text { .. } => Value::Text(text(random)),
        FieldKind::Date => {
            let day = match random.below(5) {
                0 => *random.pick(&["-009999-01-01", "9999-12-31", "0001-01-01", "0000-12-31", "2024-02-29"]),
                _ => *random.pick(&["2023-11-14", "2023-11-15", "1969-12-31", "2023-12-31", "2024-01-01"]),
            };
            Value::Date(day.parse().unwrap())
        }
        FieldKind::Time => Value::Time(random.pick(&["00:00:00", "23:59:59.9999999", "08:30:15.25"]).parse().unwrap()),
        FieldKind::DateTime => Value::DateTime(DateTime {
            ticks: ticks(random),
            offset_minutes: *random.pick(&[0, 0, 60, -300, 1439, -1439]),
        }),
        FieldKind::Duration => Value::Duration(Duration {
            ticks: match random.below(4) {
                0 => int(random),
                1 => ticks(random) / 3,
                _ => (random.below(9) as i64 - 4) * 36_000_000_000 * random.below(30) as i64,
            },
        }),
        FieldKind::Guid => Value::Guid(uuid_of(random.below(14))),
        FieldKind::Binary { .. } => Value::Binary(random.pick(&[vec![], vec![0], vec![0, 255], vec![65]]).clone()),
        FieldKind::Choice { .. } => Value::Choice((*random.pick(&CODES)).to_owned()),
        FieldKind::Choices { .. } => {
            let mut codes: Vec<String> = CODES.iter().map(|code| (*code).to_owned()).collect();
            codes.retain(|_| random.one_in(2));
            codes.sort();
            Value::Choices(codes)
        }
        FieldKind::Lookup { targets } => {
            let entity = random.pick(targets).clone();
            Value::Lookup(Lookup {
                id: id_of(random, entity.as_str()),
                entity,
                name: random.one_in(2).then(|| text(random)),
            })
        }
        FieldKind::File => Value::File(driftless_record::FileValue {
            content: "c1".to_owned(),
            name: text(random),
            media_type: "text/plain".to_owned(),
            size: 3,
        }),
    }
}

struct World {
    records: BTreeMap<(EntityName, RecordId), Record>,
}

impl World {
    fn random(random: &mut Random, schema: &Schema) -> Self {
        let mut records = BTreeMap::new();
        for entity in schema.entities.values() {
            for number in 0..14 {
                if random.one_in(5) {
                    continue;
                }
                let key = match entity.name.as_str() {
                    "Account" => Value::Guid(uuid_of(number)),
                    "Contact" => Value::Int(number as i64),
                    _ => Value::text(["ann", "Bob", "c'd"][number % 3]),
                };
                let id = RecordId::from_key(entity, std::slice::from_ref(&key)).unwrap();
                let mut fields = BTreeMap::new();
                for field in &entity.fields {
                    let made = if entity.is_key(&field.name) {
                        key.clone()
                    } else if random.one_in(5) {
                        Value::Null
                    } else {
                        value(random, &field.kind)
                    };
                    fields.insert(field.name.clone(), made);
                }
                let record = Record {
                    entity: entity.name.clone(),
                    id: id.clone(),
                    revision: None,
                    fields,
                };
                records.insert((entity.name.clone(), id), record);
            }
        }
        Self { records }
    }
}

impl Lookups for World {
    fn record(&self, entity: &EntityName, id: &RecordId) -> Option<Cow<'_, Record>> {
        self.records.get(&(entity.clone(), id.clone())).map(Cow::Borrowed)
    }

    fn children(
        &self,
        child: &EntityName,
        via: &FieldName,
        (entity, id): (&EntityName, &RecordId),
    ) -> Vec<Cow<'_, Record>> {
        let points = |record: &&Record| match record.value(via) {
            Value::Lookup(lookup) => lookup.entity == *entity && lookup.id == *id,
            _ => false,
        };
        let all = self.records.values().filter(|record| record.entity == *child);
        all.filter(points).map(Cow::Borrowed).collect()
    }
}

// SQLite.

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
        let mut sql = format!("CREATE TABLE \"table \"\"{}\" (\"record id\" TEXT NOT NULL UNIQUE", entity.name);
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
        database.execute(&sql, rusqlite::params_from_iter(row.iter().map(bound))).unwrap();
    }
    database
}

// Random queries.

/// What an expression should yield.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Bool,
    Int,
    Decimal,
    Double,
    Text,
    Date,
    Time,
    DateTime,
    Duration,
    Guid,
    Binary,
    Choice,
    Choices,
    Lookup,
}

const WANTS: [Want; 14] = [
    Want::Bool,
    Want::Int,
    Want::Decimal,
    Want::Double,
    Want::Text,
    Want::Date,
    Want::Time,
    Want::DateTime,
    Want::Duration,
    Want::Guid,
    Want::Binary,
    Want::Choice,
    Want::Choices,
    Want::Lookup,
];

fn yields(kind: &FieldKind) -> Option<Want> {
    Some(match kind {
        FieldKind::Bool => Want::Bool,
        FieldKind::Int { .. } => Want::Int,
        FieldKind::Decimal { .. } | FieldKind::Money { .. } => Want::Decimal,
        FieldKind::Double => Want::Double,
        FieldKind::Text { .. } => Want::Text,
        FieldKind::Date => Want::Date,
        FieldKind::Time => Want::Time,
        FieldKind::DateTime => Want::DateTime,
        FieldKind::Duration => Want::Duration,
        FieldKind::Guid => Want::Guid,
        FieldKind::Binary { .. } => Want::Binary,
        FieldKind::Choice { .. } => Want::Choice,
        FieldKind::Choices { .. } => Want::Choices,
        FieldKind::Lookup { .. } => Want::Lookup,
        FieldKind::File => return None,
    })
}

struct Maker<'a> {
    random: Random,
    schema: &'a Schema,
    scopes: Vec<EntityName>,
}

impl Maker<'_> {
    fn pick<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        self.random.pick(list)
    }

    fn literal(&mut self, want: Want) -> Expr {
        let kind = match want {
            Want::Bool => FieldKind::Bool,
            Want::Int => FieldKind::Int { bits: 64 },
            Want::Decimal if self.random.one_in(4) => FieldKind::Decimal {
                precision: None,
                scale: None,
            },
            Want::Decimal => FieldKind::Decimal {
                precision: Some(18),
                scale: Some(*self.pick(&[0, 1, 2, 3, 5])),
            },
            Want::Double => FieldKind::Double,
            Want::Text => FieldKind::Text { max_chars: None },
            Want::Date => FieldKind::Date,
            Want::Time => FieldKind::Time,
            Want::DateTime => FieldKind::DateTime,
            Want::Duration => FieldKind::Duration,
            Want::Guid => FieldKind::Guid,
            Want::Binary => FieldKind::Binary { max_bytes: None },
            Want::Choice => FieldKind::Choice { options: Vec::new() },
            Want::Choices => FieldKind::Choices { options: Vec::new() },
            Want::Lookup if self.random.one_in(2) => return Expr::Literal(Value::Guid(uuid_of(self.random.below(14)))),
            Want::Lookup => lookup_to(&["Account", "Contact", "User"]),
        };
        Expr::Literal(value(&mut self.random, &kind))
    }

    /// A path to a field of the wanted type, if one is found; through lookups at times.
    fn field(&mut self, want: Want) -> Option<Expr> {
        let scope = self.random.below(self.scopes.len());
        let mut entity = self.schema.entity(self.scopes[self.scopes.len() - 1 - scope].as_str())?.clone();
        let mut through = Vec::new();
        while self.random.one_in(4) && through.len() < 3 {
            let single = |field: &&FieldSchema| matches!(&field.kind, FieldKind::Lookup { targets } if targets.len() == 1);
            let steps: Vec<_> = entity.fields.iter().filter(single).collect();
            if steps.is_empty() {
                break;
            }
            let step = self.random.pick(&steps);
            let FieldKind::Lookup { targets } = &step.kind else { break };
            through.push(step.name.clone());
            let next = self.schema.entity(targets[0].as_str())?.clone();
            entity = next;
        }
        let fitting: Vec<_> = entity.fields.iter().filter(|field| yields(&field.kind) == Some(want)).collect();
        if fitting.is_empty() {
            return None;
        }
        Some(Expr::Field(Path {
            scope: scope as u8,
            through,
            field: self.random.pick(&fitting).name.clone(),
        }))
    }

    fn call(&mut self, function: Function, wants: &[Want], depth: usize) -> Expr {
        Expr::Call(function, wants.iter().map(|want| self.value(*want, depth)).collect())
    }

    fn value(&mut self, want: Want, depth: usize) -> Expr {
        let shape = self.random.below(10);
        if shape == 0 && self.random.one_in(3) {
            return Expr::Literal(Value::Null);
        }
        if depth == 0 || shape < 6 {
            let field = if shape < 8 { self.field(want) } else { None };
            return field.unwrap_or_else(|| self.literal(want));
        }
        let depth = depth - 1;
        if shape == 6 && matches!(want, Want::Int | Want::Decimal | Want::Double | Want::Duration) {
            return Expr::Negate(Box::new(self.value(want, depth)));
        }
        self.computed(want, depth)
    }

    fn computed(&mut self, want: Want, depth: usize) -> Expr {
        use Arithmetic::{Add, Div, DivBy, Mod, Mul, Sub};
        use Function as F;
        let binary = |operator, a, b| Expr::Arithmetic(operator, Box::new(a), Box::new(b));
        match want {
            Want::Bool => self.condition(depth),
            Want::Int if self.random.one_in(2) => {
                let operator = *self.pick(&[Add, Sub, Mul, Div, Mod]);
                let (a, b) = (self.value(Want::Int, depth), self.value(Want::Int, depth));
                binary(operator, a, b)
            }
            Want::Int => match self.random.below(7) {
                0 => self.call(F::Length, &[Want::Text], depth),
                1 => self.call(F::IndexOf, &[Want::Text, Want::Text], depth),
                2 => {
                    let function = *self.pick(&[F::Year, F::Month, F::Day]);
                    let of = *self.pick(&[Want::Date, Want::DateTime]);
                    self.call(function, &[of], depth)
                }
                3 | 4 => {
                    let function = *self.pick(&[F::Hour, F::Minute, F::Second]);
                    let of = *self.pick(&[Want::Time, Want::DateTime]);
                    self.call(function, &[of], depth)
                }
                5 => self.call(F::TotalOffsetMinutes, &[Want::DateTime], depth),
                _ => self.call(*[F::Round, F::Floor].first().unwrap(), &[Want::Int], depth),
            },
            Want::Decimal => match self.random.below(4) {
                0 => {
                    let function = *self.pick(&[F::Round, F::Floor, F::Ceiling]);
                    self.call(function, &[Want::Decimal], depth)
                }
                1 => {
                    let of = *self.pick(&[Want::Time, Want::DateTime]);
                    self.call(F::FractionalSeconds, &[of], depth)
                }
                _ => {
                    let operator = *self.pick(&[Add, Sub, Mul, Mod]);
                    let other = *self.pick(&[Want::Decimal, Want::Int]);
                    let (a, b) = (self.value(Want::Decimal, depth), self.value(other, depth));
                    binary(operator, a, b)
                }
            },
            Want::Double => match self.random.below(3) {
                0 => {
                    let function = *self.pick(&[F::Round, F::Floor, F::Ceiling]);
                    self.call(function, &[Want::Double], depth)
                }
                1 => {
                    let (a, b) = (self.value(Want::Int, depth), self.value(Want::Int, depth));
                    binary(DivBy, a, b)
                }
                _ => {
                    let operator = *self.pick(&[Add, Sub, Mul, Div, DivBy]);
                    let other = *self.pick(&[Want::Double, Want::Double, Want::Int]);
                    let (a, b) = (self.value(Want::Double, depth), self.value(other, depth));
                    binary(operator, a, b)
                }
            },
            Want::Text => {
                let text = *self.pick(&[Want::Text, Want::Text, Want::Choice]);
                match self.random.below(5) {
                    0 => self.call(F::ToLower, &[text], depth),
                    1 => self.call(F::ToUpper, &[text], depth),
                    2 => self.call(F::Trim, &[text], depth),
                    3 => self.call(F::Concat, &[text, Want::Text], depth),
                    _ if self.random.one_in(2) => self.call(F::Substring, &[text, Want::Int], depth),
                    _ => self.call(F::Substring, &[text, Want::Int, Want::Int], depth),
                }
            }
            Want::Date if self.random.one_in(2) => self.call(F::Date, &[Want::DateTime], depth),
            Want::Time => self.call(F::Time, &[Want::DateTime], depth),
            Want::DateTime if self.random.one_in(4) => self.call(F::Now, &[], depth),
            Want::Date | Want::DateTime => {
                let operator = *self.pick(&[Add, Sub]);
                let (a, b) = (self.value(want, depth), self.value(Want::Duration, depth));
                binary(operator, a, b)
            }
            Want::Duration => match self.random.below(3) {
                0 => {
                    let of = *self.pick(&[Want::Date, Want::DateTime]);
                    let (a, b) = (self.value(of, depth), self.value(of, depth));
                    binary(Sub, a, b)
                }
                1 => {
                    let operator = *self.pick(&[Mul, Div]);
                    let (a, b) = (self.value(Want::Duration, depth), self.value(Want::Int, depth));
                    binary(operator, a, b)
                }
                _ => {
                    let operator = *self.pick(&[Add, Sub]);
                    let (a, b) = (self.value(Want::Duration, depth), self.value(Want::Duration, depth));
                    binary(operator, a, b)
                }
            },
            _ => self.field(want).unwrap_or_else(|| self.literal(want)),
        }
    }

    fn conditions(&mut self, depth: usize) -> Vec<Expr> {
        (0..self.random.below(4)).map(|_| self.condition(depth)).collect()
    }

    fn condition(&mut self, depth: usize) -> Expr {
        use Comparison::{Eq, Ge, Gt, Has, Le, Lt, Ne};
        let inner = depth.saturating_sub(1);
        match self.random.below(if depth == 0 { 8 } else { 16 }) {
            0..=6 => {
                let want = *self.pick(&WANTS);
                let other = match want {
                    Want::Int | Want::Decimal | Want::Double if self.random.one_in(3) => {
                        *self.pick(&[Want::Int, Want::Decimal, Want::Double])
                    }
                    Want::Text | Want::Choice if self.random.one_in(3) => *self.pick(&[Want::Text, Want::Choice]),
                    same => same,
                };
                let comparison = match want {
                    Want::Lookup | Want::Choices => *self.pick(&[Eq, Ne]),
                    _ => *self.pick(&[Eq, Eq, Ne, Gt, Ge, Lt, Le]),
                };
                let (a, b) = (self.value(want, inner), self.value(other, inner));
                let (a, b) = if self.random.one_in(2) { (a, b) } else { (b, a) };
                Expr::Compare(comparison, Box::new(a), Box::new(b))
            }
            7 => self.field(Want::Bool).unwrap_or_else(|| self.literal(Want::Bool)),
            8 => Expr::Not(Box::new(self.condition(inner))),
            9 => Expr::And(self.conditions(inner)),
            10 => Expr::Or(self.conditions(inner)),
            11 => {
                let want = *self.pick(&WANTS);
                let left = self.value(want, inner);
                let count = self.random.below(4);
                Expr::In(Box::new(left), (0..count).map(|_| self.value(want, 0)).collect())
            }
            12 => {
                let function = *self.pick(&[Function::Contains, Function::StartsWith, Function::EndsWith]);
                let text = *self.pick(&[Want::Text, Want::Text, Want::Choice]);
                self.call(function, &[text, Want::Text], inner)
            }
            13 => {
                let left = *self.pick(&[Want::Choices, Want::Choices, Want::Choice]);
                let right = *self.pick(&[Want::Choices, Want::Choice, Want::Text]);
                let (a, b) = (self.value(left, 0), self.literal(right));
                Expr::Compare(Has, Box::new(a), Box::new(b))
            }
            shape => self.collected(shape == 14, inner),
        }
    }

    fn collected(&mut self, any: bool, depth: usize) -> Expr {
        let scope = self.random.below(self.scopes.len());
        let mut from = self.scopes[self.scopes.len() - 1 - scope].clone();
        let mut through = Vec::new();
        if from.as_str() == "Account" && self.random.one_in(4) {
            through.push(field(*self.random.pick(&["parent", "parent2"])));
        } else if from.as_str() == "Contact" && self.random.one_in(2) {
            through.push(field("account"));
            from = entity("Account");
        }
        let schema = self.schema.entity(from.as_str()).unwrap();
        let names: Vec<_> = schema.collections.keys().collect();
        let name = (*self.random.pick(&names)).clone();
        let child = schema.collections[&name].entity.clone();
        let body = if self.random.one_in(6) || self.scopes.len() > 3 {
            None
        } else {
            self.scopes.push(child);
            let body = self.condition(depth);
            self.scopes.pop();
            Some(Box::new(body))
        };
        let collected = Collected {
            scope: scope as u8,
            through,
            collection: name,
            body,
        };
        if any { Expr::Any(collected) } else { Expr::All(collected) }
    }

    fn query(&mut self) -> Query {
        let name = self.pick(&["Account", "Account", "Contact", "User"]);
        let mut query = Query::all(entity(name));
        self.scopes = vec![query.entity.clone()];
        if !self.random.one_in(10) {
            let depth = self.random.below(5);
            query.filter = Some(self.condition(depth));
        }
        if self.random.one_in(6) {
            query.search = Some(format!("{} {}", text(&mut self.random), text(&mut self.random)));
        }
        for _ in 0..self.random.below(3) {
            let want = *self.pick(&WANTS);
            let by = match self.value(want, self.random.0 as usize % 3) {
                Expr::Literal(_) => continue,
                by => by,
            };
            query.order.push(Order {
                by,
                descending: self.random.one_in(2),
            });
        }
        if self.random.one_in(3) {
            query.skip = self.random.below(5) as u64;
        }
        if self.random.one_in(3) {
            query.top = Some(self.random.below(8) as u64);
        }
        query
    }
}

/// Asks both; returns whether SQL could answer.
fn agree(seed: u64, query: &Query, compiler: &Compiler<'_>, world: &World, database: &rusqlite::Connection) -> bool {
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
    let mut statement = database.prepare(sql).unwrap_or_else(|error| panic!("seed {seed}: {error}: {sql}"));
    let found = statement.query_map(params(), |row| {
        let mut at = 1;
        let mut fields = BTreeMap::new();
        for name in &select.fields {
            let kind = &entity.field(name).unwrap().kind;
            let width = columns(kind).len();
            let parts: Vec<_> = (at..at + width).map(|column| read(row.get_ref(column).unwrap())).collect();
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
    let ids = |records: &[Record]| records.iter().map(|record| record.id.to_string()).collect::<Vec<_>>();
    assert_eq!(
        ids(&found),
        ids(&expected),
        "seed {seed}: SQLite left, interpreter right\n{query:#?}\n{sql}\n{:?}",
        select.statement.params
    );
    assert_eq!(format!("{found:?}").len() > 2, format!("{expected:?}").len() > 2);
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
    let all = run(&unpaged, world.records.values().cloned(), &context).unwrap().len() as i64;
    let ask = |statement: driftless_record::sql::Statement| -> i64 {
        let params = rusqlite::params_from_iter(statement.params.iter().map(bound));
        database.query_row(&statement.sql, params, |row| row.get(0)).unwrap()
    };
    assert_eq!(ask(compiler.count(query).unwrap()), all, "seed {seed}: count");
    assert_eq!(ask(compiler.exists(query).unwrap()), i64::from(all > 0), "seed {seed}: exists");
    true
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
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
                collation: if number % 2 == 0 { Collation::Binary } else { Collation::AsciiNoCase },
                now: NOW,
            };
            let query = maker.query();
            asked += 1;
            answered += u64::from(agree(seed, &query, &compiler, &world, &database));
        }
    }
    assert!(answered * 10 > asked * 7, "SQL answered only {answered} of {asked}");
}
