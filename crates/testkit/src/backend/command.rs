//! Commands on the back end: the declared effect, carried out with ids of its own.

use std::collections::BTreeMap;

use driftless_record::command::Subject;
use driftless_record::{
    Cause, CauseClass, CommandCall, EntityName, FieldKind, FieldName, Fields, RecordId, Timestamp, Value,
};
use uuid::Uuid;

use super::Backend;

impl Backend {
    /// Carries out the declared effect of a command on a record that is there. Returns the ids of what it made.
    ///
    /// # Errors
    /// The cause for which it is refused: the entity has no such command, or the record does not stand for it.
    pub(super) fn run(
        &mut self,
        (entity, id): (&EntityName, &RecordId),
        call: &CommandCall,
    ) -> Result<BTreeMap<FieldName, RecordId>, Cause> {
        let refused = |class: CauseClass, text: String| Cause {
            class,
            field: None,
            other: None,
            code: "double:command".to_owned(),
            text,
        };
        let schema = self.schema.clone();
        let command = schema
            .entity(entity.as_str())
            .and_then(|entity| entity.commands.get(&call.name))
            .ok_or_else(|| refused(CauseClass::Unsupported, format!("no command {}", call.name)))?;
        let fields = self.all_fields(entity, id);
        if let [field, ..] = command.forbidden_by(&fields).as_slice() {
            let text = format!("{} cannot be run: {field} does not allow it", call.name);
            return Err(refused(CauseClass::Validation, text));
        }
        let subject = Subject {
            entity,
            id,
            fields: &fields,
            name: None,
            now: Timestamp(self.now),
        };
        let mut ids = Vec::new();
        let first = self.sequence;
        let expected = command.expected(&subject, &call.parameters, |name| {
            let schema = schema.entity(name.as_str())?;
            let number = first + 1 + u64::try_from(ids.len()).ok()?;
            let key = match &schema.field(schema.key.first()?)?.kind {
                FieldKind::Guid => Value::Guid(Uuid::from_u128((0xC0 << 120) + u128::from(number))),
                FieldKind::Int { .. } => Value::Int(i64::try_from(number).ok()?),
                FieldKind::Text { .. } => Value::text(format!("C{number}")),
                _ => return None,
            };
            let id = RecordId::from_key(schema, std::slice::from_ref(&key)).ok()?;
            ids.push((schema.key.first()?.clone(), key));
            Some(id)
        });
        let mut made = BTreeMap::new();
        for (record, (field, key)) in expected.made.into_iter().zip(ids) {
            let mut fields = record.fields;
            fields.insert(field, key);
            self.put(&record.entity, &record.id, fields);
            made.insert(record.slot, record.id);
        }
        if !expected.fields.is_empty() {
            self.put(entity, id, expected.fields);
        }
        Ok(made)
    }

    fn all_fields(&self, entity: &EntityName, id: &RecordId) -> Fields {
        let found = self.records.get(&(entity.clone(), id.clone()));
        found.map(|stored| stored.fields.clone()).unwrap_or_default()
    }
}
