use std::collections::BTreeMap;
use std::ops::Range;

use super::{Bound, Found, Page};
use crate::lines::{Order, Place};

/// The best events seen so far, from rows that come in no perfect order: as many as the bound lets
/// through, however many are seen.
#[derive(Debug)]
pub(crate) struct Candidates {
    order: Order,
    bound: Bound,
    places: Range<Place>,
    best: BTreeMap<Place, Found>,
    bytes: usize,
    /// The best event that was turned away: nothing beyond it may be answered.
    cut: Option<Place>,
}

impl Candidates {
    pub(crate) fn new(places: Range<Place>, order: Order, bound: Bound) -> Candidates {
        Candidates {
            order,
            bound: Bound {
                events: bound.events.max(1),
                ..bound
            },
            places,
            best: BTreeMap::new(),
            bytes: 0,
            cut: None,
        }
    }

    /// Whether an event of this place could be answered.
    pub(crate) fn wants(&self, place: Place) -> bool {
        let is_before_cut = match (self.cut, self.order) {
            (None, _) => true,
            (Some(cut), Order::OldestFirst) => place < cut,
            (Some(cut), Order::NewestFirst) => place > cut,
        };
        is_before_cut && self.places.contains(&place)
    }

    /// Whether an event between these times, both included, could be answered.
    pub(crate) fn wants_any(&self, first_ms: i64, last_ms: i64) -> bool {
        let is_before_cut = match (self.cut, self.order) {
            (None, _) => true,
            (Some(cut), Order::OldestFirst) => first_ms <= cut.time_ms,
            (Some(cut), Order::NewestFirst) => last_ms >= cut.time_ms,
        };
        let overlaps = last_ms >= self.places.start.time_ms && first_ms <= self.places.end.time_ms;
        is_before_cut && overlaps
    }

    /// Takes an event that is [wanted](Candidates::wants), and turns away what no longer fits.
    pub(crate) fn add(&mut self, found: Found) {
        self.bytes += found.size();
        self.best.insert(found.place, found);
        while self.best.len() > self.bound.events
            || self.bytes > self.bound.bytes && self.best.len() > 1
        {
            let worst = match self.order {
                Order::OldestFirst => self.best.pop_last(),
                Order::NewestFirst => self.best.pop_first(),
            };
            let Some((place, found)) = worst else {
                return;
            };
            self.bytes -= found.size();
            self.cut = Some(place);
        }
    }

    /// Where to go on when everything up to this time was looked at, itself not: an earlier or
    /// later place than the read began at, or `None`.
    pub(crate) fn stop_at(&self, time_ms: i64) -> Option<Place> {
        let next = Place::at(time_ms);
        let gets_on = match self.order {
            Order::OldestFirst => next > self.places.start,
            Order::NewestFirst => next < self.places.end,
        };
        gets_on.then_some(next)
    }

    /// The answer; `stopped` is where the search ended early.
    pub(crate) fn into_page(mut self, stopped: Option<Place>) -> Page {
        let events = match self.order {
            Order::OldestFirst => {
                if let Some(next) = stopped {
                    drop(self.best.split_off(&next));
                }
                self.best.into_values().collect()
            }
            Order::NewestFirst => {
                if let Some(next) = stopped {
                    self.best = self.best.split_off(&next);
                }
                self.best.into_values().rev().collect()
            }
        };
        // What was turned away ends the page before the search did, or the other way round.
        let next = match self.order {
            Order::OldestFirst => [self.cut, stopped].into_iter().flatten().min(),
            Order::NewestFirst => [self.cut.map(Place::next), stopped]
                .into_iter()
                .flatten()
                .max(),
        };
        Page { events, next }
    }
}
