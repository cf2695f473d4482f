//! From the bytes of a request to the operation it calls.
//!
//! What names the operation differs by protocol: `X-Amz-Target`, a path with
//! `/service/<service>/operation/<operation>`, the parameter `Action` of a form
//! or URL, or method and path.
//! Where those leave the service open, the scope of the credential decides. The host name plays no
//! part, so `sync-` hosts and any custom endpoint are the same.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::door::{Request, Response};
use crate::error::{Common, ServiceError};
use crate::model::{Http, Model, Operation, Protocol, Segment};
use crate::models::Service;
use crate::protocol::{encode_common_error, encode_error, gzip};

/// Region of requests without a signature.
pub const REGION_DEFAULT: &str = "us-east-1";
/// Longest region name; AWS's longest has 14 characters.
const REGION_BYTES_MAX: usize = 32;
/// How much of a form is searched for `Action` and `Version`; SDKs put them first.
const FORM_BYTES_SEARCHED_MAX: usize = 64 * 1024;

/// What a request calls.
#[derive(Debug)]
pub struct Route<'r> {
    pub service: Service,
    pub model: &'static Model,
    pub operation: &'static Operation,
    /// Of the credential scope; [`REGION_DEFAULT`] in an unsigned request, and where the scope has
    /// no well-formed one (which [`crate::sigv4::Claim::read`] refuses).
    pub region: Cow<'r, str>,
    /// Of the signature, if there is one; unproven.
    pub access_key_id: Option<Cow<'r, str>>,
}

/// A request that calls nothing that is served. Kept apart from [`ServiceError`] because the answer
/// needs a protocol.
#[derive(Debug)]
pub struct Lost {
    /// Protocol the caller seems to speak.
    pub protocol: Protocol,
    /// The model of the service, where the service is known and only the operation isn't.
    pub model: Option<&'static Model>,
    pub error: ServiceError,
}

impl Lost {
    /// The error response.
    #[must_use]
    pub fn answer(&self, request_id: &str) -> Response {
        match self.model {
            Some(model) => encode_error(model, &self.error, request_id),
            None => encode_common_error(self.protocol, &self.error, request_id),
        }
    }
}

/// Finds the operation `request` calls.
///
/// # Errors
/// [`Lost`] for a service or operation that AWS doesn't have or this build has no model of.
pub fn route(request: &Request) -> Result<Route<'_>, Box<Lost>> {
    let scope = scope_of(request);
    let scoped = scope.as_ref().map(|scope| &*scope.service);
    let named = named(request, scoped);
    let protocol = named.protocol();
    let Some(service) = named.service(scoped) else {
        let message = named.what_is_missing(scoped, request).unwrap_or_else(|| {
            let what = named.what(scoped, request);
            format!("{what} is not served by this version of Lockstep.")
        });
        let error = ServiceError::common(Common::UnknownOperation, protocol, message);
        return Err(Box::new(Lost {
            protocol,
            model: None,
            error,
        }));
    };
    let model = service.embedded().model_in(protocol);
    let model = model.map_err(|broken| {
        let message = format!(
            "the model of {} is broken: {broken}",
            service.signing_name()
        );
        let error = ServiceError::common(Common::InternalFailure, protocol, message);
        Box::new(Lost {
            protocol,
            model: None,
            error,
        })
    })?;
    let operation = match &named {
        Named::Target { .. } | Named::Rpc { .. } if request.method != Method::POST => None,
        Named::Target { operation, .. } | Named::Rpc { operation, .. } => {
            model.operation(operation)
        }
        Named::Action { action, .. } => model.operation(action),
        Named::Path => by_path(model, &request.method, request.path(), request.query()),
    };
    let Some(operation) = operation else {
        let name = match &named {
            Named::Target { operation, .. } | Named::Rpc { operation, .. } => {
                (*operation).to_owned()
            }
            Named::Action { action, .. } => action.to_string(),
            Named::Path => format!("{} {}", request.method, request.path()),
        };
        let error = match named.what_is_missing(scoped, request) {
            Some(message) => ServiceError::common(Common::UnknownOperation, protocol, message),
            None => ServiceError::unknown_operation(model, &name),
        };
        return Err(Box::new(Lost {
            protocol,
            model: Some(model),
            error,
        }));
    };
    let (region, access_key_id) = match scope {
        Some(scope) => (Some(scope.region), Some(scope.access_key_id)),
        None => (None, None),
    };
    let region = region.filter(|region| is_region(region));
    let region = region.unwrap_or(Cow::Borrowed(REGION_DEFAULT));
    Ok(Route {
        service,
        model,
        operation,
        region,
        access_key_id,
    })
}

/// Whether `text` can be a region's name. Regions become parts of ARNs and of keys in the store, so
/// nothing else gets through, even where signatures aren't verified.
#[must_use]
pub fn is_region(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=REGION_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

/// How a request names its operation.
enum Named<'r> {
    Target {
        prefix: &'r str,
        operation: &'r str,
    },
    /// `/service/<service>/operation/<operation>`
    Rpc {
        service: &'r str,
        operation: &'r str,
    },
    Action {
        action: Cow<'r, str>,
        version: Option<Cow<'r, str>>,
    },
    Path,
}

/// The header that names a protocol of Smithy's, and the value for the only one here.
pub(crate) const SMITHY_PROTOCOL: &str = "smithy-protocol";
pub(crate) const RPC_CBOR: &str = "rpc-v2-cbor";

fn named<'r>(request: &'r Request, scoped: Option<&str>) -> Named<'r> {
    if request.header(SMITHY_PROTOCOL) == Some(RPC_CBOR) {
        // What precedes `/service/` may be anything, by the protocol.
        let call = request.path().rsplit_once("/service/");
        let parts = call.and_then(|(_, call)| call.split_once("/operation/"));
        let (service, operation) = parts.unwrap_or_default();
        return Named::Rpc { service, operation };
    }
    if let Some(target) = request.header("x-amz-target") {
        // AWS ignores a namespace in front of the prefix.
        let target = target.rsplit_once('#').map_or(target, |(_, target)| target);
        // CloudTrail's prefix has dots of its own.
        let (prefix, operation) = target.rsplit_once('.').unwrap_or((target, ""));
        return Named::Target { prefix, operation };
    }
    let is_form = request
        .header("content-type")
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    let form = if is_form { request.body.as_ref() } else { &[] };
    // CloudWatch's forms may come packed; nothing but the operation is looked for in here.
    let unpacked = (is_form && gzip::is_packed(request))
        .then(|| gzip::start_of(form, FORM_BYTES_SEARCHED_MAX));
    let find = |name| {
        parameter(request.query().as_bytes(), name).or_else(|| match &unpacked {
            Some(form) => parameter(form, name).map(|found| Cow::Owned(found.into_owned())),
            None => parameter(form.get(..FORM_BYTES_SEARCHED_MAX).unwrap_or(form), name),
        })
    };
    let is_rest = scoped
        .and_then(Service::of_signing_name)
        .is_some_and(|s| s == Service::Lambda);
    match find("Action") {
        Some(action) if !is_rest => Named::Action {
            action,
            version: find("Version"),
        },
        _ => Named::Path,
    }
}

impl Named<'_> {
    fn protocol(&self) -> Protocol {
        match self {
            Named::Target { .. } => Protocol::Json10,
            Named::Rpc { .. } => Protocol::Cbor,
            Named::Action { .. } => Protocol::Query,
            Named::Path => Protocol::RestJson,
        }
    }

    /// The service, if it is served; a signed request calls no other than the one of its scope.
    fn service(&self, scoped: Option<&str>) -> Option<Service> {
        let scoped = scoped.map(Service::of_signing_name);
        match self {
            Named::Target { prefix, .. } => {
                let mut all = Service::ALL.into_iter();
                all.find(|service| service.target_prefix() == Some(prefix))
            }
            Named::Rpc { service, .. } => {
                let mut all = Service::ALL.into_iter();
                all.find(|found| found.speaks_cbor() && found.target_prefix() == Some(service))
            }
            Named::Action { version, .. } => {
                let of_version = |service: &Service| {
                    let version = version.as_deref();
                    service.is_query() && version.is_none_or(|v| service.api_version() == v)
                };
                match scoped {
                    Some(service) => service.filter(of_version),
                    None if version.is_none() => None,
                    None => Service::ALL.into_iter().find(of_version),
                }
            }
            Named::Path => match scoped.unwrap_or(Some(Service::Lambda)) {
                // IAM itself takes actions only.
                Some(Service::Iam) => Some(Service::IamToolbox),
                service => service.filter(|service| *service == Service::Lambda),
            },
        }
    }

    /// What a request lacks that names no operation at all, as one does that no SDK made.
    fn what_is_missing(&self, scoped: Option<&str>, request: &Request) -> Option<String> {
        match self {
            // Whoever follows a link, or repeats a request unasked, sends something else.
            Named::Target { .. } | Named::Rpc { .. } if request.method != Method::POST => {
                Some(format!(
                    "`{}` calls no operation of this protocol; send it with `POST`",
                    request.method
                ))
            }
            Named::Target { prefix, operation } if prefix.is_empty() || operation.is_empty() => {
                let header = request.header("x-amz-target").unwrap_or_default();
                Some(format!(
                    "the header `X-Amz-Target` is `{header}`, which names no operation; send \
                     `<service>.<operation>`, such as `AWSStepFunctions.ListStateMachines`"
                ))
            }
            Named::Rpc { service, operation } if service.is_empty() || operation.is_empty() => {
                Some(format!(
                    "`{}` names no operation; in the protocol `{RPC_CBOR}` a path is \
                     `/service/<service>/operation/<operation>`",
                    request.path()
                ))
            }
            // Lambda is what a path calls where nothing else is said.
            Named::Path if scoped.is_none() && request.path() == "/" => Some(format!(
                "`{} /` calls no operation: it has no header `X-Amz-Target`, no parameter \
                 `Action` and no path of the Lambda API; use this address as the endpoint of an \
                 AWS SDK or of the AWS CLI (`AWS_ENDPOINT_URL`)",
                request.method
            )),
            _ => None,
        }
    }

    /// What to call it in a refusal.
    fn what(&self, scoped: Option<&str>, request: &Request) -> String {
        match (self, scoped) {
            (Named::Target { prefix, operation }, _) => {
                format!("The operation {prefix}.{operation}")
            }
            (Named::Rpc { service, operation }, _) => {
                format!("The operation {service}.{operation}")
            }
            (Named::Action { action, .. }, Some(service)) => {
                format!("The operation {service}:{action}")
            }
            (Named::Action { action, .. }, None) => format!("The operation {action}"),
            (Named::Path, Some(service)) => {
                format!(
                    "The call {} {} of the service {service}",
                    request.method,
                    request.path()
                )
            }
            (Named::Path, None) => format!("The call {} {}", request.method, request.path()),
        }
    }
}

/// The rest operation whose pattern fits. Of several the one with the most literals wins, query
/// included.
fn by_path(
    model: &'static Model,
    method: &Method,
    path: &str,
    query: &str,
) -> Option<&'static Operation> {
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let fitting = model.operations().iter().filter_map(|operation| {
        let http = operation
            .http
            .as_ref()
            .filter(|http| http.method == *method)?;
        Some((literals(http, &segments, query)?, operation))
    });
    fitting
        .max_by_key(|(literals, _)| *literals)
        .map(|(_, operation)| operation)
}

/// How many literals of the pattern the call has; `None` when it doesn't fit.
fn literals(http: &Http, segments: &[&str], query: &str) -> Option<usize> {
    let mut count = 0;
    let mut rest = segments;
    for pattern in &http.path {
        let (first, others) = rest.split_first()?;
        match pattern {
            Segment::Literal(text) if **text == **first => count += 1,
            Segment::Literal(_) => return None,
            Segment::Label(_) => {}
            Segment::Greedy(_) => return Some(count),
        }
        rest = others;
    }
    let has = |(name, value): &(Box<str>, Box<str>)| {
        parameter(query.as_bytes(), name).is_some_and(|found| *found == **value)
    };
    (rest.is_empty() && http.query.iter().all(has)).then_some(count + http.query.len())
}

/// The first value of parameter `name` in a query or form, decoded.
fn parameter<'t>(text: &'t [u8], name: &str) -> Option<Cow<'t, str>> {
    let mut pairs = text.split(|b| *b == b'&');
    let value = pairs.find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
    percent_decode_str(std::str::from_utf8(value).ok()?)
        .decode_utf8()
        .ok()
}

/// The credential scope of a request, as it says itself.
struct Scope<'r> {
    access_key_id: Cow<'r, str>,
    region: Cow<'r, str>,
    service: Cow<'r, str>,
}

fn scope_of(request: &Request) -> Option<Scope<'_>> {
    let credential = match request.header("authorization") {
        Some(header) => {
            // Read as `Claim` reads it: what is routed by has to be what is verified.
            let (_, parts) = header.split_once(' ')?;
            let mut parts = parts.split(',').map(str::trim);
            Cow::Borrowed(parts.find_map(|part| part.strip_prefix("Credential="))?)
        }
        None => parameter(request.query().as_bytes(), "X-Amz-Credential")?,
    };
    let fields: [Cow<'_, str>; 5] = crate::sigv4::split(&credential, '/').try_into().ok()?;
    let [access_key_id, _, region, service, _] = fields;
    Some(Scope {
        access_key_id,
        region,
        service,
    })
}

#[cfg(test)]
mod tests;
