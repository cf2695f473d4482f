//! Watches executions, and writes what they log.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use asl::event::{Event, Start};
use asl::history::type_name;
use engine::{Delivery, Observed, Observer, Receipt};
use parking_lot::RwLock;
use store::Store;
use store::events::Message;
use tokio::sync::oneshot;

use super::configuration::Logging;
use super::destination::group;
use super::queue::{Job, Queue, Sender, Taken, Weight, queue};
use super::record::{Records, Scratch};
use crate::logs::{LogEvent, LogRecord, LogSource, Logs};
use crate::metrics::{Counter, Metrics};
use crate::states::machine::Revision;
use crate::system;

/// Revisions whose logging is remembered, some hundred bytes each; reading one costs some ten
/// microseconds.
const REVISIONS_MAX: usize = 8_192;

/// What is written gathers for so long: to be woken for every execution would cost more than to
/// write what it logs, and each flush syncs the disk. A record that comes alone is written at once,
/// and whoever reads ends the wait.
const PAUSE: Duration = Duration::from_millis(100);

/// How long what was refused waits before it is sent again.
const RETRY_PAUSE: Duration = Duration::from_millis(25);

/// Texts written between two flushes: well below what the writer of logs lets wait, so that it
/// drops none of them.
const UNFLUSHED_BYTES_MAX: usize = 8 << 20;

/// Records of a stream are put together in texts of at least so many bytes, unless there are fewer.
const TEXT_BYTES: usize = 64 << 10;

/// A commit that logs more is written in parts of about so many bytes: all at once might be more
/// than the writer of logs takes.
const PART_BYTES: usize = 1 << 20;

/// Where executions of a revision log, and what.
pub(super) struct Target {
    pub(super) logging: Logging,
    account: Arc<str>,
    region: Arc<str>,
    group: Arc<str>,
}

/// Takes the records that are to be kept.
pub(super) trait Sink: Send + 'static {
    /// Never blocks.
    fn write(&self, record: LogRecord);

    /// Blocks until all that was written is kept.
    fn flush(&self);
}

/// Logs of executions. See the module.
///
/// Records of Standard executions are written at least once, whatever happens to the server: they
/// are told by execution and event. Those of Express executions, which have no journal, may be lost
/// in a crash, and are dropped and counted where they come faster than logs are kept.
pub struct ExecutionLogs {
    store: Arc<dyn Store>,
    /// By definition; `None` for one that logs nothing.
    targets: RwLock<HashMap<u64, Option<Arc<Target>>>>,
    /// `None` once the engine has ended.
    running: RwLock<Option<Running>>,
    dropped: Counter,
}

/// The thread that writes.
struct Running {
    queue: Sender,
    thread: JoinHandle<()>,
}

impl ExecutionLogs {
    /// Over the store that has the revisions. What is not logged is counted.
    ///
    /// # Errors
    /// When the thread can't be started.
    pub fn new(
        store: Arc<dyn Store>,
        logs: Arc<Logs>,
        metrics: &Metrics,
    ) -> io::Result<ExecutionLogs> {
        let dropped = metrics.counter(
            "lockstep_execution_log_events_dropped",
            "Events of Express executions that were not logged: they came too fast",
        );
        // Whoever waits on this runtime waits for another thread.
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        ExecutionLogs::over(store, ToLogs { logs, runtime }, dropped)
    }

    pub(super) fn over(
        store: Arc<dyn Store>,
        sink: impl Sink,
        dropped: Counter,
    ) -> io::Result<ExecutionLogs> {
        let (sender, jobs) = queue();
        let mut worker = Worker {
            jobs,
            sink,
            unflushed: Unflushed::default(),
            scratch: Scratch::default(),
        };
        let thread = std::thread::Builder::new()
            .name("execution-logs".to_owned())
            .spawn(move || worker.run())?;
        Ok(ExecutionLogs {
            store,
            targets: RwLock::default(),
            running: RwLock::new(Some(Running {
                queue: sender,
                thread,
            })),
            dropped,
        })
    }

    /// Gives the job back if there is no room for it, or if the engine has ended.
    fn send(&self, job: Job) -> Result<(), Job> {
        match self.running.read().as_ref() {
            Some(running) => running.queue.send(job),
            None => Err(job),
        }
    }

    /// Where executions of a definition log.
    fn target(&self, definition: u64) -> Result<Option<Arc<Target>>, crate::documents::Error> {
        if let Some(target) = self.targets.read().get(&definition) {
            return Ok(target.clone());
        }
        let revision = Revision::read(&*self.store, definition)?;
        let target = revision.and_then(|revision| Target::of(revision.logging));
        let target = target.map(Arc::new);
        let mut targets = self.targets.write();
        if targets.len() >= REVISIONS_MAX {
            targets.clear();
        }
        targets.insert(definition, target.clone());
        Ok(target)
    }
}

impl Target {
    /// `None` if nothing is logged.
    pub(super) fn of(logging: Logging) -> Option<Target> {
        let group = group(logging.destination()?)?;
        Some(Target {
            account: group.account.into(),
            region: group.region.into(),
            group: group.name.into(),
            logging,
        })
    }

    /// Whether anything of it is logged.
    fn shows(&self, seen: &Observed) -> bool {
        let mut types = seen
            .events
            .iter()
            .filter_map(|event| type_name(&seen.program, &event.kind));
        types.any(|event_type| self.logging.level.shows(event_type))
    }
}

impl Observer for ExecutionLogs {
    fn wants(&self, definition: u64) -> Option<Delivery> {
        if system::is_system(definition) {
            return None;
        }
        match self.target(definition) {
            Ok(target) => target.map(|_| Delivery::AtLeastOnce),
            // What it is told later is refused until the revision can be read.
            Err(_) => Some(Delivery::AtLeastOnce),
        }
    }

    fn observe(&self, seen: &Arc<Observed>, receipt: Option<Receipt>) {
        let target = match self.target(seen.start.definition) {
            Ok(target) => target,
            Err(error) => {
                tracing::warn!(%error, "what an execution logs can't be read now");
                return;
            }
        };
        let Some(target) = target.filter(|target| target.shows(seen)) else {
            if let Some(receipt) = receipt {
                receipt.accept();
            }
            return;
        };
        let mut job = Job::new(Arc::clone(seen), target, receipt);
        while let Err(refused) = self.send(job) {
            let receipt = refused.receipt.as_ref();
            let is_again = receipt.is_some_and(Receipt::is_again);
            if receipt.is_none() {
                self.dropped.add(seen.events.len() as u64);
            }
            if !is_again || self.running.read().is_none() {
                return;
            }
            job = refused;
            std::thread::sleep(RETRY_PAUSE);
        }
    }

    /// Writes what waits, and ends the thread.
    fn finish(&self) {
        let Some(Running { queue, thread }) = self.running.write().take() else {
            return;
        };
        drop(queue);
        if thread.join().is_err() {
            tracing::error!("the thread that writes the logs of executions panicked");
        }
    }
}

impl LogSource for ExecutionLogs {
    fn flush(&self) -> oneshot::Receiver<()> {
        let (flush, flushed) = oneshot::channel();
        // Without the thread all is written: whoever waits is told by the end of the channel.
        if let Some(running) = self.running.read().as_ref() {
            running.queue.flush(flush);
        }
        flushed
    }
}

/// The stream that the executions of a state machine are logged to.
fn stream(start: &Start) -> Arc<str> {
    format!("states/{}", start.state_machine_arn).into()
}

struct ToLogs {
    logs: Arc<Logs>,
    runtime: tokio::runtime::Runtime,
}

impl Sink for ToLogs {
    fn write(&self, record: LogRecord) {
        self.logs.writer().write(record);
    }

    fn flush(&self) {
        self.runtime.block_on(self.logs.writer().flush());
    }
}

struct Worker<S> {
    jobs: Queue,
    sink: S,
    unflushed: Unflushed,
    scratch: Scratch,
}

/// What was not handed to the sink yet.
#[derive(Default)]
struct Unflushed {
    /// By definition.
    streams: HashMap<u64, Stream>,
    receipts: Vec<Receipt>,
    written: Weight,
    /// Of all texts.
    bytes: usize,
}

/// What is logged to a stream.
struct Stream {
    /// Its last events are still in the text.
    record: LogRecord,
    text: String,
    /// When the events in the text happened, and where they end.
    ends: Vec<(i64, usize)>,
}

impl<S: Sink> Worker<S> {
    fn run(&mut self) {
        while let Some(Taken { jobs, flushes }) = self.jobs.take() {
            let gathers = !jobs.is_empty();
            for job in jobs {
                self.add(job);
            }
            self.flush();
            for flush in flushes {
                // Whoever waited may have left.
                let _ = flush.send(());
            }
            // Where nothing is logged, nobody who reads waits for more.
            if gathers {
                self.jobs.pause(PAUSE);
            }
        }
    }

    /// Adds what a job logs. It is accepted with its last part.
    fn add(&mut self, job: Job) {
        let mut rest = job.seen.events.as_slice();
        while let Some(later) = self.unflushed.add(&job, rest, &mut self.scratch) {
            rest = later;
            self.flush_if_much();
        }
        self.unflushed.written += job.weight();
        self.unflushed.receipts.extend(job.receipt);
        self.flush_if_much();
    }

    fn flush_if_much(&mut self) {
        if self.unflushed.bytes >= UNFLUSHED_BYTES_MAX {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let Unflushed {
            streams,
            receipts,
            written,
            bytes: _,
        } = std::mem::take(&mut self.unflushed);
        if streams.is_empty() {
            return;
        }
        for stream in streams.into_values() {
            self.sink.write(stream.into_record());
        }
        self.sink.flush();
        receipts.into_iter().for_each(Receipt::accept);
        self.jobs.release(written);
    }
}

impl Unflushed {
    /// Adds what a job logs of some of its events, and says which are left.
    fn add<'e>(
        &mut self,
        job: &Job,
        events: &'e [Event],
        scratch: &mut Scratch,
    ) -> Option<&'e [Event]> {
        let Job { seen, target, .. } = job;
        let stream = self.streams.entry(seen.start.definition);
        let stream = stream.or_insert_with(|| Stream::new(target, &seen.start));
        let before = stream.text.len();
        let (level, with_data) = (target.logging.level, target.logging.include_execution_data);
        let mut records = Records::new(&mut stream.text, scratch, seen, with_data);
        let mut rest = events;
        while let Some((event, later)) = rest.split_first() {
            rest = later;
            let event_type = type_name(&seen.program, &event.kind);
            if event_type.is_some_and(|event_type| level.shows(event_type))
                && let Some(end) = records.add(event)
            {
                stream.ends.push((seen.time.0, end));
                if end - before >= PART_BYTES {
                    break;
                }
            }
        }
        self.bytes += stream.text.len() - before;
        if stream.text.len() >= TEXT_BYTES {
            // The next text will be about as long.
            let another = String::with_capacity(stream.text.len());
            stream.settle(another);
        }
        (!rest.is_empty()).then_some(rest)
    }
}

impl Stream {
    fn new(target: &Target, start: &Start) -> Stream {
        Stream {
            record: LogRecord {
                account: Arc::clone(&target.account),
                region: Arc::clone(&target.region),
                group: Arc::clone(&target.group),
                stream: stream(start),
                makes_group: false,
                // What they log is in no other format than their records'.
                may_measure: false,
                events: Vec::new(),
            },
            text: String::new(),
            ends: Vec::new(),
        }
    }

    /// Makes events of the text, and begins another.
    fn settle(&mut self, another: String) {
        let text = std::mem::replace(&mut self.text, another);
        let messages = Message::parts(text, self.ends.iter().map(|(_, end)| *end));
        let events = self.ends.iter().zip(messages);
        let events = events.map(|((time_ms, _), message)| LogEvent {
            time_ms: *time_ms,
            message,
        });
        self.record.events.extend(events);
        self.ends.clear();
    }

    fn into_record(mut self) -> LogRecord {
        self.settle(String::new());
        self.record
    }
}

#[cfg(test)]
mod tests;
