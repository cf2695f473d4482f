use asl::compile::compile;
use asl::decide::{Call, Input};
use asl::definition::MachineType;
use asl::event::Start;
use asl::run::Status;

use super::super::execution::{Outside, Time, execute};
use super::*;
use crate::mocks::{MockFile, Selection, TestCase};

/// Mocks, and the path as text.
struct World<'a> {
    case: std::sync::Arc<TestCase>,
    path: Path<'a, Vec<u8>>,
    last: Option<Event>,
}

impl Outside for World<'_> {
    fn outcome(&mut self, call: &Call) -> anyhow::Result<Input> {
        self.case.answer(call)
    }

    fn happened(&mut self, time: Timestamp, event: &Event) {
        self.path.note(time, event);
        self.last = Some(event.clone());
    }

    fn waits(&mut self, _now: Timestamp, _until: Timestamp, _thread: Option<BranchId>) {
        panic!("virtual time does not wait");
    }
}

/// Runs a definition in virtual time; the path, and the state to blame.
#[track_caller]
fn check(definition: &str, mocks: &str, data: Data, expected: &str, culprit: Option<&str>) {
    let compiled = compile(
        definition,
        MachineType::Standard,
        &services::states::Integrations,
    );
    let program = compiled
        .program
        .unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
    let mocks = MockFile::parse(mocks, "mocks").unwrap();
    let case = std::sync::Arc::clone(mocks.select(Selection::default()).unwrap());
    let start = Start {
        mock_case: Some(case.name.as_str().into()),
        ..Start::default()
    };
    let mut world = World {
        case,
        path: Path::new(&program, Vec::new(), Some(data)),
        last: None,
    };
    let mut time = Time::Virtual(Timestamp(1_000_000));
    let run = execute(&program, start, &mut time, &mut world).unwrap();
    let found = String::from_utf8(std::mem::take(&mut world.path.out)).unwrap();
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| line.trim().to_owned());
        lines.filter(|line| !line.is_empty()).collect()
    };
    assert_eq!(lines(&found), lines(expected), "\n{found}");
    let blamed = match run.status {
        Status::Failed => world.path.culprit(world.last.unwrap().previous),
        _ => None,
    };
    assert_eq!(blamed.map(|state| world.path.name(state)), culprit);
}

const NO_MOCKS: &str =
    r#"{"StateMachines": {"m": {"TestCases": {"c": {}}}}, "MockedResponses": {}}"#;
const MOCKS: &str = r#"{"StateMachines": {"m": {"TestCases": {"c": {"T": "R", "U": "S"}}}},
    "MockedResponses": {
        "R": {"0": {"Throw": {"Error": "Busy", "Cause": "try\nlater"}}, "1": {"Return": [1]},
              "2": {"Throw": {"Error": "Busy"}}},
        "S": {"0": {"Throw": {"Error": "Broken"}}}}}"#;

#[test]
fn states_waits_and_values() {
    let definition = r#"{"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Result": {"a": 1}, "Next": "W"},
        "W": {"Type": "Wait", "Seconds": 90, "Next": "S"}, "S": {"Type": "Succeed"}}}"#;
    let path = "0.000 s  > A (Pass)
        0.000 s  < A
        0.000 s  > W (Wait)
        0.000 s    waits 90 s
        90.000 s  < W
        90.000 s  > S (Succeed)
        90.000 s  < S";
    check(definition, NO_MOCKS, Data::Left, path, None);
    let with_values = "0.000 s  > A (Pass)
        input: null
        output: {\"a\":1}
        0.000 s  < A
        0.000 s  > W (Wait)
        input: {\"a\":1}
        0.000 s    waits 90 s
        output: {\"a\":1}
        90.000 s  < W
        90.000 s  > S (Succeed)
        input: {\"a\":1}
        output: {\"a\":1}
        90.000 s  < S";
    check(definition, NO_MOCKS, Data::Cut, with_values, None);
}

#[test]
fn retries_and_catches() {
    let definition = r#"{"StartAt": "T", "States": {
        "T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"},
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "MaxAttempts": 1}],
            "Next": "U"},
        "U": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f"},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "F"}], "End": true},
        "F": {"Type": "Fail", "Error": "E"}}}"#;
    let path = "0.000 s  > T (Task)
        0.000 s    failed: Busy: try\\nlater
        0.000 s    retry 1 in 2 s
        2.000 s  < T
        2.000 s  > U (Task)
        2.000 s    failed: Broken
        2.000 s  < U (caught)
        2.000 s  > F (Fail)";
    check(definition, MOCKS, Data::Left, path, Some("F"));
}

#[test]
fn branches_and_iterations() {
    let definition = r#"{"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "Next": "M", "Branches": [
            {"StartAt": "A", "States": {
                "A": {"Type": "Wait", "Seconds": 1, "Next": "Z"},
                "Z": {"Type": "Pass", "Result": {"list": [0]}, "End": true}}},
            {"StartAt": "B", "States": {
                "B": {"Type": "Pass", "Result": {"list": [1, 2]}, "End": true}}}]},
        "M": {"Type": "Map", "MaxConcurrency": 1, "End": true, "ItemProcessor": {
            "StartAt": "N", "States": {
                "N": {"Type": "Map", "ItemsPath": "$.list", "End": true, "Iterator": {
                    "StartAt": "C", "States": {"C": {"Type": "Pass", "End": true}}}}}}}}}"#;
    let path = "0.000 s  > P (Parallel)
        0.000 s    [0] > A (Wait)
        0.000 s    [0]   waits 1 s
        0.000 s    [1] > B (Pass)
        0.000 s    [1] < B
        1.000 s    [0] < A
        1.000 s    [0] > Z (Pass)
        1.000 s    [0] < Z
        1.000 s  < P
        1.000 s  > M (Map)
        1.000 s    2 items, 1 at a time
        1.000 s    [0] > N (Map)
        1.000 s    [0]   1 item
        1.000 s      [0.0] > C (Pass)
        1.000 s      [0.0] < C
        1.000 s    [0] < N
        1.000 s    [1] > N (Map)
        1.000 s    [1]   2 items
        1.000 s      [1.0] > C (Pass)
        1.000 s      [1.0] < C
        1.000 s      [1.1] > C (Pass)
        1.000 s      [1.1] < C
        1.000 s    [1] < N
        1.000 s  < M";
    check(definition, NO_MOCKS, Data::Left, path, None);
}

#[test]
fn a_failure_deep_within_is_blamed_on_its_state() {
    let definition = r#"{"StartAt": "I", "States": {
        "I": {"Type": "Pass", "Result": {"list": [1]}, "Next": "P"},
        "P": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9, "End": true}}},
            {"StartAt": "M", "States": {"M": {
                "Type": "Map", "ItemsPath": "$.list", "End": true, "ItemProcessor": {
                    "StartAt": "U", "States": {"U": {"Type": "Task", "End": true,
                        "Resource": "arn:aws:states:::lambda:invoke",
                        "Parameters": {"FunctionName": "f"}}}}}}}]}}}"#;
    let path = "0.000 s  > I (Pass)
        0.000 s  < I
        0.000 s  > P (Parallel)
        0.000 s    [0] > W (Wait)
        0.000 s    [0]   waits 9 s
        0.000 s    [1] > M (Map)
        0.000 s    [1]   1 item
        0.000 s      [1.0] > U (Task)
        0.000 s      [1.0]   failed: Broken
        0.000 s      [1.0] failed
        0.000 s    [0] x W aborted";
    check(definition, MOCKS, Data::Left, path, Some("U"));
}
