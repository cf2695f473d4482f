//! What waits to be written: bounded, so that executions that log faster than logs are kept do not
//! fill the memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};

use asl::event::{Event, EventKind};
use engine::{Observed, Receipt};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::execution_logs::Target;

/// Commits that wait. Of an execution of one state there are two, so this is a second of thousands
/// of executions.
const JOBS_MAX: usize = 8_192;

/// Payloads of those that wait, in bytes of their texts. Of most of them the execution itself, or
/// its history, is still in memory.
const BYTES_MAX: usize = 64 << 20;

/// Events of one commit, and where they are logged.
pub(super) struct Job {
    pub(super) seen: Arc<Observed>,
    pub(super) target: Arc<Target>,
    pub(super) receipt: Option<Receipt>,
}

/// Whoever waits until what was sent is written.
pub(super) type Flush = oneshot::Sender<()>;

/// Both ends share what waits.
pub(super) struct Sender {
    jobs: SyncSender<Option<(Job, usize)>>,
    shared: Arc<Shared>,
}

pub(super) struct Queue {
    jobs: Receiver<Option<(Job, usize)>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    bytes: AtomicUsize,
    flushes: Mutex<Vec<Flush>>,
}

/// What a wait came to.
pub(super) enum Next {
    Job(Job),
    /// Somebody waits for a flush.
    Flush,
    Nothing,
    /// Nothing comes any more.
    End,
}

pub(super) fn queue() -> (Sender, Queue) {
    let (sender, jobs) = sync_channel(JOBS_MAX);
    let shared = Arc::<Shared>::default();
    let sender = Sender {
        jobs: sender,
        shared: Arc::clone(&shared),
    };
    (sender, Queue { jobs, shared })
}

impl Sender {
    /// Never blocks; gives the job back if there is no room.
    pub(super) fn send(&self, job: Job) -> Result<(), Job> {
        let bytes: usize = job.seen.events.iter().map(payload_bytes).sum();
        let before = self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        // What is larger than all of the room is taken while nothing else waits.
        let has_room = before == 0 || before.saturating_add(bytes) <= BYTES_MAX;
        let sent = match has_room {
            true => self.jobs.try_send(Some((job, bytes))),
            false => Err(TrySendError::Full(Some((job, bytes)))),
        };
        let Err(TrySendError::Full(refused) | TrySendError::Disconnected(refused)) = sent else {
            return Ok(());
        };
        self.shared.bytes.fetch_sub(bytes, Ordering::Relaxed);
        refused.map_or(Ok(()), |(job, _)| Err(job))
    }

    /// Tells `flush` once all that was sent before is written.
    pub(super) fn flush(&self, flush: Flush) {
        self.shared.flushes.lock().push(flush);
        // A queue that is full is being worked off, and nobody sleeps.
        let _ = self.jobs.try_send(None);
    }
}

impl Queue {
    /// Waits for a job.
    pub(super) fn next(&self) -> Next {
        match self.jobs.recv() {
            Ok(sent) => self.taken(sent),
            Err(_) => Next::End,
        }
    }

    /// A job that is there already.
    pub(super) fn at_once(&self) -> Next {
        match self.jobs.try_recv() {
            Ok(sent) => self.taken(sent),
            Err(TryRecvError::Empty) => Next::Nothing,
            Err(TryRecvError::Disconnected) => Next::End,
        }
    }

    fn taken(&self, sent: Option<(Job, usize)>) -> Next {
        let Some((job, bytes)) = sent else {
            return Next::Flush;
        };
        self.shared.bytes.fetch_sub(bytes, Ordering::Relaxed);
        Next::Job(job)
    }

    /// Those who wait for what was sent so far.
    pub(super) fn flushes(&self) -> Vec<Flush> {
        std::mem::take(&mut *self.shared.flushes.lock())
    }

    /// They wait on.
    pub(super) fn wait_on(&self, flushes: Vec<Flush>) {
        self.shared.flushes.lock().extend(flushes);
    }
}

/// The text of what an event shows. What is known of it without a look inside.
fn payload_bytes(event: &Event) -> usize {
    match &event.kind {
        EventKind::ExecutionStarted(start) => start.input.size(),
        EventKind::StateEntered { input: payload, .. }
        | EventKind::ExecutionSucceeded { output: payload }
        | EventKind::StateExited {
            output: payload, ..
        }
        | EventKind::TaskScheduled {
            parameters: payload,
            ..
        }
        | EventKind::TaskSubmitted {
            output: payload, ..
        }
        | EventKind::TaskSucceeded {
            output: payload, ..
        } => payload.size(),
        _ => 0,
    }
}
