//! Decisions that are too heavy for a thread that serves many executions.
//!
//! Such a decision is made elsewhere, under the full allowance, from what it depends on
//! ([`Heavy`]), and brought back ([`Decided`]) to be recorded like any other. Meanwhile the
//! execution is on the *slow lane*: inputs for it wait. Nothing is lost if the decision never comes
//! back: its input is as if it had not come yet.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use asl::decide::{Allowance, Decision, Input, Moment, Refusal, Surroundings, decide_within};
use asl::event::Text;
use asl::program::Program;
use asl::run::Run;
use asl::time::Timestamp;
use store::EntityId;

use super::cache::Execution;
use super::{Command, Deferred, Halt, Outcome, Random, Shard, Tenure};

/// A decision to be made on a thread of its own: all that it depends on.
#[derive(Debug)]
pub struct Heavy {
    standing: Standing,
    program: Arc<Program>,
    run: Run,
    moment: Moment,
    input: Input,
    missing_activities: Vec<Text>,
}

/// A decision that was made elsewhere. It holds only where its execution still stands.
#[derive(Debug)]
pub struct Decided {
    standing: Standing,
    result: Result<Decision, Refusal>,
}

/// Where an execution stands. The same journal up to the same record is the same run; under
/// another tenure the records may be others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    entity: EntityId,
    tenure: Option<Tenure>,
    next_record: u32,
    /// Its state machine is being deleted.
    is_deleting: bool,
}

/// What became of a command that waited on the slow lane for its decision.
#[derive(Debug)]
pub enum Prepared {
    /// The decision is to be made, and brought back with [`Shard::bring_decided`].
    Heavy(Box<Heavy>),
    /// None was needed any more.
    Done(Outcome),
}

/// What is on the desk for the one command in hand.
#[derive(Debug, Default)]
pub(super) enum Lane {
    /// Decisions are made at once, unless they are heavy.
    #[default]
    Inline,
    /// The decision is put here instead of being made.
    Prepare(Option<Box<Heavy>>),
    /// It was made.
    Decided(Box<Decided>),
}

impl Heavy {
    /// The execution.
    pub fn entity(&self) -> EntityId {
        self.standing.entity
    }

    /// Makes the decision. Takes a while, and needs nothing of the shard.
    pub fn decide(self) -> Decided {
        let Heavy {
            standing,
            program,
            run,
            moment,
            input,
            missing_activities,
        } = self;
        let moment = Moment {
            allowance: Allowance::Full,
            ..moment
        };
        // The thread serves other executions: a fault of ours in one must not end it.
        let surroundings = Surroundings {
            missing_activities: &missing_activities,
            is_deleting: standing.is_deleting,
        };
        let decision =
            AssertUnwindSafe(|| decide_within(&program, &run, moment, input, surroundings));
        let result = catch_unwind(decision).unwrap_or_else(|_| {
            tracing::error!(entity = standing.entity.0, "a heavy decision panicked");
            Err(Refusal::TooHeavy)
        });
        Decided { standing, result }
    }
}

impl Decided {
    /// The execution.
    pub fn entity(&self) -> EntityId {
        self.standing.entity
    }
}

impl Shard {
    /// Gets the decision of a command ready whose handling was deferred to the slow lane, and which
    /// is the first that waits there for its execution.
    ///
    /// # Errors
    /// What has to be brought in first.
    pub fn prepare(
        &mut self,
        command: &Command,
        entity: EntityId,
        now: Timestamp,
        random: Random,
    ) -> Result<Prepared, Deferred> {
        self.slow.remove(&entity);
        self.desk.lane = Lane::Prepare(None);
        let deferred = match self.handle(command, now, random) {
            Ok(outcome) => return Ok(Prepared::Done(outcome)),
            Err(deferred) => deferred,
        };
        match std::mem::take(&mut self.desk.lane) {
            Lane::Prepare(Some(heavy)) => {
                self.clear_desk();
                self.slow.insert(entity);
                Ok(Prepared::Heavy(heavy))
            }
            _ => Err(deferred),
        }
    }

    /// Brings in the decision that the next command waited for, which is then handled again. The
    /// execution has left the slow lane.
    pub fn bring_decided(&mut self, decided: Decided) {
        self.slow.remove(&decided.entity());
        self.desk.lane = Lane::Decided(Box::new(decided));
    }

    /// Executions on the slow lane leave it without a decision.
    pub fn leave_lane(&mut self, entity: EntityId) {
        self.slow.remove(&entity);
    }

    /// The decision on an input of an execution in memory.
    pub(super) fn decision(
        &mut self,
        entity: EntityId,
        input: Input,
        moment: Moment,
    ) -> Result<Result<Decision, Refusal>, Halt> {
        let tenure = self.tenure(entity);
        let Some(execution) = self.cache.get(entity) else {
            return Ok(Err(Refusal::NotRunning));
        };
        let deletions = &self.commons.deletions;
        let start = execution.run.start.as_ref();
        let standing = Standing {
            entity,
            tenure,
            next_record: execution.encoder.next_record(),
            is_deleting: start.is_some_and(|it| deletions.is_deleting(&it.state_machine_arn)),
        };
        let program = Arc::clone(&execution.program);
        let lane = std::mem::take(&mut self.desk.lane);
        let is_prepared = matches!(lane, Lane::Prepare(_));
        if let Lane::Decided(decided) = lane
            && decided.standing == standing
        {
            return Ok(decided.result);
        }
        let missing_activities = self.missing_activities(&program)?;
        let Some(Execution { run, .. }) = self.cache.get(entity) else {
            return Ok(Err(Refusal::NotRunning));
        };
        if is_prepared {
            let heavy = Heavy {
                standing,
                program,
                run: run.clone(),
                moment,
                input,
                missing_activities,
            };
            self.desk.lane = Lane::Prepare(Some(Box::new(heavy)));
            return Err(Deferred::Heavy(entity).into());
        }
        let surroundings = Surroundings {
            missing_activities: &missing_activities,
            is_deleting: standing.is_deleting,
        };
        match decide_within(&program, run, moment, input, surroundings) {
            Err(Refusal::TooHeavy) => {
                self.slow.insert(entity);
                Err(Deferred::Heavy(entity).into())
            }
            result => Ok(result),
        }
    }
}
