//! A row of the data set under construction.

use driftless_record::time::{DateTime, TICKS_PER_SECOND};
use driftless_record::{Duration, EntityName, Lookup, Value};
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::rng::{self, Rng};

/// The day the data set ends: 2026-06-30, in seconds since 1970.
const TODAY: i64 = 1_782_777_600;
const DAY: i64 = 86_400;

/// A record of the data set: its entity, its id, and the fields that are not null.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedRow {
    /// The entity.
    pub entity: &'static str,
    /// The id.
    pub id: Uuid,
    /// The values by field name.
    pub values: Vec<(&'static str, Value)>,
}

impl SeedRow {
    /// Begins the `n`th row of an entity, made and last changed some time in the last `days`.
    pub(super) fn new(entity: &'static str, n: usize, days: i64) -> Self {
        let mut rng = Rng::of(entity, n, 2);
        let created = TODAY - rng.between(DAY, days * DAY);
        let modified = created + rng.between(0, TODAY - created);
        let values = Vec::with_capacity(22);
        Self {
            entity,
            id: rng::id(entity, n),
            values,
        }
        .set("created_at", instant(created))
        .set("modified_at", instant(modified))
    }

    pub(super) fn set(mut self, field: &'static str, value: Value) -> Self {
        self.values.push((field, value));
        self
    }

    pub(super) fn text(self, field: &'static str, text: impl Into<String>) -> Self {
        self.set(field, Value::Text(text.into()))
    }

    pub(super) fn int(self, field: &'static str, value: i64) -> Self {
        self.set(field, Value::Int(value))
    }

    pub(super) fn flag(self, field: &'static str, value: bool) -> Self {
        self.set(field, Value::Bool(value))
    }

    pub(super) fn choice(self, field: &'static str, code: &str) -> Self {
        self.set(field, Value::Choice(code.to_owned()))
    }

    pub(super) fn choices(self, field: &'static str, mut codes: Vec<&str>) -> Self {
        codes.sort_unstable();
        codes.dedup();
        self.set(
            field,
            Value::Choices(codes.into_iter().map(str::to_owned).collect()),
        )
    }

    /// Sets a decimal from its digits and how many of them stand after the point.
    pub(super) fn decimal(self, field: &'static str, digits: i64, scale: u32) -> Self {
        self.set(field, Value::Decimal(Decimal::new(digits, scale)))
    }

    /// Points to the `n`th row of an entity.
    pub(super) fn lookup(self, field: &'static str, entity: &'static str, n: usize) -> Self {
        let Ok(name) = EntityName::parse(entity) else {
            return self;
        };
        let target = Lookup {
            entity: name,
            id: rng::record_id(entity, n),
            name: None,
        };
        self.set(field, Value::Lookup(target))
    }

    /// Sets a time within the day that lies so many days from the end of the data set.
    pub(super) fn time(self, field: &'static str, days: i64, seconds: i64) -> Self {
        self.set(field, instant(TODAY + days * DAY + seconds))
    }

    pub(super) fn date(self, field: &'static str, year: i64, month: i64, day: i64) -> Self {
        let part = |value: i64| i8::try_from(value).unwrap_or(1);
        match Date::new(i16::try_from(year).unwrap_or(2026), part(month), part(day)) {
            Ok(date) => self.set(field, Value::Date(date)),
            Err(_) => self,
        }
    }

    pub(super) fn minutes(self, field: &'static str, minutes: i64) -> Self {
        let ticks = minutes * 60 * TICKS_PER_SECOND;
        self.set(field, Value::Duration(Duration { ticks }))
    }
}

fn instant(seconds: i64) -> Value {
    Value::DateTime(DateTime {
        ticks: seconds * TICKS_PER_SECOND,
        offset_minutes: 0,
    })
}
