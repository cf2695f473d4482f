//! Mocked responses in a server: executions of a test case get them, all others call for real.

use std::sync::Arc;

use asl::event::{EventId, Failure, Text};
use engine::{Answered, Pattern, Runner, TaskCall, TaskOutcome};
use futures_util::FutureExt;
use futures_util::future::{self, BoxFuture};
use json::Value;

use super::{MockFile, Outcome, is_submitted, submission};

/// The error of a mocked call that nothing answers; neither Retry nor Catch takes it, so that a
/// test does not go on as if it had been answered.
const UNANSWERED: &str = "States.Runtime";

/// Answers the calls of mocked test cases, and hands all others on.
pub(crate) struct MockedRunner<R> {
    mocks: Option<Arc<MockFile>>,
    runner: R,
}

impl<R: Runner> MockedRunner<R> {
    /// Without mocks every call is handed on but those of test cases that a server with mocks
    /// began: they are refused.
    pub(crate) fn new(mocks: Option<Arc<MockFile>>, runner: R) -> MockedRunner<R> {
        MockedRunner { mocks, runner }
    }

    /// What the test case answers; `None` if the call is to be made, because its execution is of no
    /// test case or because the case has no mock for its state (as in Step Functions Local).
    fn outcome(&self, call: &TaskCall) -> Option<TaskOutcome> {
        let case = call.mock_case.as_deref()?;
        let machine = machine(&call.state_machine_arn);
        let Some(mocks) = &self.mocks else {
            let text = format!(
                "the execution is of the test case `{case}`, and the server runs without mocks; \
                 start it with `--mocks FILE`"
            );
            return Some(unanswered(text));
        };
        let Some(found) = mocks.case(machine, case) else {
            return Some(unanswered(mocks.unknown(machine, case)));
        };
        Some(match found.outcome(&call.call)? {
            Ok(Outcome::Return(output)) => TaskOutcome::Succeeded(output.clone()),
            Ok(Outcome::Throw(failure)) => TaskOutcome::Failed(failure.clone()),
            Err(error) => unanswered(error.to_string()),
        })
    }
}

impl<R: Runner> Runner for MockedRunner<R> {
    fn run(&self, call: TaskCall) -> BoxFuture<'static, Answered> {
        match self.outcome(&call) {
            None => self.runner.run(call),
            Some(_) if is_submitted(&call.call) => {
                future::ready(TaskOutcome::Submitted(submission()).into()).boxed()
            }
            Some(outcome) => future::ready(outcome.into()).boxed(),
        }
    }

    fn watch(&self, call: TaskCall, response: Value) -> BoxFuture<'static, TaskOutcome> {
        match self.outcome(&call) {
            // All callbacks of a test case are watched; whoever has this one's token sends it back.
            None if call.call.resource.pattern == Pattern::WaitForTaskToken => {
                future::pending().boxed()
            }
            None => self.runner.watch(call, response),
            Some(outcome) => future::ready(outcome).boxed(),
        }
    }

    fn cancel(&self, call: TaskCall, response: Option<Value>) -> BoxFuture<'static, ()> {
        match self.outcome(&call) {
            None => self.runner.cancel(call, response),
            // No job was ever begun.
            Some(_) => future::ready(()).boxed(),
        }
    }

    fn abandon(&self, execution_arn: &Text, attempt: EventId) {
        self.runner.abandon(execution_arn, attempt);
    }
}

fn unanswered(text: String) -> TaskOutcome {
    TaskOutcome::Failed(Failure {
        error: Some(UNANSWERED.into()),
        cause: Some(text.into()),
    })
}

/// The name in an unqualified state machine ARN.
fn machine(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests;
