//! What a refused caller is told.
//!
//! Source: "Troubleshoot access denied error messages" in the IAM user guide.

use super::{Attached, Decision, Effect, Layers, PolicyKind, Request, Verdict};

pub(super) fn text(request: &Request<'_>, layers: &Layers<'_>, decision: Decision) -> String {
    let Request {
        principal,
        action,
        resource,
        ..
    } = request;
    let kind = name(decision.kind);
    let reason = match decision.effect {
        Effect::Allow => String::new(),
        Effect::ImplicitDeny => format!(" because no {kind} allows the {action} action"),
        Effect::ExplicitDeny => {
            let article = match decision.kind {
                PolicyKind::Identity => "an",
                PolicyKind::Trust => "the",
                PolicyKind::Resource | PolicyKind::Boundary | PolicyKind::Session => "a",
            };
            let policy = denying(request, layers, decision.kind);
            let suffix = policy.map_or_else(String::new, |arn| format!(": {arn}"));
            format!(" with an explicit deny in {article} {kind}{suffix}")
        }
    };
    let caller = principal.arn();
    format!("User: {caller} is not authorized to perform: {action} on resource: {resource}{reason}")
}

fn name(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Identity => "identity-based policy",
        PolicyKind::Resource => "resource-based policy",
        PolicyKind::Trust => "role trust policy",
        PolicyKind::Boundary => "permissions boundary",
        PolicyKind::Session => "session policy",
    }
}

/// The ARN of the managed policy that denies; told only within the account, whose policies are
/// nobody else's business.
fn denying<'l>(request: &Request<'_>, layers: &Layers<'l>, kind: PolicyKind) -> Option<&'l str> {
    let policies: Vec<&'l Attached> = match kind {
        PolicyKind::Identity => layers.identity.iter().map(|policy| &**policy).collect(),
        PolicyKind::Boundary => layers.boundary.into_iter().collect(),
        PolicyKind::Session => layers.session?.iter().map(|policy| &**policy).collect(),
        PolicyKind::Resource | PolicyKind::Trust => return None,
    };
    let denies =
        |attached: &&Attached| Verdict::of(request, std::iter::once(*attached)) == Verdict::Denies;
    let source = &policies.into_iter().find(denies)?.source;
    (source.managed && request.is_in_own_account()).then_some(&*source.uri)
}
