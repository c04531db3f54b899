//! Alternate keys: no two records have the same values of one.

use driftless_record::{Cause, CauseClass, Change, ChangeAction, FieldName, Fields};
use driftless_transport::PushResult;

use super::{Backend, Others};

impl Backend {
    /// Returns why a change cannot be: another record has the values of an alternate key that it sets. Which one is told
    /// only of records that the user may see.
    pub(super) fn taken(&self, change: &Change) -> Option<PushResult> {
        let (ChangeAction::Create(given) | ChangeAction::Update(given)) = &change.action else {
            return None;
        };
        let entity = self.schema.entity(change.entity.as_str())?;
        let place = (change.entity.clone(), change.record.clone());
        let known = self.records.get(&place).map(|stored| stored.fields.clone());
        let mut fields = known.unwrap_or_default();
        fields.extend(given.clone());
        let tells = self.habits.others == Others::Told;
        for key in &entity.alternate_keys {
            let Some(field) = key.iter().find(|field| given.contains_key(*field)) else {
                continue;
            };
            let others = self
                .records
                .iter()
                .filter(|((name, id), _)| *name == change.entity && *id != change.record);
            let mut same = others.filter(|(_, other)| are_same(key, &fields, &other.fields));
            if let Some((other, _)) = same.next() {
                let cause = Cause {
                    class: CauseClass::Unique,
                    field: (self.habits.others != Others::Unnamed).then(|| field.clone()),
                    other: (tells && !self.unseen.contains(other)).then(|| other.1.clone()),
                    code: "double:unique".to_owned(),
                    text: format!("another record has the same {field}"),
                };
                return Some(PushResult::Failed {
                    cause,
                    retry_after: None,
                });
            }
        }
        None
    }
}

fn are_same(key: &[FieldName], one: &Fields, other: &Fields) -> bool {
    key.iter().all(|field| {
        let value = one.get(field).filter(|value| !value.is_null());
        value.is_some() && value == other.get(field)
    })
}
