//! Groups of users. Who is in a group, the users say.

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::{Kind, Store};

use super::account::{Account, Entity};
use super::policies::{self, Holder, Policies};
use super::renamable::{self, Renamable};
use super::user::User;
use super::{date, limit_exceeded, list, unique_id};
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

/// The groups of a user. One that is not there any more has no say.
pub(super) fn of_user(
    store: &dyn Store,
    account: &str,
    user: &User,
) -> Result<Vec<Group>, documents::Error> {
    let mut groups = Vec::new();
    for id in &user.groups {
        let found: Option<Found<Group>> =
            documents::read(store, Kind::Group, &renamable::key(account, id))?;
        groups.extend(found.map(|found| found.body));
    }
    Ok(groups)
}

impl Entity for Group {
    const KIND: Kind = Kind::Group;

    fn named(account: &Account<'_>, call: &Call) -> Result<Found<Group>, ServiceError> {
        let name = call.required("GroupName")?;
        let found = renamable::find_document(account.store, account.id, name)?;
        found.ok_or_else(|| renamable::not_found::<Group>(name))
    }

    fn key(&self, account: &str) -> String {
        renamable::key(account, &self.id)
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

impl Renamable for Group {
    fn id(&self) -> &str {
        &self.id
    }

    fn name_and_path_mut(&mut self) -> (&mut String, &mut String) {
        (&mut self.name, &mut self.path)
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
    renamable::check_free::<Group>(account, name)?;
    account.check_room::<Group>("GroupsPerAccount", account.quotas.groups_max)?;
    renamable::take_name(account, &group, name)?;
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

pub(super) fn delete(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let found = Group::named(account, call)?;
    if !found.body.users(account)?.is_empty() {
        return Err(super::delete_conflict(
            "Cannot delete entity, must remove users from group first.",
        ));
    }
    policies::check_none(&found.body.policies)?;
    account.delete(&found)?;
    renamable::drop_name::<Group>(account, &found.body.name)?;
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
