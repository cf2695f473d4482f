//! Principals: services of a region, roles, NotPrincipal, what a session is granted directly.

use crate::judge::case::{Asker, Case, Document, Element};

/// The entries of every (Not)Principal.
fn entries(case: &mut Case) -> impl Iterator<Item = &mut (String, String)> {
    let statements = case
        .resource_policy
        .iter_mut()
        .flat_map(|it| &mut it.statements);
    let elements = statements.filter_map(|it| it.principal.as_mut());
    elements.flat_map(|it| &mut it.entries)
}

/// `states.us-east-1.amazonaws.com` is the service in that Region, from which all cases call.
pub(super) fn regional(case: &mut Case) -> bool {
    let mut changed = false;
    for (kind, value) in entries(case) {
        if kind == "Service" && value.contains(".us-east-1.") {
            *value = value.replace(".us-east-1.", ".");
            changed = true;
        }
    }
    changed
}

/// A session is matched by every role whose name is that of its own, whatever its path and the
/// case of its letters.
pub(super) fn roles(case: &mut Case) -> bool {
    let Asker::Session { role, .. } = &case.asker else {
        return false;
    };
    let (role, own) = (role.clone(), case.asker.entity_arn());
    let mut changed = false;
    for (_, value) in entries(case) {
        let is_role = value.contains(":role/");
        let name = value.rsplit('/').next().unwrap_or_default();
        if is_role && name.eq_ignore_ascii_case(&role) && Some(&*value) != own.as_ref() {
            value.push_str("-of-another-path");
            changed = true;
        }
    }
    changed
}

/// Deny with NotPrincipal spares whom it lists with the whole chain: session, role and account, or
/// user and account. Who is listed in part is not spared.
pub(super) fn chain(case: &mut Case) -> bool {
    let chain: Vec<String> = [case.asker.arn(), case.asker.entity_arn()]
        .into_iter()
        .flatten()
        .filter(|it| it.starts_with("arn:"))
        .collect();
    let Some(account) = case.asker.account().map(str::to_owned) else {
        return false;
    };
    let root = format!("arn:aws:iam::{account}:root");
    let mut changed = false;
    let statements = case
        .resource_policy
        .iter_mut()
        .flat_map(|it| &mut it.statements);
    for statement in statements.filter(|it| !it.allows) {
        let Some(element) = statement.principal.as_mut().filter(|it| it.not) else {
            continue;
        };
        let has = |arn: &String| element.entries.iter().any(|(_, value)| value == arn);
        let has_account = has(&root) || has(&account);
        if !(has_account && chain.iter().all(has)) {
            *element = Element {
                not: false,
                entries: vec![("*".into(), "*".into())],
            };
            changed = true;
        }
    }
    changed
}

/// What a resource's policy grants to a session by its own ARN, or to anyone, no session policy
/// narrows: the case is put without what could grant otherwise, and without that limit.
pub(super) fn direct(case: &mut Case) -> bool {
    let own = case.asker.arn();
    let Some(session) = &mut case.session else {
        return false;
    };
    let everything = Document::allowing_everything();
    let keep_denials = |documents: &mut Vec<Document>| {
        for document in documents.iter_mut() {
            document.statements.retain(|it| !it.allows);
        }
        documents.retain(|it| !it.statements.is_empty());
    };
    keep_denials(session);
    session.push(everything);
    keep_denials(&mut case.identity);
    let statements = case
        .resource_policy
        .iter_mut()
        .flat_map(|it| &mut it.statements);
    for statement in statements.filter(|it| it.allows) {
        let Some(principal) = statement.principal.as_mut().filter(|it| !it.not) else {
            continue;
        };
        for (_, value) in &mut principal.entries {
            if value != "*" && Some(&*value) != own.as_ref() {
                "nobody.amazonaws.com".clone_into(value);
            }
        }
        for (kind, value) in &mut principal.entries {
            if value == "nobody.amazonaws.com" {
                "Service".clone_into(kind);
            }
        }
    }
    true
}
