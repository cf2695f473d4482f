//! What a call needs to be allowed, and what is always true of an operation.

use std::sync::Arc;

use aws::iam::{Principal, Values};
use json::Value;

use super::tags;
use crate::Call;
use crate::access::{Facts, Need};

/// What is always true of an operation. `None` when it is not served.
pub(crate) fn facts(operation: &str) -> Option<Facts> {
    match operation {
        "AssumeRole" | "AssumeRoleWithWebIdentity" | "GetSessionToken" => Some(Facts::CHANGES),
        "DecodeAuthorizationMessage" | "GetAccessKeyInfo" | "GetCallerIdentity" => {
            Some(Facts::READS)
        }
        _ => None,
    }
}

/// What a call needs, all of it.
///
/// Who one is may be asked by everybody, and a user's own session is made without permission (STS
/// API reference). AssumeRoleWithWebIdentity is judged by the operation itself, once the token
/// tells who asks.
pub(crate) fn needs(operation: &str, call: &Call) -> Vec<Need> {
    match operation {
        "AssumeRole" => assume_role(call),
        "AssumeRoleWithWebIdentity" | "GetCallerIdentity" | "GetSessionToken" => Vec::new(),
        _ => vec![Need::new(format!("sts:{operation}"), "*")],
    }
}

/// `sts:AssumeRole`; with tags `sts:TagSession`, with a source identity, asked for or inherited,
/// `sts:SetSourceIdentity`: all of them by the caller's policies and by the role's trust policy.
fn assume_role(call: &Call) -> Vec<Need> {
    let role = call.text("RoleArn").unwrap_or("*");
    let inherited = match &*call.caller.principal {
        Principal::Role(session) => session.source_identity.as_deref(),
        _ => None,
    };
    let source_identity = call.text("SourceIdentity").or(inherited);
    let mut context = input_keys(call);
    if let Some(source_identity) = source_identity {
        let value = Values::One(source_identity.into());
        context.push(("sts:SourceIdentity".into(), value));
    }
    let tagged = !call.list("Tags").is_empty() || !call.list("TransitiveTagKeys").is_empty();
    let actions = [
        ("sts:AssumeRole", true),
        ("sts:TagSession", tagged),
        ("sts:SetSourceIdentity", source_identity.is_some()),
    ];
    let needed = actions.iter().filter(|(_, is_needed)| *is_needed);
    needed
        .map(|(action, _)| Need {
            context: context.clone(),
            ..Need::new(*action, role)
        })
        .collect()
}

/// The condition keys that come from the input of AssumeRole and AssumeRoleWithWebIdentity.
pub(super) fn input_keys(call: &Call) -> Vec<(Arc<str>, Values)> {
    let mut keys: Vec<(Arc<str>, Values)> = Vec::new();
    for (key, member) in [
        ("sts:ExternalId", "ExternalId"),
        ("sts:RoleSessionName", "RoleSessionName"),
    ] {
        if let Some(value) = call.text(member) {
            keys.push((key.into(), Values::One(value.into())));
        }
    }
    if let Some(seconds) = call.integer("DurationSeconds") {
        let value = Values::One(seconds.to_string().into());
        keys.push(("sts:DurationSeconds".into(), value));
    }
    let transitive = call.list("TransitiveTagKeys").iter();
    let transitive: Vec<Arc<str>> = transitive
        .filter_map(Value::as_str)
        .map(Arc::from)
        .collect();
    keys.extend(tags::keys(&tags::of(call.list("Tags")), transitive));
    keys
}
