//! From bytes to values and back, for servers and for clients, by the tables of a [`Model`].
//!
//! In memory an input or output is a JSON object keyed by member names as the model spells them,
//! whatever the protocol:
//!
//! - instants are numbers: seconds since the epoch, with milliseconds as the fraction;
//! - blobs are base64 strings, except one that is the whole body of a rest operation (Lambda's
//!   `Payload`): it travels as raw bytes beside the object;
//! - absent members and `null` are the same: decoding leaves members that are `null` out;
//! - members the model doesn't know may be there after decoding JSON, and nobody looks at them.

use bytes::Bytes;
use json::Value;

use crate::constraint::{self, Violation};
use crate::door::{BadHeader, Request, Response, set};
use crate::error::{Common, ServiceError};
use crate::model::{Model, Operation, Protocol};

mod cbor;
mod form;
pub(crate) mod gzip;
mod json_body;
mod query;
mod rest;
mod scalar;
mod xml;

/// Namespace in `__type` of errors that every service has.
const COMMON_NAMESPACE: &str = "com.amazon.coral.service";

/// A decoded request.
#[derive(Debug, Clone)]
pub struct Input {
    /// The members, an object.
    pub members: Value,
    /// The body, where the model says that it is one blob.
    pub body: Option<Bytes>,
    /// Constraints of the model that the members break. What to answer then is the service's
    /// choice; [`Input::checked`] is the usual one.
    pub violations: Vec<Violation>,
}

impl Input {
    /// The input itself if it breaks no constraint.
    ///
    /// # Errors
    /// The service's validation error.
    pub fn checked(self, model: &Model) -> Result<Input, ServiceError> {
        match ServiceError::violations(model, &self.violations) {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }
}

/// What an operation answers.
#[derive(Debug, Clone)]
pub struct Output {
    /// The members, an object.
    pub members: Value,
    /// The body, where the model says that it is one blob.
    pub body: Option<Bytes>,
}

impl Output {
    /// An output of `members`, an object.
    #[must_use]
    pub fn new(members: impl Into<Value>) -> Self {
        Output {
            members: members.into(),
            body: None,
        }
    }

    /// An output without members.
    #[must_use]
    pub fn empty() -> Self {
        Output::new(Value::empty_object())
    }
}

/// Why a request can't be put on the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    #[error(transparent)]
    Header(#[from] BadHeader),
    /// A member that is part of the path is absent, empty or dots.
    #[error("the member `{0}` is part of the path, so it must have a value other than dots")]
    Label(String),
    /// A member of the wrong type.
    #[error("{0}")]
    Type(String),
}

/// Decodes a request of `operation` and checks the constraints of the model.
///
/// # Errors
/// `SerializationException` (query: `MalformedInput`) when the body can't be read or a member has
/// the wrong type.
pub fn decode_request(
    model: &Model,
    operation: &Operation,
    request: &Request,
) -> Result<Input, ServiceError> {
    let unpacked;
    let request = match gzip::unpacked(model, operation, request)? {
        Some(request) => {
            unpacked = request;
            &unpacked
        }
        None => request,
    };
    let decoded = match model.protocol {
        Protocol::Json10 | Protocol::Json11 => {
            json_body::decode(model, operation.input, &request.body)
        }
        Protocol::Cbor => cbor::decode(model, operation.input, &request.body),
        Protocol::Query => query::decode_request(model, operation, request),
        Protocol::RestJson | Protocol::RestXml => {
            return rest::decode_request(model, operation, request)
                .map(|(members, body)| input(model, operation, members, body))
                .map_err(|mismatch| mismatch.answer(model.protocol));
        }
    };
    let members = decoded.map_err(|mismatch| mismatch.answer(model.protocol))?;
    Ok(input(model, operation, members, None))
}

fn input(model: &Model, operation: &Operation, members: Value, body: Option<Bytes>) -> Input {
    let check = |shape| constraint::check(model, shape, &members, body.is_some());
    let violations = operation.input.map(check).unwrap_or_default();
    Input {
        members,
        body,
        violations,
    }
}

/// Encodes the answer of `operation`. `request_id` is the id the caller may quote.
#[must_use]
pub fn encode_response(
    model: &Model,
    operation: &Operation,
    output: &Output,
    request_id: &str,
) -> Response {
    let encoded = match model.protocol {
        Protocol::Json10 | Protocol::Json11 => {
            Ok(json_body::encode_response(model, operation, output))
        }
        Protocol::Cbor => cbor::encode_response(model, operation, output),
        Protocol::Query => Ok(query::encode_response(model, operation, output, request_id)),
        Protocol::RestJson | Protocol::RestXml => rest::encode_response(model, operation, output),
    };
    match encoded {
        Ok(response) => with_request_id(response, request_id),
        Err(bad) => {
            let error =
                ServiceError::common(Common::InternalFailure, model.protocol, bad.to_string());
            encode_error(model, &error, request_id)
        }
    }
}

/// Encodes an error in the shape and with the status of the service.
#[must_use]
pub fn encode_error(model: &Model, error: &ServiceError, request_id: &str) -> Response {
    if model.query_compatible && model.protocol != Protocol::Query {
        return encode_error_of_query(model, error, request_id);
    }
    encode_own_error(model, error, request_id)
}

/// Encodes an error of a service that once spoke the query protocol only: `error` has the code that
/// it has there, which a header still tells; in the body stands the name of its shape.
fn encode_error_of_query(model: &Model, error: &ServiceError, request_id: &str) -> Response {
    let modelled = model.error(&error.code);
    let known = modelled.and_then(|shape| Some((shape, shape.error.as_ref()?)));
    let common = Common::of_code(&error.code).map(|common| {
        let (own, status) = common.code_and_status(model.protocol);
        let (of_query, _) = common.code_and_status(Protocol::Query);
        (own, of_query, status)
    });
    let mut own = error.clone();
    let of_query = match (known, common) {
        (Some((shape, known)), _) => {
            own.code = shape.name.to_string().into();
            own.status = own.status.or(known.status);
            known.code.to_string()
        }
        (None, Some((code, of_query, status))) => {
            own.code = code.into();
            own.status = Some(status);
            of_query.to_owned()
        }
        (None, None) => error.code.to_string(),
    };
    let mut response = encode_own_error(model, &own, request_id);
    let fault = if response.status >= 500 {
        "Receiver"
    } else {
        "Sender"
    };
    // A code is a word of the model or of ours and always fits a header.
    let _ = set(
        &mut response.headers,
        "x-amzn-query-error",
        &format!("{of_query};{fault}"),
    );
    response
}

fn encode_own_error(model: &Model, error: &ServiceError, request_id: &str) -> Response {
    let modelled = model.error(&error.code);
    let known = modelled.and_then(|shape| shape.error.as_ref());
    let by_model = known.and_then(|known| known.status);
    let default = if known.is_some_and(|known| known.fault) {
        500
    } else {
        400
    };
    let status = match model.protocol {
        // JSON services answer 400 to all errors of the caller, whatever the model says: recorded.
        Protocol::Json10 | Protocol::Json11 => error.status.unwrap_or(default),
        _ => error.status.or(by_model).unwrap_or(default),
    };
    let response = match model.protocol {
        Protocol::Json10 | Protocol::Json11 => {
            let namespace = modelled.map_or(COMMON_NAMESPACE, |_| &*model.error_namespace);
            json_body::encode_error(model.protocol, namespace, modelled, error, status)
        }
        Protocol::Cbor => {
            let namespace = modelled.map_or(COMMON_NAMESPACE, |_| &*model.error_namespace);
            cbor::encode_error(
                &json_body::error_members(namespace, modelled, error),
                status,
            )
        }
        Protocol::Query => query::encode_error(&model.xml_namespace, error, status, request_id),
        Protocol::RestJson => rest::encode_error(modelled, error, status),
        Protocol::RestXml => rest::encode_xml_error(error, status, request_id),
    };
    with_request_id(response, request_id)
}

/// Encodes an error for a caller of whom only the protocol is known, not the service.
#[must_use]
pub fn encode_common_error(protocol: Protocol, error: &ServiceError, request_id: &str) -> Response {
    let status = error.status.unwrap_or(400);
    let response = match protocol {
        Protocol::Json10 | Protocol::Json11 => {
            json_body::encode_error(protocol, COMMON_NAMESPACE, None, error, status)
        }
        Protocol::Cbor => {
            let members = json_body::error_members(COMMON_NAMESPACE, None, error);
            cbor::encode_error(&members, status)
        }
        Protocol::Query => query::encode_error("", error, status, request_id),
        Protocol::RestJson => rest::encode_error(None, error, status),
        Protocol::RestXml => rest::encode_xml_error(error, status, request_id),
    };
    with_request_id(response, request_id)
}

fn with_request_id(mut response: Response, request_id: &str) -> Response {
    // An id is ours and always fits a header; without one the response would still be right.
    let _ = set(&mut response.headers, "x-amzn-requestid", request_id);
    response
}

/// Encodes a call of `operation`: method, path, headers of the protocol, body. The host, the host
/// prefix of the operation and the signature are left to the one who sends it.
///
/// # Errors
/// [`Unsendable`], naming the member.
pub fn encode_request(
    model: &Model,
    operation: &Operation,
    members: &Value,
    body: Option<&Bytes>,
) -> Result<Request, Unsendable> {
    match model.protocol {
        Protocol::Json10 | Protocol::Json11 => json_body::encode_request(model, operation, members),
        Protocol::Cbor => cbor::encode_request(model, operation, members),
        Protocol::Query => query::encode_request(model, operation, members),
        Protocol::RestJson | Protocol::RestXml => {
            rest::encode_request(model, operation, members, body)
        }
    }
}

/// Decodes what a service answered to `operation`.
///
/// # Errors
/// The service's error; or `SerializationException` when a success can't be read.
pub fn decode_response(
    model: &Model,
    operation: &Operation,
    response: &Response,
) -> Result<Output, ServiceError> {
    if !response.is_success() {
        return Err(match model.protocol {
            Protocol::Query | Protocol::RestXml => query::decode_error(response),
            Protocol::Cbor => cbor::decode_error(response),
            _ => json_body::decode_error(response),
        });
    }
    let unreadable = |mismatch: scalar::Mismatch| mismatch.answer(model.protocol);
    match model.protocol {
        Protocol::Json10 | Protocol::Json11 => {
            json_body::decode(model, operation.output, &response.body).map(Output::new)
        }
        Protocol::Cbor => cbor::decode(model, operation.output, &response.body).map(Output::new),
        Protocol::Query => query::decode_response(model, operation, response).map(Output::new),
        Protocol::RestJson | Protocol::RestXml => rest::decode_response(model, operation, response),
    }
    .map_err(unreadable)
}

#[cfg(test)]
mod tests;
