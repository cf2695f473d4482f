use std::ops::Range;

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use store::Events;
use store::events::{Bound, Page, Place, Scope, StreamId, Streams};
use store::lines::Order;

use super::token::{self, Direction};
use super::{PAGE_BYTES_MAX, horizon_ms, limit, shown};
use crate::documents::Error;
use crate::logs::{Logs, invalid};
use crate::{Answer, Call};

/// How often one call goes on in a stream when it found nothing so far.
const READS_MAX: usize = 16;

impl Logs {
    /// A page of a stream: its newest events, or its oldest, or those on from a token. Within a
    /// page they ascend in either case.
    pub(crate) async fn get_log_events(&self, call: &Call) -> Result<Answer, ServiceError> {
        let group = self.readable_group(call).await?;
        self.settle().await;
        let stream = self
            .existing_stream(&group, call.required("logStreamName")?)
            .await?;
        let id: StreamId = stream.id.into();
        let start_ms = call.integer("startTime").unwrap_or(0);
        let start = Place::at(start_ms.max(horizon_ms(&group, call.now.0)));
        let end = call.integer("endTime").map_or(Place::END, Place::at);
        let given = match call.text("nextToken") {
            None => None,
            Some(text) => Some(
                token::gap(id, text)
                    .ok_or_else(|| invalid("The specified nextToken is invalid."))?,
            ),
        };
        let direction = match given {
            Some((_, direction)) => direction,
            None if call.flag("startFromHead") == Some(true) => Direction::Forward,
            None => Direction::Backward,
        };
        let places = match given {
            None => start..end,
            Some((gap, Direction::Forward)) => start.max(gap)..end,
            Some((gap, Direction::Backward)) => start..end.min(gap),
        };
        let (group_id, limit) = (group.id.into(), limit(call));
        let page = self.kept.run(move |events| {
            let scope = Scope {
                group: group_id,
                streams: Streams::One(id),
            };
            read(events, &scope, places, direction, limit)
        });
        let page = page.await?;
        // Where nothing was found the reader stays where it is, so that it sees what comes later.
        let stays = given.map_or(start, |(gap, _)| gap);
        Ok(answer(id, &page, stays))
    }
}

/// Reads on until something is found.
fn read(
    events: &dyn Events,
    scope: &Scope<'_>,
    mut places: Range<Place>,
    direction: Direction,
    limit: usize,
) -> Result<Page, Error> {
    let (order, bound) = (
        match direction {
            Direction::Forward => Order::OldestFirst,
            Direction::Backward => Order::NewestFirst,
        },
        Bound {
            events: limit,
            bytes: PAGE_BYTES_MAX,
        },
    );
    let mut page = Page::default();
    for _ in 0..READS_MAX {
        page = events.events(scope, places.clone(), order, bound)?;
        match (page.next, direction) {
            (Some(next), Direction::Forward) if page.events.is_empty() => places.start = next,
            (Some(next), Direction::Backward) if page.events.is_empty() => places.end = next,
            _ => break,
        }
    }
    if direction == Direction::Backward {
        page.events.reverse();
    }
    Ok(page)
}

/// The answer to a reader who was at `stays`.
fn answer(stream: StreamId, page: &Page, stays: Place) -> Answer {
    let stays = page
        .next
        .filter(|_| page.events.is_empty())
        .unwrap_or(stays);
    let before = page.events.first().map_or(stays, |first| first.place);
    let after = page.events.last().map_or(stays, |last| last.place.next());
    let events = page.events.iter().map(|found| shown(found, |_| {}).into());
    ObjectBuilder::new()
        .add("events", Value::from(events.collect::<Vec<Value>>()))
        .add(
            "nextForwardToken",
            token::of_gap(stream, after, Direction::Forward),
        )
        .add(
            "nextBackwardToken",
            token::of_gap(stream, before, Direction::Backward),
        )
        .into()
}
