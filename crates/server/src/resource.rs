//! Entity sets and records: what each method does with them.

use driftless_odata::headers::{Preferences, Returning};
use driftless_odata::payload::{PayloadError, read_body, record_link, write_record};
use driftless_record::clock::clamp_ahead;
use driftless_record::{DeviceId, RecordId, Revision, Row, Value};
use http::{Method, StatusCode};

use crate::db::row::{self, StoredRow};
use crate::db::table::Table;
use crate::db::write::{Body, Writing};
use crate::reply::{Refusal, Reply};
use crate::request::{Condition, Request, etag};
use crate::service::{Service, method_not_allowed};
use crate::target::{Target, target};
use crate::{command, page};

/// Answers a request inside a transaction.
pub(crate) fn respond(
    service: &Service,
    writing: &mut Writing<'_>,
    request: &Request,
) -> Result<Reply, Refusal> {
    let preferences = request.preferences();
    match (target(service, &request.path)?, &request.method) {
        (Target::Set(table), &Method::GET | &Method::HEAD) => {
            page::respond(service, writing, request, &table, &preferences)
        }
        (Target::Count(table), &Method::GET | &Method::HEAD) => {
            page::count(service, writing, request, &table)
        }
        (Target::Record(table, id), &Method::GET | &Method::HEAD) => {
            read(service, writing, request, &table, &id, &preferences)
        }
        (Target::Set(table), &Method::POST) => create(service, writing, request, &table, &preferences),
        (Target::Record(table, id), &Method::PATCH) => {
            change(service, writing, request, &table, &id, &preferences)
        }
        (Target::Record(table, id), &Method::DELETE) => delete(writing, request, &table, &id),
        (Target::Member(table, id, name), &Method::POST) => {
            command::run(service, writing, request, (&table, &id, &name))
        }
        (Target::Member(table, _, name), _) if command::find(service, &table.entity, &name).is_none() => Err(
            Refusal::not_implemented("single properties and navigation paths are not supported"),
        ),
        _ => Err(method_not_allowed(request)),
    }
}

fn read(
    service: &Service,
    writing: &Writing<'_>,
    request: &Request,
    table: &Table,
    id: &RecordId,
    preferences: &Preferences,
) -> Result<Reply, Refusal> {
    let row = row::find(writing.connection, table, id)?.ok_or_else(|| missing(table, id))?;
    if request.knows(row.version) {
        return Ok(Reply::empty(StatusCode::NOT_MODIFIED).header("etag", etag(row.version)));
    }
    representation(service, request, table, &row, StatusCode::OK, preferences)
}

fn create(
    service: &Service,
    writing: &mut Writing<'_>,
    request: &Request,
    table: &Table,
    preferences: &Preferences,
) -> Result<Reply, Refusal> {
    allowed(table, Deed::Create)?;
    let body = body(service, writing, request, table)?;
    let row = writing.create(table, None, body)?;
    created(service, request, table, &row, preferences)
}

/// Changes a record, or creates it where the conditions allow it and it is not there.
fn change(
    service: &Service,
    writing: &mut Writing<'_>,
    request: &Request,
    table: &Table,
    id: &RecordId,
    preferences: &Preferences,
) -> Result<Reply, Refusal> {
    let condition = request.condition()?;
    let body = body(service, writing, request, table)?;
    let Some(row) = row::find(writing.connection, table, id)? else {
        if matches!(condition, Condition::State(_)) {
            return Err(missing(table, id));
        }
        allowed(table, Deed::Create)?;
        let row = writing.create(table, Some(id), body)?;
        return created(service, request, table, &row, preferences);
    };
    allowed(table, Deed::Change)?;
    fulfilled(&condition, table, &row)?;
    let row = writing.update(table, row, body)?;
    if preferences.returning == Some(Returning::Representation) {
        return representation(service, request, table, &row, StatusCode::OK, preferences);
    }
    Ok(Reply::empty(StatusCode::NO_CONTENT)
        .header("etag", etag(row.version))
        .header("odata-entityid", link(request, table, &row.id)))
}

fn delete(
    writing: &mut Writing<'_>,
    request: &Request,
    table: &Table,
    id: &RecordId,
) -> Result<Reply, Refusal> {
    let condition = request.condition()?;
    let row = row::find(writing.connection, table, id)?.ok_or_else(|| missing(table, id))?;
    allowed(table, Deed::Delete)?;
    fulfilled(&condition, table, &row)?;
    writing.delete(table, id, row.key)?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// What is asked for to be done to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Create,
    Change,
    Delete,
}

/// Refuses what the schema does not allow.
fn allowed(table: &Table, deed: Deed) -> Result<(), Refusal> {
    let (access, append_only) = (table.entity.access, table.entity.append_only);
    let (is_allowed, what) = match deed {
        Deed::Create => (access.create, "created"),
        Deed::Change => (access.update && !append_only, "changed"),
        Deed::Delete => (access.delete && !append_only, "deleted"),
    };
    if is_allowed {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        "Forbidden",
        format!("records of {} cannot be {what}", table.entity.set),
    ))
}

/// Refuses a write whose condition the record does not fulfil, or that has none.
pub(crate) fn fulfilled(condition: &Condition, table: &Table, row: &StoredRow) -> Result<(), Refusal> {
    let id = &row.id;
    match condition {
        Condition::None => Err(Refusal::new(
            StatusCode::PRECONDITION_REQUIRED,
            "PreconditionRequired",
            format!(
                "a change of {}({id}) needs If-Match with the ETag that it is based on",
                table.entity.set
            ),
        )),
        Condition::Missing => Err(Refusal::new(
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailed",
            format!("{}({id}) exists already", table.entity.set),
        )),
        Condition::State(tags) if tags.matches(&etag(row.version)) => Ok(()),
        Condition::State(_) => Err(Refusal::new(
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailed",
            format!("{}({id}) was changed since: read it again", table.entity.set),
        )),
    }
}

pub(crate) fn missing(table: &Table, id: &RecordId) -> Refusal {
    Refusal::not_found(format!("{}({id}) is not there", table.entity.set))
}

/// Reads the body of a create or change.
fn body(service: &Service, writing: &Writing<'_>, request: &Request, table: &Table) -> Result<Body, Refusal> {
    request.require_json()?;
    let Some(layout) = service.layouts.get(&table.entity.name) else {
        return Err(Refusal::not_found("there is no such resource"));
    };
    let body = read_body(&request.body, layout).map_err(invalid_body)?;
    let stamps = body
        .stamps
        .into_iter()
        .map(|(name, stamp)| (name, clamp_ahead(stamp, writing.now)))
        .collect();
    Ok(Body {
        fields: body.fields,
        stamps,
    })
}

pub(crate) fn invalid_body(error: PayloadError) -> Refusal {
    let message = error.to_string();
    match error {
        PayloadError::WrongType { field, .. } => Refusal::bad("WrongType", message).target(field),
        PayloadError::Unknown { name, .. } => Refusal::bad("UnknownProperty", message).target(name),
        PayloadError::Duplicate(name) => Refusal::bad("DuplicateProperty", message).target(name),
        PayloadError::MissingKey(name) => Refusal::bad("InvalidKey", message).target(name),
        _ => Refusal::bad("InvalidBody", message),
    }
}

/// Returns the address of a record.
pub(crate) fn link(request: &Request, table: &Table, id: &RecordId) -> String {
    let path = record_link(&table.entity, id).unwrap_or_else(|| table.entity.set.clone());
    format!("{}{path}", request.root)
}

fn created(
    service: &Service,
    request: &Request,
    table: &Table,
    row: &StoredRow,
    preferences: &Preferences,
) -> Result<Reply, Refusal> {
    let link = link(request, table, &row.id);
    if preferences.returning == Some(Returning::Minimal) {
        return Ok(Reply::empty(StatusCode::NO_CONTENT)
            .header("location", link.as_str())
            .header("odata-entityid", link)
            .header("etag", etag(row.version))
            .header("preference-applied", "return=minimal"));
    }
    let reply = representation(service, request, table, row, StatusCode::CREATED, preferences)?;
    Ok(reply.header("location", link))
}

/// Writes a record with all its fields.
fn representation(
    service: &Service,
    request: &Request,
    table: &Table,
    row: &StoredRow,
    status: StatusCode,
    preferences: &Preferences,
) -> Result<Reply, Refusal> {
    let selected = page::layout(service, request, table)?;
    let layout = selected.as_ref();
    let value = |name| row.fields.get(name).cloned().unwrap_or(Value::Null);
    let values = Row {
        id: row.id.clone(),
        revision: Some(Revision(etag(row.version))),
        values: layout.columns().iter().map(value).collect(),
    };
    let stamps = page::stamps(
        layout,
        preferences.stamps.then_some(&row.stamps),
        DeviceId(service.database),
    );
    let context = format!("{}$metadata#{}/$entity", request.root, table.entity.set);
    let body = write_record(layout, &values, Some(&context), &stamps, request.numbers());
    let mut reply = Reply::records(status, body, request.numbers()).header("etag", etag(row.version));
    if preferences.returning == Some(Returning::Representation) && !request.is_read() {
        reply = reply.header("preference-applied", "return=representation");
    }
    Ok(reply)
}
