//! Log events: what the streams of a log group hold. They lie beside the [`Lines`](crate::Lines),
//! in the same file, under the same writer.
//!
//! Groups and streams are small numbers here, given by whoever keeps their names and never twice:
//! a group deleted and made again shows nothing of the earlier one. The name of a stream comes with
//! its events, since a read of a group answers it.
//!
//! ```
//! use store::events::{Batch, Bound, Event, GroupId, Place, Scope, StreamId, Streams};
//! use store::lines::{MemoryLines, Order};
//! use store::Events as _;
//!
//! let log = MemoryLines::default();
//! let (group, stream) = (GroupId(1), StreamId(7));
//! let events = vec![Event { time_ms: 5, message: "hello".into() }];
//! log.append_events(vec![Batch { group, stream, name: "a".into(), ingested_ms: 9, events }])?;
//! let scope = Scope { group, streams: Streams::All };
//! let all = Place::at(0)..Place::END;
//! let page = log.events(&scope, all, Order::OldestFirst, Bound::default())?;
//! assert_eq!((&*page.events[0].message, page.next), ("hello", None));
//! # Ok::<(), store::Error>(())
//! ```

mod candidates;
mod memory;
mod message;
mod packed;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::lines::Order;
use crate::store::Result;

pub(crate) use self::candidates::Candidates;
pub(crate) use self::memory::KeptEvents;
pub use self::message::Message;
pub(crate) use self::packed::{Packed, SPAN_MS_MAX, packed, unpacked};
pub use crate::lines::Place;

/// The number of a log group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u64);

/// The number of a log stream, of all groups'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// What an event counts beside the bytes of its message (CloudWatch Logs API, "PutLogEvents").
pub const EVENT_OVERHEAD_BYTES: usize = 26;

/// One log event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Milliseconds since the epoch, as its writer says.
    pub time_ms: i64,
    pub message: Message,
}

impl Event {
    /// What it counts.
    #[must_use]
    pub fn size(&self) -> usize {
        self.message.len() + EVENT_OVERHEAD_BYTES
    }
}

/// Events that one stream gets at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub group: GroupId,
    pub stream: StreamId,
    /// The name of the stream.
    pub name: Arc<str>,
    /// When they arrived, in milliseconds since the epoch.
    pub ingested_ms: i64,
    /// In any order; those of one time are read in this one.
    pub events: Vec<Event>,
}

/// Whose events are read.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub group: GroupId,
    pub streams: Streams<'a>,
}

/// Which streams of the group.
#[derive(Clone, Copy, Debug)]
pub enum Streams<'a> {
    All,
    One(StreamId),
    Of(&'a BTreeSet<StreamId>),
    /// Those whose name begins with this.
    Prefixed(&'a str),
}

/// How much one read answers: as many events as fit, but one at least if there is any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    pub events: usize,
    /// The sum of their [`size`](Event::size)s.
    pub bytes: usize,
}

impl Default for Bound {
    /// What a page of GetLogEvents and FilterLogEvents has at most.
    fn default() -> Bound {
        Bound {
            events: 10_000,
            bytes: 1 << 20,
        }
    }
}

/// An event that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its time and its number, which no other event has, of any group.
    pub place: Place,
    /// The name of its stream.
    pub stream: Arc<str>,
    pub ingested_ms: i64,
    pub message: Message,
}

impl Found {
    fn size(&self) -> usize {
        self.message.len() + EVENT_OVERHEAD_BYTES
    }
}

/// What one read found.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Page {
    /// In the order asked for. They may be few, or none, though there are more.
    pub events: Vec<Found>,
    /// Where to go on: the next read begins here, oldest first, or ends here (exclusive), newest
    /// first. `None`: nothing is left.
    pub next: Option<Place>,
}

/// The ends of a stream that has events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamBounds {
    /// The time of its oldest event.
    pub first_ms: i64,
    /// The time of its newest event.
    pub last_ms: i64,
    /// When the last event arrived.
    pub ingested_ms: i64,
}

/// Keeps log events. Every method may block.
pub trait Events: Send + Sync {
    /// Appends batches, all of them or none. Once it returned, they survive kill -9 and loss of
    /// power, and reads show them. Callers at the same time share one sync. Batches of a group or a
    /// stream that was dropped are left out. An error leaves open whether they were appended.
    fn append_events(&self, batches: Vec<Batch>) -> Result<()>;

    /// Events at `places`, in the order of their time and then of their arrival. One call does so
    /// much work at most, and answers what it found by then.
    fn events(
        &self,
        scope: &Scope<'_>,
        places: Range<Place>,
        order: Order,
        bound: Bound,
    ) -> Result<Page>;

    /// The ends of streams, in the order asked; `None` for one without events.
    fn bounds(&self, streams: &[StreamId]) -> Result<Vec<Option<StreamBounds>>>;

    /// What the events of groups count, in bytes, in the order asked.
    fn stored_bytes(&self, groups: &[GroupId]) -> Result<Vec<u64>>;

    /// Groups that ever got events and weren't dropped, those above `after` in the order of their
    /// numbers; at most `limit`.
    fn groups(&self, after: Option<GroupId>, limit: usize) -> Result<Vec<GroupId>>;

    /// Drops a group's events. Once it returned, none of them is ever read again; their room is
    /// given back by [`sweep`](Events::sweep).
    fn drop_group(&self, group: GroupId) -> Result<()>;

    /// Drops a stream's events, as [`drop_group`](Events::drop_group) does.
    fn drop_stream(&self, group: GroupId, stream: StreamId) -> Result<()>;

    /// Deletes events of a group from before `before_ms`, some ten minutes' worth fewer than it
    /// could: readers leave them out by their places. Deletes for a moment only, so that appends
    /// get their turn; says whether to call again.
    fn expire_events(&self, group: GroupId, before_ms: i64) -> Result<bool>;

    /// Gives back room of what was dropped, for a moment; says whether to call again.
    fn sweep(&self) -> Result<bool>;
}

#[cfg(test)]
mod tests;
