//! `status`, `ready`, `mode`, `why`: where things stand. The network is not used.

use clap::{Args, ValueEnum};
use driftless_engine::EntityStatus;
use driftless_mode::{Choice, Effect, Event};
use driftless_record::RecordId;
use serde_json::{Value as Json, json};

use crate::context::{Context, Desk};
use crate::error::CliError;
use crate::output::{Answer, journal, json, text};

/// Show where things stand: mode, last synchronization, outbox, every entity
#[derive(Debug, Args)]
#[command(after_help = "The network is not used.")]
pub(crate) struct Status {}

/// Say what is missing or unsent before you leave coverage
#[derive(Debug, Args)]
#[command(after_help = "\
Ready means: everything that belongs on this device is on it, and the server has everything that was changed \
here. The network is not used.")]
pub(crate) struct Ready {}

/// Show or choose how this device works
#[derive(Debug, Args)]
#[command(after_help = "\
auto      as the administrator set it
offline   the network is used only for `login`, `download` and `sync`

The administrator's setting is the frame: you can be stricter, never looser.

Examples:
  driftless mode
  driftless mode offline")]
pub(crate) struct Mode {
    /// How to work from now on
    #[arg(value_enum)]
    choice: Option<Wanted>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// As the administrator set it
    Auto,
    /// The network is used only for `login`, `download` and `sync`
    Offline,
}

/// Say why a record is on this device or not
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  driftless why Account 0b9d3c1e-5d1c-4f0e-9a53-6c1f4d2f7a10")]
pub(crate) struct Why {
    /// The entity
    entity: String,
    /// The record's id
    id: String,
}

fn entity_json(of: &EntityStatus) -> Json {
    json!({
        "entity": of.entity.as_str(),
        "available": of.available,
        "reason": of.reason,
        "records": of.records,
        "last_sync": of.last_sync.map(json::time),
    })
}

impl Status {
    pub(crate) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let status = desk.engine.status()?;
        let mode = desk.mode()?;
        let sign_in = desk.account.sign_in()?;
        let entities: Vec<_> = status.entities.iter().map(entity_json).collect();
        let document = json!({
            "account": desk.account.id(),
            "user": sign_in.user,
            "url": sign_in.url,
            "mode": mode.word(),
            "in_sync": status.in_sync,
            "last_sync": status.last_sync.map(json::time),
            "pending": status.pending,
            "queued": status.queued,
            "unknown": status.unknown,
            "parked": status.parked,
            "waiting": status.waiting,
            "entities": entities,
        });
        let standing = match (status.in_sync, status.waiting) {
            (true, _) => "everything was in sync then".to_owned(),
            (false, 0) => format!("{} not on the server yet", text::count(status.pending, "change")),
            (false, waiting) => format!(
                "{} not on the server yet, {waiting} waiting for you (driftless log --open)",
                text::count(status.pending, "change")
            ),
        };
        let mut lines = vec![
            format!("account    {} at {}", sign_in.user, sign_in.url),
            format!("mode       {}", mode.word()),
            format!("last sync  {}", text::when_if(status.last_sync)),
            format!("outbox     {standing}"),
        ];
        if status.entities.is_empty() {
            lines.push("nothing was downloaded yet; next: driftless download".to_owned());
        } else {
            let rows = status.entities.iter().map(|of| {
                [
                    of.entity.to_string(),
                    of.records.to_string(),
                    text::when_if(of.last_sync),
                    of.reason.clone().unwrap_or_default(),
                ]
            });
            lines.push(String::new());
            lines.push(text::table(["entity", "records", "last read", ""], rows));
        }
        Ok(Answer::new(document, lines.join("\n")))
    }
}

impl Ready {
    pub(crate) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let status = desk.engine.status()?;
        let missing: Vec<_> = status.entities.iter().filter(|of| !of.available).collect();
        let is_loaded = !status.entities.is_empty() && missing.is_empty();
        let is_ready = is_loaded && status.pending == 0;
        let document = json!({
            "ready": is_ready,
            "unsent": status.pending,
            "waiting": status.waiting,
            "not_downloaded": missing.iter().map(|of| entity_json(of)).collect::<Vec<_>>(),
            "last_sync": status.last_sync.map(json::time),
        });
        let mut lines = vec![if is_ready {
            "ready to leave coverage".to_owned()
        } else {
            "not ready yet".to_owned()
        }];
        if status.entities.is_empty() {
            lines.push("nothing was downloaded yet: driftless download".to_owned());
        }
        for of in missing {
            lines.push(format!(
                "{}: {}: driftless download",
                of.entity,
                of.reason.as_deref().unwrap_or("missing")
            ));
        }
        if status.pending > 0 {
            lines.push(format!(
                "{} only on this device: driftless sync",
                text::count(status.pending, "change")
            ));
        }
        if status.waiting > 0 {
            lines.push(format!(
                "{} waiting for you: driftless log --open",
                status.waiting
            ));
        }
        lines.push(format!("last synchronized: {}", text::when_if(status.last_sync)));
        Ok(Answer::new(document, lines.join("\n")))
    }
}

impl Mode {
    pub(crate) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let mut state = desk.state()?;
        let mut announced = None;
        if let Some(wanted) = self.choice {
            let choice = match wanted {
                Wanted::Auto => Choice::Auto,
                Wanted::Offline => Choice::Offline,
            };
            let (next, effects) = state.step(Event::User(choice));
            desk.account.choose(choice)?;
            state = next;
            for effect in effects {
                let Effect::Announce(mode) = effect;
                announced = Some(mode);
            }
        }
        let choice = match state.user {
            Choice::Auto => "auto",
            Choice::Offline => "offline",
        };
        let mode = state.mode();
        let document = json!({ "mode": mode.word(), "choice": choice });
        let mut text = format!("mode: {} (you chose {choice})", mode.word());
        if announced.is_none() && self.choice == Some(Wanted::Auto) && mode == driftless_mode::Mode::Offline {
            text.push_str(
                "\nthe administrator set offline: only `login`, `download` and `sync` use the network",
            );
        }
        Ok(Answer::new(document, text))
    }
}

impl Why {
    pub(crate) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let entity = desk.entity(&self.entity)?;
        let id = RecordId::parse(&entity, &self.id).map_err(driftless_engine::EngineError::from)?;
        let found = match desk.engine.get(entity.name.as_str(), id.as_str()) {
            Ok(record) => Some(record),
            Err(driftless_engine::EngineError::NoRecord { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let outbox = desk.engine.outbox()?;
        let pending: Vec<_> = outbox
            .iter()
            .filter(|item| item.operation.entity == entity.name && item.operation.record == id)
            .cloned()
            .collect();
        let scope = scope(&desk, &entity.name)?;
        let status = desk.engine.status()?;
        let of = status.entities.iter().find(|of| of.entity == entity.name);
        let mut reasons = Vec::new();
        match &found {
            Some(record) if record.revision.is_some() => reasons.push("it came from the server".to_owned()),
            Some(_) if !pending.is_empty() => reasons.push("it was made here and is not on the server yet".to_owned()),
            Some(_) => reasons.push("it is on this device".to_owned()),
            None if !pending.is_empty() => reasons.push("you deleted it; the server is not told yet".to_owned()),
            None => reasons.push("no such record came from the server: it may not exist, not match the scope, or not be yours to read".to_owned()),
        }
        reasons.push(scope.1);
        if let Some(reason) = of.and_then(|of| of.reason.as_ref()) {
            reasons.push(format!("{}: {reason}", entity.name));
        }
        let schema = desk.schema()?;
        let operations: Vec<_> = pending
            .iter()
            .map(|item| journal::operation_json(&schema, item))
            .collect();
        let document = json!({
            "entity": entity.name.as_str(),
            "id": id.as_str(),
            "on_device": found.is_some(),
            "in_scope": scope.0,
            "reasons": reasons,
            "pending": operations,
        });
        let mut lines = vec![match &found {
            Some(_) => format!("{} {id} is on this device", entity.name),
            None => format!("{} {id} is not on this device", entity.name),
        }];
        lines.extend(reasons.iter().map(|reason| format!("- {reason}")));
        if !pending.is_empty() {
            lines.push(journal::operations(&pending));
        }
        Ok(Answer::new(document, lines.join("\n")))
    }
}

/// Returns whether an entity belongs on the device, and the reason in words.
fn scope(desk: &Desk, entity: &driftless_record::EntityName) -> Result<(bool, String), CliError> {
    let settings = desk.engine.settings()?;
    if !settings.covers(entity) {
        return Ok((false, format!("the administrator keeps {entity} off devices")));
    }
    let of = settings.scope.as_ref().and_then(|scope| scope.get(entity));
    let filtered = of.is_some_and(|of| of.query.filter.is_some());
    let words = if filtered {
        format!("{entity} belongs on devices, with a filter by the administrator")
    } else {
        format!("every {entity} that you may read belongs on this device")
    };
    Ok((true, words))
}
