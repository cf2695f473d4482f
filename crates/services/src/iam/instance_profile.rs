//! Instance profiles: there are no instances, but deploy tools make them, and ask for those of a
//! role before they delete it.

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::{Kind, Store};

use super::account::{Account, Entity};
use super::policies::Holder as _;
use super::role::{self, Role};
use super::tags::{self, Tag, Tagged};
use super::{date, limit_exceeded, list, no_such_entity, unique_id};
use crate::documents::{self, Found};
use crate::{Answer, Call};

/// Roles in one profile (IAM quotas).
const ROLES_MAX: usize = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct InstanceProfile {
    pub name: String,
    pub path: String,
    pub id: String,
    pub created_ms: i64,
    pub tags: Vec<Tag>,
    /// The name of its role: role names don't change.
    pub role: Option<String>,
}

/// Names are unique ignoring case.
fn key(account: &str, name: &str) -> String {
    format!("{account}/{}", name.to_ascii_lowercase())
}

/// The instance profile of this name, whatever the case.
pub(super) fn find(
    store: &dyn Store,
    account: &str,
    name: &str,
) -> Result<Option<InstanceProfile>, documents::Error> {
    let found = documents::read(store, Kind::InstanceProfile, &key(account, name))?;
    Ok(found.map(|found| found.body))
}

fn not_found(name: &str) -> ServiceError {
    no_such_entity(format!("Instance Profile {name} cannot be found."))
}

impl Entity for InstanceProfile {
    const KIND: Kind = Kind::InstanceProfile;

    fn named(account: &Account<'_>, call: &Call) -> Result<Found<InstanceProfile>, ServiceError> {
        let name = call.required("InstanceProfileName")?;
        let found = account.read(&key(account.id, name))?;
        found.ok_or_else(|| not_found(name))
    }

    fn key(&self, account: &str) -> String {
        key(account, &self.name)
    }
}

impl Tagged for InstanceProfile {
    const QUOTA: &'static str = "TagsPerInstanceProfile";

    fn tags(&self) -> &[Tag] {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

impl InstanceProfile {
    pub(super) fn arn(&self, account: &str) -> String {
        let (path, name) = (&self.path, &self.name);
        format!("arn:aws:iam::{account}:instance-profile{path}{name}")
    }

    /// The `InstanceProfile` structure as lists have it: without tags.
    pub(super) fn listed(&self, account: &Account<'_>) -> Result<ObjectBuilder, ServiceError> {
        let role = self.role.as_deref();
        let role = role.map(|name| role::find(account.store, account.id, name));
        let role = role.transpose()?.flatten();
        let roles = role.map(|role| Ok(role.listed(account)?.build().into()));
        let roles: Vec<Value> = roles.into_iter().collect::<Result<_, ServiceError>>()?;
        let mut shown = ObjectBuilder::new();
        shown
            .add("Path", self.path.as_str())
            .add("InstanceProfileName", self.name.as_str())
            .add("InstanceProfileId", self.id.as_str())
            .add("Arn", self.arn(account.id))
            .add("CreateDate", date(self.created_ms))
            .add("Roles", roles);
        Ok(shown)
    }

    fn shown(&self, account: &Account<'_>) -> Result<Answer, ServiceError> {
        let mut shown = self.listed(account)?;
        tags::add(&mut shown, &self.tags);
        let shown = shown.build();
        Ok(ObjectBuilder::new().add("InstanceProfile", shown).into())
    }

    fn has(&self, role: &str) -> bool {
        let name = self.role.as_deref();
        name.is_some_and(|name| name.eq_ignore_ascii_case(role))
    }
}

/// The profiles that a role is in.
pub(super) fn of_role(
    account: &Account<'_>,
    role: &str,
) -> Result<Vec<InstanceProfile>, ServiceError> {
    let mut profiles = account.all::<InstanceProfile>()?;
    profiles.retain(|profile| profile.has(role));
    Ok(profiles)
}

pub(super) fn create(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let name = call.required("InstanceProfileName")?;
    let profile = InstanceProfile {
        name: name.to_owned(),
        path: call.text("Path").unwrap_or("/").to_owned(),
        id: unique_id("AIPA"),
        created_ms: call.now.0,
        tags: tags::of(call)?,
        role: None,
    };
    if account
        .read::<InstanceProfile>(&key(account.id, name))?
        .is_none()
    {
        let limit = account.quotas.instance_profiles_max;
        account.check_room::<InstanceProfile>("InstanceProfilesPerAccount", limit)?;
        if account.create(&profile)? {
            return profile.shown(account);
        }
    }
    let message = format!("Instance Profile {name} already exists.");
    Err(super::entity_already_exists(message))
}

pub(super) fn get(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    account.named::<InstanceProfile>(call)?.shown(account)
}

pub(super) fn list(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let prefix = call.text("PathPrefix").unwrap_or("/");
    let mut profiles = account.all::<InstanceProfile>()?;
    profiles.retain(|profile| profile.path.starts_with(prefix));
    answer(account, call, "ListInstanceProfiles", &profiles)
}

pub(super) fn list_of_role(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let role = account.named::<Role>(call)?;
    let profiles = of_role(account, &role.name)?;
    answer(account, call, "ListInstanceProfilesForRole", &profiles)
}

fn answer(
    account: &Account<'_>,
    call: &Call,
    operation: &str,
    profiles: &[InstanceProfile],
) -> Result<Answer, ServiceError> {
    let shown = |profile: &InstanceProfile| {
        let shown = profile.listed(account)?.build();
        Ok((profile.name.clone(), shown.into()))
    };
    let profiles = profiles.iter().map(shown);
    let profiles = profiles.collect::<Result<_, ServiceError>>()?;
    list::answer(call, operation, "InstanceProfiles", profiles)
}

pub(super) fn add_role(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let profile = account.named::<InstanceProfile>(call)?;
    let role = account.named::<Role>(call)?;
    role.check_modifiable()?;
    if profile.role.is_some() {
        let quota = "InstanceSessionsPerInstanceProfile";
        return Err(limit_exceeded(quota, ROLES_MAX));
    }
    account.change(call, |profile: &mut InstanceProfile| {
        profile.role = Some(role.name.clone());
        Ok(())
    })?;
    Ok(Answer::empty())
}

pub(super) fn remove_role(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let name = call.required("RoleName")?;
    account.change(call, |profile: &mut InstanceProfile| {
        match profile.has(name) {
            true => profile.role = None,
            false => return Err(role::not_found(name)),
        }
        Ok(())
    })?;
    Ok(Answer::empty())
}

pub(super) fn delete(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let found = InstanceProfile::named(account, call)?;
    if found.body.role.is_some() {
        return Err(super::delete_conflict(
            "Cannot delete entity, must remove roles from instance profile first.",
        ));
    }
    account.delete(&found)?;
    Ok(Answer::empty())
}
