use std::collections::BTreeMap;
use std::ops::Range;

use parking_lot::Mutex;

use super::{Line, Lines, Order, Place, day_of, kind_of};
use crate::events::KeptEvents;
use crate::runs::KeptRuns;
use crate::store::Result;

/// Lines, log events and runs in memory, for tests.
#[derive(Default)]
pub struct MemoryLines {
    kept: Mutex<Kept>,
    pub(crate) events: Mutex<KeptEvents>,
    pub(crate) runs: Mutex<KeptRuns>,
}

#[derive(Default)]
struct Kept {
    next_number: u64,
    streams: BTreeMap<String, BTreeMap<Place, Line>>,
}

impl Lines for MemoryLines {
    fn append(&self, stream: &str, lines: &[Line]) -> Result<Vec<Place>> {
        let mut kept = self.kept.lock();
        let mut places = Vec::with_capacity(lines.len());
        for line in lines {
            let place = Place {
                time_ms: line.time_ms,
                number: kept.next_number,
            };
            kept.next_number += 1;
            let stream = kept.streams.entry(stream.to_owned()).or_default();
            stream.insert(place, line.clone());
            places.push(place);
        }
        Ok(places)
    }

    fn line(&self, stream: &str, place: Place) -> Result<Option<Line>> {
        let kept = self.kept.lock();
        let line = kept.streams.get(stream).and_then(|kept| kept.get(&place));
        Ok(line.cloned())
    }

    fn read(
        &self,
        stream: &str,
        times_ms: Range<i64>,
        order: Order,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(Place, Line)>> {
        let kept = self.kept.lock();
        let chosen = kept.streams.get(stream).into_iter().flatten();
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

    fn expire(&self, kind: &str, before_ms: i64) -> Result<u64> {
        let mut days = std::collections::BTreeSet::new();
        for (stream, kept) in &mut self.kept.lock().streams {
            if kind_of(stream) == kind {
                kept.retain(|place, _| {
                    let stays = day_of(place.time_ms) >= day_of(before_ms);
                    if !stays {
                        days.insert(day_of(place.time_ms));
                    }
                    stays
                });
            }
        }
        Ok(days.len() as u64)
    }
}
