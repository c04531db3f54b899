//! Values of fields, few of each kind, so that equal ones come up.

use driftless_record::value::Double;
use driftless_record::{ChoiceOption, FieldKind, Lookup, RecordId, Value};
use uuid::Uuid;

/// Returns some values that a kind of field takes, null not among them; none where it takes nothing that is set so.
pub(super) fn of_kind(kind: &FieldKind) -> Vec<Value> {
    match kind {
        FieldKind::Bool => vec![Value::Bool(false), Value::Bool(true)],
        FieldKind::Int { .. } => [0, 1, 2, 7].map(Value::Int).to_vec(),
        FieldKind::Decimal { .. } | FieldKind::Money { .. } => parsed(&["0", "1", "5", "9"], |text| {
            text.parse().map(Value::Decimal).ok()
        }),
        FieldKind::Double => [0.0, 1.5, -2.0].map(|v| Value::Double(Double(v))).to_vec(),
        FieldKind::Text { .. } => ["a", "b", "c"].map(Value::text).to_vec(),
        FieldKind::Date => parsed(&["2026-01-31", "2026-02-28", "2024-02-29"], |text| {
            text.parse().map(Value::Date).ok()
        }),
        FieldKind::Time => parsed(&["00:00:00", "08:30:00"], |text| {
            text.parse().map(Value::Time).ok()
        }),
        FieldKind::DateTime => parsed(&["2026-01-31T08:30:00Z", "2026-01-31T10:00:00+01:00"], |text| {
            text.parse().map(Value::DateTime).ok()
        }),
        FieldKind::Duration => parsed(&["PT1S", "PT1H"], |text| text.parse().map(Value::Duration).ok()),
        FieldKind::Guid => [1, 2, 3].map(|v| Value::Guid(Uuid::from_u128(v))).to_vec(),
        FieldKind::Binary { .. } => vec![Value::Binary(vec![0]), Value::Binary(vec![1])],
        FieldKind::Choice { options } => codes(options).into_iter().map(Value::Choice).collect(),
        FieldKind::Choices { options } => {
            let codes = codes(options);
            let few = |many: &[String]| Value::Choices(many.to_vec());
            (0..=codes.len())
                .map(|count| few(&codes[..count]))
                .chain((1..codes.len()).map(|from| few(&codes[from..])))
                .collect()
        }
        FieldKind::Lookup { targets } => targets
            .iter()
            .flat_map(|target| ["1", "2"].map(|id| (target, RecordId::from_canonical(id))))
            .map(|(target, id)| {
                Value::Lookup(Lookup {
                    entity: target.clone(),
                    id,
                    name: None,
                })
            })
            .collect(),
        FieldKind::File => Vec::new(),
    }
}

fn parsed(texts: &[&str], parse: impl Fn(&str) -> Option<Value>) -> Vec<Value> {
    texts.iter().filter_map(|text| parse(text)).collect()
}

fn codes(options: &[ChoiceOption]) -> Vec<String> {
    options.iter().map(|option| option.code.clone()).take(4).collect()
}
