//! Dates and times of day as whole numbers.

use jiff::civil::{Date, Time};

use crate::time::TICKS_PER_SECOND;

/// Returns the days from 1970-01-01 to a date.
pub(crate) fn day_number(date: Date) -> i64 {
    let (year, month, day) = (
        i64::from(date.year()),
        i64::from(date.month()),
        i64::from(date.day()),
    );
    // Years from March, so that the leap day is the last one; 400-year eras of 146,097 days.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let year_of_era = year.rem_euclid(400);
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Returns the date that is some days after 1970-01-01, or `None` outside years -9999 to 9999.
pub(crate) fn date_of(day_number: i64) -> Option<Date> {
    let days = day_number.checked_add(719_468)?;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era.checked_mul(400)? + i64::from(month <= 2);
    Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    )
    .ok()
}

/// Returns the ticks of 100 ns from midnight, finer fractions cut.
pub(crate) fn ticks_of(time: Time) -> i64 {
    let minutes = i64::from(time.hour()) * 60 + i64::from(time.minute());
    let seconds = minutes * 60 + i64::from(time.second());
    seconds * TICKS_PER_SECOND + i64::from(time.subsec_nanosecond()) / 100
}

/// Returns the time of day that is some ticks after midnight, or `None` outside a day.
pub(crate) fn time_of(ticks: i64) -> Option<Time> {
    let (seconds, fraction) = (
        ticks.div_euclid(TICKS_PER_SECOND),
        ticks.rem_euclid(TICKS_PER_SECOND),
    );
    Time::new(
        i8::try_from(seconds / 3600).ok()?,
        i8::try_from(seconds / 60 % 60).ok()?,
        i8::try_from(seconds % 60).ok()?,
        i32::try_from(fraction * 100).ok()?,
    )
    .ok()
}
