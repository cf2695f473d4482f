//! What callers ask the engine for, and what they get.

use std::sync::Arc;

use asl::event::{Failure, Start, Text};
use asl::limits::Limits;
use asl::run::{NotRedrivable, Run, Status};
use asl::time::Timestamp;
use json::Value;

use crate::definitions::DefinitionError;
use crate::{arn, name};

/// StartExecution of a Standard state machine, checked by the caller: names are valid, the input
/// is JSON and within the limit.
#[derive(Clone, Debug, Default)]
pub struct StartRequest {
    /// Unqualified.
    pub state_machine_arn: Text,
    pub state_machine_name: Text,
    pub state_machine_version_arn: Option<Text>,
    pub state_machine_alias_arn: Option<Text>,
    pub role_arn: Text,
    /// The number that [`store::Store::add_definition`] gave the definition.
    pub definition: u64,
    /// `None` lets the engine name the execution: after `started_by`, if that is given.
    pub name: Option<Text>,
    pub input: Value,
    /// The input as sent, if white space makes it differ from the compact text of `input`.
    pub input_text: Option<Text>,
    pub trace_header: Option<Text>,
    /// The state machine's tags, by key; `None` if it has none.
    pub tags: Option<Value>,
    /// The test case whose mocked responses answer its tasks; `None` for an ordinary execution.
    pub mock_case: Option<Text>,
    /// The attempt that starts it ([`TaskCall::attempt_id`](crate::TaskCall::attempt_id)): the same
    /// attempt, made again, is answered with its own child, whatever became of that.
    pub started_by: Option<Text>,
    /// The state machine's concurrency limit; `None` for none. A start with a limit goes through
    /// the machine's gate, which asks [`Definitions::concurrency_max`] for the limit itself, so
    /// that a limit read some time ago does no harm.
    ///
    /// [`Definitions::concurrency_max`]: crate::Definitions::concurrency_max
    pub concurrency_max: Option<u32>,
    /// What bounds it, where that is not what bounds all others
    /// ([`Config::limits`](crate::Config)): an execution of the server's own.
    pub limits: Option<Limits>,
}

impl StartRequest {
    /// The name it will have, if that is fixed before the engine gives it a number.
    pub fn fixed_name(&self) -> Option<Text> {
        let derived = || self.started_by.as_deref().map(name::of_attempt);
        self.name.clone().or_else(|| derived().map(Text::from))
    }

    /// The number of the version it starts.
    pub(crate) fn version(&self) -> Option<u32> {
        let version_arn = self.state_machine_version_arn.as_deref();
        version_arn.and_then(arn::version)
    }

    /// The name of the alias it starts.
    pub(crate) fn alias(&self) -> Option<String> {
        let alias_arn = self.state_machine_alias_arn.as_deref();
        alias_arn.and_then(arn::qualifier).map(str::to_owned)
    }
}

/// The answer to StartExecution. The execution survives any crash from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    pub execution_arn: Text,
    pub started_at: Timestamp,
}

/// Why an execution did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The name is taken: by a closed execution, or a running one with another input.
    #[error("Execution Already Exists: '{0}'")]
    AlreadyExists(Text),
    /// The state machine's ARN is not an unqualified one.
    #[error("`{0}` is not the unqualified ARN of a state machine")]
    NotAStateMachine(Text),
    /// As many executions are open as [`Config::open_executions_max`](crate::Config) allows.
    #[error("{OPEN_EXECUTIONS_EXCEEDED}")]
    LimitExceeded,
    /// The state machine is being deleted, or was lately. AWS's text is unverified.
    #[error("State Machine is being deleted: '{0}'")]
    Deleting(Text),
    #[error(transparent)]
    Engine(#[from] Error),
}

/// AWS's words in the API reference of StartExecution.
const OPEN_EXECUTIONS_EXCEEDED: &str = "The maximum number of running executions has been \
    reached. Running executions must end or be stopped before a new execution can be started.";

/// Why an execution was not redriven.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    #[error("Execution Does Not Exist: '{0}'")]
    DoesNotExist(Text),
    #[error(transparent)]
    NotRedrivable(NotRedrivable),
    /// Its state machine is being deleted, or was lately. AWS's `redriveStatusReason`.
    #[error("State machine is in DELETING status")]
    Deleting,
    /// As many executions are open as [`Config::open_executions_max`](crate::Config) allows.
    #[error("{OPEN_EXECUTIONS_EXCEEDED}")]
    LimitExceeded,
    #[error(transparent)]
    Engine(#[from] Error),
}

/// A task of an activity, for the worker that picked it up.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityTask {
    pub task_token: String,
    pub input: Value,
}

/// Why no task of an activity was given out.
#[derive(Debug, thiserror::Error)]
pub enum ActivityError {
    /// As many workers poll as [`Config::pollers_per_activity_max`](crate::Config) allows.
    #[error(
        "The maximum number of workers concurrently polling for activity tasks has been reached."
    )]
    TooManyPollers,
    /// The activity was deleted meanwhile.
    #[error("Activity Does Not Exist: '{0}'")]
    DoesNotExist(Text),
    #[error(transparent)]
    Engine(#[from] Error),
}

/// How a state machine stands to its concurrency limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concurrency {
    /// `None`: as many run as are started.
    pub limit: Option<u32>,
    /// Executions that run. More than the limit, if that was lowered or executions were redriven.
    pub running: usize,
    /// Executions that wait.
    pub queued: usize,
    /// The first of those that wait, in the order of their turns.
    pub queue: Vec<QueuedExecution>,
}

/// An execution that has started and waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedExecution {
    pub execution_arn: Text,
    /// Since it was started.
    pub since: Timestamp,
    /// 1 for the next.
    pub position: usize,
}

/// Why an execution was not stopped.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    #[error("Execution Does Not Exist: '{0}'")]
    DoesNotExist(Text),
    #[error(transparent)]
    Engine(#[from] Error),
}

/// Why SendTaskSuccess, SendTaskFailure or SendTaskHeartbeat was refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The token is malformed, or was not made for the execution it names.
    #[error("Invalid Token: 'Invalid token'")]
    Invalid,
    /// The task was closed before: by a result, a timeout, or the end of its execution.
    #[error("Task Timed Out: 'Provided task does not exist anymore'")]
    TimedOut,
    /// The execution is gone.
    #[error("Task does not exist: 'Provided task does not exist'")]
    DoesNotExist,
    #[error(transparent)]
    Engine(#[from] Error),
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("Execution Does Not Exist: '{0}'")]
    DoesNotExist(Text),
    /// A nextToken that is malformed, older than 24 hours, or was given for another request.
    #[error("Invalid Token: 'Invalid token'")]
    InvalidToken,
    #[error(transparent)]
    Engine(#[from] Error),
}

/// What can go wrong inside, whatever was asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Journal(#[from] crate::journal::JournalError),
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    #[error("the store failed: {0}")]
    Store(Arc<store::Error>),
    /// The store did not confirm the commit. Nothing was acknowledged; whether it happened shows
    /// when the execution is read again.
    /// With the cause, where the store knows one.
    #[error("the change was not confirmed by the store{}; try again", in_brackets(.0.as_deref()))]
    NotConfirmed(Option<Arc<str>>),
    /// Another process took this part of the store over.
    #[error("this process no longer owns the store's shard {0}; another one took it over")]
    NotOwned(u16),
    /// More callers wait for a place than [`WAITERS_MAX`](crate::limits::WAITERS_MAX).
    #[error("too many requests are waiting; try again later")]
    Overloaded,
    #[error("the engine is shutting down")]
    ShuttingDown,
    /// An input that `asl` refuses and that should not have come.
    #[error("execution `{execution}` refused its input: {refusal:?}")]
    Refused {
        execution: Text,
        refusal: asl::decide::Refusal,
    },
}

fn in_brackets(cause: Option<&str>) -> String {
    cause.map_or_else(String::new, |cause| format!(" ({cause})"))
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Error {
        Error::Store(Arc::new(error))
    }
}

/// Why an engine could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the store failed: {0}")]
    Store(#[from] store::Error),
    #[error(transparent)]
    Definitions(#[from] DefinitionError),
    #[error("the system gave no random numbers: {0}")]
    Random(String),
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    #[error("`shard_threads` is {0}; it must be from 1 to 64")]
    ShardThreads(usize),
}

/// The status of an execution as DescribeExecution names it, and its code in the store's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionStatus {
    Running,
    Succeeded,
    Failed,
    TimedOut,
    Aborted,
    /// It has started and waits for its state machine's concurrency limit; AWS's word for it is
    /// RUNNING.
    Queued,
}

impl ExecutionStatus {
    pub(crate) const ALL: [ExecutionStatus; 6] = [
        ExecutionStatus::Running,
        ExecutionStatus::Succeeded,
        ExecutionStatus::Failed,
        ExecutionStatus::TimedOut,
        ExecutionStatus::Aborted,
        ExecutionStatus::Queued,
    ];

    /// The code in an execution's row. Part of the store's format.
    pub const fn code(self) -> u8 {
        match self {
            ExecutionStatus::Running => 1,
            ExecutionStatus::Succeeded => 2,
            ExecutionStatus::Failed => 3,
            ExecutionStatus::TimedOut => 4,
            ExecutionStatus::Aborted => 5,
            ExecutionStatus::Queued => 6,
        }
    }

    /// The status of a code; `None` if no status has it.
    pub fn from_code(code: u8) -> Option<ExecutionStatus> {
        ExecutionStatus::ALL
            .into_iter()
            .find(|status| status.code() == code)
    }

    /// AWS's word: `TIMED_OUT`.
    pub fn name(self) -> &'static str {
        match self {
            ExecutionStatus::Running | ExecutionStatus::Queued => "RUNNING",
            ExecutionStatus::Succeeded => "SUCCEEDED",
            ExecutionStatus::Failed => "FAILED",
            ExecutionStatus::TimedOut => "TIMED_OUT",
            ExecutionStatus::Aborted => "ABORTED",
        }
    }

    /// The status of AWS's word.
    pub fn from_name(name: &str) -> Option<ExecutionStatus> {
        ExecutionStatus::ALL
            .into_iter()
            .find(|status| status.name() == name)
    }
}

impl From<Status> for ExecutionStatus {
    fn from(status: Status) -> ExecutionStatus {
        match status {
            // A run exists from its first event on, so "not started" is never seen outside.
            Status::NotStarted | Status::Running => ExecutionStatus::Running,
            Status::Succeeded => ExecutionStatus::Succeeded,
            Status::Failed => ExecutionStatus::Failed,
            Status::TimedOut => ExecutionStatus::TimedOut,
            Status::Aborted => ExecutionStatus::Aborted,
        }
    }
}

impl From<&Run> for ExecutionStatus {
    fn from(run: &Run) -> ExecutionStatus {
        match run.queued && run.status == Status::Running {
            true => ExecutionStatus::Queued,
            false => run.status.into(),
        }
    }
}

/// DescribeExecution.
#[derive(Clone, Debug)]
pub struct Description {
    /// ARNs, name, input, role, definition number, trace header.
    pub start: Arc<Start>,
    pub status: ExecutionStatus,
    pub started_at: Timestamp,
    pub stopped_at: Option<Timestamp>,
    /// Present for SUCCEEDED only.
    pub output: Option<Value>,
    /// Empty where AWS shows neither error nor cause.
    pub failure: Failure,
    pub redrive_count: u32,
    /// When it was last redriven.
    pub redriven_at: Option<Timestamp>,
    /// Whether it could be redriven now, or why not.
    pub redrivable: Result<(), NotRedrivable>,
}

/// GetExecutionHistory.
#[derive(Clone, Debug, Default)]
pub struct HistoryQuery {
    /// 0 for the default of 100; at most 1,000.
    pub max_results: usize,
    pub reverse_order: bool,
    pub include_execution_data: bool,
    /// As the page before gave it.
    pub next_token: Option<String>,
}

impl HistoryQuery {
    /// Everything that must not change from page to page.
    pub(crate) fn identity(&self, execution_arn: &str) -> String {
        let HistoryQuery {
            reverse_order,
            include_execution_data,
            ..
        } = self;
        format!("history {execution_arn} {reverse_order} {include_execution_data}")
    }
}

/// One page of history: at most 4 MiB.
#[derive(Clone, Debug)]
pub struct HistoryPage {
    /// HistoryEvent objects.
    pub events: Vec<Value>,
    pub next_token: Option<String>,
}

/// ListExecutions of one state machine.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Unqualified.
    pub state_machine_arn: Text,
    /// RUNNING shows those that are queued as well.
    pub status: Option<ExecutionStatus>,
    /// Those started by this version, itself or through an alias.
    pub version: Option<u32>,
    /// Those started by the alias of this name.
    pub alias: Option<Text>,
    /// 0 for the default of 100; at most 1,000.
    pub max_results: usize,
    /// As the page before gave it.
    pub next_token: Option<String>,
}

impl ListQuery {
    /// Everything that must not change from page to page.
    pub(crate) fn identity(&self) -> String {
        let ListQuery {
            state_machine_arn,
            status,
            version,
            alias,
            ..
        } = self;
        let status = status.map_or("", ExecutionStatus::name);
        format!("list {state_machine_arn} {status} {version:?} {alias:?}")
    }

    /// Whether it asks for an execution of its state machine.
    pub(crate) fn shows(&self, summary: &Summary) -> bool {
        let version = summary.state_machine_version_arn.as_deref();
        let alias = summary.state_machine_alias_arn.as_deref();
        self.status
            .is_none_or(|status| status.name() == summary.status.name())
            && (self.version.is_none() || self.version == version.and_then(arn::version))
            && (self.alias.is_none() || self.alias.as_deref() == alias.and_then(arn::qualifier))
    }
}

/// One page of executions, newest first.
#[derive(Clone, Debug)]
pub struct ListPage {
    pub executions: Vec<Summary>,
    pub next_token: Option<String>,
}

/// ExecutionListItem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub execution_arn: Text,
    pub name: Text,
    pub status: ExecutionStatus,
    pub started_at: Timestamp,
    pub stopped_at: Option<Timestamp>,
    pub state_machine_version_arn: Option<Text>,
    pub state_machine_alias_arn: Option<Text>,
    pub redrive_count: u32,
    pub redriven_at: Option<Timestamp>,
}
