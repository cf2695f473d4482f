//! The slow lane: decisions that are too heavy for a deciding thread, and what waits for them.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Receiver, Sender};
use store::EntityId;

use crate::decider::Message;
use crate::limits::HEAVY_MAX;
use crate::request::OpenError;
use crate::shard::{Command, Heavy, Random};

/// A command that waits for its execution to leave the slow lane.
pub(crate) struct Parked<C> {
    pub(crate) command: Command,
    pub(crate) caller: Option<C>,
    pub(crate) random: Random,
}

/// The commands of one thread that wait, in the order in which they came for their execution. Not
/// more than callers, calls under way and turns there are.
pub(crate) struct Lane<C> {
    waiting: BTreeMap<EntityId, VecDeque<Parked<C>>>,
    /// Executions whose first command needs a decision that nobody makes yet.
    queue: VecDeque<EntityId>,
    /// Decisions that are being made.
    pub(crate) under_way: usize,
}

impl<C> Default for Lane<C> {
    fn default() -> Lane<C> {
        Lane {
            waiting: BTreeMap::new(),
            queue: VecDeque::new(),
            under_way: 0,
        }
    }
}

impl<C> Lane<C> {
    /// Puts a command behind those that wait for the same execution.
    pub(crate) fn park(&mut self, entity: EntityId, parked: Parked<C>) {
        let line = self.waiting.entry(entity).or_default();
        if line.is_empty() {
            self.queue.push_back(entity);
        }
        line.push_back(parked);
    }

    /// Puts a command in front of those that wait for the same execution.
    pub(crate) fn park_first(&mut self, entity: EntityId, parked: Parked<C>) {
        self.queue.push_back(entity);
        self.waiting.entry(entity).or_default().push_front(parked);
    }

    /// The first command that waits for an execution leaves.
    pub(crate) fn pop(&mut self, entity: EntityId) -> Option<Parked<C>> {
        let line = self.waiting.get_mut(&entity)?;
        let first = line.pop_front();
        if first.is_none() {
            self.waiting.remove(&entity);
        }
        first
    }

    /// The next command whose decision is to be made, if there is room for one. It stays.
    pub(crate) fn next(&mut self) -> Option<(EntityId, Command, Random)> {
        if self.under_way >= HEAVY_MAX {
            return None;
        }
        let entity = self.queue.pop_front()?;
        let first = self.waiting.get(&entity)?.front()?;
        Some((entity, first.command.clone(), first.random))
    }
}

/// Threads that make heavy decisions.
#[derive(Clone)]
pub(crate) struct Pool {
    /// Unbounded, but no deciding thread has more than [`HEAVY_MAX`] in it, nor have all Express
    /// executions together.
    sender: Sender<Job>,
}

type Job = Box<dyn FnOnce() + Send>;

impl Pool {
    /// Starts the threads. They end with the last handle, each after the decision in hand.
    pub(crate) fn open(threads: usize) -> Result<Pool, OpenError> {
        let (sender, jobs) = crossbeam_channel::unbounded();
        for _ in 0..threads {
            let jobs: Receiver<Job> = jobs.clone();
            std::thread::Builder::new()
                .name("lockstep-slow".to_owned())
                .spawn(move || work(&jobs))?;
        }
        Ok(Pool { sender })
    }

    /// Has a decision made; it comes back as a message.
    pub(crate) fn send(&self, heavy: Heavy, back: Sender<Message>) {
        self.run(move || {
            let decided = Box::new(heavy.decide());
            if back.send(Message::Decided(decided)).is_err() {
                tracing::debug!(
                    "a heavy decision came after the engine's end; it will be made again"
                );
            }
        });
    }

    /// Has anything done that keeps a thread for seconds.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        if self.sender.send(Box::new(job)).is_err() {
            tracing::error!("the threads for heavy decisions are gone");
        }
    }
}

fn work(jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        // A fault of ours in one job must not keep those behind it waiting for ever.
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a job for the threads of heavy decisions panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_panics_keeps_its_thread() {
        let pool = Pool::open(1).unwrap();
        pool.run(|| panic!("as asked for"));
        let (sender, done) = crossbeam_channel::bounded(1);
        pool.run(move || sender.send(()).unwrap());
        done.recv().unwrap();
    }
}
