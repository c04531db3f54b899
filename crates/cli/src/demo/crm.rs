//! The words of the built-in CRM that the story uses: names, values and the records it is about.

use driftless_engine::{Engine, EngineError};
use driftless_record::query::Comparison;
use driftless_record::{EntityName, Expr, FieldName, Fields, Lookup, Query, Record, RecordId, Value};

use crate::error::CliError;

/// Returns the name of an entity.
pub(super) fn entity(name: &str) -> Result<EntityName, CliError> {
    EntityName::parse(name).map_err(|error| CliError::failed("demo", error.to_string()))
}

/// Returns the name of a field.
pub(super) fn field(name: &str) -> Result<FieldName, CliError> {
    FieldName::parse(name).map_err(|error| CliError::failed("demo", error.to_string()))
}

/// Makes the fields of an edit.
pub(super) fn fields<const N: usize>(given: [(&str, Value); N]) -> Result<Fields, CliError> {
    given
        .into_iter()
        .map(|(name, value)| Ok((field(name)?, value)))
        .collect()
}

/// Points to a record.
pub(super) fn to(name: &str, id: &RecordId) -> Result<Value, CliError> {
    Ok(Value::Lookup(Lookup {
        entity: entity(name)?,
        id: id.clone(),
        name: None,
    }))
}

pub(super) fn choice(code: &str) -> Value {
    Value::Choice(code.to_owned())
}

/// Makes a condition that a field has a value.
fn is(name: &str, value: Value) -> Result<Expr, CliError> {
    Ok(Expr::compare(field(name)?, Comparison::Eq, value))
}

/// Existing records that the story is about, found on a device.
pub(super) struct Cast {
    /// An open opportunity that is being developed.
    pub(super) opportunity: Record,
    /// Its account, which both change in different fields.
    pub(super) account: Record,
    /// A case that is being worked on.
    pub(super) case: Record,
    /// Its account, which both change in the same field.
    pub(super) customer: Record,
    /// An open task, which one deletes and the other changes.
    pub(super) task: Record,
    /// A new lead.
    pub(super) lead: Record,
    /// A product.
    pub(super) product: Record,
    /// The first currency.
    pub(super) currency: Record,
    /// A category of cases.
    pub(super) category: Record,
}

impl Cast {
    /// Finds the cast; the same data give the same records.
    pub(super) fn find(engine: &Engine) -> Result<Self, CliError> {
        let opportunity = first(
            engine,
            "Opportunity",
            Some(Expr::And(vec![
                is("status", choice("open"))?,
                is("stage", choice("develop"))?,
            ])),
        )?;
        let account = target(engine, &opportunity, "Account", "account_id")?;
        let elsewhere = Expr::compare(
            field("account_id")?,
            Comparison::Ne,
            opportunity.value(&field("account_id")?).clone(),
        );
        let case = first(
            engine,
            "Case",
            Some(Expr::And(vec![is("status", choice("in_progress"))?, elsewhere])),
        )?;
        let customer = target(engine, &case, "Account", "account_id")?;
        Ok(Self {
            opportunity,
            account,
            case,
            customer,
            task: first(engine, "Task", Some(is("status", choice("open"))?))?,
            lead: first(engine, "Lead", Some(is("status", choice("new"))?))?,
            product: first(engine, "Product", Some(is("is_active", Value::Bool(true))?))?,
            currency: first(engine, "Currency", Some(is("iso_code", Value::text("EUR"))?))?,
            category: first(engine, "CaseCategory", None)?,
        })
    }
}

/// Returns the user record of someone who signs in by this name.
pub(super) fn user(engine: &Engine, name: &str) -> Result<Record, CliError> {
    first(engine, "User", Some(is("user_name", Value::text(name))?))
}

fn first(engine: &Engine, name: &str, filter: Option<Expr>) -> Result<Record, CliError> {
    let query = Query {
        filter,
        ..Query::all(entity(name)?)
    };
    engine.query(&query.top(1))?.pop().ok_or_else(|| {
        CliError::failed("demo", format!("the data set has no {name} that the story needs"))
            .hint("give it more records with --seed-data")
    })
}

fn target(engine: &Engine, of: &Record, name: &str, via: &str) -> Result<Record, CliError> {
    match of.value(&field(via)?) {
        Value::Lookup(lookup) => Ok(engine.get(name, lookup.id.as_str())?),
        _ => Err(CliError::from(EngineError::NoRecord {
            entity: name.to_owned(),
            id: String::new(),
        })),
    }
}

/// Returns the display name of a record, or its id.
pub(super) fn title(engine: &Engine, record: &Record) -> Result<String, CliError> {
    let schema = engine.schema()?;
    let display = schema
        .entity(record.entity.as_str())
        .and_then(|entity| entity.display_field.clone())
        .and_then(|name| record.value(&name).as_text().map(str::to_owned));
    Ok(display.unwrap_or_else(|| record.id.to_string()))
}
