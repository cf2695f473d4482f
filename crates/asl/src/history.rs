//! Events as GetExecutionHistory shows them.

mod details;

use json::{Number, ObjectBuilder, Value};

use crate::event::{Event, EventKind, Failure, Start, Text};
use crate::program::{Program, ResourceFamily, State, StateIndex, StateKind, Task};
use crate::time::Timestamp;

pub use details::{Members, Payload, details};

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
    let mut details = ObjectBuilder::new();
    if let Some(name) = shown.details(&event.kind, &mut details)? {
        members.add(name, details.build());
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

/// Where the members of an event's details go.
type Out<'o> = &'o mut dyn Members;

impl Shown<'_> {
    /// Writes the details, and says which member holds them. The outer `None` is an event of
    /// another program, of which some may have been written; the inner one is an event without
    /// details.
    fn details(&self, kind: &EventKind, out: Out<'_>) -> Option<Option<&'static str>> {
        Some(Some(match kind {
            EventKind::ExecutionStarted(start) => self.started(start, out),
            EventKind::ExecutionSucceeded { output } => {
                self.add_data(out, OUTPUT, Payload::Value(output));
                "executionSucceededEventDetails"
            }
            EventKind::ExecutionFailed(failure) => {
                failed(failure, out);
                "executionFailedEventDetails"
            }
            EventKind::ExecutionAborted(failure) => {
                failed(failure, out);
                "executionAbortedEventDetails"
            }
            EventKind::ExecutionTimedOut(failure) => {
                failed(failure, out);
                "executionTimedOutEventDetails"
            }
            EventKind::StateEntered { state, input } => {
                self.entered(*state, input, out)?;
                "stateEnteredEventDetails"
            }
            EventKind::StateExited { .. } => self.exited(kind, out)?,
            EventKind::EvaluationFailed { .. } => self.evaluation_failed(kind, out)?,
            EventKind::TaskScheduled { .. }
            | EventKind::TaskStarted { .. }
            | EventKind::TaskSubmitted { .. }
            | EventKind::TaskSucceeded { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskTimedOut { .. } => return self.task_details(kind, out),
            EventKind::MapStarted { .. }
            | EventKind::MapIterationStarted { .. }
            | EventKind::MapIterationSucceeded { .. }
            | EventKind::MapIterationFailed { .. }
            | EventKind::MapIterationAborted { .. } => self.map_details(kind, out)?,
            EventKind::ParallelStarted { .. }
            | EventKind::StateSucceeded { .. }
            | EventKind::StateFailed { .. }
            | EventKind::StateAborted { .. } => return Some(None),
            EventKind::ExecutionRedriven { redrive_count, .. } => {
                out.number("redriveCount", u64::from(*redrive_count));
                "executionRedrivenEventDetails"
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

    fn task_details(&self, kind: &EventKind, out: Out<'_>) -> Option<Option<&'static str>> {
        Some(Some(match kind {
            EventKind::TaskScheduled { .. } => self.scheduled(kind, out)?,
            EventKind::TaskStarted { state, worker_name } => {
                return self.task_started(*state, worker_name.as_deref(), out);
            }
            EventKind::TaskSubmitted { state, output } => {
                self.with_output(*state, output, out)?;
                "taskSubmittedEventDetails"
            }
            EventKind::TaskSucceeded { state, output } => {
                let names = [
                    "activitySucceededEventDetails",
                    "lambdaFunctionSucceededEventDetails",
                    "taskSucceededEventDetails",
                ];
                self.with_output(*state, output, out)?;
                of_task(self.program, *state, &names)?
            }
            EventKind::TaskFailed { state, failure } => {
                let names = [
                    "activityFailedEventDetails",
                    "lambdaFunctionFailedEventDetails",
                    "taskFailedEventDetails",
                ];
                self.with_failure(*state, failure, out)?;
                of_task(self.program, *state, &names)?
            }
            EventKind::TaskTimedOut { state, failure } => {
                let names = [
                    "activityTimedOutEventDetails",
                    "lambdaFunctionTimedOutEventDetails",
                    "taskTimedOutEventDetails",
                ];
                self.with_failure(*state, failure, out)?;
                of_task(self.program, *state, &names)?
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
        out: Out<'_>,
    ) -> Option<Option<&'static str>> {
        let task = task(self.program, state)?;
        Some(match task.resource.family {
            ResourceFamily::Activity => {
                if let Some(name) = worker_name {
                    out.text("workerName", name);
                }
                Some("activityStartedEventDetails")
            }
            ResourceFamily::LambdaFunction => None,
            ResourceFamily::Service { .. } => {
                resource(task, out);
                Some("taskStartedEventDetails")
            }
        })
    }

    fn map_details(&self, kind: &EventKind, out: Out<'_>) -> Option<&'static str> {
        let (member, state, index) = match kind {
            EventKind::MapStarted { items, .. } => {
                let length = items.as_array().map(<[Value]>::len);
                let length = length.or_else(|| items.as_object().map(json::Object::len))?;
                out.number("length", u64::try_from(length).ok()?);
                return Some("mapStateStartedEventDetails");
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
        self.name(*state, out)?;
        out.number("index", u64::from(*index));
        Some(member)
    }

    fn exited(&self, kind: &EventKind, out: Out<'_>) -> Option<&'static str> {
        let EventKind::StateExited {
            state,
            output,
            assigned,
        } = kind
        else {
            return None;
        };
        self.name(*state, out)?;
        self.add_data(out, OUTPUT, Payload::Value(output));
        if let Some(assigned) = assigned.as_ref().filter(|_| self.include_data) {
            let members = assigned.members().iter();
            let mut texts = members.map(|(name, value)| (name.as_str(), Payload::Value(value)));
            out.texts("assignedVariables", &mut texts);
            out.is_whole("assignedVariablesDetails");
        }
        Some("stateExitedEventDetails")
    }

    fn evaluation_failed(&self, kind: &EventKind, out: Out<'_>) -> Option<&'static str> {
        let EventKind::EvaluationFailed {
            state,
            failure,
            location,
        } = kind
        else {
            return None;
        };
        failed(failure, out);
        if let Some(location) = location {
            out.text("location", location);
        }
        out.text("state", &self.program.state(*state)?.name);
        Some("evaluationFailedEventDetails")
    }

    fn started(&self, start: &Start, out: Out<'_>) -> &'static str {
        let input = match &start.input_text {
            Some(text) => Payload::Text(text),
            None => Payload::Value(&start.input),
        };
        self.add_data(out, INPUT, input);
        out.text("roleArn", &start.role_arn);
        if let Some(arn) = &start.state_machine_alias_arn {
            out.text("stateMachineAliasArn", arn);
        }
        if let Some(arn) = &start.state_machine_version_arn {
            out.text("stateMachineVersionArn", arn);
        }
        "executionStartedEventDetails"
    }

    /// The first state shows the input as StartExecution sent it, white space included (recorded).
    fn entered(&self, state: StateIndex, input: &Value, out: Out<'_>) -> Option<()> {
        self.name(state, out)?;
        let input = match &self.start.input_text {
            Some(text) if !self.has_previous => Payload::Text(text),
            _ => Payload::Value(input),
        };
        self.add_data(out, INPUT, input);
        Some(())
    }

    /// The name of the state, which comes first.
    fn name(&self, state: StateIndex, out: Out<'_>) -> Option<()> {
        out.text("name", &self.program.state(state)?.name);
        Some(())
    }

    fn scheduled(&self, kind: &EventKind, out: Out<'_>) -> Option<&'static str> {
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
        let parameters = Payload::Value(parameters);
        if resource(task, out) {
            out.text("region", self.region());
            if self.include_data {
                out.payload("parameters", None, parameters);
            }
        } else {
            out.text("resource", &task.resource.arn);
            self.add_data(out, INPUT, parameters);
        }
        // The model has no heartbeat for a Lambda function, and no role for an activity.
        let is_function = task.resource.family == ResourceFamily::LambdaFunction;
        let is_activity = task.resource.family == ResourceFamily::Activity;
        let heartbeat_seconds = heartbeat_seconds.filter(|_| !is_function);
        let credentials_role_arn = credentials_role_arn.as_ref().filter(|_| !is_activity);
        if let Some(seconds) = timeout_seconds {
            out.number("timeoutInSeconds", *seconds);
        }
        if let Some(seconds) = heartbeat_seconds {
            out.number("heartbeatInSeconds", seconds);
        }
        if let Some(arn) = credentials_role_arn {
            let mut role = std::iter::once(("roleArn", Payload::Text(arn)));
            out.texts("taskCredentials", &mut role);
        }
        Some(name)
    }

    /// The Region of the call: that of the execution.
    fn region(&self) -> &str {
        self.start
            .execution_arn
            .split(':')
            .nth(3)
            .unwrap_or_default()
    }

    /// What a service task is, and an output.
    fn with_output(&self, state: StateIndex, output: &Value, out: Out<'_>) -> Option<()> {
        resource(task(self.program, state)?, out);
        self.add_data(out, OUTPUT, Payload::Value(output));
        Some(())
    }

    /// What a service task is, and how it failed.
    fn with_failure(&self, state: StateIndex, failure: &Failure, out: Out<'_>) -> Option<()> {
        resource(task(self.program, state)?, out);
        failed(failure, out);
        Some(())
    }

    fn add_data(&self, out: Out<'_>, member: Member, payload: Payload<'_>) {
        if self.include_data {
            out.payload(member.data, Some(member.details), payload);
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

/// `resourceType` and `resource` of a service task; `false` for any other.
fn resource(task: &Task, out: Out<'_>) -> bool {
    let ResourceFamily::Service {
        resource_type,
        resource,
    } = &task.resource.family
    else {
        return false;
    };
    out.text("resourceType", resource_type);
    out.text("resource", resource);
    true
}

fn failed(failure: &Failure, out: Out<'_>) {
    let mut add = |name: &'static str, part: &Option<Text>| {
        if let Some(text) = part {
            out.text(name, text);
        }
    };
    add("error", &failure.error);
    add("cause", &failure.cause);
}

#[cfg(test)]
mod tests;
