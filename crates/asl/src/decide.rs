//! From one input to events and effects. Evaluates; never changes the run it is given.
//!
//! Each state type has a file: what it does when entered and how it leaves. `step` holds the
//! scratch run a decision works on, `data` the flow of data through a state in either query
//! language, `failure` Retry and Catch, `fork` the threads below a Parallel or Map, `ready` the
//! order in which threads move.

mod choice;
mod data;
mod fail;
mod failure;
mod fork;
mod map;
mod parallel;
mod pass;
mod ready;
mod step;
mod succeed;
mod task;
mod wait;

use json::Value;

use crate::event::{Event, EventId, EventKind, Failure, Start, Text};
use crate::program::{Program, Resource, StateIndex, StateKind};
use crate::run::{Activity, Calling, Deadline, Run, Status};
use crate::time::Timestamp;
use ready::Ready;
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
    /// 64 uniform bits: jitter, States.UUID, `$random()` draw from them.
    pub random: u64,
    pub allowance: Allowance,
}

/// What the evaluations of a decision may use: paths, intrinsic functions, JSONata.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Allowance {
    /// Little, for all evaluations of the decision together: a thread that serves many
    /// executions is not kept long. What needs more is [`Refusal::TooHeavy`].
    #[default]
    Inline,
    /// All that AWS allows, for each state that has its turn, up to
    /// [`Allowance::STEPS_FULL_DECISION`] for all of them.
    Full,
}

impl Allowance {
    /// About two milliseconds.
    pub const STEPS_INLINE: u64 = 50_000;

    /// About four seconds. After heavy evaluations no state is entered, but Parallel and Map states
    /// within each other may come to their ends, or fail, hundreds at once.
    pub const STEPS_FULL_DECISION: u64 = 4 * jsonata::Allowance::FULL.steps;

    fn to_meter(self) -> jsonata::Allowance {
        match self {
            Allowance::Inline => jsonata::Allowance {
                steps: Allowance::STEPS_INLINE,
                ..jsonata::Allowance::FULL
            },
            Allowance::Full => jsonata::Allowance::FULL,
        }
    }
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
    /// Calls the state made before this one in the execution; counted where tasks are mocked
    /// ([`Start::mock_case`]), and 0 elsewhere.
    pub number: u32,
    pub state_name: Text,
    pub resource: Resource,
    pub parameters: Value,
    pub credentials_role_arn: Option<Text>,
    pub deadline: Option<Timestamp>,
}

impl Call {
    /// The call of an attempt; `None` if the state is not a Task of this program.
    pub fn new(program: &Program, state: StateIndex, calling: &Calling) -> Option<Call> {
        let state = program.state(state)?;
        let StateKind::Task(task) = &state.kind else {
            return None;
        };
        Some(Call {
            attempt: calling.attempt,
            number: calling.number,
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
    /// The decision needs more than [`Allowance::Inline`]. The same input is to be decided again
    /// under [`Allowance::Full`], where it keeps nobody waiting.
    TooHeavy,
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

/// Begins an execution whose [`Input::Start`] is [`Refusal::TooHeavy`]: it yields before its first
/// state, so whoever started it need not wait for that one.
///
/// # Errors
/// None of a start that is too heavy; see [`decide`].
pub fn begin(program: &Program, moment: Moment, start: Box<Start>) -> Result<Decision, Refusal> {
    let mut step = Step::new(program, &Run::default(), moment);
    let outcome = match step.begin(start) {
        Ok(Go::Enter { next, input }) => {
            let yielded = step.emit(EventKind::Yielded { next, input });
            yielded.map(|_| Go::Rest)
        }
        outcome => outcome,
    };
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

/// The threads that yielded go on.
fn resume(step: &mut Step<'_>) -> Result<Go, Fault> {
    if !step.run.is_yielded() {
        return Err(Refusal::NotYielded.into());
    }
    step.ready = Ready::of(&step.run);
    Ok(Go::Rest)
}

/// Something came for an attempt. It counts if a thread still waits for exactly this attempt.
fn answered(step: &mut Step<'_>, attempt: EventId, answer: Answer) -> Result<Go, Fault> {
    let thread = step.run.awaiting(attempt).ok_or(Refusal::NotAwaited)?;
    step.branch = thread.id;
    let task = step.task()?;
    task::answered(step, task, answer)
}

/// Takes the deadlines that are due, the earliest first; at the same instant the execution's
/// own comes before those of its threads. After a long absence a Wait that was due before the
/// machine's TimeoutSeconds therefore ends first, and the execution may still reach its end.
///
/// No more are taken than a decision may make transitions; those that are left are still due
/// afterwards.
fn deadlines(step: &mut Step<'_>) -> Result<Go, Fault> {
    let due = step.run.due(step.time);
    if due.is_empty() {
        return Err(Refusal::NotDue.into());
    }
    let count_max = step.transitions_max();
    for deadline in due.into_iter().take(count_max) {
        if !step.has_transitions_left() {
            break;
        }
        let outcome = match deadline {
            Deadline::Execution => step.time_out(),
            Deadline::Thread(branch) => {
                // What came before may have cut the thread.
                let thread = step.run.branch(branch);
                let deadline = thread.and_then(crate::run::Branch::deadline);
                if deadline.is_none_or(|at| at > step.time) {
                    continue;
                }
                step.branch = branch;
                thread_deadline(step)
            }
        };
        step.proceed(outcome)?;
        if step.run.status.is_terminal() {
            break;
        }
    }
    Ok(Go::Rest)
}

/// The deadline of the thread at hand, by what it is doing.
fn thread_deadline(step: &mut Step<'_>) -> Result<Go, Fault> {
    step.begin_turn();
    let (state, visit) = step.visit()?;
    match (&state.kind, &visit.activity) {
        (StateKind::Wait(wait), Activity::Waiting { .. }) => wait::leave(step, wait),
        (StateKind::Task(task), Activity::BackingOff { .. }) => task::attempt(step, task),
        (StateKind::Parallel(parallel), Activity::BackingOff { .. }) => {
            parallel::attempt(step, parallel)
        }
        (StateKind::Map(map), Activity::BackingOff { .. }) => map::attempt(step, map),
        (StateKind::Task(task), Activity::Calling(_)) => {
            task::answered(step, task, Answer::TimedOut)
        }
        (_, _) => Err(Refusal::ForeignProgram.into()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
