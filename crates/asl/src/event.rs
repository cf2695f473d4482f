//! What an execution's journal holds: AWS's history events and the internal ones AWS does not show.
//!
//! An event carries everything that was evaluated when it was decided, so folding evaluates
//! nothing. What the definition already says (state names, resources) is named by index.

use std::sync::Arc;

use json::{Object, Value};

use crate::limits::Limits;
use crate::program::StateIndex;
use crate::time::Timestamp;

/// Shared immutable text.
pub type Text = Arc<str>;

/// Number of a history event, from 1, dense; 0 stands for "none" and for internal events.
pub type EventId = u64;

/// One thread of control. The root is 0; a Parallel branch or a Map iteration gets the next number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BranchId(pub u32);

impl BranchId {
    /// The thread that runs the top-level states.
    pub const ROOT: BranchId = BranchId(0);
}

/// One entry of an execution's journal. All events of one commit share that record's time.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// 0 for an internal event.
    pub id: EventId,
    /// AWS's `previousEventId`; 0 for none.
    pub previous: EventId,
    /// The thread the event belongs to.
    pub branch: BranchId,
    pub kind: EventKind,
}

/// Why something failed, as AWS shows it; either part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    pub error: Option<Text>,
    pub cause: Option<Text>,
}

/// AWS's longest `error`, in characters (model of HistoryEvent, `SensitiveError`).
const ERROR_CHARS_MAX: usize = 256;
/// AWS's longest `location`, in characters (`EvaluationFailureLocation`).
const LOCATION_CHARS_MAX: usize = 256;
/// AWS's longest `cause`, in characters (`SensitiveCause`).
const CAUSE_CHARS_MAX: usize = 32_768;

impl Failure {
    /// The failure with both parts cut to the lengths AWS's members have.
    #[must_use]
    pub fn cut(self) -> Failure {
        Failure {
            error: self.error.map(|error| cut(error, ERROR_CHARS_MAX)),
            cause: self.cause.map(|cause| cut(cause, CAUSE_CHARS_MAX)),
        }
    }
}

/// The location of a failed expression, cut to the length AWS's member has.
pub(crate) fn cut_location(location: &Text) -> Text {
    cut(location.clone(), LOCATION_CHARS_MAX)
}

fn cut(text: Text, chars_max: usize) -> Text {
    let end = match text.len() > chars_max {
        true => text.char_indices().nth(chars_max).map(|(end, _)| end),
        false => None,
    };
    end.and_then(|end| text.get(..end))
        .map(Text::from)
        .unwrap_or(text)
}

/// What an execution starts with and keeps to its end, whatever happens to its state machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start {
    pub execution_arn: Text,
    pub execution_name: Text,
    pub state_machine_arn: Text,
    pub state_machine_name: Text,
    pub state_machine_version_arn: Option<Text>,
    pub state_machine_alias_arn: Option<Text>,
    pub role_arn: Text,
    /// The immutable definition revision this execution runs (a number given by the store).
    pub definition: u64,
    pub input: Value,
    /// The input exactly as StartExecution sent it, if white space makes it differ from the compact
    /// text of `input`: ExecutionStarted and DescribeExecution show this one.
    pub input_text: Option<Text>,
    pub trace_header: Option<Text>,
    /// The attempt that started it, for a nested execution: the parent's ARN, `#`, the id of its
    /// Scheduled event. The same attempt, made again after a crash, finds its own child by it.
    pub started_by: Option<Text>,
    pub kind: ExecutionKind,
    /// The state machine's tags when it started, by key: they tell its deployment.
    pub tags: Option<Value>,
    /// The test case of a mock file whose responses answer its tasks; see `lockstep dev --mocks`.
    pub mock_case: Option<Text>,
    pub limits: Limits,
    /// Key of this execution's task tokens.
    pub token_secret: [u8; 16],
}

/// What served a call, as whoever made it says, so that a state leads to the very code and rights
/// that made it. Nothing of the language reads it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Served {
    /// The function: its version, the digest of its code, the request, and where it logged.
    pub function: Option<Value>,
    /// The policies of the role that called, with their versions. `None` in an event if they are
    /// those of the event before.
    pub role_policies: Option<Value>,
}

/// What sort of execution it is. They differ in what `$$` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExecutionKind {
    #[default]
    Standard,
    /// StartExecution of an Express state machine.
    Express,
    /// StartSyncExecution.
    SyncExpress,
    /// TestState.
    Test,
}

/// Everything that can happen in an execution.
///
/// The events of a task call name its state, so that each can be shown without those before it;
/// which attempt they belong to is the thread's last Scheduled event.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    // -- shown by AWS ------------------------------------------------------------------------
    ExecutionStarted(Box<Start>),
    ExecutionSucceeded {
        output: Value,
    },
    ExecutionFailed(Failure),
    ExecutionAborted(Failure),
    ExecutionTimedOut(Failure),
    /// `<Type>StateEntered`, input before InputPath.
    StateEntered {
        state: StateIndex,
        input: Value,
    },
    /// `<Type>StateExited`, output after OutputPath.
    StateExited {
        state: StateIndex,
        output: Value,
        /// The variables that Assign wrote, by name; `None` if it wrote none.
        assigned: Option<Object>,
    },
    /// `TaskScheduled`, `LambdaFunctionScheduled` or `ActivityScheduled`, by the task's resource.
    /// Its id is the attempt.
    TaskScheduled {
        state: StateIndex,
        /// `parameters` (service tasks) or `input` (Lambda function ARN).
        parameters: Value,
        /// Present if the state sets it; the attempt then ends at this event's time plus this.
        timeout_seconds: Option<u64>,
        /// Present if the state sets it.
        heartbeat_seconds: Option<u64>,
        /// The role of the state's `Credentials`, when it has any.
        credentials_role_arn: Option<Text>,
        /// Whether the call starts a job whose end is awaited (`.sync`): what ends the attempt
        /// earlier owes the job a cancellation.
        is_job: bool,
    },
    /// `TaskStarted` or `LambdaFunctionStarted`, committed together with its Scheduled event; or
    /// `ActivityStarted`, when a worker picked the task up.
    TaskStarted {
        state: StateIndex,
        /// What the worker calls itself; only of activities, and only if it said so.
        worker_name: Option<Text>,
    },
    /// `TaskSubmitted`: the call of a job or callback pattern answered.
    TaskSubmitted {
        state: StateIndex,
        output: Value,
    },
    /// `TaskSucceeded`, `LambdaFunctionSucceeded` or `ActivitySucceeded`: the raw result.
    TaskSucceeded {
        state: StateIndex,
        output: Value,
    },
    /// `TaskFailed`, `LambdaFunctionFailed` or `ActivityFailed`.
    TaskFailed {
        state: StateIndex,
        failure: Failure,
    },
    /// `TaskTimedOut`, `LambdaFunctionTimedOut` or `ActivityTimedOut`.
    TaskTimedOut {
        state: StateIndex,
        failure: Failure,
    },
    /// A JSONata expression of the state failed.
    EvaluationFailed {
        state: StateIndex,
        failure: Failure,
        /// The field at fault: `Arguments/Payload`, `Assign/x`; absent where AWS names none.
        location: Option<Text>,
    },
    /// `ParallelStateStarted`: one for each attempt. Its branches follow as `BranchStarted`.
    ParallelStarted {
        state: StateIndex,
    },
    /// `MapStateStarted`: one for each attempt. AWS shows the number of items only.
    MapStarted {
        state: StateIndex,
        /// An array, or an object whose members are the items.
        items: Value,
        /// How many iterations may run at a time; never 0.
        concurrency: u32,
    },
    /// A thread of its own begins (`branch` of the event is the new one) and will enter the body's
    /// first state with this input.
    MapIterationStarted {
        /// The Map state.
        state: StateIndex,
        /// The thread that is in the Map state.
        parent: BranchId,
        /// Which item, from 0.
        index: u32,
        input: Value,
    },
    /// The iteration's thread ends; its last output becomes the item's result.
    MapIterationSucceeded {
        state: StateIndex,
        index: u32,
    },
    MapIterationFailed {
        state: StateIndex,
        index: u32,
    },
    MapIterationAborted {
        state: StateIndex,
        index: u32,
    },
    /// `ParallelStateSucceeded` or `MapStateSucceeded`.
    StateSucceeded {
        state: StateIndex,
    },
    /// `ParallelStateFailed` or `MapStateFailed`: the last attempt failed.
    StateFailed {
        state: StateIndex,
    },
    /// `TaskStateAborted`, `WaitStateAborted`, `ParallelStateAborted`, `MapStateAborted`: the state
    /// a cut thread was in.
    StateAborted {
        state: StateIndex,
    },

    /// A failed, aborted or timed-out execution goes on. `previous` is the event it had ended with.
    ExecutionRedriven {
        /// 1 for the first.
        redrive_count: u32,
        /// RedriveExecution's; the same token again is the same redrive.
        client_token: Option<Text>,
    },

    // -- internal, id 0 ----------------------------------------------------------------------
    /// The execution waits until its state machine's concurrency limit lets it go on. Follows
    /// ExecutionStarted, with the root thread before the first state (`Yielded`), or
    /// ExecutionRedriven.
    Queued,
    /// It goes on.
    Admitted,
    /// The job of a `.sync` attempt that is no longer wanted was told to stop: nothing is owed.
    JobCancelled {
        attempt: EventId,
    },
    /// What served the attempt: precedes what its call answered.
    TaskServed {
        attempt: EventId,
        served: Box<Served>,
    },
    /// Follows ExecutionStarted when the machine has TimeoutSeconds.
    ExecutionDeadline {
        at: Timestamp,
    },
    /// A Wait state was entered and leaves at this time.
    WaitUntil {
        until: Timestamp,
    },
    /// A retrier was chosen: its index, how often it has now been used, and when to try again.
    RetryAt {
        retrier: u32,
        retries: u32,
        until: Timestamp,
    },
    /// The decision stopped at its transition allowance; the next one enters this state first.
    Yielded {
        next: StateIndex,
        input: Value,
    },
    /// A branch of a Parallel state begins (`branch` of the event is the new one).
    BranchStarted {
        /// The thread that is in the Parallel state.
        parent: BranchId,
        /// Which branch, from 0.
        index: u32,
        input: Value,
    },
    /// A branch of a Parallel state came to its end; its last output becomes its result.
    BranchSucceeded,
    /// All threads below this one are gone; `previous` is the event that was their end, and the
    /// thread's next event chains to it.
    BranchesCut,
}

impl EventKind {
    /// Internal events have no id and are not shown.
    pub fn is_internal(&self) -> bool {
        matches!(
            self,
            EventKind::ExecutionDeadline { .. }
                | EventKind::WaitUntil { .. }
                | EventKind::RetryAt { .. }
                | EventKind::Yielded { .. }
                | EventKind::BranchStarted { .. }
                | EventKind::BranchSucceeded
                | EventKind::BranchesCut
                | EventKind::Queued
                | EventKind::Admitted
                | EventKind::JobCancelled { .. }
                | EventKind::TaskServed { .. }
        )
    }

    /// The execution has ended. Only ExecutionRedriven and JobCancelled may follow.
    pub fn is_terminal(&self) -> bool {
        matches!(
            self,
            EventKind::ExecutionSucceeded { .. }
                | EventKind::ExecutionFailed(_)
                | EventKind::ExecutionAborted(_)
                | EventKind::ExecutionTimedOut(_)
        )
    }
}
