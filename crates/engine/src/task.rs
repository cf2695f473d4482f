//! What runs a Task's call: the outside of the engine.

use asl::decide::{Call, Input};
use asl::event::{EventId, Failure, Served, Text};
use futures_util::future::BoxFuture;
use json::Value;

use crate::{arn, name};

/// Makes the calls of Tasks. The engine calls it only after the call's events are committed, and
/// calls it again with the same attempt after a crash if no outcome had been recorded.
pub trait Runner: Send + Sync + 'static {
    /// Makes one call. The future is dropped if its outcome is no longer wanted (timed out,
    /// stopped) and when the engine shuts down. One that starts a job is not dropped when it is no
    /// longer wanted: its end is waited for before the job is [cancelled](Runner::cancel).
    fn run(&self, call: TaskCall) -> BoxFuture<'static, Answered>;

    /// Waits for the job (`.sync`) that a call started, and gives its outcome: never
    /// [`TaskOutcome::Submitted`]. `response` is what the call answered. Asked for again after a
    /// restart, with the same arguments; the future is dropped when its outcome is no longer
    /// wanted.
    fn watch(&self, call: TaskCall, response: Value) -> BoxFuture<'static, TaskOutcome> {
        drop(response);
        let cause = format!(
            "this runner starts no jobs, so it can't wait for that of `{}`",
            call.call.resource.arn
        );
        let failure = Failure {
            error: Some("States.Runtime".into()),
            cause: Some(cause.into()),
        };
        Box::pin(std::future::ready(TaskOutcome::Failed(failure)))
    }

    /// Stops the job of an attempt whose outcome is no longer wanted. `response` is what the call
    /// answered; `None` if no answer was recorded, so that the job may or may not exist. Once the
    /// future is done nothing is owed any more; until then this is asked for again after every
    /// restart, also when the execution itself has ended. A job that is gone is as good as stopped.
    fn cancel(&self, call: TaskCall, response: Option<Value>) -> BoxFuture<'static, ()> {
        drop(response);
        tracing::error!(
            execution = &*call.execution_arn,
            resource = &*call.call.resource.arn,
            "this runner starts no jobs, so there is none to stop"
        );
        Box::pin(std::future::ready(()))
    }

    /// The outcome of this attempt is no longer wanted. Its future, if it still runs, is dropped
    /// as well; this is for what a dropped future does not end.
    fn abandon(&self, execution_arn: &Text, attempt: EventId) {
        let _ = (execution_arn, attempt);
    }
}

/// One call, and on whose behalf.
#[derive(Clone, Debug)]
pub struct TaskCall {
    pub execution_arn: Text,
    pub state_machine_arn: Text,
    /// The execution role. `call.credentials_role_arn`, if present, is to be used instead.
    pub role_arn: Text,
    pub trace_header: Option<Text>,
    /// The test case whose mocked responses answer the execution's tasks; with it `call.number`
    /// counts the calls of each state.
    pub mock_case: Option<Text>,
    /// What to call. `call.attempt` together with the execution's ARN identifies this call: a
    /// repeated one is the same call.
    pub call: Call,
}

impl TaskCall {
    /// What identifies the attempt beyond its execution: the execution's ARN, `#`, and the number
    /// of the attempt. A nested start passes it as
    /// [`StartRequest::started_by`](crate::StartRequest::started_by).
    pub fn attempt_id(&self) -> Text {
        format!("{}#{}", self.execution_arn, self.call.attempt).into()
    }

    /// A UUID that stands for the attempt, so that what it names is found when the call is made
    /// again. An execution that the attempt starts without naming it has this name.
    pub fn attempt_uuid(&self) -> String {
        name::of_attempt(&self.attempt_id())
    }

    /// The Region of the execution.
    pub fn region(&self) -> &str {
        arn::region(&self.execution_arn)
    }

    /// The account of the execution.
    pub fn account(&self) -> &str {
        arn::account(&self.execution_arn)
    }
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskOutcome {
    /// The result of a request-response call.
    Succeeded(Value),
    Failed(Failure),
    /// The call of a callback or job pattern was accepted; its task token, or
    /// [`Runner::watch`], brings the result.
    Submitted(Value),
}

/// How a call ended, and what served it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    pub outcome: TaskOutcome,
    /// `None` if nothing is known of it.
    pub served: Option<Box<Served>>,
}

impl From<TaskOutcome> for Answered {
    fn from(outcome: TaskOutcome) -> Answered {
        Answered {
            outcome,
            served: None,
        }
    }
}

impl Answered {
    /// What the execution is told of the attempt.
    pub(crate) fn into_input(self, attempt: EventId) -> Input {
        let answer = match self.outcome {
            TaskOutcome::Succeeded(output) => Input::TaskSucceeded { attempt, output },
            TaskOutcome::Failed(failure) => Input::TaskFailed { attempt, failure },
            TaskOutcome::Submitted(response) => Input::TaskSubmitted { attempt, response },
        };
        match self.served {
            None => answer,
            Some(served) => Input::Served {
                attempt,
                served,
                answer: Box::new(answer),
            },
        }
    }
}

/// The outcome of a call whose future panicked.
pub(crate) fn panicked() -> TaskOutcome {
    TaskOutcome::Failed(Failure {
        error: Some("States.Runtime".into()),
        cause: Some("the call failed inside the server; its log says where".into()),
    })
}
