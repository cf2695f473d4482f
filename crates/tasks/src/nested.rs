//! Nested executions: `arn:aws:states:::states:startExecution` in its four forms.
//!
//! `.sync` waits for the child without asking again and again: the engine says when it has ended,
//! and one DescribeExecution, made as the execution role, brings what became of it.

use std::time::Duration;

use aws::arn::States;
use aws::integrations::{Pattern, TaskResource};
use aws::{Arn, Service};
use engine::TaskOutcome;
use json::{Object, ObjectBuilder, Value};

use crate::Executions;
use crate::api::{self, Answer, Api, Trouble};
use crate::outcome::{self, Spelling};
use crate::outgoing::Outgoing;
use crate::parameters::Spelled;

const SPELLING: Spelling = Spelling {
    prefix: "StepFunctions",
    sdk_name: "AWSStepFunctions",
    unmodelled: "AWSStepFunctionsException",
};

/// How the SDK spells the headers of an answer, in the order it lists them (recorded).
const HEADERS: &[&str] = &[
    "x-amzn-RequestId",
    "connection",
    "Content-Length",
    "Date",
    "Content-Type",
];

/// The first and the longest time between two tries of a call that the service could not answer.
const RETRY_DELAY: Duration = Duration::from_secs(1);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(60);

/// One Task's nested execution, at any point of its life.
pub(crate) struct Nested<'n> {
    pub(crate) out: Outgoing<'n>,
    pub(crate) task: &'n TaskResource,
}

impl Nested<'_> {
    /// Starts the child.
    pub(crate) async fn start(&self) -> TaskOutcome {
        let (api, input) = match self.start_input() {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        match self.out.send(api, &input.into(), None).await {
            Ok(answer) => {
                let result = self.started(api, &answer);
                match self.task.pattern() {
                    Pattern::RequestResponse => TaskOutcome::Succeeded(result),
                    _ => TaskOutcome::Submitted(result),
                }
            }
            Err(trouble) => SPELLING.failed(&trouble),
        }
    }

    /// Waits for the end of the child that `response` names.
    pub(crate) async fn watch(&self, executions: &dyn Executions, response: &Value) -> TaskOutcome {
        let Some(child) = child_of(response) else {
            let text = "the answer to StartExecution names no execution";
            return outcome::failed("States.Runtime", text);
        };
        let mut delay = RETRY_DELAY;
        loop {
            executions.ended(child).await;
            match self.describe(child).await {
                Ok(described) if is_closed(&described) => return self.ended(described),
                // It was redriven in the meantime.
                Ok(_) => delay = RETRY_DELAY,
                Err(trouble) if is_passing(&trouble) => {}
                Err(trouble) => return SPELLING.failed(&trouble),
            }
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
    }

    /// Stops the child, if it was ever started. `response` is what its start answered.
    pub(crate) async fn cancel(&self, response: Option<&Value>) {
        let mut delay = RETRY_DELAY;
        loop {
            let stopped = match response.and_then(child_of) {
                Some(child) => self.stop(child).await,
                None => self.stop_unanswered().await,
            };
            match stopped {
                Err(trouble) if is_passing(&trouble) => {}
                Err(trouble) if !is_gone(&trouble) => {
                    // The role may not, or not any more: to ask again and again would not help.
                    let execution = &*self.out.call.execution_arn;
                    tracing::warn!(execution, %trouble, "a nested execution was not stopped");
                    return;
                }
                _ => return,
            }
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
    }

    /// Nobody knows whether the start was carried out. The same attempt, made again, answers with
    /// its own child; it is made again only if there is an execution of that name.
    async fn stop_unanswered(&self) -> Result<(), Trouble> {
        let Ok((api, input)) = self.start_input() else {
            return Ok(());
        };
        let Some(child) = arn_of_child(&input) else {
            return Ok(());
        };
        self.describe(&child).await?;
        let answer = self.send(api, input).await?;
        match answer.output.members.get("executionArn") {
            Some(child) => self.stop(child.as_str().unwrap_or_default()).await,
            None => Ok(()),
        }
    }

    /// The start's operation and members. The child of a `.sync` always has a name made here, so
    /// that it can be found again.
    fn start_input(&self) -> Result<(Api, Object), TaskOutcome> {
        let api = Api::find(Service::States, "StartExecution");
        let api = api.map_err(|text| SPELLING.unsent(&text))?;
        let attempt = self.out.call.attempt_uuid();
        let input = self
            .spelled(api, &attempt)
            .input(&self.out.call.call.parameters);
        let (mut input, _) =
            input.map_err(|problem| outcome::unusable_parameters(self.out.call, &problem))?;
        let is_job = matches!(self.task.pattern(), Pattern::Sync | Pattern::Sync2);
        if is_job && input.get("name").is_none() {
            input.insert("name", attempt.into());
        }
        Ok((api, input))
    }

    fn spelled<'s>(&'s self, api: Api, idempotency_token: &'s str) -> Spelled<'s> {
        Spelled {
            task: self.task,
            api,
            idempotency_token,
        }
    }

    /// The answer to the start as a result, its members in alphabetical order.
    fn started(&self, api: Api, answer: &Answer) -> Value {
        let spelled = self.spelled(api, "").result(&answer.output);
        let mut result = ObjectBuilder::new();
        let add = |result: &mut ObjectBuilder, name: &str| {
            if let Some(value) = spelled.get(name) {
                result.add(name, value.clone());
            }
        };
        add(&mut result, "ExecutionArn");
        api::add_metadata(&mut result, &answer.response, HEADERS);
        add(&mut result, "StartDate");
        result.build().into()
    }

    async fn describe(&self, child: &str) -> Result<Object, Trouble> {
        let input = ObjectBuilder::new().add("executionArn", child).build();
        let api = operation("DescribeExecution")?;
        let answer = self.send(api, input).await?;
        Ok(self.spelled(api, "").result(&answer.output))
    }

    async fn stop(&self, child: &str) -> Result<(), Trouble> {
        let cause = format!(
            "The Task state in AWS Step Functions execution [{}] which was managing this resource \
             was aborted",
            self.out.call.execution_arn
        );
        let input = ObjectBuilder::new()
            .add("executionArn", child)
            .add("cause", cause)
            .build();
        self.send(operation("StopExecution")?, input).await?;
        Ok(())
    }

    async fn send(&self, api: Api, input: Object) -> Result<Answer, Trouble> {
        self.out.send(api, &input.into(), None).await
    }

    /// What became of a child that has ended.
    fn ended(&self, described: Object) -> TaskOutcome {
        let has_succeeded = described.get("Status").and_then(Value::as_str) == Some("SUCCEEDED");
        if !has_succeeded {
            let cause = Value::from(described).to_text();
            return outcome::failed("States.TaskFailed", &cause);
        }
        let mut result = described;
        if self.task.pattern() == Pattern::Sync2 {
            for name in ["Input", "Output"] {
                let text = result.get(name).and_then(Value::as_str);
                if let Some(value) = text.and_then(|text| json::parse_lazy(text.into()).ok()) {
                    result.insert(name, value);
                }
            }
        }
        TaskOutcome::Succeeded(result.into())
    }
}

fn operation(name: &str) -> Result<Api, Trouble> {
    Api::find(Service::States, name).map_err(Trouble::Unsendable)
}

/// The execution that the answer to a start names.
fn child_of(response: &Value) -> Option<&str> {
    response.get("ExecutionArn")?.as_str()
}

/// The ARN that an execution started with `input` has.
fn arn_of_child(input: &Object) -> Option<String> {
    let machine = Arn::parse(input.get("stateMachineArn")?.as_str()?).ok()?;
    let name = input.get("name")?.as_str()?;
    match States::of(&machine).ok()? {
        States::StateMachine { name: of }
        | States::Version { name: of, .. }
        | States::Alias { name: of, .. } => Some(
            machine
                .sibling(format!("execution:{of}:{name}"))
                .to_string(),
        ),
        _ => None,
    }
}

fn is_closed(described: &Object) -> bool {
    let status = described.get("Status").and_then(Value::as_str);
    !matches!(status, Some("RUNNING" | "PENDING_REDRIVE"))
}

/// Whether there is no child to be stopped: it is gone, was never started, or the execution of its
/// name is somebody else's.
fn is_gone(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Unsendable(_) | Trouble::NoRole(_) => false,
        Trouble::Refused(refusal) => matches!(
            &*refusal.error.code,
            "ExecutionDoesNotExist" | "ExecutionAlreadyExists"
        ),
    }
}

/// Whether the same call may be answered another time.
fn is_passing(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Unsendable(_) | Trouble::NoRole(_) => false,
        Trouble::Refused(refusal) => refusal.is_passing(),
    }
}
