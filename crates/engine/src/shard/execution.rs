//! One decision of an execution, and what follows from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::decide::{Call, Decision, Effect, Input, Moment, Refusal};
use asl::event::{EventId, Failure, Text};
use asl::program::Program;
use asl::run::{Branch, Run};
use asl::time::Timestamp;
use store::{EntityId, Write};

use super::cache::{Execution, Row};
use super::command::{Action, Answer, Outcome};
use super::{Halt, Shard, is_stale};
use crate::journal::Loaded;
use crate::limits::HEARTBEAT_ROW_MS_MIN;
use crate::request::{Error, ExecutionStatus, StopError};
use crate::task::{TaskCall, TaskOutcome};

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
        let mut execution = Execution::new(loaded.run, program, loaded.encoder);
        let clocks = self.heartbeats.get(&entity);
        execution.timer = next_deadline(&execution.run, clocks);
        // Heartbeats moved the row without telling the journal.
        let has_heartbeats = !execution.run.heartbeats(&execution.program).is_empty();
        execution.row = (!has_heartbeats).then(|| row(&execution.run, execution.timer));
        self.cache.insert(entity, execution);
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
        execution.run = run;
        let append = Write::Append {
            entity,
            number,
            record,
        };
        let close = close(entity, &execution.run).filter(|_| number > 0);
        self.write(entity, std::iter::once(append).chain(close));
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

    /// What an effect means outside; nothing if there is no room for a call now.
    fn act(&mut self, entity: EntityId, effect: Effect) -> Option<Action> {
        match effect {
            Effect::Call(call) => self.call(entity, call),
            Effect::Abandon { attempt } => {
                self.calls.end(entity, attempt);
                let start = self.cache.get(entity)?.run.start.as_ref()?;
                let execution_arn = start.execution_arn.clone();
                Some(Action::Abandon {
                    entity,
                    execution_arn,
                    attempt,
                })
            }
        }
    }

    fn call(&mut self, entity: EntityId, call: Call) -> Option<Action> {
        if !self
            .calls
            .begin(entity, call.attempt, self.config.calls_max)
        {
            return None;
        }
        self.groups.note_call(entity, call.attempt);
        let start = self.cache.get(entity)?.run.start.as_ref()?;
        Some(Action::Call(
            entity,
            Box::new(TaskCall {
                execution_arn: start.execution_arn.clone(),
                state_machine_arn: start.state_machine_arn.clone(),
                role_arn: start.role_arn.clone(),
                trace_header: start.trace_header.clone(),
                mock_case: start.mock_case.clone(),
                call,
            }),
        ))
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
        let row = row(&execution.run, due);
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
    fn decide_quietly(
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

    fn refused(&self, entity: EntityId, refusal: Refusal) -> Error {
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
        outcome: &TaskOutcome,
        moment: Moment,
    ) -> Result<Outcome, Halt> {
        self.calls.end(entity, attempt);
        if !self.is_loaded(entity)? {
            return Ok(Outcome::nothing());
        }
        let input = match outcome.clone() {
            TaskOutcome::Succeeded(output) => Input::TaskSucceeded { attempt, output },
            TaskOutcome::Failed(failure) => Input::TaskFailed { attempt, failure },
            TaskOutcome::Submitted(response) => Input::TaskSubmitted { attempt, response },
        };
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

    pub(super) fn owed(&mut self, entity: EntityId) -> Result<Outcome, Halt> {
        if !self.is_loaded(entity)? {
            return Ok(Outcome::nothing());
        }
        let Some(execution) = self.cache.get(entity) else {
            return Ok(Outcome::nothing());
        };
        let threads = execution.run.branches.iter();
        let waiting = threads
            .filter_map(|thread| thread.calling())
            .filter(|(_, call)| {
                call.submitted.is_none() && !self.calls.is_under_way(entity, call.attempt)
            });
        // One more than there is room for, so that the execution is remembered.
        let room = self.calls.room(self.config.calls_max);
        let calls: Vec<Call> = waiting
            .take(room.saturating_add(1))
            .filter_map(|(visit, call)| Call::new(&execution.program, visit.state, call))
            .collect();
        let actions = calls
            .into_iter()
            .filter_map(|call| self.call(entity, call))
            .collect();
        Ok(self.outcome_of(entity, actions, Answer::Internal(Ok(()))))
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

/// The wake-up row of a run. For a run that yielded it says "at once", as turns are not written.
fn row(run: &Run, due: Option<Timestamp>) -> Row {
    let due = if run.is_yielded() {
        Some(run.time)
    } else {
        due
    };
    let owes = |thread: &Arc<Branch>| {
        let calling = thread.calling();
        calling.is_some_and(|(_, calling)| calling.submitted.is_none())
    };
    Row {
        due,
        owes_calls: run.branches.iter().any(owes),
    }
}

/// What the end of a run changes in its row.
fn close(entity: EntityId, run: &Run) -> Option<Write> {
    let end = run.end.as_ref()?;
    let status = ExecutionStatus::from(run.status).code();
    Some(Write::UpdateExecution {
        entity,
        status,
        stopped_ms: Some(end.at.0),
        redrive: None,
    })
}
