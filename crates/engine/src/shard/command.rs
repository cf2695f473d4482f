//! What a shard is asked, and what it answers.

use asl::event::{EventId, Failure, Text};
use asl::time::Timestamp;
use asl::token::TaskToken;
use json::Value;
use store::{EntityId, ShardId};

use super::group::Tenure;
use crate::express::{ExpressEnded, ExpressRun};
use crate::request::{
    ActivityTask, Error, RedriveError, StartError, StartRequest, Started, StopError, TokenError,
};
use crate::task::{Answered, TaskCall};

/// Everything that can be asked of a shard.
#[derive(Clone, Debug)]
pub enum Command {
    /// StartExecution.
    Start(Box<StartRequest>),
    /// StartExecution of an Express state machine.
    StartExpress(Box<StartRequest>),
    /// An Express execution ended.
    ExpressEnded(Box<ExpressEnded>),
    /// StopExecution.
    Stop {
        execution_arn: Text,
        failure: Failure,
    },
    /// RedriveExecution.
    Redrive {
        execution_arn: Text,
        client_token: Option<Text>,
    },
    /// SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat.
    Token { token: TaskToken, input: TokenInput },
    /// GetActivityTask: a worker takes a task that was [offered](Action::Offer).
    PickUp {
        entity: EntityId,
        attempt: EventId,
        worker_name: Option<Text>,
    },
    /// A call ended, or the job that it started.
    Outcome {
        entity: EntityId,
        attempt: EventId,
        answered: Box<Answered>,
    },
    /// A job was told to stop.
    Cancelled { entity: EntityId, attempt: EventId },
    /// Its state machine's gate lets a queued execution in.
    Admit(EntityId),
    /// A deadline has come.
    Due(EntityId),
    /// It is the turn of a run that yielded.
    Continue(EntityId),
    /// Answered once everything that was decided before for this shard of the store is committed.
    Confirm(ShardId),
    /// There is room for errands that were not begun yet, or not since the last restart.
    Owed(EntityId),
}

/// What the holder of a task token says.
#[derive(Clone, Debug)]
pub enum TokenInput {
    Succeeded(Value),
    Failed(Failure),
    Heartbeat,
}

/// What a command causes, besides what it adds to the group: to be let out once the group that
/// was open when it was handled has been committed.
#[derive(Debug)]
pub struct Outcome {
    /// Whose commit it waits for; `None` if it shows nothing of any shard.
    pub tenure: Option<Tenure>,
    pub actions: Vec<Action>,
    pub answer: Answer,
}

/// Everything a shard can cause outside.
#[derive(Debug)]
pub enum Action {
    /// Make this call and bring its outcome back as [`Command::Outcome`].
    Call(EntityId, Box<TaskCall>),
    /// Wait for the job that this call started, by what the call answered, and bring the job's
    /// outcome back as [`Command::Outcome`].
    Watch(EntityId, Box<TaskCall>, Value),
    /// Stop the job that this call started, and say so by [`Command::Cancelled`]. With what the
    /// call answered, if an answer was recorded.
    Cancel(EntityId, Box<TaskCall>, Option<Value>),
    /// Run this Express execution and bring its end back as [`Command::ExpressEnded`].
    Express(Box<ExpressRun>),
    /// Lay the task of an activity out for a worker, who takes it by [`Command::PickUp`].
    Offer {
        entity: EntityId,
        attempt: EventId,
        activity_arn: Text,
    },
    /// The attempt's outcome is no longer wanted: give its call, watch or offer up if that is still
    /// under way.
    Abandon {
        entity: EntityId,
        execution_arn: Text,
        attempt: EventId,
    },
}

/// The reply to a command.
#[derive(Debug)]
pub enum Answer {
    Started(Result<Started, StartError>),
    /// The stop date.
    Stopped(Result<Timestamp, StopError>),
    /// The redrive date.
    Redriven(Result<Timestamp, RedriveError>),
    Token(Result<(), TokenError>),
    /// `None` if the task is over, or somebody else's.
    PickedUp(Result<Option<ActivityTask>, Error>),
    Confirmed(Result<(), Error>),
    /// Nobody waits for a reply; what went wrong is for the log.
    Internal(Result<(), Error>),
}

impl Outcome {
    pub(super) fn answer(tenure: Option<Tenure>, answer: Answer) -> Outcome {
        Outcome {
            tenure,
            actions: Vec::new(),
            answer,
        }
    }

    /// A command that could not be carried out.
    pub fn failed(command: &Command, error: Error) -> Outcome {
        Outcome::answer(None, command.failed(error))
    }

    /// For what nobody waits for and nothing came of.
    pub(super) fn nothing() -> Outcome {
        Outcome::answer(None, Answer::Internal(Ok(())))
    }
}

impl Command {
    /// The execution it is for, if it comes from inside: nobody asks again.
    pub(crate) fn internal_entity(&self) -> Option<EntityId> {
        match self {
            Command::Outcome { entity, .. }
            | Command::Cancelled { entity, .. }
            | Command::Admit(entity)
            | Command::Due(entity)
            | Command::Continue(entity)
            | Command::Owed(entity) => Some(*entity),
            Command::ExpressEnded(ended) => Some(ended.entity),
            Command::Start(_)
            | Command::StartExpress(_)
            | Command::Stop { .. }
            | Command::Redrive { .. }
            | Command::Token { .. }
            | Command::Confirm(_)
            | Command::PickUp { .. } => None,
        }
    }

    /// The answer when the command cannot be carried out.
    fn failed(&self, error: Error) -> Answer {
        match self {
            Command::Start(_) | Command::StartExpress(_) => Answer::Started(Err(error.into())),
            Command::Stop { .. } => Answer::Stopped(Err(error.into())),
            Command::Redrive { .. } => Answer::Redriven(Err(error.into())),
            Command::Token { .. } => Answer::Token(Err(error.into())),
            Command::PickUp { .. } => Answer::PickedUp(Err(error)),
            Command::Confirm(_) => Answer::Confirmed(Err(error)),
            Command::Outcome { .. }
            | Command::Cancelled { .. }
            | Command::Admit(_)
            | Command::Due(_)
            | Command::Continue(_)
            | Command::Owed(_)
            | Command::ExpressEnded(_) => Answer::Internal(Err(error)),
        }
    }
}

impl Answer {
    /// The same answer when the commit it waited for was not confirmed.
    #[must_use]
    pub fn failed(&self, error: Error) -> Answer {
        match self {
            Answer::Started(_) => Answer::Started(Err(error.into())),
            Answer::Stopped(_) => Answer::Stopped(Err(error.into())),
            Answer::Redriven(_) => Answer::Redriven(Err(error.into())),
            Answer::Token(_) => Answer::Token(Err(error.into())),
            Answer::PickedUp(_) => Answer::PickedUp(Err(error)),
            Answer::Confirmed(_) => Answer::Confirmed(Err(error)),
            Answer::Internal(_) => Answer::Internal(Err(error)),
        }
    }
}
