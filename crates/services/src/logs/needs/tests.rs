//! Each case: an operation, its input, and what it needs.

use aws::Service;

use super::*;
use crate::testing;

const HERE: &str = "arn:aws:logs:eu-west-1:123456789012";

fn needs(operation: &str, input: &str) -> Vec<String> {
    let input = json::parse(&input.replace("HERE", HERE)).unwrap();
    let call = testing::call(Service::Logs, operation, &input, 1_790_000_000_000);
    let line = |need: &Need| testing::line(need).replace(HERE, "HERE");
    Logs::needs(operation, &call).iter().map(line).collect()
}

/// How a group is named, and what stands for it before the name of a stream.
const GROUPS: &[(&str, &str)] = &[
    (r#""logGroupName": "/g""#, "HERE:log-group:/g:log-stream:"),
    (
        r#""logGroupIdentifier": "/g""#,
        "HERE:log-group:/g:log-stream:",
    ),
    (
        r#""logGroupIdentifier": "HERE:log-group:/g""#,
        "HERE:log-group:/g:log-stream:",
    ),
    (
        r#""logGroupIdentifier": "HERE:log-group:/g:*""#,
        "HERE:log-group:/g:log-stream:",
    ),
    (
        r#""logGroupIdentifier": "arn:aws:logs:us-east-1:111111111111:log-group:/g""#,
        "arn:aws:logs:us-east-1:111111111111:log-group:/g:log-stream:",
    ),
];

/// Operations, inputs, and all that they need.
const OTHERS: &[(&str, &str, &[&str])] = &[
    (
        "GetLogEvents",
        "{}",
        &["logs:GetLogEvents HERE:log-group::log-stream:"],
    ),
    (
        "GetLogEvents",
        r#"{"logGroupIdentifier": "arn:nonsense", "logStreamName": "s"}"#,
        &["logs:GetLogEvents arn:nonsense"],
    ),
    (
        "CreateLogGroup",
        r#"{"logGroupName": "/g"}"#,
        &["logs:CreateLogGroup HERE:log-group:/g:log-stream:"],
    ),
    (
        "CreateLogGroup",
        r#"{"logGroupName": "/g", "tags": {"k": "v"}}"#,
        &[
            "logs:CreateLogGroup HERE:log-group:/g:log-stream: aws:RequestTag/k=v aws:TagKeys=[k]",
            "logs:TagResource HERE:log-group:/g aws:RequestTag/k=v aws:TagKeys=[k]",
        ],
    ),
    (
        "TagLogGroup",
        r#"{"logGroupName": "/g", "tags": {"k": "v"}}"#,
        &["logs:TagLogGroup HERE:log-group:/g:log-stream: aws:RequestTag/k=v aws:TagKeys=[k]"],
    ),
    (
        "UntagLogGroup",
        r#"{"logGroupName": "/g", "tags": ["k"]}"#,
        &["logs:UntagLogGroup HERE:log-group:/g:log-stream: aws:TagKeys=[k]"],
    ),
    (
        "TagResource",
        r#"{"resourceArn": "HERE:log-group:/g", "tags": {"k": "v"}}"#,
        &["logs:TagResource HERE:log-group:/g aws:RequestTag/k=v aws:TagKeys=[k]"],
    ),
    (
        "UntagResource",
        r#"{"resourceArn": "HERE:log-group:/g", "tagKeys": ["k"]}"#,
        &["logs:UntagResource HERE:log-group:/g aws:TagKeys=[k]"],
    ),
    (
        "ListTagsForResource",
        r#"{"resourceArn": "HERE:log-group:/g"}"#,
        &["logs:ListTagsForResource HERE:log-group:/g"],
    ),
];

#[test]
fn what_calls_need() {
    for (operation, _, on) in OPERATIONS {
        let check = |input: &str, resource: &str| {
            let expected = format!("logs:{operation} {resource}");
            assert_eq!(needs(operation, input), [expected], "{input}");
        };
        for (group, resource) in GROUPS {
            match on {
                On::Group => check(&format!("{{{group}}}"), resource),
                On::Stream => {
                    let input = format!(r#"{{{group}, "logStreamName": "s/1"}}"#);
                    check(&input, &format!("{resource}s/1"));
                }
                _ => {}
            }
        }
        match on {
            On::All => check("{}", "*"),
            On::Groups => check("{}", "HERE:log-group::log-stream:"),
            On::Group | On::Stream => {}
            On::Made | On::Tagged => {
                assert!(OTHERS.iter().any(|(other, ..)| other == operation));
            }
        }
    }
    for (operation, input, expected) in OTHERS {
        assert_eq!(needs(operation, input), *expected, "{operation} {input}");
    }
}

#[test]
fn operations_are_sorted() {
    assert!(OPERATIONS.is_sorted_by_key(|(name, ..)| name));
    assert_eq!(Logs::facts("StartLiveTail"), None);
}
