//! How a decision came about.

use super::{
    Attached, Check, CheckKind, Effect, Explanation, Layers, Matched, Missing, Request, Verdict,
    Verdicts, remedy,
};

pub(super) fn explain(request: &Request<'_>, layers: &Layers<'_>) -> Explanation {
    let verdicts = Verdicts::of(request, layers);
    let missing = Missing::of(&verdicts, request);
    let checks = checks(request, layers, &verdicts, missing);
    Explanation {
        decision: verdicts.decision(request),
        remedies: remedy::remedies(request, layers, &verdicts, &checks),
        checks,
    }
}

/// One for each layer there is.
fn checks(
    request: &Request<'_>,
    layers: &Layers<'_>,
    verdicts: &Verdicts,
    missing: Missing,
) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(policy) = layers.resource {
        let verdict = match (verdicts.resource_denies, verdicts.resource_allows.is_any()) {
            (true, _) => Verdict::Denies,
            (false, true) => Verdict::Allows,
            (false, false) => Verdict::Nothing,
        };
        checks.push(Check {
            kind: CheckKind::Resource,
            effect: effect(verdict, missing.resource),
            matched: matched(request, layers, std::iter::once(policy)),
        });
    }
    if !request.has_identity() {
        return checks;
    }
    checks.push(Check {
        kind: CheckKind::Principal,
        effect: effect(verdicts.identity, missing.identity),
        matched: matched(
            request,
            layers,
            layers.identity.iter().map(|policy| &**policy),
        ),
    });
    if let Some(verdict) = verdicts.boundary {
        checks.push(Check {
            kind: CheckKind::PermissionsBoundary,
            effect: effect(verdict, missing.boundary),
            matched: matched(request, layers, layers.boundary.into_iter()),
        });
    }
    if let Some(verdict) = verdicts.session {
        let policies = layers.session.unwrap_or_default();
        checks.push(Check {
            kind: CheckKind::Session,
            effect: effect(verdict, missing.session),
            matched: matched(request, layers, policies.iter().map(|policy| &**policy)),
        });
    }
    checks
}

/// A layer that neither allows nor denies matters only where it would have to allow.
fn effect(verdict: Verdict, is_missing: bool) -> Option<Effect> {
    match verdict {
        Verdict::Denies => Some(Effect::ExplicitDeny),
        Verdict::Allows => Some(Effect::Allow),
        Verdict::Nothing => is_missing.then_some(Effect::ImplicitDeny),
    }
}

/// The statements that apply.
fn matched<'p>(
    request: &Request<'_>,
    layers: &Layers<'_>,
    policies: impl Iterator<Item = &'p Attached>,
) -> Vec<Matched> {
    let mut found = Vec::new();
    for attached in policies {
        for (at, statement) in attached.policy.statements().iter().enumerate() {
            let named = statement.named(request.principal, layers.boundary.is_some());
            if named.is_none_or(|named| named.is_any()) && request.is_about(statement) {
                found.push(Matched {
                    policy: attached.source.uri.clone(),
                    statement: at,
                    sid: statement.sid().cloned(),
                    denies: statement.denies(),
                });
            }
        }
    }
    found
}
