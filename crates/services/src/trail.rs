//! The audit log: who did what on what, and why something was denied. Append-only.

use std::sync::Arc;

use aws::ServiceError;
use aws::iam::{Attached, Explanation, Source};
use json::Value;

use crate::Call;
use crate::access::{Facts, Need};

/// One audited call.
#[derive(Clone, Debug)]
pub struct Event {
    pub account: Arc<str>,
    pub region: Arc<str>,
    pub time_ms: i64,
    /// The CloudTrail record but for `eventID` (which is its place in the log) and `eventTime`.
    pub record: Value,
}

/// What the door knows of a call once it is answered.
#[derive(Clone, Copy, Debug)]
pub struct Audited<'c> {
    pub call: &'c Call,
    pub facts: Facts,
    /// What it needed: their resources are the event's.
    pub needs: &'c [Need],
    /// The members of the answer, or the error.
    pub outcome: Result<&'c Value, &'c ServiceError>,
    /// Of a denied call.
    pub authorization_id: Option<&'c str>,
}

impl Event {
    /// The record of a call: names, never payloads or secrets.
    #[must_use]
    pub fn of(audited: &Audited<'_>) -> Event {
        let call = audited.call;
        Event {
            account: Arc::clone(&call.account),
            region: Arc::clone(&call.region),
            time_ms: call.now.0,
            record: Value::empty_object(),
        }
    }
}

/// A policy that was looked at, as it was then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub source: Source,
    /// JSON, as it was written.
    pub document: Arc<str>,
}

impl From<&Attached> for Seen {
    fn from(attached: &Attached) -> Seen {
        Seen {
            source: attached.source.clone(),
            document: Arc::clone(attached.policy.document()),
        }
    }
}

/// A denied call with everything that explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The principal's account.
    pub account: Arc<str>,
    pub region: Arc<str>,
    pub time_ms: i64,
    pub caller_arn: Arc<str>,
    pub request_id: Arc<str>,
    /// `states:StartExecution` as the caller called it.
    pub operation: Arc<str>,
    pub need: Need,
    /// The condition keys of the request, those of the need among them.
    pub context: aws::iam::Context,
    pub explanation: Explanation,
    /// The policies that were looked at, with their documents at that time.
    pub policies: Vec<Seen>,
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

    /// The denial with this id that happened in this account and Region; `None` when there is none
    /// (any more).
    ///
    /// # Errors
    /// When the log can't be read.
    pub async fn denial(
        &self,
        account: &str,
        region: &str,
        id: &str,
    ) -> Result<Option<Denial>, ServiceError> {
        let _ = (&self.lines, account, region, id);
        Ok(None)
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
