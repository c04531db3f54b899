//! Reading single records, to know what a write would meet.

use driftless_record::ServerRecord;
use driftless_store::{RecordStore, Retry, StoreError, WriteBatch};

use super::pull::unsettled;
use super::session::{Session, Stop, concerns_everything};
use crate::ground::Key;
use crate::rebase::refresh;

impl Session<'_> {
    /// Reads a record like [`Session::fetch`]; a failure that concerns only this record is noted in the report, and
    /// `None` is returned.
    pub(super) async fn fetch_or_note(&mut self, record: &Key) -> Result<Option<Option<ServerRecord>>, Stop> {
        match self.fetch(record).await {
            Err(Stop::Transport(error)) => {
                if concerns_everything(&error) {
                    self.go_on_after(error.clone()).await?;
                }
                self.report.entity(&record.0).problem = Some(format!("{}: {error}", record.1));
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    /// Reads a record from the server and rests its pending operations on it. Returns what the server has.
    pub(super) async fn fetch(&mut self, record: &Key) -> Result<Option<ServerRecord>, Stop> {
        let schema = self.worker.run(|store| store.schema()).await?;
        let found = self.transport.fetch(&schema, &record.0, &record.1).await?;
        let (key, server) = (record.clone(), found.clone());
        self.worker
            .run(move |store| rest_on(store, &key, server.as_ref()))
            .await?;
        Ok(found)
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
