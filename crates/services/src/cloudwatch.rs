//! CloudWatch's metrics: what is put by callers and what the server measures itself. Alarms,
//! dashboards and all else are not served.

pub(crate) mod needs;

use std::sync::Arc;

use aws::ServiceError;

use crate::metrics::Metrics;
use crate::{Answer, Call};

/// The metrics of all accounts and Regions.
pub struct CloudWatch {
    metrics: Arc<Metrics>,
}

impl CloudWatch {
    pub(crate) fn new(metrics: Arc<Metrics>) -> CloudWatch {
        CloudWatch { metrics }
    }

    /// Runs one operation. `None` when it is not served.
    pub(crate) async fn handle(
        &self,
        operation: &str,
        call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        let _ = (&self.metrics, operation, call);
        None
    }
}
