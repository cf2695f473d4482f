//! Functions that are called elsewhere: at AWS, or at any endpoint that speaks Lambda's API.
//!
//! The call has been authorised here like any other, as whoever makes it. It is then signed with
//! the credentials of the setting, or with those of the caller's role as the other side gives it
//! out, and sent as it is; what the other side answers comes back as it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws::iam::Principal;
use aws::protocol::{self, Output};
use aws::sigv4::{self, Credentials};
use aws::{Model, Operation, Request, Response, Service, ServiceError};
use bytes::Bytes;
use json::{ObjectBuilder, Value};
use outbound::Fetch;
use parking_lot::Mutex;

use super::address::Address;
use crate::{Answer, Call};

/// Longer than a function may run (900 s), so that its own time-out comes first.
const TIMEOUT: Duration = Duration::from_secs(910);
/// Of an answer: the largest result with room for an error around it.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// Of a call to STS.
const ASSUME_TIMEOUT: Duration = Duration::from_secs(30);
const ASSUMED_BYTES_MAX: usize = 64 << 10;
/// Sessions kept, some 2 KiB each; beyond, all are asked for again.
const SESSIONS_MAX: usize = 1_000;
/// A session that ends sooner is replaced, so that none ends on the way.
const LIFE_MS_MIN: i64 = 5 * 60 * 1_000;
/// Headers of an answer that the model does not have and that come back all the same.
const HEADERS: [&str; 3] = [
    "content-type",
    "x-amzn-remapped-content-length",
    "x-amzn-trace-id",
];

/// Functions that are called at another endpoint.
#[derive(Clone)]
pub struct RemoteFunction {
    /// A name or an unqualified ARN; each `*` in it stands for any text.
    pub function: String,
    /// `https://lambda.eu-west-1.amazonaws.com`.
    pub endpoint: String,
    pub identity: RemoteIdentity,
    /// What calls are signed with.
    pub keys: RemoteKeys,
    /// The function's name or ARN there, where it is another than here.
    pub function_name: Option<String>,
    /// The Region that calls are signed for, where it is another than here.
    pub region: Option<String>,
}

/// Who calls there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteIdentity {
    /// Whoever the keys belong to.
    Fixed,
    /// The role that calls here, which the keys assume there.
    Role {
        /// `https://sts.eu-west-1.amazonaws.com`.
        sts_endpoint: String,
    },
}

/// An access key of the other side.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteKeys {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

impl std::fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RemoteKeys({}, ..)", self.access_key_id)
    }
}

impl RemoteKeys {
    fn credentials(&self) -> Credentials<'_> {
        Credentials {
            access_key_id: &self.access_key_id,
            secret_access_key: &self.secret_access_key,
            session_token: self.session_token.as_deref(),
        }
    }
}

/// All remote functions, and the sessions for those that are called as a role.
pub(super) struct Remotes {
    functions: Vec<RemoteFunction>,
    outbound: Arc<dyn Fetch>,
    /// By endpoint and role.
    sessions: Mutex<HashMap<(String, String), (RemoteKeys, i64)>>,
}

/// An operation of a model, and where it is called.
struct Target<'t> {
    endpoint: &'t str,
    region: &'t str,
    model: &'static Model,
    operation: &'static Operation,
}

impl Remotes {
    pub(super) fn new(functions: Vec<RemoteFunction>, outbound: Arc<dyn Fetch>) -> Remotes {
        Remotes {
            functions,
            outbound,
            sessions: Mutex::default(),
        }
    }

    /// The first setting whose pattern is that of the function.
    pub(super) fn find(&self, address: &Address) -> Option<&RemoteFunction> {
        if self.functions.is_empty() {
            return None;
        }
        let arn = address.arn();
        let mut functions = self.functions.iter();
        functions.find(|remote| {
            let text = match remote.function.starts_with("arn:") {
                true => &arn,
                false => &address.name,
            };
            matches(&remote.function, text)
        })
    }

    /// Sends an invocation on.
    pub(super) async fn invoke(
        &self,
        remote: &RemoteFunction,
        address: &Address,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let region = remote.region.as_deref().unwrap_or(&call.region);
        let target = Target::of(Service::Lambda, "Invoke", &remote.endpoint, region)?;
        let mut members = ObjectBuilder::new();
        let name = remote.function_name.as_deref().unwrap_or(&address.name);
        members.add("FunctionName", name);
        if let Some(qualifier) = &address.qualifier {
            members.add("Qualifier", qualifier.as_str());
        }
        for member in ["InvocationType", "LogType", "ClientContext"] {
            if let Some(text) = call.text(member) {
                members.add(member, text);
            }
        }
        let mut request = target.request(&members.build().into(), call.body.as_ref())?;
        if let Some(trace) = &call.trace_header {
            insert(&mut request, "x-amzn-trace-id", trace)?;
        }
        let keys = self.keys(remote, region, call).await?;
        let response = self
            .send(
                &target,
                request,
                &keys,
                call.now.0,
                (TIMEOUT, ANSWER_BYTES_MAX),
            )
            .await?;
        let headers = HEADERS.into_iter().filter_map(|name| {
            let value = response.header(name)?;
            Some((name, value.to_owned()))
        });
        let headers = headers.collect();
        let Output { members, body } = target.answer(&response)?;
        Ok(Answer {
            members,
            body,
            headers,
            ..Answer::default()
        })
    }

    /// What the call is signed with.
    async fn keys(
        &self,
        remote: &RemoteFunction,
        region: &str,
        call: &Call,
    ) -> Result<RemoteKeys, ServiceError> {
        let RemoteIdentity::Role { sts_endpoint } = &remote.identity else {
            return Ok(remote.keys.clone());
        };
        let Principal::Role(session) = &*call.caller.principal else {
            let text = format!(
                "the function is called at `{}` as the role of whoever calls, and `{}` is no role",
                remote.endpoint,
                call.caller.arn()
            );
            return Err(ServiceError::new("AccessDeniedException", text).with_status(403));
        };
        let kept = (sts_endpoint.clone(), session.role_arn.to_string());
        let now_ms = call.now.0;
        let known = self.sessions.lock().get(&kept).cloned();
        if let Some((keys, expires_ms)) = known
            && expires_ms.saturating_sub(now_ms) >= LIFE_MS_MIN
        {
            return Ok(keys);
        }
        let target = Target::of(Service::Sts, "AssumeRole", sts_endpoint, region)?;
        let members = ObjectBuilder::new()
            .add("RoleArn", &*session.role_arn)
            .add("RoleSessionName", &*session.session_name)
            .build();
        let request = target.request(&members.into(), None)?;
        let bounds = (ASSUME_TIMEOUT, ASSUMED_BYTES_MAX);
        let response = self
            .send(&target, request, &remote.keys, now_ms, bounds)
            .await?;
        let output = target.answer(&response).map_err(|error| {
            let text = format!(
                "the role `{}` cannot be assumed at `{sts_endpoint}`: {}",
                session.role_arn, error.message
            );
            ServiceError::new("AccessDeniedException", text).with_status(403)
        })?;
        let (keys, expires_ms) = assumed(&output.members).ok_or_else(|| {
            transport(&format!(
                "the answer of `{sts_endpoint}` to AssumeRole has no credentials"
            ))
        })?;
        let mut sessions = self.sessions.lock();
        if sessions.len() >= SESSIONS_MAX {
            sessions.clear();
        }
        sessions.insert(kept, (keys.clone(), expires_ms));
        Ok(keys)
    }

    /// Signs a request and sends it.
    async fn send(
        &self,
        target: &Target<'_>,
        mut request: Request,
        keys: &RemoteKeys,
        now_ms: i64,
        (timeout, body_bytes_max): (Duration, usize),
    ) -> Result<Response, ServiceError> {
        let host = authority(target.endpoint)
            .ok_or_else(|| transport(&format!("`{}` is no URL", target.endpoint)))?;
        insert(&mut request, "host", host)?;
        let service = &target.model.signing_name;
        sigv4::sign(
            &mut request,
            &keys.credentials(),
            target.region,
            service,
            now_ms,
        )
        .map_err(|error| transport(&error.to_string()))?;
        let url = format!("{}{}", target.endpoint.trim_end_matches('/'), request.uri);
        let outgoing = outbound::Request {
            method: request.method,
            url,
            headers: request.headers,
            body: request.body,
            timeout,
            body_bytes_max,
            thumbprints: Vec::new(),
        };
        let answered = self.outbound.fetch(outgoing).await;
        let answered = answered.map_err(|error| transport(&error.to_string()))?;
        let mut response = Response::new(answered.status, answered.body);
        response.headers = answered.headers;
        Ok(response)
    }
}

impl<'t> Target<'t> {
    fn of(
        service: Service,
        operation: &str,
        endpoint: &'t str,
        region: &'t str,
    ) -> Result<Target<'t>, ServiceError> {
        let unsendable = |text: String| ServiceError::new("ServiceException", text);
        let model = service.model().map_err(|e| unsendable(e.to_string()))?;
        let operation = model
            .operation(operation)
            .ok_or_else(|| unsendable(format!("the model has no {operation}")))?;
        Ok(Target {
            endpoint,
            region,
            model,
            operation,
        })
    }

    fn request(&self, members: &Value, body: Option<&Bytes>) -> Result<Request, ServiceError> {
        protocol::encode_request(self.model, self.operation, members, body)
            .map_err(|error| transport(&error.to_string()))
    }

    /// What a response says; the other side's error with its status.
    fn answer(&self, response: &Response) -> Result<Output, ServiceError> {
        protocol::decode_response(self.model, self.operation, response)
            .map_err(|error| error.with_status(response.status))
    }
}

/// The credentials of AssumeRole's answer, and when they end.
fn assumed(members: &Value) -> Option<(RemoteKeys, i64)> {
    let credentials = members.get("Credentials")?;
    let text = |member| Some(credentials.get(member)?.as_str()?.to_owned());
    let keys = RemoteKeys {
        access_key_id: text("AccessKeyId")?,
        secret_access_key: text("SecretAccessKey")?,
        session_token: Some(text("SessionToken")?),
    };
    let expires_ms = aws::time::epoch_ms(credentials.get("Expiration")?)?;
    Some((keys, expires_ms))
}

/// Host and port of an endpoint.
fn authority(endpoint: &str) -> Option<&str> {
    let (_, rest) = endpoint.split_once("://")?;
    rest.split('/').next().filter(|host| !host.is_empty())
}

fn insert(request: &mut Request, name: &'static str, value: &str) -> Result<(), ServiceError> {
    let value = value
        .parse()
        .map_err(|_| transport(&format!("`{value}` can't stand in the header `{name}`")))?;
    request.headers.insert(name, value);
    Ok(())
}

/// What AWS's SDKs say of a request without an answer. The code is theirs: no service answers it.
fn transport(cause: &str) -> ServiceError {
    let text = format!("Unable to execute HTTP request: {cause}");
    ServiceError::new("SdkClientException", text).with_status(502)
}

/// Whether a pattern, in which `*` stands for any text, is that of a text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests;
