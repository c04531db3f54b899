//! Spans of time on the command line.

use std::time::Duration;

/// The longest span: a year.
const LONGEST: f64 = 366.0 * 86_400.0;

/// Reads a number of seconds, whole or not.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse::<f64>().ok();
    number
        .filter(|number| (0.0..=LONGEST).contains(number))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "expected a number of seconds such as 30 or 0.5, a year at most".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_whole_or_not_and_never_nonsense() {
        assert_eq!(seconds("30"), Ok(Duration::from_secs(30)));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("0"), Ok(Duration::ZERO));
        for text in ["-1", "NaN", "inf", "1e99", "soon", ""] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
