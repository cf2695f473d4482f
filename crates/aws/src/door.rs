//! The one door: AWS bytes in, AWS bytes out, and who is calling.
//!
//! Every call takes the same path (route, authenticate, decode, authorise, handle, encode), whether
//! it came over a socket or from a workflow's own task. `server` implements [`Door`]; `tasks`,
//! `services` and `deploy` meet there and nowhere else.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::method::Method;
use json::Value;

use crate::arn::Arn;

/// The future every [`Door`] answers with.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Response> + Send + 'a>>;

/// Takes any AWS call.
pub trait Door: Send + Sync {
    /// Answers `request` made by `caller`.
    ///
    /// Once the future is ready the call is over: what it acknowledges is durable, and a refusal
    /// has had no effect. It never fails otherwise; trouble of any kind is an AWS error response.
    fn call(&self, caller: Caller, request: Request) -> Answer<'_>;
}

/// Who makes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The request came over a socket and is who its signature says; an unsigned one is anonymous.
    Signed {
        /// Address of the other end, for `aws:SourceIp`; none for a call from within.
        peer: Option<IpAddr>,
        /// The attempt of a Task that calls with its own credentials, as below.
        attempt: Option<String>,
    },
    /// An in-process call under a role, as if signed with credentials of a session of it: the tasks
    /// of an execution.
    /// Such a request carries no signature.
    Role {
        role_arn: Arn,
        /// Name of the session, seen by policies and in the ARN
        /// `arn:aws:sts::A:assumed-role/<role>/<session>`.
        session_name: String,
        /// Region the call goes to.
        region: String,
        /// Account the call is made in, normally that of the role.
        account: String,
        /// The resource on whose behalf the service acts (`aws:SourceArn`): the state machine of
        /// the execution.
        source_arn: Option<Arn>,
        /// The attempt that makes the call: the execution's ARN, `#`, the id of its Scheduled
        /// event. Our own services treat a call of an attempt they know as the same call.
        attempt: Option<String>,
    },
    /// An in-process call by a service of its own accord, such as the delivery of an asynchronous
    /// invocation.
    Service {
        /// Service principal, as `events.amazonaws.com`.
        principal: String,
        region: String,
        account: String,
        source_arn: Option<Arn>,
    },
}

impl Caller {
    /// Whoever sent a request over a socket.
    #[must_use]
    pub fn over_socket(peer: IpAddr) -> Caller {
        Caller::Signed {
            peer: Some(peer),
            attempt: None,
        }
    }

    /// The attempt of a Task that makes the call.
    #[must_use]
    pub fn attempt(&self) -> Option<&str> {
        match self {
            Caller::Role { attempt, .. } | Caller::Signed { attempt, .. } => attempt.as_deref(),
            Caller::Service { .. } => None,
        }
    }
}

/// An HTTP request as AWS services see it.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// Path and query as on the request line, still percent-encoded: signatures are over these very
    /// bytes.
    pub uri: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    /// A request for `uri` (path and query) with no headers and an empty body.
    #[must_use]
    pub fn new(method: Method, uri: impl Into<String>) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Request {
            method,
            uri: uri.into(),
            headers,
            body,
        }
    }

    /// Path of the URI, percent-encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        self.uri
            .split_once('?')
            .map_or(self.uri.as_str(), |(path, _)| path)
    }

    /// Query of the URI without the `?`, percent-encoded; empty if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.uri.split_once('?').map_or("", |(_, query)| query)
    }

    /// First value of header `name` (lower case), if it is visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        text(&self.headers, name)
    }
}

/// An HTTP response as AWS services give it.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Never sent over a socket.
    pub served: Option<Box<Served>>,
}

/// What a caller within the process learns beside the answer: what its call was served by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Served {
    /// The function that was invoked: its version, the digest of its code, and where it logged.
    pub function: Option<Value>,
    /// The policies of the role that called, with their versions.
    pub role_policies: Option<Value>,
}

impl Response {
    /// A response without headers.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Response {
            status,
            headers: HeaderMap::new(),
            body: body.into(),
            served: None,
        }
    }

    /// First value of header `name` (lower case), if it is visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        text(&self.headers, name)
    }

    /// Whether the status is one of the 200s.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// Sets header `name` to `value`; a value that may not stand in a header (a line break, say) is
/// refused.
///
/// # Errors
/// The offending name.
pub(crate) fn set(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), BadHeader> {
    let bad = || BadHeader {
        name: name.to_owned(),
    };
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
    headers.insert(key, HeaderValue::from_str(value).map_err(|_| bad())?);
    Ok(())
}

/// A header whose name or value HTTP doesn't allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("header `{name}`: line breaks and control characters are not allowed, remove them")]
pub struct BadHeader {
    pub name: String,
}
