//! Deadlines in the order of time.

use std::collections::BTreeSet;

use asl::time::Timestamp;
use store::EntityId;

/// One entry of 16 bytes for each execution that waits. An ordered set instead of a heap: a
/// deadline that is not reached can be taken out, so entries never outnumber what waits.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(Timestamp, EntityId)>);

impl Timers {
    /// Moves an entity's entry.
    pub(super) fn change(
        &mut self,
        entity: EntityId,
        old: Option<Timestamp>,
        new: Option<Timestamp>,
    ) {
        if let Some(old) = old {
            self.0.remove(&(old, entity));
        }
        if let Some(new) = new {
            self.0.insert((new, entity));
        }
    }

    /// The earliest entry.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.0.first().map(|(due, _)| *due)
    }

    /// Takes entries that are due out, at most so many.
    pub(super) fn take_due(&mut self, now: Timestamp, max: usize) -> Vec<EntityId> {
        let mut due = Vec::new();
        while due.len() < max && self.next().is_some_and(|next| next <= now) {
            due.extend(self.0.pop_first().map(|(_, entity)| entity));
        }
        due
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
