//! From one input to events and effects. Evaluates; never changes the run it is given.
//!
//! Each state type has a file: what it does when entered and how it leaves. `step` holds the
//! scratch run a decision works on, `data` the flow of data through a state in either query
//! language, `failure` Retry and Catch, `fork` the threads below a Parallel or Map, `ready` the
//! order in which threads move, `effects` what remains of the effects at the end.

mod choice;
mod counts;
mod data;
mod distributed;
mod effects;
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
pub(crate) mod trial;
mod wait;

use json::Value;

use crate::event::{Event, EventId, EventKind, Failure, Served, Start, Text};
use crate::program::{Program, Resource, StateIndex, StateKind};
use crate::run::{Activity, Calling, Deadline, NotRedrivable, Run, Status};
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
    /// A worker picked up the task of an activity: its token is out, its heartbeats begin.
    ActivityPickedUp {
        attempt: EventId,
        worker_name: Option<Text>,
    },
    /// The call of a callback or job pattern answered.
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
    /// One of the three above, and what served the call.
    Served {
        attempt: EventId,
        served: Box<Served>,
        answer: Box<Input>,
    },
    /// The job of an attempt that is no longer wanted ([`Run::owed_cancels`]) was told to stop.
    JobCancelled {
        attempt: EventId,
    },
    /// StopExecution.
    Stop(Failure),
    /// RedriveExecution.
    Redrive {
        client_token: Option<Text>,
    },
    /// A queued execution may go on.
    Admitted,
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
    /// Also the task of an activity: it is to be laid out for a worker.
    Call(Call),
    /// The call of a job pattern answered this: how the job ends is the attempt's outcome.
    Watch { call: Call, response: Value },
    /// The attempt's result is no longer wanted (timed out, stopped).
    Abandon { attempt: EventId },
    /// The job that this call started is to be stopped. With it goes what the call answered, if an
    /// answer was recorded; without one there may be a job or not. Owed until
    /// [`Input::JobCancelled`].
    Cancel(Call, Option<Value>),
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
    /// [`Input::Admitted`] for a run that is not queued.
    NotQueued,
    /// [`Input::Redrive`] for an execution that cannot be redriven.
    NotRedrivable(NotRedrivable),
    /// [`Input::Redrive`] with the client token of the redrive made at this time: the same request
    /// again, to be answered the same.
    AlreadyRedriven { at: Timestamp },
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
    decide_within(program, run, moment, input, Surroundings::default())
}

/// What an execution cannot know of what is around it.
///
/// Whoever carries out effects decides as ever, and again with `missing_activities` if
/// [`Effect::Call`] names an activity that is not there. So the language knows of no catalogue, and
/// tasks of activities that exist cost nothing more.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// Activities that do not exist, by their ARNs: a Task of such a one fails with
    /// `States.Runtime` before it is scheduled.
    pub missing_activities: &'a [Text],
    /// Whether the state machine is being deleted (DeleteStateMachine): "On the next state
    /// transition, the state machine's executions are terminated." A thread that would enter a
    /// state aborts the execution instead. States that were entered come to their ends, with their
    /// retries; one that ends the execution ends it as ever (unverified).
    pub is_deleting: bool,
}

/// Decides one input in these surroundings.
///
/// # Errors
/// As [`decide`].
pub fn decide_within(
    program: &Program,
    run: &Run,
    moment: Moment,
    input: Input,
    surroundings: Surroundings<'_>,
) -> Result<Decision, Refusal> {
    let mut step = Step::new(program, run, moment);
    step.surroundings = surroundings;
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
    let outcome = begin_apart(&mut step, start).map(|()| Go::Rest);
    step.proceed(outcome)?;
    Ok(step.into_decision())
}

/// Begins an execution that has to wait for its state machine's concurrency limit. Its
/// TimeoutSeconds count from now; [`Input::Admitted`] lets it go on.
///
/// # Errors
/// None of a start; see [`decide`].
pub fn begin_queued(
    program: &Program,
    moment: Moment,
    start: Box<Start>,
) -> Result<Decision, Refusal> {
    let mut step = Step::new(program, &Run::default(), moment);
    let begun = begin_apart(&mut step, start);
    let outcome = begun
        .and_then(|()| step.emit(EventKind::Queued))
        .map(|_| Go::Rest);
    step.proceed(outcome)?;
    Ok(step.into_decision())
}

/// ExecutionStarted, and the first state is yet to be entered.
fn begin_apart(step: &mut Step<'_>, start: Box<Start>) -> Result<(), Fault> {
    if let Go::Enter { next, input } = step.begin(start)? {
        step.emit(EventKind::Yielded { next, input })?;
    }
    Ok(())
}

/// Redrives an execution that then has to wait for its state machine's concurrency limit, likewise.
///
/// # Errors
/// As [`decide`] with [`Input::Redrive`].
pub fn redrive_queued(
    program: &Program,
    run: &Run,
    moment: Moment,
    client_token: Option<Text>,
) -> Result<Decision, Refusal> {
    let mut step = Step::new(program, run, moment);
    let redriven = redrive(&mut step, client_token);
    let outcome = redriven
        .and_then(|()| step.emit(EventKind::Queued))
        .map(|_| Go::Rest);
    step.proceed(outcome)?;
    Ok(step.into_decision())
}

/// Every legal transition: where the execution stands, and what comes.
fn take(step: &mut Step<'_>, input: Input) -> Result<Go, Fault> {
    match (step.run.status, input) {
        (Status::NotStarted, Input::Start(start)) => step.begin(start),
        (_, Input::Start(_)) => Err(Refusal::AlreadyStarted.into()),
        (Status::NotStarted, _) => Err(Refusal::NotRunning.into()),
        (_, Input::JobCancelled { attempt }) => job_cancelled(step, attempt),
        (_, Input::Redrive { client_token }) => {
            redrive(step, client_token)?;
            Ok(resume(step))
        }
        (Status::Running, Input::Admitted) => admitted(step),
        (Status::Running, Input::Continue) if step.run.is_yielded() => Ok(resume(step)),
        (Status::Running, Input::Continue) => Err(Refusal::NotYielded.into()),
        (Status::Running, Input::DeadlineReached) => deadlines(step),
        (Status::Running, Input::Stop(failure)) => step.abort(failure),
        (Status::Running, Input::HeartbeatMissed { attempt }) => {
            answered(step, attempt, Answer::HeartbeatMissed)
        }
        (
            Status::Running,
            Input::ActivityPickedUp {
                attempt,
                worker_name,
            },
        ) => answered(step, attempt, Answer::PickedUp { worker_name }),
        (Status::Running, Input::TaskSubmitted { attempt, response }) => {
            answered(step, attempt, Answer::Submitted(response))
        }
        (Status::Running, Input::TaskSucceeded { attempt, output }) => {
            answered(step, attempt, Answer::Succeeded(output))
        }
        (Status::Running, Input::TaskFailed { attempt, failure }) => {
            answered(step, attempt, Answer::Failed(failure))
        }
        (
            Status::Running,
            Input::Served {
                attempt,
                served,
                answer,
            },
        ) => {
            note_served(step, attempt, served)?;
            take(step, *answer)
        }
        (_, _) => Err(Refusal::NotRunning.into()),
    }
}

/// The threads that can move go on.
fn resume(step: &mut Step<'_>) -> Go {
    step.ready = Ready::of(&step.run);
    Go::Rest
}

/// There is room for a queued execution.
fn admitted(step: &mut Step<'_>) -> Result<Go, Fault> {
    if !step.run.queued {
        return Err(Refusal::NotQueued.into());
    }
    step.emit(EventKind::Admitted)?;
    Ok(resume(step))
}

/// An execution that ended badly goes on from there. Its TimeoutSeconds start anew.
fn redrive(step: &mut Step<'_>, client_token: Option<Text>) -> Result<(), Fault> {
    let redrives = &step.run.redrives;
    let repeated = client_token.as_deref();
    if let Some(at) = repeated.and_then(|token| redrives.repeated(token, step.time)) {
        return Err(Refusal::AlreadyRedriven { at }.into());
    }
    let redrive_count = redrives.count.saturating_add(1);
    step.run
        .redrivable(step.time)
        .map_err(Refusal::NotRedrivable)?;
    let redriven = EventKind::ExecutionRedriven {
        redrive_count,
        client_token,
    };
    step.emit_after(step.run.last_event, redriven)?;
    step.start_clock()
}

/// Nothing is owed to a job any more.
fn job_cancelled(step: &mut Step<'_>, attempt: EventId) -> Result<Go, Fault> {
    if !step.run.cancels.iter().any(|it| it.attempt == attempt) {
        return Err(Refusal::NotAwaited.into());
    }
    step.emit(EventKind::JobCancelled { attempt })?;
    Ok(Go::Rest)
}

/// Keeps what served an attempt; of the role's policies only that they are others than before.
fn note_served(
    step: &mut Step<'_>,
    attempt: EventId,
    mut served: Box<Served>,
) -> Result<(), Fault> {
    let thread = step.run.awaiting(attempt).ok_or(Refusal::NotAwaited)?;
    step.branch = thread.id;
    if served.role_policies == step.run.role_policies {
        served.role_policies = None;
    }
    if *served != Served::default() {
        step.emit(EventKind::TaskServed { attempt, served })?;
    }
    Ok(())
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
