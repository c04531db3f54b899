//! `create`, `update`, `delete`: saved on the device first, then sent if there is a way.

use clap::Args;
use driftless_engine::{Edit, Written};
use driftless_record::{ConflictRule, EntitySchema, Handling, Urgency};

use crate::context::{Context, Desk};
use crate::drive;
use crate::error::CliError;
use crate::input;
use crate::output::{Answer, written_json, written_text};

/// How a change is to be handled.
#[derive(Debug, Args)]
pub(crate) struct Handled {
    /// Who wins if someone else changes the same, instead of what the administrator has set; kept with the change
    #[arg(long, value_name = "RULE", value_parser = input::rule())]
    policy: Option<ConflictRule>,
    #[command(flatten)]
    urgent: Urgent,
}

/// How soon a change wants to be on the server.
#[derive(Debug, Args)]
pub(crate) struct Urgent {
    /// Send this before everything else that waits, with what it needs
    #[arg(long, conflicts_with = "background")]
    urgent: bool,
    /// Send this after everything else that waits
    #[arg(long)]
    background: bool,
}

impl Urgent {
    /// Returns how urgent the change is.
    pub(crate) fn urgency(&self) -> Urgency {
        match (self.urgent, self.background) {
            (true, _) => Urgency::Urgent,
            (false, true) => Urgency::Background,
            (false, false) => Urgency::Normal,
        }
    }
}

impl Handled {
    /// Returns how the change is to be handled.
    pub(crate) fn handling(&self) -> Handling {
        Handling {
            conflict: self.policy,
            urgency: self.urgent.urgency(),
            ..Handling::default()
        }
    }

    /// Fails if anything was said: a line of a group is handled as the group is.
    pub(crate) fn nothing_said(&self) -> Result<(), CliError> {
        if self.handling() == Handling::default() {
            return Ok(());
        }
        let error = CliError::usage("a group is handled as one, so a line cannot say how");
        Err(error.hint("put --policy, --urgent or --background behind `driftless group FILE`"))
    }

    /// Makes a local write that is handled so.
    pub(crate) fn carry_out(&self, desk: &Desk, edit: &Edit) -> Result<Written, CliError> {
        Ok(desk.engine.edit(edit, self.handling())?)
    }
}

/// Create a record
#[derive(Debug, Args)]
#[command(after_help = "\
Values are typed by the field: true, 12, 1234.50, 2026-11-22, 2026-11-22T08:30:00Z, PT1H30M, a choice's \
code, the id of the record a lookup points to (Entity:ID where several entities are possible). Text is \
taken as it is. `name=` or `name=null` empties a field (`name=` is empty text for a text field).

Examples:
  driftless create Account name='Northern Lights Ltd' city=Oslo
  driftless create Contact first_name=Ann last_name=Lee account=0b9d3c1e-5d1c-4f0e-9a53-6c1f4d2f7a10")]
pub(crate) struct Create {
    /// The entity, by its name or its set's: Account or Accounts
    entity: String,
    /// Values, as field=value
    #[arg(value_name = "FIELD=VALUE")]
    fields: Vec<String>,
    #[command(flatten)]
    pub(crate) handled: Handled,
}

/// Change fields of a record
#[derive(Debug, Args)]
#[command(after_help = "\
Only the fields that are named change. Changing a record whose last change was refused mends that change.

Examples:
  driftless update Account 0b9d3c1e-5d1c-4f0e-9a53-6c1f4d2f7a10 city=Bergen phone=
  driftless update Account 0b9d3c1e-5d1c-4f0e-9a53-6c1f4d2f7a10 city=Bergen --policy client_wins
  driftless update Price \"priceList='retail',product=30\" amount=3.25")]
pub(crate) struct Update {
    /// The entity
    entity: String,
    /// The record's id, as `list` shows it
    id: String,
    /// Values, as field=value
    #[arg(value_name = "FIELD=VALUE", required = true)]
    fields: Vec<String>,
    #[command(flatten)]
    pub(crate) handled: Handled,
}

/// Delete a record
#[derive(Debug, Args)]
#[command(after_help = "\
It is gone from this device at once, and from the server when it has been sent. `driftless undo` takes it \
back until then.

Example:
  driftless delete Account 0b9d3c1e-5d1c-4f0e-9a53-6c1f4d2f7a10")]
pub(crate) struct Delete {
    /// The entity
    entity: String,
    /// The record's id
    id: String,
    #[command(flatten)]
    pub(crate) handled: Handled,
}

impl Create {
    pub(crate) async fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let written = self.handled.carry_out(&desk, &self.edit(&desk)?)?;
        tell(&desk, &*desk.entity(&self.entity)?, "created", &written).await
    }

    /// Returns the write that is asked for.
    pub(crate) fn edit(&self, desk: &Desk) -> Result<Edit, CliError> {
        let entity = desk.entity(&self.entity)?;
        Ok(Edit::Create {
            fields: input::fields(&*desk.schema()?, &entity, &self.fields)?,
            entity: entity.name.to_string(),
        })
    }
}

impl Update {
    pub(crate) async fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let written = self.handled.carry_out(&desk, &self.edit(&desk)?)?;
        tell(&desk, &*desk.entity(&self.entity)?, "changed", &written).await
    }

    /// Returns the write that is asked for.
    pub(crate) fn edit(&self, desk: &Desk) -> Result<Edit, CliError> {
        let entity = desk.entity(&self.entity)?;
        Ok(Edit::Update {
            fields: input::fields(&*desk.schema()?, &entity, &self.fields)?,
            entity: entity.name.to_string(),
            id: self.id.clone(),
        })
    }
}

impl Delete {
    pub(crate) async fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let written = self.handled.carry_out(&desk, &self.edit(&desk)?)?;
        tell(&desk, &*desk.entity(&self.entity)?, "deleted", &written).await
    }

    /// Returns the write that is asked for.
    pub(crate) fn edit(&self, desk: &Desk) -> Result<Edit, CliError> {
        Ok(Edit::Delete {
            entity: desk.entity(&self.entity)?.name.to_string(),
            id: self.id.clone(),
        })
    }
}

async fn tell(desk: &Desk, entity: &EntitySchema, did: &str, written: &Written) -> Result<Answer, CliError> {
    let outcome = drive::send_at_once(desk, written.operation).await;
    let did = format!("{} {} {did}", entity.label, written.record);
    let text = written_text(&did, written, outcome);
    Ok(Answer::new(written_json(entity, written, outcome), text))
}
