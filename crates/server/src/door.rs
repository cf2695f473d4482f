//! The request path: guard, route, authenticate, throttle, decode, authorise, handle, audit,
//! encode. Every call takes it, whether it came over a socket or from a Task.

mod perform;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use asl::time::Timestamp;
use aws::door::Served;
use aws::route::{Route, route};
use aws::{Answer, Caller, Common, Door, Request, Response, Service, ServiceError};
use http::HeaderValue;
use json::Value;
use services::call::Client;
use services::{Call, Services};
use uuid::Uuid;

use crate::guard::{self, Hosts};
use crate::http::Handler;
use crate::metrics::Page;
use crate::mocks::MockFile;
use crate::throttle::{self, Throttle};

/// The front of all services.
pub(crate) struct Gateway {
    services: Arc<Services>,
    settings: Settings,
}

/// What holds of every call.
#[derive(Default)]
pub(crate) struct Settings {
    pub throttle: Throttle,
    /// The names that clients call the server by.
    pub hosts: Hosts,
    /// Whether the audit log holds data calls as well.
    pub audits_data_calls: bool,
    /// The test cases that an execution may be started under.
    pub mocks: Option<Arc<MockFile>>,
    /// The page `/metrics`, where it has no listener of its own.
    pub page: Option<Page>,
}

impl Gateway {
    pub(crate) fn new(services: Services, settings: Settings) -> Gateway {
        Gateway {
            services: Arc::new(services),
            settings,
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
        let operation = route.operation;
        let mut served = Served::default();
        let obeyed = self.obeyed(route, caller, request, request_id, now, &mut served);
        let mut answer = match obeyed.await {
            Ok(answer) => answer,
            Err(error) => {
                if error.status.is_some_and(|status| status >= 500) {
                    tracing::error!(operation = &*operation.name, %error, "an operation failed");
                }
                let response = aws::protocol::encode_error(route.model, &error, request_id);
                return told(response, served, caller);
            }
        };
        served.function = answer.function.take();
        let output = aws::protocol::Output {
            members: answer.members,
            body: answer.body,
        };
        let response = aws::protocol::encode_response(route.model, operation, &output, request_id);
        told(with_headers(response, &answer.headers), served, caller)
    }

    /// Authenticates, decodes, authorises, handles; notes under which policies of a role.
    async fn obeyed(
        &self,
        route: &Route<'_>,
        caller: &Caller,
        request: &Request,
        request_id: &str,
        now: Timestamp,
        served: &mut Served,
    ) -> Result<services::Answer, ServiceError> {
        let protocol = route.model.protocol;
        let called = (route.service, &*route.operation.name);
        let not_served = || ServiceError::not_served_yet(route.model, &route.operation.name);
        let facts = Services::facts(called.0, called.1).ok_or_else(not_served)?;
        let access = &self.services.identity().access;
        let known = access
            .authenticate(request, route, facts, caller, now)
            .await?;
        let throttle = &self.settings.throttle;
        // What is counted by the type of its state machine has to be decoded first.
        let is_by_type = throttle.is_by_type(called);
        let exceeded = || ServiceError::common(Common::Throttling, protocol, "Rate exceeded");
        let whose = throttle::Caller {
            account: &known.account,
            region: &known.region,
        };
        if !is_by_type && !throttle.admits(called, whose, false, Instant::now()) {
            return Err(exceeded());
        }
        if caller.attempt().is_some() {
            served.role_policies = access.policy_versions(&known.caller).await?;
        }
        let input = aws::protocol::decode_request(route.model, route.operation, request)?;
        let (members, mock_case) = self.take_mock_case(called, input.members)?;
        let call = Call {
            service: route.service,
            operation: &route.operation.name,
            client: client(caller, request),
            account: known.account,
            region: known.region,
            caller: known.caller,
            request_id: request_id.into(),
            now,
            input: members,
            body: input.body,
            violations: input.violations,
            mock_case,
            attempt: caller.attempt().map(Arc::from),
            trace_header: text_of(request, "x-amzn-trace-id"),
        };
        if is_by_type {
            let is_express = self.services.names_express(&call).await;
            let whose = throttle::Caller {
                account: &call.account,
                region: &call.region,
            };
            if !throttle.admits(called, whose, is_express, Instant::now()) {
                return Err(exceeded());
            }
        }
        let performed =
            perform::perform(&self.services, facts, self.settings.audits_data_calls, call);
        performed.await.unwrap_or_else(|| Err(not_served()))
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
        let Some(mocks) = &self.settings.mocks else {
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

/// Adds what served the call, for the attempt of a Task.
fn told(mut response: Response, served: Served, caller: &Caller) -> Response {
    if caller.attempt().is_some() && served != Served::default() {
        response.served = Some(Box::new(served));
    }
    response
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
        if let Err(refused) = guard::check(&request, self.settings.hosts) {
            return Response::new(403, format!("{refused}\n"));
        }
        match &self.settings.page {
            Some(page) if Page::is_asked_for(&request) => page.answer_near(peer, &request).await,
            _ => self.answer(Caller::over_socket(peer), request).await,
        }
    }
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
