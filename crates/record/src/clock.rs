//! The hybrid logical clock: when a field was edited, told so that devices agree.

use std::cmp::Ordering;
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

/// Returns how wrong the time of a stamp may be that was corrected from what the device's clocks said, in milliseconds.
///
/// Within the boot of the sample that is the sample's error, and what another sample said when the stamp was frozen.
/// After a reboot only the wall clock vouches for the stamp, and that proves nothing: the edit was made between the
/// last contact before it and `now`.
#[must_use]
pub fn error(
    stamp: Stamp,
    raw: RawStamp,
    sample: Option<ClockSample>,
    last_contact: Option<Timestamp>,
    now: Timestamp,
) -> i64 {
    match sample {
        Some(s) if s.boot == raw.boot => {
            let again = correct(raw, sample, last_contact, now);
            let moved = again.time.0.saturating_sub(stamp.time.0).saturating_abs();
            s.error.saturating_add(moved)
        }
        _ => {
            let floor = last_contact.unwrap_or(Timestamp(i64::MIN));
            let since = stamp.time.0.saturating_sub(floor.0);
            since.max(now.0.saturating_sub(stamp.time.0))
        }
    }
}

/// Returns the order of two edits whose stamps together may be wrong by `doubt` milliseconds; `None` if they are nearer
/// to each other than that, so that nobody can tell (law L29). Edits of one device are always told apart.
#[must_use]
pub fn order(left: Stamp, right: Stamp, doubt: i64) -> Option<Ordering> {
    let apart = left.time.0.saturating_sub(right.time.0).saturating_abs();
    (left.device == right.device || apart >= doubt).then(|| left.cmp(&right))
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
        fn l29_an_order_that_is_told_is_the_order_in_which_the_edits_were_made(
            (mine, theirs) in (1_000i64..100_000, 1_000i64..100_000),
            (mine_error, theirs_error) in (0i64..5_000, 0i64..5_000),
            (mine_wrong, theirs_wrong) in (-1.0f64..=1.0, -1.0f64..=1.0),
            jump in any::<i32>(),
            same_boot in any::<bool>(),
        ) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small whole numbers")]
            let share = |of: i64, wrong: f64| (of as f64 * wrong) as i64;
            // The device was compared with the server a second after it started, wrong by at most the sample's error.
            let sample = ClockSample {
                server: Timestamp(1_000 + share(mine_error, mine_wrong)), wall: Timestamp(1_000), monotonic: 1_000,
                boot: BootId(Uuid::from_u128(if same_boot { 1 } else { 2 })), error: mine_error,
            };
            let (contact, now) = (Some(Timestamp(500)), Timestamp(200_000));
            let said = raw(mine + i64::from(jump), mine, 1);
            let at = correct(said, Some(sample), contact, now);
            let error = error(at, said, Some(sample), contact, now);
            prop_assert!((at.time.0 - mine).abs() <= error, "{} is not within {} of {}", mine, error, at.time.0);
            let device = DeviceId(Uuid::from_u128(8));
            let other = Stamp { time: Timestamp(theirs + share(theirs_error, theirs_wrong)), counter: 0, device };
            if mine != theirs && let Some(told) = order(at, other, error + theirs_error) {
                prop_assert_eq!(told, mine.cmp(&theirs));
            }
        }

        #[test]
        fn l27_exact_clocks_order_every_two_edits(left in 0i64..3, right in 0i64..3, devices in any::<(bool, bool)>()) {
            let stamp = |time, second| Stamp {
                time: Timestamp(time), counter: 0, device: DeviceId(Uuid::from_u128(u128::from(second))),
            };
            let (left, right) = (stamp(left, devices.0), stamp(right, devices.1));
            prop_assert_eq!(order(left, right, 0), Some(left.cmp(&right)));
        }

        #[test]
        fn stamps_survive_text(time in any::<i64>(), counter in any::<u32>(), device in any::<u128>()) {
            let stamp = Stamp { time: Timestamp(time), counter, device: DeviceId(Uuid::from_u128(device)) };
            prop_assert_eq!(stamp.to_string().parse::<Stamp>().unwrap(), stamp);
        }
    }
}
