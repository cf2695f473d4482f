//! One execution as plain data: the fold of its events.

mod owed;
mod redrives;
mod results;
mod seldom;

use std::collections::BTreeMap;
use std::sync::Arc;

use json::{Object, Value};

use crate::event::{BranchId, EventId, Failure, Start, Text};
use crate::program::StateIndex;
use crate::time::Timestamp;
pub use owed::Cancel;
pub use redrives::{Kept, NotRedrivable, Redrives};
pub use results::Results;
pub use seldom::Seldom;

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
    /// Threads of control that have not ended, by id. A clone of the run shares them.
    pub branches: Vec<Arc<Branch>>,
    /// The number of the youngest thread there ever was; the next gets one more.
    pub last_branch: u32,
    /// The text of all variables of all threads in bytes, names included.
    pub variables_bytes: u64,
    /// Set while the status is terminal.
    pub end: Option<Box<End>>,
    /// Whether it waits for its state machine's concurrency limit.
    pub queued: bool,
    pub redrives: Seldom<Redrives>,
    /// Jobs that nobody wants any more and that were not told so yet. They are owed even after the
    /// end.
    pub cancels: Seldom<Vec<Cancel>>,
    /// The role's policies at the last call that said so ([`crate::event::Served`]).
    pub role_policies: Option<Value>,
    /// How often each state has called, in executions of a mocked test case ([`Start::mock_case`]);
    /// empty in all others.
    pub calls: Seldom<BTreeMap<StateIndex, u32>>,
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
    /// The threads as they stood, for a redrive; empty for SUCCEEDED.
    pub remains: Vec<Arc<Branch>>,
}

/// One thread of control.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    pub id: BranchId,
    /// `None` for the root.
    pub parent: Option<Parent>,
    /// The event that the thread's next one names as previous: its own last one that AWS shows, or
    /// the one that began it or came last below it; 0 at first.
    pub last_event: EventId,
    /// The thread's own scope. What it does not have, the scopes above may.
    pub variables: Object,
    pub phase: Phase,
}

/// Where a thread belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The thread that is in the Parallel or Map state.
    pub branch: BranchId,
    /// Which of its branches or items, from 0.
    pub index: u32,
}

/// Where a thread stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// In no state. Lasts no longer than the decision that led here.
    Between {
        /// What the state it left made; null before the first.
        output: Value,
    },
    /// A branch or iteration that has begun: [`crate::decide::Input::Continue`] enters its first
    /// state with this input.
    Begun { input: Value },
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
    /// Entered, nothing under way. Lasts no longer than the decision that entered; after a redrive,
    /// until the thread has its turn.
    Entered,
    /// A Wait until a time.
    Waiting { until: Timestamp },
    /// A Task's call is under way or owed.
    Calling(Calling),
    /// The branches of a Parallel or the iterations of a Map are under way.
    Forked(Forked),
    /// A retrier waits.
    BackingOff { until: Timestamp },
    /// The result is in (or the failure). Lasts no longer than the decision that took it.
    Answered,
    /// `...StateSucceeded` of a Parallel or Map is written; `before` is the event it follows. Lasts
    /// no longer than the decision that wrote it.
    Succeeded { before: EventId, forked: Forked },
    /// The threads below a Parallel or Map are gone. Lasts no longer than the decision that cut
    /// them.
    Cut(Box<Kept>),
    /// `...StateFailed` of a Parallel or Map is written; `before` is the event it follows. Lasts
    /// until the execution ends, or is redriven.
    Failed {
        before: EventId,
        kept: Option<Box<Kept>>,
    },
}

/// The threads below a Parallel or Map state.
#[derive(Clone, Debug, PartialEq)]
pub struct Forked {
    /// How many of them have not ended.
    pub live: u32,
    pub results: Results,
    /// `None` for a Parallel.
    pub mapping: Option<Mapping>,
}

/// What a Map iterates over.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// An array, or an object whose members are the items.
    pub items: Value,
    /// How many iterations may run at a time; never 0.
    pub concurrency: u32,
    /// How many iterations have begun.
    pub started: u32,
}

/// A task call from its Scheduled event to its result.
#[derive(Clone, Debug, PartialEq)]
pub struct Calling {
    /// Id of the Scheduled event.
    pub attempt: EventId,
    pub scheduled_at: Timestamp,
    /// When the Started event was written: of an activity, when a worker picked it up.
    pub started_at: Option<Timestamp>,
    /// Calls the state made before this one in the execution; counted where tasks are mocked, as
    /// [`Run::calls`] is, and 0 elsewhere.
    pub number: u32,
    pub parameters: Value,
    pub credentials_role_arn: Option<Text>,
    /// TimeoutSeconds after the Scheduled event's time. Without TimeoutSeconds there is none: AWS's
    /// default of 99,999,999 s is beyond the one year an execution may last.
    pub deadline: Option<Timestamp>,
    pub heartbeat_seconds: Option<u64>,
    /// What the call itself answered: from then on the token's result, or the job's end, is
    /// awaited.
    pub submitted: Option<Value>,
    /// Whether the call starts a job whose end is awaited.
    pub is_job: bool,
}

impl Calling {
    /// Whether the Started event is written: of an activity, whether a worker has picked it up.
    pub fn is_picked_up(&self) -> bool {
        self.started_at.is_some()
    }
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
        self.deadlines().min()
    }

    /// What is due at `now`, the earliest first; at the same instant in the order of
    /// [`Deadline`].
    pub(crate) fn due(&self, now: Timestamp) -> Vec<Deadline> {
        let mut due: Vec<_> = self.deadlines().filter(|(at, _)| *at <= now).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, deadline)| deadline).collect()
    }

    /// All that will be due. The threads of a queued execution stand still.
    fn deadlines(&self) -> impl Iterator<Item = (Timestamp, Deadline)> {
        let execution = self.times_out_at.map(|at| (at, Deadline::Execution));
        let of_thread = |thread: &Branch| Some((thread.deadline()?, Deadline::Thread(thread.id)));
        let threads = self.threads().filter(|_| !self.queued);
        threads.filter_map(of_thread).chain(execution)
    }

    fn threads(&self) -> impl Iterator<Item = &Branch> {
        self.branches.iter().map(AsRef::as_ref)
    }

    /// Whether a result of this attempt would still count.
    pub fn is_awaited(&self, attempt: EventId) -> bool {
        self.awaiting(attempt).is_some()
    }

    /// Whether the run goes on by [`crate::decide::Input::Continue`].
    pub fn is_yielded(&self) -> bool {
        !self.queued && self.branches.iter().any(|thread| thread.is_ready())
    }

    /// The thread that waits for this attempt.
    pub(crate) fn awaiting(&self, attempt: EventId) -> Option<&Branch> {
        let waits = |thread: &&Branch| {
            let calling = thread.calling();
            calling.is_some_and(|(_, call)| call.attempt == attempt)
        };
        self.branches.iter().map(AsRef::as_ref).find(waits)
    }

    /// The thread of this id, if it has not ended.
    pub fn branch(&self, id: BranchId) -> Option<&Branch> {
        self.branches.get(self.position(id)?).map(AsRef::as_ref)
    }

    pub(crate) fn branch_mut(&mut self, id: BranchId) -> Option<&mut Branch> {
        let at = self.position(id)?;
        self.branches.get_mut(at).map(Arc::make_mut)
    }

    pub(crate) fn position(&self, id: BranchId) -> Option<usize> {
        self.branches
            .binary_search_by_key(&id, |thread| thread.id)
            .ok()
    }

    /// The threads from this one up to the root.
    pub(crate) fn upwards(&self, id: BranchId) -> impl Iterator<Item = &Branch> {
        let above = |thread: &&Branch| self.branch(thread.parent?.branch);
        std::iter::successors(self.branch(id), above)
    }

    /// The value of a variable for a thread: its own, or the nearest above.
    pub(crate) fn variable(&self, branch: BranchId, name: &str) -> Option<&Value> {
        let mut scopes = self.upwards(branch).map(|thread| &thread.variables);
        scopes.find_map(|scope| scope.get(name))
    }
}

impl Branch {
    /// The state the thread is in.
    pub fn visit(&self) -> Option<&StateRun> {
        match &self.phase {
            Phase::In(visit) => Some(visit),
            Phase::Between { .. } | Phase::Begun { .. } | Phase::Yielded { .. } => None,
        }
    }

    /// Whether the thread could move at once: enter a state, or, after a redrive, take up the one
    /// it is in.
    pub(crate) fn is_ready(&self) -> bool {
        match &self.phase {
            Phase::Begun { .. } | Phase::Yielded { .. } => true,
            Phase::In(visit) => visit.is_ready(),
            Phase::Between { .. } => false,
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

    pub(crate) fn calling_mut(&mut self) -> Option<&mut Calling> {
        match &mut self.phase {
            Phase::In(StateRun {
                activity: Activity::Calling(calling),
                ..
            }) => Some(calling),
            _ => None,
        }
    }

    /// The threads below the Parallel or Map state the thread is in.
    pub fn forked(&self) -> Option<(&StateRun, &Forked)> {
        let visit = self.visit()?;
        match &visit.activity {
            Activity::Forked(forked) => Some((visit, forked)),
            _ => None,
        }
    }

    pub(crate) fn forked_mut(&mut self) -> Option<&mut Forked> {
        match &mut self.phase {
            Phase::In(StateRun {
                activity: Activity::Forked(forked),
                ..
            }) => Some(forked),
            _ => None,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match &self.visit()?.activity {
            Activity::Waiting { until } | Activity::BackingOff { until } => Some(*until),
            Activity::Calling(calling) => calling.deadline,
            _ => None,
        }
    }
}

impl StateRun {
    /// Whether the state is to be taken up again. Between two decisions it is so after a redrive
    /// only.
    pub(crate) fn is_ready(&self) -> bool {
        match &self.activity {
            Activity::Entered => true,
            Activity::Forked(forked) => forked.live == 0,
            _ => false,
        }
    }

    /// `$$.State.RetryCount`: retries in this visit, by whichever retrier.
    pub fn retry_count(&self) -> u32 {
        self.retries
            .iter()
            .fold(0, |sum, retries| sum.saturating_add(*retries))
    }
}

impl Mapping {
    /// How many items there are.
    pub fn len(&self) -> usize {
        let elements = self.items.as_array().map(<[Value]>::len);
        elements
            .or_else(|| self.items.as_object().map(Object::len))
            .unwrap_or(0)
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An item and, in an object, its key.
    pub fn item(&self, index: u32) -> Option<(Option<&str>, &Value)> {
        let at = usize::try_from(index).ok()?;
        match self.items.as_object() {
            Some(object) => {
                let (key, value) = object.members().get(at)?;
                Some((Some(key), value))
            }
            None => Some((None, self.items.index(at)?)),
        }
    }
}
