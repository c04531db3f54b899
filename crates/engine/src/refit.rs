//! Bringing what waits after the schema that the server has now: operations, what they rest on, what is told of them.
//! Fields go by the names that they have now, and values take the kinds that they have now where nothing of them is
//! lost. What does not fit stays as it is: [`crate::obstacle`] tells of it. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use driftless_record::{
    Cause, ChangeAction, EntitySchema, FieldEdit, FieldKind, FieldName, FieldSchema, Fields, LogEntry,
    Operation, OperationKind, Record, ServerRecord, Stamp, Value,
};
use driftless_store::{Image, Write, convert, fit};

use crate::ground::Ground;
use crate::validate::misfit;

type Edits = BTreeMap<FieldName, FieldEdit>;

/// Returns the field that goes by a name now, or that did before, if no field goes by it now.
pub(crate) fn field_now<'a>(fields: &'a [FieldSchema], name: &FieldName) -> Option<&'a FieldSchema> {
    let by_name = fields.iter().find(|field| field.name == *name);
    by_name.or_else(|| fields.iter().find(|field| field.former_names.contains(name)))
}

/// Returns what a value that a person gave is in a field; `None` if the field does not take it, or not all of it.
pub(crate) fn given_now(field: &FieldSchema, value: &Value) -> Option<Value> {
    if misfit(&field.kind, value).is_none() {
        return Some(value.clone());
    }
    let new = convert(value, &field.kind)?;
    (misfit(&field.kind, &new).is_none() && says_the_same(value, &new)).then_some(new)
}

/// Returns whether nothing of a value was lost when it took another kind.
fn says_the_same(old: &Value, new: &Value) -> bool {
    let number = |value| {
        let (precision, scale) = (None, None);
        convert(value, &FieldKind::Decimal { precision, scale })
    };
    let is_text = matches!(old, Value::Text(_) | Value::Choice(_));
    let is_exact = matches!(
        new,
        Value::Int(_) | Value::Decimal(_) | Value::Double(_) | Value::Date(_)
    );
    old.to_string() == new.to_string()
        || (is_text && !is_exact)
        || number(old).is_some_and(|value| number(new) == Some(value))
}

/// Returns values of a record as they are now, as a store makes them of its rows: by the names that their fields have
/// now, in their kinds, without those that a kind does not have. Fields that are not there any more keep theirs.
pub(crate) fn values(entity: &EntitySchema, values: &Fields) -> Fields {
    let mut now = Fields::new();
    for (name, value) in values {
        match field_now(&entity.fields, name) {
            Some(field) if field.name != *name && values.contains_key(&field.name) => {}
            Some(field) if entity.is_key(&field.name) => {
                now.insert(field.name.clone(), value.clone());
            }
            Some(field) => {
                let value = convert(value, &field.kind);
                now.extend(value.map(|value| (field.name.clone(), value)));
            }
            None => {
                now.insert(name.clone(), value.clone());
            }
        }
    }
    now
}

/// Returns stamps by the names that their fields have now.
pub(crate) fn stamps(
    entity: &EntitySchema,
    stamps: &BTreeMap<FieldName, Stamp>,
) -> BTreeMap<FieldName, Stamp> {
    let name = |name: &FieldName| field_now(&entity.fields, name).map(|field| field.name.clone());
    let own = stamps.iter().map(|(of, stamp)| (of.clone(), *stamp));
    let now = |(of, stamp): (FieldName, Stamp)| {
        let now = name(&of).filter(|now| !stamps.contains_key(now));
        (now.unwrap_or(of), stamp)
    };
    own.map(now).collect()
}

/// What becomes of edits whose values their fields do not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unfit {
    /// They are a person's, and stay.
    Stay,
    /// They are what a command is expected to do, and go.
    Go,
}

fn edits(entity: &EntitySchema, edits: &Edits, unfit: Unfit) -> Edits {
    let mut now = Edits::new();
    for (name, edit) in edits {
        let Some(field) = field_now(&entity.fields, name) else {
            if unfit == Unfit::Stay {
                now.insert(name.clone(), edit.clone());
            }
            continue;
        };
        let taken = field.name != *name && edits.contains_key(&field.name);
        let name = if taken { name } else { &field.name };
        if taken || entity.is_key(&field.name) {
            now.insert(name.clone(), edit.clone());
            continue;
        }
        match given_now(field, &edit.new) {
            Some(new) => {
                let old = convert(&edit.old, &field.kind).unwrap_or_default();
                let edit = FieldEdit { old, new, ..*edit };
                now.insert(name.clone(), edit);
            }
            None if unfit == Unfit::Stay => {
                now.insert(name.clone(), edit.clone());
            }
            None => {}
        }
    }
    now
}

/// Returns an operation as it is now. One that was sent stays as it was sent until its outcome is known.
pub(crate) fn operation(entity: &EntitySchema, operation: &Operation) -> Operation {
    let is_here = operation.state.is_to_be_sent() || operation.state.parked().is_some();
    if !is_here {
        return operation.clone();
    }
    Operation {
        kind: kind(entity, &operation.kind),
        ..operation.clone()
    }
}

/// Brings operations of a reading after its schema that were sent under an older one and are to be sent again, and
/// returns the writes. Those that are here followed it when it came.
pub(crate) fn left_behind(ground: &mut Ground) -> Vec<Write> {
    let mut writes = Vec::new();
    for known in &mut ground.pending {
        let Some(entity) = ground.schema.entity(known.entity.as_str()) else {
            continue;
        };
        if known.schema_version == ground.schema.version && fits(entity, known) {
            continue;
        }
        let now = operation(entity, known);
        if now != *known {
            writes.push(Write::PutOperation(Box::new(now.clone())));
            *known = now;
        }
    }
    writes
}

fn fits(entity: &EntitySchema, operation: &Operation) -> bool {
    let mut edits = operation.kind.edits().into_iter().flatten();
    edits.all(|(name, edit)| {
        let field = entity.field(name);
        field.is_some_and(|field| misfit(&field.kind, &edit.new).is_none())
    })
}

fn kind(entity: &EntitySchema, kind: &OperationKind) -> OperationKind {
    match kind {
        OperationKind::Create(given) => OperationKind::Create(edits(entity, given, Unfit::Stay)),
        OperationKind::Update(given) => OperationKind::Update(edits(entity, given, Unfit::Stay)),
        OperationKind::Delete { seen, raw, stamp } => OperationKind::Delete {
            seen: values(entity, seen),
            raw: *raw,
            stamp: *stamp,
        },
        OperationKind::Command {
            call,
            edits: given,
            raw,
        } => {
            let mut call = call.clone();
            if let Some(command) = entity.commands.get(&call.name) {
                call.parameters = parameters(&command.parameters, &call.parameters);
            }
            OperationKind::Command {
                call,
                edits: edits(entity, given, Unfit::Go),
                raw: *raw,
            }
        }
        OperationKind::Awaited {
            by,
            slot,
            edits: given,
        } => OperationKind::Awaited {
            by: *by,
            slot: slot.clone(),
            edits: edits(entity, given, Unfit::Go),
        },
    }
}

fn parameters(known: &[FieldSchema], given: &Fields) -> Fields {
    let now = |(name, value): (&FieldName, &Value)| match field_now(known, name) {
        Some(field) if field.name == *name || !given.contains_key(&field.name) => {
            let value = given_now(field, value).unwrap_or_else(|| value.clone());
            (field.name.clone(), value)
        }
        _ => (name.clone(), value.clone()),
    };
    given.iter().map(now).collect()
}

/// Returns an image as it is now.
pub(crate) fn image(entity: &EntitySchema, image: &Image) -> Image {
    let server = image.server.as_ref().map(|server| {
        let fields = values(entity, &server.record.fields);
        let mut stamps = stamps(entity, &server.stamps);
        stamps.retain(|name, _| fields.contains_key(name));
        ServerRecord {
            record: Record {
                fields,
                ..server.record.clone()
            },
            stamps,
        }
    });
    Image {
        server,
        ..image.clone()
    }
}

/// Returns an entry of the log as it is now: what it tells of fields is about those that a person finds.
pub(crate) fn entry(entity: &EntitySchema, entry: &LogEntry) -> LogEntry {
    let mut now = entry.clone();
    for case in &mut now.fields {
        let Some(field) = field_now(&entity.fields, &case.field) else {
            continue;
        };
        if field.name != case.field && entry.fields.iter().any(|other| other.field == field.name) {
            continue;
        }
        case.field.clone_from(&field.name);
        if let Some(mine) = given_now(field, &case.mine) {
            let value = |value: &Value| convert(value, &field.kind).unwrap_or_default();
            (case.base, case.theirs) = (value(&case.base), value(&case.theirs));
            case.made = case.made.as_ref().and_then(|made| given_now(field, made));
            case.mine = mine;
        }
    }
    let name = |name: &FieldName| {
        field_now(&entity.fields, name).map_or_else(|| name.clone(), |field| field.name.clone())
    };
    now.cause = now.cause.map(|cause| Cause {
        field: cause.field.as_ref().map(name),
        ..cause
    });
    let kept = now.kept.iter();
    let renamed = kept.map(|(of, value)| {
        let taken = entry.kept.contains_key(&name(of));
        (if taken { of.clone() } else { name(of) }, value.clone())
    });
    now.kept = renamed.collect();
    now
}

/// Returns whether a sending asks for values that its entity, or command, still takes in this form: otherwise it cannot
/// be written again as it was.
pub(crate) fn is_current(entity: &EntitySchema, action: &ChangeAction) -> bool {
    let takes = |field: Option<&FieldSchema>, value| field.is_some_and(|f| fit(&f.kind, value).is_ok());
    match action {
        ChangeAction::Create(fields) | ChangeAction::Update(fields) => fields
            .iter()
            .all(|(name, value)| takes(entity.field(name), value)),
        ChangeAction::Command(call) => entity.commands.get(&call.name).is_some_and(|command| {
            let mut given = call.parameters.iter();
            given.all(|(name, value)| takes(command.parameter(name.as_str()), value))
        }),
        ChangeAction::Delete => true,
    }
}

/// Returns an operation with the edits that can be shown: what a field cannot keep is not in the view.
pub(crate) fn shown<'a>(entity: &EntitySchema, operation: &'a Operation) -> Cow<'a, Operation> {
    let can_be = |(name, edit): (&FieldName, &FieldEdit)| {
        entity
            .field(name)
            .is_some_and(|field| fit(&field.kind, &edit.new).is_ok())
    };
    let Some(given) = operation.kind.edits() else {
        return Cow::Borrowed(operation);
    };
    if given.iter().all(can_be) {
        return Cow::Borrowed(operation);
    }
    let mut shown = operation.clone();
    if let Some(given) = shown.kind.edits_mut() {
        *given = edits(entity, given, Unfit::Stay);
        given.retain(|name, edit| can_be((name, edit)));
    }
    Cow::Owned(shown)
}
