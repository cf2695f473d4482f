use std::sync::Arc;

use asl::compile::compile;
use asl::definition::MachineType;
use asl::event::{BranchId, EventKind, ExecutionKind, Failure, Start};
use asl::program::StateIndex;
use asl::run::Run;
use asl::time::Timestamp;
use json::Value;

use super::*;
use crate::states::Integrations;

/// The record of an event of a machine whose first state is a Pass.
fn record(kind: EventKind, previous: u64, include_data: bool) -> String {
    let event = event(kind, previous);
    let seen = seen(vec![event.clone()]);
    let mut out = String::from("before");
    let mut scratch = Scratch::default();
    let mut records = Records::new(&mut out, &mut scratch, &seen, include_data);
    let end = records.add(&event);
    let record = out.strip_prefix("before").unwrap().to_owned();
    assert_eq!(end.is_some(), !record.is_empty());
    assert!(end.is_none_or(|end| end == out.len()));
    record
}

fn event(kind: EventKind, previous: u64) -> Event {
    Event {
        id: previous + 1,
        previous,
        branch: BranchId::ROOT,
        kind,
    }
}

fn seen(events: Vec<Event>) -> Observed {
    let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#;
    let program = compile(text, MachineType::Standard, &Integrations).program;
    Observed {
        program: Arc::new(program.unwrap()),
        start: Arc::new(start()),
        started_at: Timestamp(1_000),
        redrive_count: 2,
        redriven_at: None,
        time: Timestamp(1_767_225_600_123),
        events,
        before: Run::default(),
        billing: None,
    }
}

fn start() -> Start {
    Start {
        execution_arn: "arn:aws:states:eu-west-1:123456789012:execution:M:n".into(),
        role_arn: "arn:aws:iam::123456789012:role/r".into(),
        input: json::parse(r#"{"a": "\"é\""}"#).unwrap(),
        input_text: Some(r#"{ "a": "\"é\"" }"#.into()),
        kind: ExecutionKind::Standard,
        ..Start::default()
    }
}

#[test]
fn records_have_the_shape_that_was_recorded() {
    let check = |kind: EventKind, include_data, event_type: &str, details: &str| {
        let expected = format!(
            "{{\"id\":\"8\",\"type\":\"{event_type}\",\"details\":{details},\
             \"previous_event_id\":\"7\",\"event_timestamp\":\"1767225600123\",\
             \"execution_arn\":\"arn:aws:states:eu-west-1:123456789012:execution:M:n\",\
             \"redrive_count\":\"2\"}}"
        );
        assert_eq!(record(kind, 7, include_data), expected);
    };
    let started = || EventKind::ExecutionStarted(Box::new(start()));
    check(
        started(),
        true,
        "ExecutionStarted",
        r#"{"input":"{ \"a\": \"\\\"é\\\"\" }","inputDetails":{"truncated":false},"roleArn":"arn:aws:iam::123456789012:role/r"}"#,
    );
    check(
        started(),
        false,
        "ExecutionStarted",
        r#"{"roleArn":"arn:aws:iam::123456789012:role/r"}"#,
    );
    let entered = || EventKind::StateEntered {
        state: StateIndex(0),
        input: json::parse("[1]").unwrap(),
    };
    check(
        entered(),
        true,
        "PassStateEntered",
        r#"{"name":"A","input":"[1]","inputDetails":{"truncated":false}}"#,
    );
    check(entered(), false, "PassStateEntered", r#"{"name":"A"}"#);
    let succeeded = || EventKind::ExecutionSucceeded {
        output: Value::from("x"),
    };
    check(
        succeeded(),
        true,
        "ExecutionSucceeded",
        r#"{"output":"\"x\"","outputDetails":{"truncated":false}}"#,
    );
    check(succeeded(), false, "ExecutionSucceeded", "{}");
    let failure = Failure {
        error: Some("E".into()),
        cause: Some("C".into()),
    };
    check(
        EventKind::ExecutionFailed(failure),
        false,
        "ExecutionFailed",
        r#"{"error":"E","cause":"C"}"#,
    );
    let internal = EventKind::BranchSucceeded;
    assert_eq!(record(internal, 7, true), "", "internal events have none");
}

/// What is written once and repeated is what each event's own record has.
#[test]
fn records_of_a_commit_are_those_of_its_events() {
    let value = |text: &str| json::parse(text).unwrap();
    let entered = |input: Value| EventKind::StateEntered {
        state: StateIndex(0),
        input,
    };
    let exited = |output: Value, assigned| EventKind::StateExited {
        state: StateIndex(0),
        output,
        assigned,
    };
    let assigned = value(r#"{"a\"b": {"c": "d"}, "e": 1}"#);
    let long = Value::from("\"".repeat(PAYLOAD_BYTES_MAX).as_str());
    let kinds = [
        EventKind::ExecutionStarted(Box::new(start())),
        entered(value(r#"{"a": "\"é\""}"#)),
        EventKind::BranchSucceeded,
        exited(value(r#"{"a": "\"é\""}"#), None),
        exited(Value::from(""), assigned.as_object().cloned()),
        entered(value("{}").with_member("x", long.clone())),
        EventKind::ExecutionSucceeded {
            output: long.clone(),
        },
        EventKind::ExecutionSucceeded { output: long },
        EventKind::ExecutionSucceeded {
            output: value("[1]"),
        },
    ];
    for include_data in [true, false] {
        let alone: Vec<String> = (0..)
            .zip(kinds.clone())
            .map(|(previous, kind)| record(kind, previous, include_data))
            .collect();
        let events: Vec<Event> = (0..)
            .zip(kinds.clone())
            .map(|(previous, kind)| event(kind, previous))
            .collect();
        let seen = seen(events.clone());
        let (mut out, mut scratch) = (String::new(), Scratch::default());
        let mut records = Records::new(&mut out, &mut scratch, &seen, include_data);
        for event in &events {
            records.add(event);
        }
        assert_eq!(out, alone.concat());
        assert!(
            alone
                .iter()
                .filter(|record| !record.is_empty())
                .all(|record| json::parse(record).is_ok())
        );
    }
    let texts = record(
        exited(Value::from(""), assigned.as_object().cloned()),
        7,
        true,
    );
    let expected = r#"{"name":"A","output":"\"\"","outputDetails":{"truncated":false},"assignedVariables":{"a\"b":"{\"c\":\"d\"}","e":"1"},"assignedVariablesDetails":{"truncated":false}}"#;
    assert!(texts.contains(expected), "{texts}");
}

/// Whoever reads a record gets the payload as it was, whatever is in it.
#[test]
fn odd_texts_stay_what_they_are() {
    let controls: String = (0..0x20_u8).map(char::from).collect();
    for text in [
        format!("\"{}\"", "\\u0000\\u001f\\b\\f\\n\\r\\t\\u007f"),
        "{\"\u{2028}\u{2029}\u{feff}\u{10ffff}\":\"\\\"\\\\/\\/\"}".to_owned(),
        r#"["\ud800","\udc00\ud800x"]"#.to_owned(),
        "[-0,1.50,1E400,0.1e-7,123456789012345678901234567890]".to_owned(),
        Value::from(controls.as_str()).to_text(),
    ] {
        let output = json::parse(&text).unwrap();
        let shown = output.to_text();
        let record = record(EventKind::ExecutionSucceeded { output }, 7, true);
        assert!(!record.contains(|c: char| c < ' '), "{record:?}");
        let record = json::parse(&record).unwrap();
        let details = record.get("details").unwrap();
        assert_eq!(details.get("output").and_then(Value::as_str), Some(&*shown));
    }
    let numbers = "[-0,1.50,1E400,123456789012345678901234567890]";
    let output = json::parse(numbers).unwrap();
    let record = record(EventKind::ExecutionSucceeded { output }, 7, true);
    assert!(record.contains(numbers), "as they were written: {record}");
}

#[test]
fn payloads_that_are_too_long_are_cut() {
    let check = |length: usize, kept: usize| {
        // Quotes, and characters of two bytes that begin at odd places.
        let text = format!("{}x", "é".repeat(length / 2 - 2));
        let output = Value::from(text.as_str());
        assert_eq!(output.size(), length - 1);
        let record = record(EventKind::ExecutionSucceeded { output }, 7, true);
        let details = json::parse(&record).unwrap();
        let details = details.get("details").unwrap();
        let shown = details.get("output").and_then(Value::as_str).unwrap();
        assert_eq!(shown.len(), kept);
        let truncated = details.get("outputDetails").unwrap().get("truncated");
        assert_eq!(truncated.and_then(Value::as_bool), Some(kept < length - 1));
    };
    check(1_000, 999);
    check(PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MAX - 1);
    check(PAYLOAD_BYTES_MAX + 100, PAYLOAD_BYTES_MAX - 1);
}
