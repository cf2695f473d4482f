mod laws;

use json::Value;

use super::*;
use crate::iam::testing::{self, World, text};

const WORKED: &str = include_str!("../../../../../conformance/iam/worked.json");
const DENIALS: &str = include_str!("../../../../../conformance/iam/denials.json");
const EVALUATION: &str = include_str!("../../../../../conformance/iam/evaluation.json");

fn effect(name: &str) -> Effect {
    match name {
        "Allow" => Effect::Allow,
        "ExplicitDeny" => Effect::ExplicitDeny,
        "ImplicitDeny" => Effect::ImplicitDeny,
        other => panic!("effect `{other}`"),
    }
}

/// Calls `check` for each request of each case, with the case's name.
fn each(cases: &str, check: impl Fn(&str, &Value, &Request<'_>, &Layers<'_>)) {
    for case in testing::cases(cases) {
        let world = World::of(&case);
        let role_path = case.get("role_path").and_then(Value::as_str).unwrap_or("/");
        for asked in case
            .get("requests")
            .and_then(Value::as_array)
            .expect("requests")
        {
            let name = asked.get("principal").and_then(Value::as_str);
            let name = name.unwrap_or_else(|| text(&case, "principal"));
            let tags = testing::tags(asked.get("tags"));
            let principal = testing::principal(name, role_path, &tags);
            let context = testing::context(&principal, asked.get("context"));
            let request = testing::request(asked, &principal, &context);
            let label = format!("{}: {asked}", text(&case, "case"));
            check(&label, asked, &request, &world.layers());
        }
    }
}

#[test]
fn cases_are_decided_and_explained() {
    for file in [WORKED, EVALUATION] {
        each(file, |label, asked, request, layers| {
            let decision = decide(request, layers);
            assert_eq!(decision.effect, effect(text(asked, "effect")), "{label}");
            if let Some(kind) = asked.get("kind").and_then(Value::as_str) {
                assert_eq!(format!("{:?}", decision.kind), kind, "{label}");
            }
            assert_eq!(explain(request, layers).decision, decision, "{label}");
        });
    }
}

/// A remedy as the cases write it.
fn written(remedy: &Remedy) -> Value {
    let mut built = json::ObjectBuilder::new();
    match remedy {
        Remedy::Add {
            kind,
            to,
            statement,
        } => {
            built.add("add", format!("{kind:?}"));
            built.add("to", &**to);
            built.add("statement", json::parse(statement).expect("JSON"));
        }
        Remedy::Narrow(matched) => {
            built.add("narrow", &*matched.policy);
            built.add("index", i64::try_from(matched.statement).expect("an index"));
            if let Some(sid) = &matched.sid {
                built.add("sid", &**sid);
            }
        }
    }
    built.build().into()
}

#[test]
fn denials_are_worded_and_remedied() {
    each(DENIALS, |label, asked, request, layers| {
        let explanation = explain(request, layers);
        assert_eq!(
            denial(request, layers, explanation.decision),
            text(asked, "text"),
            "{label}"
        );
        let remedies: Vec<Value> = explanation.remedies.iter().map(written).collect();
        let remedies = Value::from(remedies);
        assert_eq!(Some(&remedies), asked.get("remedies"), "{label}");
    });
}
