//! StartExecution and StopExecution.

use std::sync::Arc;

use asl::event::{Failure, Text};
use aws::ServiceError;
use engine::trace::TraceContext;
use engine::{StartError, StartRequest, StopError};
use json::{ObjectBuilder, Value};
use uuid::Uuid;

use super::startable::Startable;
use super::{States, arn, checked_name, engine_error};
use crate::call::epoch_seconds;
use crate::{Answer, Call};

impl States {
    /// StartExecution. The hot path: nothing is read or compiled, and the input is copied once.
    pub(super) async fn start_execution(&self, call: &Call) -> Result<Answer, ServiceError> {
        let machine = self.startable(call).await?;
        let request = self.start_request(call, &machine)?;
        let started = match machine.is_express {
            true => self.engine.start_express(request).await,
            false => self.engine.start(request).await,
        };
        let started = started.map_err(|error| start_error(&error))?;
        Ok(ObjectBuilder::with_capacity(2)
            .add("executionArn", &*started.execution_arn)
            .add("startDate", epoch_seconds(started.started_at))
            .into())
    }

    /// What an execution of `machine` starts with, as StartExecution or StartSyncExecution asks.
    pub(super) fn start_request(
        &self,
        call: &Call,
        machine: &Startable,
    ) -> Result<StartRequest, ServiceError> {
        let name = call.text("name").map(checked_name).transpose()?;
        let input = ExecutionInput::of(call.text("input"), self.payload_bytes_max)?;
        let target = machine.target(percent);
        Ok(StartRequest {
            state_machine_arn: Arc::clone(&machine.arn),
            state_machine_name: Arc::clone(&machine.name),
            state_machine_version_arn: target.version_arn.clone(),
            state_machine_alias_arn: machine.alias_arn.clone(),
            role_arn: Arc::clone(&target.role_arn),
            definition: target.definition,
            name: name.map(Text::from),
            input: input.value,
            input_text: input.text,
            trace_header: trace_header(call).or_else(|| target.is_traced.then(|| trace(call))),
            tags: machine.tags.clone(),
            mock_case: call.mock_case.clone(),
            started_by: call.attempt.clone(),
            concurrency_max: machine.concurrency_max,
            limits: None,
        })
    }

    pub(super) async fn stop_execution(&self, call: &Call) -> Result<Answer, ServiceError> {
        let stopped = self.engine.stop(arn::execution(call)?, failure(call)).await;
        let stopped_at = stopped.map_err(|error| match &error {
            StopError::DoesNotExist(_) => {
                ServiceError::new("ExecutionDoesNotExist", error.to_string())
            }
            StopError::Engine(error) => engine_error(error),
        })?;
        Ok(ObjectBuilder::new()
            .add("stopDate", epoch_seconds(stopped_at))
            .into())
    }
}

/// A number from 0 to 99, each as likely as the others.
fn percent() -> u32 {
    let (_, low) = Uuid::new_v4().as_u64_pair();
    // Of a random UUID's lower half all but the highest two bits are random.
    u32::try_from((low & (u64::MAX >> 2)) % 100).unwrap_or_default()
}

/// Longest `traceHeader`, in bytes (model).
const TRACE_HEADER_BYTES_MAX: usize = 256;

/// The trace that an execution belongs to: the header of the request wins over the member (API
/// reference, "traceHeader"). A header that no member could be is not one.
fn trace_header(call: &Call) -> Option<Text> {
    let header = call.trace_header.as_ref();
    let header = header.filter(|text| text.is_ascii() && text.len() <= TRACE_HEADER_BYTES_MAX);
    header
        .cloned()
        .or_else(|| call.text("traceHeader").map(Text::from))
}

/// A trace that begins with this execution.
fn trace(call: &Call) -> Text {
    let [_, _, _, _, unique @ ..] = Uuid::new_v4().into_bytes();
    TraceContext::beginning(call.now, unique).header()
}

/// `error` and `cause` of a call.
pub(super) fn failure(call: &Call) -> Failure {
    Failure {
        error: call.text("error").map(Text::from),
        cause: call.text("cause").map(Text::from),
    }
}

/// The input of an execution.
pub(super) struct ExecutionInput {
    pub(super) value: Value,
    /// The text as sent, if it is not the compact text of the value.
    text: Option<Text>,
}

impl ExecutionInput {
    pub(super) fn of(text: Option<&str>, bytes_max: usize) -> Result<ExecutionInput, ServiceError> {
        let Some(text) = text else {
            return Ok(ExecutionInput {
                value: Value::empty_object(),
                text: None,
            });
        };
        if text.is_empty() {
            return Err(invalid("Invalid execution input."));
        }
        if text.len() > bytes_max {
            let detail = format!("The input is longer than {bytes_max} bytes of UTF-8.");
            return Err(invalid(&detail));
        }
        let text = Text::from(text);
        let value =
            json::parse_lazy(Arc::clone(&text)).map_err(|error| invalid(&error.message()))?;
        let kept = (!is_compact(&value, &text)).then_some(text);
        Ok(ExecutionInput { value, text: kept })
    }
}

/// Whether `text`, of which `value` was read, is its compact text. Two texts of a value and the
/// same length differ at most in how they escape characters.
fn is_compact(value: &Value, text: &str) -> bool {
    value.size() == text.len() && (!text.contains('\\') || value.to_text() == *text)
}

fn invalid(detail: &str) -> ServiceError {
    let message = format!("Invalid State Machine Execution Input: '{detail}'");
    ServiceError::new("InvalidExecutionInput", message)
}

pub(super) fn start_error(error: &StartError) -> ServiceError {
    match error {
        StartError::AlreadyExists(_) => {
            ServiceError::new("ExecutionAlreadyExists", error.to_string())
        }
        StartError::NotAStateMachine(_) => ServiceError::new("InvalidArn", error.to_string()),
        StartError::Deleting(_) => ServiceError::new("StateMachineDeleting", error.to_string()),
        StartError::LimitExceeded => ServiceError::new("ExecutionLimitExceeded", error.to_string()),
        StartError::Engine(error) => engine_error(error),
    }
}
