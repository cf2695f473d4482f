//! Events as GetExecutionHistory shows them.

mod details;

use json::{Number, Object, ObjectBuilder, Value};

use crate::event::{Event, EventKind, Failure, Start, Text};
use crate::program::{Program, ResourceFamily, State, StateIndex, StateKind, Task};
use crate::time::Timestamp;

pub use details::details;

/// Every `type` that an event of ours can have.
pub const EVENT_TYPES: [&str; 52] = [
    "ExecutionStarted",
    "ExecutionSucceeded",
    "ExecutionFailed",
    "ExecutionAborted",
    "ExecutionTimedOut",
    "ExecutionRedriven",
    "PassStateEntered",
    "PassStateExited",
    "TaskStateEntered",
    "TaskStateExited",
    "ChoiceStateEntered",
    "ChoiceStateExited",
    "WaitStateEntered",
    "WaitStateExited",
    "SucceedStateEntered",
    "SucceedStateExited",
    "FailStateEntered",
    "ActivityScheduled",
    "ActivityStarted",
    "ActivitySucceeded",
    "ActivityFailed",
    "ActivityTimedOut",
    "LambdaFunctionScheduled",
    "LambdaFunctionStarted",
    "LambdaFunctionSucceeded",
    "LambdaFunctionFailed",
    "LambdaFunctionTimedOut",
    "TaskScheduled",
    "TaskStarted",
    "TaskSubmitted",
    "TaskSucceeded",
    "TaskFailed",
    "TaskTimedOut",
    "TaskStateAborted",
    "WaitStateAborted",
    "EvaluationFailed",
    "ParallelStateEntered",
    "ParallelStateStarted",
    "ParallelStateSucceeded",
    "ParallelStateFailed",
    "ParallelStateAborted",
    "ParallelStateExited",
    "MapStateEntered",
    "MapStateStarted",
    "MapIterationStarted",
    "MapIterationSucceeded",
    "MapIterationFailed",
    "MapIterationAborted",
    "MapStateSucceeded",
    "MapStateFailed",
    "MapStateAborted",
    "MapStateExited",
];

/// The API's HistoryEvent: `timestamp` (number: epoch seconds to the millisecond), `type`, `id`,
/// `previousEventId`, and the details its type has. Inputs, outputs and parameters are JSON *text*;
/// without `include_data` they and their `...Details` are left out.
///
/// `None` for an internal event, and for an event of another program.
pub fn render(
    program: &Program,
    start: &Start,
    time: Timestamp,
    event: &Event,
    include_data: bool,
) -> Option<Value> {
    let shown = Shown {
        program,
        start,
        include_data,
        has_previous: event.previous != 0,
    };
    let mut members = ObjectBuilder::with_capacity(5);
    members.add("timestamp", seconds(time));
    members.add("type", type_name(program, &event.kind)?);
    members.add("id", event.id);
    members.add("previousEventId", event.previous);
    if let Some((name, details)) = shown.details(&event.kind)? {
        members.add(name, details);
    }
    Some(members.build().into())
}

/// The `type` of an event, one of [`EVENT_TYPES`]; `None` as with [`render`].
pub fn type_name(program: &Program, kind: &EventKind) -> Option<&'static str> {
    Some(match kind {
        EventKind::ExecutionStarted(_) => "ExecutionStarted",
        EventKind::ExecutionSucceeded { .. } => "ExecutionSucceeded",
        EventKind::ExecutionFailed(_) => "ExecutionFailed",
        EventKind::ExecutionAborted(_) => "ExecutionAborted",
        EventKind::ExecutionTimedOut(_) => "ExecutionTimedOut",
        EventKind::ExecutionRedriven { .. } => "ExecutionRedriven",
        EventKind::StateEntered { state, .. } => entered(program.state(*state)?),
        EventKind::StateExited { state, .. } => exited(program.state(*state)?)?,
        EventKind::TaskScheduled { state, .. } => of_task(program, *state, &SCHEDULED)?,
        EventKind::TaskStarted { state, .. } => of_task(program, *state, &STARTED)?,
        EventKind::TaskSubmitted { .. } => "TaskSubmitted",
        EventKind::TaskSucceeded { state, .. } => of_task(program, *state, &SUCCEEDED)?,
        EventKind::TaskFailed { state, .. } => of_task(program, *state, &FAILED)?,
        EventKind::TaskTimedOut { state, .. } => of_task(program, *state, &TIMED_OUT)?,
        EventKind::EvaluationFailed { .. } => "EvaluationFailed",
        EventKind::ParallelStarted { .. } => "ParallelStateStarted",
        EventKind::MapStarted { .. } => "MapStateStarted",
        EventKind::MapIterationStarted { .. } => "MapIterationStarted",
        EventKind::MapIterationSucceeded { .. } => "MapIterationSucceeded",
        EventKind::MapIterationFailed { .. } => "MapIterationFailed",
        EventKind::MapIterationAborted { .. } => "MapIterationAborted",
        EventKind::StateSucceeded { state } => match program.state(*state)?.kind {
            StateKind::Parallel(_) => "ParallelStateSucceeded",
            _ => "MapStateSucceeded",
        },
        EventKind::StateFailed { state } => match program.state(*state)?.kind {
            StateKind::Parallel(_) => "ParallelStateFailed",
            _ => "MapStateFailed",
        },
        EventKind::StateAborted { state } => aborted(program.state(*state)?)?,
        EventKind::Queued
        | EventKind::Admitted
        | EventKind::JobCancelled { .. }
        | EventKind::TaskServed { .. }
        | EventKind::ExecutionDeadline { .. }
        | EventKind::WaitUntil { .. }
        | EventKind::RetryAt { .. }
        | EventKind::Yielded { .. }
        | EventKind::BranchStarted { .. }
        | EventKind::BranchSucceeded
        | EventKind::BranchesCut => return None,
    })
}

fn entered(state: &State) -> &'static str {
    match state.kind {
        StateKind::Pass(_) => "PassStateEntered",
        StateKind::Task(_) => "TaskStateEntered",
        StateKind::Choice(_) => "ChoiceStateEntered",
        StateKind::Wait(_) => "WaitStateEntered",
        StateKind::Succeed => "SucceedStateEntered",
        StateKind::Fail(_) => "FailStateEntered",
        StateKind::Parallel(_) => "ParallelStateEntered",
        StateKind::Map(_) => "MapStateEntered",
    }
}

/// Only states that take time can be cut.
fn aborted(state: &State) -> Option<&'static str> {
    match state.kind {
        StateKind::Task(_) => Some("TaskStateAborted"),
        StateKind::Wait(_) => Some("WaitStateAborted"),
        StateKind::Parallel(_) => Some("ParallelStateAborted"),
        StateKind::Map(_) => Some("MapStateAborted"),
        StateKind::Pass(_) | StateKind::Choice(_) | StateKind::Succeed | StateKind::Fail(_) => None,
    }
}

/// AWS has no FailStateExited.
fn exited(state: &State) -> Option<&'static str> {
    match state.kind {
        StateKind::Pass(_) => Some("PassStateExited"),
        StateKind::Task(_) => Some("TaskStateExited"),
        StateKind::Choice(_) => Some("ChoiceStateExited"),
        StateKind::Wait(_) => Some("WaitStateExited"),
        StateKind::Succeed => Some("SucceedStateExited"),
        StateKind::Parallel(_) => Some("ParallelStateExited"),
        StateKind::Map(_) => Some("MapStateExited"),
        StateKind::Fail(_) => None,
    }
}

/// What an event of a task is called, by what the task calls: an activity, a Lambda function by its
/// ARN, any service.
type ByFamily = [&'static str; 3];

const SCHEDULED: ByFamily = [
    "ActivityScheduled",
    "LambdaFunctionScheduled",
    "TaskScheduled",
];
const STARTED: ByFamily = ["ActivityStarted", "LambdaFunctionStarted", "TaskStarted"];
const SUCCEEDED: ByFamily = [
    "ActivitySucceeded",
    "LambdaFunctionSucceeded",
    "TaskSucceeded",
];
const FAILED: ByFamily = ["ActivityFailed", "LambdaFunctionFailed", "TaskFailed"];
const TIMED_OUT: ByFamily = ["ActivityTimedOut", "LambdaFunctionTimedOut", "TaskTimedOut"];

fn of_task(program: &Program, state: StateIndex, names: &ByFamily) -> Option<&'static str> {
    let [activity, lambda, service] = names;
    Some(match task(program, state)?.resource.family {
        ResourceFamily::Activity => activity,
        ResourceFamily::LambdaFunction => lambda,
        ResourceFamily::Service { .. } => service,
    })
}

fn task(program: &Program, state: StateIndex) -> Option<&Task> {
    match &program.state(state)?.kind {
        StateKind::Task(task) => Some(task),
        _ => None,
    }
}

/// Epoch seconds, three digits after the point.
fn seconds(time: Timestamp) -> Value {
    let sign = if time.0 < 0 { "-" } else { "" };
    let ms = time.0.unsigned_abs();
    let text = format!("{sign}{}.{:03}", ms / 1_000, ms % 1_000);
    text.parse::<Number>()
        .map_or_else(|_| Value::null(), Value::from)
}

/// What the details of all events depend on.
struct Shown<'a> {
    program: &'a Program,
    start: &'a Start,
    include_data: bool,
    /// Not ExecutionStarted and the first state, nor an end from outside.
    has_previous: bool,
}

/// The member that holds an event's details, and they.
type Details = (&'static str, Object);

impl Shown<'_> {
    /// The outer `None` is an event of another program, the inner one an event without details.
    fn details(&self, kind: &EventKind) -> Option<Option<Details>> {
        Some(Some(match kind {
            EventKind::ExecutionStarted(start) => self.started(start),
            EventKind::ExecutionSucceeded { output } => {
                let mut details = ObjectBuilder::new();
                self.add_data(&mut details, OUTPUT, || output.to_text());
                ("executionSucceededEventDetails", details.build())
            }
            EventKind::ExecutionFailed(failure) => (
                "executionFailedEventDetails",
                failed(ObjectBuilder::new(), failure),
            ),
            EventKind::ExecutionAborted(failure) => (
                "executionAbortedEventDetails",
                failed(ObjectBuilder::new(), failure),
            ),
            EventKind::ExecutionTimedOut(failure) => (
                "executionTimedOutEventDetails",
                failed(ObjectBuilder::new(), failure),
            ),
            EventKind::StateEntered { state, input } => {
                ("stateEnteredEventDetails", self.entered(*state, input)?)
            }
            EventKind::StateExited { .. } => self.exited(kind)?,
            EventKind::EvaluationFailed { .. } => self.evaluation_failed(kind)?,
            EventKind::TaskScheduled { .. }
            | EventKind::TaskStarted { .. }
            | EventKind::TaskSubmitted { .. }
            | EventKind::TaskSucceeded { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskTimedOut { .. } => return self.task_details(kind),
            EventKind::MapStarted { .. }
            | EventKind::MapIterationStarted { .. }
            | EventKind::MapIterationSucceeded { .. }
            | EventKind::MapIterationFailed { .. }
            | EventKind::MapIterationAborted { .. } => self.map_details(kind)?,
            EventKind::ParallelStarted { .. }
            | EventKind::StateSucceeded { .. }
            | EventKind::StateFailed { .. }
            | EventKind::StateAborted { .. } => return Some(None),
            EventKind::ExecutionRedriven { redrive_count, .. } => {
                let count = u64::from(*redrive_count);
                let details = ObjectBuilder::new().add("redriveCount", count).build();
                ("executionRedrivenEventDetails", details)
            }
            EventKind::Queued
            | EventKind::Admitted
            | EventKind::JobCancelled { .. }
            | EventKind::TaskServed { .. }
            | EventKind::ExecutionDeadline { .. }
            | EventKind::WaitUntil { .. }
            | EventKind::RetryAt { .. }
            | EventKind::Yielded { .. }
            | EventKind::BranchStarted { .. }
            | EventKind::BranchSucceeded
            | EventKind::BranchesCut => return None,
        }))
    }

    fn task_details(&self, kind: &EventKind) -> Option<Option<Details>> {
        Some(Some(match kind {
            EventKind::TaskScheduled { .. } => self.scheduled(kind)?,
            EventKind::TaskStarted { state, worker_name } => {
                return self.task_started(*state, worker_name.as_deref());
            }
            EventKind::TaskSubmitted { state, output } => (
                "taskSubmittedEventDetails",
                self.with_output(*state, output)?,
            ),
            EventKind::TaskSucceeded { state, output } => {
                let names = [
                    "activitySucceededEventDetails",
                    "lambdaFunctionSucceededEventDetails",
                    "taskSucceededEventDetails",
                ];
                self.succeeded(*state, output, &names)?
            }
            EventKind::TaskFailed { state, failure } => {
                let names = [
                    "activityFailedEventDetails",
                    "lambdaFunctionFailedEventDetails",
                    "taskFailedEventDetails",
                ];
                self.failed(*state, failure, &names)?
            }
            EventKind::TaskTimedOut { state, failure } => {
                let names = [
                    "activityTimedOutEventDetails",
                    "lambdaFunctionTimedOutEventDetails",
                    "taskTimedOutEventDetails",
                ];
                self.failed(*state, failure, &names)?
            }
            _ => return None,
        }))
    }

    /// AWS has no details for LambdaFunctionStarted, and empty ones for an activity whose worker
    /// gave no name.
    fn task_started(
        &self,
        state: StateIndex,
        worker_name: Option<&str>,
    ) -> Option<Option<Details>> {
        let task = task(self.program, state)?;
        Some(match task.resource.family {
            ResourceFamily::Activity => {
                let mut details = ObjectBuilder::new();
                if let Some(name) = worker_name {
                    details.add("workerName", name);
                }
                Some(("activityStartedEventDetails", details.build()))
            }
            ResourceFamily::LambdaFunction => None,
            ResourceFamily::Service { .. } => {
                let details = resource(task).unwrap_or_default().build();
                Some(("taskStartedEventDetails", details))
            }
        })
    }

    fn map_details(&self, kind: &EventKind) -> Option<Details> {
        let (member, state, index) = match kind {
            EventKind::MapStarted { items, .. } => {
                let length = items.as_array().map(<[Value]>::len);
                let length = length.or_else(|| items.as_object().map(Object::len))?;
                let length = u64::try_from(length).ok()?;
                let details = ObjectBuilder::new().add("length", length).build();
                return Some(("mapStateStartedEventDetails", details));
            }
            EventKind::MapIterationStarted { state, index, .. } => {
                ("mapIterationStartedEventDetails", state, index)
            }
            EventKind::MapIterationSucceeded { state, index } => {
                ("mapIterationSucceededEventDetails", state, index)
            }
            EventKind::MapIterationFailed { state, index } => {
                ("mapIterationFailedEventDetails", state, index)
            }
            EventKind::MapIterationAborted { state, index } => {
                ("mapIterationAbortedEventDetails", state, index)
            }
            _ => return None,
        };
        let mut details = ObjectBuilder::new();
        details.add("name", &*self.program.state(*state)?.name);
        Some((member, details.add("index", u64::from(*index)).build()))
    }

    fn exited(&self, kind: &EventKind) -> Option<Details> {
        let EventKind::StateExited {
            state,
            output,
            assigned,
        } = kind
        else {
            return None;
        };
        let mut details = self.named(*state)?;
        self.add_data(&mut details, OUTPUT, || output.to_text());
        let mut details = details.build();
        if let Some(assigned) = assigned.as_ref().filter(|_| self.include_data) {
            let mut texts = ObjectBuilder::with_capacity(assigned.len());
            for (name, value) in assigned.members() {
                texts.add(name.clone(), value.to_text());
            }
            details.insert("assignedVariables", texts.build().into());
            let whole = ObjectBuilder::new().add("truncated", false).build();
            details.insert("assignedVariablesDetails", whole.into());
        }
        Some(("stateExitedEventDetails", details))
    }

    fn evaluation_failed(&self, kind: &EventKind) -> Option<Details> {
        let EventKind::EvaluationFailed {
            state,
            failure,
            location,
        } = kind
        else {
            return None;
        };
        let mut details = failed(ObjectBuilder::new(), failure);
        if let Some(location) = location {
            details.insert("location", Value::from(&**location));
        }
        details.insert("state", Value::from(&*self.program.state(*state)?.name));
        Some(("evaluationFailedEventDetails", details))
    }

    fn started(&self, start: &Start) -> Details {
        let mut details = ObjectBuilder::new();
        self.add_data(&mut details, INPUT, || match &start.input_text {
            Some(text) => text.to_string(),
            None => start.input.to_text(),
        });
        details.add("roleArn", &*start.role_arn);
        if let Some(arn) = &start.state_machine_alias_arn {
            details.add("stateMachineAliasArn", &**arn);
        }
        if let Some(arn) = &start.state_machine_version_arn {
            details.add("stateMachineVersionArn", &**arn);
        }
        ("executionStartedEventDetails", details.build())
    }

    /// The first state shows the input as StartExecution sent it, white space included (recorded).
    fn entered(&self, state: StateIndex, input: &Value) -> Option<Object> {
        let mut details = self.named(state)?;
        self.add_data(&mut details, INPUT, || match &self.start.input_text {
            Some(text) if !self.has_previous => text.to_string(),
            _ => input.to_text(),
        });
        Some(details.build())
    }

    /// Details that begin with the state's name.
    fn named(&self, state: StateIndex) -> Option<ObjectBuilder> {
        let mut details = ObjectBuilder::new();
        details.add("name", &*self.program.state(state)?.name);
        Some(details)
    }

    fn scheduled(&self, kind: &EventKind) -> Option<Details> {
        let EventKind::TaskScheduled {
            state,
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            credentials_role_arn,
            is_job: _,
        } = kind
        else {
            return None;
        };
        let task = task(self.program, *state)?;
        let names = [
            "activityScheduledEventDetails",
            "lambdaFunctionScheduledEventDetails",
            "taskScheduledEventDetails",
        ];
        let name = of_task(self.program, *state, &names)?;
        let mut details = match resource(task) {
            Some(mut details) => {
                details.add("region", self.region());
                if self.include_data {
                    details.add("parameters", parameters.to_text());
                }
                details
            }
            None => {
                let mut details = ObjectBuilder::new();
                details.add("resource", &*task.resource.arn);
                self.add_data(&mut details, INPUT, || parameters.to_text());
                details
            }
        };
        // The model has no heartbeat for a Lambda function, and no role for an activity.
        let is_function = task.resource.family == ResourceFamily::LambdaFunction;
        let is_activity = task.resource.family == ResourceFamily::Activity;
        let heartbeat_seconds = heartbeat_seconds.filter(|_| !is_function);
        let credentials_role_arn = credentials_role_arn.as_ref().filter(|_| !is_activity);
        if let Some(seconds) = timeout_seconds {
            details.add("timeoutInSeconds", *seconds);
        }
        if let Some(seconds) = heartbeat_seconds {
            details.add("heartbeatInSeconds", seconds);
        }
        if let Some(arn) = credentials_role_arn {
            details.add(
                "taskCredentials",
                ObjectBuilder::new().add("roleArn", &**arn).build(),
            );
        }
        Some((name, details.build()))
    }

    /// The Region of the call: that of the execution.
    fn region(&self) -> &str {
        self.start
            .execution_arn
            .split(':')
            .nth(3)
            .unwrap_or_default()
    }

    fn succeeded(&self, state: StateIndex, output: &Value, names: &ByFamily) -> Option<Details> {
        let name = of_task(self.program, state, names)?;
        Some((name, self.with_output(state, output)?))
    }

    /// What a service task is, and an output.
    fn with_output(&self, state: StateIndex, output: &Value) -> Option<Object> {
        let mut details = resource(task(self.program, state)?).unwrap_or_default();
        self.add_data(&mut details, OUTPUT, || output.to_text());
        Some(details.build())
    }

    fn failed(&self, state: StateIndex, failure: &Failure, names: &ByFamily) -> Option<Details> {
        let name = of_task(self.program, state, names)?;
        let details = resource(task(self.program, state)?).unwrap_or_default();
        Some((name, failed(details, failure)))
    }

    fn add_data(&self, details: &mut ObjectBuilder, member: Member, text: impl Fn() -> String) {
        if self.include_data {
            let whole = ObjectBuilder::new().add("truncated", false).build();
            details.add(member.data, text()).add(member.details, whole);
        }
    }
}

/// A member that holds data, and the one beside it.
#[derive(Clone, Copy)]
struct Member {
    data: &'static str,
    details: &'static str,
}

const INPUT: Member = Member {
    data: "input",
    details: "inputDetails",
};
const OUTPUT: Member = Member {
    data: "output",
    details: "outputDetails",
};

/// `resourceType` and `resource` of a service task; `None` for any other.
fn resource(task: &Task) -> Option<ObjectBuilder> {
    let ResourceFamily::Service {
        resource_type,
        resource,
    } = &task.resource.family
    else {
        return None;
    };
    let mut details = ObjectBuilder::new();
    details
        .add("resourceType", &**resource_type)
        .add("resource", &**resource);
    Some(details)
}

fn failed(mut details: ObjectBuilder, failure: &Failure) -> Object {
    let mut add = |name: &str, part: &Option<Text>| {
        if let Some(text) = part {
            details.add(name, &**text);
        }
    };
    add("error", &failure.error);
    add("cause", &failure.cause);
    details.build()
}

#[cfg(test)]
mod tests;
