//! A device: the real engine over the real store, on disk.

use super::Stopwatch;
use super::counting::{Counting, Requests};
use super::served::{Served, USER, client};
use anyhow::{Context as _, Result, ensure};
use driftless_engine::{Account, Clock, Engine, Host, Parts, Random, SyncOptions, SyncReport, What};
use driftless_record::{BootId, DeviceId, TenantId, Timestamp, UserId};
use driftless_store_sqlite::SqliteStore;
use driftless_transport::Transport;
use driftless_transport_odata::{ODataOptions, ODataTransport};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

/// A device with its store in a folder of its own.
pub(super) struct Device {
    pub(super) engine: Engine,
    pub(super) store: Arc<Counting<SqliteStore>>,
    _folder: TempDir,
}

impl Device {
    /// Makes a device for the user of a tenant.
    pub(super) fn new(tenant: TenantId) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = Arc::new(Counting::new(SqliteStore::open(folder.path().join("store.db"))?));
        let account = Account {
            user: UserId(USER.to_owned()),
            tenant,
            device: DeviceId(Uuid::from_u128(1)),
        };
        let host = Host {
            clock: Arc::new(SystemClock(Stopwatch::start())),
            random: Arc::new(SystemRandom),
        };
        let engine = Engine::open(Parts::new(store.clone(), host, account))?;
        Ok(Self {
            engine,
            store,
            _folder: folder,
        })
    }
}

/// A device with its way to a server.
pub(super) struct Connected {
    pub(super) device: Device,
    pub(super) transport: ODataTransport,
    pub(super) requests: Arc<Requests>,
    pub(super) runtime: Runtime,
}

impl Connected {
    /// Makes a device of the server's user, and its connection.
    pub(super) fn new(served: &Served) -> Result<Self> {
        let runtime = Runtime::new()?;
        let requests = Arc::new(Requests::default());
        let transport = ODataTransport::new(
            served.root()?,
            client(Some(requests.clone())),
            ODataOptions::default(),
        )?;
        let contact = runtime.block_on(transport.contact())?;
        Ok(Self {
            device: Device::new(contact.tenant)?,
            transport,
            requests,
            runtime,
        })
    }

    /// Synchronizes to the end.
    pub(super) fn sync(&self, what: What) -> Result<SyncReport> {
        let options = SyncOptions {
            what,
            ..SyncOptions::default()
        };
        let mut report = self
            .runtime
            .block_on(self.device.engine.sync(&self.transport, options))?;
        if let Some(error) = report.interrupted.take() {
            return Err(error).context("the synchronization was interrupted");
        }
        for (name, entity) in &report.entities {
            ensure!(entity.problem.is_none(), "{name}: {:?}", entity.problem);
        }
        Ok(report)
    }
}

/// The wall clock.
#[expect(
    clippy::disallowed_methods,
    reason = "a measurement is of real time; nothing replays it"
)]
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

struct SystemClock(Stopwatch);

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }

    fn monotonic(&self) -> i64 {
        i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn boot(&self) -> BootId {
        BootId(Uuid::from_u128(2))
    }

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(millis)))
    }
}

struct SystemRandom;

impl Random for SystemRandom {
    #[expect(
        clippy::disallowed_methods,
        reason = "ids must be as random as a device's; nothing replays them"
    )]
    fn bytes(&self) -> [u8; 16] {
        rand::random()
    }
}
