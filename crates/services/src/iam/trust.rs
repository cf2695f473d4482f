//! Whom trust policies name.
//!
//! A user or role is trusted by its unique id, not by its name: one that is made again under the
//! same name is another one. So beside a trust policy the ids are kept of those it names; it is
//! evaluated with the ids in place of the ARNs, and shown as it was written as long as the ids
//! still have these ARNs (IAM user guide, "AWS JSON policy elements: Principal"). The policies of
//! resources are kept the same way.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aws::{Arn, ServiceError};
use json::{Value, View};
use store::Store;

use super::account::{Account, Quotas};
use super::renamable;
use super::role::{self, Role};
use super::user::User;
use crate::seal::Seal;

/// The ids of the users and roles that a trust policy names, by their ARNs.
///
/// # Errors
/// MalformedPolicyDocument for one that does not exist.
pub(super) fn checked(
    account: &Account<'_>,
    trust_policy: &str,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut trusted = BTreeMap::new();
    for principal in principals(trust_policy) {
        match resolve(account, &principal)? {
            Named::Id(id) => {
                trusted.insert(principal, id);
            }
            Named::Nothing => {
                let message = format!("Invalid principal in policy: \"AWS\":\"{principal}\"");
                return Err(ServiceError::new("MalformedPolicyDocument", message));
            }
            Named::Itself => {}
        }
    }
    Ok(trusted)
}

/// What a principal of a policy is.
enum Named {
    /// The user or role with this id.
    Id(String),
    /// An account, everybody, a session: it needs no id.
    Itself,
    Nothing,
}

fn resolve(account: &Account<'_>, principal: &str) -> Result<Named, ServiceError> {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    if principal == "*" || is_account(principal) {
        return Ok(Named::Itself);
    }
    let Ok(arn) = Arn::parse(principal) else {
        // An id that is shown for an ARN because its owner is gone names nobody.
        return Ok(match current_arn_of_id(account, principal)? {
            Some(_) => Named::Itself,
            None => Named::Nothing,
        });
    };
    if !is_account(&arn.account) {
        return Ok(Named::Nothing);
    }
    let name = arn.resource.rsplit('/').next().unwrap_or_default();
    let (found, id) = match (&*arn.service, arn.resource_type()) {
        ("iam", "root") | ("sts", "assumed-role" | "federated-user") => return Ok(Named::Itself),
        ("iam", "role") => match role::find(account.store, &arn.account, name)? {
            Some(role) => (role.arn, role.id),
            None => return Ok(Named::Nothing),
        },
        ("iam", "user") => match renamable::find::<User>(account.store, &arn.account, name)? {
            Some(user) => (user.arn(&arn.account), user.id),
            None => return Ok(Named::Nothing),
        },
        _ => return Ok(Named::Nothing),
    };
    Ok(match found == principal {
        true => Named::Id(id),
        false => Named::Nothing,
    })
}

/// The ARN of the user or role of this account that has the id.
fn current_arn_of_id(account: &Account<'_>, id: &str) -> Result<Option<String>, ServiceError> {
    Ok(match id.get(..4) {
        Some("AIDA") => {
            let found = account.read::<User>(&renamable::key(account.id, id))?;
            found.map(|user| user.body.arn(account.id))
        }
        Some("AROA") => {
            let mut roles = account.all::<Role>()?.into_iter();
            roles.find(|role| role.id == id).map(|role| role.arn)
        }
        _ => None,
    })
}

/// The ARN that a principal has now, which was `arn` when it got `id`; `None` when it is gone.
fn current_arn(account: &Account<'_>, arn: &str, id: &str) -> Result<Option<String>, ServiceError> {
    let Ok(parsed) = Arn::parse(arn) else {
        return Ok(None);
    };
    let owner = &*parsed.account;
    Ok(match parsed.resource_type() {
        "user" => {
            let found = account.read::<User>(&renamable::key(owner, id))?;
            found.map(|user| user.body.arn(owner))
        }
        _ => {
            let name = parsed.resource.rsplit('/').next().unwrap_or_default();
            let found = role::find(account.store, owner, name)?;
            found.filter(|role| role.id == id).map(|role| role.arn)
        }
    })
}

/// The trust policy of a role as answers show it: with the ARNs that those it names have now, and
/// the ids of those who are gone.
pub(super) fn shown<'r>(
    account: &Account<'_>,
    role: &'r Role,
) -> Result<Cow<'r, str>, ServiceError> {
    as_now(account, &role.trust_policy, &role.trusted)
}

/// A policy with the ARNs that those it named have now, and the ids of those who are gone.
fn as_now<'p>(
    account: &Account<'_>,
    policy: &'p str,
    named: &BTreeMap<String, String>,
) -> Result<Cow<'p, str>, ServiceError> {
    let mut changed = BTreeMap::new();
    for (arn, id) in named {
        let now = current_arn(account, arn, id)?.unwrap_or_else(|| id.clone());
        if now != *arn {
            changed.insert(arn.clone(), now);
        }
    }
    Ok(replaced(policy, &changed))
}

/// The trust policy of a role as it is evaluated: with ids for ARNs.
pub(super) fn evaluated(role: &Role) -> Cow<'_, str> {
    with_ids(&role.trust_policy, &role.trusted)
}

/// Whom the policies of an account's resources name.
#[derive(Clone, Copy)]
pub(crate) struct Principals<'s> {
    pub store: &'s dyn Store,
    pub seal: &'s Seal,
    pub account: &'s str,
}

impl Principals<'_> {
    fn account(&self) -> Account<'_> {
        Account {
            store: self.store,
            id: self.account,
            seal: self.seal,
            quotas: Quotas::default(),
        }
    }

    /// The ids of the users and roles that a policy names, by their ARNs: to be kept beside it.
    ///
    /// # Errors
    /// MalformedPolicyDocument for one that does not exist.
    pub(crate) fn ids(&self, policy: &str) -> Result<BTreeMap<String, String>, ServiceError> {
        checked(&self.account(), policy)
    }

    /// The policy as answers show it.
    pub(crate) fn shown<'p>(
        &self,
        policy: &'p str,
        ids: &BTreeMap<String, String>,
    ) -> Result<Cow<'p, str>, ServiceError> {
        as_now(&self.account(), policy, ids)
    }
}

/// The policy as it is evaluated: with ids for ARNs.
pub(crate) fn with_ids<'p>(policy: &'p str, ids: &BTreeMap<String, String>) -> Cow<'p, str> {
    replaced(policy, ids)
}

/// The principals under `AWS` in a policy.
fn principals(policy: &str) -> Vec<String> {
    let mut principals = Vec::new();
    let note = |principal: &str| {
        principals.push(principal.to_owned());
        None
    };
    let parsed = json::parse(policy).unwrap_or_default();
    with_principals(&parsed, note);
    principals
}

/// A policy with other principals; byte for byte as it was when there is nothing to replace.
fn replaced<'p>(policy: &'p str, by: &BTreeMap<String, String>) -> Cow<'p, str> {
    if by.is_empty() {
        return policy.into();
    }
    match json::parse(policy) {
        Ok(parsed) => with_principals(&parsed, |principal| by.get(principal).cloned())
            .to_text()
            .into(),
        Err(_) => policy.into(),
    }
}

/// A policy with every principal under `AWS` that `replace` gives something else for replaced.
fn with_principals(policy: &Value, mut replace: impl FnMut(&str) -> Option<String>) -> Value {
    let mut one = |text: &Value| {
        let new = text.as_str().and_then(&mut replace);
        new.map_or_else(|| text.clone(), Value::from)
    };
    let mut statement = |statement: &Value| {
        let mut changed = statement.clone();
        for element in ["Principal", "NotPrincipal"] {
            let Some(principals) = statement.get(element) else {
                continue;
            };
            let Some(named) = principals.get("AWS") else {
                continue;
            };
            let named = each(named, &mut one);
            changed = changed.with_member(element, principals.with_member("AWS", named));
        }
        changed
    };
    match policy.get("Statement") {
        Some(statements) => policy.with_member("Statement", each(statements, &mut statement)),
        None => policy.clone(),
    }
}

/// One value, or each of an array.
fn each(value: &Value, change: &mut impl FnMut(&Value) -> Value) -> Value {
    match value.view() {
        View::Array(items) => items.iter().map(change).collect(),
        _ => change(value),
    }
}
