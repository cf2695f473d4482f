//! Task: a call, its answers, and what becomes of them.

use json::Value;

use super::data;
use super::failure::{Failed, How, recover};
use super::step::{Fault, Go, Step, TIMEOUT};
use super::{Call, Effect, Refusal};
use crate::context::Context;
use crate::event::{EventId, EventKind, Failure, Text};
use crate::program::{Dynamic, Pattern, Resource, ResourceFamily, StateIndex, Task};
use crate::template::Template;

/// What came for an attempt.
pub(super) enum Answer {
    /// The call of the callback pattern answered; the token's result is still to come.
    Submitted(Value),
    Succeeded(Value),
    Failed(Failure),
    TimedOut,
    HeartbeatMissed,
}

/// Makes an attempt: the first on entry, a further one after a back-off. Everything is evaluated
/// anew, since `$$.State.RetryCount` and the token differ.
pub(super) fn attempt(step: &mut Step<'_>, task: &Task) -> Result<Go, Fault> {
    let outcome = prepare(step, task).and_then(|call| schedule(step, call));
    recovered(step, task, outcome)
}

/// Takes an answer for the attempt the thread waits for.
pub(super) fn answered(step: &mut Step<'_>, task: &Task, answer: Answer) -> Result<Go, Fault> {
    let (visit, calling) = step.calling()?;
    let (state, attempt) = (visit.state, calling.attempt);
    let has_token = task.resource.pattern == Pattern::WaitForTaskToken;
    let can_submit = has_token && !calling.submitted;
    let can_miss_heartbeat = has_token && calling.heartbeat_seconds.is_some();
    match answer {
        Answer::Submitted(response) if can_submit => submitted(step, task, state, response),
        Answer::Succeeded(output) => succeeded(step, task, state, output),
        Answer::Failed(failure) => failed(step, task, state, failure),
        Answer::TimedOut => timed_out(step, task, (state, attempt), How::Timeout),
        Answer::HeartbeatMissed if can_miss_heartbeat => {
            timed_out(step, task, (state, attempt), How::MissedHeartbeat)
        }
        Answer::Submitted(_) | Answer::HeartbeatMissed => Err(Refusal::NotAwaited.into()),
    }
}

/// The Scheduled event of the next attempt, evaluated.
fn prepare(step: &Step<'_>, task: &Task) -> Result<EventKind, Fault> {
    let mut context = step.context()?;
    if task.resource.pattern == Pattern::WaitForTaskToken {
        context.token_attempt = Some(step.run.last_event + 1);
    }
    let paths = data::paths(&context)?;
    let input = data::filter(&paths.input_path, &context.visit.input, &context)?;
    let timeout_seconds = seconds(task.timeout.as_ref(), "TimeoutSecondsPath", &input, &context)?;
    let heartbeat_seconds = seconds(task.heartbeat.as_ref(), "HeartbeatSecondsPath", &input, &context)?;
    let credentials = task.credentials.as_ref();
    let credentials_role_arn = credentials
        .map(|role| role_arn(role, &input, &context))
        .transpose()?;
    let parameters = data::shape(paths.parameters.as_ref(), input, &context)?;
    data::limit(&parameters, step.payload_bytes_max(), &context.state.name)?;
    Ok(EventKind::TaskScheduled {
        state: context.visit.state,
        parameters,
        timeout_seconds,
        heartbeat_seconds,
        credentials_role_arn,
    })
}

/// Scheduled and Started are one commit: the call leaves only after it, and a call that could not
/// start fails as any other.
fn schedule(step: &mut Step<'_>, scheduled: EventKind) -> Result<Go, Fault> {
    step.emit(scheduled)?;
    let state = step.calling()?.0.state;
    step.emit(EventKind::TaskStarted { state })?;
    let (_, calling) = step.calling()?;
    let call = Call::new(step.program, state, calling).ok_or(Refusal::ForeignProgram)?;
    step.effects.push(Effect::Call(call));
    Ok(Go::Rest)
}

fn seconds(
    seconds: Option<&Dynamic<u64>>,
    field: &str,
    input: &Value,
    context: &Context<'_>,
) -> Result<Option<u64>, Fault> {
    let path = match seconds {
        None => return Ok(None),
        Some(Dynamic::Literal(seconds)) => return Ok(Some(*seconds)),
        Some(Dynamic::Path(path)) => path,
        Some(Dynamic::Query(_)) => return Err(Refusal::ForeignProgram.into()),
    };
    let found = data::select(path, input, context)?;
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

fn role_arn(role: &Template, input: &Value, context: &Context<'_>) -> Result<Text, Fault> {
    let found = data::shape(Some(role), input.clone(), context)?;
    let wrong = || {
        let text = "which is not a valid string";
        Fault::runtime(format!(
            "The Credentials.RoleArn field refers to value {found} {text}"
        ))
    };
    let role_arn = found.get("RoleArn").and_then(Value::as_str);
    Ok(role_arn.ok_or_else(wrong)?.into())
}

fn submitted(
    step: &mut Step<'_>,
    task: &Task,
    state: StateIndex,
    response: Value,
) -> Result<Go, Fault> {
    if let Err(fault) = data::limit(&response, step.payload_bytes_max(), payload_name(task)) {
        return failed(step, task, state, step.explain(fault)?);
    }
    step.emit(EventKind::TaskSubmitted {
        state,
        output: response,
    })?;
    Ok(Go::Rest)
}

fn succeeded(
    step: &mut Step<'_>,
    task: &Task,
    state: StateIndex,
    output: Value,
) -> Result<Go, Fault> {
    if let Err(fault) = data::limit(&output, step.payload_bytes_max(), payload_name(task)) {
        return failed(step, task, state, step.explain(fault)?);
    }
    step.emit(EventKind::TaskSucceeded {
        state,
        output: output.clone(),
    })?;
    let outcome = leave(step, task, output);
    recovered(step, task, outcome)
}

/// ResultSelector, ResultPath and OutputPath, and on to the next state.
fn leave(step: &mut Step<'_>, task: &Task, result: Value) -> Result<Go, Fault> {
    let context = step.context()?;
    let paths = data::paths(&context)?;
    let selected = data::shape(paths.result_selector.as_ref(), result, &context)?;
    let placed = data::place(&paths.result_path, &context.visit.input, selected)?;
    let output = data::filter(&paths.output_path, &placed, &context)?;
    data::limit(&output, step.payload_bytes_max(), payload_name(task))?;
    step.exit(output, task.next)
}

fn failed(
    step: &mut Step<'_>,
    task: &Task,
    state: StateIndex,
    failure: Failure,
) -> Result<Go, Fault> {
    let failure = failure.cut();
    step.emit(EventKind::TaskFailed {
        state,
        failure: failure.clone(),
    })?;
    recover(
        step,
        task,
        Failed {
            failure,
            how: How::Error,
        },
    )
}

fn timed_out(
    step: &mut Step<'_>,
    task: &Task,
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
    recover(step, task, Failed { failure, how })
}

/// A fault between the call's events is a failure like those the call reports, where its error
/// can be caught.
fn recovered(step: &mut Step<'_>, task: &Task, outcome: Result<Go, Fault>) -> Result<Go, Fault> {
    match outcome {
        Err(fault) => {
            let failure = step.explain(fault)?;
            recover(
                step,
                task,
                Failed {
                    failure,
                    how: How::Error,
                },
            )
        }
        rest => rest,
    }
}

/// What AWS calls a task in the text about a payload that is too large.
fn payload_name(task: &Task) -> &str {
    let Resource { arn, family, .. } = &task.resource;
    match family {
        ResourceFamily::LambdaFunction => arn,
        ResourceFamily::Service { resource_type, .. } => resource_type,
    }
}
