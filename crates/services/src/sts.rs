//! The Security Token Service: who is calling. Sessions come with identity.

use aws::ServiceError;
use json::ObjectBuilder;

use crate::{Answer, Call};

/// Runs one operation. `None` when it is not served.
pub fn handle(operation: &str, call: &Call) -> Option<Result<Answer, ServiceError>> {
    match operation {
        "GetCallerIdentity" => Some(Ok(get_caller_identity(call))),
        _ => None,
    }
}

fn get_caller_identity(call: &Call) -> Answer {
    // The administrator of an account is its root user, whose id is the account's (STS API
    // reference, "UserId"); a role session names the session in its ARN.
    let user_id = match call.caller_arn.split_once(":assumed-role/") {
        Some((_, session)) => session.replace('/', ":"),
        None => call.account.to_string(),
    };
    ObjectBuilder::new()
        .add("UserId", user_id.as_str())
        .add("Account", &*call.account)
        .add("Arn", &*call.caller_arn)
        .into()
}

#[cfg(test)]
mod tests;
