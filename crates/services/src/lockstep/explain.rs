//! ExplainAuthorization: how a call came to be denied, and what would suffice.

mod remedy;

use std::sync::Arc;

use aws::ServiceError;
use aws::iam::evaluate::Matched;
use aws::iam::{Check, CheckKind, Effect, PolicyKind, Remedy, Values};
use json::{ObjectBuilder, Value};

use super::Lockstep;
use crate::call::epoch_seconds;
use crate::iam::counted_bytes;
use crate::trail::{Denial, Seen};
use crate::{Answer, Call};
use asl::time::Timestamp;

/// The order in which a denial is told: what narrows first, then who asks, then what is asked for.
const CHECKS: [(CheckKind, &str); 4] = [
    (CheckKind::PermissionsBoundary, "PERMISSIONS_BOUNDARY"),
    (CheckKind::Session, "SESSION"),
    (CheckKind::Principal, "PRINCIPAL"),
    (CheckKind::Resource, "RESOURCE"),
];

impl Lockstep {
    /// ExplainAuthorization of a denial in the caller's account and Region.
    pub(super) async fn explain_authorization(&self, call: &Call) -> Result<Answer, ServiceError> {
        let id = call.required("authorizationId")?;
        let denial = self.trail.denial(&call.account, &call.region, id).await?;
        let denial = denial.ok_or_else(|| unknown(call, id))?;
        let inline_bytes = self.inline_bytes(&denial).await?;
        Ok((&mut explained(id, &denial, inline_bytes)).into())
    }

    /// Of the inline policies that the denied role or user has now, as quotas count them.
    async fn inline_bytes(&self, denial: &Denial) -> Result<usize, ServiceError> {
        let lacking = denial.explanation.remedies.iter();
        let lacking = lacking.filter_map(|remedy| match remedy {
            Remedy::Add { kind, to, .. } if *kind == PolicyKind::Identity => Some(to),
            Remedy::Add { .. } | Remedy::Narrow(_) => None,
        });
        let Some((arn, (entity, name))) = lacking
            .filter_map(|arn| Some((arn, remedy::entity(arn)?)))
            .next()
        else {
            return Ok(0);
        };
        let account = arn.split(':').nth(4).unwrap_or_default();
        let policies = match entity {
            "user" => self
                .directory
                .user(account, name)
                .await?
                .map(|user| Arc::clone(&user.policies)),
            _ => self
                .directory
                .role(account, name)
                .await?
                .map(|role| Arc::clone(&role.policies)),
        };
        let inline = format!("{arn}#policy/");
        let policies = policies.iter().flat_map(|policies| policies.iter());
        let inline = policies.filter(|attached| attached.source.uri.starts_with(&inline));
        Ok(inline
            .map(|attached| counted_bytes(attached.policy.document()))
            .sum())
    }
}

fn unknown(call: &Call, id: &str) -> ServiceError {
    let (account, region) = (&call.account, &call.region);
    let message = format!(
        "this server knows no denial `{id}` in account {account}, Region {region}: it was in \
         another one, or on another server, or is older than what the audit log keeps"
    );
    ServiceError::new("ResourceNotFound", message)
}

fn explained(id: &str, denial: &Denial, inline_bytes: usize) -> ObjectBuilder {
    let decision = denial.explanation.decision;
    let checks = CHECKS.iter().flat_map(|(kind, name)| {
        let of_kind = move |check: &&Check| check.kind == *kind;
        let found = denial.explanation.checks.iter().filter(of_kind);
        found.map(move |check| checked(denial, name, check))
    });
    let remedies = denial.explanation.remedies.iter();
    let mut answer = ObjectBuilder::with_capacity(15);
    answer
        .add("authorizationId", id)
        .add("date", epoch_seconds(Timestamp(denial.time_ms)))
        .add("region", &*denial.region)
        .add("requestId", &*denial.request_id)
        .add("principalArn", &*denial.caller_arn)
        .add("operation", &*denial.operation)
        .add("action", &*denial.need.action)
        .add("resource", &*denial.need.resource)
        .add("decision", effect(Some(decision.effect)))
        .add("decidedBy", policy_type(decision.kind))
        .add("reason", reason(denial))
        .add("context", context(denial))
        .add("checks", checks.collect::<Value>())
        .add(
            "policies",
            denial.policies.iter().map(seen).collect::<Value>(),
        )
        .add(
            "remedies",
            remedies
                .map(|remedy| proposed(id, denial, inline_bytes, remedy))
                .collect::<Value>(),
        );
    answer
}

fn effect(effect: Option<Effect>) -> &'static str {
    match effect {
        Some(Effect::Allow) => "ALLOW",
        Some(Effect::ExplicitDeny) => "EXPLICIT_DENY",
        Some(Effect::ImplicitDeny) => "IMPLICIT_DENY",
        None => "NO_IMPACT",
    }
}

fn policy_type(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Identity => "IDENTITY_BASED_POLICY",
        PolicyKind::Resource => "RESOURCE_BASED_POLICY",
        PolicyKind::Trust => "ROLE_TRUST_POLICY",
        PolicyKind::Boundary => "PERMISSIONS_BOUNDARY",
        PolicyKind::Session => "SESSION_POLICY",
    }
}

/// As denials name it (IAM user guide, "Troubleshoot access denied error messages").
fn policy_name(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Identity => "identity-based policy",
        PolicyKind::Resource => "resource-based policy",
        PolicyKind::Trust => "role trust policy",
        PolicyKind::Boundary => "permissions boundary",
        PolicyKind::Session => "session policy",
    }
}

fn article(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Identity => "an",
        PolicyKind::Trust => "the",
        PolicyKind::Resource | PolicyKind::Boundary | PolicyKind::Session => "a",
    }
}

fn reason(denial: &Denial) -> String {
    let decision = denial.explanation.decision;
    let (action, kind) = (&denial.need.action, policy_name(decision.kind));
    match decision.effect {
        Effect::ExplicitDeny => format!("{} {kind} denies {action}", article(decision.kind)),
        Effect::Allow | Effect::ImplicitDeny => format!("no {kind} allows {action}"),
    }
}

fn context(denial: &Denial) -> Value {
    let entries = denial.context.iter().map(|(key, values)| {
        let values = match values {
            Values::One(value) => std::slice::from_ref(value),
            Values::Many(values) => values,
        };
        let values: Value = values.iter().map(|value| Value::from(&**value)).collect();
        Value::from(
            ObjectBuilder::new()
                .add("key", key)
                .add("values", values)
                .build(),
        )
    });
    entries.collect()
}

fn checked(denial: &Denial, name: &'static str, check: &Check) -> Value {
    let matched = check
        .matched
        .iter()
        .map(|matched| statement(denial, matched));
    ObjectBuilder::new()
        .add("checkType", name)
        .add("effect", effect(check.effect))
        .add("matchedStatements", matched.collect::<Value>())
        .build()
        .into()
}

fn seen(seen: &Seen) -> Value {
    ObjectBuilder::new()
        .add("policy", &*seen.source.uri)
        .add("policyType", policy_type(seen.source.kind))
        .add("attachedTo", &*seen.source.attached_to)
        .build()
        .into()
}

/// The policy that a matched statement is in.
fn policy_of<'d>(denial: &'d Denial, matched: &Matched) -> Option<&'d Seen> {
    let mut policies = denial.policies.iter();
    policies.find(|seen| seen.source.uri == matched.policy)
}

/// The text of a statement of a policy, from 0. `Statement` is a list, or one statement.
pub(super) fn text_of(document: &str, index: usize) -> Option<String> {
    let document = json::parse(document).ok()?;
    let statements = document.get("Statement")?;
    let statement = match statements.as_array() {
        Some(statements) => statements.get(index)?,
        None => statements,
    };
    Some(statement.to_text())
}

fn statement(denial: &Denial, matched: &Matched) -> Value {
    let policy = policy_of(denial, matched);
    // A policy in the trail has the statements that matched; only a damaged trail has not.
    let kind = policy.map_or(denial.explanation.decision.kind, |seen| seen.source.kind);
    let mut shown = ObjectBuilder::new();
    shown
        .add("policy", &*matched.policy)
        .add("policyType", policy_type(kind))
        .add("statement", index(matched.statement));
    if let Some(sid) = &matched.sid {
        shown.add("sid", &**sid);
    }
    shown.add("effect", if matched.denies { "DENY" } else { "ALLOW" });
    if let Some(text) = policy.and_then(|seen| text_of(&seen.document, matched.statement)) {
        shown.add("text", text);
    }
    shown.build().into()
}

fn index(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX)
}

fn proposed(id: &str, denial: &Denial, inline_bytes: usize, proposed: &Remedy) -> Value {
    let mut shown = ObjectBuilder::new();
    match proposed {
        Remedy::Add {
            kind,
            to,
            statement,
        } => {
            shown
                .add("remedyType", "ADD_STATEMENT")
                .add("policyType", policy_type(*kind))
                .add("target", &**to)
                .add("statement", statement.as_str());
            let addition = remedy::Addition {
                id,
                denial,
                kind: *kind,
                to,
                statement,
                inline_bytes,
            };
            if let Some(command) = addition.command() {
                shown.add("command", command);
            }
        }
        Remedy::Narrow(matched) => {
            let policy = policy_of(denial, matched);
            let decision = denial.explanation.decision;
            let kind = policy.map_or(decision.kind, |seen| seen.source.kind);
            let target = policy.map_or(&matched.policy, |seen| &seen.source.attached_to);
            shown
                .add("remedyType", "NARROW_STATEMENT")
                .add("policyType", policy_type(kind))
                .add("target", &**target)
                .add("policy", &*matched.policy)
                .add("statementIndex", index(matched.statement));
            if let Some(sid) = &matched.sid {
                shown.add("sid", &**sid);
            }
            if let Some(text) = policy.and_then(|seen| text_of(&seen.document, matched.statement)) {
                shown.add("statement", text);
            }
        }
    }
    shown.build().into()
}

#[cfg(test)]
mod tests;
