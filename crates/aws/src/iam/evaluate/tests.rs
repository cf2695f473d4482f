use json::Value;

use super::*;
use crate::iam::testing::{self, World, text};

const WORKED: &str = include_str!("../../../../../conformance/iam/worked.json");
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
