//! From one input to events and effects. Evaluates; never changes the run it is given.
//!
//! Each state type has a file: what it does when entered and how it leaves. `step` holds the
//! scratch run a decision works on, `data` the flow of data through a state, `failure` Retry and
//! Catch.

mod choice;
mod data;
mod fail;
mod failure;
mod pass;
mod step;
mod succeed;
mod task;
mod wait;

use json::Value;

use crate::event::{Event, EventId, Failure, Start, Text};
use crate::program::{Program, Resource, StateIndex, StateKind};
use crate::run::{Activity, Calling, Deadline, Phase, Run, Status};
use crate::time::Timestamp;
use step::{Fault, Go, Step};
use task::Answer;

/// What comes from outside. Each is decided once.
#[derive(Clone, Debug)]
pub enum Input {
    /// StartExecution; only a run that has not started takes it.
    Start(Box<Start>),
    /// A run that yielded goes on.
    Continue,
    /// The earliest deadline of the run ([`Run::deadline`]) has come.
    DeadlineReached,
    /// No heartbeat came in time for this attempt.
    HeartbeatMissed {
        attempt: EventId,
    },
    /// The call of a callback pattern answered.
    TaskSubmitted {
        attempt: EventId,
        response: Value,
    },
    TaskSucceeded {
        attempt: EventId,
        output: Value,
    },
    TaskFailed {
        attempt: EventId,
        failure: Failure,
    },
    /// StopExecution.
    Stop(Failure),
}

/// Time and chance, drawn by the caller.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: Timestamp,
    /// 64 uniform bits; only jitter uses them.
    pub random: u64,
}

/// What one input causes.
#[derive(Debug)]
pub struct Decision {
    /// The common time of the events: `now`, or the run's own time if the clock went back.
    pub time: Timestamp,
    pub events: Vec<Event>,
    pub effects: Vec<Effect>,
    /// The run with the events applied: equal to folding them onto the given one.
    pub run: Run,
    /// The transition allowance was used up: send [`Input::Continue`] when others had their turn.
    pub yielded: bool,
}

/// What the outside must do once the events are committed.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Call(Call),
    /// The attempt's result is no longer wanted (timed out, stopped).
    Abandon {
        attempt: EventId,
    },
}

/// A task call to make as the execution role (or the state's credentials role).
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub attempt: EventId,
    pub state_name: Text,
    pub resource: Resource,
    pub parameters: Value,
    pub credentials_role_arn: Option<Text>,
    pub deadline: Option<Timestamp>,
}

impl Call {
    /// The call of an attempt; `None` if the state is not a Task of this program.
    pub(crate) fn new(program: &Program, state: StateIndex, calling: &Calling) -> Option<Call> {
        let state = program.state(state)?;
        let StateKind::Task(task) = &state.kind else {
            return None;
        };
        Some(Call {
            attempt: calling.attempt,
            state_name: state.name.clone(),
            resource: task.resource.clone(),
            parameters: calling.parameters.clone(),
            credentials_role_arn: calling.credentials_role_arn.clone(),
            deadline: calling.deadline,
        })
    }
}

/// Why an input changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The execution has ended, or has not started.
    NotRunning,
    /// Nothing waits for this attempt any more (or never did).
    NotAwaited,
    /// No deadline has come yet; the caller looked too early.
    NotDue,
    /// The execution has already started.
    AlreadyStarted,
    /// [`Input::Continue`] for a run that has not yielded.
    NotYielded,
    /// An event names a state this program does not have: run and program do not belong together.
    ForeignProgram,
}

/// Decides one input. The run given stays as it is; the caller goes on with [`Decision::run`] once
/// the events are committed.
///
/// # Errors
/// A [`Refusal`] if the input changes nothing: it is late, repeated, too early, or not for a run
/// in this state. A refused input needs no commit.
pub fn decide(
    program: &Program,
    run: &Run,
    moment: Moment,
    input: Input,
) -> Result<Decision, Refusal> {
    let mut step = Step::new(program, run, moment);
    let outcome = take(&mut step, input);
    step.proceed(outcome)?;
    Ok(step.into_decision())
}

/// Every legal transition: where the execution stands, and what comes.
fn take(step: &mut Step<'_>, input: Input) -> Result<Go, Fault> {
    match (step.run.status, input) {
        (Status::NotStarted, Input::Start(start)) => step.begin(start),
        (_, Input::Start(_)) => Err(Refusal::AlreadyStarted.into()),
        (Status::Running, Input::Continue) => resume(step),
        (Status::Running, Input::DeadlineReached) => deadlines(step),
        (Status::Running, Input::Stop(failure)) => step.abort(failure),
        (Status::Running, Input::HeartbeatMissed { attempt }) => {
            answered(step, attempt, Answer::HeartbeatMissed)
        }
        (Status::Running, Input::TaskSubmitted { attempt, response }) => {
            answered(step, attempt, Answer::Submitted(response))
        }
        (Status::Running, Input::TaskSucceeded { attempt, output }) => {
            answered(step, attempt, Answer::Succeeded(output))
        }
        (Status::Running, Input::TaskFailed { attempt, failure }) => {
            answered(step, attempt, Answer::Failed(failure))
        }
        (_, _) => Err(Refusal::NotRunning.into()),
    }
}

/// A thread that yielded enters the state it had come to.
fn resume(step: &mut Step<'_>) -> Result<Go, Fault> {
    let yielded = step
        .run
        .branches
        .iter()
        .find_map(|thread| match &thread.phase {
            Phase::Yielded { next, input } => Some((thread.id, *next, input.clone())),
            Phase::Between | Phase::In(_) => None,
        });
    let (branch, next, input) = yielded.ok_or(Refusal::NotYielded)?;
    step.branch = branch;
    Ok(Go::Enter { next, input })
}

/// Something came for an attempt. It counts if a thread still waits for exactly this attempt.
fn answered(step: &mut Step<'_>, attempt: EventId, answer: Answer) -> Result<Go, Fault> {
    let thread = step.run.awaiting(attempt).ok_or(Refusal::NotAwaited)?;
    step.branch = thread.id;
    let task = step.task()?;
    task::answered(step, task, answer)
}

/// Takes every deadline that is due, the earliest first; at the same instant the execution's
/// own comes before those of its threads. After a long absence a Wait that was due before the
/// machine's TimeoutSeconds therefore ends first, and the execution may still reach its end.
fn deadlines(step: &mut Step<'_>) -> Result<Go, Fault> {
    let is_due = |step: &Step<'_>| step.run.next_deadline().filter(|(at, _)| *at <= step.time);
    let (_, mut due) = is_due(step).ok_or(Refusal::NotDue)?;
    loop {
        let outcome = match due {
            Deadline::Execution => step.time_out(),
            Deadline::Thread(branch) => {
                step.branch = branch;
                thread_deadline(step)
            }
        };
        step.proceed(outcome)?;
        match is_due(step) {
            Some((_, next)) => due = next,
            None => return Ok(Go::Rest),
        }
    }
}

/// The deadline of the thread at hand, by what it is doing.
fn thread_deadline(step: &mut Step<'_>) -> Result<Go, Fault> {
    let (state, visit) = step.visit()?;
    match (&state.kind, &visit.activity) {
        (StateKind::Wait(wait), Activity::Waiting { .. }) => wait::leave(step, wait),
        (StateKind::Task(task), Activity::BackingOff { .. }) => task::attempt(step, task),
        (StateKind::Task(task), Activity::Calling(_)) => {
            task::answered(step, task, Answer::TimedOut)
        }
        (_, _) => Err(Refusal::ForeignProgram.into()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
