use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::{
    Batch, Bound, Candidates, Events, Found, GroupId, Page, Scope, StreamBounds, StreamId, Streams,
};
use crate::lines::{MemoryLines, Order, Place};
use crate::store::Result;

/// The events of [`MemoryLines`].
#[derive(Debug, Default)]
pub(crate) struct KeptEvents {
    next_number: u64,
    groups: BTreeMap<GroupId, Group>,
    streams: BTreeMap<StreamId, Stream>,
}

#[derive(Debug, Default)]
struct Group {
    events: BTreeMap<Place, (StreamId, Found)>,
    is_dropped: bool,
}

#[derive(Debug)]
struct Stream {
    group: GroupId,
    name: Arc<str>,
    last_ms: i64,
    ingested_ms: i64,
    is_dropped: bool,
}

impl KeptEvents {
    fn append(&mut self, batch: Batch) {
        let group = self.groups.entry(batch.group).or_default();
        let mut events = batch.events;
        events.sort_by_key(|event| event.time_ms);
        let Some(last) = events.last() else {
            return;
        };
        let stream = self.streams.entry(batch.stream).or_insert(Stream {
            group: batch.group,
            name: batch.name,
            last_ms: last.time_ms,
            ingested_ms: batch.ingested_ms,
            is_dropped: false,
        });
        if group.is_dropped || stream.is_dropped {
            return;
        }
        stream.last_ms = stream.last_ms.max(last.time_ms);
        stream.ingested_ms = stream.ingested_ms.max(batch.ingested_ms);
        for event in events {
            let place = Place {
                time_ms: event.time_ms,
                number: self.next_number,
            };
            self.next_number += 1;
            let found = Found {
                place,
                stream: Arc::clone(&stream.name),
                ingested_ms: batch.ingested_ms,
                message: event.message,
            };
            group.events.insert(place, (batch.stream, found));
        }
    }

    fn bounds(&self, id: StreamId) -> Option<StreamBounds> {
        let stream = self.streams.get(&id)?;
        let group = self.groups.get(&stream.group)?;
        let (first, _) = group.events.iter().find(|(_, (of, _))| *of == id)?;
        Some(StreamBounds {
            first_ms: first.time_ms,
            last_ms: stream.last_ms,
            ingested_ms: stream.ingested_ms,
        })
    }
}

impl Events for MemoryLines {
    fn append_events(&self, batches: Vec<Batch>) -> Result<()> {
        let mut kept = self.events.lock();
        for batch in batches {
            kept.append(batch);
        }
        Ok(())
    }

    fn events(
        &self,
        scope: &Scope<'_>,
        places: Range<Place>,
        order: Order,
        bound: Bound,
    ) -> Result<Page> {
        let kept = self.events.lock();
        let mut candidates = Candidates::new(places, order, bound);
        let events = kept.groups.get(&scope.group).map(|group| &group.events);
        for (place, (stream, found)) in events.into_iter().flatten() {
            let is_in_scope = match scope.streams {
                Streams::All => true,
                Streams::One(id) => id == *stream,
                Streams::Of(ids) => ids.contains(stream),
                Streams::Prefixed(prefix) => found.stream.starts_with(prefix),
            };
            if is_in_scope && candidates.wants(*place) {
                candidates.add(found.clone());
            }
        }
        Ok(candidates.into_page(None))
    }

    fn bounds(&self, streams: &[StreamId]) -> Result<Vec<Option<StreamBounds>>> {
        let kept = self.events.lock();
        Ok(streams.iter().map(|stream| kept.bounds(*stream)).collect())
    }

    fn stored_bytes(&self, groups: &[GroupId]) -> Result<Vec<u64>> {
        let kept = self.events.lock();
        let size = |group| {
            let events = kept.groups.get(group).into_iter();
            let events = events.flat_map(|group: &Group| group.events.values());
            events.map(|(_, found)| found.size() as u64).sum()
        };
        Ok(groups.iter().map(size).collect())
    }

    fn groups(&self, after: Option<GroupId>, limit: usize) -> Result<Vec<GroupId>> {
        let kept = self.events.lock();
        let groups = kept.groups.iter().filter(|(_, group)| !group.is_dropped);
        let groups = groups.map(|(id, _)| *id).filter(|id| Some(*id) > after);
        Ok(groups.take(limit).collect())
    }

    fn drop_group(&self, group: GroupId) -> Result<()> {
        let mut kept = self.events.lock();
        let group = kept.groups.entry(group).or_default();
        group.is_dropped = true;
        group.events.clear();
        Ok(())
    }

    fn drop_stream(&self, group: GroupId, stream: StreamId) -> Result<()> {
        let mut kept = self.events.lock();
        let dropped = Stream {
            group,
            name: "".into(),
            last_ms: 0,
            ingested_ms: 0,
            is_dropped: true,
        };
        kept.streams.insert(stream, dropped);
        if let Some(group) = kept.groups.get_mut(&group) {
            group.events.retain(|_, (of, _)| *of != stream);
        }
        Ok(())
    }

    fn expire_events(&self, group: GroupId, before_ms: i64) -> Result<bool> {
        let mut kept = self.events.lock();
        if let Some(group) = kept.groups.get_mut(&group) {
            group.events = group.events.split_off(&Place::at(before_ms));
        }
        Ok(false)
    }

    fn sweep(&self) -> Result<bool> {
        Ok(false)
    }
}
