use http::HeaderValue;

use aws::iam::{Effect, Policy, PolicyKind, Purpose, Source};

use super::*;

/// Texts come from callers who need not be allowed anything, as long as a body may be.
#[test]
fn policies_are_asked_about_texts_that_aws_would_take() {
    let of = |bytes: usize| "x".repeat(bytes);
    let many = |bytes| vec![Values::Many(vec!["x".into(), of(bytes).into()])];
    let one = |bytes: usize| vec![Values::One(of(bytes).into())];
    for (bytes, expected) in [
        (0, true),
        (2_048, true),
        (TEXT_BYTES_MAX, true),
        (TEXT_BYTES_MAX + 1, false),
        (1 << 20, false),
    ] {
        assert_eq!(Need::new("a:b", of(bytes)).is_judgeable(), expected);
        let key = Need::new("a:b", "*").with(of(bytes), "x");
        assert_eq!(key.is_judgeable(), expected, "key of {bytes}");
        for values in one(bytes).into_iter().chain(many(bytes)) {
            let mut need = Need::new("a:b", "*");
            need.context.push(("k".into(), values));
            assert_eq!(need.is_judgeable(), expected, "value of {bytes}");
        }
    }
}

#[test]
fn a_header_counts_up_to_a_length() {
    for (bytes, expected) in [(TEXT_BYTES_MAX, true), (TEXT_BYTES_MAX + 1, false)] {
        let client = Client {
            user_agent: Some(HeaderValue::from_str(&"x".repeat(bytes)).unwrap()),
            ..Client::default()
        };
        let mut context = Context::new();
        let around = Circumstances {
            now: Timestamp(0),
            region: &"eu-west-1".into(),
            client: Some(&client),
        };
        around.add_to(&mut context);
        assert_eq!(context.get("aws:UserAgent").is_some(), expected);
    }
}

/// Of another account's policy one learns that it denies, not where.
#[test]
fn an_explanation_hides_what_matched_of_one_policy() {
    let statement = r#"{"Version": "2012-10-17", "Statement": {"Sid": "Secret", "Effect": "Deny",
        "Principal": "*", "Action": "sts:AssumeRole"}}"#;
    let uri = "arn:aws:iam::222222222222:role/r#trust";
    let trust = Attached {
        policy: Policy::parse(statement, Purpose::Trust).unwrap(),
        source: Source {
            kind: PolicyKind::Trust,
            uri: uri.into(),
            managed: false,
            attached_to: "arn:aws:iam::222222222222:role/r".into(),
        },
    };
    let principal = Principal::Root {
        account: "111111111111".into(),
        temporary: None,
    };
    let context = Context::new();
    let request = Request {
        principal: &principal,
        action: "sts:AssumeRole",
        resource: "arn:aws:iam::222222222222:role/r",
        resource_account: Some("222222222222"),
        context: &context,
    };
    let layers = Layers {
        resource: Some(&trust),
        ..Layers::default()
    };
    let plain = evaluate::explain(&request, &layers);
    assert!(format!("{plain:?}").contains("Secret"));
    let mut other = plain.clone();
    hide(&mut other, "arn:aws:iam::222222222222:role/s#trust");
    assert_eq!(other, plain);
    let mut hidden = plain;
    hide(&mut hidden, uri);
    assert!(!format!("{hidden:?}").contains("Secret"), "{hidden:?}");
    assert_eq!(hidden.decision.effect, Effect::ExplicitDeny);
    assert_eq!(hidden.checks.len(), 2);
}
