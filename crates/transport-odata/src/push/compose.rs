//! From a sending to the request that asks for its effect.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_odata::batch;
use driftless_odata::csdl::EntityFacts;
use driftless_odata::payload::{self, BodyOptions, Layout, LookupForm, Numbers, Own, Results};
use driftless_record::{
    ChangeAction, CommandCall, Condition, EntitySchema, FieldKind, Fields, RecordId, RequestId, Schema,
    Sending,
};
use driftless_transport::TransportError;
use driftless_transport_http::format_http_date;

use crate::exchange::WRITE_JSON;

/// A request that carries one sending.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The sending.
    pub(super) id: RequestId,
    /// What must have succeeded before it in the same request.
    pub(super) after: Vec<RequestId>,
    /// What it is about, for reading the answer.
    pub(super) entity: Arc<EntitySchema>,
    pub(super) facts: EntityFacts,
    pub(super) action: ChangeAction,
    /// How to read the new record, if the service makes its key: only the answer tells it.
    pub(super) made: Option<Layout>,
    /// How to read what a command has made.
    pub(super) results: Option<Results>,
    /// Whether the service is one of ours.
    pub(super) own: bool,
    /// The request; its id is its place, from 1.
    pub(super) request: batch::Request,
}

/// What all parts of a push have in common.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// Whether the service is one of ours.
    pub(super) own: bool,
    /// Whether request ids go along.
    pub(super) repeatable: bool,
}

impl Part {
    /// Makes the request of a sending.
    pub(super) fn new(
        schema: &Schema,
        sending: &Sending,
        after: &[RequestId],
        facts: EntityFacts,
        manner: Manner,
    ) -> Result<Self, TransportError> {
        let change = &sending.change;
        let entity = schema
            .entity(change.entity.as_str())
            .cloned()
            .ok_or_else(|| TransportError::Protocol(format!("there is no entity {}", change.entity)))?;
        let path = payload::record_link(&entity, &change.record)
            .ok_or_else(|| not_an_id(&entity, &change.record))?;
        let layout = Layout::new(schema, &entity, &[], Some(&facts));
        let body = |fields: &Fields| {
            let options = BodyOptions {
                numbers: Numbers::Strings,
                lookups: lookup_form(&entity),
                own: own(manner),
            };
            payload::write_body(&layout, fields, &change.stamps, options)
        };
        let (method, url, body) = match &change.action {
            ChangeAction::Create(fields) => {
                let mut all = keys(&entity, &change.record)?;
                // What the device calls it until the service has made the key stays on the device.
                all.retain(|name, _| entity.field(name).is_some_and(|field| !field.server_made));
                all.extend(fields.clone());
                ("POST", entity.set.clone(), body(&all))
            }
            ChangeAction::Update(fields) => ("PATCH", path, body(fields)),
            ChangeAction::Delete => ("DELETE", path, Vec::new()),
            ChangeAction::Command(call) => {
                let name = facts
                    .actions
                    .get(&call.name)
                    .map_or(call.name.as_str(), String::as_str);
                (
                    "POST",
                    format!("{path}/{name}"),
                    parameters(schema, &entity, call, manner)?,
                )
            }
        };
        let results = match &change.action {
            ChangeAction::Command(call) => Some(Results::new(schema, &entity.name, &call.makes)),
            ChangeAction::Create(_) | ChangeAction::Update(_) | ChangeAction::Delete => None,
        };
        let made = matches!(change.action, ChangeAction::Create(_)) && entity.server_makes_key();
        // Header names in lower case: some services know no others inside a JSON batch.
        let mut headers = Vec::new();
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
        if !body.is_empty() {
            add("content-type", WRITE_JSON.to_owned());
        }
        // The answer of a command names what it made.
        if matches!(change.action, ChangeAction::Create(_) | ChangeAction::Update(_)) {
            let wanted = if made {
                "return=representation"
            } else {
                "return=minimal"
            };
            add("prefer", wanted.to_owned());
        }
        match (&change.action, &change.condition) {
            (ChangeAction::Create(_), _) | (_, Condition::Absent) => {}
            (_, Condition::Revision(revision)) => add("if-match", revision.0.clone()),
            (_, Condition::Exists) => add("if-match", "*".to_owned()),
        }
        if manner.repeatable {
            // The members of a change set are repeated as a whole, under one id (OASIS Repeatable Requests 1.0).
            let id = sending.together.unwrap_or(sending.id);
            add("repeatability-request-id", id.to_string());
            add("repeatability-first-sent", format_http_date(sending.first_sent));
        }
        Ok(Self {
            id: sending.id,
            after: after.to_vec(),
            facts,
            action: change.action.clone(),
            made: made.then_some(layout),
            results,
            own: manner.own,
            request: batch::Request {
                method: method.to_owned(),
                url,
                headers,
                body,
                group: sending.together.map(|id| format!("g{}", id.0.simple())),
                ..batch::Request::default()
            },
            entity,
        })
    }

    /// Returns about how many bytes the part takes in a batch.
    pub(super) fn size(&self) -> usize {
        let headers: usize = self
            .request
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 8)
            .sum();
        self.request.body.len() + self.request.url.len() + headers + 128
    }
}

/// Writes what a command is given.
fn parameters(
    schema: &Schema,
    entity: &EntitySchema,
    call: &CommandCall,
    manner: Manner,
) -> Result<Vec<u8>, TransportError> {
    let command = entity
        .commands
        .get(&call.name)
        .ok_or_else(|| TransportError::Protocol(format!("{} has no command {}", entity.name, call.name)))?;
    let layout = Layout::of_parameters(schema, &entity.name, command);
    let options = BodyOptions {
        numbers: Numbers::Strings,
        lookups: LookupForm::Value,
        own: own(manner),
    };
    Ok(payload::write_body(
        &layout,
        &call.parameters,
        &BTreeMap::new(),
        options,
    ))
}

fn own(manner: Manner) -> Own {
    if manner.own { Own::With } else { Own::Without }
}

/// Numbers the parts and names what each one depends on, among the parts that go along.
pub(super) fn number(parts: &mut [Part]) {
    let known: Vec<(RequestId, Option<String>)> = parts
        .iter()
        .map(|part| (part.id, part.request.group.clone()))
        .collect();
    for (index, part) in parts.iter_mut().enumerate() {
        part.request.id = (index + 1).to_string();
        part.request.depends_on.clear();
        for (place, (id, group)) in known[..index].iter().enumerate() {
            // What is in the same change set happens with it; what is in another one happens with all of that.
            if !part.after.contains(id) || (group.is_some() && *group == part.request.group) {
                continue;
            }
            let name = group.clone().unwrap_or_else(|| (place + 1).to_string());
            if !part.request.depends_on.contains(&name) {
                part.request.depends_on.push(name);
            }
        }
    }
}

/// Services that show a lookup as `_name_value` take it as a link only.
fn lookup_form(entity: &EntitySchema) -> LookupForm {
    let is_shadow = |name: &str| name.starts_with('_') && name.ends_with("_value");
    let by_link = entity
        .fields
        .iter()
        .any(|field| matches!(field.kind, FieldKind::Lookup { .. }) && is_shadow(field.name.as_str()));
    if by_link {
        LookupForm::Bind
    } else {
        LookupForm::Value
    }
}

fn keys(entity: &EntitySchema, id: &RecordId) -> Result<Fields, TransportError> {
    let values = id.key_values(entity).map_err(|_| not_an_id(entity, id))?;
    Ok(entity.key.iter().cloned().zip(values).collect())
}

fn not_an_id(entity: &EntitySchema, id: &RecordId) -> TransportError {
    TransportError::Protocol(format!("{id} is not an id of {}", entity.name))
}
