//! What a call of TestState asks for, as far as it can be judged without the state.

use asl::event::{Failure, Text};
use asl::query::STATES;
use asl::template::is_variable_name;
use aws::ServiceError;
use aws::mock::Mode;
use json::{Object, Value};

use super::invalid;
use crate::Call;
use crate::states::execution::ExecutionInput;

/// `inspectionLevel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Info,
    /// TRACE adds requests and responses of HTTP Tasks, and nothing to other states.
    Debug,
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) definition: String,
    pub(super) state_name: Option<String>,
    pub(super) role_arn: Option<Text>,
    pub(super) input: Value,
    /// As sent.
    pub(super) input_text: String,
    pub(super) level: Level,
    pub(super) variables: Object,
    pub(super) context: Option<String>,
    pub(super) mock: Option<Mock>,
    /// `stateConfiguration`.
    pub(super) retries: u32,
    pub(super) error_caused_by: Option<String>,
    pub(super) iterations_failed: Option<u64>,
    pub(super) reader_data: Option<Text>,
}

/// `mock`.
#[derive(Debug)]
pub(super) struct Mock {
    pub(super) outcome: Result<Value, Failure>,
    pub(super) mode: Mode,
}

impl Request {
    pub(super) fn of(call: &Call, bytes_max: usize) -> Result<Request, ServiceError> {
        let owned = |member| call.text(member).map(str::to_owned);
        let mock = call.object("mock").map(mock).transpose()?;
        if mock.is_some() && call.flag("revealSecrets") == Some(true) {
            return Err(invalid(
                "TestState does not support RevealSecrets when a mock is specified.",
            ));
        }
        let only_mocked = |is_given: bool, name: &str| match is_given && mock.is_none() {
            false => Ok(()),
            true => Err(invalid(format!(
                "TestState does not support {name} when a mock is not specified."
            ))),
        };
        let context = owned("context");
        only_mocked(context.is_some(), "Context")?;
        let empty = Object::new();
        let configuration = call.object("stateConfiguration").unwrap_or(&empty);
        let count = |name| configuration.get(name).and_then(Value::as_i64);
        let count = |name| count(name).and_then(|count| u64::try_from(count).ok());
        let text = |name| configuration.get(name).and_then(Value::as_str);
        let iterations_failed = count("mapIterationFailureCount");
        only_mocked(iterations_failed.is_some(), "MapIterationFailureCount")?;
        let retries = count("retrierRetryCount").unwrap_or(0);
        let input = ExecutionInput::of(call.text("input"), bytes_max)?;
        Ok(Request {
            definition: call.required("definition")?.to_owned(),
            state_name: owned("stateName"),
            role_arn: call.text("roleArn").map(Text::from),
            input: input.value,
            input_text: owned("input").unwrap_or_else(|| "{}".to_owned()),
            level: match call.text("inspectionLevel") {
                Some("DEBUG" | "TRACE") => Level::Debug,
                _ => Level::Info,
            },
            variables: call
                .text("variables")
                .map_or_else(|| Ok(Object::new()), variables)?,
            context,
            mock,
            retries: u32::try_from(retries).unwrap_or(u32::MAX),
            error_caused_by: text("errorCausedByState").map(str::to_owned),
            iterations_failed,
            reader_data: text("mapItemReaderData").map(Text::from),
        })
    }
}

fn mock(mock: &Object) -> Result<Mock, ServiceError> {
    let mode = match mock.get("fieldValidationMode").and_then(Value::as_str) {
        Some("PRESENT") => Mode::Present,
        Some("NONE") => Mode::None,
        _ => Mode::Strict,
    };
    let result = mock.get("result").and_then(Value::as_str);
    let error = mock.get("errorOutput").and_then(Value::as_object);
    let outcome = match (result, error) {
        (Some(text), None) => Ok(json::parse(text).map_err(|_| not_json())?),
        (None, Some(error)) => {
            let part = |name| error.get(name).and_then(Value::as_str).map(Text::from);
            Err(Failure {
                error: Some(part("error").ok_or_else(nameless)?),
                cause: part("cause"),
            })
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(invalid(
                "A test mock should have only one of the following fields: [result, errorOutput].",
            ));
        }
    };
    Ok(Mock { outcome, mode })
}

/// The API reference says that the error is required, which the model does not (unverified).
fn nameless() -> ServiceError {
    invalid(
        "1 validation error detected: Value null at 'mock.errorOutput.error' failed to satisfy \
         constraint: Member must not be null",
    )
}

fn not_json() -> ServiceError {
    invalid("Mocked result must be valid JSON")
}

/// An object whose members are variables; `states` is reserved for `$states`.
fn variables(text: &str) -> Result<Object, ServiceError> {
    let parsed = json::parse(text).map_err(|error| {
        let problem = error.message();
        invalid(format!("Invalid Variables provided: {problem}"))
    })?;
    let Some(variables) = parsed.as_object() else {
        return Err(invalid("Invalid Variables provided: must be a JSON object"));
    };
    let is_refused = |name: &&str| !is_variable_name(name) || *name == STATES;
    match variables.keys().find(is_refused) {
        None => Ok(variables.clone()),
        Some(name) => Err(invalid(format!(
            "Invalid Variables provided: '{name}' is not a valid variable name"
        ))),
    }
}
