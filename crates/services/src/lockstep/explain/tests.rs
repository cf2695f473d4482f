use std::sync::Arc;

use aws::iam::{
    Attached, Context, Layers, Policy, Principal, Purpose, Request, RoleSession, Source, Temporary,
    evaluate,
};

use super::*;
use crate::access::Need;

const ROLE: &str = "arn:aws:iam::123456789012:role/team/runner";
const MACHINE: &str = "arn:aws:states:eu-west-1:123456789012:stateMachine:m";
const THEIRS: &str = "arn:aws:iam::999999999999:role/theirs";

fn allowing(action: &str) -> String {
    statement("Allow", action, "")
}

fn statement(effect: &str, action: &str, more: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Effect": "{effect}", "Action": "{action}", "Resource": "*"{more}}}]}}"#
    )
}

fn attached(kind: PolicyKind, uri: &str, to: &str, document: &str) -> Arc<Attached> {
    let purpose = match kind {
        PolicyKind::Trust => Purpose::Trust,
        PolicyKind::Resource => Purpose::Resource,
        _ => Purpose::Identity,
    };
    Arc::new(Attached {
        policy: Policy::parse(document, purpose).unwrap(),
        source: Source {
            kind,
            uri: uri.into(),
            managed: !uri.contains('#'),
            attached_to: to.into(),
        },
    })
}

/// What a role's session is told that wants to do something and has these policies.
fn explained_with(action: &'static str, resource: &str, policies: &[Arc<Attached>]) -> Value {
    let denial = denied(action, resource, policies);
    explained("0ab9z12345", &denial, 0).build().into()
}

/// A denial of what a role's session wanted to do that has these policies.
pub(super) fn denied(action: &'static str, resource: &str, policies: &[Arc<Attached>]) -> Denial {
    let principal = Principal::Role(Arc::new(RoleSession {
        account: "123456789012".into(),
        role_arn: ROLE.into(),
        role_name: "runner".into(),
        role_id: "AROAEXAMPLE".into(),
        session_name: "run".into(),
        tags: Arc::default(),
        transitive_tag_keys: Arc::default(),
        source_identity: None,
        federated_provider: None,
        temporary: Temporary {
            issued_ms: 0,
            mfa: false,
        },
    }));
    let of = |kind| {
        policies
            .iter()
            .filter(move |p| p.source.kind == kind)
            .cloned()
    };
    let identity: Vec<_> = of(PolicyKind::Identity).collect();
    let session: Vec<_> = of(PolicyKind::Session).collect();
    let boundary = of(PolicyKind::Boundary).next();
    let own = of(PolicyKind::Trust).chain(of(PolicyKind::Resource)).next();
    let layers = Layers {
        identity: &identity,
        boundary: boundary.as_deref(),
        session: (!session.is_empty()).then_some(&*session),
        resource: own.as_deref(),
    };
    let mut context = Context::new();
    context.set("aws:PrincipalArn", ROLE);
    context.set_many("aws:TagKeys", vec!["a".into(), "b".into()]);
    let request = Request {
        principal: &principal,
        action,
        resource,
        resource_account: resource
            .split(':')
            .nth(4)
            .filter(|account| !account.is_empty()),
        context: &context,
    };
    let explanation = evaluate::explain(&request, &layers);
    Denial {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        time_ms: 1_790_000_000_250,
        caller_arn: principal.arn(),
        request_id: "r-1".into(),
        operation: action.into(),
        need: Need::new(action, resource),
        context,
        explanation,
        policies: policies
            .iter()
            .map(|policy| Seen::from(&**policy))
            .collect(),
    }
}

/// Checks a denial's members, and its remedies: what is added or narrowed, and the command.
#[track_caller]
fn check(
    (action, resource): (&'static str, &str),
    policies: &[Arc<Attached>],
    reason: &str,
    checks: &[&str],
    remedies: &[(&str, &str, Option<&str>)],
) {
    let explained = explained_with(action, resource, policies);
    let text = |value: &Value, member: &str| {
        let text = value.get(member).and_then(Value::as_str);
        text.map(str::to_owned)
    };
    assert_eq!(text(&explained, "reason").as_deref(), Some(reason));
    let list = |member| {
        explained
            .get(member)
            .and_then(Value::as_array)
            .unwrap()
            .to_vec()
    };
    let given: Vec<String> = list("checks")
        .iter()
        .map(|check| {
            let matched = check.get("matchedStatements").and_then(Value::as_array);
            let texts = matched.unwrap().iter().map(|m| text(m, "policy").unwrap());
            let (kind, effect) = (text(check, "checkType"), text(check, "effect"));
            let matched = texts.collect::<Vec<_>>().join(" ");
            format!("{} {} {matched}", kind.unwrap(), effect.unwrap())
                .trim_end()
                .to_owned()
        })
        .collect();
    assert_eq!(given, checks);
    let given: Vec<_> = list("remedies")
        .iter()
        .map(|remedy| {
            let kind = text(remedy, "policyType").unwrap();
            (
                kind,
                text(remedy, "target").unwrap(),
                text(remedy, "command"),
            )
        })
        .collect();
    let expected: Vec<_> = remedies
        .iter()
        .map(|(kind, to, command)| {
            (
                (*kind).to_owned(),
                (*to).to_owned(),
                command.map(str::to_owned),
            )
        })
        .collect();
    assert_eq!(given, expected);
}

const START: (&str, &str) = ("states:StartExecution", MACHINE);
const EXACT: &str = "{\"Effect\":\"Allow\",\"Action\":\"states:StartExecution\",\
    \"Resource\":\"arn:aws:states:eu-west-1:123456789012:stateMachine:m\"}";

#[test]
fn no_policy_allows_it() {
    let command = format!(
        "aws iam put-role-policy --role-name runner --policy-name \
         allow-states-StartExecution-0ab9z123 --policy-document \
         '{{\"Version\":\"2012-10-17\",\"Statement\":[{EXACT}]}}'"
    );
    let own = format!("{ROLE}#policy/own");
    let other = allowing("sqs:*");
    check(
        START,
        &[attached(PolicyKind::Identity, &own, ROLE, &other)],
        "no identity-based policy allows states:StartExecution",
        &["PRINCIPAL IMPLICIT_DENY"],
        &[("IDENTITY_BASED_POLICY", ROLE, Some(&command))],
    );
    let explained = explained_with(START.0, START.1, &[]);
    for (member, expected) in [
        ("authorizationId", r#""0ab9z12345""#),
        ("date", "1.79000000025E9"),
        ("decision", r#""IMPLICIT_DENY""#),
        ("decidedBy", r#""IDENTITY_BASED_POLICY""#),
        (
            "principalArn",
            r#""arn:aws:sts::123456789012:assumed-role/runner/run""#,
        ),
        (
            "context",
            "[{\"key\":\"aws:PrincipalArn\",\
             \"values\":[\"arn:aws:iam::123456789012:role/team/runner\"]},\
             {\"key\":\"aws:TagKeys\",\"values\":[\"a\",\"b\"]}]",
        ),
    ] {
        assert_eq!(
            explained.get(member).unwrap().to_text(),
            expected,
            "{member}"
        );
    }
}

#[test]
fn a_statement_denies_it() {
    let own = format!("{ROLE}#policy/own");
    let denying = statement("Deny", "states:*", r#", "Sid": "Never""#);
    let policies = [
        attached(PolicyKind::Identity, &own, ROLE, &denying),
        attached(
            PolicyKind::Identity,
            "arn:aws:iam::aws:policy/All",
            ROLE,
            &allowing("*"),
        ),
    ];
    check(
        START,
        &policies,
        "an identity-based policy denies states:StartExecution",
        &[&format!(
            "PRINCIPAL EXPLICIT_DENY {own} arn:aws:iam::aws:policy/All"
        )],
        &[("IDENTITY_BASED_POLICY", ROLE, None)],
    );
    let explained = explained_with(START.0, START.1, &policies);
    let remedy = explained
        .get("remedies")
        .and_then(|list| list.index(0))
        .unwrap();
    let text = r#"{"Effect":"Deny","Action":"states:*","Resource":"*","Sid":"Never"}"#;
    assert_eq!(
        remedy.get("remedyType").unwrap(),
        &Value::from("NARROW_STATEMENT")
    );
    assert_eq!(remedy.get("statement").unwrap(), &Value::from(text));
    assert_eq!(remedy.get("statementIndex").unwrap(), &Value::from(0_u64));
    assert_eq!(remedy.get("sid").unwrap(), &Value::from("Never"));
}

#[test]
fn a_boundary_or_a_session_does_not_allow_it() {
    let own = format!("{ROLE}#policy/own");
    let all = attached(PolicyKind::Identity, &own, ROLE, &allowing("*"));
    let edge = "arn:aws:iam::123456789012:policy/edge";
    let command = format!(
        "aws iam create-policy-version --policy-arn {edge} --set-as-default --policy-document \
         '{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"sqs:*\",\
         \"Resource\":\"*\"}},{EXACT}]}}'"
    );
    let bounded = |uri| attached(PolicyKind::Boundary, uri, ROLE, &allowing("sqs:*"));
    check(
        START,
        &[Arc::clone(&all), bounded(edge)],
        "no permissions boundary allows states:StartExecution",
        &[
            "PERMISSIONS_BOUNDARY IMPLICIT_DENY",
            &format!("PRINCIPAL ALLOW {own}"),
        ],
        &[("PERMISSIONS_BOUNDARY", ROLE, Some(&command))],
    );
    // Nobody but AWS can change it.
    check(
        START,
        &[Arc::clone(&all), bounded("arn:aws:iam::aws:policy/Edge")],
        "no permissions boundary allows states:StartExecution",
        &[
            "PERMISSIONS_BOUNDARY IMPLICIT_DENY",
            &format!("PRINCIPAL ALLOW {own}"),
        ],
        &[("PERMISSIONS_BOUNDARY", ROLE, None)],
    );
    let session = "arn:aws:sts::123456789012:assumed-role/runner/run";
    let uri = format!("{session}#policy");
    check(
        START,
        &[
            all,
            attached(PolicyKind::Session, &uri, session, &allowing("sqs:*")),
        ],
        "no session policy allows states:StartExecution",
        &["SESSION IMPLICIT_DENY", &format!("PRINCIPAL ALLOW {own}")],
        &[("SESSION_POLICY", session, None)],
    );
}

/// A role of another account has to let the caller in, and the caller's own account must agree.
#[test]
fn a_trust_policy_does_not_allow_it() {
    let trusting = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
        "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}}"#;
    let uri = format!("{THEIRS}#trust");
    let document = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\
        \"Principal\":{\"Service\":\"states.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"},\
        {\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\
        \"arn:aws:iam::123456789012:role/team/runner\"},\"Action\":\"sts:AssumeRole\"}]}";
    let trust = format!(
        "aws iam update-assume-role-policy --role-name theirs --policy-document '{document}'"
    );
    let own = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\
        \"Action\":\"sts:AssumeRole\",\"Resource\":\"arn:aws:iam::999999999999:role/theirs\"}]}";
    let own = format!(
        "aws iam put-role-policy --role-name runner --policy-name \
         allow-sts-AssumeRole-0ab9z123 --policy-document '{own}'"
    );
    check(
        ("sts:AssumeRole", THEIRS),
        &[attached(PolicyKind::Trust, &uri, THEIRS, trusting)],
        "no role trust policy allows sts:AssumeRole",
        &["PRINCIPAL IMPLICIT_DENY", "RESOURCE IMPLICIT_DENY"],
        &[
            ("ROLE_TRUST_POLICY", THEIRS, Some(&trust)),
            ("IDENTITY_BASED_POLICY", ROLE, Some(&own)),
        ],
    );
}
