//! Small numbers for groups and streams: events lie under them, and a name that is given again gets
//! another one.

use std::ops::Range;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use store::{Kind, Store};

use crate::documents::{self, Error};

/// The document that says which numbers are taken.
const KEY: &str = "logs/numbers";
/// Numbers taken from the store at once. Those that a process leaves over are lost.
const BLOCK: u64 = 1_024;

/// Numbers from 1 on, none given twice in one store.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    ready: Mutex<Range<u64>>,
}

#[derive(Serialize, Deserialize)]
struct Taken {
    next: u64,
}

impl Numbers {
    /// The next number. Blocks while the store gives more of them.
    pub(super) fn next(&self, store: &dyn Store) -> Result<u64, Error> {
        let mut ready = self.ready.lock();
        if let Some(number) = ready.next() {
            return Ok(number);
        }
        let mut block = take(store)?;
        let number = block.start;
        block.start += 1;
        *ready = block;
        Ok(number)
    }
}

/// A block of numbers that nobody else has.
fn take(store: &dyn Store) -> Result<Range<u64>, Error> {
    let change = |taken: &mut Taken| {
        let start = taken.next;
        taken.next += BLOCK;
        Ok::<_, Error>(start..taken.next)
    };
    // Whoever finds none and is too late to create it finds it then.
    if let Some(block) = documents::change(store, Kind::Setting, KEY, change)? {
        return block;
    }
    documents::create(store, Kind::Setting, KEY, &Taken { next: 1 })?;
    let block = documents::change(store, Kind::Setting, KEY, change)?;
    block.ok_or_else(|| Error::Contended(KEY.to_owned()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_given_twice() {
        let store = store::Memory::new();
        let (one, two) = (Numbers::default(), Numbers::default());
        let mut seen: Vec<u64> = (0..3_000)
            .flat_map(|_| [one.next(&store).unwrap(), two.next(&store).unwrap()])
            .collect();
        assert_eq!(seen.iter().min(), Some(&1));
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 6_000);
    }
}
