//! Groups of users. Who is in a group, the users say.

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::{Kind, Store};

use super::account::{Account, Entity};
use super::name::{self, Pointer};
use super::policies::{self, Holder, Policies};
use super::user::User;
use super::{date, limit_exceeded, list, no_such_entity, unique_id};
use crate::documents::{self, Found};
use crate::{Answer, Call};

/// Groups of one user (IAM quotas).
pub(super) const GROUPS_MAX: usize = 10;

/// A group, with everything that hangs on it but its users.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Group {
    pub name: String,
    pub path: String,
    pub id: String,
    pub created_ms: i64,
    #[serde(flatten)]
    pub policies: Policies,
}

/// Groups lie under their ids: names may change.
pub(super) fn key(account: &str, id: &str) -> String {
    format!("{account}/{id}")
}

/// Group names are unique ignoring case.
fn name_key(account: &str, name: &str) -> String {
    format!("group/{account}/{}", name.to_ascii_lowercase())
}

fn not_found(name: &str) -> ServiceError {
    no_such_entity(format!("The group with name {name} cannot be found."))
}

fn exists(name: &str) -> ServiceError {
    super::entity_already_exists(format!("Group with name {name} already exists."))
}

fn find_document(
    store: &dyn Store,
    account: &str,
    name: &str,
) -> Result<Option<Found<Group>>, documents::Error> {
    let Some(pointer) = name::lookup(store, &name_key(account, name))? else {
        return Ok(None);
    };
    let found: Option<Found<Group>> =
        documents::read(store, Kind::Group, &key(account, &pointer.id))?;
    Ok(found.filter(|group| group.body.name.eq_ignore_ascii_case(name)))
}

/// The group of this name, whatever the case.
pub(super) fn find(
    store: &dyn Store,
    account: &str,
    name: &str,
) -> Result<Option<Group>, documents::Error> {
    Ok(find_document(store, account, name)?.map(|found| found.body))
}

/// The groups of a user. One that is not there any more has no say.
pub(super) fn of_user(
    store: &dyn Store,
    account: &str,
    user: &User,
) -> Result<Vec<Group>, documents::Error> {
    let mut groups = Vec::new();
    for id in &user.groups {
        let found: Option<Found<Group>> = documents::read(store, Kind::Group, &key(account, id))?;
        groups.extend(found.map(|found| found.body));
    }
    Ok(groups)
}

impl Entity for Group {
    const KIND: Kind = Kind::Group;

    fn named(account: &Account<'_>, call: &Call) -> Result<Found<Group>, ServiceError> {
        let name = call.required("GroupName")?;
        let found = find_document(account.store, account.id, name)?;
        found.ok_or_else(|| not_found(name))
    }

    fn key(&self, account: &str) -> String {
        key(account, &self.id)
    }
}

impl Holder for Group {
    const WORD: &'static str = "group";
    const NAME: &'static str = "GroupName";
    const INLINE_BYTES_MAX: usize = 5_120;
    const ATTACHED_QUOTA: &'static str = "PoliciesPerGroup";

    fn name(&self) -> &str {
        &self.name
    }

    fn policies(&self) -> &Policies {
        &self.policies
    }

    fn policies_mut(&mut self) -> &mut Policies {
        &mut self.policies
    }
}

impl Group {
    /// `arn:aws:iam::A:group/path/name`.
    pub(super) fn arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:group{}{}", self.path, self.name)
    }

    /// The `Group` structure.
    pub(super) fn shown(&self, account: &str) -> ObjectBuilder {
        let mut shown = ObjectBuilder::new();
        shown
            .add("Path", self.path.as_str())
            .add("GroupName", self.name.as_str())
            .add("GroupId", self.id.as_str())
            .add("Arn", self.arn(account))
            .add("CreateDate", date(self.created_ms));
        shown
    }

    fn users(&self, account: &Account<'_>) -> Result<Vec<User>, ServiceError> {
        let mut users = account.all::<User>()?;
        users.retain(|user| user.groups.contains(&self.id));
        Ok(users)
    }
}

pub(super) fn create(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let name = call.required("GroupName")?;
    let group = Group {
        name: name.to_owned(),
        path: call.text("Path").unwrap_or("/").to_owned(),
        id: unique_id("AGPA"),
        created_ms: call.now.0,
        policies: Policies::default(),
    };
    if find_document(account.store, account.id, name)?.is_some() {
        return Err(exists(name));
    }
    account.check_room::<Group>("GroupsPerAccount", account.quotas.groups_max)?;
    let pointer = Pointer {
        account: account.id.to_owned(),
        id: group.id.clone(),
    };
    name::point(account.store, &name_key(account.id, name), &pointer)?;
    account.create(&group)?;
    let shown = group.shown(account.id).build();
    Ok(ObjectBuilder::new().add("Group", shown).into())
}

/// The group and a page of its users.
pub(super) fn get(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let group = account.named::<Group>(call)?;
    let users = group.users(account)?.into_iter();
    let users = users.map(|user| (user.name.clone(), user.listed(account.id).build().into()));
    let mut page = list::page(call, "GetGroup", users.collect())?;
    let mut answer = ObjectBuilder::new();
    let users: Vec<Value> = std::mem::take(&mut page.items);
    answer.add("Group", group.shown(account.id).build());
    answer.add("Users", users);
    page.add_end(&mut answer);
    Ok((&mut answer).into())
}

pub(super) fn list(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let prefix = call.text("PathPrefix").unwrap_or("/");
    let mut groups = account.all::<Group>()?;
    groups.retain(|group| group.path.starts_with(prefix));
    answer(account, call, "ListGroups", groups)
}

pub(super) fn list_of_user(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let user = account.named::<User>(call)?;
    let groups = of_user(account.store, account.id, &user)?;
    answer(account, call, "ListGroupsForUser", groups)
}

fn answer(
    account: &Account<'_>,
    call: &Call,
    operation: &str,
    groups: Vec<Group>,
) -> Result<Answer, ServiceError> {
    let groups = groups.into_iter();
    let groups = groups.map(|group| (group.name.clone(), group.shown(account.id).build().into()));
    list::answer(call, operation, "Groups", groups.collect())
}

/// As users are renamed: see [`name`].
pub(super) fn update(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let group = account.named::<Group>(call)?;
    let new_name = call.text("NewGroupName").unwrap_or(&group.name);
    let is_other = !new_name.eq_ignore_ascii_case(&group.name);
    if is_other {
        if find_document(account.store, account.id, new_name)?.is_some() {
            return Err(exists(new_name));
        }
        let pointer = Pointer {
            account: account.id.to_owned(),
            id: group.id.clone(),
        };
        name::point(account.store, &name_key(account.id, new_name), &pointer)?;
    }
    account.change(call, |group: &mut Group| {
        new_name.clone_into(&mut group.name);
        if let Some(path) = call.text("NewPath") {
            path.clone_into(&mut group.path);
        }
        Ok(())
    })?;
    if is_other {
        name::drop(account.store, &name_key(account.id, &group.name))?;
    }
    Ok(Answer::empty())
}

pub(super) fn delete(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let found = Group::named(account, call)?;
    if !found.body.users(account)?.is_empty() {
        return Err(super::delete_conflict(
            "Cannot delete entity, must remove users from group first.",
        ));
    }
    policies::check_none(&found.body.policies)?;
    account.delete(&found)?;
    name::drop(account.store, &name_key(account.id, &found.body.name))?;
    Ok(Answer::empty())
}

/// Who is in the group already stays so.
pub(super) fn add_user(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let group = account.named::<Group>(call)?;
    account.change(call, |user: &mut User| {
        if !user.groups.contains(&group.id) {
            user.groups.push(group.id.clone());
        }
        match user.groups.len() > GROUPS_MAX {
            true => Err(limit_exceeded("GroupsPerUser", GROUPS_MAX)),
            false => Ok(()),
        }
    })?;
    Ok(Answer::empty())
}

/// Who is not in the group stays so.
pub(super) fn remove_user(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let group = account.named::<Group>(call)?;
    account.change(call, |user: &mut User| {
        user.groups.retain(|id| *id != group.id);
        Ok(())
    })?;
    Ok(Answer::empty())
}
