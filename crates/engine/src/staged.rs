//! A set of changes that was cut short, kept until its rest is here: readers see all of it or nothing (law L22).

use std::collections::{BTreeMap, BTreeSet};

use driftless_record::{EntityName, FieldName, RecordId, Revision, Row, RowSet, Stamp, Value};
use driftless_store::{RecordStore, StoreError, Write, WriteBatch};
use driftless_transport::{Checkpoint, Page, Removal, RemovalReason};
use serde::{Deserialize, Serialize};

use crate::notes::{self, EntityMark, Note};

/// The most rows that are kept so; a larger set becomes visible in parts, like one that is larger than memory holds.
pub(crate) const MAX_STAGED_ROWS: usize = 10_000;

/// The form in which the pages of one set are kept.
#[derive(Serialize, Deserialize)]
struct Staged {
    /// Where the set began.
    base: Option<Checkpoint>,
    /// The filter that was in force.
    filter: String,
    pages: Vec<StagedPage>,
}

#[derive(Serialize, Deserialize)]
struct StagedPage {
    columns: Vec<FieldName>,
    rows: Vec<(RecordId, Option<Revision>, Vec<Value>)>,
    stamps: Vec<(usize, Vec<(FieldName, Stamp)>)>,
    removed: Vec<(RecordId, StagedReason)>,
    next: Checkpoint,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StagedReason {
    Deleted,
    Changed,
    Unknown,
}

/// Keeps the pages that were read of a set that begins at a mark.
pub(crate) fn keep(
    store: &dyn RecordStore,
    source: (&EntityName, &EntityMark),
    pages: Vec<Page>,
) -> Result<(), StoreError> {
    let (name, mark) = source;
    let staged = Staged {
        base: mark.checkpoint.clone(),
        filter: mark.filter.clone(),
        pages: pages.into_iter().map(StagedPage::from).collect(),
    };
    let writes = vec![notes::write(&Note::Staged(name.clone()), &staged)];
    store.commit(WriteBatch { expect: None, writes }).map(|_| ())
}

/// Takes the pages out again that were kept of the set that begins at a mark; none if there are none of it.
pub(crate) fn take(
    store: &dyn RecordStore,
    name: &EntityName,
    mark: &EntityMark,
) -> Result<Vec<Page>, StoreError> {
    let note = Note::Staged(name.clone());
    let Some(staged) = notes::read::<Staged>(store, &note)? else {
        return Ok(Vec::new());
    };
    let writes = vec![forget(name)];
    store.commit(WriteBatch { expect: None, writes })?;
    if staged.base != mark.checkpoint || staged.filter != mark.filter {
        return Ok(Vec::new());
    }
    Ok(staged
        .pages
        .into_iter()
        .map(|page| page.into_page(name))
        .collect())
}

/// Makes the writes that drop what was kept of records that were written to: it was read before, and would bring older
/// values back (law L19). What the server has of them now comes with a later set.
pub(crate) fn without<'a>(
    store: &dyn RecordStore,
    written: impl Iterator<Item = (&'a EntityName, &'a RecordId)>,
) -> Result<Vec<Write>, StoreError> {
    let mut by_entity: BTreeMap<&EntityName, BTreeSet<&RecordId>> = BTreeMap::new();
    for (entity, id) in written {
        by_entity.entry(entity).or_default().insert(id);
    }
    let mut writes = Vec::new();
    for (entity, ids) in by_entity {
        let note = Note::Staged(entity.clone());
        let Some(mut staged) = notes::read::<Staged>(store, &note)? else {
            continue;
        };
        for page in &mut staged.pages {
            page.leave_out(&ids);
        }
        writes.push(notes::write(&note, &staged));
    }
    Ok(writes)
}

/// Makes the write that drops what was kept of an entity.
pub(crate) fn forget(name: &EntityName) -> Write {
    notes::remove(&Note::Staged(name.clone()))
}

impl From<Page> for StagedPage {
    fn from(page: Page) -> Self {
        let rows = page.rows.rows.into_iter();
        let reason = |reason| match reason {
            RemovalReason::Deleted => StagedReason::Deleted,
            RemovalReason::Changed => StagedReason::Changed,
            RemovalReason::Unknown => StagedReason::Unknown,
        };
        let removed = page.removed.into_iter();
        Self {
            columns: page.rows.columns.to_vec(),
            rows: rows.map(|row| (row.id, row.revision, row.values)).collect(),
            stamps: page.stamps,
            removed: removed.map(|gone| (gone.id, reason(gone.reason))).collect(),
            next: page.next,
        }
    }
}

impl StagedPage {
    fn leave_out(&mut self, ids: &BTreeSet<&RecordId>) {
        let mut stamps: BTreeMap<usize, _> = std::mem::take(&mut self.stamps).into_iter().collect();
        let all = std::mem::take(&mut self.rows);
        for (index, row) in all.into_iter().enumerate() {
            if ids.contains(&row.0) {
                continue;
            }
            if let Some(of_row) = stamps.remove(&index) {
                self.stamps.push((self.rows.len(), of_row));
            }
            self.rows.push(row);
        }
        self.removed.retain(|(id, _)| !ids.contains(id));
    }

    fn into_page(self, name: &EntityName) -> Page {
        let rows = self.rows.into_iter();
        let reason = |reason| match reason {
            StagedReason::Deleted => RemovalReason::Deleted,
            StagedReason::Changed => RemovalReason::Changed,
            StagedReason::Unknown => RemovalReason::Unknown,
        };
        let removed = self.removed.into_iter();
        Page {
            rows: RowSet {
                entity: name.clone(),
                columns: self.columns.into(),
                rows: rows
                    .map(|(id, revision, values)| Row { id, revision, values })
                    .collect(),
            },
            stamps: self.stamps,
            removed: removed
                .map(|(id, why)| Removal {
                    id,
                    reason: reason(why),
                })
                .collect(),
            next: self.next,
            last: false,
            total: None,
            bytes: 0,
            server_time: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use driftless_record::{DateTime, Lookup, Timestamp};
    use driftless_store::{JournalReader, MemoryStore};

    use super::*;

    /// The stored form of a set of one page.
    const KEPT: &str = include_str!("staged/kept.json");

    #[test]
    fn what_is_taken_out_is_what_was_kept_and_only_for_the_same_set() {
        let name = EntityName::parse("Account").unwrap();
        let to = Lookup {
            entity: name.clone(),
            id: RecordId::from_canonical("7"),
            name: Some("Rome".to_owned()),
        };
        let values = vec![
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MAX),
            Value::Decimal("12345678901234567890.123".parse().unwrap()),
            Value::Double(driftless_record::value::Double(0.1)),
            Value::text("ü\u{0}"),
            Value::DateTime(DateTime::from_timestamp(Timestamp(1_700_000_000_123))),
            Value::Lookup(to),
            Value::Choice("open".to_owned()),
        ];
        let columns = (0..values.len()).map(|at| FieldName::parse(&format!("f{at}")).unwrap());
        let stamp = "5.1.00000000000000000000000000000002".parse().unwrap();
        let page = Page {
            rows: RowSet {
                entity: name.clone(),
                columns: columns.clone().collect(),
                rows: vec![Row {
                    id: RecordId::from_canonical("1"),
                    revision: Some(Revision("W/\"1\"".to_owned())),
                    values,
                }],
            },
            stamps: vec![(0, columns.take(1).map(|field| (field, stamp)).collect())],
            removed: vec![Removal {
                id: RecordId::from_canonical("2"),
                reason: RemovalReason::Changed,
            }],
            next: Checkpoint("b".to_owned()),
            last: false,
            total: None,
            bytes: 0,
            server_time: None,
        };
        let mark = EntityMark {
            checkpoint: Some(Checkpoint("a".to_owned())),
            ..EntityMark::first("null".to_owned())
        };
        let store = MemoryStore::new();
        keep(&store, (&name, &mark), vec![page.clone()]).unwrap();
        let kept = JournalReader::note(&store, "staged/Account").unwrap().unwrap();
        assert_eq!(
            String::from_utf8(kept).unwrap(),
            KEPT.trim_end(),
            "the stored form stays as it is"
        );
        assert_eq!(take(&store, &name, &mark).unwrap(), vec![page.clone()]);
        assert_eq!(take(&store, &name, &mark).unwrap(), [], "taken once");
        keep(&store, (&name, &mark), vec![page]).unwrap();
        let other = EntityMark::first("null".to_owned());
        assert_eq!(take(&store, &name, &other).unwrap(), [], "another set");
    }
}
