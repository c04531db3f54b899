//! `run`: a command of a record, saved on the device first, then sent if there is a way.

use clap::Args;
use driftless_engine::{Edit, EngineError, Written, closest};
use driftless_record::{CommandSchema, EntitySchema};
use serde_json::{Value as Json, json};

use super::write::Handled;
use crate::context::{Context, Desk};
use crate::drive;
use crate::error::CliError;
use crate::input;
use crate::output::{Answer, command, written_json, written_text};

/// Run a command on a record, such as qualifying a lead
#[derive(Debug, Args)]
#[command(after_help = "\
What the command is expected to do is shown at once, with or without a network: you can go on working with \
the records that it makes. The server runs it when it is sent; the records keep working under the ids that \
you see here.

Examples:
  driftless run --list Lead
  driftless run QualifyLead Lead 0b9d3c1e-5d1c-4f0e-9a53-6c1f4d2f7a10 create_contact=false
  driftless run CloseCase Case 0b9d3c1e-5d1c-4f0e-9a53-6c1f4d2f7a10 resolution='The valve was replaced'")]
pub(crate) struct Run {
    /// The command
    #[arg(required_unless_present = "list")]
    command: Option<String>,
    /// The entity
    #[arg(required_unless_present = "list")]
    entity: Option<String>,
    /// The record's id, as `list` shows it
    #[arg(required_unless_present = "list")]
    id: Option<String>,
    /// Parameters of the command, as name=value
    #[arg(value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// List the commands of an entity with their parameters; nothing is run
    #[arg(long, value_name = "ENTITY", conflicts_with = "command")]
    list: Option<String>,
    #[command(flatten)]
    handled: Handled,
}

/// A command of a record, on a line of a file.
#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The command
    command: String,
    /// The entity
    entity: String,
    /// The record's id
    id: String,
    /// Parameters of the command, as name=value
    #[arg(value_name = "NAME=VALUE")]
    parameters: Vec<String>,
}

impl Call {
    /// Returns the write that is asked for.
    pub(crate) fn edit(&self, desk: &Desk) -> Result<Edit, CliError> {
        let entity = desk.entity(&self.entity)?;
        let command = find(&entity, &self.command)?;
        let parameters = input::parameters(&*desk.schema()?, &entity, command, &self.parameters)
            .map_err(|error| as_run(error, command))?;
        Ok(Edit::Run {
            entity: entity.name.to_string(),
            id: self.id.clone(),
            command: command.name.to_string(),
            parameters,
        })
    }
}

impl Run {
    pub(crate) async fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        match (self.list, self.command, self.entity, self.id) {
            (Some(entity), ..) => list(&*desk.entity(&entity)?),
            (None, Some(command), Some(entity), Some(id)) => {
                let parameters = self.parameters;
                let call = Call {
                    command,
                    entity,
                    id,
                    parameters,
                };
                let edit = call.edit(&desk)?;
                let entity = desk.entity(&call.entity)?;
                let written = self.handled.carry_out(&desk, &edit);
                tell(&desk, (&entity, find(&entity, &call.command)?), written).await
            }
            (None, ..) => Err(CliError::usage("name a command, an entity and a record")),
        }
    }
}

fn list(entity: &EntitySchema) -> Result<Answer, CliError> {
    let commands: Vec<Json> = entity.commands.values().map(command::json).collect();
    let document = json!({ "entity": entity.name.as_str(), "commands": commands });
    Ok(Answer::new(document, command::table(entity)))
}

fn find<'a>(entity: &'a EntitySchema, name: &str) -> Result<&'a CommandSchema, CliError> {
    entity.command(name).ok_or_else(|| {
        let known: Vec<&str> = entity.commands.keys().map(|name| name.as_str()).collect();
        let error = EngineError::NoCommand {
            name: name.to_owned(),
            entity: entity.name.to_string(),
            close: closest(name, known.iter().copied()),
            known: known.into_iter().map(str::to_owned).collect(),
        };
        CliError::from(error).hint(command::signatures(entity))
    })
}

/// Says how a command is run, where what it was given is wrong.
fn as_run(error: CliError, command: &CommandSchema) -> CliError {
    match error.code {
        "invalid" => error.hint(format!("it is run as: {}", command::signature(command))),
        _ => error,
    }
}

async fn tell(
    desk: &Desk,
    (entity, command): (&EntitySchema, &CommandSchema),
    written: Result<Written, CliError>,
) -> Result<Answer, CliError> {
    let written = written.map_err(|error| as_run(error, command))?;
    let outcome = drive::send_at_once(desk, written.operation).await;
    let did = format!("{} run on {} {}", command.name, entity.label, written.record);
    let (made, told) = made(desk, &written);
    let text = written_text(&did, &written, outcome) + &told;
    let mut document = written_json(entity, &written, outcome);
    document["command"] = command.name.as_str().into();
    document["made"] = made;
    Ok(Answer::new(document, text))
}

/// Returns the records that a command makes, with the ids that they have now, as JSON and a line of text for each.
pub(super) fn made(desk: &Desk, written: &Written) -> (Json, String) {
    let (mut made, mut text) = (Vec::new(), String::new());
    for (name, id) in &written.made {
        // What has reached the server has the id that the server gave it.
        let now = desk.engine.get(name.as_str(), id.as_str());
        let id = now.map_or_else(|_| id.clone(), |record| record.id);
        text.push_str(&format!("\nmade {name} {id}"));
        made.push(json!({ "entity": name.as_str(), "id": id.as_str() }));
    }
    (made.into(), text)
}
