//! Counters of the server's own, which no CloudWatch metric stands for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

/// A number that only grows; cheap to clone and to add to.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// By name. As many as the code names.
#[derive(Default)]
pub(super) struct Own(Mutex<BTreeMap<&'static str, (&'static str, Counter)>>);

impl Own {
    pub(super) fn counter(&self, name: &'static str, help: &'static str) -> Counter {
        let mut known = self.0.lock();
        let (_, counter) = known.entry(name).or_insert((help, Counter::default()));
        counter.clone()
    }

    pub(super) fn values(&self) -> Vec<(&'static str, &'static str, u64)> {
        let known = self.0.lock();
        let value = |(name, (help, counter)): (&&'static str, &(&'static str, Counter))| {
            (*name, *help, counter.value())
        };
        known.iter().map(value).collect()
    }
}
