//! A bare SQLite table for the rows, laid out as a store would.

use super::data::{Opportunity, PAGE};
use anyhow::Result;
use rusqlite::{Connection, Transaction, params};
use std::path::Path;

/// Records that one bulk transaction holds: ten pages.
pub(super) const PER_TRANSACTION: usize = 10 * PAGE;

/// A database in WAL mode whose commits survive a power cut, with a large page cache and the table.
pub(super) fn open(folder: &Path) -> Result<Connection> {
    let connection = Connection::open(folder.join("limit.db"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;
         CREATE TABLE opportunity (
             row INTEGER PRIMARY KEY, id TEXT NOT NULL, number TEXT, name TEXT, account_id TEXT, owner_id TEXT,
             stage TEXT, priority INTEGER, probability INTEGER, amount INTEGER, currency TEXT, is_active INTEGER,
             email TEXT, phone TEXT, street TEXT, city TEXT, country TEXT, description TEXT, close_date TEXT,
             created_on TEXT, modified_on TEXT, revision TEXT) STRICT;
         CREATE UNIQUE INDEX opportunity_id ON opportunity (id);",
    )?;
    Ok(connection)
}

/// The two secondary indexes, built after the load.
pub(super) fn build_indexes(connection: &Connection) -> Result<()> {
    connection.execute_batch(
        "CREATE INDEX opportunity_owner ON opportunity (owner_id, modified_on);
         CREATE INDEX opportunity_account ON opportunity (account_id);",
    )?;
    Ok(())
}

/// Inserts records with the statement cached.
pub(super) fn insert<'a>(
    transaction: &Transaction<'_>,
    records: impl IntoIterator<Item = &'a Opportunity<'a>>,
) -> Result<()> {
    let sql = format!("INSERT INTO opportunity ({COLUMNS}) VALUES ({MARKS})");
    put(transaction, &sql, records)
}

/// Inserts records, or replaces the values of those that are there, with the statement cached.
pub(super) fn upsert<'a>(
    transaction: &Transaction<'_>,
    records: impl IntoIterator<Item = &'a Opportunity<'a>>,
) -> Result<()> {
    let sets: Vec<String> = COLUMNS
        .split(", ")
        .skip(1)
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    let sets = sets.join(", ");
    let sql =
        format!("INSERT INTO opportunity ({COLUMNS}) VALUES ({MARKS}) ON CONFLICT (id) DO UPDATE SET {sets}");
    put(transaction, &sql, records)
}

const COLUMNS: &str = "id, number, name, account_id, owner_id, stage, priority, probability, amount, currency, \
                       is_active, email, phone, street, city, country, description, close_date, created_on, \
                       modified_on, revision";
const MARKS: &str =
    "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21";

fn put<'a>(
    transaction: &Transaction<'_>,
    sql: &str,
    records: impl IntoIterator<Item = &'a Opportunity<'a>>,
) -> Result<()> {
    let mut statement = transaction.prepare_cached(sql)?;
    for record in records {
        statement.execute(params![
            record.id,
            record.number,
            record.name,
            record.account_id,
            record.owner_id,
            record.stage,
            record.priority,
            record.probability,
            record.amount,
            record.currency,
            record.is_active,
            record.email,
            record.phone,
            record.street,
            record.city,
            record.country,
            record.description,
            record.close_date,
            record.created_on,
            record.modified_on,
            record.revision,
        ])?;
    }
    Ok(())
}
