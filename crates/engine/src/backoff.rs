//! How long to wait before trying again.

/// The longest wait, in milliseconds.
pub(crate) const MAX_WAIT_MILLIS: i64 = 3_600_000;

const BASE_MILLIS: i64 = 1000;
const CAP_MILLIS: i64 = 300_000;

/// Returns the most to wait after so many attempts, in milliseconds: 1 s, doubled with each attempt, at most 5 minutes.
pub(crate) fn ceiling(attempts: u32) -> i64 {
    BASE_MILLIS
        .saturating_mul(1 << attempts.saturating_sub(1).min(20))
        .min(CAP_MILLIS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap() {
        assert_eq!([1, 2, 3, 40].map(ceiling), [1000, 2000, 4000, CAP_MILLIS]);
    }
}
