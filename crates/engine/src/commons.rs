//! What the shards of one engine have in common. Nothing here is durable: an engine that opens
//! again makes it from the store.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use asl::event::Text;
use parking_lot::Mutex;
use store::{EntityId, ShardId};

use crate::endings::Endings;
use crate::gates::Gates;
use crate::limits::ACTIVITIES_MAX;
use crate::observe::Observers;

/// Activities that were seen to exist and were not deleted since.
#[derive(Debug, Default)]
struct Known {
    arns: BTreeSet<Text>,
    /// Activities deleted. What was read before one and comes after it says nothing.
    deletions: u64,
}

/// Shared by the shards of an engine, and by its driver.
#[derive(Debug)]
pub struct Commons {
    /// The counter of the next entity.
    next_entity: AtomicU64,
    /// Standard executions that are open: those decided to start, less those whose end is
    /// committed.
    open_executions: AtomicU64,
    activities: Mutex<Known>,
    pub gates: Gates,
    pub endings: Endings,
    pub observers: Observers,
}

impl Commons {
    /// For a store whose last entity has the counter before `next_entity`, with so many open
    /// executions, and who watches them.
    pub fn new(next_entity: u64, open_executions: u64, observers: Observers) -> Commons {
        Commons {
            next_entity: AtomicU64::new(next_entity),
            open_executions: AtomicU64::new(open_executions),
            activities: Mutex::default(),
            gates: Gates::default(),
            endings: Endings::default(),
            observers,
        }
    }

    /// The next entity of a shard.
    pub fn next_entity(&self, shard: ShardId) -> EntityId {
        EntityId::new(self.next_entity.fetch_add(1, Ordering::Relaxed), shard)
    }

    /// Counts one more open execution; false, and none counted, if there are `max`.
    pub(crate) fn open_execution(&self, max: u64) -> bool {
        let before = self.open_executions.fetch_add(1, Ordering::Relaxed);
        if before < max {
            return true;
        }
        self.close_executions(1);
        false
    }

    /// So many executions are not open any more, or never were.
    pub(crate) fn close_executions(&self, count: u64) {
        self.open_executions.fetch_sub(count, Ordering::Relaxed);
    }

    /// Those of some activities that are not known to exist, and until when what is found of them
    /// [counts](Commons::know).
    pub(crate) fn unknown(&self, activity_arns: &[Text]) -> (Vec<Text>, u64) {
        let known = self.activities.lock();
        let unknown = activity_arns
            .iter()
            .filter(|arn| !known.arns.contains(*arn));
        (unknown.cloned().collect(), known.deletions)
    }

    /// An activity was seen to exist, by somebody who knew of so many deletions before.
    pub(crate) fn know(&self, activity_arn: &Text, deletions: u64) {
        let mut known = self.activities.lock();
        if known.deletions != deletions {
            return;
        }
        if known.arns.len() >= ACTIVITIES_MAX {
            known.arns.pop_first();
        }
        known.arns.insert(activity_arn.clone());
    }

    /// An activity was deleted.
    pub(crate) fn forget_activity(&self, activity_arn: &str) {
        let mut known = self.activities.lock();
        known.deletions += 1;
        known.arns.remove(activity_arn);
    }

    /// How many executions are open.
    pub fn open_executions(&self) -> u64 {
        self.open_executions.load(Ordering::Relaxed)
    }
}
