//! What the shards of one engine have in common. Nothing here is durable: an engine that opens
//! again makes it from the store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use asl::event::Text;
use parking_lot::Mutex;
use store::{EntityId, ShardId};

use crate::deletions::Deletions;
use crate::endings::Endings;
use crate::gates::Gates;
use crate::limits::ACTIVITIES_MAX;
use crate::observe::Observers;
use crate::open::{Place, Places};

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
    places: Places,
    activities: Mutex<Known>,
    pub gates: Gates,
    pub deletions: Deletions,
    pub endings: Endings,
    pub observers: Observers,
}

impl Commons {
    /// For a store whose last entity has the counter before `next_entity`, in which these machines
    /// are being deleted, and who watches its executions.
    pub fn new(next_entity: u64, deletions: Deletions, observers: Observers) -> Commons {
        Commons {
            next_entity: AtomicU64::new(next_entity),
            places: Places::default(),
            activities: Mutex::default(),
            gates: Gates::default(),
            deletions,
            endings: Endings::default(),
            observers,
        }
    }

    /// The next entity of a shard.
    pub fn next_entity(&self, shard: ShardId) -> EntityId {
        EntityId::new(self.next_entity.fetch_add(1, Ordering::Relaxed), shard)
    }

    /// Where the executions of a state machine (ARN) are counted.
    pub(crate) fn place(&self, machine_arn: &str) -> Arc<Place> {
        self.places.of(machine_arn)
    }

    /// All places that have had executions of users.
    pub fn places(&self) -> Vec<Arc<Place>> {
        self.places.of_users()
    }

    /// A state machine is being deleted, and that is stored. Gives its queued executions: they need
    /// not wait for their turn to end, and are to be told by
    /// [`Command::Admit`](crate::shard::Command::Admit), each on the thread of its shard.
    pub fn begin_deletion(&self, machine_arn: &Text) -> Vec<EntityId> {
        self.deletions.begin(machine_arn);
        self.gates.set_limit(machine_arn, None)
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

    /// How many Standard executions are open, of all accounts and Regions.
    pub fn open_executions(&self) -> u64 {
        self.places.open_executions()
    }
}
