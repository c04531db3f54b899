//! Date-times as services write them, read without detours.

use driftless_record::DateTime;
use driftless_record::time::TICKS_PER_SECOND;
use jiff::civil::Date;

/// Reads a date-time. The form that nearly every service writes, in UTC, is read directly; all others by the rules of
/// RFC 3339, a missing second counting as zero.
pub(super) fn date_time(text: &str) -> Option<DateTime> {
    utc(text.as_bytes()).or_else(|| text.parse().ok()).or_else(|| {
        // OData lets a service leave out the seconds: 2026-11-22T08:30Z.
        let (minute, offset) = text.split_at_checked(16)?;
        format!("{minute}:00{offset}").parse().ok()
    })
}

/// Reads a date; the form with four digits of the year is read directly.
pub(super) fn date(text: &str) -> Option<Date> {
    let [y @ .., b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else {
        return None;
    };
    if y.len() != 4 {
        return text.parse().ok();
    }
    let (year, month, day) = (digits(y)?, digits(&[*m1, *m2])?, digits(&[*d1, *d2])?);
    Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    )
    .ok()
}

fn digits(bytes: &[u8]) -> Option<i64> {
    let mut number = 0i64;
    for byte in bytes {
        number = number * 10 + i64::from(byte.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    Some(number)
}

/// Reads `YYYY-MM-DDTHH:MM:SS[.fffffff]Z`.
fn utc(bytes: &[u8]) -> Option<DateTime> {
    let [date_and_time @ .., b'Z'] = bytes else {
        return None;
    };
    let (whole, fraction) = date_and_time.split_at_checked(19)?;
    let [y @ .., b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _] = whole else {
        return None;
    };
    let (year, month, day) = (digits(y)?, digits(&whole[5..7])?, digits(&whole[8..10])?);
    let (hour, minute, second) = (
        digits(&whole[11..13])?,
        digits(&whole[14..16])?,
        digits(&whole[17..19])?,
    );
    if hour > 23 || minute > 59 || second > 59 || day < 1 || day > days_in(year, month)? || year < 1 {
        return None;
    }
    let ticks = match fraction {
        [] => 0,
        [b'.', digits_of @ ..] if (1..=7).contains(&digits_of.len()) => {
            digits(digits_of)? * 10i64.pow(7 - u32::try_from(digits_of.len()).ok()?)
        }
        _ => return None,
    };
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(DateTime {
        ticks: seconds.checked_mul(TICKS_PER_SECOND)?.checked_add(ticks)?,
        offset_minutes: 0,
    })
}

fn days_in(year: i64, month: i64) -> Option<i64> {
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => return None,
    })
}

/// The days from 1970-01-01 to a date of the Gregorian calendar, counted in eras of 400 years from March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month > 2 { year } else { year - 1 };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_short_way_and_the_long_way_agree(ticks in -600_000_000_000_000_000i64..2_500_000_000_000_000_000) {
            let text = DateTime { ticks, offset_minutes: 0 }.to_string();
            prop_assert_eq!(date_time(&text), text.parse().ok());
            prop_assert!(utc(text.as_bytes()).is_some(), "{}", text);
            let day = text.split('T').next().unwrap();
            prop_assert_eq!(date(day), day.parse().ok());
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,30}", near in "[0-9TZ:.+-]{10,30}") {
            let _ = (date_time(&text), date_time(&near), date(&text), date(&near));
        }
    }

    #[test]
    fn seconds_may_be_missing_and_days_must_exist() {
        assert_eq!(
            date_time("2026-11-22T08:30Z"),
            "2026-11-22T08:30:00Z".parse().ok()
        );
        assert_eq!(
            date_time("2026-11-22T08:30+01:00"),
            "2026-11-22T08:30:00+01:00".parse().ok()
        );
        for bad in [
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01",
            "éééééééééé",
        ] {
            assert_eq!(date_time(bad), None, "{bad}");
        }
    }
}
