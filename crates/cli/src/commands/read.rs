//! `list`, `get`: what is on the device. The network is not used.

use std::sync::Arc;

use clap::Args;
use driftless_odata::query::{Names, QueryTextError, lower_options};
use driftless_odata::syntax::{Form, parse_option_value};
use driftless_record::{EntitySchema, Query, Schema};
use serde_json::{Value as Json, json};

use super::hint;
use crate::context::{Context, Desk};
use crate::error::CliError;
use crate::output::record::{self, Pending};
use crate::output::{Answer, note};

/// How many records a table shows unless told otherwise.
const TABLE_ROWS: u64 = 100;

/// Which records: shared by `list` and `watch`.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The entity, by its name or its set's: Account or Accounts
    pub(crate) entity: String,
    /// Only records for which this is true, as OData's $filter
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// The order, as OData's $orderby: fields with asc or desc
    #[arg(long, value_name = "FIELDS")]
    orderby: Option<String>,
    /// At most so many records
    #[arg(long, value_name = "N")]
    top: Option<u64>,
}

/// List records that are on this device
#[derive(Debug, Args)]
#[command(after_help = "\
Filters are OData's: eq ne gt ge lt le, and or not, in, contains(), startswith(), year(), any() and all() \
over child records, paths through lookups. Text stands in single quotes. A table shows 100 records unless \
--top says otherwise; --json shows all.

Examples:
  driftless list Account --filter \"city eq 'Lyon'\" --top 5
  driftless list Case --filter \"status eq 'open' and contains(title,'invoice')\" --orderby 'created_at desc'
  driftless list Contact --filter \"account/city eq 'Lyon' and phone ne null\"")]
pub(crate) struct List {
    #[command(flatten)]
    which: Which,
}

/// Show a record with all its fields
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  driftless get Account 0b9d3c1e-5d1c-4f0e-9a53-6c1f4d2f7a10
  driftless get Price \"priceList='retail',product=30\" --json")]
pub(crate) struct Get {
    /// The entity
    entity: String,
    /// The record's id, as `list` shows it
    id: String,
}

impl Which {
    /// Makes the query.
    pub(crate) fn query(&self, schema: &Schema, entity: &Arc<EntitySchema>) -> Result<Query, CliError> {
        let mut options = Vec::new();
        for (name, text) in [("filter", &self.filter), ("orderby", &self.orderby)] {
            let Some(text) = text else { continue };
            let option = parse_option_value(name, text, Form::Text).map_err(|error| {
                CliError::usage(format!("--{name} {}", hint::unread(text, &error))).hint(hint::on(name, text))
            })?;
            options.push(option);
        }
        let read = lower_options(&options, Names::own(schema), entity).map_err(|error| {
            let mut hint = format!(
                "`driftless list {} --top 1 --json` shows the fields of a record",
                entity.name
            );
            if let QueryTextError::UnknownField {
                name,
                suggestion: None,
                ..
            } = &error
            {
                hint.push_str(&format!("; text stands in single quotes: '{name}'"));
            }
            CliError::failed("query", error.to_string()).hint(hint)
        })?;
        Ok(Query {
            top: self.top,
            ..read.query
        })
    }
}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let entity = desk.entity(&self.which.entity)?;
        let mut query = self.which.query(&*desk.schema()?, &entity)?;
        if !context.json {
            query.top = query.top.or(Some(TABLE_ROWS));
        }
        let mut records = desk.engine.query(&query)?;
        if !context.json {
            record::name_targets(&desk, &mut records)?;
        }
        let all = desk.engine.count(&query)?;
        let pending = Pending::of(&desk.engine.outbox()?);
        let missing = missing(&desk, &entity)?;
        let rows: Vec<Json> = records
            .iter()
            .map(|of| record::json(&entity, of, pending.has(of)))
            .collect();
        let document = json!({
            "entity": entity.name.as_str(),
            "complete": missing.is_none(),
            "count": all,
            "records": rows,
        });
        let mut text = record::list(&entity, &records, &pending);
        let shown = records.len() as u64;
        if shown < all {
            text.push_str(&format!("\n… {shown} of {all}; --top N shows more"));
        }
        if let Some(missing) = missing {
            note(&missing);
        }
        Ok(Answer::new(document, text))
    }
}

/// Says why the records of an entity are not all here, if they are not.
fn missing(desk: &Desk, entity: &EntitySchema) -> Result<Option<String>, CliError> {
    let status = desk.engine.status()?;
    let name = &entity.name;
    Ok(match status.entities.iter().find(|of| of.entity == *name) {
        Some(of) if of.available => None,
        Some(of) => {
            let reason = of.reason.as_deref().unwrap_or("not downloaded yet");
            Some(format!(
                "{name} is not complete on this device: {reason}; load it with `driftless download`"
            ))
        }
        None => Some(format!(
            "{name} does not belong on this device, by the administrator's settings"
        )),
    })
}

impl Get {
    pub(crate) fn run(self, context: &Context) -> Result<Answer, CliError> {
        let desk = context.desk()?;
        let entity = desk.entity(&self.entity)?;
        let mut found = [desk.engine.get(entity.name.as_str(), &self.id)?];
        record::name_targets(&desk, &mut found)?;
        let [found] = found;
        let pending = Pending::of(&desk.engine.outbox()?).has(&found);
        Ok(Answer::new(
            record::json(&entity, &found, pending),
            record::full(&entity, &found, pending),
        ))
    }
}
