//! The bytes of a file: those that programs see, and those that a power cut leaves.

use std::collections::BTreeMap;
use std::ops::Range;

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _};

/// The unit that a disk writes, or fails to write, by itself.
const SECTOR: usize = 512;

/// The bytes of a file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    /// What programs read.
    seen: Vec<u8>,
    /// What is on the disk for certain.
    durable: Vec<u8>,
    /// What happened since the last sync, in order.
    unsynced: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Resize(usize),
}

impl Content {
    /// Makes a file whose bytes are all synced.
    pub(crate) fn durable(bytes: Vec<u8>) -> Self {
        Self {
            durable: bytes.clone(),
            seen: bytes,
            unsynced: Vec::new(),
        }
    }

    /// Returns what programs see.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.seen
    }

    /// Fills a buffer from a place on; what is past the end is zero. Returns how much was there.
    pub(crate) fn read(&self, at: usize, buffer: &mut [u8]) -> usize {
        let start = at.min(self.seen.len());
        let there = buffer.len().min(self.seen.len() - start);
        buffer[..there].copy_from_slice(&self.seen[start..start + there]);
        buffer[there..].fill(0);
        there
    }

    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.change(Change::Write { at, bytes });
    }

    pub(crate) fn resize(&mut self, size: usize) {
        self.change(Change::Resize(size));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }

    /// Brings everything to the disk.
    pub(crate) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// Forgets what was to be written, as systems do after a failed sync: programs still see it, the disk never gets it.
    pub(crate) fn forget(&mut self) {
        self.unsynced.clear();
    }

    /// Loses power: each sector keeps some of what was written to it since the last sync, in order; one that was being
    /// written may be torn or hold anything. The size is that of some moment since the last sync.
    pub(crate) fn lose_power(&mut self, powersafe: bool, random: &mut StdRng) {
        if self.unsynced.is_empty() {
            self.seen.clone_from(&self.durable);
            return;
        }
        let mut left = std::mem::take(&mut self.durable);
        let mut sizes = vec![left.len()];
        for change in &self.unsynced {
            sizes.push(change.size_after(sizes[sizes.len() - 1]));
        }
        let size = sizes[random.random_range(0..sizes.len())];
        left.resize(size, 0);
        let mut touched = BTreeMap::<usize, Vec<&Change>>::new();
        for change in &self.unsynced {
            for sector in change.sectors(size) {
                touched.entry(sector).or_default().push(change);
            }
        }
        for (sector, changes) in touched {
            let range = sector * SECTOR..((sector + 1) * SECTOR).min(size);
            let kept = random.random_range(0..=changes.len());
            for change in &changes[..kept] {
                change.apply_within(&range, range.end, &mut left);
            }
            if let Some(torn) = changes.get(kept).filter(|_| random.random_ratio(1, 8)) {
                let end = random.random_range(range.clone());
                torn.apply_within(&range, end, &mut left);
            } else if kept > 0 && !powersafe && random.random_ratio(1, 16) {
                random.fill_bytes(&mut left[range]);
            }
        }
        *self = Self::durable(left);
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes: new } => {
                if bytes.len() < at + new.len() {
                    bytes.resize(at + new.len(), 0);
                }
                bytes[*at..at + new.len()].copy_from_slice(new);
            }
            Self::Resize(size) => bytes.resize(*size, 0),
        }
    }

    fn size_after(&self, before: usize) -> usize {
        match self {
            Self::Write { at, bytes } => before.max(at + bytes.len()),
            Self::Resize(size) => *size,
        }
    }

    /// Returns the sectors of a file of a size that the change touches.
    fn sectors(&self, size: usize) -> Range<usize> {
        let (start, end) = match self {
            Self::Write { at, bytes } => (*at, (at + bytes.len()).min(size)),
            Self::Resize(shorter) => (*shorter, size),
        };
        if start < end {
            start / SECTOR..end.div_ceil(SECTOR)
        } else {
            0..0
        }
    }

    /// Applies the part of the change that lies in a sector, and before an end within it.
    fn apply_within(&self, sector: &Range<usize>, end: usize, bytes: &mut [u8]) {
        let (at, new) = match self {
            Self::Write { at, bytes } => (*at, bytes.as_slice()),
            Self::Resize(size) => {
                let start = (*size).clamp(sector.start, end);
                bytes[start..end].fill(0);
                return;
            }
        };
        let start = at.max(sector.start);
        let end = (at + new.len()).min(end);
        if start < end {
            bytes[start..end].copy_from_slice(&new[start - at..end - at]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    #[test]
    fn what_was_synced_stays_and_what_was_not_may_be_old_or_new_by_sector() {
        let (mut old, mut new, mut torn) = (0, 0, 0);
        for seed in 0..200 {
            let mut content = Content::durable(vec![1; 4 * SECTOR]);
            content.write(SECTOR, &[2; 2 * SECTOR]);
            content.lose_power(true, &mut StdRng::seed_from_u64(seed));
            let bytes = content.bytes();
            assert_eq!(bytes.len(), 4 * SECTOR);
            assert!(
                bytes[..SECTOR]
                    .iter()
                    .chain(&bytes[3 * SECTOR..])
                    .all(|byte| *byte == 1)
            );
            for sector in bytes[SECTOR..3 * SECTOR].chunks(SECTOR) {
                match sector.iter().filter(|byte| **byte == 2).count() {
                    0 => old += 1,
                    SECTOR => new += 1,
                    _ => torn += 1,
                }
            }
        }
        assert!(old > 50 && new > 50 && torn > 5, "{old} {new} {torn}");
    }

    #[test]
    fn a_sync_keeps_everything_and_what_it_forgot_is_lost() {
        let mut random = StdRng::seed_from_u64(1);
        let mut content = Content::default();
        content.write(3, b"abc");
        content.sync();
        content.resize(4);
        content.forget();
        assert_eq!(content.bytes(), b"\0\0\0a");
        content.lose_power(true, &mut random);
        assert_eq!(content.bytes(), b"\0\0\0abc");
    }

    #[test]
    fn the_size_after_a_power_cut_is_one_that_the_file_had() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let mut content = Content::durable(vec![7; 1000]);
            content.resize(0);
            content.write(0, &[8; 300]);
            content.write(300, &[9; 900]);
            content.lose_power(false, &mut StdRng::seed_from_u64(seed));
            seen.insert(content.bytes().len());
        }
        assert_eq!(seen, [0, 300, 1000, 1200].into());
    }
}
