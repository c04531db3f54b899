//! Running commands on the device: the call in the outbox, and what it is expected to do in the view at once.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use driftless_record::command::{MadeRecord, Subject};
use driftless_record::{
    CommandCall, CommandSchema, Effect, EntitySchema, Fields, Operation, OperationId, OperationKind,
    OperationState, RecordId, Value,
};
use driftless_store::{Image, Write};

use crate::edit::{Desk, edit};
use crate::fold::{self, key_fields};
use crate::names::closest;
use crate::validate::parameter_problems;
use crate::wish::Written;
use crate::{EngineError, temporary};

/// The app's own knowledge of what commands do, where the schema does not tell it.
///
/// # Contract
/// Returns data and does nothing: it may be asked more than once for one call. One that panics counts as having said
/// nothing.
pub trait CommandEffects: Send + Sync {
    /// Returns what a command is expected to do to a record with these fields, in place of what the schema says; `None`
    /// leaves it at that.
    fn effects(
        &self,
        entity: &EntitySchema,
        command: &CommandSchema,
        fields: &Fields,
        parameters: &Fields,
    ) -> Option<Vec<Effect>>;
}

const _: fn(&dyn CommandEffects) = |_| {};

/// Leaves every effect at what the schema says.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsDeclared;

impl CommandEffects for AsDeclared {
    fn effects(&self, _: &EntitySchema, _: &CommandSchema, _: &Fields, _: &Fields) -> Option<Vec<Effect>> {
        None
    }
}

impl Desk<'_> {
    /// Makes the writes of a command: the call, its effect on the record, and the records that it is expected to make.
    pub(crate) fn run(
        &self,
        id: RecordId,
        command: &str,
        parameters: Fields,
    ) -> Result<(Written, Vec<Write>), EngineError> {
        let command = self
            .entity
            .command(command)
            .ok_or_else(|| self.no_command(command))?;
        if self.entity.local_only {
            return Err(self.not_allowed("given commands"));
        }
        let problems = parameter_problems(command, &parameters);
        if !problems.is_empty() {
            return Err(EngineError::Parameters {
                command: command.name.to_string(),
                problems,
            });
        }
        let (view, image) = self.standing(id)?;
        if let [field, ..] = command.forbidden_by(&view.fields).as_slice() {
            return Err(EngineError::CommandNotNow {
                command: command.name.to_string(),
                entity: self.entity.name.to_string(),
                field: field.to_string(),
                allowed: command
                    .when
                    .get(*field)
                    .into_iter()
                    .flatten()
                    .map(|value| match value {
                        Value::Null => "empty".to_owned(),
                        other => other.to_string(),
                    })
                    .collect(),
            });
        }
        let command = self.told_by_the_app(command, &view.fields, &parameters);
        let name = fold::title(&self.entity, &view.id, &view.fields);
        let subject = Subject {
            entity: &self.entity.name,
            id: &view.id,
            fields: &view.fields,
            name: Some(&name),
            now: self.host.clock.now(),
        };
        let expected = command.expected(&subject, &parameters, |entity| self.awaited_id(entity.as_str()));
        let raw = self.raw_stamp();
        let known = |name: &_| self.entity.field(name).is_some();
        let edits = expected.fields.into_iter().filter(|(field, _)| known(field));
        let edits = edits
            .map(|(field, new)| (field.clone(), edit(view.value(&field).clone(), new, raw)))
            .collect();
        let call = CommandCall {
            name: command.name.clone(),
            parameters,
            makes: expected
                .made
                .iter()
                .map(|record| (record.slot.clone(), record.entity.clone()))
                .collect(),
        };
        let kind = OperationKind::Command {
            call: Box::new(call),
            edits,
            raw,
        };
        let id = view.id.clone();
        let (under, pending) = self.grounds(&id, view, image)?;
        let (mut written, mut writes) = self.record(under, kind, pending)?;
        let Some(by) = written.operation else {
            return Ok((written, writes));
        };
        for record in expected.made {
            written.made.push((record.entity.clone(), record.id.clone()));
            writes.extend(self.awaited(by, record)?);
        }
        Ok((written, writes))
    }

    fn no_command(&self, name: &str) -> EngineError {
        let known: Vec<&str> = self.entity.commands.keys().map(|name| name.as_str()).collect();
        EngineError::NoCommand {
            name: name.to_owned(),
            entity: self.entity.name.to_string(),
            close: closest(name, known.iter().copied()),
            known: known.into_iter().map(str::to_owned).collect(),
        }
    }

    /// Returns a command with what the app says of its effect.
    fn told_by_the_app(
        &self,
        command: &CommandSchema,
        fields: &Fields,
        parameters: &Fields,
    ) -> CommandSchema {
        let asked = || self.effects.effects(&self.entity, command, fields, parameters);
        let told = catch_unwind(AssertUnwindSafe(asked)).ok().flatten();
        CommandSchema {
            effects: told.unwrap_or_else(|| command.effects.clone()),
            ..command.clone()
        }
    }

    /// Returns a temporary id for a record that a command makes; none if its entity is not here or its key is one that
    /// nobody can make up.
    fn awaited_id(&self, entity: &str) -> Option<RecordId> {
        let entity = self.schema.entity(entity)?;
        let drawn = entity
            .guid_key()
            .map(|key| (key.clone(), Value::Guid(self.host.uuid())));
        temporary::new_id(self.store, entity, &drawn.into_iter().collect(), self.host).ok()
    }

    /// Makes the writes of a record that a command is expected to make.
    fn awaited(&self, by: OperationId, record: MadeRecord) -> Result<Vec<Write>, EngineError> {
        let Some(entity) = self.schema.entity(record.entity.as_str()) else {
            return Ok(Vec::new());
        };
        let raw = self.raw_stamp();
        let known = record
            .fields
            .into_iter()
            .filter(|(field, _)| entity.field(field).is_some());
        let edits: BTreeMap<_, _> = known
            .map(|(field, new)| (field, edit(Value::Null, new, raw)))
            .collect();
        let operation = Operation {
            entity: record.entity.clone(),
            record: record.id.clone(),
            base_revision: None,
            needs: [by].into(),
            kind: OperationKind::Awaited {
                by,
                slot: record.slot,
                edits,
            },
            ..self.operation()?
        };
        let image = Image {
            entity: record.entity,
            id: record.id,
            server: None,
            gone: false,
        };
        let mut writes = Vec::new();
        if let Some(mut shown) = fold::fold(&image, std::slice::from_ref(&operation)) {
            shown.fields.extend(key_fields(entity, &shown.id));
            writes.push(Write::PutRows(fold::whole_row(entity, shown)));
        }
        writes.push(Write::PutImage(image));
        writes.push(Write::PutOperation(Box::new(operation)));
        Ok(writes)
    }

    /// Mends what stands in the way of a refused command: the changes go before it, and it is tried again.
    pub(crate) fn amend_command(
        &self,
        image: &Image,
        pending: &[Operation],
        (log, changes): (driftless_record::LogId, crate::amend::Changes),
    ) -> Result<(Written, Vec<Write>), EngineError> {
        let Some((refused, before)) = pending.split_last() else {
            return Ok((Written::of(image.id.clone(), None), Vec::new()));
        };
        let under = crate::edit::Under::Kept(image.clone());
        let (written, mut writes) = self.record(under, OperationKind::Update(changes), before.to_vec())?;
        let again = Operation {
            sequence: self.next_sequence()?,
            state: OperationState::Queued,
            rebased: 0,
            ..refused.clone()
        };
        let update = writes.iter().find_map(|write| match write {
            Write::PutOperation(operation) => Some((**operation).clone()),
            _ => None,
        });
        let mut all = before.to_vec();
        all.extend(update);
        all.push(again.clone());
        writes.push(self.view_write(image, &all));
        writes.push(Write::PutOperation(Box::new(again)));
        writes.extend(crate::journal::settle_entry(self.store, self.host, log, "set")?);
        Ok((written, writes))
    }
}
