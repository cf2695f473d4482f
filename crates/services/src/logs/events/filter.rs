use std::collections::BTreeSet;
use std::ops::Range;

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use store::Events;
use store::events::{Bound, EVENT_OVERHEAD_BYTES, GroupId, Page, Place, Scope, StreamId, Streams};
use store::lines::Order;

use super::{PAGE_BYTES_MAX, PAGE_EVENTS_MAX, horizon_ms, limit, shown, token};
use crate::documents::Error;
use crate::logs::directory::LogGroup;
use crate::logs::pattern::Pattern;
use crate::logs::{Logs, invalid};
use crate::page;
use crate::{Answer, Call};

/// Reads of the store that one call makes, each of at most a page: what matches rarely takes more
/// calls, with empty pages, as on AWS.
const READS_MAX: usize = 16;

/// Which streams of the group are searched.
enum Chosen {
    All,
    One(StreamId),
    Of(BTreeSet<StreamId>),
    Prefixed(String),
}

/// What one call looks for.
struct Search {
    group: GroupId,
    chosen: Chosen,
    places: Range<Place>,
    order: Order,
    /// `None` finds every event.
    pattern: Option<Pattern>,
    limit: usize,
}

impl Logs {
    /// Events of a group, of all streams or some, that match a pattern, in the order of their time.
    pub(crate) async fn filter_log_events(&self, call: &Call) -> Result<Answer, ServiceError> {
        let pattern = match call.text("filterPattern").map(str::trim) {
            None | Some("") => None,
            Some(text) => Some(Pattern::parse(text).map_err(|error| invalid(error.to_string()))?),
        };
        let group = self.readable_group(call).await?;
        self.settle().await;
        let chosen = self.chosen(call, &group).await?;
        let start_ms = call.integer("startTime").unwrap_or(0);
        let start = Place::at(start_ms.max(horizon_ms(&group, call.now.0)));
        // Both ends are included.
        let end_ms = call.integer("endTime");
        let end = end_ms.map_or(Place::END, |end_ms| Place::at(end_ms.saturating_add(1)));
        let order = match call.flag("startFromHead") {
            Some(false) => Order::NewestFirst,
            _ => Order::OldestFirst,
        };
        let mut search = Search {
            group: group.id.into(),
            chosen,
            places: start..end,
            order,
            pattern,
            limit: limit(call),
        };
        let request = request(call, &group);
        if let Some(text) = call.text("nextToken") {
            let position = page::position(&request, text, call.now);
            let place = position.and_then(|position| parsed(&position));
            let place = place.ok_or_else(|| invalid("The specified nextToken is invalid."))?;
            search.go_on_at(place);
        }
        let found = self.kept.run(move |events| search.run(events)).await?;
        let event = |found| {
            let event = shown(found, |event| {
                event
                    .add("logStreamName", &*found.stream)
                    .add("eventId", token::event_id(found.place));
            });
            Value::from(event)
        };
        let events: Vec<Value> = found.events.iter().map(event).collect();
        let mut answer = ObjectBuilder::new();
        answer
            .add("events", events)
            .add("searchedLogStreams", Vec::<Value>::new());
        if let Some(next) = found.next {
            let position = format!("{}.{}", next.time_ms, next.number);
            answer.add("nextToken", page::token(&request, &position, call.now));
        }
        Ok((&mut answer).into())
    }

    async fn chosen(&self, call: &Call, group: &LogGroup) -> Result<Chosen, ServiceError> {
        let names = call.list("logStreamNames");
        let Some(prefix) = call.text("logStreamNamePrefix") else {
            let mut streams = BTreeSet::new();
            for name in names.iter().filter_map(Value::as_str) {
                let stream = self.existing_stream(group, name).await?;
                streams.insert(stream.id.into());
            }
            return Ok(match (streams.len(), streams.first()) {
                (1, Some(only)) => Chosen::One(*only),
                (0, _) => Chosen::All,
                _ => Chosen::Of(streams),
            });
        };
        if names.is_empty() {
            return Ok(Chosen::Prefixed(prefix.to_owned()));
        }
        Err(invalid(
            "LogStream names and LogStream name prefix are mutually exclusive parameters.",
        ))
    }
}

/// What must be the same in the calls for all pages.
fn request(call: &Call, group: &LogGroup) -> String {
    let members = [
        "logStreamNames",
        "logStreamNamePrefix",
        "startTime",
        "endTime",
        "filterPattern",
        "startFromHead",
    ];
    let given = members.map(|member| call.input.get(member).map(Value::to_text));
    format!("FilterLogEvents {} {given:?}", group.id.0)
}

fn parsed(position: &str) -> Option<Place> {
    let (time_ms, number) = position.split_once('.')?;
    Some(Place {
        time_ms: time_ms.parse().ok()?,
        number: number.parse().ok()?,
    })
}

impl Search {
    fn go_on_at(&mut self, place: Place) {
        match self.order {
            Order::OldestFirst => self.places.start = self.places.start.max(place),
            Order::NewestFirst => self.places.end = self.places.end.min(place),
        }
    }

    fn run(mut self, events: &dyn Events) -> Result<Page, Error> {
        let mut found = Page::default();
        let mut bytes = 0;
        for _ in 0..READS_MAX {
            let read = self.read(events, self.limit - found.events.len())?;
            for event in read.events {
                let matches = |pattern: &Pattern| pattern.matches(&event.message);
                if !self.pattern.as_ref().is_none_or(matches) {
                    continue;
                }
                bytes += event.message.len() + EVENT_OVERHEAD_BYTES;
                let is_full = found.events.len() >= self.limit
                    || bytes > PAGE_BYTES_MAX && !found.events.is_empty();
                if is_full {
                    found.next = Some(match self.order {
                        Order::OldestFirst => event.place,
                        Order::NewestFirst => event.place.next(),
                    });
                    return Ok(found);
                }
                found.events.push(event);
            }
            found.next = read.next;
            let Some(next) = read.next else {
                break;
            };
            if found.events.len() >= self.limit || bytes >= PAGE_BYTES_MAX {
                break;
            }
            self.go_on_at(next);
        }
        Ok(found)
    }

    /// Events whether they match or not, of which `left` are wanted if they do.
    fn read(&self, events: &dyn Events, left: usize) -> Result<Page, Error> {
        let streams = match &self.chosen {
            Chosen::All => Streams::All,
            Chosen::One(stream) => Streams::One(*stream),
            Chosen::Of(streams) => Streams::Of(streams),
            Chosen::Prefixed(prefix) => Streams::Prefixed(prefix),
        };
        let scope = Scope {
            group: self.group,
            streams,
        };
        let bound = Bound {
            events: match &self.pattern {
                None => left,
                Some(_) => PAGE_EVENTS_MAX,
            },
            bytes: PAGE_BYTES_MAX,
        };
        Ok(events.events(&scope, self.places.clone(), self.order, bound)?)
    }
}
