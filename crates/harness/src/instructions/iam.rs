//! What authorising a call costs: every call and every task is evaluated.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Result, ensure};
use aws::iam::evaluate::decide;
use aws::iam::{
    Attached, Context, Decision, Effect, Layers, Policy, PolicyKind, Principal, Purpose, Request,
    RoleSession, Source, Temporary,
};

const ROLE: &str = "arn:aws:iam::123456789012:role/orders";
const NOW_MS: i64 = 1_767_225_600_000;

/// As roles of state machines have them: the statement that allows comes late, and a Deny is asked
/// as well.
const STATEMENTS: &str = r#"{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Action":["logs:CreateLogDelivery","logs:GetLogDelivery","logs:PutResourcePolicy",
    "logs:DescribeLogGroups"],"Resource":"*"},
{"Effect":"Allow","Action":["xray:PutTraceSegments","xray:PutTelemetryRecords"],"Resource":"*"},
{"Effect":"Allow","Action":["dynamodb:GetItem","dynamodb:PutItem","dynamodb:UpdateItem"],
    "Resource":"arn:aws:dynamodb:us-east-1:123456789012:table/orders*"},
{"Effect":"Allow","Action":"sqs:SendMessage",
    "Resource":"arn:aws:sqs:us-east-1:123456789012:${aws:PrincipalTag/team}-*"},
{"Effect":"Allow","Action":"s3:*Object",
    "Resource":["arn:aws:s3:::orders/*","arn:aws:s3:::bills/*"]},
{"Effect":"Allow","Action":"events:PutEvents","Resource":"*","Condition":{
    "StringEquals":{"aws:RequestedRegion":["us-east-1","eu-west-1"]}}},
{"Effect":"Allow","Action":"states:StartExecution",
    "Resource":"arn:aws:states:*:123456789012:stateMachine:child-*"},
{"Effect":"Deny","Action":"lambda:*","Resource":"*","Condition":{
    "StringNotEquals":{"aws:PrincipalAccount":"123456789012"}}},
{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":[
    "arn:aws:lambda:us-east-1:123456789012:function:order-*",
    "arn:aws:lambda:us-east-1:123456789012:function:bill-*:*"],"Condition":{
    "ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/orders"}}},
{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}"#;

/// Ten statements of a role, and the question whether a function may be invoked.
pub(crate) struct Asked {
    identity: [Arc<Attached>; 1],
    principal: Principal,
    context: Context,
}

impl Asked {
    pub(crate) fn new() -> Result<Asked> {
        let attached = Attached {
            policy: Policy::parse(STATEMENTS, Purpose::Identity)?,
            source: Source {
                kind: PolicyKind::Identity,
                uri: "arn:aws:iam::123456789012:role/orders#policy/tasks".into(),
                managed: false,
                attached_to: ROLE.into(),
            },
        };
        let principal = principal();
        let asked = Asked {
            identity: [Arc::new(attached)],
            context: context(&principal),
            principal,
        };
        let decision = asked.decide();
        ensure!(decision.effect == Effect::Allow, "decided {decision:?}");
        Ok(asked)
    }

    pub(crate) fn decide(&self) -> Decision {
        let layers = Layers {
            identity: &self.identity,
            ..Layers::default()
        };
        let request = Request {
            principal: &self.principal,
            action: "lambda:InvokeFunction",
            resource: "arn:aws:lambda:us-east-1:123456789012:function:order-confirm",
            resource_account: Some("123456789012"),
            context: &self.context,
        };
        decide(black_box(&request), &layers)
    }
}

pub(super) fn evaluate(times: u64) -> Result<()> {
    let asked = Asked::new()?;
    super::paths::repeat(times, || asked.decide());
    Ok(())
}

fn principal() -> Principal {
    Principal::Role(Arc::new(RoleSession {
        account: "123456789012".into(),
        role_arn: ROLE.into(),
        role_name: "orders".into(),
        role_id: "AROAEXAMPLE".into(),
        session_name: "first".into(),
        tags: Arc::new([("team".into(), "red".into())]),
        transitive_tag_keys: Arc::default(),
        source_identity: None,
        federated_provider: None,
        temporary: Temporary {
            issued_ms: NOW_MS,
            mfa: false,
        },
    }))
}

fn context(principal: &Principal) -> Context {
    let mut context = Context::new();
    principal.add_to(&mut context, NOW_MS);
    for (key, value) in [
        ("aws:CurrentTime", "2026-01-01T00:00:00Z"),
        ("aws:EpochTime", "1767225600"),
        ("aws:SecureTransport", "false"),
        ("aws:RequestedRegion", "us-east-1"),
        ("aws:UserAgent", "lockstep"),
    ] {
        context.set(key, value);
    }
    context
}
