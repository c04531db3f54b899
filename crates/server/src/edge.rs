//! The one place of this crate that reads the clock and the system's random source.

use driftless_record::Timestamp;
use uuid::Uuid;

/// Returns the time.
#[expect(
    clippy::disallowed_methods,
    reason = "a server is an edge: its time is the time of day"
)]
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

/// Returns a new random id.
#[expect(
    clippy::disallowed_methods,
    reason = "a server is an edge: ids of its own making are random"
)]
pub(crate) fn random_id() -> Uuid {
    Uuid::new_v4()
}
