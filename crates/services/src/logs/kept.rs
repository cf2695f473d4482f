//! The events of groups and streams in the store, which blocks.

use std::sync::Arc;

use store::Events;
use store::events::{Batch, Event};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::directory::{GroupId, StreamId};
use crate::documents::Error;
use crate::metrics::{MetricKey, Metrics, Unit, emf};

/// Appends under way: each takes a thread that blocks, and those that wait share the next sync.
const APPENDS_MAX: usize = 64;
/// Other operations under way, apart from appends, so that no search delays what arrives.
const OTHERS_MAX: usize = 16;

/// Values of metrics that the messages of one append bring at most: a batch of 1 MiB could name
/// millions.
const POINTS_MAX: usize = 100_000;

/// The namespace of what is measured of logs.
const NAMESPACE: &str = "AWS/Logs";

/// Where events are kept.
#[derive(Clone)]
pub(crate) struct Kept {
    events: Arc<dyn Events>,
    appends: Arc<Semaphore>,
    others: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

impl From<GroupId> for store::events::GroupId {
    fn from(id: GroupId) -> store::events::GroupId {
        store::events::GroupId(id.0)
    }
}

impl From<StreamId> for store::events::StreamId {
    fn from(id: StreamId) -> store::events::StreamId {
        store::events::StreamId(id.0)
    }
}

/// The group that events arrive for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source {
    pub(super) account: Arc<str>,
    pub(super) region: Arc<str>,
    pub(super) group: Arc<str>,
    /// Whether events may bring metrics.
    pub(super) may_measure: bool,
}

/// A batch and the group it arrived for.
pub(super) type Received = (Arc<Source>, Batch);

impl Kept {
    pub(super) fn new(events: Arc<dyn Events>, metrics: &Arc<Metrics>) -> Kept {
        Kept {
            events,
            metrics: Arc::clone(metrics),
            appends: Arc::new(Semaphore::new(APPENDS_MAX)),
            others: Arc::new(Semaphore::new(OTHERS_MAX)),
        }
    }

    /// Runs an operation where it may block. It goes on to its end also when its caller leaves.
    pub(super) async fn run<T, E>(
        &self,
        work: impl FnOnce(&dyn Events) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let place = place(&self.others).await?;
        let events = Arc::clone(&self.events);
        let work = move || {
            let _place = place;
            work(&*events)
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|_| Error::CutOff)?
    }

    /// Waits until there is a place for one more append; to be held until it is done.
    pub(super) async fn place_to_append(&self) -> Result<OwnedSemaphorePermit, Error> {
        place(&self.appends).await
    }

    /// Appends batches, and takes from them what is measured. Blocks; durable once it returned.
    pub(super) fn append(&self, received: Vec<Received>) -> store::Result<()> {
        let mut measured = Vec::new();
        let mut dropped = 0;
        for (source, batch) in received
            .iter()
            .filter(|(_, batch)| !batch.events.is_empty())
        {
            measured.extend(incoming(source, batch));
            let searched = batch.events.iter().filter(|_| source.may_measure);
            for event in searched {
                let points = emf::points(&source.account, &source.region, &event.message);
                let room = POINTS_MAX.saturating_sub(measured.len());
                dropped += points.len().saturating_sub(room);
                measured.extend(points.into_iter().take(room));
            }
        }
        let batches = received.into_iter().map(|(_, batch)| batch);
        self.events.append_events(batches.collect())?;
        if dropped > 0 {
            let why = "log lines bring too many of them";
            self.metrics.drop_values(dropped as u64, why);
        }
        for (key, value, time_ms) in measured {
            self.metrics.record(&key, value, time_ms);
        }
        Ok(())
    }
}

async fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    let place = Arc::clone(places).acquire_owned().await;
    place.map_err(|_| Error::CutOff)
}

/// Metrics of what arrives (CloudWatch Logs user guide, "CloudWatch Logs metrics").
fn incoming(source: &Source, batch: &Batch) -> [emf::Point; 2] {
    let key = |name: &str, unit| MetricKey {
        account: Arc::clone(&source.account),
        region: Arc::clone(&source.region),
        namespace: NAMESPACE.into(),
        name: name.into(),
        unit,
        dimensions: vec![("LogGroupName".into(), Arc::clone(&source.group))],
    };
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let bytes = batch.events.iter().map(Event::size).sum();
    let point = |name, unit, count| (key(name, unit), number(count), batch.ingested_ms);
    [
        point("IncomingLogEvents", Unit::None, batch.events.len()),
        point("IncomingBytes", Unit::Bytes, bytes),
    ]
}

#[cfg(test)]
mod tests;
