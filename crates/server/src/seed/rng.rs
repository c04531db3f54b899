//! A small generator of its own, so that a data set never changes with a dependency.

use driftless_record::RecordId;
use uuid::Uuid;

/// `SplitMix64`: one state word, every seed good.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

impl Rng {
    /// Returns the generator of one row: of an entity, the `n`th, for one purpose.
    pub(super) fn of(entity: &str, n: usize, purpose: u64) -> Self {
        // FNV-1a over the name keeps rows of different entities apart.
        let name = entity.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut rng = Self(name ^ (n as u64).wrapping_mul(0xd6e8_feb8_6659_fd93) ^ (purpose << 56));
        rng.next();
        rng
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `end`; 0 if `end` is 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let wide = u128::from(self.next()) * end as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// Returns a number in a range, both ends included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = usize::try_from(high - low + 1).unwrap_or(1);
        low + i64::try_from(self.below(span)).unwrap_or(0)
    }

    /// Returns true for so many of a hundred.
    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    /// Picks a code; earlier ones are more frequent.
    pub(super) fn skewed<'a>(&mut self, list: &[&'a str]) -> &'a str {
        let (a, b) = (self.below(list.len()), self.below(list.len()));
        list[a.min(b)]
    }
}

/// Returns the id of the `n`th row of an entity: a UUID of version 8.
pub(super) fn id(entity: &str, n: usize) -> Uuid {
    let mut rng = Rng::of(entity, n, 1);
    let bits = (u128::from(rng.next()) << 64) | u128::from(rng.next());
    uuid::Builder::from_custom_bytes(bits.to_be_bytes()).into_uuid()
}

/// Returns the record id of the `n`th row of an entity.
pub(super) fn record_id(entity: &str, n: usize) -> RecordId {
    RecordId::guid(id(entity, n))
}
