//! Users.

use aws::ServiceError;
use aws::iam::Principal;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::{Kind, Store};

use super::access_key::AccessKey;
use super::account::{Account, Entity};
use super::name::{self, Pointer};
use super::policies::{self, Holder, Policies};
use super::tags::{self, Tag, Tagged};
use super::{date, list, no_such_entity, unique_id};
use crate::documents::{self, Found};
use crate::{Answer, Call};

/// A user, with everything that hangs on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct User {
    pub name: String,
    pub path: String,
    pub id: String,
    pub created_ms: i64,
    pub tags: Vec<Tag>,
    #[serde(flatten)]
    pub policies: Policies,
    /// Unique ids of its groups.
    pub groups: Vec<String>,
    pub access_keys: Vec<AccessKey>,
}

/// Users lie under their ids: names may change.
pub(super) fn key(account: &str, id: &str) -> String {
    format!("{account}/{id}")
}

/// User names are unique ignoring case.
fn name_key(account: &str, name: &str) -> String {
    format!("user/{account}/{}", name.to_ascii_lowercase())
}

pub(super) fn not_found(name: &str) -> ServiceError {
    no_such_entity(format!("The user with name {name} cannot be found."))
}

fn exists(name: &str) -> ServiceError {
    super::entity_already_exists(format!("User with name {name} already exists."))
}

fn find_document(
    store: &dyn Store,
    account: &str,
    name: &str,
) -> Result<Option<Found<User>>, documents::Error> {
    let Some(pointer) = name::lookup(store, &name_key(account, name))? else {
        return Ok(None);
    };
    let found: Option<Found<User>> =
        documents::read(store, Kind::User, &key(account, &pointer.id))?;
    Ok(found.filter(|user| user.body.name.eq_ignore_ascii_case(name)))
}

/// The user of this name, whatever the case.
pub(super) fn find(
    store: &dyn Store,
    account: &str,
    name: &str,
) -> Result<Option<User>, documents::Error> {
    Ok(find_document(store, account, name)?.map(|found| found.body))
}

/// The name of the user that a call is about: the one it gives, or the one who calls.
pub(super) fn name_or_caller(call: &Call) -> Result<&str, ServiceError> {
    match (call.text("UserName"), &*call.caller.principal) {
        (Some(name), _) => Ok(name),
        (None, Principal::User { name, .. }) => Ok(name),
        (None, _) => {
            let message = "Must specify userName when calling with non-User credentials";
            Err(ServiceError::new("ValidationError", message).with_status(400))
        }
    }
}

impl Entity for User {
    const KIND: Kind = Kind::User;

    fn named(account: &Account<'_>, call: &Call) -> Result<Found<User>, ServiceError> {
        let name = name_or_caller(call)?;
        let found = find_document(account.store, account.id, name)?;
        found.ok_or_else(|| not_found(name))
    }

    fn key(&self, account: &str) -> String {
        key(account, &self.id)
    }
}

impl Holder for User {
    const WORD: &'static str = "user";
    const NAME: &'static str = "UserName";
    const INLINE_BYTES_MAX: usize = 2_048;
    const ATTACHED_QUOTA: &'static str = "PoliciesPerUser";

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

impl Tagged for User {
    const QUOTA: &'static str = "TagsPerUser";

    fn tags(&self) -> &[Tag] {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

impl User {
    /// `arn:aws:iam::A:user/path/name`.
    pub(super) fn arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:user{}{}", self.path, self.name)
    }

    /// The `User` structure as lists have it: without tags and boundary.
    pub(super) fn listed(&self, account: &str) -> ObjectBuilder {
        let mut shown = ObjectBuilder::new();
        shown
            .add("Path", self.path.as_str())
            .add("UserName", self.name.as_str())
            .add("UserId", self.id.as_str())
            .add("Arn", self.arn(account))
            .add("CreateDate", date(self.created_ms));
        shown
    }

    fn shown(&self, account: &str) -> Value {
        let mut shown = self.listed(account);
        policies::add_boundary(&mut shown, &self.policies);
        tags::add(&mut shown, &self.tags);
        shown.build().into()
    }
}

pub(super) fn create(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let name = call.required("UserName")?;
    let user = User {
        name: name.to_owned(),
        path: call.text("Path").unwrap_or("/").to_owned(),
        id: unique_id("AIDA"),
        created_ms: call.now.0,
        tags: tags::of(call)?,
        policies: Policies {
            boundary: policies::boundary_of(account, call)?,
            ..Policies::default()
        },
        groups: Vec::new(),
        access_keys: Vec::new(),
    };
    if find_document(account.store, account.id, name)?.is_some() {
        return Err(exists(name));
    }
    account.check_room::<User>("UsersPerAccount", account.quotas.users_max)?;
    let pointer = Pointer {
        account: account.id.to_owned(),
        id: user.id.clone(),
    };
    name::point(account.store, &name_key(account.id, name), &pointer)?;
    account.create(&user)?;
    let shown = user.shown(account.id);
    Ok(ObjectBuilder::new().add("User", shown).into())
}

pub(super) fn get(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    // The root user is no entity; clients ask for it to learn their account.
    if let (None, Principal::Root { .. }) = (call.text("UserName"), &*call.caller.principal) {
        let root = ObjectBuilder::new()
            .add("Path", "/")
            .add("UserId", account.id)
            .add("Arn", format!("arn:aws:iam::{}:root", account.id))
            .add("CreateDate", date(0))
            .build();
        return Ok(ObjectBuilder::new().add("User", root).into());
    }
    let user = account.named::<User>(call)?;
    let shown = user.shown(account.id);
    Ok(ObjectBuilder::new().add("User", shown).into())
}

pub(super) fn list(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let prefix = call.text("PathPrefix").unwrap_or("/");
    let users = account.all::<User>()?.into_iter();
    let users = users
        .filter(|user| user.path.starts_with(prefix))
        .map(|user| (user.name.clone(), user.listed(account.id).build().into()))
        .collect();
    list::answer(call, "ListUsers", "Users", users)
}

/// A new name is made before the user gets it, and the old one dropped after: see [`name`].
pub(super) fn update(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let user = account.named::<User>(call)?;
    let new_name = call.text("NewUserName").unwrap_or(&user.name);
    let is_other = !new_name.eq_ignore_ascii_case(&user.name);
    if is_other {
        if find_document(account.store, account.id, new_name)?.is_some() {
            return Err(exists(new_name));
        }
        let pointer = Pointer {
            account: account.id.to_owned(),
            id: user.id.clone(),
        };
        name::point(account.store, &name_key(account.id, new_name), &pointer)?;
    }
    account.change(call, |user: &mut User| {
        new_name.clone_into(&mut user.name);
        if let Some(path) = call.text("NewPath") {
            path.clone_into(&mut user.path);
        }
        Ok(())
    })?;
    if is_other {
        name::drop(account.store, &name_key(account.id, &user.name))?;
    }
    Ok(Answer::empty())
}

/// With the user go its access keys' and its own name, which then mean nothing: see [`name`].
pub(super) fn delete(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let found = User::named(account, call)?;
    if !found.body.access_keys.is_empty() {
        return Err(super::delete_conflict(
            "Cannot delete entity, must delete access keys first.",
        ));
    }
    policies::check_none(&found.body.policies)?;
    if !found.body.groups.is_empty() {
        return Err(super::delete_conflict(
            "Cannot delete entity, must remove users from group first.",
        ));
    }
    account.delete(&found)?;
    name::drop(account.store, &name_key(account.id, &found.body.name))?;
    Ok(Answer::empty())
}
