//! Points in time and spans, in the units that business systems store.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil;
use serde::{Deserialize, Serialize};

/// A point in time in milliseconds since 1970-01-01T00:00:00Z, as used for stamps, logs and schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Returns this time moved by a number of milliseconds (negative: earlier), stopping at the ends of the range.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Returns the milliseconds from `earlier` to this time, negative if `earlier` is later.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    /// Writes RFC 3339 text in UTC, such as `2026-11-22T08:30:00.250Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{} ms since 1970", self.0),
        }
    }
}

/// The start of 1970.
const EPOCH: civil::DateTime = civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Ticks of 100 nanoseconds in a second.
pub const TICKS_PER_SECOND: i64 = 10_000_000;

/// A date-time with the offset it was written with.
///
/// The instant is in ticks of 100 ns since 1970-01-01T00:00:00Z; the offset is in minutes east of UTC. Two values
/// with the same instant and different offsets are different values but compare as equal in queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DateTime {
    /// Ticks of 100 ns since 1970-01-01T00:00:00Z.
    pub ticks: i64,
    /// Minutes east of UTC, from -1439 to 1439.
    pub offset_minutes: i16,
}

/// Says why a text is not a value of a time type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {expected}")]
pub struct InvalidTime {
    /// What was expected, with an example, such as `date-time (2026-11-22T08:30:00Z)`.
    pub expected: &'static str,
}

impl DateTime {
    /// Makes a date-time in UTC from a point in time.
    #[must_use]
    pub fn from_timestamp(time: Timestamp) -> Self {
        Self {
            ticks: time.0.saturating_mul(TICKS_PER_SECOND / 1000),
            offset_minutes: 0,
        }
    }

    /// Returns the point in time, cut to milliseconds.
    #[must_use]
    pub fn to_timestamp(self) -> Timestamp {
        Timestamp(self.ticks.div_euclid(TICKS_PER_SECOND / 1000))
    }

    /// Returns the date and time of day at this value's own offset, or `None` outside years -9999 to 9999.
    #[must_use]
    pub fn civil(self) -> Option<jiff::civil::DateTime> {
        // By calendar, not by the library's instants: those end a day before the last one that people write.
        let shift = i64::from(self.offset_minutes) * 60 * TICKS_PER_SECOND;
        let nanos = (i128::from(self.ticks) + i128::from(shift)) * 100;
        EPOCH
            .checked_add(SignedDuration::try_from_nanos_i128(nanos)?)
            .ok()
    }
}

impl fmt::Display for DateTime {
    /// Writes RFC 3339 text with as many fraction digits as the value has, such as `2026-11-22T08:30:00+01:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(civil) = self.civil() else {
            return write!(f, "ticks {}", self.ticks);
        };
        write!(f, "{civil}")?;
        if self.offset_minutes == 0 {
            return f.write_str("Z");
        }
        let minutes = self.offset_minutes.unsigned_abs();
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl FromStr for DateTime {
    type Err = InvalidTime;

    /// Reads RFC 3339 text; a time without offset is an error, finer fractions than 100 ns are cut.
    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        const EXPECTED: InvalidTime = InvalidTime {
            expected: "date-time (2026-11-22T08:30:00Z)",
        };
        let pieces = jiff::fmt::temporal::DateTimeParser::new()
            .parse_pieces(text)
            .map_err(|_| EXPECTED)?;
        let (Some(time), Some(offset)) = (pieces.time(), pieces.to_numeric_offset()) else {
            return Err(EXPECTED);
        };
        let local = pieces.date().to_datetime(time).duration_since(EPOCH).as_nanos();
        let nanos = local - i128::from(offset.seconds()) * 1_000_000_000;
        let ticks = i64::try_from(nanos.div_euclid(100)).map_err(|_| EXPECTED)?;
        let offset_minutes = i16::try_from(offset.seconds() / 60).map_err(|_| EXPECTED)?;
        Ok(Self {
            ticks,
            offset_minutes,
        })
    }
}

/// A span of time in ticks of 100 ns, as `Edm.Duration` (days and smaller units only).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration {
    /// Ticks of 100 ns; negative spans point to the past.
    pub ticks: i64,
}

impl fmt::Display for Duration {
    /// Writes the XML Schema `dayTimeDuration` form, such as `P1DT2H30M0.5S`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ticks < 0 {
            f.write_str("-")?;
        }
        let ticks = self.ticks.unsigned_abs();
        let second = TICKS_PER_SECOND.unsigned_abs();
        let (days, rest) = (ticks / (86_400 * second), ticks % (86_400 * second));
        let (hours, rest) = (rest / (3600 * second), rest % (3600 * second));
        let (minutes, rest) = (rest / (60 * second), rest % (60 * second));
        f.write_str("P")?;
        if days > 0 {
            write!(f, "{days}D")?;
        }
        if days == 0 || hours + minutes + rest > 0 {
            f.write_str("T")?;
        }
        if hours > 0 {
            write!(f, "{hours}H")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}M")?;
        }
        if rest > 0 || (days == 0 && hours == 0 && minutes == 0) {
            write!(f, "{}", rest / second)?;
            let fraction = rest % second;
            if fraction > 0 {
                write!(f, ".{}", format!("{fraction:07}").trim_end_matches('0'))?;
            }
            f.write_str("S")?;
        }
        Ok(())
    }
}

impl FromStr for Duration {
    type Err = InvalidTime;

    /// Reads the XML Schema `dayTimeDuration` form; years and months are an error, finer fractions than 100 ns are cut.
    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        const EXPECTED: InvalidTime = InvalidTime {
            expected: "duration (P1DT2H30M)",
        };
        let span: jiff::Span = text.parse().map_err(|_| EXPECTED)?;
        if span.get_years() != 0 || span.get_months() != 0 || span.get_weeks() != 0 {
            return Err(EXPECTED);
        }
        let days = jiff::SignedDuration::from_hours(i64::from(span.get_days()) * 24);
        let rest = span
            .days(0)
            .to_duration(jiff::civil::date(1970, 1, 1))
            .map_err(|_| EXPECTED)?;
        let nanos = days.checked_add(rest).ok_or(EXPECTED)?.as_nanos();
        Ok(Self {
            ticks: i64::try_from(nanos / 100).map_err(|_| EXPECTED)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn date_times_keep_instant_and_offset() {
        for text in [
            "2026-11-22T08:30:00Z",
            "2026-11-22T08:30:00.25+01:30",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.9999999Z",
            "9999-12-31T23:59:59+14:00",
        ] {
            assert_eq!(text.parse::<DateTime>().unwrap().to_string(), text);
        }
        for bad in ["2026-11-22", "2026-11-22T08:30:00", "2026-02-30T00:00:00Z", ""] {
            assert!(bad.parse::<DateTime>().is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_read_and_write() {
        for text in ["P1DT2H30M", "T0S", "-P1D", "PT0.5S"] {
            let text = if text.starts_with('T') {
                format!("P{text}")
            } else {
                text.to_owned()
            };
            assert_eq!(text.parse::<Duration>().unwrap().to_string(), text);
        }
        assert!("P1Y".parse::<Duration>().is_err());
    }

    proptest! {
        #[test]
        fn every_tick_survives_text(ticks in -600_000_000_000_000_000i64..2_500_000_000_000_000_000, offset in -840i16..840) {
            let value = DateTime { ticks, offset_minutes: offset };
            prop_assert_eq!(value.to_string().parse::<DateTime>().unwrap(), value);
            let span = Duration { ticks: ticks / 1000 };
            prop_assert_eq!(span.to_string().parse::<Duration>().unwrap(), span);
        }
    }
}
