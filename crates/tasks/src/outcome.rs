//! Outcomes, and how AWS's SDK reports a refused call as a Task's error and cause.

use engine::{Failure, TaskCall, TaskOutcome};

use crate::api::Trouble;

/// The error of a Task whose role cannot be taken (recorded).
const NO_ROLE: &str = "States.TaskFailed";

/// The code of a call that the server sent on, and that nobody answered.
const UNANSWERED: &str = "SdkClientException";

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

impl Spelling {
    /// The failure of a call that never reached its service.
    pub(crate) fn unsent(&self, cause: &str) -> TaskOutcome {
        failed(&format!("{}.SdkClientException", self.prefix), cause)
    }

    /// The failure of a call without an answer.
    pub(crate) fn failed(&self, trouble: &Trouble) -> TaskOutcome {
        let refusal = match trouble {
            Trouble::Refused(refusal) => refusal,
            Trouble::NoRole(cause) => return failed(NO_ROLE, cause),
            Trouble::Unsendable(cause) => return self.unsent(cause),
        };
        let error = &refusal.error;
        if error.code == UNANSWERED {
            return self.unsent(&error.message);
        }
        let name = match refusal.is_modelled {
            true => exception(&error.code),
            false => self.unmodelled.to_owned(),
        };
        let cause = format!(
            "{} (Service: {}; Status Code: {}; Error Code: {}; Request ID: {}; Proxy: null)",
            error.message, self.sdk_name, refusal.status, error.code, refusal.request_id
        );
        failed(&format!("{}.{name}", self.prefix), &cause)
    }
}

/// The failure of a call through AWS's SDK for Java 2, where `service` is `Sfn`.
pub(crate) fn sdk_failed(service: &str, trouble: &Trouble) -> TaskOutcome {
    let refusal = match trouble {
        Trouble::Refused(refusal) => refusal,
        Trouble::NoRole(cause) => return failed(NO_ROLE, cause),
        Trouble::Unsendable(cause) => {
            return failed(&format!("{service}.SdkClientException"), cause);
        }
    };
    let name = match refusal.is_modelled {
        true => exception(&refusal.error.code),
        false if refusal.error.code == UNANSWERED => {
            return failed(&format!("{service}.{UNANSWERED}"), &refusal.error.message);
        }
        false => exception(service),
    };
    let cause = format!(
        "{} (Service: {service}, Status Code: {}, Request ID: {}) (SDK Attempt Count: 1)",
        refusal.error.message, refusal.status, refusal.request_id
    );
    failed(&format!("{service}.{name}"), &cause)
}

/// The name of a Java class of errors ends so, whatever the code.
fn exception(code: &str) -> String {
    format!(
        "{}Exception",
        code.strip_suffix("Exception").unwrap_or(code)
    )
}

/// The failure of a task whose parameters make no call.
pub(crate) fn unusable_parameters(call: &TaskCall, problem: &str) -> TaskOutcome {
    let cause = format!(
        "An error occurred while executing the state '{}'. The Parameters '{}' could not be used \
         to start the Task: [{problem}]",
        call.call.state_name, call.call.parameters
    );
    failed("States.Runtime", &cause)
}
