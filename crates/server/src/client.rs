//! A client of a running server: signed AWS calls, as the `aws` command makes them. The commands
//! that ask a server go through it, so they may do what their credentials may.

mod credentials;

use std::time::Duration;

use aws::sigv4::{self, Credentials};
use aws::{Model, Operation, Request, Response, Service, ServiceError, protocol};
use http::{HeaderValue, Uri};
use json::Value;
use outbound::Fetch;

use crate::door::now;

/// Where `lockstep dev` listens unless it is told otherwise.
pub(crate) const ENDPOINT_DEFAULT: &str = "http://127.0.0.1:8083";
const REGION_DEFAULT: &str = "us-east-1";
/// The slowest answer reads a thousand histories.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// No answer of an operation that the command line calls comes near.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Which server is asked, and as whom.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Server {
    /// Where the server listens; without it AWS_ENDPOINT_URL or http://127.0.0.1:8083
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// The Region that is asked; without it AWS_REGION, AWS_DEFAULT_REGION or us-east-1
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Sign with this profile of the shared credentials file, whatever AWS_ACCESS_KEY_ID says
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

impl Server {
    /// The same server, in a Region that is known from elsewhere unless one was asked for.
    pub(crate) fn within(mut self, region: Option<&str>) -> Server {
        self.region = self.region.or_else(|| region.map(str::to_owned));
        self
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Credentials(#[from] credentials::Error),
    #[error("the endpoint `{0}` is no URL of the form http://HOST:PORT")]
    Endpoint(String),
    #[error("the file of certificate authorities `{path}` (AWS_CA_BUNDLE) is unusable: {reason}")]
    Authorities { path: String, reason: String },
    #[error(
        "nothing listens at {endpoint} ({reason}); start a server with `lockstep dev`, or say \
         where it is with --endpoint-url or AWS_ENDPOINT_URL"
    )]
    NobodyListens { endpoint: String, reason: String },
    #[error("there is no answer from {endpoint}: {reason}")]
    NoAnswer { endpoint: String, reason: String },
    #[error("what answers at {0} is not Lockstep; say where it is with --endpoint-url")]
    NotLockstep(String),
    #[error(
        "the credentials have expired ({0}); get new ones, as with `aws sts assume-role`, or \
         unset AWS_SESSION_TOKEN"
    )]
    Expired(String),
    #[error("the server does not take the credentials: {0}")]
    Unauthenticated(String),
    /// Any other error of the operation.
    #[error("{0}")]
    Refused(ServiceError),
    #[error("the call cannot be made: {0}")]
    Unsendable(String),
}

/// Calls one server with one set of credentials.
pub(crate) struct Client {
    endpoint: Endpoint,
    region: String,
    key: credentials::Key,
    /// The `aws` command finds the same server without being told.
    is_of_environment: bool,
}

impl Client {
    /// As the arguments, the environment and the shared credentials file say.
    pub(crate) fn new(server: &Server) -> Result<Client, Error> {
        Client::with(server, &|name| {
            std::env::var(name).ok().filter(|value| !value.is_empty())
        })
    }

    fn with(server: &Server, variable: Variables<'_>) -> Result<Client, Error> {
        let region = server.region.clone();
        let region = region
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION"));
        let of_environment = variable("AWS_ENDPOINT_URL");
        let endpoint = server.endpoint_url.as_ref().or(of_environment.as_ref());
        let endpoint = endpoint.map_or(ENDPOINT_DEFAULT, String::as_str);
        Ok(Client {
            endpoint: Endpoint::parse(endpoint, variable)?,
            region: region.unwrap_or_else(|| REGION_DEFAULT.to_owned()),
            key: credentials::find(server.profile.as_deref(), variable)?,
            is_of_environment: of_environment.as_deref() == Some(endpoint),
        })
    }

    /// Calls a server as somebody, for tests of what is printed.
    #[cfg(test)]
    pub(crate) fn at(endpoint: &str) -> Client {
        let server = Server {
            endpoint_url: Some(endpoint.to_owned()),
            region: None,
            profile: None,
        };
        let known = |name: &str| match name {
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
            _ => None,
        };
        Client::with(&server, &known).unwrap()
    }

    /// The Region the calls are for.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// A command line that begins with `aws`, so that it goes to this server.
    pub(crate) fn for_this_server(&self, command: &str) -> String {
        match command.strip_prefix("aws ") {
            Some(rest) if !self.is_of_environment => {
                format!("aws --endpoint-url {} {rest}", self.endpoint.url)
            }
            _ => command.to_owned(),
        }
    }

    /// Makes one call and waits for its answer: the members of the operation's output.
    pub(crate) fn call(
        &self,
        service: Service,
        operation: &str,
        input: &Value,
    ) -> Result<Value, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Unsendable(error.to_string()))?;
        runtime.block_on(self.called(service, operation, input))
    }

    async fn called(
        &self,
        service: Service,
        operation: &str,
        input: &Value,
    ) -> Result<Value, Error> {
        let unsendable = |reason: &dyn ToString| Error::Unsendable(reason.to_string());
        let model = service.model().map_err(|error| unsendable(error))?;
        let operation = model
            .operation(operation)
            .ok_or_else(|| Error::Unsendable(format!("there is no operation {operation}")))?;
        let mut request = protocol::encode_request(model, operation, input, None)
            .map_err(|error| unsendable(&error))?;
        let host = HeaderValue::from_str(&self.endpoint.authority);
        let host = host.map_err(|_| Error::Endpoint(self.endpoint.url.clone()))?;
        request.headers.insert(http::header::HOST, host);
        let credentials = Credentials {
            access_key_id: &self.key.access_key_id,
            secret_access_key: &self.key.secret_access_key,
            session_token: self.key.session_token.as_deref(),
        };
        let name = &model.signing_name;
        sigv4::sign(&mut request, &credentials, &self.region, name, now().0)
            .map_err(|error| unsendable(&error))?;
        let response = self.endpoint.send(request).await?;
        self.read(model, operation, &response)
    }

    fn read(
        &self,
        model: &Model,
        operation: &Operation,
        response: &Response,
    ) -> Result<Value, Error> {
        let strange = || Error::NotLockstep(self.endpoint.url.clone());
        // Every answer of Lockstep has the header, an error as well.
        if response.header("x-amzn-requestid").is_none() {
            return Err(strange());
        }
        let error = match protocol::decode_response(model, operation, response) {
            Ok(output) => return Ok(output.members),
            Err(error) => error,
        };
        Err(match &*error.code {
            "ExpiredTokenException" | "ExpiredToken" => Error::Expired(error.message),
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch" => Error::Unauthenticated(error.message),
            // Other servers that speak AWS's protocols have no service of this name.
            "UnknownError" | "UnknownOperationException" if &*model.signing_name == "lockstep" => {
                strange()
            }
            _ => Error::Refused(error),
        })
    }
}

/// A member of an answer that is text; empty where there is none.
pub(crate) fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The elements of a member of an answer.
pub(crate) fn list<'v>(value: &'v Value, member: &str) -> &'v [Value] {
    let list = value.get(member).and_then(Value::as_array);
    list.unwrap_or_default()
}

/// Reads a variable of the environment; an empty one is none.
type Variables<'v> = &'v dyn Fn(&str) -> Option<String>;

/// Where a server listens.
struct Endpoint {
    url: String,
    /// Host and port as the header `Host` has them.
    authority: String,
    http: outbound::Client,
}

impl Endpoint {
    fn parse(text: &str, variable: Variables<'_>) -> Result<Endpoint, Error> {
        let url = text.trim_end_matches('/');
        let malformed = || Error::Endpoint(text.to_owned());
        let uri: Uri = url.parse().map_err(|_| malformed())?;
        let is_spoken = matches!(uri.scheme_str(), Some("http" | "https"));
        let authority = uri.authority().ok_or_else(malformed)?;
        let has_more = uri.path() != "/" || uri.query().is_some();
        if !is_spoken || has_more || authority.as_str().contains('@') {
            return Err(malformed());
        }
        let host = authority.host();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let authorities = match variable("AWS_CA_BUNDLE") {
            Some(path) => std::fs::read(&path).map_err(|error| Error::Authorities {
                path,
                reason: error.to_string(),
            })?,
            None => Vec::new(),
        };
        // Who runs the command says where it goes, a private address as well.
        let http = outbound::Client::new(&[host], &authorities);
        let http = http.map_err(|error| match error {
            outbound::Error::Authorities(reason) => Error::Authorities {
                path: variable("AWS_CA_BUNDLE").unwrap_or_default(),
                reason,
            },
            _ => malformed(),
        })?;
        Ok(Endpoint {
            url: url.to_owned(),
            authority: authority.as_str().to_owned(),
            http,
        })
    }

    async fn send(&self, request: Request) -> Result<Response, Error> {
        let sent = outbound::Request {
            method: request.method,
            url: format!("{}{}", self.url, request.uri),
            headers: request.headers,
            body: request.body,
            timeout: ANSWER_TIMEOUT,
            body_bytes_max: ANSWER_BYTES_MAX,
            thumbprints: Vec::new(),
        };
        let (endpoint, answered) = (self.url.clone(), self.http.fetch(sent).await);
        match answered {
            Ok(answer) => Ok(Response {
                status: answer.status,
                headers: answer.headers,
                body: answer.body,
                served: None,
            }),
            Err(
                outbound::Error::Resolve { reason, .. } | outbound::Error::Connect { reason, .. },
            ) => Err(Error::NobodyListens { endpoint, reason }),
            Err(error) => Err(Error::NoAnswer {
                endpoint,
                reason: error.to_string(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
