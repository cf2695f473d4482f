//! One call of an AWS operation through the door.

use aws::protocol::{self, Output};
use aws::{Model, Operation, Request, Response, Service, ServiceError};
use bytes::Bytes;
use json::{Object, ObjectBuilder, Value};

/// What is called.
#[derive(Clone, Copy)]
pub(crate) struct Api {
    pub(crate) model: &'static Model,
    pub(crate) operation: &'static Operation,
}

/// What a service answered.
pub(crate) struct Answer {
    pub(crate) response: Response,
    pub(crate) output: Output,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The call could not be put into bytes.
    #[error("{0}")]
    Unsendable(String),
    /// There is no role to make it as.
    #[error("{0}")]
    NoRole(String),
    #[error("{}", .0.error)]
    Refused(Refusal),
}

/// What a service answered instead.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: ServiceError,
    /// The model has the error.
    pub(crate) is_modelled: bool,
    pub(crate) status: u16,
    pub(crate) request_id: String,
}

impl Api {
    pub(crate) fn find(service: Service, operation: &str) -> Result<Api, String> {
        let model = service.model().map_err(ToString::to_string)?;
        match model.operation(operation) {
            Some(operation) => Ok(Api { model, operation }),
            None => Err(format!("the model has no {operation}")),
        }
    }

    pub(crate) fn request(
        &self,
        members: &Value,
        body: Option<&Bytes>,
    ) -> Result<Request, Trouble> {
        protocol::encode_request(self.model, self.operation, members, body)
            .map_err(|error| Trouble::Unsendable(error.to_string()))
    }

    /// What a response says.
    pub(crate) fn answer(&self, response: Response) -> Result<Answer, Trouble> {
        match protocol::decode_response(self.model, self.operation, &response) {
            Ok(output) => Ok(Answer { response, output }),
            Err(error) => Err(Trouble::Refused(Refusal {
                is_modelled: self.model.error(&error.code).is_some(),
                error,
                status: response.status,
                request_id: request_id(&response).to_owned(),
            })),
        }
    }
}

impl Refusal {
    /// Whether the same call may be answered another time.
    pub(crate) fn is_passing(&self) -> bool {
        self.status >= 500 || matches!(&*self.error.code, "Throttling" | "ThrottlingException")
    }
}

/// The id that a response says its request had.
fn request_id(response: &Response) -> &str {
    response.header("x-amzn-requestid").unwrap_or_default()
}

/// `SdkHttpMetadata` and `SdkResponseMetadata`, as results of optimised integrations show them.
/// `headers` is how the SDK spells those it lists, in its order.
pub(crate) fn add_metadata(result: &mut ObjectBuilder, response: &Response, headers: &[&str]) {
    let id = ObjectBuilder::new()
        .add("RequestId", request_id(response))
        .build();
    result
        .add("SdkHttpMetadata", http_metadata(response, headers))
        .add("SdkResponseMetadata", id);
}

fn http_metadata(response: &Response, headers: &[&str]) -> Object {
    let mut all = ObjectBuilder::new();
    let mut found = Vec::new();
    for name in headers {
        let value = match *name {
            // The connection and its framing are the door's, so a response does not carry them.
            "Connection" | "connection" => Some("keep-alive".to_owned()),
            "Content-Length" => Some(response.body.len().to_string()),
            _ => response
                .header(&name.to_ascii_lowercase())
                .map(str::to_owned),
        };
        if let Some(value) = value {
            all.add(*name, vec![Value::from(value.as_str())]);
            found.push((*name, value));
        }
    }
    found.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    let single: Object = found
        .into_iter()
        .map(|(n, v)| (n, Value::from(v)))
        .collect();
    ObjectBuilder::new()
        .add("AllHttpHeaders", all.build())
        .add("HttpHeaders", single)
        .add("HttpStatusCode", i64::from(response.status))
        .build()
}
