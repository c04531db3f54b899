//! Query options of a URL.

use driftless_odata::query::{Names, QueryOptions, QueryTextError, Treatment, read_options};
use driftless_record::FieldName;

use crate::db::table::Table;
use crate::reply::Refusal;
use crate::request::Request;
use crate::service::Service;

/// Reads the query options of a request for an entity set or a record.
pub(crate) fn read(service: &Service, request: &Request, table: &Table) -> Result<QueryOptions, Refusal> {
    let names = Names {
        schema: &service.schema,
        facts: service.facts.as_ref(),
    };
    let asked = read_options(&request.query, names, &table.entity, Treatment::Keep).map_err(refused)?;
    if !asked.expand.is_empty() {
        return Err(Refusal::not_implemented("$expand is not supported").target("$expand"));
    }
    Ok(asked)
}

fn refused(error: QueryTextError) -> Refusal {
    let message = error.to_string();
    match error {
        QueryTextError::Unsupported(_) => Refusal::not_implemented(message),
        QueryTextError::UnknownField { name, .. } => Refusal::bad("UnknownProperty", message).target(name),
        QueryTextError::Literal { field, .. } => Refusal::bad("InvalidQuery", message).target(field),
        _ => Refusal::bad("InvalidQuery", message),
    }
}

/// Returns whether a query asks for everything that fits its filter, so that changes can be tracked.
pub(crate) fn is_whole(asked: &QueryOptions) -> bool {
    let query = &asked.query;
    query.top.is_none() && query.skip == 0 && query.search.is_none() && query.order.is_empty()
}

/// Reads only `$select`; empty means all fields.
pub(crate) fn select(service: &Service, request: &Request, table: &Table) -> Result<Vec<FieldName>, Refusal> {
    Ok(read(service, request, table)?.query.select)
}

/// What a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leads {
    /// More of the records that were asked for, in their order.
    ToRows,
    /// What changed in them.
    ToChanges,
}

/// Returns the options that a link needs, too: those that say which records and fields.
pub(crate) fn kept_options(query: &str, leads: Leads) -> String {
    let is_kept = |part: &&str| {
        let name = part.split('=').next().unwrap_or_default();
        let name = percent_encoding::percent_decode_str(name)
            .decode_utf8_lossy()
            .to_ascii_lowercase();
        let name = name.strip_prefix('$').unwrap_or(&name);
        let is_paging = matches!(name, "skiptoken" | "deltatoken" | "count" | "");
        let is_of_page = leads == Leads::ToChanges && matches!(name, "top" | "skip" | "orderby");
        !is_paging && !is_of_page
    };
    query.split('&').filter(is_kept).collect::<Vec<_>>().join("&")
}
