//! What the log is told about a store that fails: that it began, now and then that it lasts, and
//! that it is over. A full disk stops every execution at once, and a line for each of them and each
//! retry would fill what is left of the disk.

use std::collections::BTreeSet;

use asl::time::Timestamp;
use store::EntityId;

use crate::limits::FAILING_LOG_MS;

/// Whether the store fails, and who waits for it.
#[derive(Debug, Default)]
pub(crate) struct Failing {
    /// Whether it fails and the log knows of it.
    is_told: bool,
    /// When the log was told last, of this trouble or one before.
    told: Option<Timestamp>,
    waiting: BTreeSet<EntityId>,
}

impl Failing {
    /// An execution can't go on before the store is well.
    pub(crate) fn waits(&mut self, entity: EntityId) {
        self.waiting.insert(entity);
    }

    /// The store failed. With how many executions wait if the log is to be told, which it is no
    /// more often than every [`FAILING_LOG_MS`], even when the store fails on and off.
    pub(crate) fn fails(&mut self, now: Timestamp) -> Option<usize> {
        // Told in the future: the clock was set back.
        let is_fresh = |told: Timestamp| told <= now && now < told.plus_ms(FAILING_LOG_MS);
        if self.told.is_some_and(is_fresh) {
            return None;
        }
        self.told = Some(now);
        self.is_told = true;
        Some(self.waiting.len())
    }

    /// The store confirmed a change. With how many executions waited if the log is to be told.
    pub(crate) fn is_over(&mut self) -> Option<usize> {
        let waited = std::mem::take(&mut self.waiting).len();
        let is_told = std::mem::take(&mut self.is_told);
        is_told.then_some(waited)
    }
}

#[cfg(test)]
mod tests;
