//! `Retry-After` and `Date`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use driftless_record::Timestamp;

/// The longest wait that a server may ask for.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The end of the last year that an HTTP date is written for, 9998.
const LAST_MILLIS: u64 = 253_370_764_799_000;

/// Reads an HTTP date in any of its three forms.
#[must_use]
pub fn parse_http_date(text: &str) -> Option<Timestamp> {
    let time: SystemTime = httpdate::parse_http_date(text.trim()).ok()?;
    let millis = time.duration_since(UNIX_EPOCH).ok()?.as_millis();
    Some(Timestamp(i64::try_from(millis).ok()?))
}

/// Writes an HTTP date in the form of today (IMF-fixdate), cut to seconds; times before 1970 become 1970,
/// and times that the form cannot say become its last year.
#[must_use]
pub fn format_http_date(time: Timestamp) -> String {
    let millis = u64::try_from(time.0).unwrap_or(0).min(LAST_MILLIS);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(millis))
}

/// Reads `Retry-After`: seconds, or a date, which is compared with `now` (the server's own `Date`, where it sent one).
///
/// The wait is at most [`MAX_RETRY_AFTER`]; a date in the past means none.
#[must_use]
pub fn parse_retry_after(text: &str, now: Option<Timestamp>) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
    }
    let millis = parse_http_date(text)?.millis_since(now?).max(0).unsigned_abs();
    Some(Duration::from_millis(millis).min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_at_most_an_hour() {
        let now = parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(now, Some(Timestamp(784_111_777_000)));
        assert_eq!(
            format_http_date(Timestamp(784_111_777_999)),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
        assert_eq!(
            format_http_date(Timestamp(i64::MIN)),
            "Thu, 01 Jan 1970 00:00:00 GMT"
        );
        assert_eq!(
            format_http_date(Timestamp(i64::MAX)),
            "Thu, 31 Dec 9998 23:59:59 GMT"
        );
        for (text, now, want) in [
            ("0", now, Some(0)),
            (" 17 ", None, Some(17)),
            ("999999999999999999999999", None, Some(3600)),
            ("Sun, 06 Nov 1994 08:49:57 GMT", now, Some(20)),
            ("Sunday, 06-Nov-94 08:49:57 GMT", now, Some(20)),
            ("Sun Nov  6 08:49:57 1994", now, Some(20)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", now, Some(0)),
            ("Sat, 06 Nov 2094 08:00:00 GMT", now, Some(3600)),
            ("Sun, 06 Nov 1994 08:49:57 GMT", None, None),
            ("-5", now, None),
            ("1.5", now, None),
            ("soon", now, None),
            ("", now, None),
        ] {
            let got = parse_retry_after(text, now).map(|wait| wait.as_secs());
            assert_eq!(got, want, "{text}");
        }
    }
}
