//! Lines: what is appended, read by time and dropped by age: the audit log and metric points. They
//! share nothing with the journal's writer: a file of their own, with the [log
//! events](crate::events).
//!
//! A stream is named `kind/...`, such as `audit/123456789012/eu-west-1`. All streams of a kind are
//! kept equally long.

mod memory;

use crate::store::Result;

pub use memory::MemoryLines;

/// One line of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Milliseconds since the epoch.
    pub time_ms: i64,
    pub bytes: Vec<u8>,
}

/// The place of a line in its stream: its time, then the order of appending. Never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub time_ms: i64,
    pub number: u64,
}

impl Place {
    /// After all places.
    pub const END: Place = Place {
        time_ms: i64::MAX,
        number: u64::MAX,
    };

    /// Before all places of this time.
    #[must_use]
    pub const fn at(time_ms: i64) -> Place {
        Place { time_ms, number: 0 }
    }

    /// The place that comes right after.
    #[must_use]
    pub const fn next(self) -> Place {
        Place {
            time_ms: self.time_ms,
            number: self.number.saturating_add(1),
        }
    }
}

/// In which order lines are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// Appends and reads lines. Every method may block.
pub trait Lines: Send + Sync {
    /// Appends lines to a stream. Once it returned, they survive kill -9 and loss of power, and
    /// reads show them. Callers at the same time share one sync. An error leaves open whether they
    /// were appended.
    fn append(&self, stream: &str, lines: &[Line]) -> Result<Vec<Place>>;

    /// The line at a place.
    fn line(&self, stream: &str, place: Place) -> Result<Option<Line>>;

    /// At most `limit` lines of `from_ms..until_ms`, after `after` in the order asked for.
    fn read(
        &self,
        stream: &str,
        times_ms: std::ops::Range<i64>,
        order: Order,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(Place, Line)>>;

    /// Drops the days (UTC) of a kind's streams that ended at or before `before_ms`, and says how
    /// many. A line thus stays up to a day longer than it must.
    fn expire(&self, kind: &str, before_ms: i64) -> Result<u64>;
}

const DAY_MS: i64 = 86_400_000;

/// The day of a time, counted from the epoch.
pub(crate) fn day_of(time_ms: i64) -> i64 {
    time_ms.div_euclid(DAY_MS)
}

/// The kind of a stream: what stands before the first `/`.
pub(crate) fn kind_of(stream: &str) -> &str {
    stream.split('/').next().unwrap_or(stream)
}

#[cfg(test)]
mod tests;
