//! Reading single records, to know what a write would meet.

use driftless_record::{Cause, CauseClass, ServerRecord};
use driftless_store::{RecordStore, Retry, StoreError, WriteBatch};
use driftless_transport::TransportError;

use super::pull::unsettled;
use super::session::{Session, Stop, concerns_everything};
use crate::ground::Key;
use crate::rebase::refresh;

/// What reading one record came to.
pub(super) enum Read {
    /// What the server has of it.
    Found(Option<ServerRecord>),
    /// It could not be read, others can.
    Failed(Cause),
}

impl Session<'_> {
    /// Reads a record and rests its pending operations on it; a failure that concerns only this record is noted in the
    /// report.
    pub(super) async fn fetch_or_note(&mut self, record: &Key) -> Result<Read, Stop> {
        match self.fetch(record).await {
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

    async fn fetch(&mut self, record: &Key) -> Result<Option<ServerRecord>, Stop> {
        let schema = self.worker.run(|store| store.schema()).await?;
        let found = self.transport.fetch(&schema, &record.0, &record.1).await?;
        let (key, server) = (record.clone(), found.clone());
        self.worker
            .run(move |store| rest_on(store, &key, server.as_ref()))
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
            code: "unreadable".to_owned(),
            text: other.to_string(),
        },
    }
}

fn rest_on(store: &dyn RecordStore, record: &Key, server: Option<&ServerRecord>) -> Result<(), StoreError> {
    loop {
        let number = store.position()?;
        let schema = store.schema()?;
        let (Some(entity), Some(known)) = (
            schema.entity(record.0.as_str()),
            unsettled(store, &record.0, &record.1)?,
        ) else {
            return Ok(());
        };
        let mut batch = WriteBatch::based_on(number);
        refresh(entity, known, server.cloned(), &mut batch.writes);
        match store.commit(batch) {
            Err(error) if error.retry() == Retry::Reread => {}
            done => return done.map(|_| ()),
        }
    }
}
