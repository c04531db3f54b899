//! The only source of chance in a world.

/// Numbers that look random and follow from a seed.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

impl Rng {
    /// Makes a source from two seeds.
    pub(super) fn new(seed: u64, salt: u64) -> Self {
        let mut rng = Self(seed ^ salt.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        rng.next();
        rng
    }

    /// Returns the next number: SplitMix64 (Steele, Lea, Flood, 2014).
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `n`; 0 if `n` is 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next().checked_rem(n).unwrap_or_default()
    }

    /// Returns an index below `n`; 0 if `n` is 0.
    pub(super) fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.below(n as u64)).unwrap_or_default()
    }

    /// Returns milliseconds from `from` to below `to`.
    pub(super) fn millis(&mut self, from: i64, to: i64) -> i64 {
        let span = u64::try_from(to.saturating_sub(from)).unwrap_or_default();
        from.saturating_add(i64::try_from(self.below(span)).unwrap_or_default())
    }

    /// Returns true once in `n` times.
    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Returns one of several values.
    pub(super) fn pick<T: Clone>(&mut self, values: &[T]) -> Option<T> {
        values.get(self.index(values.len())).cloned()
    }
}
