use json::Value;

use super::*;
use crate::iam::Context;
use crate::iam::testing::{self, text};

const SYNTAX: &str = include_str!("../../../../../conformance/iam/syntax.json");

#[test]
fn what_is_refused_and_how() {
    for case in testing::cases(SYNTAX) {
        let purpose = match text(&case, "purpose") {
            "Identity" => Purpose::Identity,
            "Session" => Purpose::Session,
            "Trust" => Purpose::Trust,
            "Resource" => Purpose::Resource,
            other => panic!("purpose `{other}`"),
        };
        let document = case.get("document").expect("a document");
        let document = document
            .as_str()
            .map_or_else(|| document.to_text(), str::to_owned);
        let refused = Policy::parse(&document, purpose).err();
        let expected = case.get("error").and_then(Value::as_str);
        assert_eq!(refused.as_ref().map(|m| &*m.0), expected, "{case}");
    }
}

fn compiled(statements: &str) -> Policy {
    let document = format!(r#"{{"Version":"2012-10-17","Statement":{statements}}}"#);
    Policy::parse(&document, Purpose::Identity).expect("a policy")
}

#[test]
fn statements_can_be_read() {
    let policy = compiled(
        r#"[
        {"Sid":"A","Effect":"Deny","Action":["s3:Get*","iam:X"],"NotResource":"arn:aws:s3:::b"},
        {"Effect":"Allow","NotAction":"sts:*","Resource":"*","Condition":{"Bool":{"a:B":true}}}]"#,
    );
    let [first, second] = policy.statements() else {
        panic!("two statements");
    };
    assert_eq!(first.sid().map(|sid| &**sid), Some("A"));
    assert!(first.denies() && first.is_not_resource() && !first.is_not_action());
    assert_eq!(first.actions(), ["s3:Get*".into(), "iam:X".into()]);
    assert_eq!(first.resources(), ["arn:aws:s3:::b".into()]);
    assert!(first.matches_action("s3:getobject") && !first.matches_action("s3:Put"));
    assert!(first.matches_resource("arn:aws:s3:::c", &Context::new()));
    assert!(!first.matches_resource("arn:aws:s3:::b", &Context::new()));
    assert!(!second.denies() && second.is_not_action() && !second.is_not_resource());
    assert!(second.sid().is_none() && second.has_conditions() && !first.has_conditions());
    assert!(!second.matches_action("sts:AssumeRole") && second.matches_action("s3:X"));
    assert!(!second.conditions_hold(&Context::new()));
}

#[test]
fn keys_are_known_before_they_are_asked_for() {
    let policy = compiled(
        r#"{"Effect":"Allow","Action":"*",
        "Resource":"arn:aws:s3:::${aws:username}/${aws:Tag/x, 'y'}",
        "Condition":{"StringLike":{"aws:ResourceTag/Team":["${aws:PrincipalTag/Team}*"]},
        "Null":{"svc:a":"true"}}}"#,
    );
    let keys: Vec<&str> = policy.keys().collect();
    let expected = [
        "aws:username",
        "aws:Tag/x",
        "aws:ResourceTag/Team",
        "aws:PrincipalTag/Team",
    ];
    assert_eq!(keys, [&expected[..], &["svc:a"]].concat());
    for (prefix, named) in [
        ("aws:resourcetag/", true),
        ("aws:resourcetag/team", true),
        ("aws:resourcetag/teams", false),
        ("svc:", true),
        ("svc:b", false),
        ("aws:requesttag/", false),
    ] {
        assert_eq!(policy.names_key(prefix), named, "{prefix}");
    }
}

#[test]
fn statements_know_their_places() {
    let document = r#"{
  "Version": "2012-10-17",
  "Statement": {
    "Effect": "Allow", "Action": "*", "Resource": "*"
  }
}"#;
    let policy = Policy::parse(document, Purpose::Identity).expect("a policy");
    let place = |line, column| Position { line, column };
    let spans: Vec<_> = policy.statements().iter().map(Statement::span).collect();
    assert_eq!(spans, [(place(3, 16), place(5, 4))]);
    let one = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    let two = compiled(&format!("[{one},{one}]"));
    let columns: Vec<usize> = two.statements().iter().map(|s| s.span().0.column).collect();
    assert_eq!(columns, [38, 85]);
}

/// Of a policy kept by an older version: what isn't understood allows nothing and denies.
#[test]
fn kept_policies_are_read_as_far_as_possible() {
    let check = |statement: &str, allows: bool, denies: bool| {
        for (effect, applies) in [("Allow", allows), ("Deny", denies)] {
            let statement = statement.replace("EFFECT", effect);
            let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
            let policy = Policy::kept(&document, Purpose::Identity);
            let [statement] = policy.statements() else {
                panic!("one statement");
            };
            let context = Context::new();
            let found = statement.matches_action("s3:a")
                && statement.matches_resource("arn:aws:s3:::b", &context)
                && statement.conditions_hold(&context);
            assert_eq!(found, applies, "{effect} {document}");
            assert_eq!(statement.denies(), effect == "Deny");
        }
    };
    let plain = r#""Effect":"EFFECT","Action":"s3:*","Resource":"*""#;
    check(&format!("{{{plain}}}"), true, true);
    check(
        &format!(r#"{{{plain},"Condition":{{"New":{{"a":"b"}}}}}}"#),
        false,
        true,
    );
    let holds_not = r#""StringEquals":{"a":"b"}"#;
    check(
        &format!(r#"{{{plain},"Condition":{{"New":{{"a":"b"}},{holds_not}}}}}"#),
        false,
        false,
    );
    check(
        &format!(r#"{{{plain},"Condition":{{"Null":{{"a":{{}}}}}}}}"#),
        false,
        true,
    );
    check(&format!(r#"{{{plain},"Condition":7}}"#), false, true);
    check(
        r#"{"Effect":"EFFECT","Action":7,"Resource":"*"}"#,
        false,
        true,
    );
    check(
        r#"{"Effect":"EFFECT","Action":"s3:*","Resource":"*","NotResource":"*"}"#,
        false,
        true,
    );
    check(r#"{"Effect":"EFFECT","Action":"sqs:*"}"#, false, false);
}

#[test]
fn what_is_no_policy_denies_everything() {
    for purpose in [
        Purpose::Identity,
        Purpose::Session,
        Purpose::Trust,
        Purpose::Resource,
    ] {
        for document in [
            "",
            "7",
            "{}",
            "[]",
            r#"{"Statement":"x"}"#,
            r#"{"Statement":[7]}"#,
        ] {
            let policy = Policy::kept(document, purpose);
            assert_eq!(&**policy.document(), document);
            let [statement] = policy.statements() else {
                panic!("one statement for {document}");
            };
            let context = Context::new();
            assert!(
                statement.denies() && statement.conditions_hold(&context),
                "{document}"
            );
            assert!(statement.matches_action("s3:a"), "{document}");
            assert!(statement.matches_resource("*", &context), "{document}");
        }
    }
}
