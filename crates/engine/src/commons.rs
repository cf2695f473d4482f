//! What the shards of one engine have in common. Nothing here is durable: an engine that opens
//! again makes it from the store.

use std::sync::atomic::{AtomicU64, Ordering};

use store::{EntityId, ShardId};

use crate::endings::Endings;
use crate::gates::Gates;

/// Shared by the shards of an engine, and by its driver.
#[derive(Debug)]
pub struct Commons {
    /// The counter of the next entity.
    next_entity: AtomicU64,
    /// Standard executions that are open: those decided to start, less those whose end is
    /// committed.
    open_executions: AtomicU64,
    pub gates: Gates,
    pub endings: Endings,
}

impl Commons {
    /// For a store whose last entity has the counter before `next_entity`, with so many open
    /// executions.
    pub fn new(next_entity: u64, open_executions: u64) -> Commons {
        Commons {
            next_entity: AtomicU64::new(next_entity),
            open_executions: AtomicU64::new(open_executions),
            gates: Gates::default(),
            endings: Endings::default(),
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

    /// How many executions are open.
    pub fn open_executions(&self) -> u64 {
        self.open_executions.load(Ordering::Relaxed)
    }
}
