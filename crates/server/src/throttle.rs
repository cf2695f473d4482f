//! Rate buckets: how often an operation may be called, where an operator says so.
//!
//! AWS has a bucket for each operation, account and Region; a call takes one token, and tokens come
//! back at a steady rate (Step Functions developer guide, "Quotas related to API action
//! throttling"). Here there are none unless the settings name them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use aws::Service;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// Buckets kept, of as many accounts, Regions and operations. Beyond, those that are full are
/// dropped: a bucket begins full.
const BUCKETS_MAX: usize = 10_000;

/// The size of a bucket and how fast it fills.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rate {
    /// Calls that may come at once.
    pub bucket: u32,
    /// Calls a second that may come for long.
    pub refill_per_second: f64,
}

/// The buckets of all accounts.
#[derive(Default)]
pub(crate) struct Throttle {
    rates: HashMap<(Service, Box<str>), Rate>,
    levels: Mutex<HashMap<Key, Level>>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    service: Service,
    operation: Box<str>,
    account: Arc<str>,
    region: Arc<str>,
}

/// What a bucket held at a time.
#[derive(Clone, Copy)]
struct Level {
    tokens: f64,
    at: Instant,
}

impl Level {
    fn now(self, rate: Rate, now: Instant) -> f64 {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.tokens + elapsed * rate.refill_per_second).min(f64::from(rate.bucket))
    }
}

impl Throttle {
    /// The buckets of a table whose keys are operations: `StartExecution` of Step Functions, or
    /// `lambda:Invoke` with the service in front.
    pub(crate) fn new(table: &BTreeMap<String, Rate>) -> Result<Throttle> {
        let mut throttle = Throttle::default();
        for (key, rate) in table {
            let (service, operation) = key.split_once(':').unwrap_or(("states", key));
            let known = Service::of_signing_name(service).filter(|service| {
                let model = service.model().ok();
                model.is_some_and(|model| model.operation(operation).is_some())
            });
            let Some(service) = known else {
                bail!(
                    "`{key}` in `rate_limits` is no operation; write `StartExecution` for one of \
                     Step Functions, `lambda:Invoke` for one of another service"
                );
            };
            if rate.bucket == 0
                || !rate.refill_per_second.is_finite()
                || rate.refill_per_second <= 0.0
            {
                bail!(
                    "`{key}` in `rate_limits` would let no call through for long: `bucket` must be \
                     1 or more and `refill_per_second` greater than 0"
                );
            }
            throttle.rates.insert((service, operation.into()), *rate);
        }
        Ok(throttle)
    }

    /// Takes a token for a call; false if there is none.
    pub(crate) fn admits(
        &self,
        (service, operation): (Service, &str),
        (account, region): (&Arc<str>, &Arc<str>),
        now: Instant,
    ) -> bool {
        // Without buckets a call costs this comparison.
        if self.rates.is_empty() {
            return true;
        }
        let operation: Box<str> = operation.into();
        let limited = (service, operation);
        let Some(rate) = self.rates.get(&limited).copied() else {
            return true;
        };
        let key = Key {
            service,
            operation: limited.1,
            account: Arc::clone(account),
            region: Arc::clone(region),
        };
        let mut levels = self.levels.lock();
        if levels.len() >= BUCKETS_MAX && !levels.contains_key(&key) {
            self.drop_full(&mut levels, now);
        }
        let full = Level {
            tokens: f64::from(rate.bucket),
            at: now,
        };
        let level = levels.entry(key).or_insert(full);
        let tokens = level.now(rate, now);
        let admitted = tokens >= 1.0;
        *level = Level {
            tokens: if admitted { tokens - 1.0 } else { tokens },
            at: now,
        };
        admitted
    }

    /// Drops the buckets that are full again; if none is, all: callers of ten thousand accounts at
    /// once are not what a bucket is to hold back.
    fn drop_full(&self, levels: &mut HashMap<Key, Level>, now: Instant) {
        levels.retain(|key, level| {
            let rate = self.rates.get(&(key.service, key.operation.clone()));
            rate.is_some_and(|rate| level.now(*rate, now) < f64::from(rate.bucket))
        });
        if levels.len() >= BUCKETS_MAX {
            levels.clear();
        }
    }
}

#[cfg(test)]
mod tests;
