//! What comes out of a decision, as lines of text.

use asl::decide::{Call, Effect};
use asl::event::{Event, EventKind, Start};
use asl::history;
use asl::program::Program;
use asl::run::{Run, Status};
use asl::time::Timestamp;
use aws::model::{Kind, ShapeId};
use aws::{Model, Service};
use json::{Object, Value};

/// A character repeated this often is written `%{x*300}`.
const REPEATED_MIN: usize = 64;

/// Replaces `%{x*300}` by what it stands for.
pub(super) fn expand(text: &str) -> String {
    let mut parts = text.split("%{");
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let repeated = part.split_once('}').and_then(|(short, rest)| {
            let (what, times) = short.split_once('*')?;
            Some((what.repeat(times.parse().ok()?), rest))
        });
        match repeated {
            Some((repeated, rest)) => expanded.extend([repeated.as_str(), rest]),
            None => expanded.extend(["%{", part]),
        }
    }
    expanded
}

/// A line longer than this is shown without its middle.
const LINE_CHARS_MAX: usize = 1_000;
/// Characters kept at each end then.
const LINE_CHARS_KEPT: usize = 200;

/// Replaces long repetitions by `%{x*300}`, and the middle of a line that is still too long.
pub(super) fn shorten(text: &str) -> String {
    let short = without_repetitions(text);
    let count = short.chars().count();
    if count <= LINE_CHARS_MAX {
        return short;
    }
    let begin: String = short.chars().take(LINE_CHARS_KEPT).collect();
    let end: String = short.chars().skip(count - LINE_CHARS_KEPT).collect();
    format!("{begin}...{end}")
}

fn without_repetitions(text: &str) -> String {
    let mut short = String::with_capacity(text.len().min(1_024));
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let end = rest.find(|other| other != char).unwrap_or(rest.len());
        let (repeated, after) = rest.split_at(end);
        let times = repeated.chars().count();
        match times >= REPEATED_MIN {
            true => short.push_str(&format!("%{{{char}*{times}}}")),
            false => short.push_str(repeated),
        }
        rest = after;
    }
    short
}

/// From one instant to another: `+5s`, `-200ms`.
pub(super) fn span(from: Timestamp, to: Timestamp) -> String {
    let ms = to.0 - from.0;
    if ms % 1_000 == 0 {
        format!("{:+}s", ms / 1_000)
    } else {
        format!("{ms:+}ms")
    }
}

/// One event: `3<2 Type member=value ...`, or `. Kind ...` for an internal one.
pub(super) fn event(program: &Program, start: &Start, time: Timestamp, event: &Event) -> String {
    match &event.kind {
        EventKind::ExecutionDeadline { at } => format!(". ExecutionDeadline {}", span(time, *at)),
        EventKind::WaitUntil { until } => format!(". WaitUntil {}", span(time, *until)),
        EventKind::RetryAt {
            retrier,
            retries,
            until,
        } => {
            format!(
                ". RetryAt {} retrier={retrier} retries={retries}",
                span(time, *until)
            )
        }
        EventKind::Yielded { next, input } => {
            format!(
                ". Yielded next={} input={input}",
                program.state(*next).unwrap().name
            )
        }
        EventKind::BranchStarted {
            parent,
            index,
            input,
        } => {
            let (id, parent) = (event.branch.0, parent.0);
            format!(". BranchStarted {id} of {parent} index={index} input={input}")
        }
        EventKind::Queued => ". Queued".to_owned(),
        EventKind::Admitted => ". Admitted".to_owned(),
        EventKind::JobCancelled { attempt } => format!(". JobCancelled {attempt}"),
        EventKind::TaskServed { attempt, served } => {
            let shown = |part: &Option<Value>| part.as_ref().map(Value::to_text);
            let (function, policies) = (shown(&served.function), shown(&served.role_policies));
            let (function, policies) = (function.unwrap_or_default(), policies.unwrap_or_default());
            format!(". TaskServed {attempt} function={function} policies={policies}")
        }
        EventKind::BranchSucceeded => format!(". BranchSucceeded {}", event.branch.0),
        EventKind::BranchesCut => {
            format!(". BranchesCut {} after {}", event.branch.0, event.previous)
        }
        _ => shown(program, start, time, event),
    }
}

fn shown(program: &Program, start: &Start, time: Timestamp, event: &Event) -> String {
    let rendered = history::render(program, start, time, event, true).expect("it is shown");
    let without = history::render(program, start, time, event, false).expect("it is shown");
    let members = rendered.as_object().unwrap();
    let kind = members.get("type").and_then(Value::as_str).unwrap();
    assert!(history::EVENT_TYPES.contains(&kind), "{kind}");
    assert_eq!(members.get("id"), Some(&Value::from(event.id)));
    assert_eq!(
        members.get("previousEventId"),
        Some(&Value::from(event.previous))
    );
    check_model(&rendered);
    let timestamp = members.get("timestamp").unwrap().to_text();
    assert_eq!(
        timestamp,
        format!("{}.{:03}", time.0 / 1_000, time.0 % 1_000)
    );
    let mut line = format!("{}<{} {kind}", event.id, event.previous);
    let name = details_name(kind);
    let details = members.get(&name).and_then(Value::as_object);
    assert_eq!(
        members.len(),
        4 + usize::from(details.is_some()),
        "{rendered}"
    );
    check_left_out(details, without.get(&name).and_then(Value::as_object));
    match details {
        None => {}
        Some(details) if details.is_empty() => line.push_str(" {}"),
        Some(details) => details_of(details, &mut line),
    }
    line
}

/// AWS's model knows every member, and misses none.
fn check_model(event: &Value) {
    let model = Service::States.model().unwrap();
    let shape = shape_of_events(model);
    let violations = aws::constraint::check(model, shape, event, false);
    assert!(violations.is_empty(), "{violations:?}: {event}");
    let structure = model.structure(shape).unwrap();
    for (name, value) in event.as_object().unwrap().iter() {
        let member = structure
            .member(name)
            .unwrap_or_else(|| panic!("`{name}`: {event}"));
        let details = model
            .structure(member.reference.shape)
            .zip(value.as_object());
        if let Some((structure, details)) = details {
            assert!(
                details.keys().all(|name| structure.member(name).is_some()),
                "{event}"
            );
        }
    }
}

/// HistoryEvent.
pub(crate) fn shape_of_events(model: &Model) -> ShapeId {
    let operation = model.operation("GetExecutionHistory").unwrap();
    let output = model.structure(operation.output.unwrap()).unwrap();
    let events = output.member("events").unwrap().reference.shape;
    let Kind::List { member, .. } = &model.shape(events).kind else {
        panic!("a list")
    };
    member.shape
}

/// The member of a HistoryEvent that holds the details of a type.
fn details_name(kind: &str) -> String {
    if kind.ends_with("StateEntered") {
        return "stateEnteredEventDetails".into();
    }
    if kind.ends_with("StateExited") {
        return "stateExitedEventDetails".into();
    }
    let (first, rest) = kind.split_at(1);
    format!("{}{rest}EventDetails", first.to_lowercase())
}

/// Members that hold data as JSON text.
const DATA: [&str; 3] = ["input", "output", "parameters"];

fn details_of(details: &Object, line: &mut String) {
    for (name, value) in details.iter() {
        if let Some(of) = name.strip_suffix("Details") {
            // It stands beside its data and always says the same.
            assert!(details.contains_key(of) && value.to_text() == r#"{"truncated":false}"#);
            continue;
        }
        let text = match DATA.contains(&name) {
            true => value.as_str().expect("data is JSON text").to_owned(),
            false => value.to_text(),
        };
        line.push_str(&format!(" {name}={text}"));
    }
}

/// Without data the details lack their data, and nothing else.
fn check_left_out(with: Option<&Object>, without: Option<&Object>) {
    let is_data = |name: &str| DATA.contains(&name) || name == "assignedVariables";
    let is_kept = |name: &str| !is_data(name) && !is_data(cut_details(name));
    let kept: Option<Vec<_>> =
        with.map(|details| details.iter().filter(|(name, _)| is_kept(name)).collect());
    assert_eq!(kept, without.map(|details| details.iter().collect()));
}

fn cut_details(name: &str) -> &str {
    name.strip_suffix("Details").unwrap_or(name)
}

pub(super) fn effect(time: Timestamp, effect: &Effect) -> String {
    match effect {
        Effect::Abandon { attempt } => format!("! abandon {attempt}"),
        Effect::Watch { call, response } => {
            format!("! watch {} {} {response}", call.attempt, call.resource.arn)
        }
        Effect::Cancel(call, response) => {
            let response = response.as_ref().map_or("?".into(), Value::to_text);
            format!("! cancel {} {} {response}", call.attempt, call.resource.arn)
        }
        Effect::Call(call) => {
            let Call {
                attempt,
                state_name,
                resource,
                parameters,
                ..
            } = call;
            let mut line = format!("! call {attempt} {} {parameters}", resource.arn);
            if let Some(role) = &call.credentials_role_arn {
                line.push_str(&format!(" as {role}"));
            }
            if let Some(deadline) = call.deadline {
                line.push_str(&format!(" until {}", span(time, deadline)));
            }
            assert!(!state_name.is_empty());
            line
        }
    }
}

/// What the run waits for, or how it ended.
pub(super) fn standing(program: &Program, run: &Run) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(at) = run.deadline() {
        lines.push(format!("~ due {}", span(run.time, at)));
    }
    for (attempt, seconds) in run.heartbeats(program) {
        lines.push(format!("~ heartbeat {attempt} every {seconds}s"));
    }
    if run.is_yielded() {
        lines.push("~ yielded".into());
    }
    if run.queued {
        lines.push("~ queued".into());
    }
    for (call, _) in run.owed_cancels(program) {
        lines.push(format!("~ owes a cancellation of {}", call.attempt));
    }
    if let Some(end) = &run.end {
        let status = match run.status {
            Status::Succeeded => "SUCCEEDED",
            Status::Failed => "FAILED",
            Status::Aborted => "ABORTED",
            Status::TimedOut => "TIMED_OUT",
            status => panic!("{status:?} is no end"),
        };
        let mut line = format!("= {status}");
        if end.at != run.time {
            line.push_str(&format!(" at {}", span(run.time, end.at)));
        }
        if let Some(output) = &end.output {
            line.push_str(&format!(" {output}"));
        }
        for (name, part) in [("error", &end.failure.error), ("cause", &end.failure.cause)] {
            if let Some(text) = part {
                line.push_str(&format!(" {name}={}", Value::from(&**text)));
            }
        }
        lines.push(line);
    }
    lines
}
