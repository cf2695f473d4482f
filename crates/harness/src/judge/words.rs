//! What cases are made of: few words, so that they meet.

pub(crate) const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];
pub(crate) const NAMES: [&str; 4] = ["ann", "bob", "Ann", "a*"];
pub(crate) const ROLES: [(&str, &str); 5] = [
    ("/", "worker"),
    ("/service/", "Runner"),
    ("/", "ann"),
    // Namesakes, but for path and case.
    ("/", "Runner"),
    ("/", "Worker"),
];
pub(crate) const SESSIONS: [&str; 3] = ["s1", "ann", "orders"];
pub(crate) const SERVICES: [&str; 3] = [
    "states.amazonaws.com",
    "events.amazonaws.com",
    "lambda.amazonaws.com",
];
/// As policies name them, too; all cases call from us-east-1.
pub(crate) const NAMED_SERVICES: [&str; 6] = [
    "states.amazonaws.com",
    "events.amazonaws.com",
    "lambda.amazonaws.com",
    "states.us-east-1.amazonaws.com",
    "events.us-east-1.amazonaws.com",
    "states.eu-west-1.amazonaws.com",
];

/// What can be asked for; `A` stands for the resource's account.
pub(crate) const ASKED: [(&str, &str); 18] = [
    (
        "states:StartExecution",
        "arn:aws:states:us-east-1:A:stateMachine:orders",
    ),
    (
        "states:StartExecution",
        "arn:aws:states:us-east-1:A:stateMachine:orders:live",
    ),
    (
        "states:DescribeExecution",
        "arn:aws:states:us-east-1:A:execution:orders:ann",
    ),
    (
        "states:StartSyncExecution",
        "arn:aws:states:eu-west-1:A:stateMachine:ann",
    ),
    (
        "states:SendTaskSuccess",
        "arn:aws:states:us-east-1:A:activity:orders",
    ),
    ("states:ListStateMachines", "*"),
    ("s3:GetObject", "arn:aws:s3:::bucket/ann/file.txt"),
    ("s3:GetObject", "arn:aws:s3:::bucket/orders/a+b?c$d"),
    ("s3:ListBucket", "arn:aws:s3:::bucket"),
    ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:A:orders"),
    ("sns:Publish", "arn:aws:sns:us-east-1:A:orders"),
    (
        "lambda:InvokeFunction",
        "arn:aws:lambda:us-east-1:A:function:orders",
    ),
    (
        "lambda:InvokeFunction",
        "arn:aws:lambda:us-east-1:A:function:orders:live",
    ),
    (
        "dynamodb:GetItem",
        "arn:aws:dynamodb:us-east-1:A:table/orders/index/ann",
    ),
    ("iam:PassRole", "arn:aws:iam::A:role/service/Runner"),
    ("iam:GetUser", "arn:aws:iam::A:user/team/ann"),
    ("sts:AssumeRole", "arn:aws:iam::A:role/worker"),
    ("sts:AssumeRole", "arn:aws:iam::A:role/service/Runner"),
];

/// Kinds of condition keys; an operator is mostly used with keys of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Date,
    Bool,
    Binary,
    Ip,
    Arn,
}

/// Keys that a request may have, whether they may have several values, and their values.
pub(crate) const KEYS: [(&str, Kind, bool, &[&str]); 17] = [
    (
        "aws:PrincipalTag/team",
        Kind::Text,
        false,
        &["red", "Red", "blue", "r*d", "", "${aws:username}"],
    ),
    (
        "aws:ResourceTag/team",
        Kind::Text,
        false,
        &["red", "RED", "blue", "orders"],
    ),
    (
        "aws:RequestTag/env",
        Kind::Text,
        false,
        &["dev", "prod", "test"],
    ),
    (
        "aws:RequestedRegion",
        Kind::Text,
        false,
        &["us-east-1", "eu-west-1"],
    ),
    (
        "aws:SourceAccount",
        Kind::Text,
        false,
        &["111122223333", "444455556666"],
    ),
    (
        "sts:ExternalId",
        Kind::Text,
        false,
        &["red", "orders", "a?b"],
    ),
    (
        "aws:TagKeys",
        Kind::Text,
        true,
        &["env", "team", "Env", "red", ""],
    ),
    (
        "aws:CalledVia",
        Kind::Text,
        true,
        &["states.amazonaws.com", "events.amazonaws.com"],
    ),
    (
        "states:StateMachineQualifier",
        Kind::Text,
        true,
        &["live", "1", "red"],
    ),
    (
        "aws:SourceArn",
        Kind::Arn,
        false,
        &[
            "arn:aws:states:us-east-1:111122223333:stateMachine:orders",
            "arn:aws:states:eu-west-1:444455556666:stateMachine:ann",
            "arn:aws:sns:us-east-1:111122223333:orders",
            "red",
        ],
    ),
    (
        "iam:PassedToService",
        Kind::Text,
        false,
        &["states.amazonaws.com", "lambda.amazonaws.com"],
    ),
    (
        "s3:max-keys",
        Kind::Number,
        false,
        &["10", "10.0", "9.5", "-3", "0", "red"],
    ),
    (
        "aws:MultiFactorAuthAge",
        Kind::Number,
        false,
        &["300", "3600", "0.5"],
    ),
    (
        "aws:CurrentTime",
        Kind::Date,
        false,
        &[
            "2026-03-01T12:00:00Z",
            "2026-01-01T00:00:00Z",
            "1772366400",
            "2026-03-01T13:00:00+01:00",
        ],
    ),
    (
        "aws:SecureTransport",
        Kind::Bool,
        false,
        &["true", "false", "TRUE", "red"],
    ),
    (
        "aws:SourceIp",
        Kind::Ip,
        false,
        &[
            "10.1.2.3",
            "192.0.2.77",
            "2001:db8::77",
            "::ffff:10.1.2.3",
            "2001:DB8:0:0::77",
        ],
    ),
    (
        "kms:CiphertextDigest",
        Kind::Binary,
        false,
        &["QmluYXJ5", "b3JkZXJz", "b3JkZXI="],
    ),
];

/// Values that policies compare with, by kind.
pub(crate) fn compared(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Text => &[
            "red",
            "blue",
            "r*",
            "?ed",
            "R*d",
            "*",
            "",
            "dev",
            "prod",
            "env",
            "team",
            "live",
            "orders",
            "ann",
            "us-east-1",
            "us-*",
            "states.amazonaws.com",
            "*.amazonaws.com",
            "111122223333",
            "${aws:username}",
            "${aws:PrincipalTag/team}",
            "${aws:PrincipalTag/team, 'red'}",
            "${aws:RequestTag/env, 'all'}",
            "${*}",
            "r${*}d",
            "a${?}b",
            "${aws:TagKeys}",
            "x-${AWS:UserName}",
        ],
        Kind::Number => &[
            "10", "10.0", "9", "-3", "0", "300", "3600", "1e1", "red", "10x",
        ],
        Kind::Date => &[
            "2026-03-01T12:00:00Z",
            "2026-03-01",
            "2025-12-31T23:59:59Z",
            "1772366400",
            "2026-03-01T07:00:00-05:00",
            "2026",
            "2026-03",
        ],
        Kind::Bool => &["true", "false", "True", "red"],
        Kind::Binary => &["QmluYXJ5", "b3JkZXJz", "b3JkZXI=", "b3JkZXJ="],
        Kind::Ip => &[
            "10.0.0.0/8",
            "10.1.2.3",
            "10.1.2.3/32",
            "192.0.2.0/24",
            "0.0.0.0/0",
            "::/0",
            "2001:db8::/32",
            "2001:db8::77",
            "2001:db8::77/128",
        ],
        Kind::Arn => &[
            "arn:aws:states:us-east-1:111122223333:stateMachine:orders",
            "arn:aws:states:*:*:stateMachine:*",
            "arn:aws:states:us-east-1:111122223333:*",
            "arn:aws:*:*:${aws:PrincipalAccount}:orders",
            "arn:*:sns:us-east-?:1111*:o*s",
            "arn:aws:states:*:stateMachine:orders",
            "*",
            "arn:aws:sns:us-east-1:111122223333:Orders",
            "arn:aws:iam::111122223333:role/*",
            "red",
        ],
    }
}

/// The operators but `Null`, by kind.
pub(crate) const OPERATORS: [(&str, Kind); 26] = [
    ("StringEquals", Kind::Text),
    ("StringNotEquals", Kind::Text),
    ("StringEqualsIgnoreCase", Kind::Text),
    ("StringNotEqualsIgnoreCase", Kind::Text),
    ("StringLike", Kind::Text),
    ("StringNotLike", Kind::Text),
    ("NumericEquals", Kind::Number),
    ("NumericNotEquals", Kind::Number),
    ("NumericLessThan", Kind::Number),
    ("NumericLessThanEquals", Kind::Number),
    ("NumericGreaterThan", Kind::Number),
    ("NumericGreaterThanEquals", Kind::Number),
    ("DateEquals", Kind::Date),
    ("DateNotEquals", Kind::Date),
    ("DateLessThan", Kind::Date),
    ("DateLessThanEquals", Kind::Date),
    ("DateGreaterThan", Kind::Date),
    ("DateGreaterThanEquals", Kind::Date),
    ("Bool", Kind::Bool),
    ("BinaryEquals", Kind::Binary),
    ("IpAddress", Kind::Ip),
    ("NotIpAddress", Kind::Ip),
    ("ArnEquals", Kind::Arn),
    ("ArnNotEquals", Kind::Arn),
    ("ArnLike", Kind::Arn),
    ("ArnNotLike", Kind::Arn),
];
