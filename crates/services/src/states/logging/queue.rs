//! What waits to be written: bounded, so that executions that log faster than logs are kept do not
//! fill the memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};

use asl::event::{Event, EventKind};
use engine::{Observed, Receipt};

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

/// Both ends share what waits.
pub(super) struct Sender {
    jobs: SyncSender<(Job, usize)>,
    bytes: Arc<AtomicUsize>,
}

pub(super) struct Queue {
    jobs: Receiver<(Job, usize)>,
    bytes: Arc<AtomicUsize>,
}

/// What a wait came to.
pub(super) enum Next {
    Job(Job),
    Nothing,
    /// Nothing comes any more.
    End,
}

pub(super) fn queue() -> (Sender, Queue) {
    let (sender, jobs) = sync_channel(JOBS_MAX);
    let bytes = Arc::new(AtomicUsize::new(0));
    let sender = Sender {
        jobs: sender,
        bytes: Arc::clone(&bytes),
    };
    (sender, Queue { jobs, bytes })
}

impl Sender {
    /// Never blocks; gives the job back if there is no room.
    pub(super) fn send(&self, job: Job) -> Result<(), Job> {
        let bytes: usize = job.seen.events.iter().map(payload_bytes).sum();
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        // What is larger than all of the room is taken while nothing else waits.
        let has_room = before == 0 || before.saturating_add(bytes) <= BYTES_MAX;
        let sent = match has_room {
            true => self.jobs.try_send((job, bytes)),
            false => Err(TrySendError::Full((job, bytes))),
        };
        sent.map_err(|error| {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            match error {
                TrySendError::Full((job, _)) | TrySendError::Disconnected((job, _)) => job,
            }
        })
    }
}

impl Queue {
    /// Waits for a job.
    pub(super) fn next(&self) -> Next {
        match self.jobs.recv() {
            Ok(job) => self.taken(job),
            Err(_) => Next::End,
        }
    }

    /// A job that is there already.
    pub(super) fn at_once(&self) -> Next {
        match self.jobs.try_recv() {
            Ok(job) => self.taken(job),
            Err(TryRecvError::Empty) => Next::Nothing,
            Err(TryRecvError::Disconnected) => Next::End,
        }
    }

    fn taken(&self, (job, bytes): (Job, usize)) -> Next {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        Next::Job(job)
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
