//! Bringing server data to the device: settled records take them as they are, pending operations rest on them. Pure.

use std::collections::BTreeSet;

use driftless_record::{EntitySchema, Operation, Record, RecordId, RowSet, ServerRecord};
use driftless_store::{Image, StoreError, Write};
use driftless_transport::{Page, Removal, RemovalReason};

use crate::departed::Ids;
use crate::fold::settle;
use crate::refit;

/// What the device knows of one unsettled record.
#[derive(Debug, Clone)]
pub(crate) struct Unsettled {
    /// Its image.
    pub image: Image,
    /// Its pending operations, in sequence.
    pub pending: Vec<Operation>,
}

/// What a page changes on the device.
#[derive(Debug, Default)]
pub(crate) struct Rebased {
    /// What to commit, except the checkpoint.
    pub writes: Vec<Write>,
    /// How many records came.
    pub received: u64,
    /// How many records left.
    pub removed: u64,
    /// The records that left and stay, as something of them is pending.
    pub departed: Ids,
    /// The unsettled records that came.
    pub back: Ids,
}

/// Works out what a page changes. `unsettled` gives what is known of records with pending operations.
pub(crate) fn rebase(
    entity: &EntitySchema,
    page: Page,
    unsettled: impl Fn(&RecordId) -> Result<Option<Unsettled>, StoreError>,
    ids: &BTreeSet<RecordId>,
) -> Result<Rebased, StoreError> {
    let unsettled = |id: &RecordId| if ids.contains(id) { unsettled(id) } else { Ok(None) };
    let mut out = Rebased {
        received: page.rows.rows.len() as u64,
        ..Rebased::default()
    };
    let mut rows = page.rows;
    if !ids.is_empty() {
        let mut stamps: std::collections::BTreeMap<usize, _> = page.stamps.into_iter().collect();
        let mut settled = Vec::with_capacity(rows.rows.len());
        let all = std::mem::take(&mut rows.rows);
        for (index, row) in all.into_iter().enumerate() {
            match unsettled(&row.id)? {
                Some(known) => {
                    out.departed.remove(&row.id);
                    out.back.insert(row.id.clone());
                    let stamps = stamps.remove(&index).unwrap_or_default().into_iter().collect();
                    let record = rows.record(&row);
                    refresh(
                        entity,
                        known,
                        Some(ServerRecord { record, stamps }),
                        &mut out.writes,
                    );
                }
                None => settled.push(row),
            }
        }
        rows.rows = settled;
    }
    if !rows.rows.is_empty() {
        out.writes.push(Write::PutRows(rows));
    }
    let mut gone = Vec::new();
    for Removal { id, reason } in page.removed {
        out.removed += 1;
        match (unsettled(&id)?, reason) {
            (None, _) => gone.push(id),
            (Some(known), RemovalReason::Deleted) => refresh(entity, known, None, &mut out.writes),
            // Out of scope is not deleted (law L23): the operations and what they rest on stay.
            (Some(_), RemovalReason::Changed | RemovalReason::Unknown) => drop(out.departed.insert(id)),
        }
    }
    if !gone.is_empty() {
        out.writes.push(Write::RemoveRows(entity.name.clone(), gone));
    }
    Ok(out)
}

/// Adds the writes that give an unsettled record new server data; `None` means the server no longer has it.
pub(crate) fn refresh(
    entity: &EntitySchema,
    known: Unsettled,
    server: Option<ServerRecord>,
    writes: &mut Vec<Write>,
) {
    let image = match server {
        Some(new) => Image {
            server: Some(complete(last_known(&known.image), new)),
            gone: false,
            ..known.image
        },
        None => Image {
            gone: known.image.server.is_some(),
            ..known.image
        },
    };
    settle(entity, image, &known.pending, writes);
}

/// Returns the server data that new ones may leave out parts of: none of a record that was gone in between.
pub(crate) fn last_known(image: &Image) -> Option<ServerRecord> {
    image.server.clone().filter(|_| !image.gone)
}

/// Returns new server data with what they leave out: fields that were not asked for keep their last known values, and
/// a record that did not change keeps its stamps.
pub(crate) fn complete(old: Option<ServerRecord>, new: ServerRecord) -> ServerRecord {
    let Some(old) = old else { return new };
    let same = new.record.revision.is_some() && new.record.revision == old.record.revision;
    let mut fields = old.record.fields;
    fields.extend(new.record.fields);
    let stamps = if same && new.stamps.is_empty() {
        old.stamps
    } else {
        new.stamps
    };
    ServerRecord {
        record: Record { fields, ..new.record },
        stamps,
    }
}

/// Returns one server record as a set of one row, as far as the entity has its fields: a server may have others already.
pub(crate) fn one_row(entity: &EntitySchema, record: Record) -> RowSet {
    let fields = refit::values(entity, &record.fields);
    let known = fields
        .into_iter()
        .filter(|(name, _)| entity.field(name).is_some());
    let (columns, values): (Vec<_>, Vec<_>) = known.unzip();
    let row = driftless_record::Row {
        id: record.id,
        revision: record.revision,
        values,
    };
    RowSet {
        entity: record.entity,
        columns: columns.into(),
        rows: vec![row],
    }
}
