//! Invoke: runs a function, a version or an alias and answers with what it gave, or accepts an
//! event that is delivered later.

pub(super) mod measures;
pub(super) mod payload;
mod spec;
#[cfg(test)]
pub(super) mod testing;

use std::sync::Arc;

use aws::ServiceError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use engine::Engine;
use functions::{Invocation, InvokeError, Invoked, Report, Throttle};
use json::{ObjectBuilder, Value};
use uuid::Uuid;

use asl::time::Timestamp;

use super::Lambda;
use super::address::{Address, LATEST};
use super::function::Resolved;
use super::remote::Remotes;
use crate::{Answer, Call, Foundations};
use measures::{Measure, Measures};

/// What invocations stand on, beside what all of Lambda does.
pub(super) struct Invoking {
    /// Where accepted events wait.
    pub engine: Engine,
    pub measures: Measures,
    pub remotes: Remotes,
}

impl Invoking {
    pub(super) fn new(foundations: &Foundations) -> Invoking {
        Invoking {
            engine: foundations.engine.clone(),
            measures: Measures::new(Arc::clone(&foundations.metrics)),
            remotes: Remotes::new(
                foundations.remote_functions.clone(),
                Arc::clone(&foundations.outbound),
            ),
        }
    }
}

/// Why a function was not run.
pub(super) enum NotRun {
    /// By the pool.
    Pool(InvokeError),
    /// Its role can't be taken, or the store can't be read.
    Refused(ServiceError),
}

impl From<NotRun> for ServiceError {
    fn from(not_run: NotRun) -> ServiceError {
        match not_run {
            NotRun::Pool(error) => refusal(&error),
            NotRun::Refused(error) => error,
        }
    }
}

impl Lambda {
    pub(super) async fn invoke(&self, call: &Call) -> Result<Answer, ServiceError> {
        let address = Address::of(call)?;
        for member in ["DurableExecutionName", "TenantId"] {
            if call.text(member).is_some() {
                return Err(super::not_served(member));
            }
        }
        if let Some(remote) = self.invoking.remotes.find(&address) {
            return self.invoking.remotes.invoke(remote, &address, call).await;
        }
        let Some(resolved) = self.find(&address, chance()).await? else {
            // Recorded: an invocation without a qualifier is one of $LATEST in this text.
            let arn = match &address.qualifier {
                Some(_) => address.qualified_arn(),
                None => address.arn_of(LATEST),
            };
            return Err(super::not_found(&arn));
        };
        let kind = call.text("InvocationType").unwrap_or("RequestResponse");
        let event = payload::event(call, kind)?;
        let trace_id = payload::trace_id(call);
        match kind {
            "Event" => {
                self.accept(call, &address, &resolved, event, &trace_id)
                    .await?;
                Ok(with_headers(
                    ObjectBuilder::new().add("StatusCode", 202).into(),
                    trace_id,
                ))
            }
            "DryRun" => Ok(ObjectBuilder::new().add("StatusCode", 204).into()),
            _ => {
                let invocation = Invocation {
                    request_id: call.request_id.to_string(),
                    payload: event,
                    invoked_arn: address.qualified_arn(),
                    client_context: payload::client_context(call)?,
                    trace_id: Some(trace_id.clone()),
                    log_tail: call.text("LogType") == Some("Tail"),
                };
                let invoked = self.run(&resolved, invocation, call.now).await?;
                let mut answer = answer(&invoked, trace_id);
                answer.function = Some(served_by(call, &resolved, invoked.report()));
                Ok(answer)
            }
        }
    }

    /// Runs a version of a function to its end, and measures that.
    pub(super) async fn run(
        &self,
        resolved: &Resolved,
        invocation: Invocation,
        now: Timestamp,
    ) -> Result<Invoked, NotRun> {
        let (function, measures) = (&resolved.function, &self.invoking.measures);
        let role = &resolved.snapshot().configuration.role;
        let acting = self.acting(function, role, now).await;
        let spec = Arc::new(self.spec(resolved, acting.map_err(NotRun::Refused)?));
        let measured = measures.of(function, &invocation.invoked_arn);
        let running = measures.begin(function, &measured, now.0);
        let invoked = self.pool.invoke(&spec, invocation).await;
        drop(running);
        let record = |measure, value| measures.record(&measured, measure, value, now.0);
        match &invoked {
            Ok(done) => {
                let failed = matches!(done, Invoked::FunctionError { .. });
                record(Measure::Invocations, 1.0);
                record(Measure::Errors, if failed { 1.0 } else { 0.0 });
                record(Measure::Throttles, 0.0);
                let duration_ms = done.report().duration.as_secs_f64() * 1_000.0;
                record(Measure::Duration, duration_ms);
            }
            Err(InvokeError::Throttled(_)) => record(Measure::Throttles, 1.0),
            Err(_) => {}
        }
        invoked.map_err(NotRun::Pool)
    }
}

/// A number from 0 to below 1, each as likely as the others.
pub(super) fn chance() -> f64 {
    let [_, _, third, fourth, ..] = Uuid::new_v4().into_bytes();
    let [.., first, second] = Uuid::new_v4().into_bytes();
    let drawn = u32::from_be_bytes([first, second, third, fourth]);
    f64::from(drawn) / (f64::from(u32::MAX) + 1.0)
}

fn answer(invoked: &Invoked, trace_id: String) -> Answer {
    let mut members = ObjectBuilder::new();
    members.add("StatusCode", 200);
    let (Invoked::Ok {
        executed_version, ..
    }
    | Invoked::FunctionError {
        executed_version, ..
    }) = invoked;
    if let Invoked::FunctionError { .. } = invoked {
        members.add("FunctionError", "Unhandled");
    }
    if !invoked.log_tail().is_empty() {
        members.add("LogResult", BASE64_STANDARD.encode(invoked.log_tail()));
    }
    members.add("ExecutedVersion", executed_version.as_str());
    let mut answer = Answer::from(&mut members);
    answer.body = Some(invoked.payload().clone());
    answer = with_headers(answer, trace_id);
    answer
        .headers
        .push(("content-type", "application/json".to_owned()));
    answer
}

/// Lambda's front answers with these on every invocation (recorded).
fn with_headers(mut answer: Answer, trace_id: String) -> Answer {
    answer.headers = vec![
        ("x-amzn-remapped-content-length", "0".to_owned()),
        ("x-amzn-trace-id", trace_id),
    ];
    answer
}

/// What ran, for whoever called from within.
fn served_by(call: &Call, resolved: &Resolved, report: &Report) -> Value {
    let snapshot = resolved.snapshot();
    ObjectBuilder::new()
        .add("functionArn", resolved.function.arn.as_str())
        .add("version", snapshot.version.as_str())
        .add("codeSha256", snapshot.code.sha256_base64.as_str())
        .add("requestId", &*call.request_id)
        .add("logGroup", &*report.log_group)
        .add("logStream", &*report.log_stream)
        .build()
        .into()
}

/// AWS's error for a function that could not run.
fn refusal(error: &InvokeError) -> ServiceError {
    match error {
        InvokeError::Throttled(throttle) => {
            let reason = match throttle {
                Throttle::ReservedConcurrency => {
                    "ReservedFunctionConcurrentInvocationLimitExceeded"
                }
                Throttle::Concurrency => "ConcurrentInvocationLimitExceeded",
            };
            ServiceError::new("TooManyRequestsException", "Rate Exceeded.")
                .with_field("Reason", reason)
                .with_field("Type", "User")
        }
        InvokeError::RuntimeUnsupported { .. } | InvokeError::RuntimeMissing { .. } => {
            ServiceError::new("InvalidRuntimeException", error.to_string())
                .with_field("Type", "User")
        }
        InvokeError::Code(_) | InvokeError::Start(_) | InvokeError::ShuttingDown => {
            ServiceError::new("ServiceException", error.to_string()).with_field("Type", "Service")
        }
    }
}
