//! Which task calls are under way, and who waits for room.

use std::collections::BTreeSet;

use asl::event::EventId;
use store::EntityId;

/// One place in so many may stay free while somebody waits for one.
const PLACES_KEPT: usize = 16;

/// Calls are counted from their decision until their outcome came back or was given up. Those that
/// find no room are not kept: their executions are, as a number, and say again later what they owe.
#[derive(Debug, Default)]
pub(super) struct Calls {
    under_way: BTreeSet<(EntityId, EventId)>,
    /// Oldest execution first. No longer than the wake-up rows that owe calls.
    postponed: BTreeSet<EntityId>,
}

impl Calls {
    /// Takes a place for a call; false if it has one or there is no room.
    pub(super) fn begin(&mut self, entity: EntityId, attempt: EventId, max: usize) -> bool {
        if self.under_way.contains(&(entity, attempt)) {
            return false;
        }
        if self.under_way.len() >= max {
            self.postponed.insert(entity);
            return false;
        }
        self.under_way.insert((entity, attempt))
    }

    /// The call is over, or was given up.
    pub(super) fn end(&mut self, entity: EntityId, attempt: EventId) {
        self.under_way.remove(&(entity, attempt));
    }

    pub(super) fn postpone(&mut self, entity: EntityId) {
        self.postponed.insert(entity);
    }

    /// Whether somebody waits and there is room. An execution that is asked what it owes looks at
    /// all its threads, so it is not asked for each place that becomes free.
    pub(super) fn has_work(&self, max: usize) -> bool {
        !self.postponed.is_empty() && self.room(max) > max / PLACES_KEPT
    }

    /// Places that are free.
    pub(super) fn room(&self, max: usize) -> usize {
        max.saturating_sub(self.under_way.len())
    }

    pub(super) fn is_under_way(&self, entity: EntityId, attempt: EventId) -> bool {
        self.under_way.contains(&(entity, attempt))
    }

    pub(super) fn take_postponed(&mut self, max: usize) -> Option<EntityId> {
        self.has_work(max)
            .then(|| self.postponed.pop_first())
            .flatten()
    }

    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    pub(super) fn postponed(&self) -> usize {
        self.postponed.len()
    }
}
