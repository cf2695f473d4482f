//! Each case: a call, and what becomes of it, its submission, its job and its cancelling.

use std::sync::Mutex;

use engine::{Answered, Call, Resource, ResourceFamily};

use super::*;

/// Answers `real`, and notes what it was asked.
#[derive(Default)]
struct Real(Arc<Mutex<Vec<&'static str>>>);

impl Real {
    fn note(&self, what: &'static str) -> TaskOutcome {
        self.0.lock().unwrap().push(what);
        TaskOutcome::Succeeded("real".into())
    }
}

impl Runner for Real {
    fn run(&self, _call: TaskCall) -> BoxFuture<'static, Answered> {
        future::ready(self.note("run").into()).boxed()
    }

    fn watch(&self, _call: TaskCall, _response: Value) -> BoxFuture<'static, TaskOutcome> {
        future::ready(self.note("watch")).boxed()
    }

    fn cancel(&self, _call: TaskCall, _response: Option<Value>) -> BoxFuture<'static, ()> {
        self.note("cancel");
        future::ready(()).boxed()
    }

    fn abandon(&self, _execution_arn: &Text, _attempt: EventId) {
        self.note("abandon");
    }
}

fn call(case: Option<&str>, state: &str, number: u32, pattern: Pattern) -> TaskCall {
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:m";
    TaskCall {
        execution_arn: "arn:aws:states:us-east-1:000000000000:execution:m:e".into(),
        state_machine_arn: machine.into(),
        role_arn: "arn:aws:iam::000000000000:role/r".into(),
        trace_header: None,
        mock_case: case.map(Text::from),
        call: Call {
            attempt: 5,
            number,
            state_name: state.into(),
            resource: Resource {
                arn: "arn:aws:states:::sqs:sendMessage".into(),
                family: ResourceFamily::Service {
                    resource_type: "sqs".into(),
                    resource: "sendMessage".into(),
                },
                pattern,
            },
            parameters: Value::null(),
            credentials_role_arn: None,
            deadline: None,
        },
    }
}

const MOCKS: &str = r#"{"StateMachines": {"m": {"TestCases": {"c": {"S": "R"}}}},
    "MockedResponses": {"R": {"0": {"Return": 7}, "1": {"Throw": {"Error": "E", "Cause": "why"}}}}}"#;

fn told(outcome: TaskOutcome) -> String {
    match outcome {
        TaskOutcome::Succeeded(output) => output.to_text(),
        TaskOutcome::Submitted(response) => format!("submitted {response}"),
        TaskOutcome::Failed(failure) => {
            format!("{}: {}", failure.error.unwrap(), failure.cause.unwrap())
        }
    }
}

/// Runs, watches and cancels a call; what it and its job gave, and what was called for real.
#[track_caller]
fn check(has_mocks: bool, call: TaskCall, expected: [&str; 2], real: &[&str]) {
    let mocks = has_mocks.then(|| Arc::new(MockFile::parse(MOCKS, "mocks.json").unwrap()));
    let notes = Real::default();
    let seen = Arc::clone(&notes.0);
    let runner = MockedRunner::new(mocks, notes);
    let answered = runner.run(call.clone()).now_or_never().unwrap();
    let watched = runner.watch(call.clone(), Value::null()).now_or_never();
    runner.cancel(call, None).now_or_never().unwrap();
    let watched = watched.map_or_else(|| "pending".to_owned(), told);
    for (found, expected) in [told(answered.outcome), watched].into_iter().zip(expected) {
        assert!(found.contains(expected), "{found}");
    }
    assert_eq!(*seen.lock().unwrap(), real);
}

#[test]
fn calls_of_test_cases_are_answered() {
    use Pattern::{RequestResponse, RunJob, WaitForTaskToken};
    let real = ["run", "watch", "cancel"];
    check(
        true,
        call(None, "S", 0, RequestResponse),
        ["real"; 2],
        &real,
    );
    check(true, call(Some("c"), "T", 0, RunJob), ["real"; 2], &real);
    check(
        true,
        call(Some("c"), "S", 0, RequestResponse),
        ["7"; 2],
        &[],
    );
    check(
        true,
        call(Some("c"), "S", 1, RequestResponse),
        ["E: why"; 2],
        &[],
    );
    for pattern in [RunJob, WaitForTaskToken] {
        let submitted = "submitted {}";
        check(
            true,
            call(Some("c"), "S", 0, pattern),
            [submitted, "7"],
            &[],
        );
        check(
            true,
            call(Some("c"), "S", 1, pattern),
            [submitted, "E: why"],
            &[],
        );
    }
    let unanswered = "States.Runtime: state `S` calls";
    check(
        true,
        call(Some("c"), "S", 2, RequestResponse),
        [unanswered; 2],
        &[],
    );
    let unknown = "States.Runtime: the state machine 'm' has no test case 'd'";
    check(
        true,
        call(Some("d"), "S", 0, RequestResponse),
        [unknown; 2],
        &[],
    );
    let without = "the server runs without mocks; start it with `--mocks FILE`";
    check(
        false,
        call(Some("c"), "S", 0, RequestResponse),
        [without; 2],
        &[],
    );
    check(
        false,
        call(None, "S", 0, RequestResponse),
        ["real"; 2],
        &real,
    );
}
