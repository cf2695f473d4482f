//! The operations on streams.

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use store::events::StreamBounds;

use super::directory::{GroupId, LogGroup, LogStream, Made, NoGroup};
use super::names::{self, GroupName};
use super::pages::Page;
use super::{Logs, invalid, no_such_group, no_such_stream};
use crate::documents::Error;
use crate::{Answer, Call};

/// Streams read at once.
const READ_AT_ONCE: usize = 1_000;

/// Digits of a sequence token, which means nothing any more.
const TOKEN_DIGITS: usize = 56;

/// A stream with the times of its events.
struct Seen {
    stream: LogStream,
    bounds: Option<StreamBounds>,
}

/// What streams are sorted by: the time of the last event, where that is asked for, and the name.
type Position = (i64, String);

/// In which order a call wants them.
#[derive(Clone, Copy)]
struct Sorting {
    by_time: bool,
    is_descending: bool,
}

impl Sorting {
    fn of(call: &Call) -> Result<Sorting, ServiceError> {
        let by_time = call.text("orderBy") == Some("LastEventTime");
        if by_time && call.text("logStreamNamePrefix").is_some() {
            return Err(invalid(
                "Cannot order by LastEventTime with a logStreamNamePrefix.",
            ));
        }
        Ok(Sorting {
            by_time,
            is_descending: call.flag("descending") == Some(true),
        })
    }

    /// Streams without events come before those with.
    fn position(self, seen: &Seen) -> Position {
        let last_ms = seen.bounds.map_or(-1, |bounds| bounds.last_ms);
        let time_ms = if self.by_time { last_ms } else { 0 };
        (time_ms, seen.stream.name.clone())
    }

    fn is_after(self, one: &Position, other: &Position) -> bool {
        match self.is_descending {
            true => one < other,
            false => one > other,
        }
    }
}

impl Logs {
    pub(super) async fn create_log_stream(&self, call: &Call) -> Result<Answer, ServiceError> {
        let key = GroupName::here(call, call.required("logGroupName")?).key();
        let name = call.required("logStreamName")?;
        match self.directory.make_stream(&key, name, call.now).await? {
            Made::Stream(..) => Ok(Answer::empty()),
            Made::NoGroup => Err(no_such_group()),
            Made::Exists(..) => Err(ServiceError::new(
                "ResourceAlreadyExistsException",
                "The specified log stream already exists",
            )),
        }
    }

    pub(super) async fn delete_log_stream(&self, call: &Call) -> Result<Answer, ServiceError> {
        let key = GroupName::here(call, call.required("logGroupName")?).key();
        let name = call.required("logStreamName")?;
        let deleted = self.directory.delete_stream(&key, name).await?;
        let gone = deleted.map_err(|NoGroup| no_such_group())?;
        self.drop_events(gone.ok_or_else(no_such_stream)?).await?;
        Ok(Answer::empty())
    }

    pub(super) async fn describe_log_streams(&self, call: &Call) -> Result<Answer, ServiceError> {
        let group = self.group(&GroupName::of(call)?.key_for(call)?).await?;
        let sorting = Sorting::of(call)?;
        let page = Page::of(call, "limit")?;
        let mut streams = match (sorting.by_time, sorting.is_descending) {
            (false, false) => self.first_streams(call, group.id, &page).await?,
            _ => self.sorted_streams(call, group.id, &page, sorting).await?,
        };
        let next = page.cut(&mut streams, |seen| {
            let (time_ms, name) = sorting.position(seen);
            format!("{time_ms} {name}")
        });
        let shown = streams.iter().map(|seen| described(call, &group, seen));
        let shown: Value = shown.collect();
        Ok(page.answer("logStreams", shown, next))
    }

    /// The streams of a page by their names, as the store has them; one more than it may have.
    async fn first_streams(
        &self,
        call: &Call,
        group: GroupId,
        page: &Page<'_>,
    ) -> Result<Vec<Seen>, ServiceError> {
        let prefix = call.text("logStreamNamePrefix").unwrap_or("");
        let after = after(page)?.map(|(_, name)| name);
        let streams = self
            .directory
            .streams(group, prefix, after.as_deref(), page.items_max + 1)
            .await?;
        self.seen(streams).await
    }

    /// The streams of a page in any other order: of all that the group has, those that come first.
    async fn sorted_streams(
        &self,
        call: &Call,
        group: GroupId,
        page: &Page<'_>,
        sorting: Sorting,
    ) -> Result<Vec<Seen>, ServiceError> {
        let prefix = call.text("logStreamNamePrefix").unwrap_or("");
        let after = after(page)?;
        let mut first: Vec<(Position, Seen)> = Vec::new();
        let mut read: Option<String> = None;
        loop {
            let streams = self
                .directory
                .streams(group, prefix, read.as_deref(), READ_AT_ONCE)
                .await?;
            let Some(last) = streams.last() else {
                return Ok(first.into_iter().map(|(_, seen)| seen).collect());
            };
            read = Some(last.name.clone());
            let seen = self.seen(streams).await?.into_iter();
            let placed = seen.map(|seen| (sorting.position(&seen), seen));
            first.extend(placed.filter(|(position, _)| {
                let after = after.as_ref();
                after.is_none_or(|after| sorting.is_after(position, after))
            }));
            first.sort_by(|(one, _), (other, _)| match sorting.is_descending {
                true => other.cmp(one),
                false => one.cmp(other),
            });
            first.truncate(page.items_max + 1);
        }
    }

    async fn seen(&self, streams: Vec<LogStream>) -> Result<Vec<Seen>, ServiceError> {
        let ids: Vec<_> = streams.iter().map(|stream| stream.id.into()).collect();
        let bounds = self
            .kept
            .run(move |events| events.bounds(&ids).map_err(Error::from));
        let bounds = bounds.await?;
        let both = streams.into_iter().zip(bounds);
        Ok(both
            .map(|(stream, bounds)| Seen { stream, bounds })
            .collect())
    }
}

/// Where the page before ended.
fn after(page: &Page<'_>) -> Result<Option<Position>, ServiceError> {
    let Some(after) = &page.after else {
        return Ok(None);
    };
    let position = after.split_once(' ').and_then(|(time_ms, name)| {
        let time_ms = time_ms.parse().ok()?;
        Some((time_ms, name.to_owned()))
    });
    let position = position.ok_or_else(|| invalid("The specified nextToken is invalid."))?;
    Ok(Some(position))
}

fn described(call: &Call, group: &LogGroup, seen: &Seen) -> Value {
    let Seen { stream, bounds } = seen;
    let arn = names::stream_arn(&call.account, &call.region, &group.name, &stream.name);
    let mut shown = ObjectBuilder::new();
    shown
        .add("logStreamName", stream.name.as_str())
        .add("creationTime", stream.created_ms);
    if let Some(bounds) = bounds {
        shown
            .add("firstEventTimestamp", bounds.first_ms)
            .add("lastEventTimestamp", bounds.last_ms)
            .add("lastIngestionTime", bounds.ingested_ms)
            .add(
                "uploadSequenceToken",
                format!("{:0TOKEN_DIGITS$}", stream.id.0),
            );
    }
    // API reference: "stored bytes [..] is always reported as zero" since 2019.
    shown.add("arn", arn).add("storedBytes", 0);
    shown.build().into()
}
