//! Lambda tasks: a function's ARN as the resource, and `arn:aws:states:::lambda:invoke`.

use std::sync::Arc;

use aws::Service;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use engine::{Pattern, TaskOutcome};
use json::{Object, ObjectBuilder, Value};

use crate::api::{self, Answer, Api};
use crate::outcome::{self, Spelling};
use crate::outgoing::Outgoing;

const SPELLING: Spelling = Spelling {
    prefix: "Lambda",
    sdk_name: "AWSLambda",
    unmodelled: "AWSLambdaException",
};

/// The error of a function that failed without naming one.
const UNKNOWN: &str = "Lambda.Unknown";
/// What stands before its answer then (known from reports of users).
const NO_ERROR_TYPE: &str = "The cause could not be determined because Lambda did not return an \
                             error type. Returned payload:";

/// The members of `Parameters` that go into the request; `Payload` is its body.
const MEMBERS: &[&str] = &["FunctionName", "Qualifier", "InvocationType", "LogType"];

/// A plain function ARN: the parameters are the event, the result comes back bare.
pub(crate) async fn function(out: Outgoing<'_>) -> TaskOutcome {
    let call = out.call;
    let members = ObjectBuilder::new()
        .add("FunctionName", &*call.call.resource.arn)
        .add("InvocationType", "RequestResponse")
        .build();
    let event = Bytes::from(call.call.parameters.to_text());
    let answer = match send(out, members, Some(event)).await {
        Ok(answer) => answer,
        Err(outcome) => return outcome,
    };
    if let Some(failure) = answer.function_failure(str::to_owned) {
        return failure;
    }
    TaskOutcome::Succeeded(answer.payload())
}

/// `lambda:invoke`: parameters as the Invoke API has them; the result shows the whole answer.
pub(crate) async fn invoke(out: Outgoing<'_>) -> TaskOutcome {
    let call = out.call;
    let parameters = &call.call.parameters;
    let mut members = ObjectBuilder::new();
    for name in MEMBERS {
        if let Some(value) = parameters.get(name) {
            members.add(*name, value.clone());
        }
    }
    if let Some(context) = parameters.get("ClientContext") {
        members.add("ClientContext", client_context(context));
    }
    let event = parameters
        .get("Payload")
        .filter(|payload| !payload.is_null())
        .map(event);
    let answer = match send(out, members.build(), event).await {
        Ok(answer) => answer,
        Err(outcome) => return outcome,
    };
    // This integration reads the error and writes it again, without white space (recorded).
    let compact = |cause: &str| json::parse(cause).map_or(cause.to_owned(), |v| v.to_text());
    if let Some(failure) = answer.function_failure(compact) {
        return failure;
    }
    match call.call.resource.pattern {
        Pattern::WaitForTaskToken => TaskOutcome::Submitted(answer.result()),
        Pattern::RequestResponse | Pattern::RunJob => TaskOutcome::Succeeded(answer.result()),
    }
}

/// A `Payload` as the body of the call. A string that is JSON is sent as that JSON (recorded: the
/// string `0` reaches the function as the number); any other is sent as a JSON string.
fn event(payload: &Value) -> Bytes {
    match payload.as_str() {
        Some(text) if json::parse_lazy(text.into()).is_ok() => Bytes::from(text.to_owned()),
        _ => Bytes::from(payload.to_text()),
    }
}

/// An object is sent as the API wants it, base64 of its text; a string is taken to be that already.
fn client_context(context: &Value) -> Value {
    match context.as_str() {
        Some(text) => text.into(),
        None => BASE64_STANDARD.encode(context.to_text()).into(),
    }
}

/// What Invoke answered.
struct Invoked(Answer);

async fn send(
    out: Outgoing<'_>,
    members: Object,
    event: Option<Bytes>,
) -> Result<Invoked, TaskOutcome> {
    let invoke = Api::find(Service::Lambda, "Invoke").map_err(|text| SPELLING.unsent(&text))?;
    let request = invoke.request(&members.into(), event.as_ref());
    let mut request = request.map_err(|trouble| SPELLING.failed(&trouble))?;
    // The function belongs to the trace of its execution. What no header can hold is no trace.
    if let Some(Ok(trace)) = out.call.trace_header.as_deref().map(str::parse) {
        request.headers.insert("x-amzn-trace-id", trace);
    }
    match out.send_request(invoke, request).await {
        Ok(answer) => Ok(Invoked(answer)),
        Err(trouble) => Err(SPELLING.failed(&trouble)),
    }
}

impl Invoked {
    /// A handler that failed: its own error name, and the whole error object as the cause.
    fn function_failure(&self, shown: impl Fn(&str) -> String) -> Option<TaskOutcome> {
        self.0.output.members.get("FunctionError")?;
        let cause = self.body_text();
        let object = json::parse(&cause).ok();
        let error = object
            .as_ref()
            .and_then(|object| object.get("errorType")?.as_str());
        Some(match error {
            Some(error) => outcome::failed(error, &shown(&cause)),
            None => outcome::failed(UNKNOWN, &format!("{NO_ERROR_TYPE} {cause}")),
        })
    }

    fn body_text(&self) -> String {
        let body = self.0.output.body.as_deref().unwrap_or_default();
        String::from_utf8_lossy(body).into_owned()
    }

    /// The function's result. An empty body (a dry run) has none. Managed runtimes always answer
    /// JSON; what is not is taken for a string, and what AWS does with it is unverified.
    fn payload(&self) -> Value {
        let text: Arc<str> = self.body_text().into();
        if text.is_empty() {
            return Value::null();
        }
        json::parse_lazy(Arc::clone(&text)).unwrap_or_else(|_| (&*text).into())
    }

    /// The API's answer as Step Functions shows it: members in alphabetical order.
    fn result(&self) -> Value {
        let mut result = ObjectBuilder::new();
        if let Some(version) = self.0.output.members.get("ExecutedVersion") {
            result.add("ExecutedVersion", version.clone());
        }
        if let Some(log) = self.0.output.members.get("LogResult") {
            result.add("LogResult", log.clone());
        }
        let payload = self.payload();
        if !payload.is_null() || self.0.response.status == 200 {
            result.add("Payload", payload);
        }
        api::add_metadata(&mut result, &self.0.response, HEADERS);
        result.add("StatusCode", i64::from(self.0.response.status));
        result.build().into()
    }
}

/// How the SDK spells the headers of an Invoke answer, in the order it lists them (recorded).
const HEADERS: &[&str] = &[
    "X-Amz-Log-Result",
    "X-Amz-Executed-Version",
    "x-amzn-Remapped-Content-Length",
    "Connection",
    "x-amzn-RequestId",
    "Content-Length",
    "Date",
    "X-Amzn-Trace-Id",
    "Content-Type",
];
