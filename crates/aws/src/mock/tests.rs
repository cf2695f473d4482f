//! Cases: a resource, a result, and what is wrong with it.

use super::*;
use crate::integrations::{Resolution, resolve};

/// The problem under STRICT and under PRESENT.
fn check(resource: &str, result: &str, strict: &str, present: &str) {
    let resource = match resource.starts_with("arn:") {
        true => resource.to_owned(),
        false => format!("arn:aws:states:::{resource}"),
    };
    let Resolution::Task(task) = resolve(&resource) else {
        panic!("{resource} is not known");
    };
    let result = json::parse(result).unwrap();
    let found = |mode| match super::check(&task, &result, mode) {
        Ok(()) => String::new(),
        Err(problem) => problem.to_string(),
    };
    assert_eq!(found(Mode::Strict), strict, "{resource} {result}");
    assert_eq!(found(Mode::Present), present, "{resource} {result}");
    assert_eq!(found(Mode::None), "", "{resource} {result}");
}

/// The same under both.
fn check_both(resource: &str, result: &str, problem: &str) {
    check(resource, result, problem, problem);
}

#[test]
fn required_fields() {
    let missing = |name: &str| format!("Required field '{name}' is missing");
    let start = "states:startExecution";
    check(start, "{}", &missing("ExecutionArn"), "");
    check(
        start,
        r#"{"executionArn":"a"}"#,
        &missing("ExecutionArn"),
        "",
    );
    check(start, r#"{"ExecutionArn":"a"}"#, &missing("StartDate"), "");
    let null = r#"{"ExecutionArn":"a","StartDate":null}"#;
    check(start, null, &missing("StartDate"), "");
    // A job's result is that of the call that describes it.
    let job = r#"{"ExecutionArn":"a","StartDate":"d","StateMachineArn":"m"}"#;
    check("states:startExecution.sync", job, &missing("Status"), "");
    check(
        "aws-sdk:sfn:startExecution",
        "{}",
        &missing("ExecutionArn"),
        "",
    );
}

#[test]
fn types() {
    let wrong = |name: &str, kind: &str| format!("Field '{name}' must be {kind}");
    let both = r#"{"ExecutionArn":"a","StartDate":1764103483}"#;
    check_both(
        "states:startExecution",
        both,
        &wrong("StartDate", "a string"),
    );
    let put = "events:putEvents";
    check_both(put, r#"{"Entries":{}}"#, &wrong("Entries", "an array"));
    check_both(put, r#"{"Entries":["e"]}"#, &wrong("Entries", "an object"));
    let second = r#"{"Entries":[{"EventId":"e"},{"EventId":[]}]}"#;
    check_both(put, second, &wrong("EventId", "a string"));
    check_both(
        put,
        r#"{"FailedEntryCount":"0"}"#,
        &wrong("FailedEntryCount", "a number"),
    );
    let item = r#"{"ConsumedCapacity":{"CapacityUnits":"1"}}"#;
    check_both(
        "dynamodb:putItem",
        item,
        &wrong("CapacityUnits", "a number"),
    );
    let attribute = r#"{"Attributes":{"a":{"BOOL":"x"}}}"#;
    check_both("dynamodb:putItem", attribute, &wrong("BOOL", "a boolean"));
    check_both(put, "[]", "Mocked result must be a JSON object.");
}

#[test]
fn values() {
    let get = "aws-sdk:s3:getObject";
    let class = r#"{"StorageClass":"Papyrus"}"#;
    check_both(get, class, "Field 'StorageClass' is not an expected value");
    check_both(get, r#"{"StorageClass":"GLACIER"}"#, "");
    let start = r#"{"ExecutionArn":"","StartDate":"d"}"#;
    let short = "Field 'ExecutionArn' is smaller than the minimum length";
    check_both("states:startExecution", start, short);
    let long = format!(
        r#"{{"ExecutionArn":"{}","StartDate":"d"}}"#,
        "a".repeat(257)
    );
    let too_long = "Field 'ExecutionArn' exceeds the maximum length";
    check_both("states:startExecution", &long, too_long);
    let run = "aws-sdk:sfn:describeMapRun";
    let below = r#"{"MaxConcurrency":-1}"#;
    let missing = "Required field 'MapRunArn' is missing";
    check(
        run,
        below,
        missing,
        "Field 'MaxConcurrency' is less than the minimum value",
    );
    let above = r#"{"ToleratedFailurePercentage":100.5}"#;
    check(
        run,
        above,
        missing,
        "Field 'ToleratedFailurePercentage' exceeds the maximum value",
    );
}

#[test]
fn what_is_not_the_api_s() {
    check_both("events:putEvents", r#"{"random":"json"}"#, "");
    check_both("events:putEvents", r#"{"Entries":null}"#, "");
    check_both("lambda:invoke", r#"{"Payload":{"a":1}}"#, "");
    check_both(
        "aws-sdk:lambda:invoke",
        r#"{"Payload":{}}"#,
        "Field 'Payload' must be a string",
    );
    check_both("sqs:sendMessage.waitForTaskToken", r#"["anything"]"#, "");
    check_both("arn:aws:lambda:r:1:function:f", "7", "");
    check_both("http:invoke", "7", "");
    let job = r#"{"ExecutionArn":"a","StartDate":"d","StateMachineArn":"m","Status":"SUCCEEDED",
        "Output":{"a":1}}"#;
    check_both("states:startExecution.sync:2", job, "");
    check_both(
        "states:startExecution.sync",
        job,
        "Field 'Output' must be a string",
    );
}
