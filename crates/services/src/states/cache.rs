//! What StartExecution needs of a state machine, kept in memory: a start reads no document.

use std::collections::HashMap;
use std::sync::Arc;

use asl::event::Text;
use parking_lot::RwLock;

/// State machines kept, a few hundred bytes each. More than are started at the same time in all
/// but huge installations; beyond, a start costs a point read of the store now and then.
const MACHINES_MAX: usize = 4_096;

/// What an execution takes from its state machine when it starts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Startable {
    pub arn: Text,
    pub name: Text,
    pub role_arn: Text,
    /// Number of the current revision.
    pub definition: u64,
}

/// State machines by their ARNs.
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
    pub(super) fn keep(&self, age: Age, machine: &Arc<Startable>) {
        let mut machines = self.machines.write();
        if machines.age != age.0 {
            return;
        }
        if machines.by_arn.len() >= MACHINES_MAX {
            machines.by_arn.clear();
        }
        machines
            .by_arn
            .insert(Arc::clone(&machine.arn), Arc::clone(machine));
    }

    /// Something to hold while a machine is changed or deleted. It must go into the closure that
    /// does so: the caller may leave before the store is done, and what is kept then is old.
    pub(super) fn forget_afterwards(self: &Arc<Self>, arn: &str) -> Forgetting {
        Forgetting {
            cache: Arc::clone(self),
            arn: arn.to_owned(),
        }
    }
}

/// Forgets a machine when it is dropped.
pub(super) struct Forgetting {
    cache: Arc<Cache>,
    arn: String,
}

impl Drop for Forgetting {
    fn drop(&mut self) {
        let mut machines = self.cache.machines.write();
        machines.age += 1;
        machines.by_arn.remove(&*self.arn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(arn: &str, definition: u64) -> Arc<Startable> {
        let (name, role_arn) = ("m".into(), "role".into());
        Arc::new(Startable {
            arn: arn.into(),
            name,
            role_arn,
            definition,
        })
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let cache = Arc::new(Cache::default());
        let age = cache.age();
        cache.keep(age, &machine("a", 1));
        assert_eq!(cache.get("a").map(|machine| machine.definition), Some(1));
        let before = cache.age();
        drop(cache.forget_afterwards("a"));
        cache.keep(before, &machine("a", 1));
        assert_eq!(cache.get("a"), None);
        cache.keep(cache.age(), &machine("a", 2));
        assert_eq!(cache.get("a").map(|machine| machine.definition), Some(2));
    }

    #[test]
    fn it_stays_within_its_bound() {
        let cache = Cache::default();
        for number in 0..=MACHINES_MAX {
            cache.keep(cache.age(), &machine(&number.to_string(), 1));
        }
        assert!(cache.machines.read().by_arn.len() <= MACHINES_MAX);
        assert!(cache.get(&MACHINES_MAX.to_string()).is_some());
    }
}
