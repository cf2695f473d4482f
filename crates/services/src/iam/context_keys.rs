//! Which condition keys policies name: in conditions, and as variables.

use std::collections::BTreeSet;

use aws::iam::{Policy, Purpose};
use aws::{Arn, ServiceError};
use json::{ObjectBuilder, Value};

use super::account::Account;
use super::group::{self, Group};
use super::policies::Policies;
use super::role::{self, Role};
use super::user::User;
use super::{managed_policy, no_such_entity, renamable};
use crate::{Answer, Call};

pub(super) fn of_custom(_: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    Ok(answer(&given(call)?))
}

/// With the policies of a user (and its groups), group or role.
pub(super) fn of_principal(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let arn = call.required("PolicySourceArn")?;
    let mut documents = given(call)?;
    for policies in policies_of(account, arn)? {
        documents.extend(policies.inline.into_values());
        for arn in policies.attached.iter().chain(&policies.boundary) {
            let policy = managed_policy::find(account, arn)?;
            documents.extend(policy.and_then(|it| it.default_document().map(str::to_owned)));
        }
    }
    Ok(answer(&documents))
}

fn policies_of(account: &Account<'_>, text: &str) -> Result<Vec<Policies>, ServiceError> {
    let invalid = || ServiceError::new("InvalidInput", format!("ARN {text} is not valid."));
    let arn = Arn::parse(text).map_err(|_| invalid())?;
    let name = arn.resource.rsplit('/').next().unwrap_or_default();
    let (store, own) = (account.store, account.id);
    let is_own = arn.account == own;
    let missing = || no_such_entity(format!("The entity {text} cannot be found."));
    Ok(match arn.resource_type() {
        "user" => {
            let user = renamable::find::<User>(store, own, name)?
                .filter(|user| is_own && user.arn(own) == text)
                .ok_or_else(missing)?;
            let groups = group::of_user(store, own, &user)?.into_iter();
            let groups = groups.map(|group| group.policies);
            std::iter::once(user.policies).chain(groups).collect()
        }
        "group" => {
            let group = renamable::find::<Group>(store, own, name)?
                .filter(|group| is_own && group.arn(own) == text)
                .ok_or_else(missing)?;
            vec![group.policies]
        }
        "role" => {
            let role: Role = role::find(store, own, name)?
                .filter(|role| role.arn == text)
                .ok_or_else(missing)?;
            vec![role.policies]
        }
        _ => return Err(invalid()),
    })
}

/// The policies that the call holds.
fn given(call: &Call) -> Result<Vec<String>, ServiceError> {
    let given = call.list("PolicyInputList").iter();
    let checked = |text: &str| {
        let checked = Policy::parse(text, Purpose::Identity);
        let checked = checked.or_else(|_| Policy::parse(text, Purpose::Resource));
        checked.map_err(|error| ServiceError::new("InvalidInput", error.to_string()))?;
        Ok(text.to_owned())
    };
    given.filter_map(Value::as_str).map(checked).collect()
}

fn answer(documents: &[String]) -> Answer {
    let policies = documents.iter();
    let policies = policies.map(|document| Policy::kept(document, Purpose::Resource));
    let mut keys = BTreeSet::new();
    for policy in policies {
        keys.extend(policy.keys().map(str::to_owned));
    }
    let names: Value = keys.into_iter().map(Value::from).collect();
    ObjectBuilder::new().add("ContextKeyNames", names).into()
}
