//! GetAccountAuthorizationDetails: everything that says who may do what.

use aws::ServiceError;
use json::{ObjectBuilder, Value};

use super::account::Account;
use super::group::{self, Group};
use super::managed_policy::ManagedPolicy;
use super::policies::{self, Policies};
use super::role::Role;
use super::tags;
use super::usage::{self, Entry, Usage};
use super::user::User;
use super::{aws_policies, date, document, instance_profile, trust};
use crate::{Answer, Call};

const LISTS: [&str; 4] = [
    "UserDetailList",
    "GroupDetailList",
    "RoleDetailList",
    "Policies",
];

pub(super) fn get(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let filter: Vec<&str> = call
        .list("Filter")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let wants = |kind| filter.is_empty() || filter.contains(&kind);
    let mut entries: Vec<Entry> = Vec::new();
    let mut add = |rank: u8, list, name: &str, detail: Value| {
        entries.push((format!("{rank} {name}"), (list, detail)));
    };
    if wants("User") {
        for user in account.all::<User>()? {
            add(1, LISTS[0], &user.name, of_user(account, &user)?);
        }
    }
    if wants("Group") {
        for group in account.all::<Group>()? {
            add(2, LISTS[1], &group.name, of_group(account, &group));
        }
    }
    if wants("Role") {
        for role in account.all::<Role>()? {
            add(3, LISTS[2], &role.name, of_role(account, &role)?);
        }
    }
    let used = usage::of_all(account)?;
    if wants("LocalManagedPolicy") {
        for policy in account.all::<ManagedPolicy>()? {
            let usage = used.get(&policy.arn).copied().unwrap_or_default();
            add(4, LISTS[3], &policy.name, of_policy(&policy, usage));
        }
    }
    if wants("AWSManagedPolicy") {
        // As AWS does: only those that somebody has.
        for (arn, usage) in &used {
            if let Some(policy) = aws_policies::find(arn) {
                add(5, LISTS[3], &policy.name, of_policy(&policy, *usage));
            }
        }
    }
    usage::lists(call, "GetAccountAuthorizationDetails", &LISTS, entries)
}

fn add_policies(detail: &mut ObjectBuilder, inline: &'static str, policies: &Policies) {
    detail.add(inline, policies::inline_shown(policies)).add(
        "AttachedManagedPolicies",
        policies::attached_shown(policies),
    );
    policies::add_boundary(detail, policies);
}

fn of_user(account: &Account<'_>, user: &User) -> Result<Value, ServiceError> {
    let groups = group::of_user(account.store, account.id, user)?;
    let groups: Value = groups
        .into_iter()
        .map(|group| Value::from(group.name))
        .collect();
    let mut detail = user.listed(account.id);
    detail.add("GroupList", groups);
    add_policies(&mut detail, "UserPolicyList", &user.policies);
    tags::add(&mut detail, &user.tags);
    Ok(detail.build().into())
}

fn of_group(account: &Account<'_>, group: &Group) -> Value {
    let mut detail = group.shown(account.id);
    add_policies(&mut detail, "GroupPolicyList", &group.policies);
    detail.build().into()
}

fn of_role(account: &Account<'_>, role: &Role) -> Result<Value, ServiceError> {
    let profiles = instance_profile::of_role(account, &role.name)?;
    let profiles = profiles
        .iter()
        .map(|profile| Ok(profile.listed(account)?.build().into()));
    let profiles: Vec<Value> = profiles.collect::<Result<_, ServiceError>>()?;
    let trust_policy = trust::shown(account, role)?;
    let mut detail = ObjectBuilder::new();
    detail
        .add("Path", role.path.as_str())
        .add("RoleName", role.name.as_str())
        .add("RoleId", role.id.as_str())
        .add("Arn", role.arn.as_str())
        .add("CreateDate", date(role.created_ms))
        .add(
            "AssumeRolePolicyDocument",
            document::url_encoded(&trust_policy),
        )
        .add("InstanceProfileList", profiles);
    add_policies(&mut detail, "RolePolicyList", &role.policies);
    tags::add(&mut detail, &role.tags);
    detail.add("RoleLastUsed", Value::empty_object());
    Ok(detail.build().into())
}

fn of_policy(policy: &ManagedPolicy, usage: Usage) -> Value {
    let mut detail = policy.listed(usage);
    if let Some(description) = &policy.description {
        detail.add("Description", description.as_str());
    }
    detail.add("PolicyVersionList", policy.shown_versions());
    detail.build().into()
}
