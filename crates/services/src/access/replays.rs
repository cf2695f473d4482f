//! Requests that were taken: a changing request is taken once while its signature counts.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use parking_lot::Mutex;

/// Signatures of one generation: what a table of 2^21 places takes, 19 MB. It lasts for 1,000
/// changing requests a second, for as long as a signature counts on both sides of the clock.
const SIGNATURES_MAX: usize = 1_835_008;

/// The signatures of the requests that were taken. Two generations: none is forgotten before it
/// has expired, unless more come than one generation takes.
pub(super) struct Replays {
    /// A signature taken now may still come this much later.
    window_ms: i64,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    began_ms: i64,
    new: Signatures,
    old: Signatures,
}

/// The first eight bytes of signatures, which are as good as random: of all requests of a window
/// two have the same by chance once in millions of years.
type Signatures = HashSet<u64, BuildHasherDefault<AsItIs>>;

impl Replays {
    /// Over signatures that count for `skew_ms` on both sides of the clock.
    pub(super) fn new(skew_ms: i64) -> Replays {
        Replays {
            window_ms: skew_ms.saturating_mul(2),
            generations: Mutex::default(),
        }
    }

    /// Takes a request by its signature; `false` when it was taken before.
    pub(super) fn take(&self, signature: &[u8; 32], now_ms: i64) -> bool {
        let Some((head, _)) = signature.split_first_chunk() else {
            return false;
        };
        let head = u64::from_le_bytes(*head);
        let mut generations = self.generations.lock();
        let is_full = generations.new.len() >= SIGNATURES_MAX;
        if is_full || now_ms.saturating_sub(generations.began_ms) > self.window_ms {
            generations.old = std::mem::take(&mut generations.new);
            generations.began_ms = now_ms;
        }
        !generations.old.contains(&head) && generations.new.insert(head)
    }
}

/// Signatures need no hashing.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = self.0.rotate_left(8) ^ value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests;
