//! What holds of every request, tried on random ones from a small world, where most policies have
//! something to say.

use std::sync::Arc;

use crate::iam::evaluate::{Remedy, decide, explain};
use crate::iam::testing::{self, Dice, World};
use crate::iam::{Attached, Context, Effect, Policy, PolicyKind, Principal, Request};

const WORLDS: u64 = 4_000;

const ACTIONS: &[&str] = &["sqs:Send", "sqs:Get", "sts:AssumeRole", "iam:GetRole"];
const RESOURCES: &[&str] = &[
    "arn:aws:sqs:r:111122223333:q",
    "arn:aws:sqs:r:111122223333:u",
    "arn:aws:sqs:r:444455556666:q",
    "arn:aws:sqs:r:111122223333:a*b:c",
    "*",
];
const CALLERS: &[&str] = &[
    "arn:aws:iam::111122223333:user/u",
    "arn:aws:iam::111122223333:root",
    "arn:aws:sts::111122223333:assumed-role/r/s",
    "arn:aws:sts::111122223333:federated-user/f",
    "arn:aws:iam::111122223333:oidc-provider/host",
    "states.amazonaws.com@r",
    "anonymous",
];
const ACTION_ENTRIES: &[&str] = &[
    r#""*""#,
    r#""sqs:*""#,
    r#""sqs:Send""#,
    r#"["sqs:G?t","sts:*"]"#,
    r#""iam:*""#,
];
const RESOURCE_ENTRIES: &[&str] = &[
    r#""*""#,
    r#""arn:aws:sqs:r:111122223333:*""#,
    r#""arn:aws:sqs:r:*:q""#,
    r#""arn:aws:sqs:r:111122223333:${aws:username}""#,
    r#"["arn:aws:sqs:r:444455556666:?","arn:aws:sqs:r:111122223333:a${*}b:c"]"#,
];
const PRINCIPAL_ENTRIES: &[&str] = &[
    r#""*""#,
    r#"{"AWS":"111122223333"}"#,
    r#"{"AWS":"arn:aws:iam::111122223333:user/u"}"#,
    r#"{"AWS":["arn:aws:iam::111122223333:role/r","444455556666"]}"#,
    r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/r/s"}"#,
    r#"{"AWS":"arn:aws:sts::111122223333:federated-user/f"}"#,
    r#"{"Service":"states.r.amazonaws.com","AWS":"AIDAU"}"#,
    r#"{"Federated":"arn:aws:iam::111122223333:oidc-provider/host"}"#,
];
const CONDITIONS: &[&str] = &[
    r#"{"StringEquals":{"svc:a":"1"}}"#,
    r#"{"StringNotEquals":{"svc:a":"1"}}"#,
    r#"{"ForAllValues:StringLike":{"svc:b":["x*","y"]}}"#,
    r#"{"ForAnyValue:StringLike":{"svc:b":"y"},"Null":{"svc:a":"false"}}"#,
    r#"{"NumericLessThanIfExists":{"svc:a":2}}"#,
];

/// A request in a random world.
struct Random {
    principal: Principal,
    context: Context,
    action: &'static str,
    resource: &'static str,
    world: World,
}

impl Random {
    fn new(seed: u64) -> (Random, Dice) {
        let mut dice = Dice::new(seed);
        let principal = testing::principal(dice.pick(CALLERS), "/", &Arc::default());
        let mut context = testing::context(&principal, None);
        if dice.below(2) == 0 {
            context.set("svc:a", dice.pick(&["1", "2", "3"]));
        }
        let values = ["x1", "y", "z"].map(Arc::<str>::from);
        let count = dice.below(3);
        context.set_many(
            "svc:b",
            (0..count).map(|_| values[dice.below(3)].clone()).collect(),
        );
        let is_trust = dice.below(4) == 0;
        let resource_kind = if is_trust {
            PolicyKind::Trust
        } else {
            PolicyKind::Resource
        };
        let mut some = |kind, chances: usize| {
            (dice.below(chances) == 0).then(|| attached(kind, &statements(&mut dice, kind)))
        };
        let boundary = some(PolicyKind::Boundary, 3);
        let session = some(PolicyKind::Session, 3).map(|policy| vec![Arc::new(policy)]);
        let resource = some(resource_kind, if is_trust { 1 } else { 2 });
        let identity = (0..dice.below(3))
            .map(|_| {
                let statements = statements(&mut dice, PolicyKind::Identity);
                Arc::new(attached(PolicyKind::Identity, &statements))
            })
            .collect();
        let random = Random {
            principal,
            context,
            action: if is_trust {
                "sts:AssumeRole"
            } else {
                dice.pick(ACTIONS)
            },
            resource: dice.pick(RESOURCES),
            world: World {
                identity,
                boundary,
                session,
                resource,
            },
        };
        (random, dice)
    }

    fn request(&self) -> Request<'_> {
        Request {
            principal: &self.principal,
            action: self.action,
            resource: self.resource,
            resource_account: self.resource.split(':').nth(4),
            context: &self.context,
        }
    }

    fn effect(&self) -> Effect {
        decide(&self.request(), &self.world.layers()).effect
    }

    /// Adds a statement to the policies of this kind; makes one if there is none.
    fn add(&mut self, kind: PolicyKind, statement: &str) {
        let add_to = |old: &Attached| {
            let mut statements = statements_of(old);
            statements.push(statement.to_owned());
            attached(kind, &statements)
        };
        match kind {
            PolicyKind::Identity => self
                .world
                .identity
                .push(Arc::new(attached(kind, &[statement.to_owned()]))),
            PolicyKind::Boundary => self.world.boundary = self.world.boundary.as_ref().map(add_to),
            PolicyKind::Session => {
                let added = Arc::new(attached(kind, &[statement.to_owned()]));
                self.world.session.get_or_insert_default().push(added);
            }
            PolicyKind::Resource | PolicyKind::Trust => {
                let old = self.world.resource.as_ref();
                let one = || attached(kind, &[statement.to_owned()]);
                self.world.resource = Some(old.map_or_else(one, add_to));
            }
        }
    }
}

fn attached(kind: PolicyKind, statements: &[String]) -> Attached {
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{}]}}"#,
        statements.join(",")
    );
    let purpose = testing::purpose(kind);
    let parsed = Policy::parse(&document, purpose);
    Attached {
        policy: parsed.unwrap_or_else(|refused| panic!("{refused}: {document}")),
        source: testing::source(kind, 0),
    }
}

/// The statements of a policy, as text.
fn statements_of(attached: &Attached) -> Vec<String> {
    let document = json::parse(attached.policy.document()).expect("JSON");
    let statements = document.get("Statement").and_then(json::Value::as_array);
    statements
        .expect("an array")
        .iter()
        .map(json::Value::to_text)
        .collect()
}

fn statements(dice: &mut Dice, kind: PolicyKind) -> Vec<String> {
    (0..=dice.below(3)).map(|_| statement(dice, kind)).collect()
}

fn statement(dice: &mut Dice, kind: PolicyKind) -> String {
    let effect = if dice.below(5) == 0 { "Deny" } else { "Allow" };
    statement_of(dice, kind, effect)
}

fn statement_of(dice: &mut Dice, kind: PolicyKind, effect: &str) -> String {
    let mut members = vec![format!(r#""Effect":"{effect}""#)];
    let mut add = |dice: &mut Dice, name: &str, entries: &[&str]| {
        let not = if dice.below(6) == 0 { "Not" } else { "" };
        members.push(format!(r#""{not}{name}":{}"#, dice.pick(entries)));
    };
    if kind == PolicyKind::Trust {
        add(dice, "Action", &[r#""sts:AssumeRole""#]);
    } else {
        add(dice, "Action", ACTION_ENTRIES);
        add(dice, "Resource", RESOURCE_ENTRIES);
    }
    if matches!(kind, PolicyKind::Trust | PolicyKind::Resource) {
        add(dice, "Principal", PRINCIPAL_ENTRIES);
    }
    if dice.below(3) == 0 {
        members.push(format!(r#""Condition":{}"#, dice.pick(CONDITIONS)));
    }
    format!("{{{}}}", members.join(","))
}

const KINDS: [PolicyKind; 4] = [
    PolicyKind::Identity,
    PolicyKind::Boundary,
    PolicyKind::Session,
    PolicyKind::Resource,
];

/// The kind of the resource's policy of this world, for `Resource`.
fn actual(random: &Random, kind: PolicyKind) -> PolicyKind {
    match (kind, &random.world.resource) {
        (PolicyKind::Resource, Some(attached)) => attached.source.kind,
        _ => kind,
    }
}

#[test]
fn a_deny_never_allows() {
    let mut denied = 0;
    for seed in 0..WORLDS {
        let (mut random, mut dice) = Random::new(seed);
        let before = random.effect();
        let kind = actual(&random, dice.pick(&KINDS));
        let statement = statement_of(&mut dice, kind, "Deny");
        if kind == PolicyKind::Session && random.world.session.is_none() {
            continue;
        }
        random.add(kind, &statement);
        let after = random.effect();
        assert!(
            before == Effect::Allow || after != Effect::Allow,
            "{seed} {kind:?} {statement}"
        );
        denied += u32::from(before != after);
    }
    assert!(denied > 100, "{denied}");
}

#[test]
fn an_allow_never_denies() {
    let mut allowed = 0;
    for seed in 0..WORLDS {
        let (mut random, mut dice) = Random::new(seed);
        let before = random.effect();
        let kind = actual(&random, dice.pick(&KINDS));
        // The first policy of a session narrows it, and the first of a role is its trust policy.
        if kind == PolicyKind::Session && random.world.session.is_none() {
            continue;
        }
        let statement = statement_of(&mut dice, kind, "Allow");
        random.add(kind, &statement);
        let after = random.effect();
        match before {
            Effect::ImplicitDeny => assert!(after != Effect::ExplicitDeny, "{seed} {statement}"),
            other => assert_eq!(after, other, "{seed} {kind:?} {statement}"),
        }
        allowed += u32::from(before != after);
    }
    assert!(allowed > 30, "{allowed}");
}

#[test]
fn the_order_of_statements_and_policies_is_nothing() {
    for seed in 0..WORLDS / 4 {
        let (mut random, _) = Random::new(seed);
        let before = decide(&random.request(), &random.world.layers());
        let turned = |attached: &Attached| {
            let mut statements = statements_of(attached);
            statements.reverse();
            statements.extend(statements.clone());
            self::attached(attached.source.kind, &statements)
        };
        let World {
            identity,
            boundary,
            session,
            resource,
        } = &mut random.world;
        *identity = identity
            .iter()
            .rev()
            .map(|policy| Arc::new(turned(policy)))
            .collect();
        *boundary = boundary.as_ref().map(turned);
        *session = session.as_ref().map(|policies| {
            // Each statement as a policy of its own.
            let statements = policies.iter().flat_map(|policy| statements_of(policy));
            let one = |statement| attached(PolicyKind::Session, &[statement]);
            statements
                .map(|statement| Arc::new(one(statement)))
                .collect()
        });
        *resource = resource.as_ref().map(turned);
        assert_eq!(
            decide(&random.request(), &random.world.layers()),
            before,
            "{seed}"
        );
    }
}

#[test]
fn without_what_narrows_more_is_allowed() {
    for seed in 0..WORLDS / 4 {
        let (mut random, _) = Random::new(seed);
        if random.effect() != Effect::Allow {
            continue;
        }
        random.world.boundary = None;
        assert_eq!(random.effect(), Effect::Allow, "{seed}");
        // A federated user has nothing but what a policy of its session hands on.
        if !matches!(random.principal, Principal::FederatedUser(_)) {
            random.world.session = None;
            assert_eq!(random.effect(), Effect::Allow, "{seed}");
        }
    }
}

#[test]
fn an_explanation_agrees_with_its_decision() {
    for seed in 0..WORLDS / 4 {
        let (random, _) = Random::new(seed);
        let (request, layers) = (random.request(), random.world.layers());
        let explanation = explain(&request, &layers);
        let decision = explanation.decision;
        assert_eq!(decision, decide(&request, &layers), "{seed}");
        let effects: Vec<_> = explanation
            .checks
            .iter()
            .map(|check| check.effect)
            .collect();
        let matched = explanation.checks.iter().flat_map(|check| &check.matched);
        let is_denied = matched.clone().any(|matched| matched.denies);
        assert_eq!(decision.effect == Effect::ExplicitDeny, is_denied, "{seed}");
        assert_eq!(
            effects.contains(&Some(Effect::ExplicitDeny)),
            is_denied,
            "{seed}"
        );
        if decision.effect == Effect::Allow {
            assert!(
                !effects.contains(&Some(Effect::ImplicitDeny)),
                "{seed} {effects:?}"
            );
            assert_eq!(explanation.remedies, [], "{seed}");
        } else {
            assert!(!explanation.remedies.is_empty(), "{seed}");
        }
    }
}

/// All that is to be added allows the request, and nothing of it may be left out.
#[test]
fn remedies_suffice_and_none_is_idle() {
    let mut several = 0;
    for seed in 0..WORLDS {
        let (random, _) = Random::new(seed);
        let explanation = explain(&random.request(), &random.world.layers());
        let adds: Option<Vec<(PolicyKind, String)>> = explanation
            .remedies
            .into_iter()
            .map(|remedy| match remedy {
                Remedy::Add {
                    kind, statement, ..
                } => Some((kind, statement)),
                Remedy::Narrow(_) => None,
            })
            .collect();
        let Some(adds) = adds.filter(|adds| !adds.is_empty()) else {
            continue;
        };
        several += u32::from(adds.len() > 1);
        let effect_without = |left_out: Option<usize>| {
            let (mut random, _) = Random::new(seed);
            for (at, (kind, statement)) in adds.iter().enumerate() {
                if Some(at) != left_out {
                    random.add(*kind, statement);
                }
            }
            random.effect()
        };
        assert_eq!(effect_without(None), Effect::Allow, "{seed} {adds:?}");
        for at in 0..adds.len() {
            assert_eq!(
                effect_without(Some(at)),
                Effect::ImplicitDeny,
                "{seed} {adds:?} {at}"
            );
        }
    }
    assert!(several > 100, "{several}");
}
