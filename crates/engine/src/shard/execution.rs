//! One decision of an execution, and what follows from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::decide::{Decision, Input, Moment, Refusal};
use asl::event::{EventId, ExecutionKind, Failure, Start, Text};
use asl::program::Program;
use asl::run::Run;
use asl::time::Timestamp;
use store::{EntityId, Write};

use super::cache::{Execution, Row};
use super::calls::Errand;
use super::command::{Action, Answer, Outcome};
use super::errands::owes;
use super::express::row_status;
use super::{Halt, Shard, is_stale};
use crate::journal::Loaded;
use crate::limits::HEARTBEAT_ROW_MS_MIN;
use crate::observe::{Delivery, Observed};
use crate::request::{Error, ExecutionStatus, StopError};
use crate::task::{Answered, TaskOutcome};

/// The clock of an attempt that must send heartbeats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heartbeat {
    seconds: u64,
    due: Timestamp,
}

/// Those of an execution, by attempt.
pub(super) type Heartbeats = BTreeMap<EventId, Heartbeat>;

impl Shard {
    /// Takes a folded run into memory.
    pub(super) fn load(&mut self, entity: EntityId, loaded: Loaded, program: Arc<Program>) {
        let start = loaded.run.start.as_deref();
        let machine_arn = start.map_or("", |start| &start.state_machine_arn);
        let place = self.commons.place(machine_arn);
        let mut execution = Execution::new(loaded.run, program, loaded.encoder, place);
        let clocks = self.heartbeats.get(&entity);
        execution.timer = next_deadline(&execution.run, clocks);
        // Heartbeats moved the row without telling the journal.
        let has_heartbeats = !execution.run.heartbeats(&execution.program).is_empty();
        execution.row =
            (!has_heartbeats).then(|| row(&execution.run, &execution.program, execution.timer));
        execution.watched = self.watched(execution.run.start.as_deref());
        self.cache.insert(entity, execution);
    }

    /// How surely who watches is to be told of an execution. Of an Express one they are told by
    /// its run.
    fn watched(&self, start: Option<&Start>) -> Option<Delivery> {
        let start = start.filter(|start| start.kind == ExecutionKind::Standard)?;
        self.commons.observers.wants(start.definition)
    }

    /// Decides one input of an execution in memory, and adds what it causes to the open group.
    pub(super) fn decide(
        &mut self,
        entity: EntityId,
        input: Input,
        moment: Moment,
    ) -> Result<Result<Vec<Action>, Refusal>, Halt> {
        let decision = self.decision(entity, input, moment)?;
        Ok(decision.map(|decision| self.record(entity, decision, moment.now)))
    }

    /// Adds a decision to the open group.
    pub(super) fn record(
        &mut self,
        entity: EntityId,
        decision: Decision,
        now: Timestamp,
    ) -> Vec<Action> {
        let Decision {
            time,
            events,
            effects,
            run,
            yielded,
        } = decision;
        let Some(execution) = self.cache.get_mut(entity) else {
            return Vec::new();
        };
        let number = execution.encoder.next_record();
        let record = execution
            .encoder
            .encode(time, &events, &mut self.compressor);
        let before = Standing::of(&execution.run);
        let run_before = std::mem::replace(&mut execution.run, run);
        let seen = execution.watched.and_then(|delivery| {
            let seen = Observed::new(&execution.program, run_before, &execution.run, time, events);
            Some((delivery, seen?))
        });
        let append = Write::Append {
            entity,
            number,
            record,
        };
        let update = update(entity, before, &execution.run).filter(|_| number > 0);
        self.write(entity, std::iter::once(append).chain(update));
        if let Some((delivery, seen)) = seen {
            self.show((entity, number), delivery, seen);
        }
        self.cache.weigh(entity);
        if yielded {
            self.turns.push(entity);
        }
        let actions = effects
            .into_iter()
            .filter_map(|effect| self.act(entity, effect))
            .collect();
        self.settle(entity, now);
        actions
    }

    /// Brings heartbeat clocks, timer and wake-up row in line with the run.
    pub(super) fn settle(&mut self, entity: EntityId, now: Timestamp) {
        let Some(execution) = self.cache.get_mut(entity) else {
            return;
        };
        let wanted = execution.run.heartbeats(&execution.program);
        if wanted.is_empty() {
            self.heartbeats.remove(&entity);
        } else {
            let before = self.heartbeats.remove(&entity).unwrap_or_default();
            let clock = |(attempt, seconds): (EventId, u64)| {
                let new = Heartbeat {
                    seconds,
                    due: now.plus_seconds(seconds),
                };
                (attempt, before.get(&attempt).copied().unwrap_or(new))
            };
            let clocks = wanted.into_iter().map(clock).collect();
            self.heartbeats.insert(entity, clocks);
        }
        let due = next_deadline(&execution.run, self.heartbeats.get(&entity));
        self.timers.change(entity, execution.timer, due);
        execution.timer = due;
        let row = row(&execution.run, &execution.program, due);
        if execution.row != Some(row) {
            execution.row = Some(row);
            execution.row_moved_at = now;
            let due_ms = row.due.map(|due| due.0);
            let wake_up = Write::WakeUp {
                entity,
                due_ms,
                owes_calls: row.owes_calls,
            };
            self.write(entity, [wake_up]);
        }
    }

    /// An outcome that waits for the commit of the open group.
    pub(super) fn outcome_of(
        &self,
        entity: EntityId,
        actions: Vec<Action>,
        answer: Answer,
    ) -> Outcome {
        Outcome {
            tenure: self.tenure(entity),
            actions,
            answer,
        }
    }

    /// For what comes from inside: stale inputs are dropped.
    pub(super) fn decide_quietly(
        &mut self,
        entity: EntityId,
        input: Input,
        moment: Moment,
    ) -> Result<Outcome, Halt> {
        match self.decide(entity, input, moment)? {
            Ok(actions) => Ok(self.outcome_of(entity, actions, Answer::Internal(Ok(())))),
            Err(refusal) if is_stale(refusal) => Ok(Outcome::nothing()),
            Err(refusal) => Err(self.refused(entity, refusal).into()),
        }
    }

    pub(super) fn refused(&self, entity: EntityId, refusal: Refusal) -> Error {
        let start = self
            .cache
            .get(entity)
            .and_then(|execution| execution.run.start.as_ref());
        let arn = start.map(|start| start.execution_arn.clone());
        let execution = arn.unwrap_or_else(|| Text::from(format!("number {}", entity.0)));
        Error::Refused { execution, refusal }
    }

    pub(super) fn stop(
        &mut self,
        execution_arn: &Text,
        failure: &Failure,
        moment: Moment,
    ) -> Result<Outcome, Halt> {
        let absent = || Answer::Stopped(Err(StopError::DoesNotExist(execution_arn.clone())));
        let Some(entity) = self.find(execution_arn)? else {
            return Ok(Outcome::answer(None, absent()));
        };
        if !self.is_loaded(entity)? {
            return Ok(Outcome::answer(None, absent()));
        }
        let actions = match self.decide(entity, Input::Stop(failure.clone()), moment)? {
            Ok(actions) => actions,
            // It was closed before: the answer is its stop date.
            Err(Refusal::NotRunning) => Vec::new(),
            Err(refusal) => return Err(self.refused(entity, refusal).into()),
        };
        let end = self
            .cache
            .get(entity)
            .and_then(|execution| execution.run.end.as_ref());
        let answer = match end {
            Some(end) => Answer::Stopped(Ok(end.at)),
            None => return Err(self.refused(entity, Refusal::NotRunning).into()),
        };
        Ok(self.outcome_of(entity, actions, answer))
    }

    pub(super) fn outcome(
        &mut self,
        entity: EntityId,
        attempt: EventId,
        answered: &Answered,
        moment: Moment,
    ) -> Result<Outcome, Halt> {
        self.calls.end(entity, attempt, Errand::Call);
        if !matches!(answered.outcome, TaskOutcome::Submitted(_)) {
            self.calls.end(entity, attempt, Errand::Watch);
        }
        if !self.is_loaded(entity)? {
            return Ok(Outcome::nothing());
        }
        let input = answered.clone().into_input(attempt);
        self.decide_quietly(entity, input, moment)
    }

    /// One deadline a command: if there are more, the timer fires again.
    pub(super) fn due(&mut self, entity: EntityId, moment: Moment) -> Result<Outcome, Halt> {
        if !self.is_loaded(entity)? {
            return Ok(Outcome::nothing());
        }
        if let Some(execution) = self.cache.get_mut(entity) {
            // The entry that led here was taken out.
            execution.timer = None;
        }
        let Some(execution) = self.cache.get(entity) else {
            return Ok(Outcome::nothing());
        };
        let is_due = |due: Option<Timestamp>| due.is_some_and(|due| due <= moment.now);
        let is_queued = execution.run.queued;
        let input = if is_due(execution.run.deadline()) {
            Some(Input::DeadlineReached)
        } else if let Some(attempt) = self.missed_heartbeat(entity, moment.now) {
            Some(Input::HeartbeatMissed { attempt })
        } else {
            let has_turn = execution.run.is_yielded() && !self.turns.contains(entity);
            has_turn.then_some(Input::Continue)
        };
        match input {
            Some(input) => self.decide_quietly(entity, input, moment),
            None if is_queued => {
                self.settle(entity, moment.now);
                self.admit(entity, moment)
            }
            None => {
                self.settle(entity, moment.now);
                // After a failed commit a call may be owed that nobody makes.
                self.owed(entity)
            }
        }
    }

    /// The attempt whose heartbeat has been missing longest.
    fn missed_heartbeat(&self, entity: EntityId, now: Timestamp) -> Option<EventId> {
        let clocks = self.heartbeats.get(&entity)?.iter();
        let missed = clocks.filter(|(_, clock)| clock.due <= now);
        let longest = missed.min_by_key(|(_, clock)| clock.due);
        longest.map(|(attempt, _)| *attempt)
    }

    pub(super) fn go_on(&mut self, entity: EntityId, moment: Moment) -> Result<Outcome, Halt> {
        if !self.is_loaded(entity)? {
            return Ok(Outcome::nothing());
        }
        self.decide_quietly(entity, Input::Continue, moment)
    }

    /// Starts the clock of an attempt again, if it has one. The row follows once a second: after a
    /// restart every clock starts anew, so an early row only means an early look.
    pub(super) fn beat(&mut self, entity: EntityId, attempt: EventId, now: Timestamp) {
        let clocks = self.heartbeats.get_mut(&entity);
        if let Some(clock) = clocks.and_then(|clocks| clocks.get_mut(&attempt)) {
            clock.due = now.plus_seconds(clock.seconds);
        }
        let Some(execution) = self.cache.get_mut(entity) else {
            return;
        };
        if now.0 - execution.row_moved_at.0 >= HEARTBEAT_ROW_MS_MIN {
            return self.settle(entity, now);
        }
        let due = next_deadline(&execution.run, self.heartbeats.get(&entity));
        self.timers.change(entity, execution.timer, due);
        execution.timer = due;
    }
}

/// When an execution must be looked at. A run that yielded has its turn besides.
fn next_deadline(run: &Run, clocks: Option<&Heartbeats>) -> Option<Timestamp> {
    let heartbeats = clocks.into_iter().flat_map(BTreeMap::values);
    let heartbeats = heartbeats.map(|clock| clock.due);
    heartbeats.chain(run.deadline()).min()
}

/// The wake-up row of a run. For a run that yielded or is queued it says "at once", as neither
/// turns nor gates are written.
fn row(run: &Run, program: &Program, due: Option<Timestamp>) -> Row {
    let due = if run.is_yielded() || run.queued {
        Some(run.time)
    } else {
        due
    };
    Row {
        due,
        owes_calls: owes(run, program),
    }
}

/// What of a run shows in its row and may change.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Standing {
    status: ExecutionStatus,
    redrives: u32,
}

impl Standing {
    fn of(run: &Run) -> Standing {
        Standing {
            status: ExecutionStatus::from(run),
            redrives: run.redrives.count,
        }
    }
}

/// What a decision changes in the row of an execution.
fn update(entity: EntityId, before: Standing, run: &Run) -> Option<Write> {
    let after = Standing::of(run);
    let is_redriven = after.redrives != before.redrives;
    let redriven_at = run.redrives.last_at.filter(|_| is_redriven);
    (after != before).then(|| Write::UpdateExecution {
        entity,
        status: row_status(run),
        stopped_ms: run.end.as_ref().map(|end| end.at.0),
        redrive: redriven_at.map(|at| (after.redrives, at.0)),
    })
}
