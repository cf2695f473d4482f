//! Wall-clock time as an argument, so that a simulation can run the same engine.

use std::time::{SystemTime, UNIX_EPOCH};

use asl::time::Timestamp;

/// Where the driver reads the time from.
pub trait Clock: Send + Sync + 'static {
    /// The wall-clock time. It may jump in both directions; the time within one execution does not
    /// go back nevertheless.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}
