//! What a shard is asked, and what it answers.

use asl::event::{EventId, Failure, Text};
use asl::time::Timestamp;
use asl::token::TaskToken;
use json::Value;
use store::EntityId;

use super::group::Tenure;
use crate::request::{Error, StartError, StartRequest, Started, StopError, TokenError};
use crate::task::{TaskCall, TaskOutcome};

/// Everything that can be asked of a shard.
#[derive(Clone, Debug)]
pub enum Command {
    /// StartExecution.
    Start(Box<StartRequest>),
    /// StopExecution.
    Stop {
        execution_arn: Text,
        failure: Failure,
    },
    /// SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat.
    Token { token: TaskToken, input: TokenInput },
    /// A call ended.
    Outcome {
        entity: EntityId,
        attempt: EventId,
        outcome: TaskOutcome,
    },
    /// A deadline has come.
    Due(EntityId),
    /// It is the turn of a run that yielded.
    Continue(EntityId),
    /// There is room for calls that were not made yet, or not since the last restart.
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
    /// The call's outcome is no longer wanted: give it up if it still runs.
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
    Token(Result<(), TokenError>),
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
    /// The answer when the command cannot be carried out.
    fn failed(&self, error: Error) -> Answer {
        match self {
            Command::Start(_) => Answer::Started(Err(error.into())),
            Command::Stop { .. } => Answer::Stopped(Err(error.into())),
            Command::Token { .. } => Answer::Token(Err(error.into())),
            Command::Outcome { .. } | Command::Due(_) | Command::Continue(_) | Command::Owed(_) => {
                Answer::Internal(Err(error))
            }
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
            Answer::Token(_) => Answer::Token(Err(error.into())),
            Answer::Internal(_) => Answer::Internal(Err(error)),
        }
    }
}
