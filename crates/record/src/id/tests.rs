//! Canonical keys.

use super::*;
use crate::schema::FieldSchema;
use proptest::prelude::*;

fn entity(key: &[(&str, FieldKind)]) -> EntitySchema {
    let mut entity = EntitySchema::new("Line".try_into().unwrap());
    for (name, kind) in key {
        entity.key.push((*name).try_into().unwrap());
        entity.add(FieldSchema::new((*name).try_into().unwrap(), kind.clone()));
    }
    entity
}

#[test]
fn guids_become_lower_case() {
    let entity = entity(&[("id", FieldKind::Guid)]);
    let id = RecordId::parse(&entity, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11").unwrap();
    assert_eq!(id.as_str(), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    let error = RecordId::parse(&entity, "7").unwrap_err();
    assert_eq!(error.to_string(), "not an id of Line: expected a guid");
}

proptest! {
    #[test]
    fn composite_keys_survive_text(number in any::<i64>(), text in "[a-z',=é ]{0,8}") {
        let entity = entity(&[("no", FieldKind::Int { bits: 64 }), ("line", FieldKind::Text { max_chars: None })]);
        let values = [Value::Int(number), Value::Text(format!("x{text}"))];
        let id = RecordId::from_key(&entity, &values).unwrap();
        prop_assert_eq!(id.key_values(&entity).unwrap(), values);
        prop_assert_eq!(RecordId::parse(&entity, id.as_str()).unwrap(), id);
    }
}
