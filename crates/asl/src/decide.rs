//! From one input to events and effects. Evaluates; never changes the run it is given.

use json::Value;

use crate::event::{Event, EventId, Failure, Start, Text};
use crate::program::{Program, Resource};
use crate::run::Run;
use crate::time::Timestamp;

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
    HeartbeatMissed { attempt: EventId },
    /// The call of a callback pattern answered.
    TaskSubmitted { attempt: EventId, response: Value },
    TaskSucceeded { attempt: EventId, output: Value },
    TaskFailed { attempt: EventId, failure: Failure },
    /// StopExecution.
    Stop(Failure),
}

/// Time and chance, drawn by the caller.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: Timestamp,
    /// 64 uniform bits; only jitter and generated ids use them.
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
    Abandon { attempt: EventId },
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
    /// An event names a state this program does not have: run and program do not belong together.
    ForeignProgram,
}
