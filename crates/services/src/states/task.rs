//! SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat.

use asl::token::TaskToken;
use aws::ServiceError;
use engine::TokenError;

use super::execution::failure;
use super::{States, engine_error};
use crate::{Answer, Call};

impl States {
    pub(super) async fn send_task_success(&self, call: &Call) -> Result<Answer, ServiceError> {
        // Recorded: what is no token is refused before the output is looked at.
        let token = task_token(call)?;
        let output = call.required("output")?;
        if output.len() > self.payload_bytes_max {
            let detail = format!(
                "The output is longer than {} bytes of UTF-8.",
                self.payload_bytes_max
            );
            return Err(invalid_output(&detail));
        }
        let output =
            json::parse_lazy(output.into()).map_err(|error| invalid_output(&error.message()))?;
        answered(self.engine.task_succeeded(token, output).await)
    }

    pub(super) async fn send_task_failure(&self, call: &Call) -> Result<Answer, ServiceError> {
        let token = task_token(call)?;
        answered(self.engine.task_failed(token, failure(call)).await)
    }

    pub(super) async fn send_task_heartbeat(&self, call: &Call) -> Result<Answer, ServiceError> {
        answered(self.engine.task_heartbeat(task_token(call)?).await)
    }
}

/// The token of a call. One of another account or Region is none (API reference of SendTaskSuccess:
/// "The tokens won't work if sent from principals in a different AWS account").
fn task_token(call: &Call) -> Result<&str, ServiceError> {
    let text = call.required("taskToken")?;
    let is_here = |token: &TaskToken| {
        let arn = &*token.execution_arn;
        engine::arn::account(arn) == &*call.account && engine::arn::region(arn) == &*call.region
    };
    match asl::token::read(text) {
        Some(token) if is_here(&token) => Ok(text),
        _ => Err(ServiceError::new(
            "InvalidToken",
            TokenError::Invalid.to_string(),
        )),
    }
}

fn invalid_output(detail: &str) -> ServiceError {
    ServiceError::new("InvalidOutput", format!("Invalid Output: '{detail}'"))
}

fn answered(result: Result<(), TokenError>) -> Result<Answer, ServiceError> {
    let error = match result {
        Ok(()) => return Ok(Answer::empty()),
        Err(error) => error,
    };
    let code = match &error {
        TokenError::Invalid => "InvalidToken",
        TokenError::TimedOut => "TaskTimedOut",
        TokenError::DoesNotExist => "TaskDoesNotExist",
        TokenError::Engine(error) => return Err(engine_error(error)),
    };
    Err(ServiceError::new(code, error.to_string()))
}
