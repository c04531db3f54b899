//! Commands: actions of records, carried out as the schema declares them.

use std::collections::BTreeMap;

use driftless_odata::csdl::result_type;
use driftless_odata::nearest;
use driftless_odata::payload::{Layout, Results, Unknown, read_body};
use driftless_record::command::Subject;
use driftless_record::{
    CommandName, CommandSchema, EntityName, EntitySchema, FieldKind, FieldName, Fields, RecordId, Value,
};
use http::StatusCode;

use crate::db::row::{self, StoredRow};
use crate::db::state;
use crate::db::table::Table;
use crate::db::write::{Body, Writing};
use crate::document::NAMESPACE;
use crate::reply::{Refusal, Reply};
use crate::request::{Request, etag};
use crate::resource::{fulfilled, invalid_body, link, missing};
use crate::service::Service;
use crate::{check, edge};

/// Runs a command on a record and answers with the ids of what it has made.
pub(crate) fn run(
    service: &Service,
    writing: &mut Writing<'_>,
    request: &Request,
    (table, id, name): (&Table, &RecordId, &str),
) -> Result<Reply, Refusal> {
    let command = find(service, &table.entity, name).ok_or_else(|| unknown(&table.entity, name))?;
    let condition = request.condition()?;
    let parameters = parameters(service, writing, request, (&table.entity, command))?;
    let row = row::find(writing.connection, table, id)?.ok_or_else(|| missing(table, id))?;
    fulfilled(&condition, table, &row)?;
    if command.effects.is_empty() {
        return Err(Refusal::not_implemented(format!(
            "the schema does not say what {} does",
            command.name
        )));
    }
    allowed(table, command, &row)?;
    let (row, made) = carry_out(writing, table, command, row, &parameters)?;
    let reply = if command.slots().is_empty() {
        Reply::empty(StatusCode::NO_CONTENT)
    } else {
        let results = Results::new(&service.schema, &table.entity.name, command.slots());
        let result = result_type(&table.entity.name, &command.name);
        let namespace = namespace(service, &table.entity.name);
        let context = format!("{}$metadata#{namespace}.{result}", request.root);
        let body = results.write(&context, &made, request.numbers());
        Reply::records(StatusCode::OK, body, request.numbers())
    };
    Ok(reply
        .header("etag", etag(row.version))
        .header("odata-entityid", link(request, table, &row.id)))
}

/// Finds a command by the name in a path: alone, or qualified as the metadata has it.
pub(crate) fn find<'a>(service: &Service, entity: &'a EntitySchema, name: &str) -> Option<&'a CommandSchema> {
    let simple = match name.rsplit_once('.') {
        Some((told, simple)) => {
            let facts = service
                .facts
                .as_ref()
                .and_then(|facts| facts.get(&entity.name)?.actions.get(simple));
            let qualified = facts.map_or_else(|| format!("{NAMESPACE}.{simple}"), Clone::clone);
            (qualified == name)
                .then_some(simple)
                .filter(|_| !told.is_empty())?
        }
        None => name,
    };
    entity.commands.get(simple)
}

fn namespace<'a>(service: &'a Service, entity: &EntityName) -> &'a str {
    let facts = service.facts.as_ref().and_then(|facts| facts.get(entity));
    facts
        .and_then(|facts| facts.type_name.rsplit_once('.'))
        .map_or(NAMESPACE, |(namespace, _)| namespace)
}

fn unknown(entity: &EntitySchema, name: &str) -> Refusal {
    let known = entity.commands.keys().map(CommandName::as_str);
    let simple = name.rsplit('.').next().unwrap_or_default();
    let close = nearest(simple, known).map(|close| format!(": did you mean {close}?"));
    Refusal::new(
        StatusCode::NOT_FOUND,
        "UnknownCommand",
        format!("{} has no such command{}", entity.set, close.unwrap_or_default()),
    )
}

/// Reads and checks what a command is given.
fn parameters(
    service: &Service,
    writing: &Writing<'_>,
    request: &Request,
    (entity, command): (&EntitySchema, &CommandSchema),
) -> Result<Fields, Refusal> {
    request.require_json()?;
    let layout = Layout::of_parameters(&service.schema, &entity.name, command).unknown(Unknown::Refuse);
    let body: &[u8] = if request.body.is_empty() {
        b"{}"
    } else {
        &request.body
    };
    let given = read_body(body, &layout).map_err(invalid_body)?.fields;
    check::create(layout.entity(), &given)?;
    writing.references(command.name.as_str(), &given)?;
    Ok(given)
}

/// Refuses a command that the record does not stand for.
fn allowed(table: &Table, command: &CommandSchema, row: &StoredRow) -> Result<(), Refusal> {
    let against = command.forbidden_by(&row.fields);
    let Some(first) = against.first() else {
        return Ok(());
    };
    let names: Vec<_> = against.iter().map(|name| format!("`{name}`")).collect();
    let message = format!(
        "{} is not possible on {}({}) as it is now, because of {}",
        command.name,
        table.entity.set,
        row.id,
        names.join(" and ")
    );
    Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "NotAllowed", message).target(first.to_string()))
}

/// Does what a command is declared to do: makes its records, then changes its own.
fn carry_out(
    writing: &mut Writing<'_>,
    table: &Table,
    command: &CommandSchema,
    row: StoredRow,
    parameters: &Fields,
) -> Result<(StoredRow, BTreeMap<FieldName, RecordId>), Refusal> {
    let display = table.entity.display_field.as_ref();
    let subject = Subject {
        entity: &table.entity.name,
        id: &row.id,
        fields: &row.fields,
        name: display.and_then(|name| row.fields.get(name)?.as_text()),
        now: writing.now,
    };
    let mut failed = None;
    let expected = command.expected(&subject, parameters, |entity| {
        new_id(writing, entity).unwrap_or_else(|refusal| {
            failed = Some(refusal);
            None
        })
    });
    if let Some(refusal) = failed {
        return Err(refusal);
    }
    let mut made = BTreeMap::new();
    for record in expected.made {
        let slot = record.slot.to_string();
        let body = Body {
            fields: record.fields,
            ..Body::default()
        };
        let Some(target) = writing.tables.get(record.entity.as_str()) else {
            return Err(unfit(&record.entity));
        };
        // The fault is in a field of what is made, which is none of the record that the command runs on.
        writing
            .create(target, Some(&record.id), body)
            .map_err(|refusal| Refusal {
                message: format!("{} cannot be made: {}", target.entity.name, refusal.message),
                target: Some(slot.into()),
                details: Vec::new(),
                ..refusal
            })?;
        made.insert(record.slot, record.id);
    }
    let row = if expected.fields.is_empty() {
        row
    } else {
        writing.set(table, row, expected.fields)?
    };
    Ok((row, made))
}

/// Makes the id of a new record.
fn new_id(writing: &Writing<'_>, entity: &EntityName) -> Result<Option<RecordId>, Refusal> {
    let table = writing.tables.get(entity.as_str()).ok_or_else(|| unfit(entity))?;
    let kind = match table.entity.key.as_slice() {
        [only] => table.entity.field(only).map(|field| &field.kind),
        _ => None,
    };
    let key = match kind {
        Some(FieldKind::Guid) => Value::Guid(edge::random_id()),
        Some(FieldKind::Int { .. }) => Value::Int(state::make_number(writing.connection, table.number)?),
        _ => return Err(unfit(entity)),
    };
    Ok(RecordId::from_key(&table.entity, &[key]).ok())
}

/// The refusal of making a record that the server can make no key for.
fn unfit(entity: &EntityName) -> Refusal {
    Refusal::not_implemented(format!("a command can make no record of {entity}"))
}
