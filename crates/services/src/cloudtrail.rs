//! CloudTrail, as far as it reads the audit log: LookupEvents.

mod lookup;
pub(crate) mod needs;

use std::sync::Arc;

use aws::ServiceError;

use crate::trail::Trail;
use crate::{Answer, Call};

/// Reads the audit log of an account.
pub struct CloudTrail {
    trail: Arc<Trail>,
}

impl CloudTrail {
    pub(crate) fn new(trail: Arc<Trail>) -> CloudTrail {
        CloudTrail { trail }
    }

    /// Runs one operation. `None` when it is not served.
    pub(crate) async fn handle(
        &self,
        operation: &str,
        call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        Some(match operation {
            "LookupEvents" => self.lookup_events(call).await,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
