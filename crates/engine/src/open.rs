//! Open executions, counted by account and Region: AWS limits each. The server's own executions
//! count by themselves: they have the same limit, and take nothing of an account's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use asl::event::Text;
use parking_lot::RwLock;

use crate::arn;

/// An account in a Region, and its Standard executions that are open: those decided to start, less
/// those whose end is committed.
#[derive(Debug)]
pub struct Place {
    pub account: Text,
    pub region: Text,
    /// Of the server's own executions.
    is_own: bool,
    open: AtomicU64,
}

/// The places that have had executions since the engine was opened, some hundred bytes each.
#[derive(Debug, Default)]
pub(crate) struct Places(RwLock<BTreeMap<(Text, Text, bool), Arc<Place>>>);

impl Place {
    /// How many executions are open.
    pub fn open_executions(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Counts one more; false, and none counted, if there are `max`.
    pub(crate) fn open(&self, max: u64) -> bool {
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        if before < max {
            return true;
        }
        self.close(1);
        false
    }

    /// Counts so many more, that the store has.
    pub(crate) fn add(&self, count: u64) {
        self.open.fetch_add(count, Ordering::Relaxed);
    }

    /// So many are not open any more, or never were.
    pub(crate) fn close(&self, count: u64) {
        self.open.fetch_sub(count, Ordering::Relaxed);
    }
}

impl Places {
    /// The place of a state machine, or of another ARN.
    pub(crate) fn of(&self, arn: &str) -> Arc<Place> {
        let (account, region) = (arn::account(arn).into(), arn::region(arn).into());
        let key = (account, region, arn::is_own(arn));
        if let Some(place) = self.0.read().get(&key) {
            return Arc::clone(place);
        }
        let mut places = self.0.write();
        let (account, region, is_own) = key.clone();
        let place = places.entry(key).or_insert_with(|| {
            Arc::new(Place {
                account,
                region,
                is_own,
                open: AtomicU64::new(0),
            })
        });
        Arc::clone(place)
    }

    /// Those of users' executions.
    pub(crate) fn of_users(&self) -> Vec<Arc<Place>> {
        let places = self.0.read();
        let of_users = places.values().filter(|place| !place.is_own);
        of_users.cloned().collect()
    }

    /// How many executions are open, of whomever.
    pub(crate) fn open_executions(&self) -> u64 {
        let places = self.0.read();
        places.values().map(|place| place.open_executions()).sum()
    }
}

#[cfg(test)]
mod tests;
