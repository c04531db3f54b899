//! The first stages: who is there, what the data look like, what the administrator wants.

use std::sync::Arc;

use driftless_record::{ClockSample, Settings, Timestamp};
use driftless_store::{OperationSelection, RecordStore, StoreError, WriteBatch};

use super::session::{Session, Stop};
use crate::EngineError;
use crate::adopt::adopt;
use crate::contacts::Contacts;
use crate::notes::{self, Note};
use crate::progress::Stage;

impl Session<'_> {
    /// Signs in, makes sure that it is the account's user, and compares clocks.
    pub(super) async fn contact(&mut self) -> Result<(), Stop> {
        self.tell(Stage::LoadSystemData, None, 0, None);
        let (before, wall) = (self.host.clock.monotonic(), self.host.clock.now());
        let contact = self.transport.contact().await?;
        let after = self.host.clock.monotonic();
        if contact.user != self.account.user || contact.tenant != self.account.tenant {
            let name = |user: &driftless_record::UserId, tenant: &driftless_record::TenantId| {
                format!("{user} at {tenant}")
            };
            return Err(Stop::Engine(EngineError::OtherUser {
                expected: name(&self.account.user, &self.account.tenant),
                found: name(&contact.user, &contact.tenant),
            }));
        }
        if let Some(server) = contact.server_time {
            let half = after.saturating_sub(before) / 2;
            let sample = ClockSample {
                server,
                wall: wall.plus_millis(half),
                monotonic: before.saturating_add(half),
                boot: self.host.clock.boot(),
                error: half.saturating_add(contact.server_time_error),
            };
            self.worker.run(move |store| keep_sample(store, sample)).await?;
        }
        Ok(())
    }

    /// Reads schema and settings, and brings the device after them.
    pub(super) async fn structure(&mut self) -> Result<(), Stop> {
        self.in_time()?;
        self.tell(Stage::LoadStructure, None, 0, None);
        let described = self.transport.describe().await?;
        self.report.notes = described.notes;
        self.tell(Stage::UpdateStructure, None, 0, None);
        let schema = Arc::new(described.schema);
        let now = self.host.clock.now();
        self.worker.run(move |store| adopt(store, &schema, now)).await?;
        self.tell(Stage::LoadSystemSettings, None, 0, None);
        let settings: Option<Settings> = self.transport.settings().await?;
        self.worker
            .run(move |store| {
                let Some(settings) = settings else {
                    return Ok::<_, StoreError>(());
                };
                if notes::settings(store)? == settings {
                    return Ok(());
                }
                let writes = vec![notes::write(&Note::Settings, &settings)];
                store.commit(WriteBatch { expect: None, writes }).map(|_| ())
            })
            .await?;
        Ok(())
    }

    /// Returns the server's time now, as far as the clocks tell.
    pub(super) fn server_now(&self, sample: Option<ClockSample>) -> Timestamp {
        match sample {
            Some(s) if s.boot == self.host.clock.boot() => s
                .server
                .plus_millis(self.host.clock.monotonic().saturating_sub(s.monotonic)),
            Some(s) => self.host.clock.now().plus_millis(s.server.millis_since(s.wall)),
            None => self.host.clock.now(),
        }
    }
}

/// Keeps the better comparison of clocks, and when the server was reached.
fn keep_sample(store: &dyn RecordStore, sample: ClockSample) -> Result<(), StoreError> {
    let best = ClockSample::better(notes::read(store, &Note::Clock)?, sample);
    // What was made since the exchange rests on the contact before, which holds as well.
    let latest = store.operations(&OperationSelection::Latest(1))?;
    let last = latest.last().map_or(0, |operation| operation.sequence);
    let pending = store.operations(&OperationSelection::Pending(usize::MAX))?;
    let mut contacts: Contacts = notes::read(store, &Note::Contacts)?.unwrap_or_default();
    contacts.reached(sample.server, last, &pending);
    let writes = vec![
        notes::write(&Note::Clock, &best),
        notes::write(&Note::Contacts, &contacts),
    ];
    store.commit(WriteBatch { expect: None, writes }).map(|_| ())
}
