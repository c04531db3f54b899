//! Guards against paging that never ends.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use driftless_transport::TransportError;

/// The most pages of one set.
pub(crate) const MAX_PAGES: u32 = 200_000;
/// The most empty pages of one set in a row.
pub(crate) const MAX_EMPTY: u32 = 1_000;

/// The places that a set has already been read from, as hashes.
#[derive(Debug, Default)]
pub(crate) struct Visited(BTreeSet<u64>);

impl Visited {
    /// Forgets everything: a new set begins.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Notes where the next page comes from, after a page that came from `here`.
    ///
    /// # Errors
    /// [`TransportError::Protocol`] if it was read before in this set.
    pub(crate) fn go(&mut self, here: &str, next: &str) -> Result<(), TransportError> {
        self.0.insert(hash(here));
        if here == next || self.0.contains(&hash(next)) {
            return Err(TransportError::Protocol(
                "its pages go round in circles".to_owned(),
            ));
        }
        if self.0.len() > MAX_PAGES as usize {
            return Err(TransportError::Protocol("its pages do not end".to_owned()));
        }
        Ok(())
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_come_back_are_refused() {
        let mut visited = Visited::default();
        assert!(visited.go("a", "b").is_ok());
        assert!(visited.go("b", "b").is_err());
        assert!(visited.go("b", "c").is_ok());
        assert!(visited.go("c", "a").is_err());
        visited.clear();
        assert!(visited.go("c", "a").is_ok());
    }
}
