//! Refusals that are about a value: a policy may say what becomes of it, before a person is asked.

use std::collections::BTreeSet;

use driftless_record::{
    Cause, CauseClass, ChangeAction, EntitySchema, FieldCase, FieldName, Fields, OperationState, Value,
};

use super::{Confirmed, Desk};
use crate::backoff::MAX_TRIES;
use crate::clash;
use crate::ground::Ground;
use crate::journal::Reason;
use crate::plan::Objection;

impl Desk<'_> {
    /// Keeps what the server has against values of the change, for the policy; parks the change where nothing can be
    /// said of single values, where it is a part of a group, and in the end.
    pub(super) fn objected(self, ground: &mut Ground, cause: &Cause, into: &mut Confirmed) {
        let values = self.values_in_question(cause);
        let counted = self.counted();
        let in_group = counted.carried.iter().any(|o| o.handling.group.is_some());
        if values.is_empty() {
            return counted.refuse(ground, cause.clone(), into);
        }
        if in_group || counted.tries() >= MAX_TRIES {
            let reason = Reason::Objected(Box::new(cause.clone()), counted.cases(&values), None);
            return counted.park(ground, reason, into);
        }
        let operations: BTreeSet<_> = counted.carried.iter().map(|operation| operation.id).collect();
        let objection = Objection {
            cause: cause.clone(),
            operations,
            values,
        };
        into.objections.insert(counted.record.clone(), objection);
        counted.all(&OperationState::Queued, into);
    }

    /// Returns both sides of the values that a refusal is about.
    fn cases(&self, values: &Fields) -> Vec<FieldCase> {
        let case = |(name, mine): (&FieldName, &Value)| {
            let mut edits = self
                .carried
                .iter()
                .filter_map(|operation| operation.kind.edits()?.get(name));
            let base = edits.next().map_or(&Value::Null, |edit| &edit.old);
            self.case(name, base, mine)
        };
        values.iter().map(case).collect()
    }

    /// Returns both sides of a value that was refused, without times.
    pub(super) fn case(&self, field: &FieldName, base: &Value, mine: &Value) -> FieldCase {
        let server = self.image.server.as_ref();
        let theirs = server.map(|server| server.record.value(field).clone());
        FieldCase::new(
            field.clone(),
            base.clone(),
            mine.clone(),
            theirs.unwrap_or_default(),
        )
    }

    /// Returns the values that a refusal is about, as far as that can be told.
    fn values_in_question(&self, cause: &Cause) -> Fields {
        let (Some(entity), ChangeAction::Create(sent) | ChangeAction::Update(sent)) =
            (self.entity, &self.sending.change.action)
        else {
            return Fields::new();
        };
        let names = match cause.class {
            CauseClass::MissingReference => reference(entity, sent, cause).into_iter().collect(),
            _ => clash::fields(entity, &self.sending.change, cause),
        };
        let of = |name: FieldName| Some((name.clone(), sent.get(&name)?.clone()));
        names.into_iter().filter_map(of).collect()
    }
}

/// Returns the lookup that leads nowhere: the one that the server named, else the only one of the change.
fn reference(entity: &EntitySchema, sent: &Fields, cause: &Cause) -> Option<FieldName> {
    let leads = |name: &FieldName| matches!(sent.get(name), Some(Value::Lookup(_))) && !entity.is_key(name);
    if let Some(named) = &cause.field {
        return leads(named).then(|| named.clone());
    }
    let mut lookups = sent.keys().filter(|name| leads(name));
    match (lookups.next(), lookups.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    }
}
