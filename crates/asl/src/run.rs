//! One execution as plain data: the fold of its events.

use std::sync::Arc;

use json::Value;

use crate::decide::Call;
use crate::event::{BranchId, EventId, Failure, Start, Text};
use crate::program::{Pattern, Program, StateIndex, StateKind};
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
    pub times_out_at: Option<Timestamp>,
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

impl Status {
    /// Whether the execution has ended.
    pub fn is_terminal(self) -> bool {
        !matches!(self, Status::NotStarted | Status::Running)
    }
}

/// How an execution ended, as DescribeExecution shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// The time of the last event; for TIMED_OUT the deadline itself, as AWS reports it.
    pub at: Timestamp,
    /// Present for SUCCEEDED only.
    pub output: Option<Value>,
    /// Empty for SUCCEEDED and, as with AWS, for TIMED_OUT.
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

/// Where a thread stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// In no state. Lasts no longer than the decision that led here.
    Between,
    /// The decision yielded: [`crate::decide::Input::Continue`] enters the state with this input.
    Yielded { next: StateIndex, input: Value },
    /// Within a state.
    In(StateRun),
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
    /// Entered, nothing under way. Lasts no longer than the decision that entered.
    Entered,
    /// A Wait until a time.
    Waiting { until: Timestamp },
    /// A Task's call is under way or owed.
    Calling(Calling),
    /// A retrier waits.
    BackingOff { until: Timestamp },
    /// The result is in (or the failure). Lasts no longer than the decision that took it.
    Answered,
}

/// A task call from its Scheduled event to its result.
#[derive(Clone, Debug, PartialEq)]
pub struct Calling {
    /// Id of the Scheduled event.
    pub attempt: EventId,
    pub parameters: Value,
    pub credentials_role_arn: Option<Text>,
    /// TimeoutSeconds after the Scheduled event's time. Without TimeoutSeconds there is none: AWS's
    /// default of 99,999,999 s is beyond the one year an execution may last.
    pub deadline: Option<Timestamp>,
    pub heartbeat_seconds: Option<u64>,
    /// The call itself answered; only the token's result is awaited.
    pub submitted: bool,
}

/// What a deadline is for; at the same instant the first in this order comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deadline {
    /// The machine's TimeoutSeconds.
    Execution,
    /// A Wait is over, a back-off is over, or an attempt's TimeoutSeconds have run out.
    Thread(BranchId),
}

impl Run {
    /// The earliest instant at which [`crate::decide::Input::DeadlineReached`] is due: of the
    /// machine, of a wait, of a back-off, of a task attempt.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.next_deadline().map(|(at, _)| at)
    }

    /// The earliest deadline and what it is for.
    pub fn next_deadline(&self) -> Option<(Timestamp, Deadline)> {
        let execution = self.times_out_at.map(|at| (at, Deadline::Execution));
        let of_thread = |thread: &Branch| Some((thread.deadline()?, Deadline::Thread(thread.id)));
        self.branches
            .iter()
            .filter_map(of_thread)
            .chain(execution)
            .min()
    }

    /// The calls whose answer is not in: after a restart they are made again. A call of the
    /// callback pattern that answered is not owed any more; its token's result is.
    pub fn owed_calls(&self, program: &Program) -> Vec<Call> {
        let owed = |thread: &Branch| {
            let (visit, calling) = thread.calling()?;
            (!calling.submitted)
                .then(|| Call::new(program, visit.state, calling))
                .flatten()
        };
        self.branches.iter().filter_map(owed).collect()
    }

    /// The attempts that must send heartbeats, with their HeartbeatSeconds. Only an attempt with a
    /// token can: for the others AWS shows the number and never acts on it.
    pub fn heartbeats(&self, program: &Program) -> Vec<(EventId, u64)> {
        let wanted = |thread: &Branch| {
            let (visit, calling) = thread.calling()?;
            let StateKind::Task(task) = &program.state(visit.state)?.kind else {
                return None;
            };
            let has_token = task.resource.pattern == Pattern::WaitForTaskToken;
            Some((
                calling.attempt,
                calling.heartbeat_seconds.filter(|_| has_token)?,
            ))
        };
        self.branches.iter().filter_map(wanted).collect()
    }

    /// Whether a result of this attempt would still count.
    pub fn is_awaited(&self, attempt: EventId) -> bool {
        self.awaiting(attempt).is_some()
    }

    /// Whether the run goes on by [`crate::decide::Input::Continue`].
    pub fn is_yielded(&self) -> bool {
        self.branches
            .iter()
            .any(|thread| matches!(thread.phase, Phase::Yielded { .. }))
    }

    /// The thread that waits for this attempt.
    pub(crate) fn awaiting(&self, attempt: EventId) -> Option<&Branch> {
        let waits = |thread: &&Branch| {
            thread
                .calling()
                .is_some_and(|(_, call)| call.attempt == attempt)
        };
        self.branches.iter().find(waits)
    }

    pub(crate) fn branch(&self, id: BranchId) -> Option<&Branch> {
        self.branches.iter().find(|thread| thread.id == id)
    }

    pub(crate) fn branch_mut(&mut self, id: BranchId) -> Option<&mut Branch> {
        self.branches.iter_mut().find(|thread| thread.id == id)
    }
}

impl Branch {
    /// The state the thread is in.
    pub fn visit(&self) -> Option<&StateRun> {
        match &self.phase {
            Phase::In(visit) => Some(visit),
            Phase::Between | Phase::Yielded { .. } => None,
        }
    }

    /// The call under way, and the visit it belongs to.
    pub fn calling(&self) -> Option<(&StateRun, &Calling)> {
        let visit = self.visit()?;
        match &visit.activity {
            Activity::Calling(calling) => Some((visit, calling)),
            _ => None,
        }
    }

    fn deadline(&self) -> Option<Timestamp> {
        match &self.visit()?.activity {
            Activity::Waiting { until } | Activity::BackingOff { until } => Some(*until),
            Activity::Calling(calling) => calling.deadline,
            Activity::Entered | Activity::Answered => None,
        }
    }
}

impl StateRun {
    /// `$$.State.RetryCount`: retries in this visit, by whichever retrier.
    pub fn retry_count(&self) -> u32 {
        self.retries
            .iter()
            .fold(0, |sum, retries| sum.saturating_add(*retries))
    }
}
