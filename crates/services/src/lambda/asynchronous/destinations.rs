//! Who hears what became of an event: destinations, and dead-letter queues.

use std::time::Duration;

use aws::protocol;
use aws::sigv4::{self, Credentials};
use aws::{Arn, Caller, Door, Response, Service};
use bytes::Bytes;
use engine::TaskOutcome;
use functions::Invoked;
use json::{Object, ObjectBuilder, Value};
use uuid::Uuid;

use asl::time::Timestamp;

use super::{Condition, Event, address};
use crate::lambda::Lambda;
use crate::lambda::address::LATEST;
use crate::lambda::credentials::{Keys, now_ms};
use crate::lambda::function::Resolved;
use crate::lambda::invoke::measures::Measure;
use crate::lambda::invoke::payload::ASYNC_EVENT_BYTES_MAX;
use crate::system::failed;

/// How often a delivery that may succeed another time is tried again; the definition's Retry goes
/// further, for what is not known.
const RETRIES_MAX: i64 = 5;
/// A function accepts an event in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What a destination is told (Lambda guide, "Capturing records of Lambda asynchronous
/// invocations").
///
/// # Errors
/// What is too large to be told.
pub(super) fn record(
    event: &Event,
    resolved: &Resolved,
    condition: Condition,
    invoked: Option<&Invoked>,
) -> Result<Object, String> {
    let runs = event.errors + u64::from(invoked.is_some());
    let context = ObjectBuilder::new()
        .add("requestId", event.request_id.as_str())
        .add("functionArn", qualified(&event.function_arn))
        .add("condition", condition.name())
        .add("approximateInvokeCount", super::number(runs))
        .build();
    let mut record = ObjectBuilder::new();
    record
        .add("version", "1.0")
        .add("timestamp", aws::time::iso8601(now_ms()))
        .add("requestContext", context)
        .add("requestPayload", event.payload.clone());
    let Some(invoked) = invoked else {
        return Ok(record.build());
    };
    let size = invoked.payload().len();
    if size > ASYNC_EVENT_BYTES_MAX {
        return Err(too_large("the result", size));
    }
    let mut response = ObjectBuilder::new();
    response
        .add("statusCode", 200)
        .add("executedVersion", resolved.snapshot().version.as_str());
    if let Invoked::FunctionError { .. } = invoked {
        response.add("functionError", "Unhandled");
    }
    let text = String::from_utf8_lossy(invoked.payload()).into_owned();
    let payload = json::parse(&text).unwrap_or_else(|_| text.into());
    record
        .add("responseContext", response.build())
        .add("responsePayload", payload);
    Ok(record.build())
}

fn too_large(what: &str, size: usize) -> String {
    format!("{what} has {size} bytes, and a record at most {ASYNC_EVENT_BYTES_MAX}")
}

/// The ARN as records have it: with a qualifier, whoever invoked it without one.
fn qualified(function_arn: &str) -> String {
    let qualifier = address(function_arn).and_then(|address| address.qualifier);
    match qualifier {
        Some(_) => function_arn.to_owned(),
        None => format!("{function_arn}:{LATEST}"),
    }
}

/// Why a destination did not get its record.
enum Undelivered {
    /// It may get it another time.
    ForNow(String),
    ForGood(String),
}

impl Lambda {
    /// Tells the destinations of an event what `input` says became of it.
    pub(crate) async fn deliver_record(&self, door: &dyn Door, input: &Value) -> TaskOutcome {
        let tried = input.get("event").and_then(|event| event.get("tried"));
        let event = input.get("event").and_then(Event::read);
        let (Some(event), Some(tried)) = (event, tried) else {
            return failed("States.Runtime", "the input is no event with a record");
        };
        let retries = input.get("retries").and_then(Value::as_i64);
        let arn = |member| tried.get(member).and_then(Value::as_str);
        if let Some(destination) = arn("destination") {
            match self.deliver(door, &event, destination, tried).await {
                Ok(()) => {}
                Err(Undelivered::ForNow(cause)) if retries.unwrap_or_default() < RETRIES_MAX => {
                    return failed("Lambda.DestinationDeliveryFailure", cause);
                }
                Err(Undelivered::ForNow(cause) | Undelivered::ForGood(cause)) => {
                    self.undelivered(
                        &event,
                        destination,
                        Measure::DestinationDeliveryFailures,
                        &cause,
                    )
                    .await;
                }
            }
        }
        if let Some(dead_letter) = arn("dead_letter") {
            let cause = not_served(dead_letter);
            self.undelivered(&event, dead_letter, Measure::DeadLetterErrors, &cause)
                .await;
        }
        TaskOutcome::Succeeded(Value::empty_object())
    }

    /// Says in the log and in a metric that a target has not heard of an event.
    async fn undelivered(&self, event: &Event, target: &str, measure: Measure, cause: &str) {
        if let Some(address) = address(&event.function_arn)
            && let Ok(Some(resolved)) = self.find(&address, 1.0).await
        {
            self.measure(&resolved, event, measure, 1.0);
        }
        log_undelivered(event, target, cause);
    }

    async fn deliver(
        &self,
        door: &dyn Door,
        event: &Event,
        destination: &str,
        tried: &Value,
    ) -> Result<(), Undelivered> {
        let Some(to) = address(destination) else {
            return Err(Undelivered::ForGood(not_served(destination)));
        };
        let record = tried.get("record").map(Value::to_text).unwrap_or_default();
        if record.len() > ASYNC_EVENT_BYTES_MAX {
            return Err(Undelivered::ForGood(too_large("the record", record.len())));
        }
        let keys = self.keys_of(event).await?;
        let request = request(destination, &to.region, &record.into(), &keys);
        let caller = Caller::Signed {
            peer: None,
            attempt: None,
        };
        let response = door.call(caller, request.map_err(Undelivered::ForGood)?);
        match tokio::time::timeout(TIMEOUT, response).await {
            Ok(response) => delivered(&response),
            Err(_) => Err(Undelivered::ForNow("it did not answer in time".to_owned())),
        }
    }

    /// What the record of an event is sent with: credentials of the role of its function.
    async fn keys_of(&self, event: &Event) -> Result<Keys, Undelivered> {
        let for_good = |text: &str| Undelivered::ForGood(text.to_owned());
        let from = address(&event.function_arn);
        let from = from.ok_or_else(|| for_good("the event names no function"))?;
        let found = self.find(&from, 1.0).await;
        let found = found.map_err(|error| Undelivered::ForNow(error.to_string()))?;
        let resolved = found
            .ok_or_else(|| for_good("the function is gone, and with it the role to send as"))?;
        let function = &resolved.function;
        let role = &resolved.snapshot().configuration.role;
        let acting = self.acting(function, role, Timestamp(now_ms())).await;
        let acting = acting.map_err(|error| match error.status {
            Some(500..) => Undelivered::ForNow(error.message),
            _ => Undelivered::ForGood(error.message),
        })?;
        acting
            .keys(&function.account, &function.name, &self.seal)
            .ok_or_else(|| for_good("the role of the function gives no credentials"))
    }
}

/// One line of the log for each event that somebody was to hear of and did not.
pub(super) fn log_undelivered(event: &Event, target: &str, cause: &str) {
    tracing::error!(
        function = &*event.function_arn,
        request_id = &*event.request_id,
        target,
        cause,
        "the end of an event was not delivered"
    );
}

fn not_served(target: &str) -> String {
    let service = Arn::parse(target).map_or_else(|_| target.to_owned(), |arn| arn.service);
    format!("the service `{service}` is not served by this version of Lockstep")
}

/// The invocation of a destination, signed.
fn request(
    function_arn: &str,
    region: &str,
    record: &Bytes,
    keys: &Keys,
) -> Result<aws::Request, String> {
    let model = Service::Lambda.model().map_err(|error| error.to_string())?;
    let invoke = model.operation("Invoke").ok_or("the model has no Invoke")?;
    let members = ObjectBuilder::new()
        .add("FunctionName", function_arn)
        .add("InvocationType", "Event")
        .build();
    let request = protocol::encode_request(model, invoke, &members.into(), Some(record));
    let mut request = request.map_err(|error| error.to_string())?;
    let host = format!("{}.{region}.amazonaws.com", model.endpoint_prefix);
    // Two deliveries that are the same but for this are two, and not one that is replayed.
    let id = Uuid::new_v4().to_string();
    for (name, value) in [("host", host), ("amz-sdk-invocation-id", id)] {
        let value = value
            .parse()
            .map_err(|_| format!("`{value}` is no header"))?;
        request.headers.insert(name, value);
    }
    let credentials = Credentials {
        access_key_id: &keys.access_key_id,
        secret_access_key: &keys.secret_access_key,
        session_token: Some(&keys.session_token),
    };
    let service = &model.signing_name;
    sigv4::sign(&mut request, &credentials, region, service, now_ms())
        .map_err(|error| error.to_string())?;
    Ok(request)
}

fn delivered(response: &Response) -> Result<(), Undelivered> {
    if response.is_success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&response.body).into_owned();
    Err(match response.status {
        429 | 500.. => Undelivered::ForNow(text),
        _ => Undelivered::ForGood(text),
    })
}
