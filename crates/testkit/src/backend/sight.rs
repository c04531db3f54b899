//! Who sees what of the back end's data, what refers to what, and what fits.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_record::query::{Collation, Context, eval};
use driftless_record::{
    DateTime, EntityName, EntitySchema, Expr, Fields, Record, RecordId, Schema, ServerRecord, Stamp,
    Timestamp, Value,
};
use driftless_store::{convert, fit, former_name};
use driftless_transport::{RemovalReason, TransportError};

use super::data::Stored;
use super::{Backend, Habits, Reasons, References};

type Key = (EntityName, RecordId);

/// What of an entity a request is about.
pub(super) struct Scope<'a> {
    backend: &'a Backend,
    entity: &'a EntitySchema,
    filter: Option<eval::Filter>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        backend: &'a Backend,
        entity: &'a EntitySchema,
        filter: Option<&Expr>,
    ) -> Result<Self, TransportError> {
        let filter = filter
            .map(|filter| eval::Filter::new(filter, &entity.name, &backend.context()))
            .transpose()
            .map_err(|error| TransportError::Protocol(error.to_string()))?;
        Ok(Self {
            backend,
            entity,
            filter,
        })
    }

    /// Returns whether a record is in scope, and the user may see it.
    pub(super) fn covers(&self, id: &RecordId, stored: &Stored) -> bool {
        let key = (self.entity.name.clone(), id.clone());
        if self.backend.unseen.contains(&key) {
            return false;
        }
        self.filter.as_ref().is_none_or(|filter| {
            let record = Record {
                entity: key.0,
                id: key.1,
                revision: None,
                fields: stored.fields.clone(),
            };
            filter.matches(&record, &self.backend.context())
        })
    }
}

impl Backend {
    fn context(&self) -> Context<'_> {
        Context {
            schema: &self.schema,
            collation: Collation::default(),
            now: DateTime::from_timestamp(Timestamp(self.now)),
            lookups: &eval::NoLookups,
        }
    }

    /// Behaves like this from here.
    pub fn set_habits(&mut self, habits: Habits) {
        self.habits = habits;
    }

    /// Shows a record to the user or hides it from him, which devices are told as a change.
    pub fn show(&mut self, key: &Key, sight: Sight) {
        let changes = match sight {
            Sight::Shown => self.unseen.remove(key),
            Sight::Hidden => self.records.contains_key(key) && self.unseen.insert(key.clone()),
        };
        if changes {
            self.count(&key.0, &key.1);
            self.note(&key.0, &key.1);
        }
    }

    /// Returns the records that are out of the user's sight.
    pub(crate) fn unseen(&self) -> &BTreeSet<Key> {
        &self.unseen
    }

    /// Shows every record to the user.
    pub fn show_all(&mut self) {
        for key in std::mem::take(&mut self.unseen) {
            self.count(&key.0, &key.1);
            self.note(&key.0, &key.1);
        }
    }

    /// Forgets every checkpoint that it has given so far.
    pub fn forget_checkpoints(&mut self) {
        self.sequence += 1;
        self.known_from = self.sequence;
    }

    /// Puts every change off until a time, in milliseconds since 1970.
    pub fn set_busy_until(&mut self, until: i64) {
        self.busy_until = until;
    }

    /// Replaces a record by another of its entity: what refers to it refers to the other from here.
    pub fn merge(&mut self, (entity, from): &Key, into: &RecordId) {
        let mut moved = Vec::new();
        for (key, stored) in &self.records {
            let mut fields = Fields::new();
            for (name, value) in &stored.fields {
                if let Value::Lookup(to) = value
                    && to.entity == *entity
                    && to.id == *from
                {
                    let mut to = to.clone();
                    to.id = into.clone();
                    fields.insert(name.clone(), Value::Lookup(to));
                }
            }
            if !fields.is_empty() {
                moved.push((key.clone(), fields));
            }
        }
        for ((entity, id), fields) in moved {
            self.put(&entity, &id, fields);
        }
        self.remove(entity, from);
    }

    /// Deletes a record as somebody else would, with those that refer to it where that is its habit.
    pub fn remove_with_children(&mut self, entity: &EntityName, id: &RecordId) {
        self.remove(entity, id);
        self.remove_children(&(entity.clone(), id.clone()));
    }

    pub(super) fn remove_children(&mut self, parent: &Key) {
        if self.habits.references != References::Cascade {
            return;
        }
        let children: Vec<Key> = self
            .records
            .iter()
            .filter(|(_, stored)| refers(&stored.fields, parent))
            .map(|(key, _)| key.clone())
            .collect();
        for (entity, id) in children {
            self.remove(&entity, &id);
        }
    }

    /// Returns whether a record of its data refers to this one.
    #[must_use]
    pub fn is_referred_to(&self, key: &Key) -> bool {
        self.records.values().any(|stored| refers(&stored.fields, key))
    }

    /// Returns whether fields name a record that is neither there nor the one that they are of.
    pub(super) fn leads_nowhere(&self, of: &Key, fields: &Fields) -> bool {
        let is_there = |key: Key| key == *of || self.records.contains_key(&key);
        let nowhere = |value: &Value| match value {
            Value::Lookup(to) => !is_there((to.entity.clone(), to.id.clone())),
            _ => false,
        };
        fields.values().any(nowhere)
    }

    pub(super) fn fits(&self, entity: &EntityName, fields: &Fields, is_create: bool) -> bool {
        let Some(schema) = self.schema.entity(entity.as_str()) else {
            return false;
        };
        let each = fields.iter().all(|(name, value)| {
            schema.field(name).is_some_and(|field| {
                (value.is_null() && !field.required) || (!value.is_null() && fit(&field.kind, value).is_ok())
            })
        });
        let whole = schema
            .fields
            .iter()
            .filter(|field| {
                field.required && !field.server_made && !field.read_only && !schema.key.contains(&field.name)
            })
            .all(|field| fields.contains_key(&field.name));
        each && (whole || !is_create)
    }

    /// Returns a record as the user may read it, if he may.
    #[must_use]
    pub fn seen(&self, entity: &EntityName, id: &RecordId) -> Option<ServerRecord> {
        let unseen = self.unseen.contains(&(entity.clone(), id.clone()));
        if unseen { None } else { self.record(entity, id) }
    }

    /// Returns the records of an entity that the user may see and that match a filter.
    #[must_use]
    pub fn in_scope(&self, entity: &EntitySchema, filter: Option<&Expr>) -> Vec<(RecordId, Fields)> {
        let Ok(scope) = Scope::new(self, entity, filter) else {
            return Vec::new();
        };
        self.records
            .iter()
            .filter(|((name, id), stored)| *name == entity.name && scope.covers(id, stored))
            .map(|((_, id), stored)| (id.clone(), stored.fields.clone()))
            .collect()
    }

    /// Returns whether it says why a record has left.
    #[must_use]
    pub fn tells_reasons(&self) -> bool {
        self.habits.reasons == Reasons::Told
    }

    pub(super) fn reason(&self, reason: RemovalReason) -> RemovalReason {
        match self.habits.reasons {
            Reasons::Told => reason,
            Reasons::Hidden => RemovalReason::Unknown,
        }
    }

    pub(super) fn told_stamp(&self, stamp: Stamp) -> Stamp {
        let grain = self.habits.stamp_grain.max(1);
        Stamp {
            time: Timestamp(stamp.time.0.div_euclid(grain) * grain),
            ..stamp
        }
    }

    /// Describes its data by another schema from here, and brings what is there into it: fields that are gone are
    /// gone, those that have another name keep their values under it, and values that do not fit any more are gone.
    pub fn convert(&mut self, schema: Arc<Schema>) {
        let mut changed = Vec::new();
        for (key, stored) in &mut self.records {
            let Some(entity) = schema.entity(key.0.as_str()) else {
                continue;
            };
            let before = stored.fields.clone();
            let stamps = std::mem::take(&mut stored.stamps);
            stored.fields.clear();
            for field in &entity.fields {
                let from = former_name(entity, field, |name| before.contains_key(name));
                let Some(value) = before.get(from) else { continue };
                let kept = value.is_null().then(|| value.clone());
                let Some(value) = kept.or_else(|| convert(value, &field.kind)) else {
                    continue;
                };
                stored.fields.insert(field.name.clone(), value);
                let stamp = stamps.get(from).copied();
                stored
                    .stamps
                    .extend(stamp.map(|stamp| (field.name.clone(), stamp)));
            }
            if stored.fields != before {
                changed.push(key.clone());
            }
        }
        self.schema = schema;
        for key in changed {
            let next = self.count(&key.0, &key.1);
            if let Some(stored) = self.records.get_mut(&key) {
                stored.revision = next;
            }
            self.note(&key.0, &key.1);
        }
    }

    /// Returns the schema.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Returns the place before the first change of the second in which the change at a place was made: where reading
    /// goes on by a date that knows whole seconds only.
    #[must_use]
    pub fn second_before(&self, place: u64) -> u64 {
        let Some((_, at)) = self.times.range(..=place).next_back() else {
            return 0;
        };
        let second = at.div_euclid(1_000);
        let earlier = self.times.range(..=place).rev();
        let before = earlier
            .skip_while(|(_, at)| at.div_euclid(1_000) == second)
            .map(|(place, _)| *place);
        before.take(1).next().unwrap_or_default()
    }
}

/// Whether a user sees a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// He does.
    Shown,
    /// He does not, and may not change it.
    Hidden,
}

fn refers(fields: &Fields, (entity, id): &Key) -> bool {
    let to = |value: &Value| matches!(value, Value::Lookup(to) if to.entity == *entity && to.id == *id);
    fields.values().any(to)
}
