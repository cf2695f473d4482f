//! What explains denials: the API `iam-toolbox` of IAM.

pub(crate) mod needs;

use std::sync::Arc;

use aws::ServiceError;

use crate::trail::Trail;
use crate::{Answer, Call};

/// Reads the denials of an account.
pub struct Toolbox {
    trail: Arc<Trail>,
}

impl Toolbox {
    pub(crate) fn new(trail: Arc<Trail>) -> Toolbox {
        Toolbox { trail }
    }

    /// Runs one operation. `None` when it is not served.
    pub(crate) async fn handle(
        &self,
        operation: &str,
        call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        let _ = (&self.trail, operation, call);
        None
    }
}
