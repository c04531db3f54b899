//! The randomness of this machine: the one place that draws it.

use driftless_engine::Random;
use uuid::Uuid;

/// The system's source of randomness.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemRandom;

impl SystemRandom {
    /// Returns a new random id.
    pub(crate) fn uuid(self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }
}

impl Random for SystemRandom {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge draws randomness here, for everyone else"
    )]
    fn bytes(&self) -> [u8; 16] {
        rand::random()
    }
}
