//! What functions and state machines log: taken at once from whoever writes it, and kept a moment
//! later by a thread of its own, many streams in one commit.

use std::collections::HashMap;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use asl::time::Timestamp;
use parking_lot::Mutex;
use store::events::{Batch, GroupId, StreamId};
use tokio::sync::{Notify, oneshot};

pub use store::events::Event as LogEvent;

use super::directory::Directory;
use super::kept::{Kept, Received, Source};
use crate::metrics::{Counter, Metrics};

/// How long events wait for others at most: ten commits a second keep up with any number of
/// streams, and nobody who follows a log sees the difference.
const WINDOW: Duration = Duration::from_millis(100);

/// Bytes that end a wait early; about what one commit writes.
const HURRY_BYTES: usize = 1 << 20;

/// Bytes that wait at most. The thread keeps tens of MiB a second; what comes faster is dropped, as
/// nothing that logs may be held up by its log.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// Bytes of one commit, so that others that write to the same file get their turn.
const COMMIT_BYTES: usize = 4 << 20;

/// What a record and an event count beside their messages: what they take in memory.
const RECORD_BYTES: usize = 128;
const EVENT_BYTES: usize = 40;

/// A message has at most 1 MiB with the 26 bytes that an event counts (CloudWatch Logs user guide,
/// "CloudWatch Logs quotas"); what is longer is cut off.
const MESSAGE_BYTES_MAX: usize = (1 << 20) - store::events::EVENT_OVERHEAD_BYTES;

/// Streams whose numbers are remembered; looking one up costs some ten microseconds.
const STREAMS_MAX: usize = 16_384;

/// How often losses are reported at most.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// Events of one stream, written together.
#[derive(Clone, Debug)]
pub struct LogRecord {
    pub account: Arc<str>,
    pub region: Arc<str>,
    pub group: Arc<str>,
    pub stream: Arc<str>,
    /// Whether a group that is missing is made; else events of a group that is gone are dropped.
    /// The stream is made in any case.
    pub makes_group: bool,
    /// Whether events may bring metrics, in the embedded metric format; else they are not searched
    /// for them.
    pub may_measure: bool,
    pub events: Vec<LogEvent>,
}

impl LogRecord {
    fn bytes(&self) -> usize {
        let messages = self.events.iter().map(|event| event.message.len());
        RECORD_BYTES + self.events.len() * EVENT_BYTES + messages.sum::<usize>()
    }
}

/// Writes log events without making anyone wait.
pub struct Writer {
    shared: Arc<Shared>,
    kept: Kept,
    directory: Directory,
    /// Started by the first record.
    thread: OnceLock<Option<JoinHandle<()>>>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    /// Something waits.
    filled: Notify,
    /// What waits should be kept now.
    hurried: Notify,
    closed: AtomicBool,
    dropped: Counter,
}

#[derive(Default)]
struct Waiting {
    records: Vec<LogRecord>,
    bytes: usize,
    /// Told once all that came before them is kept.
    flushes: Vec<oneshot::Sender<()>>,
}

impl Writer {
    pub(super) fn new(directory: Directory, kept: Kept, metrics: &Metrics) -> Writer {
        let dropped = metrics.counter(
            "lockstep_log_events_dropped",
            "Log events that were not kept: too many waited, or their group is gone",
        );
        Writer {
            shared: Arc::new(Shared {
                waiting: Mutex::default(),
                filled: Notify::new(),
                hurried: Notify::new(),
                closed: AtomicBool::new(false),
                dropped,
            }),
            kept,
            directory,
            thread: OnceLock::new(),
        }
    }

    /// Hands events over. Never blocks: when too many wait they are dropped and counted, and the
    /// log of the server says so once a minute.
    pub fn write(&self, record: LogRecord) {
        let bytes = record.bytes();
        let mut waiting = self.shared.waiting.lock();
        if waiting.bytes.saturating_add(bytes) > WAITING_BYTES_MAX {
            drop(waiting);
            self.shared.dropped.add(record.events.len() as u64);
            return;
        }
        let was_empty = waiting.records.is_empty();
        let was_calm = waiting.bytes < HURRY_BYTES;
        waiting.bytes += bytes;
        let is_calm = waiting.bytes < HURRY_BYTES;
        waiting.records.push(record);
        drop(waiting);
        if was_empty {
            self.start();
            self.shared.filled.notify_one();
        }
        if was_calm && !is_calm {
            self.shared.hurried.notify_one();
        }
    }

    /// Returns once everything written so far can be read, or was dropped.
    pub async fn flush(&self) {
        if !self.start() {
            return;
        }
        let (done, all_is_kept) = oneshot::channel();
        self.shared.waiting.lock().flushes.push(done);
        self.shared.filled.notify_one();
        self.shared.hurried.notify_one();
        // A thread that ended keeps nothing any more.
        let _ = all_is_kept.await;
    }

    /// Whether there is a thread that keeps what is written; starts it where it never was.
    fn start(&self) -> bool {
        let thread = self.thread.get_or_init(|| {
            let started = self.spawn();
            started
                .inspect_err(|error| tracing::error!(%error, "logs of functions can't be kept"))
                .ok()
        });
        thread.is_some()
    }

    fn spawn(&self) -> io::Result<JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let mut worker = Worker {
            shared: Arc::clone(&self.shared),
            kept: self.kept.clone(),
            directory: self.directory.clone(),
            streams: Streams::default(),
            reported: None,
        };
        let thread = std::thread::Builder::new().name("log-writer".to_owned());
        thread.spawn(move || runtime.block_on(async { while worker.turn().await {} }))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.filled.notify_one();
        self.shared.hurried.notify_one();
        if let Some(Some(thread)) = self.thread.take() {
            // The thread doesn't panic; if it did, closing goes on all the same.
            let _ = thread.join();
        }
    }
}

/// The stream a record is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Name {
    source: Source,
    stream: Arc<str>,
}

/// A stream that is there.
#[derive(Clone, Debug)]
struct Found {
    source: Arc<Source>,
    group: GroupId,
    stream: StreamId,
}

/// Streams by their names, as long as none is deleted.
#[derive(Default)]
struct Streams {
    known: HashMap<Name, Found>,
    /// [`Directory::deletions`] when they were looked up.
    deletions: u64,
}

struct Worker {
    shared: Arc<Shared>,
    kept: Kept,
    directory: Directory,
    streams: Streams,
    /// When losses were last reported, and how many events were lost by then.
    reported: Option<(Instant, u64)>,
}

impl Worker {
    /// Waits for records and keeps them. `false` once the writer is gone.
    async fn turn(&mut self) -> bool {
        self.shared.filled.notified().await;
        let is_closed = self.shared.closed.load(Ordering::Acquire);
        if !is_closed {
            // Either way they are kept now.
            let _ = tokio::time::timeout(WINDOW, self.shared.hurried.notified()).await;
        }
        let Waiting {
            records, flushes, ..
        } = mem::take(&mut *self.shared.waiting.lock());
        self.keep(records).await;
        self.report();
        for flush in flushes {
            // Whoever waited may have left.
            let _ = flush.send(());
        }
        !is_closed
    }

    async fn keep(&mut self, records: Vec<LogRecord>) {
        let now = now();
        let mut batches = Batches::default();
        for record in records {
            match self.stream_of(&record, now).await {
                Some(found) => batches.add(&found, record, now),
                None => self.shared.dropped.add(record.events.len() as u64),
            }
            if batches.bytes >= COMMIT_BYTES {
                self.commit(mem::take(&mut batches));
            }
        }
        self.commit(batches);
    }

    fn commit(&self, batches: Batches) {
        let batches = batches.batches;
        let count: usize = batches.iter().map(|(_, batch)| batch.events.len()).sum();
        if let Err(error) = self.kept.append(batches) {
            tracing::error!(%error, events = count, "log events could not be kept");
            self.shared.dropped.add(count as u64);
        }
    }

    /// A record's stream, which is made if it is missing; `None` when its events are dropped.
    async fn stream_of(&mut self, record: &LogRecord, now: Timestamp) -> Option<Found> {
        let deletions = self.directory.deletions();
        if self.streams.deletions != deletions || self.streams.known.len() >= STREAMS_MAX {
            self.streams.known.clear();
            self.streams.deletions = deletions;
        }
        let name = Name {
            source: Source {
                account: Arc::clone(&record.account),
                region: Arc::clone(&record.region),
                group: Arc::clone(&record.group),
                may_measure: record.may_measure,
            },
            stream: Arc::clone(&record.stream),
        };
        if let Some(found) = self.streams.known.get(&name) {
            return Some(found.clone());
        }
        let made = self.directory.ensure_stream(
            &record.account,
            &record.region,
            &record.group,
            &record.stream,
            record.makes_group,
            now,
        );
        let made = made.await.unwrap_or_else(|error| {
            tracing::error!(%error, group = &*record.group, "a log stream could not be made");
            None
        });
        let (group, stream) = made?;
        let found = Found {
            source: Arc::new(name.source.clone()),
            group: group.id.into(),
            stream: stream.id.into(),
        };
        self.streams.known.insert(name, found.clone());
        Some(found)
    }

    /// Says at most once a minute how many events were dropped.
    fn report(&mut self) {
        let dropped = self.shared.dropped.value();
        let (last, known) = self.reported.unzip();
        let more = dropped.saturating_sub(known.unwrap_or(0));
        let is_due = last.is_none_or(|last: Instant| last.elapsed() >= REPORT_INTERVAL);
        if more > 0 && is_due {
            tracing::warn!(
                events = more,
                "log events were dropped: they came faster than they are kept, or their group is \
                 gone"
            );
            self.reported = Some((Instant::now(), dropped));
        }
    }
}

/// What one commit appends: the records of a stream together, in the order they were written.
#[derive(Default)]
struct Batches {
    batches: Vec<Received>,
    /// Where the batch of a stream is.
    at: HashMap<StreamId, usize>,
    bytes: usize,
}

impl Batches {
    fn add(&mut self, found: &Found, mut record: LogRecord, now: Timestamp) {
        self.bytes += record.bytes();
        for event in &mut record.events {
            event.time_ms = event.time_ms.max(0);
            if event.message.len() > MESSAGE_BYTES_MAX {
                event.message = cut(&event.message).into();
            }
        }
        let at = *self.at.entry(found.stream).or_insert(self.batches.len());
        if let Some((_, batch)) = self.batches.get_mut(at) {
            batch.events.append(&mut record.events);
            return;
        }
        let batch = Batch {
            group: found.group,
            stream: found.stream,
            name: record.stream,
            ingested_ms: now.0,
            events: record.events,
        };
        self.batches.push((Arc::clone(&found.source), batch));
    }
}

/// As much of a message as an event may have.
fn cut(message: &str) -> &str {
    let mut ends = (0..=MESSAGE_BYTES_MAX).rev();
    ends.find_map(|end| message.get(..end)).unwrap_or_default()
}

/// When events arrive: not a time of theirs, which whoever writes them says.
fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let since_epoch_ms = since_epoch.unwrap_or_default().as_millis();
    Timestamp(i64::try_from(since_epoch_ms).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
