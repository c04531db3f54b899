//! The data set holds together at every size.

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{FieldKind, RecordId, Value};

use super::{SeedRow, generate};

fn rows(count: usize) -> Vec<SeedRow> {
    let mut rows = Vec::new();
    generate::<std::convert::Infallible>(count, |row| {
        rows.push(row);
        Ok(())
    })
    .unwrap();
    rows
}

#[test]
fn the_size_is_what_was_asked_for() {
    for count in [51, 100, 1_000, 20_000] {
        assert_eq!(rows(count).len(), count);
    }
    assert_eq!(rows(0).len(), 51);
}

#[test]
fn the_same_size_gives_the_same_rows() {
    assert_eq!(rows(3_000), rows(3_000));
}

#[test]
fn every_row_fits_the_schema_and_points_to_rows_before_or_in_its_entity() {
    let schema = crate::crm::schema().unwrap();
    for count in [0, 60, 200, 20_000] {
        let rows = rows(count);
        let mut ids: BTreeMap<&str, BTreeSet<RecordId>> = BTreeMap::new();
        for row in &rows {
            let fresh = ids.entry(row.entity).or_default().insert(RecordId::guid(row.id));
            assert!(fresh, "{} {} twice", row.entity, row.id);
        }
        for row in &rows {
            let entity = schema.entity(row.entity).unwrap();
            let mut seen = BTreeSet::new();
            for (name, value) in &row.values {
                assert!(seen.insert(name), "{}.{name} twice", row.entity);
                let field = entity
                    .field(name)
                    .unwrap_or_else(|| panic!("{}.{name}", row.entity));
                match (&field.kind, value) {
                    (
                        FieldKind::Text {
                            max_chars: Some(most),
                        },
                        Value::Text(text),
                    ) => {
                        assert!(
                            text.chars().count() <= *most as usize,
                            "{}.{name}: {text}",
                            row.entity
                        );
                    }
                    (FieldKind::Choice { options }, Value::Choice(code)) => {
                        assert!(options.iter().any(|option| option.code == *code), "{code}");
                    }
                    (FieldKind::Choices { options }, Value::Choices(codes)) => {
                        assert!(
                            codes
                                .iter()
                                .all(|code| options.iter().any(|option| option.code == *code))
                        );
                    }
                    (FieldKind::Lookup { targets }, Value::Lookup(to)) => {
                        assert!(targets.contains(&to.entity));
                        assert!(ids[to.entity.as_str()].contains(&to.id), "{}.{name}", row.entity);
                    }
                    (FieldKind::Bool, Value::Bool(_))
                    | (FieldKind::Int { .. }, Value::Int(_))
                    | (FieldKind::Decimal { .. } | FieldKind::Money { .. }, Value::Decimal(_))
                    | (FieldKind::Double, Value::Double(_))
                    | (FieldKind::Date, Value::Date(_))
                    | (FieldKind::DateTime, Value::DateTime(_))
                    | (FieldKind::Duration, Value::Duration(_)) => {}
                    other => panic!("{}.{name}: {other:?}", row.entity),
                }
            }
            for field in entity.fields.iter().filter(|field| field.required) {
                assert!(
                    seen.contains(&field.name.as_str()),
                    "{}.{} missing",
                    row.entity,
                    field.name
                );
            }
        }
    }
}
