//! Each case: an operation, its input, and what it needs.

use std::sync::Arc;

use asl::event::Start;
use asl::token;
use aws::Service;
use store::Memory;

use super::super::tests::{Idle, fresh_for, states_over};
use super::*;
use crate::testing;

const HERE: &str = "arn:aws:states:eu-west-1:123456789012";

fn line(need: &Need) -> String {
    testing::line(need).replace(HERE, "HERE")
}

fn call(operation: &str, input: &str) -> Call {
    let input = json::parse(&input.replace("HERE", HERE)).unwrap();
    testing::call(Service::States, operation, &input, 1_790_000_000_000)
}

/// What needs no more than one resource, which a member names.
const NAMED: &[(&str, &str, &str)] = &[
    ("DeleteActivity", "activityArn", "HERE:activity:a"),
    ("DescribeActivity", "activityArn", "HERE:activity:a"),
    ("GetActivityTask", "activityArn", "HERE:activity:a"),
    ("DescribeExecution", "executionArn", "HERE:execution:m:e"),
    ("DescribeExecution", "executionArn", "HERE:express:m:e:u"),
    (
        "DescribeStateMachineForExecution",
        "executionArn",
        "HERE:execution:m:e",
    ),
    ("GetExecutionHistory", "executionArn", "HERE:execution:m:e"),
    ("ListMapRuns", "executionArn", "HERE:execution:m:e"),
    ("RedriveExecution", "executionArn", "HERE:execution:m:e"),
    ("StopExecution", "executionArn", "HERE:execution:m:e"),
    ("DescribeMapRun", "mapRunArn", "HERE:mapRun:m/l:u"),
    ("UpdateMapRun", "mapRunArn", "HERE:mapRun:m/l:u"),
    ("ListExecutions", "mapRunArn", "HERE:mapRun:m/l:u"),
    ("ListTagsForResource", "resourceArn", "HERE:activity:a"),
    (
        "DeleteStateMachine",
        "stateMachineArn",
        "HERE:stateMachine:m",
    ),
    (
        "DescribeStateMachine",
        "stateMachineArn",
        "HERE:stateMachine:m",
    ),
    ("ListExecutions", "stateMachineArn", "HERE:stateMachine:m"),
    (
        "ListStateMachineAliases",
        "stateMachineArn",
        "HERE:stateMachine:m",
    ),
    (
        "ListStateMachineVersions",
        "stateMachineArn",
        "HERE:stateMachine:m",
    ),
    (
        "PublishStateMachineVersion",
        "stateMachineArn",
        "HERE:stateMachine:m",
    ),
    ("StartExecution", "stateMachineArn", "HERE:stateMachine:m"),
    (
        "StartSyncExecution",
        "stateMachineArn",
        "HERE:stateMachine:m",
    ),
    (
        "UpdateStateMachine",
        "stateMachineArn",
        "HERE:stateMachine:m",
    ),
    // What cannot be read stands for itself.
    ("StartExecution", "stateMachineArn", "nonsense"),
    ("StartExecution", "stateMachineArn", ""),
    ("StartExecution", "stateMachineArn", "HERE:stateMachine:m/l"),
    ("StopExecution", "executionArn", "nonsense"),
];

/// Operations, inputs, and all that they need.
const OTHERS: &[(&str, &str, &[&str])] = &[
    (
        "ListActivities",
        "{}",
        &["states:ListActivities HERE:activity:*"],
    ),
    (
        "ListStateMachines",
        "{}",
        &["states:ListStateMachines HERE:stateMachine:*"],
    ),
    (
        "ValidateStateMachineDefinition",
        "{}",
        &["states:ValidateStateMachineDefinition *"],
    ),
    ("StartExecution", "{}", &["states:StartExecution *"]),
    ("DescribeExecution", "{}", &["states:DescribeExecution *"]),
    (
        "CreateActivity",
        r#"{"name": "a"}"#,
        &["states:CreateActivity HERE:activity:a"],
    ),
    (
        "CreateActivity",
        r#"{"name": "a", "tags": [{"key": "k", "value": "1"}, {"key": "b"},
            {"key": "k", "value": "2"}]}"#,
        &[
            "states:CreateActivity HERE:activity:a aws:RequestTag/b= aws:RequestTag/k=2 \
             aws:TagKeys=[b k]",
            "states:TagResource HERE:activity:a aws:RequestTag/b= aws:RequestTag/k=2 \
             aws:TagKeys=[b k]",
        ],
    ),
    (
        "CreateStateMachine",
        r#"{"name": "m", "publish": false, "tags": []}"#,
        &["states:CreateStateMachine HERE:stateMachine:m"],
    ),
    (
        "CreateStateMachine",
        r#"{"name": "m", "publish": true, "tags": [{"key": "k", "value": "v"}]}"#,
        &[
            "states:CreateStateMachine HERE:stateMachine:m aws:RequestTag/k=v aws:TagKeys=[k]",
            "states:PublishStateMachineVersion HERE:stateMachine:m aws:RequestTag/k=v \
             aws:TagKeys=[k]",
            "states:TagResource HERE:stateMachine:m aws:RequestTag/k=v aws:TagKeys=[k]",
        ],
    ),
    (
        "UpdateStateMachine",
        r#"{"stateMachineArn": "HERE:stateMachine:m", "publish": true}"#,
        &[
            "states:UpdateStateMachine HERE:stateMachine:m",
            "states:PublishStateMachineVersion HERE:stateMachine:m",
        ],
    ),
    (
        "StartExecution",
        r#"{"stateMachineArn": "HERE:stateMachine:m:PROD"}"#,
        &["states:StartExecution HERE:stateMachine:m states:StateMachineQualifier=[PROD]"],
    ),
    (
        "StartSyncExecution",
        r#"{"stateMachineArn": "HERE:stateMachine:m:12"}"#,
        &["states:StartSyncExecution HERE:stateMachine:m states:StateMachineQualifier=[12]"],
    ),
    (
        "DeleteStateMachineVersion",
        r#"{"stateMachineVersionArn": "HERE:stateMachine:m:1"}"#,
        &["states:DeleteStateMachineVersion HERE:stateMachine:m states:StateMachineQualifier=[1]"],
    ),
    (
        "DescribeStateMachineAlias",
        r#"{"stateMachineAliasArn": "HERE:stateMachine:m:a"}"#,
        &["states:DescribeStateMachineAlias HERE:stateMachine:m states:StateMachineQualifier=[a]"],
    ),
    (
        "DeleteStateMachineAlias",
        r#"{"stateMachineAliasArn": "HERE:stateMachine:m:a"}"#,
        &["states:DeleteStateMachineAlias HERE:stateMachine:m states:StateMachineQualifier=[a]"],
    ),
    (
        "CreateStateMachineAlias",
        r#"{"name": "a", "routingConfiguration": [
            {"stateMachineVersionArn": "HERE:stateMachine:m:1", "weight": 50},
            {"stateMachineVersionArn": "HERE:stateMachine:m:2", "weight": 50}]}"#,
        &["states:CreateStateMachineAlias HERE:stateMachine:m \
             states:StateMachineQualifier=[1 2 a]"],
    ),
    // Whoever may not do it to one of two machines may not do it.
    (
        "UpdateStateMachineAlias",
        r#"{"stateMachineAliasArn": "HERE:stateMachine:m:a", "routingConfiguration": [
            {"stateMachineVersionArn": "HERE:stateMachine:other:1", "weight": 100}]}"#,
        &[
            "states:UpdateStateMachineAlias HERE:stateMachine:m states:StateMachineQualifier=[a]",
            "states:UpdateStateMachineAlias HERE:stateMachine:other \
             states:StateMachineQualifier=[1]",
        ],
    ),
    (
        "CreateStateMachineAlias",
        r#"{"name": "a"}"#,
        &["states:CreateStateMachineAlias *"],
    ),
    (
        "TagResource",
        r#"{"resourceArn": "HERE:stateMachine:m", "tags": [{"key": "k", "value": "v"}]}"#,
        &["states:TagResource HERE:stateMachine:m aws:RequestTag/k=v aws:TagKeys=[k]"],
    ),
    (
        "UntagResource",
        r#"{"resourceArn": "HERE:stateMachine:m", "tagKeys": ["k", "l"]}"#,
        &["states:UntagResource HERE:stateMachine:m aws:TagKeys=[k l]"],
    ),
    (
        "TestState",
        r#"{"revealSecrets": true}"#,
        &["states:TestState *", "states:RevealSecrets *"],
    ),
    ("SendTaskSuccess", "{}", &["states:SendTaskSuccess *"]),
    (
        "SendTaskSuccess",
        r#"{"taskToken": "nonsense"}"#,
        &["states:SendTaskSuccess *"],
    ),
];

#[tokio::test]
async fn what_calls_need() {
    let states = fresh_for(&Value::null());
    let needs = |operation: &str, input: &str| -> Vec<String> {
        let needs = states.needs(operation, &call(operation, input));
        needs.iter().map(line).collect()
    };
    for (operation, member, arn) in NAMED {
        let input = format!(r#"{{"{member}": "{arn}"}}"#);
        let expected = format!("states:{operation} {arn}");
        assert_eq!(needs(operation, &input), [expected]);
    }
    for (operation, input, expected) in OTHERS {
        assert_eq!(needs(operation, input), *expected, "{operation} {input}");
    }
}

/// Every operation is met by a case, and none needs nothing.
#[tokio::test]
async fn every_operation_needs_something() {
    let states = fresh_for(&Value::null());
    assert!(OPERATIONS.is_sorted_by_key(|(name, ..)| name));
    for (operation, facts, _) in OPERATIONS {
        let is_met = |other: &str| other == *operation;
        let is_met = NAMED.iter().any(|(other, ..)| is_met(other))
            || OTHERS.iter().any(|(other, ..)| is_met(other))
            || operation.starts_with("SendTask");
        assert!(is_met, "{operation}");
        assert!(!states.needs(operation, &call(operation, "{}")).is_empty());
        assert_eq!(States::facts(operation), Some(*facts));
    }
    assert_eq!(States::facts("Nonsense"), None);
}

/// What a token is sent for.
#[tokio::test]
async fn tokens() {
    let states = fresh_for(&Value::null());
    let activity = format!("{HERE}:activity:a");
    let minted = |execution_arn: String, activity: Option<&str>| {
        let start = Start {
            execution_arn: execution_arn.into(),
            ..Start::default()
        };
        match activity {
            Some(activity) => token::mint_of_activity(&start, 3, activity),
            None => token::mint(&start, 3),
        }
    };
    let elsewhere = |from, to| format!("{HERE}:execution:m:e").replace(from, to);
    for (token, expected) in [
        (
            minted(format!("{HERE}:execution:m:e"), None),
            "HERE:stateMachine:m",
        ),
        (
            minted(format!("{HERE}:express:m:e:u"), None),
            "HERE:stateMachine:m",
        ),
        (
            minted(format!("{HERE}:execution:m:e"), Some(&activity)),
            "HERE:activity:a",
        ),
        // It is none here, and the operation says so.
        (minted(elsewhere("123456789012", "1"), None), "*"),
        (minted(elsewhere("eu-west-1", "eu-west-2"), None), "*"),
        (minted("nonsense".to_owned(), None), "*"),
    ] {
        for operation in ["SendTaskFailure", "SendTaskHeartbeat", "SendTaskSuccess"] {
            let input = format!(r#"{{"taskToken": "{token}"}}"#);
            let needs = states.needs(operation, &call(operation, &input));
            let needs: Vec<String> = needs.iter().map(line).collect();
            assert_eq!(needs, [format!("states:{operation} {expected}")]);
        }
    }
}

/// A request may hold thousands of tags: no more are looked at than tell that they are too many.
#[tokio::test]
async fn too_many_tags() {
    let states = fresh_for(&json::parse(r#"{"limits": {"tags_max": 2}}"#).unwrap());
    let tags: Vec<String> = (0..9).map(|n| format!(r#"{{"key": "{n}"}}"#)).collect();
    let input = format!(r#"{{"tags": [{}]}}"#, tags.join(", "));
    let needs = states.needs("TagResource", &call("TagResource", &input));
    assert_eq!(
        line(&needs[0]),
        "states:TagResource * aws:RequestTag/0= aws:RequestTag/1= aws:RequestTag/2= \
         aws:TagKeys=[0 1 2]"
    );
}

#[tokio::test]
async fn tags_of_resources() {
    let states = states_over(Arc::new(Memory::new()), Arc::new(Idle));
    let definition = r#"{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"End\":true}}}"#;
    for (operation, input) in [
        (
            "CreateActivity",
            r#"{"name": "a", "tags": [{"key": "k", "value": "v"}]}"#.to_owned(),
        ),
        (
            "CreateStateMachine",
            format!(
                r#"{{"name": "m", "roleArn": "arn:aws:iam::123456789012:role/r",
                    "definition": "{definition}", "tags": [{{"key": "m", "value": "w"}}]}}"#
            ),
        ),
    ] {
        let made = states.handle(operation, &call(operation, &input)).await;
        made.unwrap().unwrap();
    }
    for (arn, expected) in [
        ("HERE:activity:a", Some(("k", "v"))),
        ("HERE:stateMachine:m", Some(("m", "w"))),
        ("HERE:stateMachine:m:1", None),
        ("HERE:stateMachine:n", None),
        ("HERE:execution:m:e", None),
        ("nonsense", None),
    ] {
        let tags = states.tags_of(&arn.replace("HERE", HERE)).await.unwrap();
        let expected = expected.map(|(key, value)| vec![(Arc::from(key), Arc::from(value))]);
        assert_eq!(tags, expected, "{arn}");
    }
}
