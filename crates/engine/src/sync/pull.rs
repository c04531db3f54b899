//! Reading server data, page by page: the next page is on its way while the last is being committed.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_record::{EntityName, EntitySchema, Expr, RecordId, Schema, Settings, Timestamp};
use driftless_store::{OperationSelection, RecordStore, Retry, StoreError, Write, WriteBatch};
use driftless_transport::{Capabilities, Checkpoint, Deletions, Page, PullRequest, TransportError};
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};

use super::session::{Session, Stop, concerns_everything};
use crate::EngineError;
use crate::departed::{self, Ids};
use crate::gate::{Gate, enter};
use crate::notes::{self, EntityMark, Note};
use crate::progress::Stage;
use crate::rebase::{Unsettled, rebase};
use crate::staged::{self, MAX_STAGED_ROWS};

/// How many rows may be held in memory before they are committed.
const MAX_HELD_ROWS: usize = 50_000;

/// One entity to be read.
#[derive(Clone)]
pub(super) struct Source {
    pub schema: Arc<Schema>,
    pub entity: Arc<EntitySchema>,
    pub filter: Option<Expr>,
    pub mark: EntityMark,
}

impl Source {
    fn request(&self, checkpoint: Option<Checkpoint>, max_rows: usize) -> PullRequest {
        PullRequest {
            schema: self.schema.clone(),
            entity: self.entity.clone(),
            filter: self.filter.clone(),
            checkpoint,
            max_rows,
        }
    }
}

impl Session<'_> {
    /// Reads every entity that belongs on the device.
    pub(super) async fn pull_all(&mut self) -> Result<(), Stop> {
        self.in_time()?;
        self.tell(Stage::CheckForData, None, 0, None);
        let sources = self.worker.run(|store| sources(store, None)).await?;
        for (done, source) in (0u64..).zip(&sources) {
            self.tell(
                Stage::CheckForData,
                Some(&source.entity.name),
                done,
                Some(sources.len() as u64),
            );
            self.capability(&source.entity).await?;
        }
        for source in sources {
            self.pull_or_note(source).await?;
        }
        Ok(())
    }

    /// Reads the entities again that were written to, to get what the server made of it.
    pub(super) async fn pull_again(&mut self, written: &BTreeSet<EntityName>) -> Result<(), Stop> {
        if written.is_empty() {
            return Ok(());
        }
        let names = written.clone();
        let touched = move |store: &dyn RecordStore| {
            let names = with_children(&*store.schema()?, names);
            sources(store, Some(&names))
        };
        for source in self.worker.run(touched).await? {
            self.pull_or_note(source).await?;
        }
        Ok(())
    }

    /// Returns what the back end can do with an entity, asking once in a session.
    pub(super) async fn capability(
        &mut self,
        entity: &Arc<EntitySchema>,
    ) -> Result<Option<Capabilities>, Stop> {
        if let Some(known) = self.capabilities.get(&entity.name) {
            return Ok(Some(known.clone()));
        }
        match self.transport.capabilities(entity).await {
            Ok(capabilities) => {
                self.capabilities
                    .insert(entity.name.clone(), capabilities.clone());
                Ok(Some(capabilities))
            }
            Err(error) if concerns_everything(&error) => Err(error.into()),
            Err(error) => {
                self.report.entity(&entity.name).problem = Some(error.to_string());
                Ok(None)
            }
        }
    }

    /// Reads one entity; a failure that concerns only it is noted in the report.
    async fn pull_or_note(&mut self, source: Source) -> Result<(), Stop> {
        if self.capability(&source.entity).await?.is_none() {
            return Ok(());
        }
        let name = source.entity.name.clone();
        let mut first = self.pull(source.clone()).await;
        if let Ok(Began::Before) = first {
            // What changed since that synchronization is another set.
            let names = BTreeSet::from([name.clone()]);
            for next in self.worker.run(move |store| sources(store, Some(&names))).await? {
                first = self.pull(next).await;
            }
        }
        let first = first.map(|_| ());
        let read = match first {
            Err(Stop::Transport(TransportError::CheckpointGone)) => {
                // What was kept of the set is of no use: it cannot be gone on with, also where it was read from the start.
                let forget = vec![staged::forget(&name)];
                let forget = WriteBatch {
                    expect: None,
                    writes: forget,
                };
                self.worker.run(move |store| store.commit(forget)).await?;
                let mark = EntityMark::anew(source.mark.filter.clone());
                let again = Source {
                    mark,
                    ..source.clone()
                };
                match self.pull(again.clone()).await {
                    Ok(_) => self.sweep_due(&again).await,
                    Err(stop) => Err(stop),
                }
            }
            Ok(()) if source.mark.sweep_due => self.sweep_due(&source).await,
            Ok(()) if self.needs_sweep(&source.entity).await? => self.sweep(&source).await,
            other => other,
        };
        match read {
            Err(Stop::Transport(error)) if !concerns_everything(&error) => {
                self.report.entity(&name).problem = Some(error.to_string());
                Ok(())
            }
            other => other,
        }
    }

    /// Looks for what is no longer there after everything was read anew, and notes that it was done: a cut before that
    /// leaves it due (law L24).
    async fn sweep_due(&mut self, source: &Source) -> Result<(), Stop> {
        self.sweep(source).await?;
        let note = Note::Entity(source.entity.name.clone());
        self.worker
            .run(move |store| {
                let Some(mark) = notes::read::<EntityMark>(store, &note)? else {
                    return Ok::<_, StoreError>(());
                };
                let done = EntityMark {
                    sweep_due: false,
                    ..mark
                };
                let writes = vec![notes::write(&note, &done)];
                store.commit(WriteBatch { expect: None, writes }).map(|_| ())
            })
            .await?;
        Ok(())
    }

    /// Returns whether deletions have to be looked for. Asked after the pull: a back end that refused to report changes
    /// is known to by then.
    async fn needs_sweep(&mut self, entity: &Arc<EntitySchema>) -> Result<bool, Stop> {
        self.capabilities.remove(&entity.name);
        let capabilities = self.capability(entity).await?;
        Ok(capabilities.is_some_and(|known| known.deletions == Deletions::Sweep))
    }

    /// Reads one entity from its checkpoint to the end of the pull set.
    ///
    /// Pages are fetched while others are being committed. A first load is committed as it comes; a later set becomes
    /// visible as a whole (law L22), unless it is larger than memory should hold: what was read of a set that is cut
    /// short is kept out of sight until its rest is here.
    async fn pull(&mut self, source: Source) -> Result<Began, Stop> {
        let source = Arc::new(source);
        let name = source.entity.name.clone();
        let load = self.begin_load(&source).await?;
        let (worker, transport, rows) = (self.worker, self.transport, self.options.page_rows);
        let fetch = |checkpoint| {
            let request = source.request(checkpoint, rows);
            async move { transport.pull(&request).await }.boxed()
        };
        let mut held = self.staged(&source, load).await?;
        let mut held_rows: usize = held.iter().map(|page| page.rows.rows.len()).sum();
        let mut done = held_rows as u64;
        let began = if source.mark.within || !held.is_empty() {
            Began::Before
        } else {
            Began::Now
        };
        let begin = held.last().map(|page| page.next.clone());
        let mut fetching = Some(fetch(begin.or_else(|| source.mark.checkpoint.clone())));
        let (mut committing, mut parts) = (None, 0);
        let mut stop = None;
        loop {
            let ends = fetching.is_none();
            let due = ends || (load == Load::First && held_rows >= rows) || held_rows >= MAX_HELD_ROWS;
            let is_cut = ends && held.last().is_some_and(|page| !page.last);
            if load == Load::Changes && is_cut && parts == 0 && held_rows <= MAX_STAGED_ROWS {
                let (pages, source) = (std::mem::take(&mut held), source.clone());
                worker
                    .run(move |store| staged::keep(store, (&source.entity.name, &source.mark), pages))
                    .await?;
            }
            if committing.is_none() && due && !held.is_empty() {
                parts += 1;
                let (pages, source, now) = (std::mem::take(&mut held), source.clone(), self.host.clock.now());
                let gate = self.gate.clone();
                held_rows = 0;
                committing = Some(
                    worker
                        .run(move |store| apply_pages(store, &source, &pages, load, now, &gate))
                        .boxed(),
                );
            }
            let event = match (committing.take(), fetching.take()) {
                (None, None) => break,
                (Some(commit), None) => Event::Committed(commit.await),
                (None, Some(fetch)) => Event::Fetched(fetch.await),
                // The next pages wait when the store is far behind.
                (Some(commit), Some(fetch)) if held_rows >= MAX_HELD_ROWS => {
                    fetching = Some(fetch);
                    Event::Committed(commit.await)
                }
                (Some(commit), Some(fetch)) => match select(commit, fetch).await {
                    Either::Left((result, fetch)) => {
                        fetching = Some(fetch);
                        Event::Committed(result)
                    }
                    Either::Right((page, commit)) => {
                        committing = Some(commit);
                        Event::Fetched(page)
                    }
                },
            };
            match event {
                Event::Committed(result) => {
                    let (received, removed) = result?;
                    let report = self.report.entity(&name);
                    report.received += received;
                    report.removed += removed;
                }
                Event::Fetched(Ok(page)) => {
                    self.report.bytes += page.bytes;
                    held_rows += page.rows.rows.len();
                    done += page.rows.rows.len() as u64;
                    self.tell(Stage::Import, Some(&name), done, page.total);
                    if !page.last {
                        match self.in_time() {
                            Ok(()) => fetching = Some(fetch(Some(page.next.clone()))),
                            Err(late) => stop = Some(late),
                        }
                    }
                    held.push(page);
                }
                // What was read is kept, so that the next synchronization goes on there.
                Event::Fetched(Err(error)) => stop = Some(error.into()),
            }
        }
        stop.map_or(Ok(began), Err)
    }

    /// Returns the pages that were read of this set before it was cut short.
    async fn staged(&self, source: &Arc<Source>, load: Load) -> Result<Vec<Page>, Stop> {
        if load == Load::First {
            return Ok(Vec::new());
        }
        let source = source.clone();
        let take = move |store: &dyn RecordStore| staged::take(store, &source.entity.name, &source.mark);
        Ok(self.worker.run(take).await?)
    }

    /// Marks an entity that is read for the first time, and says what is read: a first load is begun or gone on with.
    async fn begin_load(&self, source: &Source) -> Result<Load, Stop> {
        let (name, started) = (source.entity.name.clone(), source.mark.checkpoint.is_some());
        let loading = self
            .worker
            .run(move |store| {
                if store.loading()?.contains(&name) {
                    return Ok(Load::First);
                }
                if started || !store.ids(&name, None, 1)?.is_empty() {
                    return Ok(Load::Changes);
                }
                store.commit(WriteBatch {
                    expect: None,
                    writes: vec![Write::BeginLoad(name)],
                })?;
                Ok::<_, StoreError>(Load::First)
            })
            .await?;
        Ok(loading)
    }
}

/// Adds the entities whose records the server deletes with those of others.
fn with_children(schema: &Schema, written: BTreeSet<EntityName>) -> BTreeSet<EntityName> {
    let mut names = written.clone();
    let mut new: Vec<EntityName> = written.into_iter().collect();
    while let Some(name) = new.pop() {
        let collections = schema.entity(name.as_str()).map(|entity| &entity.collections);
        for collection in collections.into_iter().flat_map(|all| all.values()) {
            if collection.cascade_delete && names.insert(collection.entity.clone()) {
                new.push(collection.entity.clone());
            }
        }
    }
    names
}

/// What a pull reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    /// Everything, for the first time: hidden until it is whole.
    First,
    /// What changed.
    Changes,
}

/// When a set of changes began to be read that was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Began {
    /// In this synchronization.
    Now,
    /// In an earlier one, which was cut short.
    Before,
}

/// What happens next in a pull.
enum Event {
    Fetched(Result<Page, TransportError>),
    Committed(Result<(u64, u64), EngineError>),
}

/// Returns the entities to be read, with where to go on.
fn sources(store: &dyn RecordStore, only: Option<&BTreeSet<EntityName>>) -> Result<Vec<Source>, StoreError> {
    let schema = store.schema()?;
    let settings: Settings = notes::settings(store)?;
    let mut sources = Vec::new();
    for entity in schema.entities.values() {
        let wanted = only.is_none_or(|only| only.contains(&entity.name));
        if entity.is_abstract || entity.local_only || !settings.covers(&entity.name) || !wanted {
            continue;
        }
        let scope = settings.scope.as_ref().and_then(|scope| scope.get(&entity.name));
        let filter = scope.and_then(|scope| scope.query.filter.clone());
        let written = serde_json::to_string(&filter).unwrap_or_default();
        let known: Option<EntityMark> = notes::read(store, &Note::Entity(entity.name.clone()))?;
        let mark = match known {
            Some(mark) if mark.filter == written => mark,
            Some(_) => EntityMark::anew(written),
            None => EntityMark::first(written),
        };
        sources.push(Source {
            schema: schema.clone(),
            entity: entity.clone(),
            filter,
            mark,
        });
    }
    Ok(sources)
}

/// Returns whether a record is among those that came.
fn comes(pages: &[Page], id: &RecordId) -> bool {
    pages
        .iter()
        .flat_map(|page| &page.rows.rows)
        .any(|row| row.id == *id)
}

/// Commits pages with the checkpoint behind them; returns how many records came and left.
fn apply_pages(
    store: &dyn RecordStore,
    source: &Source,
    pages: &[Page],
    load: Load,
    now: Timestamp,
    gate: &Gate,
) -> Result<(u64, u64), StoreError> {
    let Some(end) = pages.last() else {
        return Ok((0, 0));
    };
    let mark = EntityMark {
        checkpoint: Some(end.next.clone()),
        complete: end.last || source.mark.complete,
        read_at: if end.last { Some(now) } else { source.mark.read_at },
        within: !end.last,
        ..source.mark.clone()
    };
    let name = &source.entity.name;
    loop {
        let _turn = enter(gate);
        let number = store.position()?;
        let ids: BTreeSet<RecordId> = store.unsettled(name)?.into_iter().collect();
        let mut batch = WriteBatch::based_on(number);
        let (mut received, mut removed) = (0, 0);
        let mut left = Ids::new();
        for page in pages {
            let rebased = rebase(
                &source.entity,
                page.clone(),
                |id| unsettled(store, name, id),
                &ids,
            )?;
            batch.writes.extend(rebased.writes);
            received += rebased.received;
            removed += rebased.removed;
            left.retain(|id| !rebased.back.contains(id));
            left.extend(rebased.departed);
        }
        batch
            .writes
            .extend(departed::noted(store, name, &left, |id| comes(pages, id))?);
        batch.push(notes::write(&Note::Entity(name.clone()), &mark));
        if load == Load::First && end.last {
            batch.push(Write::EndLoad(name.clone()));
        }
        match store.commit(batch) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|_| (received, removed)),
        }
    }
}

/// Returns what is known of an unsettled record, or `None` if it is settled.
pub(super) fn unsettled(
    store: &dyn RecordStore,
    entity: &EntityName,
    id: &RecordId,
) -> Result<Option<Unsettled>, StoreError> {
    let Some(image) = store.image(entity, id)? else {
        return Ok(None);
    };
    let pending = store.operations(&OperationSelection::PendingOf(entity.clone(), id.clone()))?;
    Ok(Some(Unsettled { image, pending }))
}
