use std::sync::Arc;

use asl::compile::compile;
use asl::definition::MachineType;
use asl::event::{BranchId, EventKind, ExecutionKind, Failure, Start};
use asl::program::StateIndex;
use asl::run::Run;
use asl::time::Timestamp;

use super::*;
use crate::states::Integrations;

/// The record of an event of a machine whose first state is a Pass.
fn record(kind: EventKind, previous: u64, include_data: bool) -> String {
    let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#;
    let program = compile(text, MachineType::Standard, &Integrations).program;
    let event = Event {
        id: previous + 1,
        previous,
        branch: BranchId::ROOT,
        kind,
    };
    let seen = Observed {
        program: Arc::new(program.unwrap()),
        start: Arc::new(start()),
        started_at: Timestamp(1_000),
        redrive_count: 2,
        redriven_at: None,
        time: Timestamp(1_767_225_600_123),
        events: vec![event.clone()],
        before: Run::default(),
        billing: None,
    };
    let mut out = String::new();
    write(&mut out, &seen, &event, include_data);
    out
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
