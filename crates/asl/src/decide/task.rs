//! Task: a call, its answers, and what becomes of them.

use json::{Object, Value};

use super::data::{self, Data};
use super::failure::{Failed, How, recover};
use super::step::{Fault, Go, Step, TIMEOUT};
use super::{Call, Effect, Refusal};
use crate::event::{EventId, EventKind, Failure, Text};
use crate::program::{Dynamic, Members, Pattern, Resource, ResourceFamily, StateIndex, Task};
use crate::template::{self, Template, shown};
use crate::validate::message;

/// The longest TimeoutSeconds and HeartbeatSeconds (developer guide, "Task workflow state").
const SECONDS_MAX: u64 = 99_999_999;

/// What came for an attempt.
pub(super) enum Answer {
    /// A worker took the task of an activity.
    PickedUp {
        worker_name: Option<Text>,
    },
    /// The call answered; the token's result, or the job's end, is still to come.
    Submitted(Value),
    Succeeded(Value),
    Failed(Failure),
    TimedOut,
    HeartbeatMissed,
}

/// Makes an attempt: the first on entry, a further one after a back-off. Everything is evaluated
/// anew, since `$$.State.RetryCount` and the token differ.
pub(super) fn attempt(step: &mut Step<'_>, task: &Task) -> Result<Go, Fault> {
    let scheduled = prepare(step, task)?;
    let arn = &task.resource.arn;
    if step.surroundings.missing_activities.contains(arn) {
        return Err(Fault::runtime(format!(
            "The activity {arn} does not exist."
        )));
    }
    schedule(step, task, scheduled)
}

/// Takes an answer for the attempt the thread waits for.
pub(super) fn answered(step: &mut Step<'_>, task: &Task, answer: Answer) -> Result<Go, Fault> {
    let (visit, calling) = step.calling()?;
    let (state, attempt) = (visit.state, calling.attempt);
    let resource = &task.resource;
    let can_pick_up = resource.family == ResourceFamily::Activity && !calling.is_picked_up();
    let can_submit = resource.pattern != Pattern::RequestResponse && calling.submitted.is_none();
    let can_miss_heartbeat =
        resource.gives_token() && calling.is_picked_up() && calling.heartbeat_seconds.is_some();
    match answer {
        Answer::PickedUp { worker_name } if can_pick_up => {
            step.emit(EventKind::TaskStarted { state, worker_name })?;
            Ok(Go::Rest)
        }
        Answer::Submitted(response) if can_submit => submitted(step, task, state, response),
        Answer::Succeeded(output) => succeeded(step, task, state, output),
        Answer::Failed(failure) => failed(step, state, failure),
        Answer::TimedOut => timed_out(step, (state, attempt), How::Timeout),
        Answer::HeartbeatMissed if can_miss_heartbeat => {
            timed_out(step, (state, attempt), How::MissedHeartbeat)
        }
        Answer::PickedUp { .. } | Answer::Submitted(_) | Answer::HeartbeatMissed => {
            Err(Refusal::NotAwaited.into())
        }
    }
}

/// The Scheduled event of the next attempt, evaluated.
fn prepare(step: &Step<'_>, task: &Task) -> Result<EventKind, Fault> {
    let mut context = step.context()?;
    if task.resource.pattern == Pattern::WaitForTaskToken {
        context.token_attempt = Some(step.run.last_event + 1);
    }
    let data = data::of(step, &context);
    let input = data.input()?;
    let timeout = task.timeout.as_ref();
    let timeout_seconds = seconds(timeout, "TimeoutSecondsPath", &input, &data)?;
    let heartbeat = task.heartbeat.as_ref();
    let heartbeat_seconds = seconds(heartbeat, "HeartbeatSecondsPath", &input, &data)?;
    let credentials = task.credentials.as_ref();
    let credentials_role_arn = credentials
        .map(|role| role_arn(role, &input, &data))
        .transpose()?;
    let parameters = data.arguments(input)?;
    data.limit(&parameters, &context.state.name)?;
    check_members(task.members.as_deref(), &parameters)?;
    Ok(EventKind::TaskScheduled {
        state: context.visit.state,
        parameters,
        timeout_seconds,
        heartbeat_seconds,
        credentials_role_arn,
        is_job: task.resource.pattern == Pattern::RunJob,
    })
}

/// Scheduled and Started are one commit: the call leaves only after it, and a call that could not
/// start fails as any other. The task of an activity starts when a worker picks it up.
fn schedule(step: &mut Step<'_>, task: &Task, scheduled: EventKind) -> Result<Go, Fault> {
    step.emit(scheduled)?;
    let state = step.calling()?.0.state;
    if task.resource.family != ResourceFamily::Activity {
        step.emit(EventKind::TaskStarted {
            state,
            worker_name: None,
        })?;
    }
    let call = call(step)?;
    step.effects.push(Effect::Call(call));
    Ok(Go::Rest)
}

/// The call that the thread waits for.
fn call(step: &Step<'_>) -> Result<Call, Refusal> {
    let (visit, calling) = step.calling()?;
    Call::new(step.program, visit.state, calling).ok_or(Refusal::ForeignProgram)
}

fn seconds(
    seconds: Option<&Dynamic<u64>>,
    field: &str,
    input: &Value,
    data: &Data<'_>,
) -> Result<Option<u64>, Fault> {
    let path = match seconds {
        None => return Ok(None),
        Some(Dynamic::Literal(seconds)) => return Ok(Some(*seconds)),
        Some(Dynamic::Query(query)) => {
            let scope = data.scope(input);
            return Ok(Some(query.evaluate_integer(&scope, 1..=SECONDS_MAX)?));
        }
        Some(Dynamic::Path(path)) => path,
    };
    let found = data.select(path, input)?;
    let count = found.as_i64().and_then(|count| u64::try_from(count).ok());
    let wrong = || {
        let path = &path.text;
        let text = "which is not a valid integer";
        Fault::runtime(format!(
            "The {field} field refers to value {found} {text}: {path}"
        ))
    };
    count.map(Some).ok_or_else(wrong)
}

/// Nothing is scheduled with parameters that make no call. (Recorded for apigateway:invoke)
fn check_members(members: Option<&Members>, parameters: &Value) -> Result<(), Fault> {
    let Some(members) = members else {
        return Ok(());
    };
    let problems = match parameters.as_object() {
        Some(object) => problems(members, object),
        None => vec!["Parameters must be a JSON object".to_owned()],
    };
    if problems.is_empty() {
        return Ok(());
    }
    Err(Fault::runtime(format!(
        "The Parameters '{parameters}' could not be used to start the Task: [{}]",
        problems.join(", ")
    )))
}

fn problems(members: &Members, parameters: &Object) -> Vec<String> {
    let required = members.required.iter();
    let missing = required.filter(|name| !parameters.contains_key(name));
    let mut problems: Vec<_> = missing.map(|name| message::missing(name)).collect();
    if let Some(known) = &members.known {
        let unknown = parameters
            .keys()
            .filter(|name| !known.iter().any(|k| k == name));
        problems.extend(unknown.map(message::unsupported_parameter));
    }
    problems
}

fn role_arn(role: &Template, input: &Value, data: &Data<'_>) -> Result<Text, Fault> {
    let made = data.fill(role, input)?;
    data.limit(&made, &data.context.state.name)?;
    let found = made.get("RoleArn").unwrap_or(&made);
    let wrong = || {
        let text = format!(
            "The Credentials.RoleArn field refers to value {} which is not a valid string",
            shown(found)
        );
        if !data.is_queries() {
            return Fault::runtime(text);
        }
        let location = "Credentials/RoleArn".into();
        template::Failure::Value { location, text }.into()
    };
    Ok(found.as_str().ok_or_else(wrong)?.into())
}

fn submitted(
    step: &mut Step<'_>,
    task: &Task,
    state: StateIndex,
    response: Value,
) -> Result<Go, Fault> {
    if let Some(failure) = limited(step, task, &response)? {
        return failed(step, state, failure);
    }
    let output = response.clone();
    step.emit(EventKind::TaskSubmitted { state, output })?;
    if task.resource.pattern == Pattern::RunJob || step.run.is_mocked() {
        let call = call(step)?;
        step.effects.push(Effect::Watch { call, response });
    }
    Ok(Go::Rest)
}

fn succeeded(
    step: &mut Step<'_>,
    task: &Task,
    state: StateIndex,
    output: Value,
) -> Result<Go, Fault> {
    if let Some(failure) = limited(step, task, &output)? {
        return failed(step, state, failure);
    }
    step.emit(EventKind::TaskSucceeded {
        state,
        output: output.clone(),
    })?;
    let context = step.context()?;
    let data = data::of(step, &context);
    let exit = data.leave_with(output)?;
    data.limit(&exit.output, payload_name(task))?;
    step.exit(exit, task.next)
}

/// Why a response or result cannot be taken: it is too large, or nests too deep.
fn limited(step: &Step<'_>, task: &Task, value: &Value) -> Result<Option<Failure>, Fault> {
    let context = step.context()?;
    match data::of(step, &context).limit(value, payload_name(task)) {
        Ok(()) => Ok(None),
        Err(Fault::Failed(failure)) => Ok(Some(failure)),
        Err(Fault::Raised { error, text }) => Ok(Some(step.in_state(error, &text)?)),
        Err(fault) => Err(fault),
    }
}

fn failed(step: &mut Step<'_>, state: StateIndex, failure: Failure) -> Result<Go, Fault> {
    let failure = failure.cut();
    step.emit(EventKind::TaskFailed {
        state,
        failure: failure.clone(),
    })?;
    recover(step, Failed::new(failure, How::Error))
}

fn timed_out(
    step: &mut Step<'_>,
    (state, attempt): (StateIndex, EventId),
    how: How,
) -> Result<Go, Fault> {
    step.effects.push(Effect::Abandon { attempt });
    let failure = Failure {
        error: Some(TIMEOUT.into()),
        cause: None,
    };
    step.emit(EventKind::TaskTimedOut {
        state,
        failure: failure.clone(),
    })?;
    recover(step, Failed::new(failure, how))
}

/// What AWS calls a task in the text about a payload that is too large.
fn payload_name(task: &Task) -> &str {
    let Resource { arn, family, .. } = &task.resource;
    match family {
        ResourceFamily::LambdaFunction | ResourceFamily::Activity => arn,
        ResourceFamily::Service { resource_type, .. } => resource_type,
    }
}
