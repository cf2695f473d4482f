//! Events that are accepted and delivered later (InvocationType Event).
//!
//! An accepted event is a system execution (`crate::system`): it survives any crash, and its
//! definition waits and tries again. What a try comes to is decided here (Lambda guide, "How Lambda
//! handles errors and retries with asynchronous invocation").

mod destinations;

use aws::{Arn, ServiceError};
use bytes::Bytes;
use engine::{StartError, TaskOutcome};
use functions::{Invocation, InvokeError, Invoked};
use json::{Object, ObjectBuilder, Value};

use asl::time::Timestamp;

use super::Lambda;
use super::address::Address;
use super::credentials::now_ms;
use super::event_invoke::EventInvokeConfig;
use super::function::Resolved;
use super::invoke::measures::Measure;
use super::invoke::{NotRun, chance};
use crate::Call;
use crate::system::{self, LAMBDA_EVENT, failed};

/// After the first failure of a function its event waits for this long, after the second twice as
/// long.
const RETRY_SECONDS: u64 = 60;

/// An accepted event, as the input of its execution: part of the store's format.
struct Event {
    /// As it was invoked, with its qualifier.
    function_arn: String,
    request_id: String,
    trace_id: String,
    received_ms: i64,
    payload: Value,
    /// Function errors so far.
    errors: u64,
}

/// How long an event may wait, and how often its function may fail, where nothing was said (Lambda
/// API reference, "PutFunctionEventInvokeConfig").
const AGE_SECONDS_MAX: u32 = 21_600;
const RETRIES_MAX: u32 = 2;

/// What became of a try.
enum Tried {
    /// The function has to be tried again.
    Again {
        errors: u64,
        seconds: u64,
    },
    Ended(Condition),
}

/// Why an event is over, in the words of a destination's record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Success,
    RetriesExhausted,
    EventAgeExceeded,
    ZeroReservedConcurrency,
}

impl Condition {
    fn name(self) -> &'static str {
        match self {
            Condition::Success => "Success",
            Condition::RetriesExhausted => "RetriesExhausted",
            Condition::EventAgeExceeded => "EventAgeExceeded",
            Condition::ZeroReservedConcurrency => "ZeroReservedConcurrency",
        }
    }
}

impl Event {
    fn shown(&self) -> Object {
        ObjectBuilder::new()
            .add("function_arn", self.function_arn.as_str())
            .add("request_id", self.request_id.as_str())
            .add("trace_id", self.trace_id.as_str())
            .add("received_ms", self.received_ms)
            .add("payload", self.payload.clone())
            .build()
    }

    fn read(input: &Value) -> Option<Event> {
        let text = |member| Some(input.get(member)?.as_str()?.to_owned());
        let errors = input.get("tried").and_then(|tried| tried.get("errors"));
        Some(Event {
            function_arn: text("function_arn")?,
            request_id: text("request_id")?,
            trace_id: text("trace_id")?,
            received_ms: input.get("received_ms")?.as_i64()?,
            payload: input.get("payload")?.clone(),
            errors: errors
                .and_then(Value::as_i64)
                .and_then(|errors| u64::try_from(errors).ok())
                .unwrap_or_default(),
        })
    }

    fn age_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.received_ms).max(0)
    }
}

/// The address that an ARN of ours is.
fn address(function_arn: &str) -> Option<Address> {
    let arn = Arn::parse(function_arn).ok()?;
    let (name, qualifier) = arn.function_name_and_qualifier()?;
    Some(Address {
        region: arn.region.clone(),
        account: arn.account.clone(),
        name: name.to_owned(),
        qualifier: qualifier.map(str::to_owned),
    })
}

impl Lambda {
    /// Takes an event in. Once this returned it survives any crash.
    pub(super) async fn accept(
        &self,
        call: &Call,
        address: &Address,
        resolved: &Resolved,
        payload: Bytes,
        trace_id: &str,
    ) -> Result<(), ServiceError> {
        let text = String::from_utf8_lossy(&payload).into_owned();
        let payload = json::parse_lazy(text.into()).map_err(|error| {
            ServiceError::new("InvalidRequestContentException", error.to_string())
        })?;
        let event = Event {
            function_arn: address.qualified_arn(),
            request_id: call.request_id.to_string(),
            trace_id: trace_id.to_owned(),
            received_ms: call.now.0,
            payload,
            errors: 0,
        };
        let place = (&*address.account, &*address.region);
        let started = system::start(
            &self.invoking.engine,
            &LAMBDA_EVENT,
            place,
            event.shown().into(),
        );
        started.await.map_err(|error| match error {
            // AWS throttles callers of a function that has too many events waiting.
            StartError::LimitExceeded => {
                ServiceError::new("TooManyRequestsException", "Rate Exceeded.")
                    .with_field("Reason", "ConcurrentInvocationLimitExceeded")
                    .with_field("Type", "User")
            }
            error => ServiceError::new("ServiceException", error.to_string())
                .with_field("Type", "Service"),
        })?;
        self.measure(resolved, &event, Measure::AsyncEventsReceived, 1.0);
        Ok(())
    }

    fn measure(&self, resolved: &Resolved, event: &Event, measure: Measure, value: f64) {
        let measures = &self.invoking.measures;
        let measured = measures.of(&resolved.function, &event.function_arn);
        measures.record(&measured, measure, value, now_ms());
    }

    /// One try to deliver an event: what the definition goes on with. A failure means that there
    /// was no try, and is answered by its Retry.
    pub(crate) async fn try_event(&self, input: &Value) -> TaskOutcome {
        let Some(event) = Event::read(input) else {
            return failed("States.Runtime", "the input is no event");
        };
        let Some(address) = address(&event.function_arn) else {
            return failed("States.Runtime", "the event names no function");
        };
        match self.find(&address, chance()).await {
            Ok(Some(resolved)) => self.try_function(&event, &address, &resolved).await,
            Ok(None) => {
                let (function, request_id) = (&*event.function_arn, &*event.request_id);
                tracing::warn!(
                    function,
                    request_id,
                    "an event is dropped: its function is gone"
                );
                TaskOutcome::Succeeded(Value::empty_object())
            }
            Err(error) => failed("Lambda.ServiceException", error.to_string()),
        }
    }

    async fn try_function(
        &self,
        event: &Event,
        address: &Address,
        resolved: &Resolved,
    ) -> TaskOutcome {
        let settings = match self.event_invoke_config(address).await {
            Ok(settings) => settings.unwrap_or_default(),
            Err(error) => return failed("Lambda.ServiceException", error.to_string()),
        };
        let now = now_ms();
        let age_ms = event.age_ms(now);
        if resolved.function.reserved_concurrency == Some(0) {
            return self.end(
                (event, resolved, &settings),
                Condition::ZeroReservedConcurrency,
                None,
            );
        }
        if age_ms > seconds_ms(settings.age_seconds_max.unwrap_or(AGE_SECONDS_MAX)) {
            return self.end(
                (event, resolved, &settings),
                Condition::EventAgeExceeded,
                None,
            );
        }
        // A float holds every age up to thousands of years exactly.
        self.measure(resolved, event, Measure::AsyncEventAge, float(age_ms));
        let invocation = Invocation {
            request_id: event.request_id.clone(),
            payload: event.payload.to_text().into(),
            invoked_arn: event.function_arn.clone(),
            client_context: None,
            trace_id: Some(event.trace_id.clone()),
            log_tail: false,
        };
        let invoked = match self.run(resolved, invocation, Timestamp(now)).await {
            Ok(invoked) => invoked,
            Err(NotRun::Pool(InvokeError::Throttled(_))) => {
                return failed("Lambda.TooManyRequestsException", "Rate Exceeded.");
            }
            Err(not_run) => {
                let error = ServiceError::from(not_run);
                let (function, request_id) = (&*event.function_arn, &*event.request_id);
                tracing::warn!(function, request_id, %error, "an event waits: it can't be tried");
                return failed(&format!("Lambda.{}", error.code), error.message);
            }
        };
        match tried(event.errors, &settings, &invoked) {
            Tried::Again { errors, seconds } => {
                let again = ObjectBuilder::new()
                    .add("errors", number(errors))
                    .add("again_in_seconds", number(seconds))
                    .build();
                TaskOutcome::Succeeded(again.into())
            }
            Tried::Ended(condition) => {
                self.end((event, resolved, &settings), condition, Some(&invoked))
            }
        }
    }

    /// The event is over: what its destinations are to hear, if it has any.
    fn end(
        &self,
        (event, resolved, settings): (&Event, &Resolved, &EventInvokeConfig),
        condition: Condition,
        invoked: Option<&Invoked>,
    ) -> TaskOutcome {
        let (destination, dead_letter) = match condition {
            Condition::Success => (settings.on_success.as_ref(), None),
            _ => {
                let dead_letter = resolved.snapshot().configuration.dead_letter_arn.as_ref();
                (settings.on_failure.as_ref(), dead_letter)
            }
        };
        if condition != Condition::Success {
            self.measure(resolved, event, Measure::AsyncEventsDropped, 1.0);
        }
        let mut end = ObjectBuilder::new();
        let targets = [("destination", destination), ("dead_letter", dead_letter)];
        let targets = targets
            .into_iter()
            .filter_map(|(member, arn)| Some((member, arn?)));
        for (member, arn) in targets {
            end.add(member, arn.as_str());
        }
        if destination.is_some() || dead_letter.is_some() {
            match destinations::record(event, resolved, condition, invoked) {
                Ok(record) => end.add("record", record),
                Err(cause) => {
                    self.measure(resolved, event, Measure::DestinationDeliveryFailures, 1.0);
                    destinations::log_undelivered(event, "all", &cause);
                    &mut end
                }
            };
        }
        TaskOutcome::Succeeded(end.build().into())
    }
}

/// What a function that ran makes of its event.
fn tried(errors: u64, settings: &EventInvokeConfig, invoked: &Invoked) -> Tried {
    match invoked {
        Invoked::Ok { .. } => Tried::Ended(Condition::Success),
        Invoked::FunctionError { .. }
            if errors >= u64::from(settings.retries_max.unwrap_or(RETRIES_MAX)) =>
        {
            Tried::Ended(Condition::RetriesExhausted)
        }
        Invoked::FunctionError { .. } => {
            let doublings = u32::try_from(errors).unwrap_or(u32::MAX);
            Tried::Again {
                errors: errors + 1,
                seconds: RETRY_SECONDS.saturating_mul(2_u64.saturating_pow(doublings)),
            }
        }
    }
}

fn seconds_ms(seconds: u32) -> i64 {
    i64::from(seconds) * 1_000
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn float(milliseconds: i64) -> f64 {
    std::time::Duration::from_millis(milliseconds.unsigned_abs()).as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests;
