//! Outcomes, and how AWS's SDK reports a refused call as a Task's error and cause.

use aws::ServiceError;
use engine::{Failure, TaskOutcome};

/// A failure with both parts.
pub(crate) fn failed(error: &str, cause: &str) -> TaskOutcome {
    TaskOutcome::Failed(Failure {
        error: Some(error.into()),
        cause: Some(cause.into()),
    })
}

/// How an optimised integration spells its service in errors (spec: "Error and cause format").
pub(crate) struct Spelling {
    /// Before the dot of the error: `Lambda`.
    pub prefix: &'static str,
    /// The SDK's name of the service: `AWSLambda`.
    pub sdk_name: &'static str,
    /// The error of a code that the service's model does not have.
    pub unmodelled: &'static str,
}

/// The failure of a call that the service answered with an error.
pub(crate) fn refused(
    spelling: &Spelling,
    error: &ServiceError,
    is_modelled: bool,
    status: u16,
    request_id: &str,
) -> TaskOutcome {
    let name = match error.code.strip_suffix("Exception") {
        _ if !is_modelled => spelling.unmodelled.to_owned(),
        Some(_) => error.code.to_string(),
        None => format!("{}Exception", error.code),
    };
    let cause = format!(
        "{} (Service: {}; Status Code: {status}; Error Code: {}; Request ID: {request_id}; \
         Proxy: null)",
        error.message, spelling.sdk_name, error.code
    );
    failed(&format!("{}.{name}", spelling.prefix), &cause)
}
