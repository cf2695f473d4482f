//! One process: the engine's own pipelines, each with a committer that works in steps, so that
//! anything may happen between two of them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use asl::event::Text;
use engine::activities::Activities;
use engine::chance::Chance;
use engine::commons::Commons;
use engine::definitions::Programs;
use engine::endings::Ending;
use engine::observe::Clerk;
use engine::pipeline::{self, Caller, Effect, Failure, Pipeline, Work};
use engine::shard::{Action, Answer, Group};
use engine::{Clock, Config, OpenError};
use store::Store;

use super::disk::{Disk, Source};
use super::witness::Witness;

/// Numbers of requests, each with the answer that was let out for it.
pub(super) type Answers = Rc<RefCell<Vec<(u64, Answer)>>>;

/// Whoever waits for the answer to a request.
pub(super) struct Ticket {
    pub(super) request: u64,
    pub(super) answers: Answers,
    pub(super) has_left: bool,
}

impl Caller for Ticket {
    fn answer(self, answer: Answer) {
        self.answers.borrow_mut().push((self.request, answer));
    }

    fn has_left(&self) -> bool {
        self.has_left
    }
}

pub(super) struct Node {
    pub(super) disk: Arc<Disk>,
    pub(super) threads: Vec<Thread>,
    /// Tasks laid out for workers.
    pub(super) activities: Activities,
    /// Tells again who watches.
    pub(super) clerk: Clerk,
    /// Who waits for the ends of executions.
    pub(super) endings: Vec<(Text, Ending)>,
    /// Nothing happens in it until then.
    pub(super) sleeps_until: u64,
}

/// A deciding thread and its committing one.
pub(super) struct Thread {
    pub(super) pipeline: Pipeline<Ticket>,
    pub(super) committer: Committer,
    /// When it looks at its work again.
    pub(super) looks_at: u64,
}

/// Where the committing thread stands.
pub(super) enum Committer {
    Idle,
    /// The group goes to the store next.
    Taken(Work<Ticket>),
    /// The store has answered; the deciding thread does not know yet, unless `is_reported`.
    Committed {
        failed: Vec<Failure>,
        effects: VecDeque<Effect<Ticket>>,
        is_reported: bool,
    },
}

impl Node {
    /// Opens the engine as the driver does.
    pub(super) fn open(
        disk: &Arc<Disk>,
        config: &Config,
        clock: &Arc<dyn Clock>,
        key: [u8; 32],
        witness: &Arc<Witness>,
    ) -> Result<Node, OpenError> {
        let count = u16::try_from(config.shard_threads).unwrap();
        let programs = Arc::new(Programs::new(Arc::new(Source(Arc::clone(disk)))));
        let shards = pipeline::open(
            config,
            count,
            &**disk,
            &programs,
            vec![Arc::clone(witness) as _],
        )?;
        let observers = match shards.first() {
            Some(shard) => shard.commons().observers.clone(),
            None => return Err(OpenError::ShardThreads(0)),
        };
        let clerk = Clerk::new(Arc::clone(disk) as _, Arc::clone(&programs), observers);
        let threads = shards.into_iter().zip(0..).map(|(shard, number)| {
            let mut key = key;
            key[0] ^= number;
            let store: Arc<dyn Store> = disk.clone();
            let (programs, clock) = (Arc::clone(&programs), Arc::clone(clock));
            Thread {
                pipeline: Pipeline::new(shard, store, programs, clock, Chance::from_key(key)),
                committer: Committer::Idle,
                looks_at: u64::MAX,
            }
        });
        Ok(Node {
            disk: Arc::clone(disk),
            threads: threads.collect(),
            activities: Activities::new(0),
            clerk,
            endings: Vec::new(),
            sleeps_until: 0,
        })
    }

    pub(super) fn commons(&self) -> &Commons {
        self.threads[0].pipeline.commons()
    }
}

impl Thread {
    /// Takes the open group over if the last one is done; true if there is one now.
    pub(super) fn hand_over(&mut self) -> bool {
        if !matches!(self.committer, Committer::Idle) {
            return false;
        }
        match self.pipeline.hand_over() {
            Some(work) => {
                self.committer = Committer::Taken(work);
                true
            }
            None => false,
        }
    }

    /// Commits the group that was taken.
    pub(super) fn commit(&mut self, disk: &Disk) -> Option<(Group, Vec<Failure>)> {
        match std::mem::replace(&mut self.committer, Committer::Idle) {
            Committer::Taken(Work { group, effects }) => {
                let failed = pipeline::commit(disk, &group);
                self.committer = Committer::Committed {
                    failed: failed.clone(),
                    effects: effects.into(),
                    is_reported: false,
                };
                Some((group, failed))
            }
            other => {
                self.committer = other;
                None
            }
        }
    }

    /// Tells the deciding thread.
    pub(super) fn report(&mut self) {
        if let Committer::Committed {
            failed,
            is_reported,
            ..
        } = &mut self.committer
            && !*is_reported
        {
            *is_reported = true;
            self.pipeline.committed(failed);
        }
    }

    /// Lets at most so many effects out, and says what is to be done.
    pub(super) fn let_out(&mut self, max: usize) -> Vec<Action> {
        let mut actions = Vec::new();
        if let Committer::Committed {
            failed, effects, ..
        } = &mut self.committer
        {
            for effect in effects.drain(..max.min(effects.len())) {
                effect.let_out(failed, |action| actions.push(action));
            }
        }
        actions
    }

    /// Frees the committing thread once it has nothing left to do.
    pub(super) fn rest(&mut self) {
        if let Committer::Committed {
            effects,
            is_reported: true,
            ..
        } = &self.committer
            && effects.is_empty()
        {
            self.committer = Committer::Idle;
        }
    }

    /// A fault on purpose: what waits for the commit is let out before it.
    pub(super) fn act_early(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        if let Committer::Taken(work) = &mut self.committer {
            for effect in work.effects.drain(..) {
                effect.let_out(&[], |action| actions.push(action));
            }
        }
        actions
    }
}
