//! Runs that yielded, in the order of their turns.

use std::collections::{BTreeSet, VecDeque};

use store::{EntityId, ShardId};

/// Each run waits once, however often it is said that it yielded.
#[derive(Debug, Default)]
pub(super) struct Turns {
    queue: VecDeque<EntityId>,
    waiting: BTreeSet<EntityId>,
}

impl Turns {
    pub(super) fn push(&mut self, entity: EntityId) {
        if self.waiting.insert(entity) {
            self.queue.push_back(entity);
        }
    }

    pub(super) fn pop(&mut self) -> Option<EntityId> {
        let entity = self.queue.pop_front()?;
        self.waiting.remove(&entity);
        Some(entity)
    }

    pub(super) fn contains(&self, entity: EntityId) -> bool {
        self.waiting.contains(&entity)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Forgets the runs of a shard.
    pub(super) fn forget(&mut self, shard: ShardId) {
        self.queue.retain(|entity| entity.shard() != shard);
        self.waiting.retain(|entity| entity.shard() != shard);
    }
}
