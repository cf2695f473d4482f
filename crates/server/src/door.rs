//! The request path: guard, route, who calls, how often, decode, handle, encode. Every call takes
//! it, whether it came over a socket or from a Task.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use asl::time::Timestamp;
use aws::iam::{RoleSession, Temporary};
use aws::route::{Route, route};
use aws::sigv4::{self, Claim, Rules};
use aws::{Answer, Caller, Common, Door, Request, Response, Service, ServiceError};
use http::HeaderValue;
use json::Value;
use services::call::Client;
use services::{Call, Services};
use uuid::Uuid;

use crate::guard;
use crate::http::Handler;
use crate::mocks::MockFile;
use crate::throttle::Throttle;

/// The account of access keys that are no account number.
const DEFAULT_ACCOUNT: &str = "000000000000";

/// The front of all services.
pub(crate) struct Gateway {
    services: Services,
    throttle: Throttle,
    /// The test cases that an execution may be started under.
    mocks: Option<Arc<MockFile>>,
}

impl Gateway {
    pub(crate) fn new(
        services: Services,
        throttle: Throttle,
        mocks: Option<Arc<MockFile>>,
    ) -> Gateway {
        Gateway {
            services,
            throttle,
            mocks,
        }
    }

    /// What the calls end in.
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// One call from bytes to bytes.
    async fn answer(&self, caller: Caller, request: Request) -> Response {
        let request_id = Uuid::new_v4().to_string();
        let now = now();
        let mut response = match route(&request) {
            Ok(route) => {
                self.routed(&route, &caller, &request, &request_id, now)
                    .await
            }
            Err(lost) => lost.answer(&request_id),
        };
        if let Ok(date) = HeaderValue::from_str(&aws::time::http_date(now.0)) {
            response.headers.insert("date", date);
        }
        response
    }

    async fn routed(
        &self,
        route: &Route<'_>,
        caller: &Caller,
        request: &Request,
        request_id: &str,
        now: Timestamp,
    ) -> Response {
        let refuse = |error| aws::protocol::encode_error(route.model, error, request_id);
        if let Err(malformed) = check_signature(request, now) {
            return refuse(&malformed.answer(route.model.protocol));
        }
        let principal = Principal::of(caller, route);
        let called = (route.service, &*route.operation.name);
        let bucket = (&principal.account, &principal.region);
        if !self.throttle.admits(called, bucket, Instant::now()) {
            let protocol = route.model.protocol;
            return refuse(&ServiceError::common(
                Common::Throttling,
                protocol,
                "Rate exceeded",
            ));
        }
        let input = match aws::protocol::decode_request(route.model, route.operation, request) {
            Ok(input) => input,
            Err(error) => return refuse(&error),
        };
        let (members, mock_case) = match self.take_mock_case(called, input.members) {
            Ok(taken) => taken,
            Err(error) => return refuse(&error),
        };
        let call = Call {
            service: route.service,
            operation: &route.operation.name,
            client: client(caller, request),
            account: principal.account,
            region: principal.region,
            caller: principal.caller,
            request_id: request_id.into(),
            now,
            input: members,
            body: input.body,
            violations: input.violations,
            mock_case,
            attempt: caller.attempt().map(Arc::from),
            trace_header: text_of(request, "x-amzn-trace-id"),
        };
        let operation = route.operation;
        match self
            .services
            .handle(route.service, &operation.name, &call)
            .await
        {
            Some(Ok(answer)) => {
                let output = aws::protocol::Output {
                    members: answer.members,
                    body: answer.body,
                };
                let response =
                    aws::protocol::encode_response(route.model, operation, &output, request_id);
                with_headers(response, &answer.headers)
            }
            Some(Err(error)) => {
                if error.status.is_some_and(|status| status >= 500) {
                    tracing::error!(operation = &*operation.name, %error, "an operation failed");
                }
                refuse(&error)
            }
            None => refuse(&ServiceError::not_served_yet(route.model, &operation.name)),
        }
    }
}

/// The operations whose state machine may come with a test case.
const MOCKABLE: [&str; 2] = ["StartExecution", "StartSyncExecution"];

impl Gateway {
    /// Takes the test case off the state machine's ARN (`...stateMachine:Name#Case`), where the
    /// server has mocks. Without them it is no ARN, as on AWS.
    fn take_mock_case(
        &self,
        (service, operation): (Service, &str),
        members: Value,
    ) -> Result<(Value, Option<Arc<str>>), ServiceError> {
        let Some(mocks) = &self.mocks else {
            return Ok((members, None));
        };
        let is_start = service == Service::States && MOCKABLE.contains(&operation);
        let arn = members.get(MACHINE_ARN).and_then(Value::as_str);
        let parts = arn.filter(|_| is_start).and_then(|arn| arn.split_once('#'));
        let (Some((arn, case)), Some(object)) = (parts, members.as_object()) else {
            return Ok((members, None));
        };
        // Behind the name there may be a version or an alias. Another ARN is left to the operation.
        let mut kind_and_name = arn.split(':').skip(5);
        let (Some("stateMachine"), Some(name)) = (kind_and_name.next(), kind_and_name.next())
        else {
            return Ok((members, None));
        };
        if mocks.case(name, case).is_none() {
            let text = mocks.unknown(name, case);
            return Err(ServiceError::new(
                "InvalidName",
                format!("Invalid Name: '{case}': {text}"),
            ));
        }
        let case: Arc<str> = case.into();
        Ok((object.with(MACHINE_ARN, arn.into()).into(), Some(case)))
    }
}

const MACHINE_ARN: &str = "stateMachineArn";

/// Where a call over a socket comes from.
fn client(caller: &Caller, request: &Request) -> Client {
    match caller {
        Caller::Signed { peer, .. } => Client {
            address: *peer,
            user_agent: request.headers.get("user-agent").cloned(),
            referer: request.headers.get("referer").cloned(),
        },
        Caller::Role { .. } | Caller::Service { .. } => Client::default(),
    }
}

/// A header that is text.
fn text_of(request: &Request, header: &str) -> Option<Arc<str>> {
    let value = request.headers.get(header)?;
    value.to_str().ok().map(Arc::from)
}

/// Refuses a signature that is ill-formed. Whether it is right is not looked at by this version:
/// any access key is the administrator, so there is no secret to verify it with. A request without
/// one is taken as well.
fn check_signature(request: &Request, now: Timestamp) -> Result<(), sigv4::Error> {
    let rules = Rules {
        now_ms: now.0,
        skew_ms_max: i64::MAX,
        service: None,
    };
    match Claim::read(request, &rules) {
        Err(malformed @ sigv4::Error::Incomplete(_)) => Err(malformed),
        _ => Ok(()),
    }
}

/// Adds what a service answers beyond its model. A value that no header may hold is left out.
fn with_headers(mut response: Response, headers: &[(&'static str, String)]) -> Response {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers.insert(*name, value);
        }
    }
    response
}

impl Door for Gateway {
    fn call(&self, caller: Caller, request: Request) -> Answer<'_> {
        Box::pin(self.answer(caller, request))
    }
}

impl Handler for Gateway {
    async fn handle(&self, peer: IpAddr, request: Request) -> Response {
        if let Err(refused) = guard::check(&request) {
            return Response::new(403, format!("{refused}\n"));
        }
        self.answer(Caller::over_socket(peer), request).await
    }
}

/// Who calls, in which account and region.
struct Principal {
    account: Arc<str>,
    region: Arc<str>,
    caller: services::access::Caller,
}

impl Principal {
    /// Over a socket any access key is the administrator of an account; see `docs`. In process the
    /// caller says who it is.
    fn of(caller: &Caller, route: &Route<'_>) -> Principal {
        let of = |principal| services::access::Caller {
            principal: Arc::new(principal),
            session: None,
            access_key_id: None,
        };
        match caller {
            Caller::Signed { .. } => {
                let account = route.access_key_id.as_deref().and_then(account_of_key);
                let account = account.unwrap_or(DEFAULT_ACCOUNT);
                let region: Arc<str> = (&*route.region).into();
                Principal {
                    account: account.into(),
                    region,
                    caller: services::access::Caller::root(account),
                }
            }
            Caller::Role {
                role_arn,
                session_name,
                region,
                account,
                ..
            } => {
                let name = role_arn.role_path_and_name().map_or("", |(_, name)| name);
                let session = RoleSession {
                    account: (&*role_arn.account).into(),
                    role_arn: role_arn.to_string().into(),
                    role_name: name.into(),
                    role_id: "".into(),
                    session_name: (&**session_name).into(),
                    tags: Arc::default(),
                    transitive_tag_keys: Arc::default(),
                    source_identity: None,
                    federated_provider: None,
                    temporary: Temporary {
                        issued_ms: 0,
                        mfa: false,
                    },
                };
                Principal {
                    account: (&**account).into(),
                    region: (&**region).into(),
                    caller: of(aws::iam::Principal::Role(Arc::new(session))),
                }
            }
            Caller::Service {
                principal,
                region,
                account,
                ..
            } => Principal {
                account: (&**account).into(),
                region: (&**region).into(),
                caller: of(aws::iam::Principal::Service {
                    name: (&**principal).into(),
                    region: (&**region).into(),
                    acting: aws::iam::Acting::default(),
                }),
            },
        }
    }
}

/// A 12-digit access key selects that account.
fn account_of_key(key: &str) -> Option<&str> {
    (key.len() == 12 && key.bytes().all(|b| b.is_ascii_digit())).then_some(key)
}

/// The wall-clock time.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
