//! Users.

use aws::ServiceError;
use aws::iam::Principal;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::Kind;

use super::access_key::AccessKey;
use super::account::{Account, Entity};
use super::policies::{self, Holder, Policies};
use super::renamable::{self, Renamable};
use super::tags::{self, Tag, Tagged};
use super::{date, list, unique_id};
use crate::documents::Found;
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
        let found = renamable::find_document(account.store, account.id, name)?;
        found.ok_or_else(|| renamable::not_found::<User>(name))
    }

    fn key(&self, account: &str) -> String {
        renamable::key(account, &self.id)
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

impl Renamable for User {
    fn id(&self) -> &str {
        &self.id
    }

    fn name_and_path_mut(&mut self) -> (&mut String, &mut String) {
        (&mut self.name, &mut self.path)
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
    renamable::check_free::<User>(account, name)?;
    account.check_room::<User>("UsersPerAccount", account.quotas.users_max)?;
    renamable::take_name(account, &user, name)?;
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

/// With the user go its access keys' and its own name, which then mean nothing: see [`renamable`].
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
    renamable::drop_name::<User>(account, &found.body.name)?;
    Ok(Answer::empty())
}
