//! Which errands of executions are under way, and who waits for room.

use std::collections::BTreeSet;

use asl::event::EventId;
use store::EntityId;

use crate::limits::Config;

/// What is done outside for an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Errand {
    /// Its call.
    Call,
    /// Waiting for the end of its job.
    Watch,
    /// Stopping its job.
    Cancel,
    /// The task of an activity waits for a worker. That is no more than an entry in a queue.
    Offer,
    /// An Express execution runs, from its start to its end.
    Run,
}

/// One place in so many may stay free while somebody waits for one.
const PLACES_KEPT: usize = 16;

/// Errands are counted from their decision until their outcome came back or was given up. Those
/// that find no room are not kept: their executions are, as a number, and say again later what they
/// owe.
#[derive(Debug)]
pub(super) struct Calls {
    calls_max: usize,
    watches_max: usize,
    runs_max: usize,
    under_way: BTreeSet<(EntityId, EventId, Errand)>,
    /// Calls and cancels under way.
    calls: usize,
    watches: usize,
    runs: usize,
    /// They wait for room for calls, the oldest execution first. No longer, all of them together,
    /// than the wake-up rows that owe calls.
    postponed: BTreeSet<EntityId>,
    /// They wait for room for watches.
    postponed_watches: BTreeSet<EntityId>,
    /// Express executions that wait for room to run.
    postponed_runs: BTreeSet<EntityId>,
    /// They owe something since before a restart, nobody knows what.
    restored: BTreeSet<EntityId>,
}

impl Calls {
    pub(super) fn new(config: &Config) -> Calls {
        Calls {
            calls_max: config.calls_max,
            watches_max: config.watches_max,
            runs_max: config.express_runs_max,
            under_way: BTreeSet::new(),
            calls: 0,
            watches: 0,
            runs: 0,
            postponed: BTreeSet::new(),
            postponed_watches: BTreeSet::new(),
            postponed_runs: BTreeSet::new(),
            restored: BTreeSet::new(),
        }
    }

    /// Takes a place for an errand; false if it has one or there is no room.
    pub(super) fn begin(&mut self, entity: EntityId, attempt: EventId, errand: Errand) -> bool {
        if self.is_under_way(entity, attempt, errand) {
            return false;
        }
        if self.room(errand) == 0 {
            match errand {
                Errand::Watch => self.postponed_watches.insert(entity),
                Errand::Run => self.postponed_runs.insert(entity),
                Errand::Call | Errand::Cancel | Errand::Offer => self.postponed.insert(entity),
            };
            return false;
        }
        if let Some(count) = self.count(errand) {
            *count += 1;
        }
        self.under_way.insert((entity, attempt, errand))
    }

    /// The errand is over, or was given up.
    pub(super) fn end(&mut self, entity: EntityId, attempt: EventId, errand: Errand) {
        if self.under_way.remove(&(entity, attempt, errand))
            && let Some(count) = self.count(errand)
        {
            *count -= 1;
        }
    }

    fn count(&mut self, errand: Errand) -> Option<&mut usize> {
        match errand {
            Errand::Call | Errand::Cancel => Some(&mut self.calls),
            Errand::Watch => Some(&mut self.watches),
            Errand::Run => Some(&mut self.runs),
            Errand::Offer => None,
        }
    }

    /// An execution owes something since before the restart.
    pub(super) fn restore(&mut self, entity: EntityId) {
        self.restored.insert(entity);
    }

    /// Places that are free.
    pub(super) fn room(&self, errand: Errand) -> usize {
        match errand {
            Errand::Call | Errand::Cancel => self.calls_max.saturating_sub(self.calls),
            Errand::Watch => self.watches_max.saturating_sub(self.watches),
            Errand::Run => self.runs_max.saturating_sub(self.runs),
            Errand::Offer => usize::MAX,
        }
    }

    pub(super) fn is_under_way(&self, entity: EntityId, attempt: EventId, errand: Errand) -> bool {
        self.under_way.contains(&(entity, attempt, errand))
    }

    /// Whether somebody waits and there is room. An execution that is asked what it owes looks at
    /// all its threads, so it is not asked for each place that becomes free.
    pub(super) fn has_work(&self) -> bool {
        !self.restored.is_empty() || self.has_calls() || self.has_watches() || self.has_runs()
    }

    fn has_calls(&self) -> bool {
        !self.postponed.is_empty() && self.room(Errand::Call) > self.calls_max / PLACES_KEPT
    }

    fn has_watches(&self) -> bool {
        !self.postponed_watches.is_empty()
            && self.room(Errand::Watch) > self.watches_max / PLACES_KEPT
    }

    fn has_runs(&self) -> bool {
        !self.postponed_runs.is_empty() && self.room(Errand::Run) > 0
    }

    /// Takes an execution that is to be asked what it owes.
    pub(super) fn take_postponed(&mut self) -> Option<EntityId> {
        if self.has_calls() {
            return self.postponed.pop_first();
        }
        if self.has_watches() {
            return self.postponed_watches.pop_first();
        }
        if self.has_runs() {
            return self.postponed_runs.pop_first();
        }
        self.restored.pop_first()
    }

    /// Calls, cancels and watches under way.
    pub(super) fn under_way(&self) -> usize {
        self.calls + self.watches
    }

    pub(super) fn postponed(&self) -> usize {
        self.postponed.len()
            + self.postponed_watches.len()
            + self.postponed_runs.len()
            + self.restored.len()
    }
}
