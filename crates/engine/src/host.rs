//! What the engine needs of the device around it, as small ports.

use std::sync::Arc;

use driftless_record::{BootId, DeviceId, TenantId, Timestamp, UserId};
use futures_util::future::BoxFuture;
use uuid::Uuid;

/// The device's clocks.
pub trait Clock: Send + Sync {
    /// Returns the wall clock.
    fn now(&self) -> Timestamp;

    /// Returns milliseconds of a clock that only goes forward within a boot.
    fn monotonic(&self) -> i64;

    /// Returns the boot that [`Clock::monotonic`] belongs to.
    fn boot(&self) -> BootId;

    /// Completes after so many milliseconds.
    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()>;
}

/// The device's source of randomness.
pub trait Random: Send + Sync {
    /// Returns 16 random bytes.
    fn bytes(&self) -> [u8; 16];
}

/// The device around the engine.
#[derive(Clone)]
pub struct Host {
    /// Its clocks.
    pub clock: Arc<dyn Clock>,
    /// Its randomness.
    pub random: Arc<dyn Random>,
}

impl Host {
    /// Makes a UUID version 7: ordered by the wall clock, otherwise random.
    pub(crate) fn uuid(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().0).unwrap_or_default();
        let [a, b, c, d, e, f, g, h, i, j, ..] = self.random.bytes();
        uuid::Builder::from_unix_timestamp_millis(millis, &[a, b, c, d, e, f, g, h, i, j]).into_uuid()
    }
}

/// Whose work the engine keeps: fixed for the life of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The signed-in user.
    pub user: UserId,
    /// The tenant.
    pub tenant: TenantId,
    /// The device.
    pub device: DeviceId,
}
