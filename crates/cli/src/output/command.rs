//! The commands of an entity, for programs and for people.

use driftless_record::{CommandSchema, EntitySchema, FieldKind, FieldSchema, Value};
use serde_json::{Map, Value as Json, json};

use super::text;

/// Writes how a command is given its parameters, such as `CloseCase resolution=TEXT`.
pub(crate) fn signature(command: &CommandSchema) -> String {
    let parameters = command.parameters.iter().map(|parameter| {
        let pair = format!("{}={}", parameter.name, placeholder(&parameter.kind));
        if parameter.required {
            format!(" {pair}")
        } else {
            format!(" [{pair}]")
        }
    });
    format!("{}{}", command.name, parameters.collect::<String>())
}

/// Writes how each command of an entity is given its parameters.
pub(crate) fn signatures(entity: &EntitySchema) -> String {
    if entity.commands.is_empty() {
        return format!("{} has no commands", entity.name);
    }
    let all: Vec<_> = entity.commands.values().map(signature).collect();
    format!("{} has: {}", entity.name, all.join("; "))
}

/// Writes the commands of an entity as a table.
pub(crate) fn table(entity: &EntitySchema) -> String {
    if entity.commands.is_empty() {
        return format!("{} has no commands", entity.name);
    }
    let rows = entity.commands.values().map(|command| {
        let when = command.when.iter().map(|(field, allowed)| {
            let allowed: Vec<_> = allowed.iter().map(shown).collect();
            format!("{field} is {}", allowed.join(" or "))
        });
        let made = command.slots();
        let made: Vec<_> = made.values().map(|entity| entity.as_str()).collect();
        [
            signature(command),
            command.label.clone(),
            when.collect::<Vec<_>>().join(", "),
            made.join(", "),
        ]
    });
    text::table(["command", "label", "possible where", "makes"], rows)
}

/// Writes a command for programs.
pub(crate) fn json(command: &CommandSchema) -> Json {
    let parameters: Vec<Json> = command.parameters.iter().map(parameter).collect();
    let when: Map<String, Json> = command
        .when
        .iter()
        .map(|(field, allowed)| {
            let allowed: Vec<_> = allowed.iter().map(allowed_json).collect();
            (field.to_string(), json!(allowed))
        })
        .collect();
    let makes: Map<String, Json> = command
        .slots()
        .into_iter()
        .map(|(slot, entity)| (slot.to_string(), json!(entity.as_str())))
        .collect();
    json!({
        "name": command.name.as_str(),
        "label": command.label,
        "parameters": parameters,
        "when": when,
        "makes": makes,
    })
}

fn parameter(parameter: &FieldSchema) -> Json {
    json!({
        "name": parameter.name.as_str(),
        "label": parameter.label,
        "takes": placeholder(&parameter.kind),
        "required": parameter.required,
    })
}

fn allowed_json(value: &Value) -> Json {
    if value.is_null() {
        Json::Null
    } else {
        json!(value.to_string())
    }
}

fn shown(value: &Value) -> String {
    if value.is_null() {
        "empty".to_owned()
    } else {
        value.to_string()
    }
}

/// Says in a word what a parameter takes.
fn placeholder(kind: &FieldKind) -> String {
    match kind {
        FieldKind::Bool => "true|false".to_owned(),
        FieldKind::Int { .. } => "NUMBER".to_owned(),
        FieldKind::Decimal { .. } | FieldKind::Money { .. } | FieldKind::Double => "DECIMAL".to_owned(),
        FieldKind::Text { .. } => "TEXT".to_owned(),
        FieldKind::Date => "DATE".to_owned(),
        FieldKind::Time => "TIME".to_owned(),
        FieldKind::DateTime => "DATE-TIME".to_owned(),
        FieldKind::Duration => "DURATION".to_owned(),
        FieldKind::Guid => "GUID".to_owned(),
        FieldKind::Binary { .. } => "BASE64".to_owned(),
        FieldKind::Choice { options } | FieldKind::Choices { options } => {
            let codes: Vec<_> = options.iter().map(|option| option.code.as_str()).collect();
            codes.join("|")
        }
        FieldKind::Lookup { targets } => match targets.as_slice() {
            [only] => format!("{only}-ID"),
            several => {
                let forms: Vec<_> = several.iter().map(|target| format!("{target}:ID")).collect();
                forms.join("|")
            }
        },
        FieldKind::File => "FILE".to_owned(),
    }
}
