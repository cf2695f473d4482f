//! What waits to be written: bounded, so that executions that log faster than logs are kept do not
//! fill the memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use asl::event::{Event, EventKind};
use engine::{Observed, Receipt};
use json::Object;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::execution_logs::Target;

/// Commits that wait or are being written. Of an execution of one state there are two, so this is
/// half a second of thousands of executions.
const JOBS_MAX: usize = 8_192;

/// Payloads of those, in bytes of their texts. Of most of them the execution itself, or its
/// history, is still in memory.
const BYTES_MAX: usize = 64 << 20;

/// Commits, and bytes of payloads, that end a pause: the rest is room for what comes until they are
/// written.
const JOBS_PAUSED_MAX: usize = JOBS_MAX / 2;
const BYTES_PAUSED_MAX: usize = BYTES_MAX / 4;

/// Events of one commit, and where they are logged.
pub(super) struct Job {
    pub(super) seen: Arc<Observed>,
    pub(super) target: Arc<Target>,
    pub(super) receipt: Option<Receipt>,
    weight: Weight,
}

/// Whoever waits until what was sent is written.
pub(super) type Flush = oneshot::Sender<()>;

/// Both ends share what waits.
pub(super) struct Sender(Arc<Shared>);

pub(super) struct Queue(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// The end that takes has reason to look.
    roused: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: Vec<Job>,
    /// Of jobs that wait or are being written.
    held: Weight,
    flushes: Vec<Flush>,
    stage: Stage,
    has_ended: bool,
}

/// What the end that takes does.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Writes,
    /// Sleeps until something is sent.
    Waits,
    /// Sleeps until much is sent.
    Pauses,
}

/// Commits and the bytes of their payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    jobs: usize,
    bytes: usize,
}

impl Job {
    pub(super) fn new(seen: Arc<Observed>, target: Arc<Target>, receipt: Option<Receipt>) -> Job {
        let weight = Weight {
            jobs: 1,
            bytes: seen.events.iter().map(payload_bytes).sum(),
        };
        Job {
            seen,
            target,
            receipt,
            weight,
        }
    }

    pub(super) fn weight(&self) -> Weight {
        self.weight
    }
}

impl std::ops::AddAssign for Weight {
    fn add_assign(&mut self, more: Weight) {
        self.jobs += more.jobs;
        self.bytes = self.bytes.saturating_add(more.bytes);
    }
}

/// What was taken at once.
pub(super) struct Taken {
    pub(super) jobs: Vec<Job>,
    /// Those who wait for these jobs and for those before them.
    pub(super) flushes: Vec<Flush>,
}

pub(super) fn queue() -> (Sender, Queue) {
    let shared = Arc::<Shared>::default();
    (Sender(Arc::clone(&shared)), Queue(shared))
}

impl Sender {
    /// Never blocks; gives the job back if there is no room.
    pub(super) fn send(&self, job: Job) -> Result<(), Job> {
        let weight = job.weight();
        let mut waiting = self.0.waiting.lock();
        let Weight { jobs, bytes } = waiting.held;
        // What is larger than all of the room is taken while nothing else is held.
        let has_room =
            jobs == 0 || jobs < JOBS_MAX && bytes.saturating_add(weight.bytes) <= BYTES_MAX;
        if !has_room {
            return Err(job);
        }
        waiting.held += weight;
        waiting.jobs.push(job);
        let is_much = jobs + 1 >= JOBS_PAUSED_MAX || waiting.held.bytes >= BYTES_PAUSED_MAX;
        match waiting.stage {
            Stage::Waits => self.0.rouse(&mut waiting),
            Stage::Pauses if is_much => self.0.rouse(&mut waiting),
            Stage::Pauses | Stage::Writes => {}
        }
        Ok(())
    }

    /// Tells `flush` once all that was sent before is written.
    pub(super) fn flush(&self, flush: Flush) {
        let mut waiting = self.0.waiting.lock();
        waiting.flushes.push(flush);
        self.0.rouse(&mut waiting);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock();
        waiting.has_ended = true;
        self.0.rouse(&mut waiting);
    }
}

impl Shared {
    fn rouse(&self, waiting: &mut Waiting) {
        waiting.stage = Stage::Writes;
        self.roused.notify_one();
    }
}

impl Queue {
    /// Waits for jobs, or for somebody who waits for them. `None` once nothing comes any more.
    pub(super) fn take(&self) -> Option<Taken> {
        let mut waiting = self.0.waiting.lock();
        while waiting.jobs.is_empty() && waiting.flushes.is_empty() {
            if waiting.has_ended {
                return None;
            }
            waiting.stage = Stage::Waits;
            self.0.roused.wait(&mut waiting);
        }
        waiting.stage = Stage::Writes;
        Some(Taken {
            jobs: std::mem::take(&mut waiting.jobs),
            flushes: std::mem::take(&mut waiting.flushes),
        })
    }

    /// Lets jobs gather, but for no longer than this, and neither more than there is room for nor
    /// when somebody waits for them.
    pub(super) fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut waiting = self.0.waiting.lock();
        let Weight { jobs, bytes } = waiting.held;
        if jobs >= JOBS_PAUSED_MAX
            || bytes >= BYTES_PAUSED_MAX
            || !waiting.flushes.is_empty()
            || waiting.has_ended
        {
            return;
        }
        waiting.stage = Stage::Pauses;
        while waiting.stage == Stage::Pauses
            && !self.0.roused.wait_until(&mut waiting, until).timed_out()
        {}
        waiting.stage = Stage::Writes;
    }

    /// Jobs that were taken are written: there is room again.
    pub(super) fn release(&self, written: Weight) {
        let mut waiting = self.0.waiting.lock();
        waiting.held.jobs = waiting.held.jobs.saturating_sub(written.jobs);
        waiting.held.bytes = waiting.held.bytes.saturating_sub(written.bytes);
    }
}

/// The text of what an event shows, but for names. What is known of it without a look inside.
fn payload_bytes(event: &Event) -> usize {
    match &event.kind {
        EventKind::ExecutionStarted(start) => start.input.size(),
        EventKind::StateExited {
            output, assigned, ..
        } => {
            let assigned = assigned.as_ref().map_or(0, Object::size);
            output.size().saturating_add(assigned)
        }
        EventKind::ExecutionFailed(failure)
        | EventKind::ExecutionAborted(failure)
        | EventKind::ExecutionTimedOut(failure)
        | EventKind::TaskFailed { failure, .. }
        | EventKind::TaskTimedOut { failure, .. }
        | EventKind::EvaluationFailed { failure, .. } => {
            failure.cause.as_ref().map_or(0, |cause| cause.len())
        }
        EventKind::StateEntered { input: payload, .. }
        | EventKind::ExecutionSucceeded { output: payload }
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

#[cfg(test)]
pub(super) mod tests;
