use std::ops::Range;
use std::sync::Arc;

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use store::events::{Batch, Event};
use store::{Kind, Store};

use super::{DAY_MS, horizon_ms, token};
use crate::documents::{self, Error};
use crate::logs::directory::{LogGroup, LogStream};
use crate::logs::kept::{Kept, Source};
use crate::logs::names::{GroupName, stream_key};
use crate::logs::{Logs, invalid, no_such_group, no_such_stream};
use crate::{Answer, Call};

/// What a batch counts at most (CloudWatch Logs API reference, "PutLogEvents").
const BATCH_BYTES_MAX: usize = 1_048_576;
/// The time that events of a batch may lie apart.
const SPAN_MS_MAX: i64 = DAY_MS;
/// How old an event may be when it arrives.
const AGE_MS_MAX: i64 = 14 * DAY_MS;
/// How far ahead of the server's clock an event may be.
const AHEAD_MS_MAX: i64 = 2 * 60 * 60 * 1_000;

impl Logs {
    /// Appends a batch to a stream; durable once it answered. Events that are too old, too new or
    /// expired are left out, which the answer says.
    pub(crate) async fn put_log_events(&self, call: &Call) -> Result<Answer, ServiceError> {
        let name = GroupName::here(call, call.required("logGroupName")?);
        let put = Put {
            events: batch(call)?,
            key: name.key_for(call)?,
            source: Source {
                account: Arc::clone(&call.account),
                region: Arc::clone(&call.region),
                group: name.name.into(),
                may_measure: true,
            },
            stream: call.required("logStreamName")?.to_owned(),
            now_ms: call.now.0,
        };
        let (place, kept) = (self.kept.place_to_append().await?, self.kept.clone());
        // All of it in one go: this is the hot path of agents that send a few events at a time.
        let put = self.directory.documents.blocking(move |store| {
            let _place = place;
            Ok(put.run(store, &kept))
        });
        put.await?
    }
}

/// A batch on its way to a stream.
struct Put {
    events: Vec<Event>,
    /// Of the group.
    key: String,
    source: Source,
    stream: String,
    now_ms: i64,
}

impl Put {
    fn run(mut self, store: &dyn Store, kept: &Kept) -> Result<Answer, ServiceError> {
        let group = documents::read::<LogGroup>(store, Kind::LogGroup, &self.key)?;
        let group = group.ok_or_else(no_such_group)?.body;
        let key = stream_key(group.id, &self.stream);
        let stream = documents::read::<LogStream>(store, Kind::LogStream, &key)?;
        let stream = stream.ok_or_else(no_such_stream)?.body;
        let sifted = Sifted::of(&self.events, &group, self.now_ms);
        self.events.truncate(sifted.kept.end);
        self.events.drain(..sifted.kept.start);
        if let (Some(first), Some(last)) = (self.events.first(), self.events.last())
            && last.time_ms.saturating_sub(first.time_ms) > SPAN_MS_MAX
        {
            return Err(invalid(
                "The batch of log events in a single PutLogEvents request cannot span more than \
                 24 hours.",
            ));
        }
        let id = stream.id.into();
        let batch = Batch {
            group: group.id.into(),
            stream: id,
            name: stream.name.into(),
            ingested_ms: self.now_ms,
            events: self.events,
        };
        let appended = kept.append(vec![(Arc::new(self.source), batch)]);
        appended.map_err(Error::from)?;
        let mut answer = ObjectBuilder::new();
        answer.add("nextSequenceToken", token::of_sequence(id, self.now_ms));
        if let Some(rejected) = sifted.rejected() {
            answer.add("rejectedLogEventsInfo", rejected);
        }
        Ok((&mut answer).into())
    }
}

/// The events of a call, which are in order and not too many.
fn batch(call: &Call) -> Result<Vec<Event>, ServiceError> {
    let event = |given: &Value| {
        let text = given.get("message").and_then(Value::as_str);
        Event {
            time_ms: given.get("timestamp").and_then(Value::as_i64).unwrap_or(0),
            message: text.unwrap_or_default().into(),
        }
    };
    let events: Vec<Event> = call.list("logEvents").iter().map(event).collect();
    let size: usize = events.iter().map(Event::size).sum();
    if size > BATCH_BYTES_MAX {
        return Err(invalid(format!(
            "Upload too large: {size} bytes exceeds limit of {BATCH_BYTES_MAX}"
        )));
    }
    if !events.is_sorted_by_key(|event| event.time_ms) {
        return Err(invalid(
            "Log events in a single PutLogEvents request must be in chronological order.",
        ));
    }
    Ok(events)
}

/// Which events of a batch are kept, and which aren't.
struct Sifted {
    kept: Range<usize>,
    too_new_from: Option<usize>,
    too_old_until: usize,
    expired_until: usize,
}

impl Sifted {
    fn of(events: &[Event], group: &LogGroup, now_ms: i64) -> Sifted {
        let before = |time_ms: i64| events.partition_point(|event| event.time_ms < time_ms);
        let too_old_until = before(now_ms.saturating_sub(AGE_MS_MAX));
        let expired_until = before(horizon_ms(group, now_ms));
        let newest_ms = now_ms.saturating_add(AHEAD_MS_MAX);
        let end = events.partition_point(|event| event.time_ms <= newest_ms);
        let start = too_old_until.max(expired_until);
        Sifted {
            kept: start..end.max(start),
            too_new_from: (end < events.len()).then_some(end),
            too_old_until,
            expired_until,
        }
    }

    /// `rejectedLogEventsInfo`, if any are rejected. Ends are exclusive.
    fn rejected(&self) -> Option<Value> {
        let index = |index: usize| i64::try_from(index).unwrap_or(i64::MAX);
        let mut info = ObjectBuilder::new();
        if let Some(from) = self.too_new_from {
            info.add("tooNewLogEventStartIndex", index(from));
        }
        let ends = [
            ("tooOldLogEventEndIndex", self.too_old_until),
            ("expiredLogEventEndIndex", self.expired_until),
        ];
        for (member, end) in ends.into_iter().filter(|(_, end)| *end > 0) {
            info.add(member, index(end));
        }
        let info = info.build();
        (info.iter().next().is_some()).then(|| info.into())
    }
}
