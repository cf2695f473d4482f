//! Rate buckets: how often an operation may be called, where an operator says so.
//!
//! AWS has a bucket for each operation, account and Region; a call takes one token, and tokens come
//! back at a steady rate (Step Functions developer guide, "Quotas related to API action
//! throttling"). StartExecution has two: one for each type of state machine. Here there are none
//! unless the settings name them.

mod rates;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use aws::Service;
use parking_lot::Mutex;

use rates::{AWS, Bucket, LARGE_REGIONS};

pub(crate) use rates::{Rate, RateLimits};

/// Buckets kept, of as many accounts, Regions and operations. Beyond, those that are full are
/// dropped: a bucket begins full.
const BUCKETS_MAX: usize = 10_000;

/// The operation whose calls AWS counts by the type of the state machine.
const BY_TYPE: (Service, &str) = (Service::States, "StartExecution");

/// The buckets of an operation.
#[derive(Clone, Copy, Debug)]
struct Rates {
    /// In the Regions where AWS grants more; elsewhere `other`.
    large: Bucket,
    other: Bucket,
    /// Of Express state machines.
    express: Option<Bucket>,
}

impl Rates {
    fn bucket(&self, region: &str, is_express: bool) -> Bucket {
        match self.express {
            Some(express) if is_express => express,
            _ if LARGE_REGIONS.contains(&region) => self.large,
            _ => self.other,
        }
    }
}

/// The buckets of all accounts.
#[derive(Default)]
pub(crate) struct Throttle {
    rates: HashMap<(Service, Box<str>), Rates>,
    levels: Mutex<HashMap<Key, Level>>,
}

/// Whose call it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    pub account: &'a Arc<str>,
    pub region: &'a Arc<str>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    service: Service,
    operation: Box<str>,
    account: Arc<str>,
    region: Arc<str>,
    is_express: bool,
}

/// What a bucket held at a time.
#[derive(Clone, Copy)]
struct Level {
    tokens: f64,
    at: Instant,
}

impl Level {
    fn now(self, bucket: Bucket, now: Instant) -> f64 {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.tokens + elapsed * bucket.refill_per_second).min(f64::from(bucket.bucket))
    }
}

impl Throttle {
    /// The buckets that the settings name.
    pub(crate) fn new(limits: Option<&RateLimits>) -> Result<Throttle> {
        let mut throttle = Throttle::default();
        let Some(limits) = limits else {
            return Ok(throttle);
        };
        for (key, rate) in &limits.named {
            let called = called(key)?;
            check(key, rate, &called)?;
            let rates = Rates {
                large: rate.main(),
                other: rate.main(),
                express: rate.express,
            };
            if throttle.rates.insert(called, rates).is_some() {
                bail!(
                    "`{key}` in `rate_limits` is an operation that is named before, with `states:` \
                     or without; leave one out"
                );
            }
        }
        for row in AWS.iter().filter(|_| limits.is_aws) {
            let called = (Service::States, row.operation.into());
            throttle.rates.entry(called).or_insert(Rates {
                large: row.large,
                other: row.other,
                express: row.express,
            });
        }
        Ok(throttle)
    }

    /// Whether calls of an operation are counted by the type of their state machine.
    pub(crate) fn is_by_type(&self, (service, operation): (Service, &str)) -> bool {
        // Without buckets a call costs this comparison.
        !self.rates.is_empty()
            && (service, operation) == BY_TYPE
            && (self.rates.get(&(service, operation.into())))
                .is_some_and(|rates| rates.express.is_some())
    }

    /// Takes a token for a call; false if there is none.
    pub(crate) fn admits(
        &self,
        (service, operation): (Service, &str),
        caller: Caller<'_>,
        is_express: bool,
        now: Instant,
    ) -> bool {
        if self.rates.is_empty() {
            return true;
        }
        let limited = (service, operation.into());
        let Some(rates) = self.rates.get(&limited) else {
            return true;
        };
        let bucket = rates.bucket(caller.region, is_express);
        let key = Key {
            service,
            operation: limited.1,
            account: Arc::clone(caller.account),
            region: Arc::clone(caller.region),
            is_express,
        };
        let mut levels = self.levels.lock();
        if levels.len() >= BUCKETS_MAX && !levels.contains_key(&key) {
            self.drop_full(&mut levels, now);
        }
        let full = Level {
            tokens: f64::from(bucket.bucket),
            at: now,
        };
        let level = levels.entry(key).or_insert(full);
        let tokens = level.now(bucket, now);
        let admitted = tokens >= 1.0;
        *level = Level {
            tokens: if admitted { tokens - 1.0 } else { tokens },
            // Calls come in another order than they read the clock: no time may count twice.
            at: level.at.max(now),
        };
        admitted
    }

    /// Drops the buckets that are full again; if none is, all: callers of ten thousand accounts at
    /// once are not what a bucket is to hold back.
    fn drop_full(&self, levels: &mut HashMap<Key, Level>, now: Instant) {
        levels.retain(|key, level| {
            let rates = self.rates.get(&(key.service, key.operation.clone()));
            rates.is_some_and(|rates| {
                let bucket = rates.bucket(&key.region, key.is_express);
                level.now(bucket, now) < f64::from(bucket.bucket)
            })
        });
        if levels.len() >= BUCKETS_MAX {
            levels.clear();
        }
    }
}

/// The operation that a key of the table names.
fn called(key: &str) -> Result<(Service, Box<str>)> {
    let (service, operation) = key.split_once(':').unwrap_or(("states", key));
    let known = Service::of_signing_name(service).filter(|service| {
        let model = service.model().ok();
        model.is_some_and(|model| model.operation(operation).is_some())
    });
    match known {
        Some(service) => Ok((service, operation.into())),
        None => bail!(
            "`{key}` in `rate_limits` is no operation; write `StartExecution` for one of Step \
             Functions, `lambda:Invoke` for one of another service"
        ),
    }
}

/// Refuses a bucket that lets nothing through, and one that nothing would be counted in.
fn check(key: &str, rate: &Rate, (service, operation): &(Service, Box<str>)) -> Result<()> {
    for bucket in std::iter::once(rate.main()).chain(rate.express) {
        let refill = bucket.refill_per_second;
        if bucket.bucket == 0 || !refill.is_finite() || refill <= 0.0 {
            bail!(
                "`{key}` in `rate_limits` would let no call through for long: `bucket` must be 1 \
                 or more and `refill_per_second` greater than 0"
            );
        }
    }
    if rate.express.is_some() && (*service, &**operation) != BY_TYPE {
        bail!(
            "`{key}` in `rate_limits` has a bucket `express`, and only `{}` is counted by the type \
             of the state machine; leave it out",
            BY_TYPE.1
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
