//! The smallest changes that would let a request pass.

use std::borrow::Cow;
use std::sync::Arc;

use json::ObjectBuilder;

use super::{
    Check, CheckKind, Layers, Missing, Named, PolicyKind, Remedy, Request, Verdict, Verdicts,
};
use crate::iam::{Policy, Principal, Purpose};

/// Denying statements first, then what has to be added: to the resource's policy, the boundary, the
/// session, the caller's own policies.
pub(super) fn remedies(
    request: &Request<'_>,
    layers: &Layers<'_>,
    verdicts: &Verdicts,
    checks: &[Check],
) -> Vec<Remedy> {
    let missing = missing(request, &undenied(verdicts, checks));
    let matched = checks.iter().flat_map(|check| &check.matched);
    let denying = matched.filter(|matched| matched.denies);
    let mut remedies: Vec<Remedy> = denying.cloned().map(Remedy::Narrow).collect();
    let mut add = |is_missing: bool, kind, to: &dyn Fn() -> Arc<str>| {
        if is_missing {
            remedies.push(Remedy::Add {
                kind,
                to: to(),
                statement: statement(request, layers, kind),
            });
        }
    };
    let identity = identity_arn(request.principal);
    let owner = || match layers.resource {
        Some(attached) => Arc::clone(&attached.source.attached_to),
        None => request.resource.into(),
    };
    add(missing.resource, PolicyKind::of_resource(layers), &owner);
    add(missing.boundary, PolicyKind::Boundary, &|| {
        Arc::clone(&identity)
    });
    add(missing.session, PolicyKind::Session, &|| {
        request.principal.arn()
    });
    add(missing.identity, PolicyKind::Identity, &|| {
        Arc::clone(&identity)
    });
    remedies
}

/// What the layers say once their denying statements are gone: those must still allow it.
fn undenied(verdicts: &Verdicts, checks: &[Check]) -> Verdicts {
    let without = |verdict: Verdict, kind: CheckKind| {
        let mut of_kind = checks.iter().filter(|check| check.kind == kind);
        let allows = of_kind.any(|check| check.matched.iter().any(|matched| !matched.denies));
        match (verdict, allows) {
            (Verdict::Denies, true) => Verdict::Allows,
            (Verdict::Denies, false) => Verdict::Nothing,
            (verdict, _) => verdict,
        }
    };
    let of = |verdict: Option<Verdict>, kind| verdict.map(|verdict| without(verdict, kind));
    Verdicts {
        identity: without(verdicts.identity, CheckKind::Principal),
        boundary: of(verdicts.boundary, CheckKind::PermissionsBoundary),
        session: of(verdicts.session, CheckKind::Session),
        ..*verdicts
    }
}

/// What is missing. A statement that is added to the resource's policy may make others needless.
fn missing(request: &Request<'_>, verdicts: &Verdicts) -> Missing {
    let missing = Missing::of(verdicts, request);
    if !missing.resource {
        return missing;
    }
    // The same as `caller` names.
    let names_origin = matches!(request.principal, Principal::Role(_));
    let granted = Verdicts {
        resource_allows: Named {
            itself: !names_origin,
            origin: names_origin,
            account: false,
        },
        ..*verdicts
    };
    Missing {
        resource: true,
        ..Missing::of(&granted, request)
    }
}

/// Who has the policies of the caller: the role of a session, the user of a federated one.
fn identity_arn(principal: &Principal) -> Arc<str> {
    match principal {
        Principal::Role(session) => Arc::clone(&session.role_arn),
        Principal::FederatedUser(user) => Arc::clone(&user.user_arn),
        other => other.arn(),
    }
}

/// A statement that allows exactly this action on exactly this resource; in a resource's policy, to
/// exactly this caller.
fn statement(request: &Request<'_>, layers: &Layers<'_>, kind: PolicyKind) -> String {
    let names_caller = matches!(kind, PolicyKind::Resource | PolicyKind::Trust);
    let exact = resource(request, layers, kind);
    let mut built = ObjectBuilder::new();
    built.add("Effect", "Allow");
    if names_caller {
        built.add("Principal", caller(request.principal));
    }
    built.add("Action", request.action);
    if kind != PolicyKind::Trust {
        built.add("Resource", &*exact);
    }
    json::Value::from(built.build()).to_text()
}

/// The caller as a policy of a resource names it. A session is named by its role: the next session
/// has another name.
fn caller(principal: &Principal) -> json::Value {
    let (kind, name) = match principal {
        Principal::Anonymous => return "*".into(),
        Principal::Service { name, .. } => ("Service", Arc::clone(name)),
        Principal::Federated { provider, .. } => ("Federated", Arc::clone(provider)),
        Principal::Role(session) => ("AWS", Arc::clone(&session.role_arn)),
        other => ("AWS", other.arn()),
    };
    json::Value::from(ObjectBuilder::new().add(kind, &*name).build())
}

/// The resource as an entry of Resource that matches nothing else; `*` for what no such entry can
/// name.
fn resource<'r>(request: &Request<'r>, layers: &Layers<'_>, kind: PolicyKind) -> Cow<'r, str> {
    let exact = match kind {
        PolicyKind::Resource if !layers.resource.is_none_or(|r| r.policy.has_variables()) => {
            Cow::Borrowed(request.resource)
        }
        _ => escaped(request.resource),
    };
    let document = ObjectBuilder::new()
        .add("Version", "2012-10-17")
        .add(
            "Statement",
            ObjectBuilder::new()
                .add("Effect", "Allow")
                .add("Action", "*")
                .add("Resource", &*exact)
                .build(),
        )
        .build();
    let document = json::Value::from(document).to_text();
    match Policy::parse(&document, Purpose::Identity) {
        Ok(_) => exact,
        Err(_) => Cow::Borrowed("*"),
    }
}

/// The same text where `*`, `?` and `$` are only themselves; escapes exist in the sixth field only.
fn escaped(arn: &str) -> Cow<'_, str> {
    let is_plain = !arn.contains(['*', '?', '$']);
    let fifth_colon = arn.match_indices(':').nth(4);
    let parts = fifth_colon.and_then(|(at, _)| arn.split_at_checked(at + 1));
    let Some((fields, resource)) = parts.filter(|_| !is_plain) else {
        return Cow::Borrowed(arn);
    };
    let mut out = fields.to_owned();
    for c in resource.chars() {
        match c {
            '*' | '?' | '$' => out.extend(['$', '{', c, '}']),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}
