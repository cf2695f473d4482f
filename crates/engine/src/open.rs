//! Open executions, counted by account and Region: AWS limits each.

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
    open: AtomicU64,
}

/// The places that have had executions since the engine was opened, some hundred bytes each.
#[derive(Debug, Default)]
pub(crate) struct Places(RwLock<BTreeMap<(Text, Text), Arc<Place>>>);

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
        let key = (Text::from(arn::account(arn)), Text::from(arn::region(arn)));
        if let Some(place) = self.0.read().get(&key) {
            return Arc::clone(place);
        }
        let mut places = self.0.write();
        let (account, region) = key.clone();
        let place = places.entry(key).or_insert_with(|| {
            Arc::new(Place {
                account,
                region,
                open: AtomicU64::new(0),
            })
        });
        Arc::clone(place)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Place>> {
        self.0.read().values().cloned().collect()
    }
}

#[cfg(test)]
mod tests;
