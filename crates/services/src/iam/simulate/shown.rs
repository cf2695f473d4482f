//! The results of a simulation as answers show them.

use std::collections::BTreeMap;

use aws::Arn;
use aws::iam::evaluate::{self, Matched};
use aws::iam::policy::Position;
use aws::iam::{Attached, CheckKind, Effect, Explanation, Layers, PolicyKind, Request};
use json::{Object, ObjectBuilder, Value};

use super::{Simulation, is_of_aws};
use crate::Answer;
use crate::iam::list::Page;

pub(super) fn answer(results: Vec<Value>, page: Page<(&str, &str)>) -> Answer {
    let mut answer = ObjectBuilder::new();
    answer.add("EvaluationResults", results);
    page.add_end(&mut answer);
    (&mut answer).into()
}

/// As results name decisions.
fn decision(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allowed",
        Effect::ExplicitDeny => "explicitDeny",
        Effect::ImplicitDeny => "implicitDeny",
    }
}

impl Simulation {
    /// An `EvaluationResult`. Of a resource that is named there is a `ResourceSpecificResult` too.
    pub(super) fn result(&self, action: &str, resource: &str) -> Value {
        let arn = Arn::parse(resource).ok();
        let owner = arn
            .map(|arn| arn.account)
            .filter(|account| !account.is_empty());
        let owner = owner.unwrap_or_else(|| self.owner.to_string());
        let mut context = self.context.clone();
        if resource != "*" && context.get("aws:ResourceAccount").is_none() {
            context.set("aws:ResourceAccount", owner.as_str());
        }
        let request = Request {
            principal: &self.principal,
            action,
            resource,
            resource_account: (resource != "*").then_some(&*owner),
            context: &context,
        };
        let layers = Layers {
            identity: &self.policies.identity,
            boundary: self.policies.boundary.as_deref(),
            session: None,
            resource: self.resource.as_ref(),
        };
        let explanation = evaluate::explain(&request, &layers);
        let decided = decision(explanation.decision.effect);
        let mut shown = ObjectBuilder::new();
        shown
            .add("EvalActionName", action)
            .add("EvalResourceName", resource)
            .add("EvalDecision", decided);
        self.add_reasons(&mut shown, &request, &explanation);
        if resource != "*" {
            let mut specific = ObjectBuilder::new();
            specific
                .add("EvalResourceName", resource)
                .add("EvalResourceDecision", decided);
            self.add_reasons(&mut specific, &request, &explanation);
            let specific = vec![Value::from(specific.build())];
            shown.add("ResourceSpecificResults", specific);
        }
        shown.build().into()
    }

    /// What both kinds of results have.
    fn add_reasons(
        &self,
        shown: &mut ObjectBuilder,
        request: &Request<'_>,
        explanation: &Explanation,
    ) {
        let is_denied = explanation.decision.effect != Effect::Allow;
        let matched = explanation.checks.iter().flat_map(|check| {
            // A boundary allows nothing by itself.
            let may_allow = check.kind != CheckKind::PermissionsBoundary;
            let of_check = check.matched.iter();
            of_check.filter(move |matched| matched.denies || may_allow)
        });
        // What else would have allowed a call that is denied decides nothing.
        let deciding = matched.filter(|matched| matched.denies == is_denied);
        let statements = deciding.filter_map(|matched| self.statement(matched));
        shown
            .add("MatchedStatements", statements.collect::<Value>())
            .add("MissingContextValues", self.missing(request));
        let effect_of = |kind: CheckKind| {
            let mut checks = explanation.checks.iter();
            checks.find(|check| check.kind == kind)?.effect
        };
        if self.policies.boundary.is_some() {
            let allowed = effect_of(CheckKind::PermissionsBoundary) == Some(Effect::Allow);
            let detail = ObjectBuilder::new()
                .add("AllowedByPermissionsBoundary", allowed)
                .build();
            shown.add("PermissionsBoundaryDecisionDetail", detail);
        }
        if request.resource != "*" {
            // It is empty where everything belongs to one account.
            let mut details = ObjectBuilder::new();
            let own = self.principal.account().map(|account| &**account);
            if own != request.resource_account {
                for (source, kind) in SOURCES {
                    let effect = effect_of(*kind).unwrap_or(Effect::ImplicitDeny);
                    details.add(*source, decision(effect));
                }
            }
            shown.add("EvalDecisionDetails", details.build());
        }
    }

    /// A `Statement`: where it is.
    fn statement(&self, matched: &Matched) -> Option<Value> {
        let attached = self
            .given()
            .find(|attached| attached.source.uri == matched.policy)?;
        let statement = attached.policy.statements().get(matched.statement)?;
        let (start, end) = statement.span();
        let shown = ObjectBuilder::new()
            .add("SourcePolicyId", name(attached))
            .add("SourcePolicyType", source_type(attached))
            .add("StartPosition", position(start))
            .add("EndPosition", position(end))
            .build();
        Some(shown.into())
    }

    /// The keys that policies name and nobody gave, each once.
    fn missing(&self, request: &Request<'_>) -> Value {
        let keys = self.given().flat_map(|attached| attached.policy.keys());
        let missing = keys.filter(|key| request.context.get(key).is_none());
        // Names of keys are the same whatever their case.
        let missing: BTreeMap<String, &str> =
            missing.map(|key| (key.to_ascii_lowercase(), key)).collect();
        missing.into_values().map(Value::from).collect()
    }

    fn given(&self) -> impl Iterator<Item = &Attached> {
        let own = self.policies.identity.iter().chain(&self.policies.boundary);
        own.map(|attached| &**attached).chain(&self.resource)
    }
}

/// What `EvalDecisionDetails` calls the policies on both sides.
const SOURCES: &[(&str, CheckKind)] = &[
    ("IAM Policy", CheckKind::Principal),
    ("Resource Policy", CheckKind::Resource),
];

/// A policy's name; of one in the call, its list and its place in it.
fn name(attached: &Attached) -> &str {
    let uri = &*attached.source.uri;
    let inline = uri.split_once("#policy/").map(|(_, name)| name);
    inline.unwrap_or_else(|| uri.rsplit('/').next().unwrap_or(uri))
}

fn source_type(attached: &Attached) -> &'static str {
    let source = &attached.source;
    let entity = source.attached_to.splitn(6, ':').nth(5).unwrap_or_default();
    match (source.kind, entity.split('/').next()) {
        (PolicyKind::Resource, _) => "resource",
        _ if source.managed && is_of_aws(source) => "aws-managed",
        _ if source.managed => "user-managed",
        (_, Some("user")) => "user",
        (_, Some("group")) => "group",
        (_, Some("role")) => "role",
        _ => "none",
    }
}

fn position(position: Position) -> Object {
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    ObjectBuilder::new()
        .add("Line", number(position.line))
        .add("Column", number(position.column))
        .build()
}
