//! Tests that make calls and wait. The rest are scripts: `conformance/api/states-test-state.json`.

use std::pin::Pin;

use asl::event::Failure;
use engine::{Answered, Runner};
use json::{Object, ObjectBuilder, Value};
use store::Memory;

use super::*;
use crate::states::tests::states_over;
use crate::testing;

/// Answers a call with its own identity, fails one whose function is named after an error, and
/// never answers one to `never`.
struct Echo;

impl Runner for Echo {
    fn run(&self, call: TaskCall) -> Pin<Box<dyn Future<Output = Answered> + Send>> {
        let name = call.call.parameters.get("FunctionName");
        let name = name.and_then(Value::as_str).unwrap_or_default().to_owned();
        let outcome = match name.as_str() {
            "never" => return Box::pin(std::future::pending()),
            "f" => TaskOutcome::Succeeded(
                ObjectBuilder::new()
                    .add("role", &*call.role_arn)
                    .add("region", call.region())
                    .add("account", call.account())
                    .build()
                    .into(),
            ),
            error => TaskOutcome::Failed(Failure {
                error: Some(error.into()),
                cause: Some("c".into()),
            }),
        };
        Box::pin(std::future::ready(outcome.into()))
    }
}

const ROLE: &str = "arn:aws:iam::123456789012:role/r";

/// What a state answers to a real call, as JSON.
async fn test(state: &str) -> String {
    let input = ObjectBuilder::new()
        .add("definition", state)
        .add("roleArn", ROLE)
        .add("inspectionLevel", "INFO")
        .build();
    answer(input).await
}

/// What TestState answers to this input, as JSON.
async fn answer(input: Object) -> String {
    let states = states_over(Arc::new(Memory::new()), Arc::new(Echo));
    let call = testing::call(aws::Service::States, "TestState", &input.into(), 0);
    let answer = states.handle("TestState", &call).await.expect("served");
    answer.expect("no error").members.to_text()
}

fn task(function: &str, fields: &str) -> String {
    format!(
        r#"{{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":
        {{"FunctionName":"{function}"}},{fields}"End":true}}"#
    )
}

#[tokio::test]
async fn calls_are_made_as_the_role() {
    let found = test(&task("f", "")).await;
    let expected = r#"{"output":"{\"role\": \"arn:aws:iam::123456789012:role/r\", \"region\": \"eu-west-1\", \"account\": \"123456789012\"}","status":"SUCCEEDED"}"#;
    assert_eq!(found, expected);
    let found = test(&task("E", r#""Retry":[{"ErrorEquals":["E"]}],"#)).await;
    assert_eq!(found, r#"{"error":"E","cause":"c","status":"RETRIABLE"}"#);
    let catch = r#""Catch":[{"ErrorEquals":["E"],"Next":"C"}],"#;
    let found = test(&task("E", catch)).await;
    let expected = r#"{"output":"{\"Error\": \"E\", \"Cause\": \"c\"}","error":"E","cause":"c","nextState":"C","status":"CAUGHT_ERROR"}"#;
    assert_eq!(found, expected);
}

/// Time is not real here: it moves on when nothing else does.
#[tokio::test(start_paused = true)]
async fn waits_take_their_time() {
    let timed_out = r#"{"error":"States.Timeout","status":"FAILED"}"#;
    let waited = r#"{"output":"{}","nextState":"N","status":"SUCCEEDED"}"#;
    let cases = [
        (
            r#"{"Type":"Wait","Seconds":299,"Next":"N"}"#.to_owned(),
            waited,
            299,
        ),
        (
            r#"{"Type":"Wait","Seconds":301,"Next":"N"}"#.to_owned(),
            timed_out,
            300,
        ),
        (task("never", r#""TimeoutSeconds":7,"#), timed_out, 7),
        (task("never", r#""TimeoutSeconds":301,"#), timed_out, 300),
        (task("never", ""), timed_out, 300),
    ];
    for (state, expected, seconds) in cases {
        let began = Instant::now();
        assert_eq!(test(&state).await, expected, "{state}");
        assert_eq!(began.elapsed().as_secs(), seconds, "{state}");
    }
    let state = task(
        "never",
        r#""TimeoutSeconds":7,"Retry":[{"ErrorEquals":["States.Timeout"]}],"#,
    );
    let retriable = r#"{"error":"States.Timeout","status":"RETRIABLE"}"#;
    assert_eq!(test(&state).await, retriable);
}

#[tokio::test(start_paused = true)]
async fn a_test_that_takes_too_long_shows_how_far_it_came() {
    let input = ObjectBuilder::new()
        .add(
            "definition",
            task(
                "never",
                r#""Catch":[{"ErrorEquals":["States.ALL"],"Next":"C"}],"#,
            ),
        )
        .add("roleArn", ROLE)
        .add("variables", r#"{"v":1}"#)
        .add("inspectionLevel", "DEBUG")
        .build();
    let expected = r#"{"error":"States.Timeout","inspectionData":{"input":"{}","afterInputPath":"{}","afterParameters":"{\"FunctionName\": \"never\"}","variables":"{\"v\": 1}"},"status":"FAILED"}"#;
    assert_eq!(answer(input).await, expected);
}

/// AWS writes what its model calls a float in single precision and with a fraction; scripts compare
/// numbers, and so cannot tell.
#[tokio::test]
async fn percentages_are_floats() {
    let cases = [
        ("1", "1.0"),
        ("0", "0.0"),
        ("33.3", "33.3"),
        (r#""{% 100 / 3 %}""#, "33.333332"),
    ];
    for (percentage, shown) in cases {
        let map = format!(
            r#"{{"Type":"Map","QueryLanguage":"JSONata","Items":[1],"End":true,
            "ToleratedFailurePercentage":{percentage},"ItemProcessor":{{"ProcessorConfig":
            {{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"}},"StartAt":"I",
            "States":{{"I":{{"Type":"Pass","End":true}}}}}}}}"#
        );
        let mock = ObjectBuilder::new().add("result", "[1]").build();
        let input = ObjectBuilder::new()
            .add("definition", map)
            .add("mock", mock)
            .add("inspectionLevel", "TRACE")
            .build();
        let expected = format!(
            r#"{{"output":"[1]","inspectionData":{{"input":"{{}}","maxConcurrency":0,"toleratedFailurePercentage":{shown}}},"status":"SUCCEEDED"}}"#
        );
        assert_eq!(answer(input).await, expected, "{percentage}");
    }
}
