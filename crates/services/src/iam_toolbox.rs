//! What explains denials: the API `iam-toolbox` of IAM.
//!
//! Source: the model's documentation. Of its limits one isn't ours: every policy is kept whole, so
//! that no document leaves out actions.

pub(crate) mod needs;

use std::sync::Arc;

use aws::iam::evaluate::Matched;
use aws::iam::{Check, CheckKind, Effect, PolicyKind, Values};
use aws::{Service, ServiceError};
use json::{Object, ObjectBuilder, Value};

use crate::trail::{Denial, Seen, Trail};
use crate::{Answer, Call};

/// Reads the denials of an account.
pub struct Toolbox {
    trail: Arc<Trail>,
}

impl Toolbox {
    pub(crate) fn new(trail: Arc<Trail>) -> Toolbox {
        Toolbox { trail }
    }

    /// Runs one operation. `None` when it is not served.
    pub(crate) async fn handle(
        &self,
        operation: &str,
        call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        Some(match operation {
            "GetRequestAuthorizationDetails" => self.details(call).await,
            "GetRequestAuthorizationPolicy" => self.policy(call).await,
            _ => return None,
        })
    }

    async fn details(&self, call: &Call) -> Result<Answer, ServiceError> {
        let denial = self.denial(call).await?;
        if call.text("nextToken").is_some() {
            // A denial has one evaluation, so that no page gives a token.
            let message = "The nextToken is not one that this operation returned.";
            return Err(ServiceError::new("ValidationException", message));
        }
        let is_needed = |key: &str| {
            let mut needed = denial.need.context.iter();
            needed.any(|(needed, _)| needed.eq_ignore_ascii_case(key))
        };
        let shared = denial.context.iter().filter(|(key, _)| !is_needed(key));
        let evaluations: Value = [evaluation(&denial)].into_iter().collect();
        Ok(ObjectBuilder::new()
            .add("requestContext", context(shared))
            .add("evaluations", evaluations)
            .add("policies", policies(&denial.policies))
            .into())
    }

    async fn policy(&self, call: &Call) -> Result<Answer, ServiceError> {
        let denial = self.denial(call).await?;
        let uri = call.required("policyUri")?;
        let mut policies = denial.policies.iter();
        let seen = policies.find(|seen| *seen.source.uri == *uri);
        let document = seen.and_then(|seen| json::parse(&seen.document).ok());
        let document = document.ok_or_else(not_found)?;
        Ok(ObjectBuilder::new().add("policyDocument", document).into())
    }

    async fn denial(&self, call: &Call) -> Result<Denial, ServiceError> {
        let violation = Service::IamToolbox.model().ok();
        let violation =
            violation.and_then(|model| ServiceError::violations(model, &call.violations));
        if let Some(error) = violation {
            return Err(error);
        }
        let id = call.required("authorizationId")?;
        let denial = self.trail.denial(&call.account, &call.region, id).await?;
        denial.ok_or_else(not_found)
    }
}

fn not_found() -> ServiceError {
    ServiceError::new(
        "ResourceNotFoundException",
        "The requested policy or authorization details do not exist in this region or have \
         expired.",
    )
}

fn evaluation(denial: &Denial) -> Value {
    let checks = &denial.explanation.checks;
    let needed = denial.need.context.iter();
    let all: Vec<&Matched> = checks.iter().flat_map(|check| &check.matched).collect();
    ObjectBuilder::new()
        .add("action", &*denial.need.action)
        .add("resource", &*denial.need.resource)
        .add(
            "context",
            context(needed.map(|(key, values)| (&**key, values))),
        )
        .add(
            "evaluatedEffect",
            effect(denial.explanation.decision.effect),
        )
        .add("matchedPolicies", matched_policies(&all))
        .add(
            "checks",
            checks
                .iter()
                .map(|shown| check(shown, &denial.policies))
                .collect::<Value>(),
        )
        .build()
        .into()
}

fn context<'c>(keys: impl Iterator<Item = (&'c str, &'c Values)>) -> Object {
    let mut shown = ObjectBuilder::new();
    for (key, values) in keys {
        let values = match values {
            Values::One(value) => Value::from(&**value),
            Values::Many(values) => values.iter().map(|value| Value::from(&**value)).collect(),
        };
        shown.add(key.to_owned(), values);
    }
    shown.build()
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "ALLOW",
        Effect::ExplicitDeny => "EXPLICIT_DENY",
        Effect::ImplicitDeny => "IMPLICIT_DENY",
    }
}

/// One requirement. Its type alone identifies it, so it has no `targetArn`.
fn check(check: &Check, policies: &[Seen]) -> Value {
    let (name, own) = match check.kind {
        CheckKind::Resource => ("RESOURCE", "RESOURCE_BASED_POLICY"),
        CheckKind::Principal => ("PRINCIPAL", "IDENTITY_BASED_POLICY"),
        CheckKind::PermissionsBoundary => ("PERMISSIONS_BOUNDARY", "PERMISSIONS_BOUNDARY"),
        CheckKind::Session => ("SESSION", "SESSION_POLICY"),
    };
    let mut types = vec![own];
    for matched in &check.matched {
        let mut known = policies.iter();
        let seen = known.find(|seen| seen.source.uri == matched.policy);
        let kind = seen.map(|seen| policy_type(seen.source.kind));
        types.extend(kind.filter(|kind| !types.contains(kind)));
    }
    let matched: Vec<&Matched> = check.matched.iter().collect();
    ObjectBuilder::new()
        .add("checkType", name)
        .add("evaluatedEffect", check.effect.map_or("NO_IMPACT", effect))
        .add(
            "relevantPolicyTypes",
            types.into_iter().map(Value::from).collect::<Value>(),
        )
        .add("matchedPolicies", matched_policies(&matched))
        .build()
        .into()
}

/// The statements by their policies, in the order of the first of each.
fn matched_policies(matched: &[&Matched]) -> Value {
    let mut policies: Vec<(&str, Vec<Value>)> = Vec::new();
    for statement in matched {
        let shown = matched_statement(statement);
        let known = policies
            .iter_mut()
            .find(|(uri, _)| *uri == &*statement.policy);
        match known {
            Some((_, statements)) => statements.push(shown),
            None => policies.push((&statement.policy, vec![shown])),
        }
    }
    let policy = |(uri, statements): (&str, Vec<Value>)| -> Value {
        ObjectBuilder::new()
            .add("uri", uri)
            .add("matchedStatements", statements)
            .build()
            .into()
    };
    policies.into_iter().map(policy).collect()
}

/// A statement without a Sid gets one for reference.
fn matched_statement(matched: &Matched) -> Value {
    let sid = match &matched.sid {
        Some(sid) => sid.to_string(),
        None => format!("Statement{}", matched.statement.saturating_add(1)),
    };
    ObjectBuilder::new()
        .add("sid", sid)
        .add(
            "evaluatedEffect",
            if matched.denies { "DENY" } else { "ALLOW" },
        )
        .build()
        .into()
}

/// Each policy once, with all that it is attached to.
fn policies(seen: &[Seen]) -> Value {
    let mut shown: Vec<(&Seen, Vec<&str>)> = Vec::new();
    for seen in seen {
        let same = |(known, _): &&mut (&Seen, Vec<&str>)| {
            known.source.uri == seen.source.uri && known.source.kind == seen.source.kind
        };
        let to = &*seen.source.attached_to;
        match shown.iter_mut().find(same) {
            Some((_, attached)) if attached.contains(&to) => {}
            Some((_, attached)) => attached.push(to),
            None => shown.push((seen, vec![to])),
        }
    }
    let policy = |(seen, attached): (&Seen, Vec<&str>)| -> Value {
        let attached = attached
            .into_iter()
            .map(|arn| ObjectBuilder::new().add("arn", arn).build().into());
        ObjectBuilder::new()
            .add("type", policy_type(seen.source.kind))
            .add("inline", !seen.source.managed)
            .add("uri", &*seen.source.uri)
            .add("attachedTo", attached.collect::<Value>())
            .build()
            .into()
    };
    shown.into_iter().map(policy).collect()
}

/// A trust policy is the resource's policy of a role.
fn policy_type(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Identity => "IDENTITY_BASED_POLICY",
        PolicyKind::Resource | PolicyKind::Trust => "RESOURCE_BASED_POLICY",
        PolicyKind::Boundary => "PERMISSIONS_BOUNDARY",
        PolicyKind::Session => "SESSION_POLICY",
    }
}

#[cfg(test)]
mod tests;
