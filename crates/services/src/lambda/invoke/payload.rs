//! What an invocation brings: the event, the client's context, the trace.

use aws::ServiceError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use uuid::Uuid;

use crate::Call;

/// Bytes of a synchronous event (Lambda quotas).
const EVENT_BYTES_MAX: usize = 6_291_456;
/// Bytes of an event that is delivered later (Lambda quotas).
pub(in crate::lambda) const ASYNC_EVENT_BYTES_MAX: usize = 1_048_576;
/// Bytes of the header (Lambda API reference, "ClientContext").
const CLIENT_CONTEXT_BYTES_MAX: usize = 3_583;
/// Bytes of a trace header that is taken over; AWS's have some 80.
const TRACE_BYTES_MAX: usize = 256;

fn refused(code: &'static str, message: impl Into<String>) -> ServiceError {
    ServiceError::new(code, message).with_field("Type", "User")
}

/// The event: the request's body, which must be JSON; nothing stands for `{}`.
pub(super) fn event(call: &Call, kind: &str) -> Result<Bytes, ServiceError> {
    let body = call.body.clone().unwrap_or_default();
    if body.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    let bytes_max = match kind {
        "Event" => ASYNC_EVENT_BYTES_MAX,
        _ => EVENT_BYTES_MAX,
    };
    if body.len() > bytes_max {
        let message = format!(
            "{} byte payload is too large for the {kind} invocation type (limit {bytes_max} bytes)",
            body.len()
        );
        return Err(refused("RequestTooLargeException", message));
    }
    let problem = match std::str::from_utf8(&body) {
        Ok(text) => json::parse_lazy(text.into())
            .err()
            .map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    match problem {
        None => Ok(body),
        Some(problem) => Err(refused(
            "InvalidRequestContentException",
            format!(
                "Could not parse request body into json: Could not parse payload into json: \
                 {problem}"
            ),
        )),
    }
}

/// The JSON text of `ClientContext`.
pub(super) fn client_context(call: &Call) -> Result<Option<String>, ServiceError> {
    let Some(text) = call.text("ClientContext") else {
        return Ok(None);
    };
    if text.len() > CLIENT_CONTEXT_BYTES_MAX {
        return Err(refused(
            "InvalidRequestContentException",
            format!("Client context must be no longer than {CLIENT_CONTEXT_BYTES_MAX} bytes."),
        ));
    }
    let decoded = BASE64_STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|text| json::parse(text).is_ok());
    decoded.map(Some).ok_or_else(|| {
        refused(
            "InvalidRequestContentException",
            "Client context must be a valid Base64-encoded JSON object.",
        )
    })
}

/// The X-Ray header of the trace that the call belongs to, or of one that starts here and is not
/// sampled.
pub(super) fn trace_id(call: &Call) -> String {
    let given = call.trace_header.as_deref().filter(|header| {
        header.len() <= TRACE_BYTES_MAX
            && header
                .split(';')
                .any(|part| part.trim().starts_with("Root="))
    });
    if let Some(header) = given {
        return header.to_owned();
    }
    let (seconds, random) = (call.now.0.div_euclid(1000), Uuid::new_v4().as_u128());
    let (root, parent) = (random >> 32, random & u128::from(u64::MAX));
    format!("Root=1-{seconds:08x}-{root:024x};Parent={parent:016x};Sampled=0")
}
