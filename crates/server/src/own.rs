//! Our own resources beside OData: settings, and who is signed in.

use driftless_odata::nearest;
use driftless_record::{EntityName, EntitySchema, Settings};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value as Json;

use crate::db::rights::{self, Rights};
use crate::db::state;
use crate::edge;
use crate::reply::{Refusal, Reply};
use crate::request::{Principal, Request};
use crate::service::{Service, method_not_allowed};

/// The oldest client that this server works with.
const CLIENT_LEAST: &str = "0.1.0";
/// Clients from this version on are too new.
const CLIENT_BELOW: &str = "1.0.0";

/// What `GET driftless/me` says.
#[derive(Serialize)]
struct Me<'a> {
    user: &'a str,
    user_id: Option<&'a str>,
    display_name: &'a str,
    is_admin: bool,
    tenant: String,
    schema_version: &'a str,
    server_version: &'a str,
    /// Milliseconds since 1970: devices compare their clocks with it.
    time: i64,
    client_versions: ClientVersions,
}

#[derive(Serialize)]
struct ClientVersions {
    least: &'static str,
    below: &'static str,
}

/// Answers a request for one of our own resources.
pub(crate) fn respond(service: &Service, principal: &Principal, request: &Request) -> Result<Reply, Refusal> {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET" | "HEAD", "driftless/me") => Ok(me(service, principal)),
        ("GET" | "HEAD", "driftless/settings") => {
            let json = service.pool.read(state::settings)?;
            Ok(Reply::json(
                StatusCode::OK,
                serde_json::to_vec(&parse(json.as_bytes())?).unwrap_or_default(),
            ))
        }
        ("PUT" | "PATCH", "driftless/settings") => set(service, principal, request),
        ("GET" | "HEAD", "driftless/rights") => {
            let rights = service.pool.read(rights::read)?;
            Ok(Reply::json(
                StatusCode::OK,
                serde_json::to_vec(&rights).unwrap_or_default(),
            ))
        }
        ("PUT", "driftless/rights") => set_rights(service, principal, request),
        (_, "driftless/me" | "driftless/settings" | "driftless/rights") => Err(method_not_allowed(request)),
        _ => Err(Refusal::not_found("there is no such resource")),
    }
}

fn me(service: &Service, principal: &Principal) -> Reply {
    let me = Me {
        user: &principal.name.0,
        user_id: principal.user_id.as_deref(),
        display_name: &principal.display,
        is_admin: principal.is_admin,
        tenant: service.database.to_string(),
        schema_version: &service.schema.version,
        server_version: env!("CARGO_PKG_VERSION"),
        time: edge::now().0,
        client_versions: ClientVersions {
            least: CLIENT_LEAST,
            below: CLIENT_BELOW,
        },
    };
    Reply::json(StatusCode::OK, serde_json::to_vec(&me).unwrap_or_default())
}

fn parse(json: &[u8]) -> Result<Settings, Refusal> {
    serde_json::from_slice(json)
        .map_err(|error| Refusal::bad("InvalidSettings", format!("the settings cannot be read: {error}")))
}

/// Refuses names that settings or the schema do not have: a rule for `Acount` would be followed by nobody.
fn known_names(service: &Service, body: &[u8]) -> Result<(), Refusal> {
    const CODE: &str = "InvalidSettings";
    let Ok(document) = serde_json::from_slice(body) else {
        return Ok(());
    };
    if let Some(unknown) = Settings::unknown_names(&document).first() {
        let mut known = unknown.known.iter().map(String::as_str);
        return Err(no_such("the settings have no", &unknown.name, &mut known, CODE));
    }
    let members = |name: &str| document.get(name).and_then(Json::as_object).into_iter().flatten();
    for (name, _) in members("scope") {
        known_entity(service, name, CODE)?;
    }
    for name in strings(document.get("excluded")) {
        known_entity(service, name, CODE)?;
    }
    for (name, rule) in members("conflict_by_entity") {
        let entity = known_entity(service, name, CODE)?;
        let fields = rule.get("fields").and_then(Json::as_object);
        for (field, _) in fields.into_iter().flatten() {
            known_field(entity, field, CODE)?;
        }
    }
    for (name, groups) in members("field_groups") {
        let entity = known_entity(service, name, CODE)?;
        for group in groups.as_array().into_iter().flatten() {
            for field in strings(Some(group)) {
                known_field(entity, field, CODE)?;
            }
        }
    }
    Ok(())
}

/// Returns the strings of a list.
fn strings(list: Option<&Json>) -> impl Iterator<Item = &str> {
    let list = list.and_then(Json::as_array);
    list.into_iter().flatten().filter_map(Json::as_str)
}

fn known_entity<'a>(
    service: &'a Service,
    name: &str,
    code: &'static str,
) -> Result<&'a EntitySchema, Refusal> {
    if let Some(entity) = service.schema.entity(name) {
        return Ok(entity);
    }
    let mut known = service.schema.entities.keys().map(EntityName::as_str);
    Err(no_such("there is no entity", name, &mut known, code))
}

fn known_field(entity: &EntitySchema, field: &str, code: &'static str) -> Result<(), Refusal> {
    if entity.field(field).is_some() {
        return Ok(());
    }
    let mut known = entity.fields.iter().map(|field| field.name.as_str());
    Err(no_such(
        &format!("{} has no field", entity.name),
        field,
        &mut known,
        code,
    ))
}

/// Refuses a name that is none of those that there are, and tells the nearest of them.
fn no_such(what: &str, name: &str, known: &mut dyn Iterator<Item = &str>, code: &'static str) -> Refusal {
    let close = nearest(name, known).map(|close| format!(": did you mean {close}?"));
    let text = format!("{what} {name}{}", close.unwrap_or_default());
    Refusal::bad(code, text).target(name.to_owned())
}

/// Replaces which fields only administrators may set.
fn set_rights(service: &Service, principal: &Principal, request: &Request) -> Result<Reply, Refusal> {
    if !principal.is_admin {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "Forbidden",
            "only an administrator can change rights",
        ));
    }
    request.require_json()?;
    let rights: Rights = serde_json::from_slice(&request.body)
        .map_err(|error| Refusal::bad("InvalidRights", format!("the rights cannot be read: {error}")))?;
    for (name, fields) in &rights {
        let entity = known_entity(service, name.as_str(), "InvalidRights")?;
        for field in fields {
            known_field(entity, field.as_str(), "InvalidRights")?;
        }
    }
    rights::replace(&mut service.pool.writer(), &rights)?;
    Ok(Reply::json(
        StatusCode::OK,
        serde_json::to_vec(&rights).unwrap_or_default(),
    ))
}

/// Replaces the settings, or the parts that a PATCH names.
fn set(service: &Service, principal: &Principal, request: &Request) -> Result<Reply, Refusal> {
    if !principal.is_admin {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "Forbidden",
            "only an administrator can change the settings",
        ));
    }
    request.require_json()?;
    let connection = service.pool.writer();
    let mut body = request.body.clone();
    if request.method == http::Method::PATCH {
        type Parts = serde_json::Map<String, serde_json::Value>;
        let invalid = |_| Refusal::bad("InvalidSettings", "the settings must be a JSON object");
        let mut parts: Parts = serde_json::from_str(&state::settings(&connection)?).map_err(invalid)?;
        parts.extend(serde_json::from_slice::<Parts>(&request.body).map_err(invalid)?);
        body = serde_json::to_vec(&parts).unwrap_or_default();
    }
    known_names(service, &request.body)?;
    let settings = parse(&body)?;
    let json = serde_json::to_string(&settings).unwrap_or_default();
    state::set_settings(&connection, &json)?;
    Ok(Reply::json(StatusCode::OK, json.into_bytes()))
}
