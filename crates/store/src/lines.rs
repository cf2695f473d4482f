//! Lines: what is appended, read by time and dropped by age: the audit log, later function logs and
//! metric points. They share nothing with the journal's writer: a file of their own.

use std::collections::BTreeMap;

use crate::store::Result;

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

/// In which order lines are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// Appends and reads lines. Every method may block.
pub trait Lines: Send + Sync {
    /// Appends lines to a stream. Once it returned they are durable.
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

    /// Drops the lines of every stream that begins with `prefix` from before `before_ms`, as far
    /// as that is cheap: a line may stay up to a day longer.
    fn expire(&self, prefix: &str, before_ms: i64) -> Result<u64>;
}

/// Lines in memory, for tests.
#[derive(Default)]
pub struct MemoryLines {
    streams: parking_lot::Mutex<BTreeMap<String, BTreeMap<Place, Line>>>,
}

impl Lines for MemoryLines {
    fn append(&self, stream: &str, lines: &[Line]) -> Result<Vec<Place>> {
        let mut streams = self.streams.lock();
        let kept = streams.entry(stream.to_owned()).or_default();
        let mut places = Vec::with_capacity(lines.len());
        for line in lines {
            let number = u64::try_from(kept.len()).unwrap_or(u64::MAX);
            let place = Place {
                time_ms: line.time_ms,
                number,
            };
            kept.insert(place, line.clone());
            places.push(place);
        }
        Ok(places)
    }

    fn line(&self, stream: &str, place: Place) -> Result<Option<Line>> {
        let streams = self.streams.lock();
        let line = streams.get(stream).and_then(|kept| kept.get(&place));
        Ok(line.cloned())
    }

    fn read(
        &self,
        stream: &str,
        times_ms: std::ops::Range<i64>,
        order: Order,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(Place, Line)>> {
        let streams = self.streams.lock();
        let chosen = streams.get(stream).into_iter().flatten();
        let mut chosen: Vec<_> = chosen
            .filter(|(place, _)| times_ms.contains(&place.time_ms))
            .map(|(place, line)| (*place, line.clone()))
            .collect();
        if order == Order::NewestFirst {
            chosen.reverse();
        }
        let is_after = |place: Place| match (after, order) {
            (None, _) => true,
            (Some(after), Order::OldestFirst) => place > after,
            (Some(after), Order::NewestFirst) => place < after,
        };
        chosen.retain(|(place, _)| is_after(*place));
        chosen.truncate(limit);
        Ok(chosen)
    }

    fn expire(&self, prefix: &str, before_ms: i64) -> Result<u64> {
        let mut dropped = 0;
        for (stream, kept) in self.streams.lock().iter_mut() {
            if stream.starts_with(prefix) {
                let had = kept.len();
                kept.retain(|place, _| place.time_ms >= before_ms);
                dropped += had - kept.len();
            }
        }
        Ok(u64::try_from(dropped).unwrap_or(u64::MAX))
    }
}
