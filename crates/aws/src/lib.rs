//! AWS on the wire, pure: bytes to values and back, and what the values must satisfy.
//!
//! Service models are data ([`model`], [`models`]); one codec reads them in both directions
//! ([`protocol`]); [`route`] finds the operation a request calls, [`sigv4`] who signed it,
//! [`constraint`] what is wrong with its members. [`integrations`] is the table of what a Task may
//! call, [`arn`] the names of everything, [`door`] the trait through which all calls pass; [`iam`]
//! decides from policies who may make them.
//! There is no clock, no randomness and no I/O in here: time is an argument.
//!
//! ```
//! use aws::{Request, route::route};
//!
//! let mut request = Request::new(http::Method::POST, "/");
//! let target = http::HeaderValue::from_static("AWSStepFunctions.StartExecution");
//! request.headers.insert("x-amz-target", target);
//! request.body = r#"{"stateMachineArn":
//! "arn:aws:states:us-east-1:123456789012:stateMachine:m"}"#.into();
//!
//! let call = route(&request).expect("a known operation");
//! let input = aws::protocol::decode_request(call.model, call.operation, &request)?;
//! assert!(input.violations.is_empty());
//! assert!(input.members.get("stateMachineArn").is_some());
//!
//! let output = aws::protocol::Output::new(json::parse(r#"{"executionArn": "..", "startDate":
//! 1.5}"#)?); let response = aws::protocol::encode_response(call.model, call.operation, &output,
//! "request-id"); assert_eq!(response.status, 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod arn;
pub mod constraint;
pub mod door;
mod error;
pub mod iam;
pub mod integrations;
pub mod mock;
pub mod model;
pub mod models;
mod pattern;
pub mod protocol;
pub mod route;
pub mod sigv4;
pub mod time;

pub use arn::Arn;
pub use door::{Answer, Caller, Door, Request, Response};
pub use error::{Common, ServiceError};
pub use model::{Model, Operation, Protocol};
pub use models::{Embedded, Service};
