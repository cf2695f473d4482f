//! The Lambda Runtime API: an HTTP server on loopback, one per environment, so that the
//! address alone (`AWS_LAMBDA_RUNTIME_API` is no more than host and port) says which process
//! is calling.
//!
//! The server parses and guards. What a call means depends on where the environment stands,
//! so each call travels to the environment's owner as a value that carries its own reply.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use crate::failure::{Failure, RESPONSE_BYTES_MAX};
use crate::sandbox::listener::Listener;

#[cfg(test)]
mod tests;

/// A runtime keeps one connection, some open one per call; more are a mistake.
const CONNECTIONS_MAX: usize = 16;
/// Calls that wait for the owner; at most one per connection.
const CALLS_MAX: usize = CONNECTIONS_MAX;
/// Bodies in memory at once, each of which may be as large as a result: a runtime has one to post.
const BODIES_MAX: usize = 2;
/// How long to wait when the host has no descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// Of an error that a runtime reports; in a streamed response a trailer.
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
const PREFIX: &str = "/2018-06-01/runtime/";

pub(crate) type Answer = Response<Full<Bytes>>;
pub(crate) type Reply = oneshot::Sender<Answer>;

/// A call of the runtime that got past the guard.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) kind: CallKind,
    pub(crate) reply: Reply,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// `GET invocation/next`
    Next,
    /// `POST invocation/{id}/response`
    Response { request_id: String, posted: Posted },
    /// `POST invocation/{id}/error`
    Error { request_id: String, posted: Posted },
    /// `POST init/error`
    InitError(Posted),
}

/// What a runtime posted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Posted {
    pub(crate) body: Body,
    /// The type of an error, when it stands beside the body.
    pub(crate) error_type: Option<String>,
}

/// The body of a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Whole(Bytes),
    /// More than [`RESPONSE_BYTES_MAX`]; read to its end and not kept.
    TooLarge,
    /// A streamed response whose trailers report an error: the error body.
    Broken(Bytes),
}

/// The listener of one environment. Dropping it ends its connections.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) calls: mpsc::Receiver<Call>,
    acceptor: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

impl Server {
    /// Serves what arrives at the listener of an environment.
    pub(crate) fn start(listener: Listener) -> Server {
        let address = listener.address();
        let (sender, calls) = mpsc::channel(CALLS_MAX);
        let acceptor = tokio::spawn(accept(listener, address, sender)).abort_handle();
        Server {
            address,
            calls,
            acceptor,
        }
    }
}

async fn accept(mut listener: Listener, address: SocketAddr, calls: mpsc::Sender<Call>) {
    let guarded = Arc::new(Guarded {
        host: address.to_string(),
        bodies: Semaphore::new(BODIES_MAX),
    });
    let mut connections = JoinSet::new();
    loop {
        let Ok(stream) = listener.accept().await else {
            // Out of descriptors: the ones in use will be given back.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX || stream.set_nodelay(true).is_err() {
            continue;
        }
        let (guarded, calls) = (Arc::clone(&guarded), calls.clone());
        connections.spawn(async move {
            let service = service_fn(|request| {
                let (guarded, calls) = (Arc::clone(&guarded), calls.clone());
                async move { Ok::<_, Infallible>(serve(request, &guarded, &calls).await) }
            });
            // A connection that breaks is seen by the owner as a process that ends.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// What all connections of an environment are held to.
struct Guarded {
    /// What `Host` has to be.
    host: String,
    bodies: Semaphore,
}

async fn serve(
    request: Request<Incoming>,
    guarded: &Guarded,
    calls: &mpsc::Sender<Call>,
) -> Answer {
    if let Some(refusal) = guard(request.headers(), &guarded.host) {
        return refusal;
    }
    let route = match route(request.method(), request.uri().path()) {
        Ok(route) => route,
        Err(refusal) => return *refusal,
    };
    let (head, body) = request.into_parts();
    // Held until the owner has taken what was read. Nobody closes it.
    let _turn = match route {
        Route::Next => None,
        _ => guarded.bodies.acquire().await.ok(),
    };
    let kind = match route {
        Route::Next => CallKind::Next,
        Route::Response(request_id) => match posted(&head.headers, body).await {
            Ok(posted) => CallKind::Response { request_id, posted },
            Err(refusal) => return refusal,
        },
        Route::Error(request_id) => match posted(&head.headers, body).await {
            Ok(posted) => CallKind::Error { request_id, posted },
            Err(refusal) => return refusal,
        },
        Route::InitError => match posted(&head.headers, body).await {
            Ok(posted) => CallKind::InitError(posted),
            Err(refusal) => return refusal,
        },
    };
    let (reply, answer) = oneshot::channel();
    let gone = || {
        refuse(
            StatusCode::GONE,
            "Runtime.Gone",
            "the environment has ended",
        )
    };
    if calls.send(Call { kind, reply }).await.is_err() {
        return gone();
    }
    answer.await.unwrap_or_else(|_| gone())
}

/// A web page must not be able to talk to a runtime: browsers name the page in `Origin`, and
/// a page that made its own host name point here shows that name in `Host`.
fn guard(headers: &HeaderMap, host: &str) -> Option<Answer> {
    let foreign = headers
        .get(HOST)
        .is_none_or(|given| given.as_bytes() != host.as_bytes());
    // Browsers add `Origin` to some requests and `Sec-Fetch-Site` to all; runtimes send neither.
    if !foreign && !headers.contains_key(ORIGIN) && !headers.contains_key("sec-fetch-site") {
        return None;
    }
    let text = "only the runtime of this environment may call, by its address";
    Some(refuse(StatusCode::FORBIDDEN, "AccessDenied", text))
}

#[derive(Debug, PartialEq, Eq)]
enum Route {
    Next,
    Response(String),
    Error(String),
    InitError,
}

/// The call that a request line names. Extensions, logs, telemetry and snapshots are not
/// offered, as by AWS's own emulator with extensions off: 404.
fn route(method: &Method, path: &str) -> Result<Route, Box<Answer>> {
    let refusal = |status, kind, text: &str| Err(Box::new(refuse(status, kind, text)));
    let rest = path.strip_prefix(PREFIX).unwrap_or_default();
    let parts: Vec<&str> = rest.split('/').collect();
    let (allowed, route) = match parts.as_slice() {
        ["invocation", "next"] => (Method::GET, Route::Next),
        ["invocation", id, "response"] => (Method::POST, Route::Response((*id).to_string())),
        ["invocation", id, "error"] => (Method::POST, Route::Error((*id).to_string())),
        ["init", "error"] => (Method::POST, Route::InitError),
        _ => {
            return refusal(
                StatusCode::NOT_FOUND,
                "NotFound",
                "no call of the Runtime API",
            );
        }
    };
    if *method != allowed {
        let text = format!("this call is a {allowed}");
        return refusal(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", &text);
    }
    Ok(route)
}

async fn posted(headers: &HeaderMap, body: Incoming) -> Result<Posted, Answer> {
    let body = read(body).await?;
    let error_type = headers.get(ERROR_TYPE);
    Ok(Posted {
        body,
        error_type: error_type.map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned()),
    })
}

/// Reads a body to its end, so that the runtime can read the answer, keeping no more of it
/// than a function may answer.
async fn read(mut body: Incoming) -> Result<Body, Answer> {
    let mut chunks: Vec<Bytes> = Vec::new();
    let mut bytes = 0usize;
    let mut broken = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            refuse(
                StatusCode::BAD_REQUEST,
                "InvalidRequest",
                "the body broke off",
            )
        })?;
        match frame.into_data() {
            Ok(data) => {
                bytes = bytes.saturating_add(data.len());
                if bytes > RESPONSE_BYTES_MAX {
                    chunks.clear();
                } else {
                    chunks.push(data);
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    broken = trailing_error(&trailers);
                }
            }
        }
    }
    if let Some(error) = broken {
        return Ok(Body::Broken(error));
    }
    if bytes > RESPONSE_BYTES_MAX {
        return Ok(Body::TooLarge);
    }
    Ok(Body::Whole(match chunks.as_mut_slice() {
        // The usual small body arrives in one piece and is not copied.
        [only] => std::mem::take(only),
        _ => chunks.concat().into(),
    }))
}

/// The error that a streaming runtime reports after part of its response.
fn trailing_error(trailers: &HeaderMap) -> Option<Bytes> {
    let error_type = trailers.get(ERROR_TYPE)?;
    let body = trailers
        .get("lambda-runtime-function-error-body")
        .and_then(|encoded| BASE64_STANDARD.decode(encoded.as_bytes()).ok());
    Some(match body {
        Some(body) => body.into(),
        None => error_body(&String::from_utf8_lossy(error_type.as_bytes()), ""),
    })
}

#[derive(Serialize)]
struct ApiError<'a> {
    #[serde(rename = "errorMessage")]
    message: &'a str,
    #[serde(rename = "errorType")]
    error_type: &'a str,
}

fn error_body(error_type: &str, message: &str) -> Bytes {
    // Two strings always serialise.
    serde_json::to_vec(&ApiError {
        message,
        error_type,
    })
    .unwrap_or_default()
    .into()
}

fn answer(status: StatusCode, body: Bytes) -> Answer {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) fn accepted() -> Answer {
    answer(
        StatusCode::ACCEPTED,
        Bytes::from_static(b"{\"status\":\"OK\"}\n"),
    )
}

pub(crate) fn refuse(status: StatusCode, error_type: &str, message: &str) -> Answer {
    answer(status, error_body(error_type, message))
}

pub(crate) fn invalid_request_id() -> Answer {
    refuse(
        StatusCode::BAD_REQUEST,
        "InvalidRequestID",
        "Invalid request ID",
    )
}

pub(crate) fn too_large() -> Answer {
    let text = format!("Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes).");
    refuse(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestEntityTooLarge",
        &text,
    )
}

/// A call that does not fit where the environment stands. Both names are those of AWS's
/// public runtime emulator.
pub(crate) fn invalid_transition(from: &str, to: &str) -> Answer {
    let text = format!(
        "State transition from {from} to {to} failed for runtime. \
         Error: State transition is not allowed"
    );
    refuse(StatusCode::FORBIDDEN, "InvalidStateTransition", &text)
}

/// An event on its way to the runtime.
pub(crate) struct Event<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) deadline_ms: i64,
    pub(crate) invoked_arn: &'a str,
    pub(crate) trace_id: &'a str,
    pub(crate) client_context: Option<&'a str>,
    pub(crate) payload: Bytes,
}

/// The answer to `next`.
pub(crate) fn deliver(event: Event<'_>) -> Answer {
    let mut response = answer(StatusCode::OK, event.payload);
    let deadline = event.deadline_ms.to_string();
    let headers = [
        ("lambda-runtime-aws-request-id", Some(event.request_id)),
        ("lambda-runtime-deadline-ms", Some(deadline.as_str())),
        (
            "lambda-runtime-invoked-function-arn",
            Some(event.invoked_arn),
        ),
        ("lambda-runtime-trace-id", Some(event.trace_id)),
        ("lambda-runtime-client-context", event.client_context),
    ];
    for (name, value) in headers {
        // Line breaks between members of the context mean nothing in JSON.
        let value = value.map(|value| value.replace(|c: char| c.is_ascii_control(), " "));
        if let Some(Ok(value)) = value.map(|value| HeaderValue::from_bytes(value.as_bytes())) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

impl Posted {
    /// The result of an invocation, and what the runtime is told.
    pub(crate) fn into_answer(self) -> (Result<Bytes, Failure>, Answer) {
        match self.body {
            Body::Whole(body) => (Ok(body), accepted()),
            Body::Broken(body) => (Err(Failure::reported(body, None)), accepted()),
            Body::TooLarge => (Err(Failure::response_too_large()), too_large()),
        }
    }

    /// The error of an invocation or of a runtime, and what that is told.
    pub(crate) fn into_error(self) -> (Failure, Answer) {
        match self.body {
            Body::Whole(body) | Body::Broken(body) => {
                let failure = Failure::reported(body, self.error_type.as_deref());
                (failure, accepted())
            }
            Body::TooLarge => (Failure::response_too_large(), too_large()),
        }
    }
}
