//! Random records of a small schema: few different values, so that equal ones and hits are common.

use std::borrow::Cow;
use std::collections::BTreeMap;

use driftless_record::query::Lookups;
use driftless_record::{
    Collection, CollectionName, DateTime, Duration, EntityName, EntitySchema, FieldKind, FieldName,
    FieldSchema, Lookup, Record, RecordId, Schema, Value,
};

/// A small generator of random numbers (SplitMix64): the same seed gives the same run everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(crate) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

pub(crate) fn entity(name: &str) -> EntityName {
    EntityName::parse(name).unwrap()
}

pub(crate) fn field(name: &str) -> FieldName {
    FieldName::parse(name).unwrap()
}

pub(crate) fn lookup_to(targets: &[&str]) -> FieldKind {
    FieldKind::Lookup {
        targets: targets.iter().map(|name| entity(name)).collect(),
    }
}

pub(crate) fn table(
    name: &str,
    key: &str,
    fields: Vec<(&str, FieldKind)>,
    collections: &[(&str, &str, &str)],
) -> EntitySchema {
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
        schema
            .collections
            .insert(CollectionName::parse(name).unwrap(), collection);
    }
    schema
}

pub(crate) fn schema() -> Schema {
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
        &[
            ("contacts", "Contact", "account"),
            ("topics", "Contact", "about"),
            ("children", "Account", "parent"),
        ],
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
    schema.add(table(
        "User",
        "login",
        vec![("login", text()), ("name", text()), ("n", int())],
        &[("accounts", "Account", "owner")],
    ));
    schema
}

pub(crate) const TEXTS: [&str; 16] = [
    "",
    "a",
    "A",
    "ab",
    "aB",
    "Ábc",
    "ÁBC",
    "abc%_",
    "\u{10FFFF}",
    "zü\u{1F600}x",
    " \ta b\r\n",
    "b'\"c",
    "\u{E000}",
    "\u{D7FF}x",
    "\\",
    "Straße",
];
pub(crate) const CODES: [&str; 4] = ["open", "won", "lost", "Open"];

pub(crate) fn text(random: &mut Random) -> String {
    let mut text = (*random.pick(&TEXTS)).to_owned();
    if random.one_in(3) {
        let more: &&str = random.pick(&TEXTS);
        text.push_str(more);
    }
    text
}

pub(crate) fn ticks(random: &mut Random) -> i64 {
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
        _ => {
            17_000_000_000_000_000 + (random.below(40) as i64 - 20) * 36_000_000_000 + random.below(3) as i64
        }
    }
}

pub(crate) fn int(random: &mut Random) -> i64 {
    match random.below(12) {
        0 => *random.pick(&[
            i64::MAX,
            i64::MIN,
            i64::MAX - 1,
            i64::MIN + 1,
            1 << 53,
            (1 << 53) + 1,
            922_337_203_685_478,
        ]),
        1 => i64::from_ne_bytes(random.next().to_ne_bytes()) >> random.below(60),
        _ => random.below(13) as i64 - 6,
    }
}

pub(crate) fn decimal(random: &mut Random, scale: u32) -> rust_decimal::Decimal {
    use rust_decimal::Decimal;
    match random.below(10) {
        0 => Decimal::new(int(random), scale),
        1 => Decimal::new(random.below(20) as i64 - 10, 0),
        _ => Decimal::new(
            (random.below(21) as i64 - 10) * 10i64.pow(scale.min(9)) / 4,
            scale,
        ),
    }
}

pub(crate) fn free_decimal(random: &mut Random) -> rust_decimal::Decimal {
    let scale = random.below(29) as u32;
    match random.below(6) {
        0 => rust_decimal::Decimal::MAX,
        1 => rust_decimal::Decimal::from_i128_with_scale(i128::from(random.next()) * 99_999_999, scale),
        2 => -rust_decimal::Decimal::new(int(random), scale),
        _ => decimal(random, 3),
    }
}

pub(crate) fn double(random: &mut Random) -> f64 {
    match random.below(10) {
        0 => *random.pick(&[
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -0.0,
            1e300,
            5e-324,
            4_503_599_627_370_495.5,
        ]),
        1 => f64::from_bits(random.next() & !(0x7FF << 52) | ((1000 + random.below(46)) as u64) << 52),
        _ => (random.below(17) as f64 - 8.0) / 4.0,
    }
}

pub(crate) fn id_of(random: &mut Random, entity: &str) -> RecordId {
    let number = random.below(14);
    match entity {
        "Account" => RecordId::guid(uuid_of(number)),
        "Contact" => RecordId::from_canonical(&number.to_string()),
        _ => RecordId::from_canonical(["ann", "Bob", "c'd"][number % 3]),
    }
}

pub(crate) fn uuid_of(number: usize) -> uuid::Uuid {
    uuid::Uuid::from_u128((number as u128) << 100 | 0xABCD_EF00)
}

pub(crate) fn value(random: &mut Random, kind: &FieldKind) -> Value {
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
                0 => *random.pick(&[
                    "-009999-01-01",
                    "9999-12-31",
                    "0001-01-01",
                    "0000-12-31",
                    "2024-02-29",
                ]),
                _ => *random.pick(&[
                    "2023-11-14",
                    "2023-11-15",
                    "1969-12-31",
                    "2023-12-31",
                    "2024-01-01",
                ]),
            };
            Value::Date(day.parse().unwrap())
        }
        FieldKind::Time => Value::Time(
            random
                .pick(&["00:00:00", "23:59:59.9999999", "08:30:15.25"])
                .parse()
                .unwrap(),
        ),
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
        FieldKind::Binary { .. } => {
            Value::Binary(random.pick(&[vec![], vec![0], vec![0, 255], vec![65]]).clone())
        }
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

pub(crate) struct World {
    pub(crate) records: BTreeMap<(EntityName, RecordId), Record>,
}

impl World {
    pub(crate) fn random(random: &mut Random, schema: &Schema) -> Self {
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
