//! How long to wait before trying again, and how often.

/// The longest wait, in milliseconds.
pub(crate) const MAX_WAIT_MILLIS: i64 = 3_600_000;

/// How many answers may bring an operation no further before a person is asked. With the waits between them that is
/// 18 minutes at the least; a server that is away altogether does not answer, so nothing is counted then.
pub(crate) const MAX_TRIES: u32 = 12;

const BASE_MILLIS: i64 = 1000;
const CAP_MILLIS: i64 = 300_000;

/// Returns how long to wait after so many tries, in milliseconds: 1 s, doubled with each try, at most 5 minutes.
pub(crate) fn ceiling(tries: u32) -> i64 {
    BASE_MILLIS
        .saturating_mul(1 << tries.saturating_sub(1).min(20))
        .min(CAP_MILLIS)
}

/// Returns how long to wait after so many tries, in milliseconds, no less than the server asked for; `None` if a person
/// is to be asked now.
pub(crate) fn wait(tries: u32, asked: i64) -> Option<i64> {
    (tries < MAX_TRIES).then(|| asked.max(ceiling(tries)).min(MAX_WAIT_MILLIS))
}

/// Returns how long all waits after so many tries take together, in milliseconds.
pub(crate) fn span(tries: u32) -> i64 {
    (1..=tries.min(2 * MAX_TRIES)).map(ceiling).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap() {
        assert_eq!([1, 2, 3, 40].map(ceiling), [1000, 2000, 4000, CAP_MILLIS]);
        assert_eq!([0, 1, 3].map(span), [0, 1000, 7000]);
    }
}
