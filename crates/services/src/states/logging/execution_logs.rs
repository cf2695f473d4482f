//! Watches executions, and writes what they log.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use asl::event::Start;
use asl::history::type_name;
use engine::{Delivery, Observed, Observer, Receipt};
use parking_lot::RwLock;
use store::Store;
use tokio::sync::oneshot;

use super::configuration::Logging;
use super::destination::group;
use super::queue::{Job, Next, Queue, Sender, queue};
use super::record;
use crate::logs::{LogEvent, LogRecord, LogSource, Logs};
use crate::metrics::{Counter, Metrics};
use crate::states::machine::Revision;
use crate::system;

/// Revisions whose logging is remembered, some hundred bytes each; reading one costs some ten
/// microseconds.
const REVISIONS_MAX: usize = 8_192;

/// What is written gathers for so long: to be woken for every execution would cost more than to
/// write what it logs, and each flush syncs the disk. A record that comes alone is written at once.
const PAUSE: Duration = Duration::from_millis(25);

/// Texts written between two flushes: well below what the writer of logs lets wait, so that it
/// drops none of them.
const UNFLUSHED_BYTES_MAX: usize = 8 << 20;

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
            receipts: Vec::new(),
            text: String::new(),
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
    fn of(logging: Logging) -> Option<Target> {
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
        let mut job = Job {
            seen: Arc::clone(seen),
            target,
            receipt,
        };
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
            std::thread::sleep(PAUSE);
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
    /// For what was written and not flushed.
    receipts: Vec<Receipt>,
    /// Where a record is put together.
    text: String,
}

impl<S: Sink> Worker<S> {
    fn run(&mut self) {
        let mut has_more = false;
        loop {
            // Whoever waits for a flush is told also when nothing more comes.
            let next = match has_more {
                true => self.jobs.at_once(),
                false => self.jobs.next(),
            };
            let first = match next {
                Next::Job(job) => Some(job),
                Next::Flush | Next::Nothing => None,
                Next::End => return,
            };
            // Where nothing is logged, nobody who reads waits for more.
            let gathers = first.is_some();
            // Taken before the jobs: what was sent before these is among them.
            let flushes = self.jobs.flushes();
            has_more = self.write(first);
            self.sink.flush();
            self.receipts.drain(..).for_each(Receipt::accept);
            if has_more {
                self.jobs.wait_on(flushes);
                continue;
            }
            for flush in flushes {
                // Whoever waited may have left.
                let _ = flush.send(());
            }
            if gathers {
                std::thread::sleep(PAUSE);
            }
        }
    }

    /// Writes a job and those that wait behind it; whether there may be more.
    fn write(&mut self, first: Option<Job>) -> bool {
        let mut records: HashMap<u64, LogRecord> = HashMap::new();
        let mut bytes = first.map_or(0, |job| self.add(&mut records, job));
        let mut has_more = true;
        while has_more && bytes < UNFLUSHED_BYTES_MAX {
            match self.jobs.at_once() {
                Next::Job(job) => bytes += self.add(&mut records, job),
                Next::Flush => {}
                // An end is met again.
                Next::Nothing | Next::End => has_more = false,
            }
        }
        records
            .into_values()
            .for_each(|record| self.sink.write(record));
        has_more
    }

    /// Adds what a job logs to the record of its stream; the bytes of its texts.
    fn add(&mut self, records: &mut HashMap<u64, LogRecord>, job: Job) -> usize {
        let Job {
            seen,
            target,
            receipt,
        } = job;
        self.receipts.extend(receipt);
        let record = records.entry(seen.start.definition);
        let record = record.or_insert_with(|| LogRecord {
            account: Arc::clone(&target.account),
            region: Arc::clone(&target.region),
            group: Arc::clone(&target.group),
            stream: stream(&seen.start),
            makes_group: false,
            events: Vec::new(),
        });
        let (level, with_data) = (target.logging.level, target.logging.include_execution_data);
        let mut bytes = 0;
        for event in &seen.events {
            let event_type = type_name(&seen.program, &event.kind);
            if !event_type.is_some_and(|event_type| level.shows(event_type)) {
                continue;
            }
            self.text.clear();
            record::write(&mut self.text, &seen, event, with_data);
            bytes += self.text.len();
            record.events.push(LogEvent {
                time_ms: seen.time.0,
                message: self.text.as_str().into(),
            });
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
