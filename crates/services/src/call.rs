//! One decoded call, and what an operation answers.

use std::net::IpAddr;
use std::sync::Arc;

use asl::time::Timestamp;
use aws::constraint::Violation;
use aws::{Service, ServiceError};
use bytes::Bytes;
use http::HeaderValue;
use json::{Object, ObjectBuilder, Value};

use crate::access::Caller;

/// A call as an operation sees it.
#[derive(Clone, Debug)]
pub struct Call {
    pub service: Service,
    /// As the model names it: `StartExecution`.
    pub operation: &'static str,
    /// The account the call is made in.
    pub account: Arc<str>,
    /// The region the call is signed for.
    pub region: Arc<str>,
    pub caller: Caller,
    pub client: Client,
    /// The id of the answer's request-id header.
    pub request_id: Arc<str>,
    pub now: Timestamp,
    /// Members by their model names. Types are right; [`Call::violations`] tells what else isn't.
    pub input: Value,
    /// The payload of an operation that takes one beside its members (Invoke).
    pub body: Option<Bytes>,
    /// Constraints of the model that the input breaks, in the order of its members.
    pub violations: Vec<Violation>,
    /// The test case of a mock file that an execution is started under (`...stateMachine:Name#Case`
    /// where the server has mocks); the door took it off the ARN and knows it.
    pub mock_case: Option<Arc<str>>,
    /// The attempt of a Task that makes this call: its execution's ARN, `#`, the id of its
    /// Scheduled event. `None` for a call from outside.
    pub attempt: Option<Arc<str>>,
    /// The header `X-Amzn-Trace-Id`, which wins over a member `traceHeader`.
    pub trace_header: Option<Arc<str>>,
}

/// Where a call comes from, as condition keys and the audit log see it. Nothing of it is known of a
/// call within the process.
#[derive(Clone, Debug, Default)]
pub struct Client {
    pub address: Option<IpAddr>,
    pub user_agent: Option<HeaderValue>,
    pub referer: Option<HeaderValue>,
}

impl Call {
    /// A string member.
    pub fn text(&self, member: &str) -> Option<&str> {
        self.input.get(member).and_then(Value::as_str)
    }

    /// A string member that the model requires.
    pub fn required(&self, member: &str) -> Result<&str, ServiceError> {
        self.text(member).ok_or_else(|| {
            // The model's constraints catch this first; a model without them would end here.
            ServiceError::new(
                "ValidationException",
                format!("the member `{member}` is missing"),
            )
        })
    }

    /// A whole number.
    pub fn integer(&self, member: &str) -> Option<i64> {
        self.input.get(member).and_then(Value::as_i64)
    }

    pub fn flag(&self, member: &str) -> Option<bool> {
        self.input.get(member).and_then(Value::as_bool)
    }

    /// The elements of a list; none when it is absent.
    pub fn list(&self, member: &str) -> &[Value] {
        self.input
            .get(member)
            .and_then(Value::as_array)
            .unwrap_or_default()
    }

    pub fn object(&self, member: &str) -> Option<&Object> {
        self.input.get(member).and_then(Value::as_object)
    }
}

/// What an operation gives back.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Members by their model names.
    pub members: Value,
    /// The payload of an operation that answers one beside its members (Invoke).
    pub body: Option<Bytes>,
    /// What an invocation was served by; for callers within the process.
    pub function: Option<Value>,
    /// Headers that the model does not have and AWS sends all the same; names in lower case.
    pub headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// An answer without members.
    pub fn empty() -> Answer {
        Object::new().into()
    }
}

impl From<Object> for Answer {
    fn from(members: Object) -> Answer {
        Answer {
            members: members.into(),
            body: None,
            function: None,
            headers: Vec::new(),
        }
    }
}

impl From<&mut ObjectBuilder> for Answer {
    fn from(builder: &mut ObjectBuilder) -> Answer {
        builder.build().into()
    }
}

/// Seconds since the epoch with milliseconds, as timestamps travel in [`Answer::members`].
pub fn epoch_seconds(time: Timestamp) -> Value {
    aws::time::epoch_seconds(time.0)
}
