//! What StartExecution needs of a state machine, kept in memory: a start reads no document.

use std::collections::HashMap;
use std::sync::Arc;

use asl::event::Text;
use parking_lot::RwLock;

use super::startable::Startable;

/// State machines, versions and aliases kept, a few hundred bytes each. More than are started at
/// the same time in all but huge installations; beyond, a start costs a point read of the store
/// now and then.
const MACHINES_MAX: usize = 4_096;

/// State machines, versions and aliases by their ARNs.
#[derive(Default)]
pub(super) struct Cache {
    machines: RwLock<Machines>,
}

#[derive(Default)]
struct Machines {
    by_arn: HashMap<Text, Arc<Startable>>,
    /// Rises whenever something is forgotten: what was read before may be older.
    age: u64,
}

/// The age of the cache before a document was read.
#[derive(Clone, Copy)]
pub(super) struct Age(u64);

impl Cache {
    pub(super) fn get(&self, arn: &str) -> Option<Arc<Startable>> {
        self.machines.read().by_arn.get(arn).cloned()
    }

    /// To be asked before a document is read that is to be kept.
    pub(super) fn age(&self) -> Age {
        Age(self.machines.read().age)
    }

    /// Keeps what was read, unless a machine was changed since: then it may be the old one.
    pub(super) fn keep(&self, age: Age, arn: &str, machine: &Arc<Startable>) {
        let mut machines = self.machines.write();
        if machines.age != age.0 {
            return;
        }
        if machines.by_arn.len() >= MACHINES_MAX {
            machines.by_arn.clear();
        }
        machines.by_arn.insert(arn.into(), Arc::clone(machine));
    }

    /// Something to hold while a machine (unqualified ARN) is changed or deleted. It must go into
    /// the closure that does so: the caller may leave before the store is done, and what is kept
    /// then is old.
    pub(super) fn forget_afterwards(self: &Arc<Self>, arn: &str) -> Forgetting {
        Forgetting {
            cache: Arc::clone(self),
            arn: arn.to_owned(),
        }
    }
}

/// Forgets a machine, its versions and its aliases when it is dropped.
pub(super) struct Forgetting {
    cache: Arc<Cache>,
    arn: String,
}

impl Drop for Forgetting {
    fn drop(&mut self) {
        let mut machines = self.cache.machines.write();
        machines.age += 1;
        machines.by_arn.retain(|_, kept| *kept.arn != *self.arn);
    }
}

#[cfg(test)]
mod tests;
