//! The Security Token Service: who is calling. Sessions come with identity.

pub(crate) mod needs;
pub mod session;
mod tags;

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
    ObjectBuilder::new()
        .add("UserId", &*call.caller.principal.user_id())
        .add("Account", &*call.account)
        .add("Arn", &*call.caller.arn())
        .into()
}

#[cfg(test)]
mod tests;
