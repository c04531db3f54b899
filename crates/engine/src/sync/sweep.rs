//! Finding deletions where the back end does not report them: the ids there are compared with those here.

use std::collections::BTreeMap;
use std::sync::Arc;

use driftless_record::{EntityName, RecordId, Revision};
use driftless_store::{RecordStore, Retry, StoreError, Write, WriteBatch};
use driftless_transport::SweepRequest;

use super::fetch::Read;
use super::pull::Source;
use super::session::{Session, Stop};
use crate::departed::{self, Ids};
use crate::ground::Key;
use crate::rebase::one_row;

/// How many ids a step reads from the store.
const STEP: usize = 5_000;

/// How many records whose revisions differ are read singly; more are left to the next pull.
const MAX_SINGLE_READS: usize = 200;

/// The ids on the server, with revisions where known.
type Present = BTreeMap<RecordId, Option<Revision>>;

impl Session<'_> {
    /// Removes records that are no longer on the server, and reads those again that a watermark has missed.
    pub(super) async fn sweep(&mut self, source: &Source) -> Result<(), Stop> {
        let mut present = Present::new();
        let mut checkpoint = None;
        loop {
            self.in_time()?;
            let request = SweepRequest {
                schema: source.schema.clone(),
                entity: source.entity.clone(),
                filter: source.filter.clone(),
                checkpoint,
                max_rows: self.options.page_rows,
            };
            let page = self.transport.sweep(&request).await?;
            present.extend(page.ids);
            match page.next {
                Some(next) => checkpoint = Some(next),
                None => break,
            }
        }
        let source = Arc::new(source.clone());
        let for_store = source.clone();
        let present = Arc::new(present);
        let there = present.clone();
        let Compared {
            removed,
            differing,
            doubtful,
        } = self
            .worker
            .run(move |store| compare(store, &for_store, &there))
            .await?;
        self.report.entity(&source.entity.name).removed += removed;
        // Out of scope, out of sight or deleted: only reading the record tells (law L23).
        let mut left = Ids::new();
        for id in doubtful {
            let record = (source.entity.name.clone(), id);
            if let Read::Found(Some(_)) = self.fetch_or_note(&record, None).await? {
                left.insert(record.1);
            }
        }
        let name = source.entity.name.clone();
        let note = move |store: &dyn RecordStore| note_departed(store, &name, &left, &present);
        self.worker.run(note).await?;
        for id in differing.into_iter().take(MAX_SINGLE_READS) {
            self.read_again((source.entity.name.clone(), id)).await?;
        }
        Ok(())
    }

    async fn read_again(&mut self, record: Key) -> Result<(), Stop> {
        let Read::Found(Some(found)) = self.fetch_or_note(&record, None).await? else {
            return Ok(());
        };
        let name = record.0.clone();
        let received = self
            .worker
            .run(move |store| {
                let number = store.position()?;
                if store.image(&record.0, &record.1)?.is_some() {
                    return Ok::<_, StoreError>(0);
                }
                let schema = store.schema()?;
                let Some(entity) = schema.entity(record.0.as_str()) else {
                    return Ok(0);
                };
                let mut batch = WriteBatch::based_on(number);
                batch.push(Write::PutRows(one_row(entity, found.record)));
                match store.commit(batch) {
                    // Somebody was faster; the next synchronization compares again.
                    Err(error) if error.retry() == Retry::Reread => Ok(0),
                    done => done.map(|_| 1),
                }
            })
            .await?;
        self.report.entity(&name).received += received;
        Ok(())
    }
}

fn note_departed(
    store: &dyn RecordStore,
    entity: &EntityName,
    left: &Ids,
    present: &Present,
) -> Result<(), StoreError> {
    loop {
        let mut batch = WriteBatch::based_on(store.position()?);
        let noted = departed::noted(store, entity, left, |id| present.contains_key(id))?;
        let Some(write) = noted else { return Ok(()) };
        batch.push(write);
        match store.commit(batch) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|_| ()),
        }
    }
}

/// What comparing the ids came to.
#[derive(Default)]
struct Compared {
    /// How many settled records were removed.
    removed: u64,
    /// Records whose revisions differ.
    differing: Vec<RecordId>,
    /// Unsettled records that are not among the server's.
    doubtful: Vec<RecordId>,
}

/// Removes settled records that are not on the server.
fn compare(store: &dyn RecordStore, source: &Source, present: &Present) -> Result<Compared, StoreError> {
    let name = &source.entity.name;
    let mut compared = Compared::default();
    let mut after: Option<RecordId> = None;
    loop {
        let number = store.position()?;
        let ids = store.ids(name, after.as_ref(), STEP)?;
        let Some((last, _)) = ids.last() else { break };
        let next = Some(last.clone());
        let mut batch = WriteBatch::based_on(number);
        let mut step = Compared::default();
        let mut gone = Vec::new();
        for (id, revision) in ids {
            match present.get(&id) {
                Some(there) if there.is_some() && *there != revision => step.differing.push(id),
                Some(_) => {}
                None => match store.image(name, &id)? {
                    None => gone.push(id),
                    Some(image) if image.server.is_some() => step.doubtful.push(id),
                    // It was never on the server.
                    Some(_) => {}
                },
            }
        }
        let count = gone.len() as u64;
        if !gone.is_empty() {
            batch.push(Write::RemoveRows(name.clone(), gone));
        }
        if !batch.writes.is_empty() {
            match store.commit(batch) {
                Err(error) if error.retry() == Retry::Reread => continue,
                done => done?,
            };
        }
        compared.removed += count;
        compared.differing.append(&mut step.differing);
        compared.doubtful.append(&mut step.doubtful);
        after = next;
    }
    // What a person has deleted here is not in view; it may be gone there too.
    for id in store.unsettled(name)? {
        let known = store
            .image(name, &id)?
            .is_some_and(|image| image.server.is_some() && !image.gone);
        if known && !present.contains_key(&id) && !compared.doubtful.contains(&id) {
            compared.doubtful.push(id);
        }
    }
    Ok(compared)
}
