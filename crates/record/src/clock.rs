//! The hybrid logical clock: when a field was edited, told so that devices agree.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{BootId, DeviceId};
use crate::time::Timestamp;

/// How far ahead of our own corrected time a stamp from elsewhere may lie before it is cut back, in milliseconds.
pub const MAX_AHEAD_MILLIS: i64 = 60_000;

/// A point in the common order of edits: corrected time, a counter for ties, and the device.
///
/// Ordered by time, then counter, then device; two edits never have the same stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// The corrected time.
    pub time: Timestamp,
    /// Counts edits of one device within one millisecond.
    pub counter: u32,
    /// The device that made the edit; the server has an id of its own.
    pub device: DeviceId,
}

impl fmt::Display for Stamp {
    /// Writes `milliseconds.counter.device`, the form used on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.time.0, self.counter, self.device.0.simple())
    }
}

/// Says that a text is not a stamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a stamp: expected milliseconds.counter.device")]
pub struct InvalidStamp;

impl std::str::FromStr for Stamp {
    type Err = InvalidStamp;

    fn from_str(text: &str) -> Result<Self, InvalidStamp> {
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().ok_or(InvalidStamp);
        let time = Timestamp(next()?.parse().map_err(|_| InvalidStamp)?);
        let counter = next()?.parse().map_err(|_| InvalidStamp)?;
        let device = DeviceId(next()?.parse().map_err(|_| InvalidStamp)?);
        Ok(Self {
            time,
            counter,
            device,
        })
    }
}

/// What a device's clocks said when a field was edited, before any correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawStamp {
    /// The wall clock.
    pub wall: Timestamp,
    /// Milliseconds of a clock that only goes forward, counting sleep, within one boot.
    pub monotonic: i64,
    /// The boot that `monotonic` belongs to.
    pub boot: BootId,
    /// Counts edits of this device, so that a later edit is never before an earlier one.
    pub counter: u32,
    /// The device.
    pub device: DeviceId,
}

/// A comparison of the device's clocks with the server's, taken from one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockSample {
    /// The server's time, as its reply said.
    pub server: Timestamp,
    /// The device's wall clock in the middle of the exchange.
    pub wall: Timestamp,
    /// The device's monotonic clock in the middle of the exchange, in milliseconds.
    pub monotonic: i64,
    /// The boot of `monotonic`.
    pub boot: BootId,
    /// How wrong the comparison may be: half the round trip and the grain of the server's clock, in milliseconds.
    pub error: i64,
}

impl ClockSample {
    /// Returns the better of two samples: of the later boot, then of the smaller error.
    #[must_use]
    pub fn better(old: Option<Self>, new: Self) -> Self {
        match old {
            Some(old) if old.boot == new.boot && old.error <= new.error => old,
            _ => new,
        }
    }
}

/// Turns what the device's clocks said into a stamp in the common order.
///
/// Edits of the same boot as the sample are corrected by monotonic difference, so turning the wall clock changes
/// nothing; after a reboot the wall clock and its last known skew remain, held between the last contact before the
/// edit and `now`, the server's time at sending. Without any sample the wall clock is taken, held below `now`.
#[must_use]
pub fn correct(
    raw: RawStamp,
    sample: Option<ClockSample>,
    last_contact: Option<Timestamp>,
    now: Timestamp,
) -> Stamp {
    let time = match sample {
        Some(s) if s.boot == raw.boot => s.server.plus_millis(raw.monotonic.saturating_sub(s.monotonic)),
        Some(s) => raw.wall.plus_millis(s.server.millis_since(s.wall)),
        None => raw.wall,
    };
    let floor = last_contact.unwrap_or(Timestamp(i64::MIN)).min(now);
    Stamp {
        time: time.clamp(floor, now),
        counter: raw.counter,
        device: raw.device,
    }
}

/// Cuts a stamp from elsewhere back that lies more than [`MAX_AHEAD_MILLIS`] ahead of `now`.
#[must_use]
pub fn clamp_ahead(stamp: Stamp, now: Timestamp) -> Stamp {
    Stamp {
        time: stamp.time.min(now.plus_millis(MAX_AHEAD_MILLIS)),
        ..stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn raw(wall: i64, monotonic: i64, boot: u128) -> RawStamp {
        RawStamp {
            wall: Timestamp(wall),
            monotonic,
            boot: BootId(Uuid::from_u128(boot)),
            counter: 0,
            device: DeviceId(Uuid::from_u128(9)),
        }
    }

    proptest! {
        #[test]
        fn l28_wall_clock_jumps_within_a_boot_change_nothing(jump in any::<i32>(), at in 0i64..1_000_000) {
            let sample = ClockSample {
                server: Timestamp(5_000_000), wall: Timestamp(0), monotonic: 1_000_000,
                boot: BootId(Uuid::from_u128(1)), error: 10,
            };
            let now = Timestamp(6_000_000);
            let straight = correct(raw(at, at, 1), Some(sample), None, now);
            let jumped = correct(raw(at + i64::from(jump), at, 1), Some(sample), None, now);
            prop_assert_eq!(straight, jumped);
        }

        #[test]
        fn l28_stamps_stay_between_last_contact_and_upload(wall in any::<i64>(), boot in 1u128..3) {
            let sample = ClockSample {
                server: Timestamp(500), wall: Timestamp(0), monotonic: 0, boot: BootId(Uuid::from_u128(1)), error: 1,
            };
            let stamp = correct(raw(wall, 100, boot), Some(sample), Some(Timestamp(400)), Timestamp(1000));
            prop_assert!((400..=1000).contains(&stamp.time.0));
        }

        #[test]
        fn stamps_survive_text(time in any::<i64>(), counter in any::<u32>(), device in any::<u128>()) {
            let stamp = Stamp { time: Timestamp(time), counter, device: DeviceId(Uuid::from_u128(device)) };
            prop_assert_eq!(stamp.to_string().parse::<Stamp>().unwrap(), stamp);
        }
    }
}
