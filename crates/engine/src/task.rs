//! What runs a Task's call: the outside of the engine.

use asl::decide::Call;
use asl::event::{EventId, Failure, Text};
use futures_util::future::BoxFuture;
use json::Value;

use crate::arn;

/// Makes the calls of Tasks. The engine calls it only after the call's events are committed, and
/// calls it again with the same attempt after a crash if no outcome had been recorded.
pub trait Runner: Send + Sync + 'static {
    /// Makes one call. The future is dropped if its outcome is no longer wanted (timed out,
    /// stopped) and when the engine shuts down.
    fn run(&self, call: TaskCall) -> BoxFuture<'static, TaskOutcome>;

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
    /// The call of a callback pattern was accepted; its task token brings the result.
    Submitted(Value),
}
