//! The stored form keeps every value and the order of values.

use std::cmp::Ordering;

use jiff::civil::{Date, Time};
use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{
    ColumnPart, DecodeError, EncodeError, SortableDecimal, Stored, StoredRef, columns, decode, encode,
};
use crate::id::RecordId;
use crate::name::EntityName;
use crate::schema::FieldKind;
use crate::time::{DateTime, Duration};
use crate::value::{FileValue, Lookup, Value};

fn stored<'a>(kind: &FieldKind, value: &'a Value) -> Vec<Stored<'a>> {
    let mut out = Vec::new();
    encode(kind, value, &mut out).unwrap();
    out
}

/// How SQLite orders two values of one column: nulls, numbers, text, blobs.
fn sqlite_order(a: StoredRef<'_>, b: StoredRef<'_>) -> Ordering {
    use StoredRef::{Blob, Int, Null, Real, Text};
    let rank = |v| match v {
        Null => 0,
        Int(_) | Real(_) => 1,
        Text(_) => 2,
        Blob(_) => 3,
    };
    match (a, b) {
        (Int(a), Int(b)) => a.cmp(&b),
        (Real(a), Real(b)) => a.partial_cmp(&b).unwrap(),
        (Text(a), Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Blob(a), Blob(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}

fn round_trips(kind: &FieldKind, value: &Value) {
    let stored = stored(kind, value);
    assert_eq!(stored.len(), columns(kind).len());
    let parts: Vec<_> = stored.iter().map(Stored::as_ref).collect();
    assert_eq!(&decode(kind, &parts).unwrap(), value, "{kind:?}");
}

fn entity(name: &str) -> EntityName {
    EntityName::parse(name).unwrap()
}

fn choice() -> FieldKind {
    FieldKind::Choice { options: Vec::new() }
}

fn choices() -> FieldKind {
    FieldKind::Choices { options: Vec::new() }
}

fn lookup(targets: &[&str]) -> FieldKind {
    FieldKind::Lookup {
        targets: targets.iter().map(|name| entity(name)).collect(),
    }
}

fn decimals() -> impl Strategy<Value = Decimal> {
    let mantissa = prop_oneof![
        -200i128..200,
        -79_228_162_514_264_337_593_543_950_335i128..=79_228_162_514_264_337_593_543_950_335,
        any::<i64>().prop_map(i128::from),
    ];
    (mantissa, 0u32..=28).prop_map(|(mantissa, scale)| Decimal::from_i128_with_scale(mantissa, scale))
}

fn texts() -> impl Strategy<Value = String> {
    "[^\\x00\\x1F]{0,12}"
}

fn dates() -> impl Strategy<Value = Date> {
    (-9999i16..=9999, 1i8..=12, 1i8..=28).prop_map(|(y, m, d)| Date::new(y, m, d).unwrap())
}

/// A kind with one of its values.
fn typed() -> impl Strategy<Value = (FieldKind, Value)> {
    let decimal = FieldKind::Decimal {
        precision: None,
        scale: None,
    };
    let scaled = FieldKind::Decimal {
        precision: Some(18),
        scale: Some(4),
    };
    let money = FieldKind::Money {
        scale: 2,
        currency: None,
    };
    let name = prop::option::of(texts());
    let lookups = (any::<bool>(), any::<bool>(), texts(), name).prop_map(|(several, second, id, name)| {
        let targets: &[&str] = if several {
            &["Account", "Contact"]
        } else {
            &["Account"]
        };
        let value = Lookup {
            entity: entity(if several && second { "Contact" } else { "Account" }),
            id: RecordId::from_canonical(&id),
            name,
        };
        (lookup(targets), Value::Lookup(value))
    });
    prop_oneof![
        any::<bool>().prop_map(|v| (FieldKind::Bool, Value::Bool(v))),
        any::<i64>().prop_map(|v| (FieldKind::Int { bits: 64 }, Value::Int(v))),
        decimals().prop_map(move |v| (decimal.clone(), Value::Decimal(v))),
        any::<i64>().prop_map(move |v| (scaled.clone(), Value::Decimal(Decimal::new(v, 4)))),
        any::<i64>().prop_map(move |v| (money.clone(), Value::Decimal(Decimal::new(v, 2)))),
        any::<f64>().prop_map(|v| {
            let v = if v.is_nan() { f64::NAN } else { v };
            (FieldKind::Double, Value::double(v))
        }),
        texts().prop_map(|v| (FieldKind::Text { max_chars: None }, Value::Text(v))),
        texts().prop_map(|v| (choice(), Value::Choice(v))),
        prop::collection::btree_set(texts(), 0..4)
            .prop_map(|v| (choices(), Value::Choices(v.into_iter().collect()))),
        dates().prop_map(|v| (FieldKind::Date, Value::Date(v))),
        (0i64..864_000_000_000).prop_map(|v| (FieldKind::Time, Value::Time(super::time_of(v).unwrap()))),
        (any::<i64>(), -1439i16..=1439).prop_map(|(ticks, offset_minutes)| {
            (
                FieldKind::DateTime,
                Value::DateTime(DateTime {
                    ticks,
                    offset_minutes,
                }),
            )
        }),
        any::<i64>().prop_map(|ticks| (FieldKind::Duration, Value::Duration(Duration { ticks }))),
        any::<u128>().prop_map(|v| (FieldKind::Guid, Value::Guid(Uuid::from_u128(v)))),
        any::<Vec<u8>>().prop_map(|v| (FieldKind::Binary { max_bytes: None }, Value::Binary(v))),
        lookups,
        (texts(), any::<u64>()).prop_map(|(name, size)| {
            let file = FileValue {
                content: "sha256-1".to_owned(),
                name,
                media_type: "text/plain".to_owned(),
                size,
            };
            (FieldKind::File, Value::File(file))
        }),
    ]
}

proptest! {
    #[test]
    fn every_value_comes_back((kind, value) in typed()) {
        round_trips(&kind, &value);
        round_trips(&kind, &Value::Null);
    }

    #[test]
    fn sortable_decimals_order_like_numbers(a in decimals(), b in decimals()) {
        let (x, y) = (SortableDecimal::encode(a), SortableDecimal::encode(b));
        prop_assert_eq!(a.cmp(&b), x.as_bytes().cmp(y.as_bytes()));
        prop_assert_eq!(a.cmp(&b), x.cmp(&y));
        prop_assert_eq!(SortableDecimal::decode(x.as_bytes()), Some(a));
        let same = SortableDecimal::encode(a.normalize());
        prop_assert_eq!(x, same);
    }

    #[test]
    fn sortable_decimals_reject_other_bytes(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        if let Some(value) = SortableDecimal::decode(&bytes) {
            prop_assert!(value.scale() <= 28);
        }
    }

    #[test]
    fn scaled_decimals_order_like_numbers(a in any::<i64>(), b in any::<i64>()) {
        let kind = FieldKind::Money { scale: 4, currency: None };
        let (a, b) = (Value::Decimal(Decimal::new(a, 4)), Value::Decimal(Decimal::new(b, 4)));
        let (Value::Decimal(x), Value::Decimal(y)) = (&a, &b) else { unreachable!() };
        let order = sqlite_order(stored(&kind, &a)[0].as_ref(), stored(&kind, &b)[0].as_ref());
        prop_assert_eq!(x.cmp(y), order);
    }

    #[test]
    fn doubles_order_with_nan_last(a in any::<f64>(), b in any::<f64>()) {
        let (x, y) = (Value::double(a), Value::double(b));
        let order = sqlite_order(stored(&FieldKind::Double, &x)[0].as_ref(), stored(&FieldKind::Double, &y)[0].as_ref());
        let expected = a.is_nan().cmp(&b.is_nan()).then(a.partial_cmp(&b).unwrap_or(Ordering::Equal));
        prop_assert_eq!(order, expected);
    }

    #[test]
    fn dates_times_guids_and_texts_order_like_values(
        a in (dates(), any::<u128>(), texts()), b in (dates(), any::<u128>(), texts()),
    ) {
        let order = |kind: &FieldKind, x: &Value, y: &Value| {
            sqlite_order(stored(kind, x)[0].as_ref(), stored(kind, y)[0].as_ref())
        };
        prop_assert_eq!(a.0.cmp(&b.0), order(&FieldKind::Date, &Value::Date(a.0), &Value::Date(b.0)));
        let (x, y) = (Uuid::from_u128(a.1), Uuid::from_u128(b.1));
        prop_assert_eq!(x.to_string().cmp(&y.to_string()), order(&FieldKind::Guid, &Value::Guid(x), &Value::Guid(y)));
        let text = FieldKind::Text { max_chars: None };
        prop_assert_eq!(a.2.cmp(&b.2), order(&text, &Value::Text(a.2.clone()), &Value::Text(b.2.clone())));
    }

    #[test]
    fn day_numbers_agree_with_the_calendar(date in dates()) {
        let epoch = jiff::civil::date(1970, 1, 1);
        prop_assert_eq!(super::day_number(date), date.duration_since(epoch).as_hours() / 24);
        prop_assert_eq!(super::date_of(super::day_number(date)), Some(date));
    }
}

#[test]
fn what_a_field_cannot_keep_is_an_error_and_leaves_nothing() {
    let money = FieldKind::Money {
        scale: 2,
        currency: None,
    };
    let text = FieldKind::Text { max_chars: None };
    let other = Value::Lookup(Lookup {
        entity: entity("Task"),
        id: RecordId::from_canonical("1"),
        name: None,
    });
    let rows = [
        (
            &money,
            Value::Decimal(Decimal::new(12_345, 3)),
            EncodeError::Digits { scale: 2 },
        ),
        (
            &money,
            Value::Decimal(Decimal::MAX),
            EncodeError::Digits { scale: 2 },
        ),
        (
            &money,
            Value::text("1"),
            EncodeError::Kind {
                expected: "amount of money",
            },
        ),
        (&text, Value::text("a\0b"), EncodeError::Control),
        (
            &choices(),
            Value::Choices(vec!["\u{1F}".to_owned()]),
            EncodeError::Control,
        ),
        (
            &lookup(&["Account"]),
            other.clone(),
            EncodeError::Target {
                entity: entity("Task"),
            },
        ),
    ];
    for (kind, value, error) in rows {
        let mut out = Vec::new();
        assert_eq!(encode(kind, &value, &mut out), Err(error));
        assert_eq!(out, []);
    }
}

#[test]
fn whole_numbers_and_texts_are_taken_where_they_fit() {
    let money = FieldKind::Money {
        scale: 2,
        currency: None,
    };
    assert_eq!(stored(&money, &Value::Int(7)), [Stored::Int(700)]);
    assert_eq!(stored(&FieldKind::Double, &Value::Int(7)), [Stored::Real(7.0)]);
    assert_eq!(stored(&choice(), &Value::text("a")), [Stored::Text("a".into())]);
    let trailing = Value::Decimal(Decimal::new(1_000, 3));
    assert_eq!(stored(&money, &trailing), [Stored::Int(100)]);
}

#[test]
fn damaged_columns_are_errors() {
    let rows: [(FieldKind, &[StoredRef<'_>]); 6] = [
        (FieldKind::Bool, &[StoredRef::Int(2)]),
        (FieldKind::Date, &[StoredRef::Int(i64::MAX)]),
        (FieldKind::Time, &[StoredRef::Int(-1)]),
        (FieldKind::Guid, &[StoredRef::Blob(&[1, 2])]),
        (FieldKind::DateTime, &[StoredRef::Int(1)]),
        (FieldKind::File, &[StoredRef::Text("{")]),
    ];
    for (kind, parts) in rows {
        let error: DecodeError = decode(&kind, parts).unwrap_err();
        assert!(!error.expected.is_empty());
    }
}

#[test]
fn the_first_column_has_no_suffix() {
    for kind in [
        FieldKind::Bool,
        FieldKind::DateTime,
        lookup(&["A"]),
        lookup(&["A", "B"]),
    ] {
        let suffixes: Vec<_> = columns(&kind)
            .iter()
            .map(|part: &ColumnPart| part.suffix)
            .collect();
        assert_eq!(suffixes.iter().filter(|suffix| suffix.is_empty()).count(), 1);
        assert_eq!(suffixes[0], "");
    }
}

#[test]
fn times_are_cut_to_ticks() {
    let time = Time::new(1, 2, 3, 123_456_789).unwrap();
    assert_eq!(super::ticks_of(time), 37_231_234_567);
}
