//! Reading single records, to know what a write would meet.

use driftless_record::{Cause, CauseClass, ServerRecord};
use driftless_store::{RecordStore, Retry, StoreError, Write, WriteBatch};
use driftless_transport::TransportError;

use super::pull::unsettled;
use super::session::{Session, Stop, concerns_everything};
use crate::ground::{Ground, Key};
use crate::left::{Left, rest_on_left};
use crate::rebase::{Unsettled, one_row, refresh};

/// What reading one record came to.
pub(super) enum Read {
    /// What the server has of it.
    Found(Option<ServerRecord>),
    /// It could not be read, others can.
    Failed(Cause),
}

impl Session<'_> {
    /// Reads a record and rests its pending operations on it; a failure that concerns only this record is noted in the
    /// report. Operations rest on what a command of ours has `left` there.
    pub(super) async fn fetch_or_note(&mut self, record: &Key, left: Option<Left>) -> Result<Read, Stop> {
        let found = self.fetch(record, left).await;
        self.noted(record, found).await
    }

    /// Does the same on a reading of the outbox, which it brings after the record.
    pub(super) async fn fetch_onto(
        &mut self,
        ground: &mut Option<Ground>,
        record: &Key,
    ) -> Result<Read, Stop> {
        let found = self.fetch_with(ground, record).await;
        self.noted(record, found).await
    }

    async fn noted(&mut self, record: &Key, found: Result<Option<ServerRecord>, Stop>) -> Result<Read, Stop> {
        match found {
            Err(Stop::Transport(error)) => {
                if concerns_everything(&error) {
                    self.go_on_after(error.clone()).await?;
                }
                self.report.entity(&record.0).problem = Some(format!("{}: {error}", record.1));
                Ok(Read::Failed(cause(error)))
            }
            other => other.map(Read::Found),
        }
    }

    async fn fetch_with(
        &mut self,
        ground: &mut Option<Ground>,
        record: &Key,
    ) -> Result<Option<ServerRecord>, Stop> {
        let schema = match ground.as_ref() {
            Some(reading) => reading.schema.clone(),
            None => self.worker.run(|store| store.schema()).await?,
        };
        let found = self.transport.fetch(&schema, &record.0, &record.1).await?;
        let (key, server, reading) = (record.clone(), found.clone(), ground.take());
        let reading = self
            .worker
            .run(move |store| rest_ground_on(store, reading, &key, server.as_ref()))
            .await?;
        *ground = Some(reading);
        Ok(found)
    }

    async fn fetch(&mut self, record: &Key, left: Option<Left>) -> Result<Option<ServerRecord>, Stop> {
        let schema = self.worker.run(|store| store.schema()).await?;
        let found = self.transport.fetch(&schema, &record.0, &record.1).await?;
        let (key, server) = (record.clone(), found.clone());
        self.worker
            .run(move |store| rest_on(store, &key, server.as_ref(), left.as_ref()))
            .await?;
        Ok(found)
    }
}

fn cause(error: TransportError) -> Cause {
    match error {
        TransportError::Refused(cause) => cause,
        other => Cause {
            class: CauseClass::Transient,
            field: None,
            other: None,
            code: "unreadable".to_owned(),
            text: other.to_string(),
        },
    }
}

fn rest_ground_on(
    store: &dyn RecordStore,
    mut reading: Option<Ground>,
    record: &Key,
    server: Option<&ServerRecord>,
) -> Result<Ground, StoreError> {
    loop {
        let mut ground = match reading.take() {
            Some(ground) => ground,
            None => Ground::read(store)?,
        };
        let Some(entity) = ground.schema.entity(record.0.as_str()) else {
            return Ok(ground);
        };
        let mut writes = Vec::new();
        match (ground.images.get(record).cloned(), server) {
            (Some(image), _) => {
                let pending = ground.pending_of(record);
                refresh(entity, Unsettled { image, pending }, server.cloned(), &mut writes);
            }
            (None, Some(found)) => writes.push(Write::PutRows(one_row(entity, found.record.clone()))),
            // A pull tells whether it is gone.
            (None, None) => return Ok(ground),
        }
        match ground.commit(store, writes) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|()| ground),
        }
    }
}

fn rest_on(
    store: &dyn RecordStore,
    record: &Key,
    server: Option<&ServerRecord>,
    left: Option<&Left>,
) -> Result<(), StoreError> {
    loop {
        let number = store.position()?;
        let schema = store.schema()?;
        let (Some(entity), Some(mut known)) = (
            schema.entity(record.0.as_str()),
            unsettled(store, &record.0, &record.1)?,
        ) else {
            return Ok(());
        };
        let mut batch = WriteBatch::based_on(number);
        if let (Some(left), Some(server)) = (left, server) {
            let rested = rest_on_left(left, server, &mut known.pending).into_iter();
            batch
                .writes
                .extend(rested.map(|operation| Write::PutOperation(Box::new(operation))));
        }
        refresh(entity, known, server.cloned(), &mut batch.writes);
        match store.commit(batch) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|_| ()),
        }
    }
}
