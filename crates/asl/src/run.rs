//! One execution as plain data: the fold of its events.

use std::sync::Arc;

use json::Value;

use crate::event::{BranchId, EventId, Failure, Start, Text};
use crate::program::StateIndex;
use crate::time::Timestamp;

/// One execution. Changed by [`crate::apply::apply`] only; clones share everything large.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// `None` until ExecutionStarted.
    pub start: Option<Arc<Start>>,
    pub started_at: Timestamp,
    pub status: Status,
    /// Id of the last event shown by AWS; the next gets one more.
    pub last_event: EventId,
    /// Time of the last record; a later record is never earlier.
    pub time: Timestamp,
    /// When the machine's TimeoutSeconds run out.
    pub deadline: Option<Timestamp>,
    /// Threads of control that have not ended. Only the root until Parallel and Map are served.
    pub branches: Vec<Branch>,
    /// Set once the status is terminal.
    pub end: Option<End>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    #[default]
    NotStarted,
    Running,
    Succeeded,
    Failed,
    TimedOut,
    Aborted,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    pub at: Timestamp,
    pub output: Option<Value>,
    pub failure: Failure,
}

/// One thread of control.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    pub id: BranchId,
    /// The thread's last event that AWS shows, which its next one names as previous; 0 at first.
    pub last_event: EventId,
    pub phase: Phase,
}

/// Where a thread stands. Every variant that has a state entered it.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Between two states: the next is entered with this input.
    Between { next: StateIndex, input: Value },
    /// Within a state.
    In(StateRun),
    /// The thread ended with this output.
    Done { output: Value },
}

/// A state that was entered and not left.
#[derive(Clone, Debug, PartialEq)]
pub struct StateRun {
    pub state: StateIndex,
    pub entered_event: EventId,
    pub entered_at: Timestamp,
    /// Raw input, before InputPath.
    pub input: Value,
    /// Uses of each retrier in this visit, by index; shorter than the list when the rest are 0.
    pub retries: Vec<u32>,
    pub activity: Activity,
}

/// What a state that was entered is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum Activity {
    /// Entered, nothing under way; the same decision goes on.
    Entered,
    /// A Wait until a time.
    Waiting { until: Timestamp },
    /// A Task's call is under way or owed.
    Calling(Calling),
    /// A retrier waits.
    BackingOff { until: Timestamp },
    /// The result is in (or the failure), the same decision goes on.
    Answered,
}

/// A task call from its Scheduled event to its result.
#[derive(Clone, Debug, PartialEq)]
pub struct Calling {
    /// Id of the Scheduled event.
    pub attempt: EventId,
    pub parameters: Value,
    pub credentials_role_arn: Option<Text>,
    /// TimeoutSeconds from the Scheduled event's time.
    pub deadline: Option<Timestamp>,
    pub heartbeat_seconds: Option<u64>,
    /// The call itself answered; only the token's result is awaited.
    pub submitted: bool,
}
