use aws::iam::{Attached, Policy, PolicyKind, Purpose, Source};
use json::{Object, ObjectBuilder, Value};

use super::*;
use crate::lockstep::tests::services;
use crate::testing;

const MACHINE: &str = "arn:aws:states:eu-west-1:123456789012:stateMachine:m";
const ROLE: &str = "arn:aws:iam::123456789012:role/r";

/// Every case of `conformance/least-privilege/cases.json`: a definition and what executions called,
/// what the states need, the policy of it, and what a role has beyond it.
#[tokio::test]
async fn cases() {
    let folder = env!("CARGO_MANIFEST_DIR");
    let path = format!("{folder}/../../conformance/least-privilege/cases.json");
    let cases = json::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut problems = Vec::new();
    for case in cases.as_array().unwrap() {
        let found = found(case).await;
        let mut check = |what: &str, expected: Option<&Value>, given: Value| {
            if let Some(expected) = expected
                && *expected != given
            {
                let name = case.get("case").unwrap();
                problems.push(format!(
                    "{name}: {what}\n  expected {expected}\n       got {given}"
                ));
            }
        };
        check("states", case.get("states"), states(&found));
        let document = policy::document(&found.of_role(&Role::Own));
        check("policy", case.get("policy"), statements(&document));
        let assumed = found.assumed_roles().into_iter().map(|arn| {
            let document = policy::document(&found.of_role(&Role::Assumed(arn.clone())));
            (json::Text::from(&*arn), statements(&document))
        });
        check(
            "assumed",
            case.get("assumed"),
            assumed.collect::<Object>().into(),
        );
        let notes = found.notes().into_iter().map(Value::from).collect();
        check("notes", case.get("notes"), notes);
        check("unused", case.get("unused"), unused(case, &found));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn text<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member).and_then(Value::as_str)
}

async fn found(case: &Value) -> Found {
    let (services, _folder) = services();
    let call = testing::call(
        aws::Service::Lockstep,
        "GetLeastPrivilege",
        &Value::empty_object(),
        1_790_000_000_000,
    );
    let calls = Calls {
        services: &services,
        call: &call,
        machine_arn: MACHINE,
    };
    let mut found = Found::default();
    for step in steps(case.get("definition").unwrap()) {
        let needed = calls.of(&step.work, &step.parameters).await.unwrap();
        found.add_step(step, needed);
    }
    let made = case.get("made").and_then(Value::as_array);
    for made in made.unwrap_or_default() {
        let execution = made.get("execution").and_then(Value::as_i64).unwrap();
        let role = text(made, "role");
        let call = Made {
            state: text(made, "state").unwrap().to_owned(),
            resource: text(made, "resource").unwrap().to_owned(),
            parameters: made.get("parameters").cloned().unwrap_or_default(),
            role: role.map_or(Role::Own, |role| Role::Assumed(role.to_owned())),
        };
        let execution = usize::try_from(execution).unwrap();
        add_made(&calls, &mut found, execution, call).await.unwrap();
    }
    found
}

/// `{"State": {"action": ["resource"]}}`; behind the resources how many executions called it.
fn states(found: &Found) -> Value {
    let mut states = ObjectBuilder::new();
    for state in &found.0 {
        let rows = state.rows.iter().map(|row| {
            let mut texts: Vec<Value> = Vec::new();
            texts.extend(row.resources().map(|(text, _)| Value::from(text.as_str())));
            if row.executions > 0 {
                texts.push(Value::from(u64::try_from(row.executions).unwrap()));
            }
            (json::Text::from(&*row.action), Value::from(texts))
        });
        let name = match state.resource.as_str() {
            "" => format!("{} (children)", state.name),
            "arn:aws:states:::s3:putObject" => format!("{} (results)", state.name),
            _ => state.name.clone(),
        };
        states.add(name, rows.collect::<Object>());
    }
    states.build().into()
}

/// `[[actions, resources]]`, each one text or a list.
fn statements(document: &Value) -> Value {
    let statements = document.get("Statement").and_then(Value::as_array).unwrap();
    let pair = |statement: &Value| {
        assert_eq!(text(statement, "Effect"), Some("Allow"));
        let member = |name| statement.get(name).unwrap().clone();
        Value::from(vec![member("Action"), member("Resource")])
    };
    assert!(Policy::parse(&document.to_text(), Purpose::Identity).is_ok());
    statements.iter().map(pair).collect()
}

/// `[[statement, unused actions, unused resources, used actions, used resources]]`.
fn unused(case: &Value, found: &Found) -> Value {
    let Some(document) = case.get("role") else {
        return Value::null();
    };
    let attached = Attached {
        policy: Policy::parse(&document.to_text(), Purpose::Identity).unwrap(),
        source: Source {
            kind: PolicyKind::Identity,
            uri: format!("{ROLE}#policy/p").into(),
            managed: false,
            attached_to: ROLE.into(),
        },
    };
    let mut context = Context::new();
    context.set("aws:PrincipalTag/team", "blue");
    let policies = [Arc::new(attached)];
    let unused = role::unused(&policies, &found.of_role(&Role::Own), &context);
    let texts = |texts: &[String]| texts.iter().map(|t| Value::from(t.as_str())).collect();
    let shown = unused.iter().map(|unused| {
        let index = u64::try_from(unused.statement).unwrap();
        let mut shown = vec![Value::from(index)];
        shown.extend::<[Value; 4]>([
            texts(&unused.actions),
            texts(&unused.resources),
            texts(&unused.used_actions),
            texts(&unused.used_resources),
        ]);
        Value::from(shown)
    });
    shown.collect()
}
