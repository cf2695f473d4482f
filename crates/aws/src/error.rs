//! Errors as AWS services answer them, whatever the protocol.

use std::borrow::Cow;

use crate::constraint::{self, Violation};
use crate::model::{Model, Protocol};

/// The error answer of an operation. [`crate::protocol::encode_error`] writes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ServiceError {
    /// As on the wire, without a namespace: `InvalidName`, `NoSuchEntity`.
    pub code: Cow<'static, str>,
    pub message: String,
    /// HTTP status where it isn't the model's: then 400, or 500 for a fault.
    pub status: Option<u16>,
    /// Further members, such as `reason` or `resourceName`.
    pub fields: Vec<(Cow<'static, str>, String)>,
}

impl ServiceError {
    /// An error with the status of the model, or 400.
    #[must_use]
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        ServiceError {
            code: code.into(),
            message: message.into(),
            status: None,
            fields: Vec::new(),
        }
    }

    /// The same error with another HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same error with one more member.
    #[must_use]
    pub fn with_field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// An error every service can answer, under the name and status it has in `protocol`.
    #[must_use]
    pub fn common(common: Common, protocol: Protocol, message: impl Into<String>) -> Self {
        let (code, status) = common.code_and_status(protocol);
        ServiceError::new(code, message).with_status(status)
    }

    /// The answer to an operation AWS doesn't have.
    #[must_use]
    pub fn unknown_operation(model: &Model, operation: &str) -> Self {
        let message = match model.protocol {
            Protocol::Query => {
                format!(
                    "Could not find operation {operation} for version {}",
                    model.api_version
                )
            }
            _ => format!("{} has no operation {operation}", model.signing_name),
        };
        ServiceError::common(Common::UnknownOperation, model.protocol, message)
    }

    /// The answer to an operation AWS has and this server doesn't serve yet; the message names it.
    #[must_use]
    pub fn not_served_yet(model: &Model, operation: &str) -> Self {
        let service = &model.signing_name;
        let message = format!(
            "The operation {service}:{operation} is not served by this version of Lockstep."
        );
        ServiceError::common(Common::UnknownOperation, model.protocol, message)
    }

    /// The answer to an input that breaks constraints of the model, as the service reports it
    /// unless an operation has an error of its own for that member. `None` when there is no
    /// violation.
    #[must_use]
    pub fn violations(model: &Model, violations: &[Violation]) -> Option<Self> {
        let message = constraint::message(violations)?;
        Some(match (&*model.signing_name, violations) {
            ("logs", _) => ServiceError::new("InvalidParameterException", message),
            // Recorded: for an unknown runtime Lambda has an error of its own.
            ("lambda", [one]) if one.is_lambda_parameter_value() => {
                ServiceError::new("InvalidParameterValueException", message)
            }
            _ => ServiceError::common(Common::Validation, model.protocol, message),
        })
    }
}

/// Errors that every service has, each under its own name in each protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Common {
    AccessDenied,
    ExpiredToken,
    IncompleteSignature,
    InternalFailure,
    /// A signature that doesn't verify.
    InvalidSignature,
    MissingAuthenticationToken,
    RequestTooLarge,
    /// A body that can't be read.
    Serialization,
    Throttling,
    UnknownOperation,
    /// An access key that doesn't exist.
    UnrecognizedClient,
    /// An input that breaks the model's constraints.
    Validation,
}

impl Common {
    /// Code and HTTP status in `protocol`. Source: "Common errors" of the API references, and
    /// recordings.
    #[must_use]
    pub fn code_and_status(self, protocol: Protocol) -> (&'static str, u16) {
        let [json, rest, query] = self.row();
        match protocol {
            Protocol::Json10 | Protocol::Json11 | Protocol::Cbor => json,
            Protocol::RestJson => rest,
            Protocol::Query | Protocol::RestXml => query,
        }
    }

    /// The one that has this code in any protocol.
    pub(crate) fn of_code(code: &str) -> Option<Common> {
        let mut all = Common::ALL.into_iter();
        all.find(|common| common.row().iter().any(|(known, _)| *known == code))
    }

    const ALL: [Common; 12] = [
        Common::AccessDenied,
        Common::ExpiredToken,
        Common::IncompleteSignature,
        Common::InternalFailure,
        Common::InvalidSignature,
        Common::MissingAuthenticationToken,
        Common::RequestTooLarge,
        Common::Serialization,
        Common::Throttling,
        Common::UnknownOperation,
        Common::UnrecognizedClient,
        Common::Validation,
    ];

    /// JSON, rest-json, the protocols with XML.
    fn row(self) -> [(&'static str, u16); 3] {
        match self {
            Common::AccessDenied => {
                let code = "AccessDeniedException";
                [(code, 400), (code, 403), ("AccessDenied", 403)]
            }
            Common::ExpiredToken => {
                let code = "ExpiredTokenException";
                [(code, 400), (code, 403), ("ExpiredToken", 403)]
            }
            Common::IncompleteSignature => {
                let code = "IncompleteSignatureException";
                [(code, 400), (code, 403), ("IncompleteSignature", 400)]
            }
            Common::InternalFailure => [("InternalFailure", 500); 3],
            Common::InvalidSignature => {
                let code = "InvalidSignatureException";
                [(code, 400), (code, 403), ("SignatureDoesNotMatch", 403)]
            }
            Common::MissingAuthenticationToken => {
                let code = "MissingAuthenticationTokenException";
                [
                    (code, 400),
                    (code, 403),
                    ("MissingAuthenticationToken", 403),
                ]
            }
            Common::RequestTooLarge => {
                let code = "RequestEntityTooLargeException";
                [(code, 413), (code, 413), ("RequestEntityTooLarge", 413)]
            }
            Common::Serialization => {
                let code = "SerializationException";
                [(code, 400), (code, 400), ("MalformedInput", 400)]
            }
            Common::Throttling => {
                let throttled = ("ThrottlingException", 400);
                [
                    throttled,
                    ("TooManyRequestsException", 429),
                    ("Throttling", 400),
                ]
            }
            Common::UnknownOperation => {
                let code = "UnknownOperationException";
                [(code, 400), (code, 404), ("InvalidAction", 400)]
            }
            Common::UnrecognizedClient => {
                let code = "UnrecognizedClientException";
                [(code, 400), (code, 403), ("InvalidClientTokenId", 403)]
            }
            Common::Validation => {
                let code = "ValidationException";
                [(code, 400), (code, 400), ("ValidationError", 400)]
            }
        }
    }
}
