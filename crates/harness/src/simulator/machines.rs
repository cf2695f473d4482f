//! The state machines that are run, and what their Tasks stand for.

use std::sync::{Arc, LazyLock};

use asl::compile::compile;
use asl::definition::{Catalogue, MachineType, Resolved};
use asl::event::Text;
use asl::program::{Pattern, Program, Resource, ResourceFamily};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:work";
const CALLBACK: &str = "arn:aws:states:::lambda:invoke.waitForTaskToken";
const JOB: &str = "arn:aws:states:::states:startExecution.sync";
pub(super) const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:work";
/// The state machine that has a concurrency limit.
pub(super) const LIMITED: &str = "limited";

/// More steps than a decision may take beside others.
const HEAVY: &str = "$sum($map([1..12000], function($v) { $v % 7 }))";

/// Each by its name. `$.result.again` is drawn by the task, `$.seconds` and `$.list` by the caller.
const DEFINITIONS: &[(&str, &str)] = &[
    (
        "chain",
        r#"{"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Result": {"a": 1}, "ResultPath": "$.a", "Next": "B"},
            "B": {"Type": "Pass", "Parameters": {"n.$": "$.nonce", "b": [1, 2]}, "Next": "C"},
            "C": {"Type": "Pass", "Next": "D"}, "D": {"Type": "Pass", "Next": "E"},
            "E": {"Type": "Pass", "InputPath": "$.b", "Next": "F"}, "F": {"Type": "Succeed"}}}"#,
    ),
    (
        "waits",
        r#"{"StartAt": "A", "States": {
            "A": {"Type": "Wait", "Seconds": 5, "Next": "B"},
            "B": {"Type": "Wait", "SecondsPath": "$.seconds", "Next": "C"},
            "C": {"Type": "Pass", "End": true}}}"#,
    ),
    (
        "task",
        r#"{"StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": "FUNCTION", "TimeoutSeconds": 10,
                "ResultPath": "$.result",
                "Retry": [
                    {"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "MaxAttempts": 3,
                        "JitterStrategy": "FULL"},
                    {"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 1, "MaxAttempts": 1}],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "B"}],
                "Next": "C"},
            "B": {"Type": "Wait", "Seconds": 3, "Next": "D"},
            "C": {"Type": "Task", "Resource": "FUNCTION", "Next": "E",
                "Retry": [{"ErrorEquals": ["States.ALL"], "BackoffRate": 1.5}]},
            "D": {"Type": "Fail", "Error": "Recovered", "CausePath": "$.error.Cause"},
            "E": {"Type": "Succeed"}}}"#,
    ),
    (
        "callback",
        r#"{"StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": "CALLBACK", "TimeoutSeconds": 60,
                "HeartbeatSeconds": 10, "ResultPath": "$.result",
                "Parameters": {"FunctionName": "work", "Payload": {"token.$": "$$.Task.Token"}},
                "Retry": [{"ErrorEquals": ["States.HeartbeatTimeout", "Busy"],
                    "IntervalSeconds": 1, "MaxAttempts": 2}],
                "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "B"}],
                "Next": "C"},
            "B": {"Type": "Fail", "Error": "Late", "Cause": "nobody answered"},
            "C": {"Type": "Wait", "SecondsPath": "$.seconds", "End": true}}}"#,
    ),
    (
        "patience",
        r#"{"StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": "CALLBACK", "ResultPath": "$.result",
                "Parameters": {"FunctionName": "work", "Payload": {"token.$": "$$.Task.Token"}},
                "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1}],
                "Next": "B"},
            "B": {"Type": "Task", "Resource": "FUNCTION", "End": true}}}"#,
    ),
    (
        "loop",
        r#"{"StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": "FUNCTION", "ResultPath": "$.result", "Next": "B",
                "Catch": [{"ErrorEquals": ["Broken"], "ResultPath": null, "Next": "C"}]},
            "B": {"Type": "Choice", "Default": "D", "Choices": [
                {"Variable": "$.result.again", "BooleanEquals": true, "Next": "C"}]},
            "C": {"Type": "Wait", "Seconds": 1, "Next": "A"},
            "D": {"Type": "Pass", "OutputPath": "$.result", "End": true}}}"#,
    ),
    (
        "endless",
        r#"{"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Next": "B"},
            "B": {"Type": "Choice", "Default": "A", "Choices": [
                {"Variable": "$.nonce", "NumericEquals": -1, "Next": "C"}]},
            "C": {"Type": "Succeed"}}}"#,
    ),
    (
        "hurry",
        r#"{"StartAt": "A", "TimeoutSeconds": 25, "States": {
            "A": {"Type": "Task", "Resource": "FUNCTION", "ResultPath": "$.result", "Next": "B",
                "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 4, "MaxAttempts": 9}]},
            "B": {"Type": "Wait", "SecondsPath": "$.seconds", "Next": "C"},
            "C": {"Type": "Task", "Resource": "CALLBACK", "End": true,
                "Parameters": {"FunctionName": "work",
                    "Payload": {"token.$": "$$.Task.Token"}}}}}"#,
    ),
    (
        "fork",
        r#"{"StartAt": "P", "States": {
            "P": {"Type": "Parallel", "ResultPath": "$.result", "Next": "E",
                "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "MaxAttempts": 2}],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "D"}],
                "Branches": [
                    {"StartAt": "A", "States": {
                        "A": {"Type": "Task", "Resource": "FUNCTION", "Next": "A2",
                            "TimeoutSeconds": 20, "ResultPath": "$.result",
                            "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}]},
                        "A2": {"Type": "Task", "Resource": "FUNCTION", "End": true}}},
                    {"StartAt": "B", "States": {
                        "B": {"Type": "Wait", "SecondsPath": "$.seconds", "Next": "B2"},
                        "B2": {"Type": "Pass", "Assign": {"b.$": "$.nonce"}, "End": true}}},
                    {"StartAt": "C", "States": {
                        "C": {"Type": "Task", "Resource": "CALLBACK", "TimeoutSeconds": 90,
                            "Parameters": {"FunctionName": "work",
                                "Payload": {"token.$": "$$.Task.Token"}}, "End": true}}}]},
            "D": {"Type": "Wait", "Seconds": 1, "Next": "E"},
            "E": {"Type": "Succeed"}}}"#,
    ),
    (
        "map",
        r#"{"StartAt": "M", "States": {
            "M": {"Type": "Map", "ItemsPath": "$.list", "MaxConcurrency": 2, "End": true,
                "ItemSelector": {"i.$": "$$.Map.Item.Index", "seconds.$": "$.seconds"},
                "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}],
                "ItemProcessor": {"StartAt": "A", "States": {
                    "A": {"Type": "Task", "Resource": "FUNCTION", "ResultPath": "$.result",
                        "Catch": [{"ErrorEquals": ["Broken"], "ResultPath": null, "Next": "C"}],
                        "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 2}], "Next": "B"},
                    "B": {"Type": "Choice", "Default": "C", "Choices": [
                        {"Variable": "$.i", "NumericEquals": 1, "Next": "W"}]},
                    "W": {"Type": "Wait", "SecondsPath": "$.seconds", "Next": "C"},
                    "C": {"Type": "Pass", "End": true}}}}}}"#,
    ),
    (
        "nested",
        r#"{"QueryLanguage": "JSONata", "StartAt": "S", "States": {
            "S": {"Type": "Pass", "Assign": {"nonce": "{% $states.input.nonce %}"}, "Next": "M"},
            "M": {"Type": "Map", "Items": "{% $states.input.list %}", "Next": "T",
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "T"}],
                "ItemProcessor": {"StartAt": "P", "States": {
                    "P": {"Type": "Parallel", "End": true, "Branches": [
                        {"StartAt": "A", "States": {
                            "A": {"Type": "Task", "Resource": "FUNCTION", "TimeoutSeconds": 15,
                                "Arguments": {"x": "{% $states.input + $nonce %}"},
                                "Assign": {"mark": "{% $states.result.mark %}"}, "Next": "A2"},
                            "A2": {"Type": "Pass", "Output": "{% $mark %}", "End": true}}},
                        {"StartAt": "N", "States": {
                            "N": {"Type": "Map", "Items": [1, 2], "End": true,
                                "ItemProcessor": {"StartAt": "W", "States": {
                                    "W": {"Type": "Wait", "Seconds": 1, "End": true}}}}}}]}}}},
            "T": {"Type": "Task", "Resource": "FUNCTION", "End": true}}}"#,
    ),
    (
        // Each evaluation is too heavy for the thread that serves the others.
        "heavy",
        r#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {
            "A": {"Type": "Pass", "Output": "{% $merge([$states.input, {'x': HEAVY}]) %}",
                "Next": "B"},
            "B": {"Type": "Task", "Resource": "FUNCTION", "TimeoutSeconds": 20, "Next": "C",
                "Output": "{% $merge([$states.input, {'y': HEAVY}]) %}",
                "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}]},
            "C": {"Type": "Wait", "Seconds": "{% HEAVY > 0 ? 2 : 1 %}", "Next": "D"},
            "D": {"Type": "Choice", "Default": "E", "Choices": [
                {"Condition": "{% HEAVY < 0 %}", "Next": "A"}]},
            "E": {"Type": "Succeed"}}}"#,
    ),
    (
        // Tasks that time out: a worker may be lost with the only token.
        "worker",
        r#"{"StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": "ACTIVITY", "TimeoutSeconds": 60,
                "HeartbeatSeconds": 12, "ResultPath": "$.result", "Next": "P",
                "Retry": [{"ErrorEquals": ["Busy", "States.HeartbeatTimeout"],
                    "IntervalSeconds": 1, "MaxAttempts": 2}]},
            "P": {"Type": "Parallel", "End": true, "Branches": [
                {"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "ACTIVITY",
                    "TimeoutSeconds": 90, "End": true}}},
                {"StartAt": "C", "States": {"C": {"Type": "Task", "Resource": "ACTIVITY",
                    "TimeoutSeconds": 45, "End": true,
                    "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "D"}]},
                    "D": {"Type": "Pass", "End": true}}}]}}}"#,
    ),
    (
        "jobs",
        r#"{"StartAt": "A", "TimeoutSeconds": 150, "States": {
            "A": {"Type": "Task", "Resource": "JOB", "Parameters": {"StateMachineArn": "x"},
                "TimeoutSeconds": 25, "ResultPath": "$.result", "Next": "P",
                "Retry": [{"ErrorEquals": ["States.Timeout", "Busy"], "IntervalSeconds": 1,
                    "MaxAttempts": 2}]},
            "P": {"Type": "Parallel", "Next": "E", "Branches": [
                {"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "JOB",
                    "Parameters": {"StateMachineArn": "x"}, "End": true}}},
                {"StartAt": "C", "States": {"C": {"Type": "Task", "Resource": "JOB",
                    "Parameters": {"StateMachineArn": "x"}, "Next": "C2"},
                    "C2": {"Type": "Task", "Resource": "FUNCTION", "End": true}}}]},
            "E": {"Type": "Succeed"}}}"#,
    ),
    (
        "limited",
        r#"{"StartAt": "A", "TimeoutSeconds": 900, "States": {
            "A": {"Type": "Task", "Resource": "FUNCTION", "TimeoutSeconds": 10,
                "ResultPath": "$.result", "Next": "B",
                "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 1}]},
            "B": {"Type": "Wait", "SecondsPath": "$.seconds", "End": true}}}"#,
    ),
    (
        "fail",
        r#"{"StartAt": "A", "States": {
            "A": {"Type": "Fail", "Error": "Always", "Cause": "as it says"}}}"#,
    ),
];

/// One definition: its number in the store is its place, from 1.
pub(super) struct Machine {
    pub(super) number: u64,
    pub(super) name: Text,
    pub(super) arn: Text,
    pub(super) program: Arc<Program>,
}

pub(super) static MACHINES: LazyLock<Vec<Machine>> = LazyLock::new(|| {
    let made = DEFINITIONS.iter().zip(1..);
    made.map(|((name, text), number)| machine(name, text, number))
        .collect()
});

fn machine(name: &str, text: &str, number: u64) -> Machine {
    let text = text
        .replace("FUNCTION", FUNCTION)
        .replace("CALLBACK", CALLBACK)
        .replace("ACTIVITY", ACTIVITY)
        .replace("JOB", JOB)
        .replace("HEAVY", HEAVY);
    let compiled = compile(&text, MachineType::Standard, &Tasks);
    let diagnostics = compiled.diagnostics;
    Machine {
        number,
        name: name.into(),
        arn: format!("arn:aws:states:us-east-1:000000000000:stateMachine:{name}").into(),
        program: Arc::new(
            compiled
                .program
                .unwrap_or_else(|| panic!("{name}: {diagnostics:?}")),
        ),
    }
}

struct Tasks;

impl Catalogue for Tasks {
    fn resolve(&self, resource: &str) -> Resolved {
        let (family, pattern) = match resource {
            FUNCTION => (ResourceFamily::LambdaFunction, Pattern::RequestResponse),
            ACTIVITY => (ResourceFamily::Activity, Pattern::RequestResponse),
            JOB => (
                ResourceFamily::Service {
                    resource_type: "states".into(),
                    resource: "startExecution.sync".into(),
                },
                Pattern::RunJob,
            ),
            CALLBACK => (
                ResourceFamily::Service {
                    resource_type: "lambda".into(),
                    resource: "invoke.waitForTaskToken".into(),
                },
                Pattern::WaitForTaskToken,
            ),
            _ => return Resolved::Unknown,
        };
        Resolved::Task(Resource {
            arn: resource.into(),
            family,
            pattern,
        })
    }
}
