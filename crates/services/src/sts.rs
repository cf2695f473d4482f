//! The Security Token Service: who is calling, and temporary credentials.

pub(crate) mod needs;
pub mod session;
mod tags;

use std::sync::Arc;

use aws::ServiceError;
use json::ObjectBuilder;
use outbound::Fetch;

use crate::{Answer, Call, Foundations, Identity};

/// STS over the directory of IAM.
pub struct Sts {
    identity: Identity,
    outbound: Arc<dyn Fetch>,
}

impl Sts {
    pub(crate) fn new(foundations: &Foundations) -> Sts {
        Sts {
            identity: foundations.identity.clone(),
            outbound: Arc::clone(&foundations.outbound),
        }
    }

    /// Runs one operation. `None` when it is not served.
    pub(crate) async fn handle(
        &self,
        operation: &str,
        call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        let _ = (&self.identity, &self.outbound);
        match operation {
            "GetCallerIdentity" => Some(Ok(get_caller_identity(call))),
            _ => None,
        }
    }
}

fn get_caller_identity(call: &Call) -> Answer {
    ObjectBuilder::new()
        .add("UserId", &*call.caller.principal.user_id())
        .add("Account", &*call.account)
        .add("Arn", &*call.caller.arn())
        .into()
}
