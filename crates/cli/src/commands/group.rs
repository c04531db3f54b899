//! `group`: several writes that happen together or not at all.

use std::io::Read as _;
use std::path::PathBuf;

use clap::{Args, Parser};
use driftless_engine::{Edit, Written};
use serde_json::json;

use super::run::{Call, made};
use super::write::{Create, Delete, Handled, Update};
use crate::context::{Context, Desk};
use crate::drive;
use crate::error::CliError;
use crate::output::{Answer, journal, written_json};

/// Make several writes that happen together or not at all
#[derive(Debug, Args)]
#[command(after_help = "\
The file has one write on each line, written as on the command line without `driftless`; empty lines and \
lines that begin with # are left out. `-` reads standard input. Every write sees those before it; give a \
new record its id to name it in a later line. All of them are saved, or none is. On the server they happen \
together where it can do that, and one after the other elsewhere. `undo` takes back the whole group.

Example of a file:
  # A visit, and what came of it
  create ServiceVisit name='Pump 7' account_id=0b9d3c1e-5d1c-4f0e-9a53-6c1f4d2f7a10
  run CloseCase Case 2f7a10d1-1c5d-4f0e-9a53-0b9d3c1e6c1f resolution='The seal was replaced'

Example:
  driftless group visit.txt")]
pub(crate) struct Group {
    /// The file; `-` is standard input
    file: PathBuf,
    #[command(flatten)]
    handled: Handled,
}

/// A write on a line of its own.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
enum Line {
    Create(Create),
    Update(Update),
    Delete(Delete),
    Run(Call),
}

impl Line {
    fn edit(self, desk: &Desk) -> Result<Edit, CliError> {
        match self {
            Self::Create(create) => create.handled.nothing_said().and_then(|()| create.edit(desk)),
            Self::Update(update) => update.handled.nothing_said().and_then(|()| update.edit(desk)),
            Self::Delete(delete) => delete.handled.nothing_said().and_then(|()| delete.edit(desk)),
            Self::Run(call) => call.edit(desk),
        }
    }
}

impl Group {
    pub(crate) async fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let text = self.text()?;
        let mut edits = Vec::new();
        let mut lines = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = |error: CliError| error.in_front(&format!("line {}: ", number + 1));
            edits.push(parse(line).and_then(|line| line.edit(&desk)).map_err(at)?);
            lines.push(number + 1);
        }
        if edits.is_empty() {
            let nothing = CliError::usage("there is no write in the file, so nothing was done");
            return Err(nothing.hint("`driftless group --help` shows what a line looks like"));
        }
        let written = desk.engine.edit_together(&edits, self.handled.handling());
        let written = written.map_err(|error| told(error, &lines))?;
        tell(&desk, &edits, &written).await
    }

    fn text(&self) -> Result<String, CliError> {
        let failed = |error: std::io::Error| CliError::file(&self.file, &error);
        if self.file.as_os_str() != "-" {
            return std::fs::read_to_string(&self.file).map_err(failed);
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        Ok(text)
    }
}

fn parse(line: &str) -> Result<Line, CliError> {
    let words = shlex::split(line).ok_or_else(|| CliError::usage("a quote is not closed"))?;
    Line::try_parse_from(words).map_err(|error| {
        CliError::from(error).hint("a line is a create, update, delete or run as on the command line")
    })
}

/// Names the line of the file instead of the number of the write.
fn told(error: driftless_engine::EngineError, lines: &[usize]) -> CliError {
    match error {
        driftless_engine::EngineError::InGroup { number, error } => {
            let line = lines.get(number.saturating_sub(1)).copied().unwrap_or(number);
            CliError::from(*error).in_front(&format!("line {line}: "))
        }
        other => other.into(),
    }
}

async fn tell(desk: &Desk, edits: &[Edit], written: &[Written]) -> Result<Answer, CliError> {
    let last = written.iter().rev().find_map(|written| written.operation);
    drive::send_at_once(desk, last).await;
    let mut documents = Vec::with_capacity(written.len());
    let mut texts = Vec::with_capacity(written.len());
    for (edit, written) in edits.iter().zip(written) {
        let (did, name) = match edit {
            Edit::Create { entity, .. } => ("created", entity),
            Edit::Update { entity, .. } => ("changed", entity),
            Edit::Delete { entity, .. } => ("deleted", entity),
            Edit::Run { entity, .. } => ("command given to", entity),
        };
        let entity = desk.entity(name)?;
        let outcome = written.operation.map(|operation| drive::outcome(desk, operation));
        let mut document = written_json(&entity, written, outcome);
        let mut text = format!(
            "{} {} {did}: {}",
            entity.label,
            written.record,
            journal::outcome_text(outcome)
        );
        if let Edit::Run { command, .. } = edit {
            let (made, told) = made(desk, written);
            document["command"] = command.as_str().into();
            document["made"] = made;
            text.push_str(&told);
        }
        documents.push(document);
        texts.push(text);
    }
    Ok(Answer::new(json!({ "writes": documents }), texts.join("\n")))
}
