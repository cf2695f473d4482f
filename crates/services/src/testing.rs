//! Plays scripts of calls (`conformance/api/*.json`) against a service.
//!
//! A script is a list of cases, each with steps `{"call", "input", "answer" | "error"}`. An answer
//! is matched as far as it is given: members that are not named don't matter, `"*"` matches any
//! value, and `{"absent": true}` matches a missing member. An error is `[code, message]`, where a
//! message that ends in `*` is a prefix.

use std::future::Future;

use asl::time::Timestamp;
use aws::{Service, ServiceError};
use json::{Value, View};

use crate::{Answer, Call};

/// Every call of a script comes a second after the one before.
const START_MS: i64 = 1_790_000_000_000;

/// A call of `operation` as the door would make it.
pub(crate) fn call(service: Service, operation: &str, input: &Value, now_ms: i64) -> Call {
    let model = service.model().expect("the model is sound");
    let shape = model
        .operation(operation)
        .unwrap_or_else(|| panic!("no operation {operation}"));
    let body = input
        .get("body")
        .and_then(Value::as_str)
        .map(|b| b.to_owned().into());
    let check = |shape| aws::constraint::check(model, shape, input, body.is_some());
    Call {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        caller_arn: "arn:aws:iam::123456789012:root".into(),
        request_id: "00000000-0000-4000-8000-000000000000".into(),
        now: Timestamp(now_ms),
        violations: shape.input.map(check).unwrap_or_default(),
        mock_case: None,
        attempt: None,
        trace_header: None,
        input: input.clone(),
        body,
    }
}

/// Runs every case of a script; `fresh` makes the service a case starts with.
pub(crate) async fn play<S, F>(
    file: &str,
    service: Service,
    fresh: impl Fn() -> S,
    handle: impl Fn(S, String, Call) -> F,
) where
    S: Clone,
    F: Future<Output = Option<Result<Answer, ServiceError>>>,
{
    let path = format!(
        "{}/../../conformance/api/{file}",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let script = json::parse(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
    for case in script.as_array().expect("a list of cases") {
        let name = case
            .get("case")
            .and_then(Value::as_str)
            .expect("a case has a name");
        let served = fresh();
        let mut now_ms = START_MS;
        for (at, step) in case
            .get("steps")
            .and_then(Value::as_array)
            .unwrap()
            .iter()
            .enumerate()
        {
            let operation = step.get("call").and_then(Value::as_str).unwrap();
            let input = step
                .get("input")
                .cloned()
                .unwrap_or_else(Value::empty_object);
            now_ms += 1_000;
            let call = call(service, operation, &input, now_ms);
            let given = handle(served.clone(), operation.to_owned(), call).await;
            let given = given.unwrap_or_else(|| panic!("{operation} is not served"));
            if let Err(problem) = judge(step, &given) {
                panic!("{file}: {name}, step {}: {operation}: {problem}", at + 1);
            }
        }
    }
}

fn judge(step: &Value, given: &Result<Answer, ServiceError>) -> Result<(), String> {
    match (step.get("answer"), step.get("error"), given) {
        (Some(expected), None, Ok(answer)) => matches(expected, Some(&answer.members), "answer"),
        (None, Some(expected), Err(error)) => {
            let texts: Vec<&str> = expected
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            let [code, message] = texts[..] else {
                panic!("an error is [code, message]")
            };
            let same = match message.strip_suffix('*') {
                Some(prefix) => error.message.starts_with(prefix),
                None => error.message == message,
            };
            if error.code == code && same {
                return Ok(());
            }
            Err(format!(
                "expected {code}: {message}\n      got {}: {}",
                error.code, error.message
            ))
        }
        (_, _, given) => Err(format!("expected {step}\n      got {given:?}")),
    }
}

fn matches(expected: &Value, given: Option<&Value>, place: &str) -> Result<(), String> {
    if expected.get("absent").is_some() {
        return match given {
            None => Ok(()),
            Some(given) => Err(format!("{place} must be absent, is {given}")),
        };
    }
    let Some(given) = given else {
        return Err(format!("{place} is missing"));
    };
    match (expected.view(), given.view()) {
        (View::String("*"), _) => Ok(()),
        (View::Object(members), View::Object(found)) => members
            .iter()
            .try_for_each(|(key, value)| matches(value, found.get(key), &format!("{place}.{key}"))),
        (View::Array(items), View::Array(found)) if items.len() == found.len() => items
            .iter()
            .zip(found)
            .enumerate()
            .try_for_each(|(at, (item, found))| {
                matches(item, Some(found), &format!("{place}[{at}]"))
            }),
        _ if expected == given => Ok(()),
        _ => Err(format!("{place}: expected {expected}, got {given}")),
    }
}
