//! Plays scripts of calls (`conformance/api/*.json`) against services.
//!
//! A script is a list of cases, each with steps `{"call", "input", "answer" | "error"}`. An answer
//! is matched as far as it is given: members that are not named don't matter, `"*"` matches any
//! value, and `{"absent": true}` matches a missing member. An error is `[code, message]`, where a
//! message that ends in `*` is a prefix.
//!
//! In an input, `{"step": 2, "member": "nextToken"}` stands for a member of what step 2 answered
//! (`a.0.b` leads into objects and lists), and `{"repeat": "x", "times": 81}` for a long text. A
//! step may come `later_ms` than a second after the one before it, be made in another `region`,
//! `as` a user instead of as root, and be repeated until it is answered so, `eventually`. A
//! case may have `limits` of its own.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use asl::time::Timestamp;
use aws::iam::{Principal, Values};
use aws::protocol::decode_request;
use aws::{Protocol, Request, Service, ServiceError};
use json::{ObjectBuilder, Value, View};
use store::Store;
use store::lines::MemoryLines;

use crate::access::{Caller, Need, Rules};
use crate::call::Client;
use crate::logs::Logs;
use crate::seal::{KEY_BYTES, Seal};
use crate::{Answer, Call, Identity};

/// How long a step may take that is answered as expected `eventually`.
const EVENTUALLY: Duration = Duration::from_secs(10);

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
        service,
        operation: &shape.name,
        client: Client::default(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        caller: Caller::root("123456789012"),
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

/// A user as somebody who has not looked it up knows it.
fn user(account: &Arc<str>, name: &str) -> Caller {
    Caller {
        principal: Arc::new(Principal::User {
            account: Arc::clone(account),
            arn: format!("arn:aws:iam::{account}:user/{name}").into(),
            id: "".into(),
            name: name.into(),
            tags: Arc::default(),
            temporary: None,
        }),
        ..Caller::root(account)
    }
}

/// A need in one line: the action, the resource, then the keys with their values.
pub(crate) fn line(need: &Need) -> String {
    let mut line = format!("{} {}", need.action, need.resource);
    for (key, values) in &need.context {
        let values = match values {
            Values::One(value) => value.to_string(),
            Values::Many(values) => format!("[{}]", values.join(" ")),
        };
        line += &format!(" {key}={values}");
    }
    line
}

/// The same, from the bytes of a request where the protocol is JSON: types are looked at as well.
fn decoded(
    service: Service,
    operation: &str,
    input: &Value,
    now_ms: i64,
) -> Result<Call, ServiceError> {
    let model = service.model().expect("the model is sound");
    if !matches!(model.protocol, Protocol::Json10 | Protocol::Json11) {
        return Ok(call(service, operation, input, now_ms));
    }
    let mut request = Request::new(http::Method::POST, "/");
    request.body = input.to_text().as_bytes().to_vec().into();
    let shape = model.operation(operation).expect("found before");
    let read = decode_request(model, shape, &request)?;
    Ok(call(service, operation, &read.members, now_ms))
}

/// Metrics in memory.
pub(crate) fn metrics() -> Arc<crate::metrics::Metrics> {
    let lines = Arc::new(MemoryLines::default());
    Arc::new(crate::metrics::Metrics::new(lines, 1_000))
}

/// Who is who, over a store. Roles are looked up only if that is wanted: most cases are about
/// something else.
pub(crate) fn identity(store: Arc<dyn Store>, roles_are_enforced: bool) -> Identity {
    let rules = Rules {
        account: "123456789012".into(),
        root: None,
        skew_ms_max: 0,
        refuses_replays: false,
        roles_are_enforced,
        function_roles_may_be_missing: false,
    };
    let seal = Seal::new(&[1; KEY_BYTES]);
    Identity::new(store, Arc::new(MemoryLines::default()), seal, rules)
}

/// CloudWatch Logs over a store, with lines of its own.
pub(crate) fn logs(store: &Arc<dyn Store>) -> Arc<Logs> {
    Arc::new(Logs::new(
        Arc::clone(store),
        Arc::new(MemoryLines::default()),
        &metrics(),
    ))
}

/// Waits for a future where a case's services are made, in a runtime of several threads.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future))
}

/// Runs every case of the scripts; `fresh` makes the services a case starts with.
pub(crate) async fn play<S, F>(
    files: &[&str],
    services: &[Service],
    fresh: impl Fn(&Value) -> S,
    handle: impl Fn(S, String, Call) -> F,
) where
    S: Clone,
    F: Future<Output = Option<Result<Answer, ServiceError>>>,
{
    let mut problems = Vec::new();
    for file in files {
        for case in script(file).as_array().expect("a list of cases") {
            let name = case
                .get("case")
                .and_then(Value::as_str)
                .expect("a case has a name");
            if let Err(problem) = play_case(case, services, fresh(case), &handle).await {
                problems.push(format!("{file}: {name}, {problem}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn script(file: &str) -> Value {
    let folder = env!("CARGO_MANIFEST_DIR");
    let path = format!("{folder}/../../conformance/api/{file}");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    json::parse(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

async fn play_case<S, F>(
    case: &Value,
    services: &[Service],
    served: S,
    handle: &impl Fn(S, String, Call) -> F,
) -> Result<(), String>
where
    S: Clone,
    F: Future<Output = Option<Result<Answer, ServiceError>>>,
{
    let mut now_ms = START_MS;
    let mut answers = Vec::new();
    let steps = case.get("steps").and_then(Value::as_array).unwrap();
    for (at, step) in (1..).zip(steps) {
        let operation = step.get("call").and_then(Value::as_str).unwrap();
        let input = step.get("input").cloned();
        let input = filled(&input.unwrap_or_else(Value::empty_object), &answers);
        now_ms += 1_000 + step.get("later_ms").and_then(Value::as_i64).unwrap_or(0);
        let of_service = |service: &&Service| {
            let model = service.model().expect("the model is sound");
            model.operation(operation).is_some()
        };
        let service = services.iter().find(of_service);
        let service = *service.unwrap_or_else(|| panic!("no operation {operation}"));
        let until = Instant::now() + EVENTUALLY;
        let is_eventual = step.get("eventually").is_some();
        let given = loop {
            let given = match decoded(service, operation, &input, now_ms) {
                Ok(mut call) => {
                    if let Some(region) = step.get("region").and_then(Value::as_str) {
                        call.region = region.into();
                    }
                    if let Some(name) = step.get("as").and_then(Value::as_str) {
                        call.caller = user(&call.account, name);
                    }
                    let given = handle(served.clone(), operation.to_owned(), call).await;
                    given.unwrap_or_else(|| panic!("{operation} is not served"))
                }
                Err(malformed) => Err(malformed),
            };
            let judged = judge(step, &given).and_then(|()| modelled(service, operation, &given));
            match judged {
                Ok(()) => break given,
                Err(_) if is_eventual && Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Err(problem) => return Err(format!("step {at}: {operation}: {problem}")),
            }
        };
        answers.push(given.map(|answer| answer.members).unwrap_or_default());
    }
    Ok(())
}

/// An input with what it takes from earlier answers.
fn filled(input: &Value, answers: &[Value]) -> Value {
    let text = |member| input.get(member).and_then(Value::as_str);
    let number = |member| {
        let number = input.get(member).and_then(Value::as_i64)?;
        usize::try_from(number).ok()
    };
    if let (Some(step), Some(path)) = (number("step"), text("member")) {
        let into = |value: &Value, name: &str| match name.parse::<usize>() {
            Ok(index) => value.as_array().and_then(|items| items.get(index)).cloned(),
            Err(_) => value.get(name).cloned(),
        };
        let mut value = answers[step - 1].clone();
        for name in path.split('.') {
            value = into(&value, name).unwrap_or_else(|| panic!("no {path} in step {step}"));
        }
        return value;
    }
    if let (Some(part), Some(times)) = (text("repeat"), number("times")) {
        return part.repeat(times).into();
    }
    match input.view() {
        View::Object(members) => {
            let mut object = ObjectBuilder::new();
            for (name, value) in members.iter() {
                object.add(name.to_owned(), filled(value, answers));
            }
            object.build().into()
        }
        View::Array(items) => items.iter().map(|item| filled(item, answers)).collect(),
        _ => input.clone(),
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

/// Errors that any operation may have.
const COMMON: [&str; 4] = [
    "AccessDeniedException",
    "SerializationException",
    "ThrottlingException",
    "ValidationException",
];

/// Whether a JSON service answers as its model says: no member and no error that clients of the
/// operation do not know.
fn modelled(
    service: Service,
    operation: &str,
    given: &Result<Answer, ServiceError>,
) -> Result<(), String> {
    let model = service.model().expect("the model is sound");
    if !matches!(model.protocol, Protocol::Json10 | Protocol::Json11) {
        return Ok(());
    }
    let operation = model.operation(operation).expect("found before");
    match given {
        Ok(answer) => {
            let structure = operation.output.and_then(|shape| model.structure(shape));
            let known = |name: &str| {
                structure.is_some_and(|structure| {
                    let mut members = structure.members.iter();
                    members.any(|member| member.name.as_str() == name)
                })
            };
            let members = answer.members.as_object().ok_or("not an object")?;
            for name in members.keys() {
                if !known(name) {
                    return Err(format!("the model has no member {name}"));
                }
            }
            let required = structure.iter().flat_map(|structure| &structure.members);
            match required
                .filter(|member| member.required)
                .find(|member| !members.contains_key(member.name.as_str()))
            {
                Some(member) => Err(format!("the member {} is missing", member.name.as_str())),
                None => Ok(()),
            }
        }
        Err(error) => {
            let mut errors = operation.errors.iter();
            let is_modelled = errors.any(|shape| *model.shape(*shape).name == *error.code);
            match is_modelled || COMMON.contains(&&*error.code) {
                true => Ok(()),
                false => Err(format!("{} is no error of it", error.code)),
            }
        }
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
