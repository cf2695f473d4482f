//! Who uses a managed policy.

use std::collections::BTreeMap;

use aws::ServiceError;
use json::{ObjectBuilder, Value};

use super::account::Account;
use super::group::Group;
use super::list;
use super::managed_policy::ManagedPolicy;
use super::policies::{Holder, Policies};
use super::role::Role;
use super::user::User;
use crate::{Answer, Call};

/// How often a policy is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub attachments: usize,
    pub boundaries: usize,
}

impl Usage {
    pub(super) fn is_used(self) -> bool {
        self != Usage::default()
    }
}

/// How often each policy is used, by its ARN.
pub(super) fn of_all(account: &Account<'_>) -> Result<BTreeMap<String, Usage>, ServiceError> {
    let mut used = BTreeMap::new();
    add::<Role>(account, &mut used)?;
    add::<User>(account, &mut used)?;
    add::<Group>(account, &mut used)?;
    Ok(used)
}

fn add<H: Holder>(
    account: &Account<'_>,
    used: &mut BTreeMap<String, Usage>,
) -> Result<(), ServiceError> {
    for holder in account.all::<H>()? {
        let Policies {
            attached, boundary, ..
        } = holder.policies();
        for arn in attached {
            used.entry(arn.clone()).or_default().attachments += 1;
        }
        if let Some(arn) = boundary {
            used.entry(arn.clone()).or_default().boundaries += 1;
        }
    }
    Ok(())
}

/// How often one policy is used.
pub(super) fn of_policy(account: &Account<'_>, arn: &str) -> Result<Usage, ServiceError> {
    Ok(of_all(account)?.get(arn).copied().unwrap_or_default())
}

/// The lists of ListEntitiesForPolicy.
const LISTS: [&str; 3] = ["PolicyGroups", "PolicyRoles", "PolicyUsers"];

/// ListEntitiesForPolicy.
pub(super) fn list_entities(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let policy = account.named::<ManagedPolicy>(call)?;
    let filter = call.text("EntityFilter");
    let wants = |kind| filter.is_none_or(|filter| filter == kind);
    let prefix = call.text("PathPrefix").unwrap_or("/");
    let is_chosen = |policies: &Policies, path: &str| {
        let attached = policies.attached.contains(&policy.arn);
        let bound = policies.boundary.as_deref() == Some(&policy.arn);
        let uses = match call.text("PolicyUsageFilter") {
            Some("PermissionsBoundary") => bound,
            Some(_) => attached,
            None => attached || bound,
        };
        uses && path.starts_with(prefix)
    };
    let mut entities = Vec::new();
    if wants("Group") {
        let all = account.all::<Group>()?.into_iter();
        let chosen = all.filter(|group| is_chosen(&group.policies, &group.path));
        entities.extend(chosen.map(|group| entity(LISTS[0], "Group", &group.name, &group.id)));
    }
    if wants("Role") {
        let all = account.all::<Role>()?.into_iter();
        let chosen = all.filter(|role| is_chosen(&role.policies, &role.path));
        entities.extend(chosen.map(|role| entity(LISTS[1], "Role", &role.name, &role.id)));
    }
    if wants("User") {
        let all = account.all::<User>()?.into_iter();
        let chosen = all.filter(|user| is_chosen(&user.policies, &user.path));
        entities.extend(chosen.map(|user| entity(LISTS[2], "User", &user.name, &user.id)));
    }
    lists(call, "ListEntitiesForPolicy", &LISTS, entities)
}

/// An entry of one of several lists, by its place in all of them.
pub(super) type Entry = (String, (&'static str, Value));

fn entity(list: &'static str, kind: &str, name: &str, id: &str) -> Entry {
    let shown = ObjectBuilder::new()
        .add(format!("{kind}Name"), name)
        .add(format!("{kind}Id"), id)
        .build();
    (format!("{list} {name}"), (list, shown.into()))
}

/// A page of several lists one after the other; each is there, also when it is empty.
pub(super) fn lists(
    call: &Call,
    operation: &str,
    names: &[&'static str],
    entries: Vec<Entry>,
) -> Result<Answer, ServiceError> {
    let mut page = list::page(call, operation, entries)?;
    let items = std::mem::take(&mut page.items);
    let mut answer = ObjectBuilder::new();
    for name in names {
        let of_list = items.iter().filter(|(list, _)| list == name);
        let of_list: Value = of_list.map(|(_, item)| item.clone()).collect();
        answer.add(*name, of_list);
    }
    page.add_end(&mut answer);
    Ok((&mut answer).into())
}
