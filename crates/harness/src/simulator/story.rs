//! One execution's events, judged one by one without the code that decided them.

use std::collections::BTreeMap;

use asl::event::{Event, EventId, EventKind, Failure, Text};
use asl::program::{Program, StateIndex, StateKind};
use asl::time::Timestamp;
use json::Value;

use super::facts::agree;

/// How an attempt ended: the mark of its result, or none for a timeout.
pub(super) type Ending = Option<u64>;

#[derive(Default)]
pub(super) struct Story {
    pub(super) arn: Text,
    pub(super) input: String,
    last_id: EventId,
    time: Timestamp,
    /// The call that has no result yet.
    open: Option<Open>,
    /// No state may be left and no attempt made before.
    not_before: Option<Timestamp>,
    deadline: Option<Timestamp>,
    /// Every attempt, with its ending if it has one.
    pub(super) attempts: BTreeMap<EventId, Option<Ending>>,
    pub(super) has_ended: bool,
    /// The history has no room for more.
    pub(super) is_full: bool,
    /// The wall clock went back meanwhile: heartbeats are missed by the clock, while the time of
    /// events stands still.
    pub(super) clock_went_back: bool,
}

struct Open {
    attempt: EventId,
    times_out_at: Option<Timestamp>,
    is_started: bool,
    is_submitted: bool,
}

impl Story {
    /// Takes the next event of the journal.
    pub(super) fn tell(
        &mut self,
        program: &Program,
        time: Timestamp,
        event: &Event,
    ) -> Result<(), String> {
        let told = self.told(program, time, event);
        told.map_err(|problem| format!("{}: {problem}: {event:?} at {time}", self.arn))
    }

    fn told(&mut self, program: &Program, time: Timestamp, event: &Event) -> Result<(), String> {
        rule(!self.has_ended, "an event behind the last")?;
        rule(time >= self.time, "time goes back")?;
        self.time = time;
        if event.kind.is_internal() {
            rule(event.id == 0, "an internal event has an id")?;
        } else {
            rule(event.id == self.last_id + 1, "ids have a gap or repeat")?;
            rule(event.previous < event.id, "the previous event comes later")?;
            self.last_id = event.id;
        }
        rule(
            (event.id == 1) == matches!(event.kind, EventKind::ExecutionStarted(_)),
            "only the first event starts",
        )?;
        self.judge(program, event)
    }

    fn judge(&mut self, program: &Program, event: &Event) -> Result<(), String> {
        match &event.kind {
            EventKind::ExecutionStarted(start) => {
                self.arn = start.execution_arn.clone();
                self.input = start.input.to_text();
            }
            EventKind::ExecutionDeadline { at } => self.deadline = Some(*at),
            EventKind::StateEntered { .. } => {
                rule(self.open.is_none(), "entered with a call under way")?;
                self.not_before = None;
            }
            EventKind::StateExited { .. } => {
                rule(self.open.is_none(), "left with a call under way")?;
                self.waited()?;
            }
            EventKind::WaitUntil { until } | EventKind::RetryAt { until, .. } => {
                self.not_before = Some(*until);
            }
            EventKind::Yielded { .. } => {}
            EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed(_)
            | EventKind::ExecutionAborted(_)
            | EventKind::ExecutionTimedOut(_) => self.end(&event.kind)?,
            _ => self.judge_call(program, event)?,
        }
        Ok(())
    }

    fn judge_call(&mut self, program: &Program, event: &Event) -> Result<(), String> {
        match &event.kind {
            EventKind::TaskScheduled {
                timeout_seconds,
                heartbeat_seconds,
                state,
                ..
            } => {
                rule(self.open.is_none(), "a second call at the same time")?;
                rule(is_task(program, *state), "a call of no Task")?;
                self.waited()?;
                let seconds = timeout_seconds.iter().chain(heartbeat_seconds).min();
                self.open = Some(Open {
                    attempt: event.id,
                    times_out_at: seconds.map(|seconds| self.time.plus_seconds(*seconds)),
                    is_started: false,
                    is_submitted: false,
                });
                self.attempts.insert(event.id, None);
            }
            EventKind::TaskStarted { .. } => {
                let open = self.open.as_mut().ok_or("a start of no call")?;
                rule(!open.is_started, "started twice")?;
                open.is_started = true;
            }
            EventKind::TaskSubmitted { .. } => {
                let open = self.open.as_mut().ok_or("an answer to no call")?;
                rule(open.is_started && !open.is_submitted, "submitted twice")?;
                open.is_submitted = true;
            }
            EventKind::TaskSucceeded { output, .. } => self.close(mark_of(output))?,
            EventKind::TaskFailed { failure, .. } => self.close(mark_of_failure(failure))?,
            EventKind::TaskTimedOut { .. } => {
                let times_out_at = self.open.as_ref().and_then(|open| open.times_out_at);
                let is_late = times_out_at.is_some_and(|at| at <= self.time);
                rule(is_late || self.clock_went_back, "timed out early")?;
                self.close(None)?;
            }
            _ => return Err("a kind of event nobody knows".to_owned()),
        }
        Ok(())
    }

    fn close(&mut self, ending: Ending) -> Result<(), String> {
        let open = self.open.take().ok_or("a result of no call")?;
        rule(open.is_started, "a result before the start")?;
        let attempt = self.attempts.entry(open.attempt).or_default();
        rule(attempt.is_none(), "a second result")?;
        *attempt = Some(ending);
        Ok(())
    }

    fn waited(&mut self) -> Result<(), String> {
        let not_before = self.not_before.take();
        rule(not_before.is_none_or(|at| at <= self.time), "too early")
    }

    fn end(&mut self, kind: &EventKind) -> Result<(), String> {
        self.has_ended = true;
        match kind {
            EventKind::ExecutionSucceeded { .. } => {
                rule(self.open.is_none(), "succeeded with a call under way")
            }
            EventKind::ExecutionTimedOut(_) => {
                let is_late = self.deadline.is_some_and(|at| at <= self.time);
                rule(is_late, "the execution timed out early")
            }
            EventKind::ExecutionFailed(failure) => {
                let cause = failure.cause.as_deref().unwrap_or_default();
                self.is_full = cause.contains("maximum number of history events");
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn rule(holds: bool, problem: &str) -> Result<(), String> {
    agree(holds, || problem.to_owned())
}

fn is_task(program: &Program, state: StateIndex) -> bool {
    let state = program.state(state);
    state.is_some_and(|state| matches!(state.kind, StateKind::Task(_)))
}

fn mark_of(output: &Value) -> Ending {
    let mark = output.get("mark").and_then(Value::as_i64);
    mark.and_then(|mark| u64::try_from(mark).ok())
}

fn mark_of_failure(failure: &Failure) -> Ending {
    failure
        .cause
        .as_deref()
        .and_then(|cause| cause.parse().ok())
}
