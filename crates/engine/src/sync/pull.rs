//! Reading server data, page by page: the next page is on its way while the last is being committed.

use std::collections::BTreeSet;
use std::sync::Arc;

use driftless_record::{EntityName, EntitySchema, Expr, RecordId, Schema, Settings, Timestamp};
use driftless_store::{OperationSelection, RecordStore, Retry, StoreError, Write, WriteBatch};
use driftless_transport::{Capabilities, Checkpoint, Deletions, Page, PullRequest, TransportError};
use futures_util::future::join;

use super::session::{Session, Stop, concerns_everything};
use crate::notes::{self, EntityMark, Note};
use crate::progress::Stage;
use crate::rebase::{Unsettled, rebase};

/// How many pages a commit of a first load may hold.
const LOAD_PAGES: usize = 5;

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
        for source in self.worker.run(move |store| sources(store, Some(&names))).await? {
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
        let Some(capabilities) = self.capability(&source.entity).await? else {
            return Ok(());
        };
        let name = source.entity.name.clone();
        let first = self.pull(source.clone()).await;
        let read = match first {
            Err(Stop::Transport(TransportError::CheckpointGone)) => {
                let mark = EntityMark {
                    checkpoint: None,
                    complete: false,
                    ..source.mark.clone()
                };
                let again = Source {
                    mark,
                    ..source.clone()
                };
                match self.pull(again.clone()).await {
                    Ok(()) => self.sweep(&again).await,
                    stop => stop,
                }
            }
            Ok(()) if capabilities.deletions == Deletions::Sweep => self.sweep(&source).await,
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

    /// Reads one entity from its checkpoint to the end of the pull set.
    async fn pull(&mut self, source: Source) -> Result<(), Stop> {
        let source = Arc::new(source);
        let name = source.entity.name.clone();
        let first_load = self.begin_load(&source).await?;
        let rows = self.options.page_rows;
        let transport = self.transport;
        let mut done = 0;
        let mut page = transport
            .pull(&source.request(source.mark.checkpoint.clone(), rows))
            .await?;
        let mut held: Vec<Page> = Vec::new();
        loop {
            self.report.bytes += page.bytes;
            done += page.rows.rows.len() as u64;
            self.tell(Stage::Import, Some(&name), done, page.total);
            let (last, next) = (page.last, page.next.clone());
            held.push(page);
            if last {
                return self.apply(&source, held, first_load).await;
            }
            let request = source.request(Some(next), rows);
            let full = !first_load || held.len() >= LOAD_PAGES;
            page = if self.in_time().is_err() {
                self.apply(&source, std::mem::take(&mut held), first_load).await?;
                return Err(Stop::Deadline);
            } else if full {
                let pages = std::mem::take(&mut held);
                let (applied, page) =
                    join(self.apply(&source, pages, first_load), transport.pull(&request)).await;
                applied?;
                page?
            } else {
                match transport.pull(&request).await {
                    Ok(page) => page,
                    Err(error) => {
                        // What was read is kept, so that the next synchronization goes on there.
                        self.apply(&source, held, first_load).await?;
                        return Err(error.into());
                    }
                }
            };
        }
    }

    /// Marks an entity that is read for the first time; returns whether this is a first load, begun or gone on with.
    async fn begin_load(&self, source: &Source) -> Result<bool, Stop> {
        let (name, started) = (source.entity.name.clone(), source.mark.checkpoint.is_some());
        let loading = self
            .worker
            .run(move |store| {
                if store.loading()?.contains(&name) {
                    return Ok(true);
                }
                if started || !store.ids(&name, None, 1)?.is_empty() {
                    return Ok(false);
                }
                store.commit(WriteBatch {
                    expect: None,
                    writes: vec![Write::BeginLoad(name)],
                })?;
                Ok::<_, StoreError>(true)
            })
            .await?;
        Ok(loading)
    }

    /// Commits pages with the checkpoint behind them.
    async fn apply(&mut self, source: &Arc<Source>, pages: Vec<Page>, first_load: bool) -> Result<(), Stop> {
        let (for_store, now) = (source.clone(), self.host.clock.now());
        let (received, removed) = self
            .worker
            .run(move |store| apply_pages(store, &for_store, &pages, first_load, now))
            .await?;
        let report = self.report.entity(&source.entity.name);
        report.received += received;
        report.removed += removed;
        Ok(())
    }
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
        let mark = known.filter(|mark| mark.filter == written);
        let mark = mark.unwrap_or(EntityMark {
            checkpoint: None,
            complete: false,
            read_at: None,
            filter: written,
        });
        sources.push(Source {
            schema: schema.clone(),
            entity: entity.clone(),
            filter,
            mark,
        });
    }
    Ok(sources)
}

fn apply_pages(
    store: &dyn RecordStore,
    source: &Source,
    pages: &[Page],
    first_load: bool,
    now: Timestamp,
) -> Result<(u64, u64), StoreError> {
    let Some(end) = pages.last() else {
        return Ok((0, 0));
    };
    let mark = EntityMark {
        checkpoint: Some(end.next.clone()),
        complete: end.last || source.mark.complete,
        read_at: if end.last { Some(now) } else { source.mark.read_at },
        filter: source.mark.filter.clone(),
    };
    let name = &source.entity.name;
    loop {
        let number = store.position()?;
        let ids: BTreeSet<RecordId> = store.unsettled(name)?.into_iter().collect();
        let mut batch = WriteBatch::based_on(number);
        let (mut received, mut removed) = (0, 0);
        for page in pages {
            let rebased = rebase(
                &source.entity,
                page.clone(),
                |id| unsettled(store, name, id),
                &ids,
            );
            batch.writes.extend(rebased.writes);
            received += rebased.received;
            removed += rebased.removed;
        }
        batch.push(notes::write(&Note::Entity(name.clone()), &mark));
        if first_load && end.last {
            batch.push(Write::EndLoad(name.clone()));
        }
        match store.commit(batch) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|_| (received, removed)),
        }
    }
}

/// Returns what is known of an unsettled record, or `None` if it is settled.
pub(super) fn unsettled(store: &dyn RecordStore, entity: &EntityName, id: &RecordId) -> Option<Unsettled> {
    let image = store.image(entity, id).ok()??;
    let pending = store
        .operations(&OperationSelection::PendingOf(entity.clone(), id.clone()))
        .ok()?;
    Some(Unsettled { image, pending })
}
