//! Roles.

use std::collections::BTreeMap;

use aws::iam::Purpose;
use aws::{Arn, ServiceError};
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::{Kind, Store};

use super::account::{Account, Entity};
use super::policies::{self, Holder, Policies};
use super::tags::{self, Tag, Tagged};
use super::{
    date, document, instance_profile, limit_exceeded, list, no_such_entity, trust, unique_id,
};
use crate::documents::{self, Found};
use crate::{Answer, Call};

const SESSION_SECONDS_DEFAULT: i64 = 3600;
/// Bytes of a trust policy, white space not counted (IAM quotas).
pub(super) const TRUST_BYTES_MAX: usize = 2_048;
/// Where the roles lie that only AWS may change.
pub(super) const SERVICE_LINKED_PATH: &str = "/aws-service-role/";

/// A role, with everything that hangs on it, so that one revision check covers all.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Role {
    pub name: String,
    pub path: String,
    pub id: String,
    pub arn: String,
    pub created_ms: i64,
    /// As it was written.
    pub trust_policy: String,
    /// The unique ids of the users and roles it names, by the ARNs it names them by.
    #[serde(default)]
    pub trusted: BTreeMap<String, String>,
    pub description: Option<String>,
    pub session_seconds_max: i64,
    pub tags: Vec<Tag>,
    #[serde(flatten)]
    pub policies: Policies,
}

/// Role names are unique ignoring case.
pub(super) fn key(account: &str, name: &str) -> String {
    format!("{account}/{}", name.to_ascii_lowercase())
}

pub(super) fn not_found(name: &str) -> ServiceError {
    no_such_entity(format!("The role with name {name} cannot be found."))
}

/// The role of this name, whatever the case.
pub(super) fn find(
    store: &dyn Store,
    account: &str,
    name: &str,
) -> Result<Option<Role>, documents::Error> {
    let found = documents::read(store, Kind::Role, &key(account, name))?;
    Ok(found.map(|found| found.body))
}

impl Entity for Role {
    const KIND: Kind = Kind::Role;

    fn named(account: &Account<'_>, call: &Call) -> Result<Found<Role>, ServiceError> {
        let name = call.required("RoleName")?;
        let found = account.read(&key(account.id, name))?;
        found.ok_or_else(|| not_found(name))
    }

    fn key(&self, account: &str) -> String {
        key(account, &self.name)
    }
}

impl Holder for Role {
    const WORD: &'static str = "role";
    const NAME: &'static str = "RoleName";
    const INLINE_BYTES_MAX: usize = 10_240;
    const ATTACHED_QUOTA: &'static str = "PoliciesPerRole";

    fn name(&self) -> &str {
        &self.name
    }

    fn policies(&self) -> &Policies {
        &self.policies
    }

    fn policies_mut(&mut self) -> &mut Policies {
        &mut self.policies
    }

    fn check_modifiable(&self) -> Result<(), ServiceError> {
        if self.is_service_linked() {
            let message = format!(
                "Cannot perform the operation on the protected role '{}' - this role is only \
                 modifiable by AWS",
                self.name
            );
            return Err(ServiceError::new("UnmodifiableEntity", message));
        }
        Ok(())
    }
}

impl Tagged for Role {
    const QUOTA: &'static str = "TagsPerRole";

    fn tags(&self) -> &[Tag] {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

impl Role {
    /// A role without policies.
    pub(super) fn new(
        account: &Account<'_>,
        name: &str,
        path: &str,
        trust_policy: &str,
        created_ms: i64,
    ) -> Result<Role, ServiceError> {
        Ok(Role {
            name: name.to_owned(),
            path: path.to_owned(),
            id: unique_id("AROA"),
            arn: Arn::role("aws", account.id, path, name).to_string(),
            created_ms,
            trusted: trust::checked(account, trust_policy)?,
            trust_policy: trust_policy.to_owned(),
            description: None,
            session_seconds_max: SESSION_SECONDS_DEFAULT,
            tags: Vec::new(),
            policies: Policies::default(),
        })
    }

    pub(super) fn is_service_linked(&self) -> bool {
        self.path.starts_with(SERVICE_LINKED_PATH)
    }

    /// The `Role` structure.
    pub(super) fn shown(&self, account: &Account<'_>) -> Result<Value, ServiceError> {
        let mut shown = self.listed(account)?;
        policies::add_boundary(&mut shown, &self.policies);
        tags::add(&mut shown, &self.tags);
        Ok(shown.build().into())
    }

    /// The `Role` structure as lists have it: without tags, boundary and last use.
    pub(super) fn listed(&self, account: &Account<'_>) -> Result<ObjectBuilder, ServiceError> {
        let mut shown = ObjectBuilder::new();
        shown
            .add("Path", self.path.as_str())
            .add("RoleName", self.name.as_str())
            .add("RoleId", self.id.as_str())
            .add("Arn", self.arn.as_str())
            .add("CreateDate", date(self.created_ms))
            .add(
                "AssumeRolePolicyDocument",
                document::url_encoded(&trust::shown(account, self)?),
            );
        if let Some(description) = &self.description {
            shown.add("Description", description.as_str());
        }
        shown.add("MaxSessionDuration", self.session_seconds_max);
        Ok(shown)
    }
}

pub(super) fn create(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let name = call.required("RoleName")?;
    let path = call.text("Path").unwrap_or("/");
    let trust_policy = call.required("AssumeRolePolicyDocument")?;
    if path.starts_with(SERVICE_LINKED_PATH) {
        let message = format!("Cannot create a role with the path {path}: it is kept for AWS.");
        return Err(ServiceError::new("InvalidInput", message));
    }
    check_trust(trust_policy)?;
    let role = Role {
        description: call.text("Description").map(str::to_owned),
        session_seconds_max: call
            .integer("MaxSessionDuration")
            .unwrap_or(SESSION_SECONDS_DEFAULT),
        tags: tags::of(call)?,
        policies: Policies {
            boundary: policies::boundary_of(account, call)?,
            ..Policies::default()
        },
        ..Role::new(account, name, path, trust_policy, call.now.0)?
    };
    keep(account, &role)?;
    let shown = role.shown(account)?;
    Ok(ObjectBuilder::new().add("Role", shown).into())
}

/// Keeps a new role if its name is free and there is room.
pub(super) fn keep(account: &Account<'_>, role: &Role) -> Result<(), ServiceError> {
    if account
        .read::<Role>(&key(account.id, &role.name))?
        .is_none()
    {
        account.check_room::<Role>("RolesPerAccount", account.quotas.roles_max)?;
        if account.create(role)? {
            return Ok(());
        }
    }
    let message = format!("Role with name {} already exists.", role.name);
    Err(super::entity_already_exists(message))
}

fn check_trust(trust_policy: &str) -> Result<(), ServiceError> {
    document::check(trust_policy, Purpose::Trust)?;
    match document::counted_bytes(trust_policy) > TRUST_BYTES_MAX {
        true => Err(limit_exceeded("ACLSizePerRole", TRUST_BYTES_MAX)),
        false => Ok(()),
    }
}

pub(super) fn get(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let role = account.named::<Role>(call)?;
    let mut shown = role.listed(account)?;
    policies::add_boundary(&mut shown, &role.policies);
    tags::add(&mut shown, &role.tags);
    // Empty: when a role was last used is not kept.
    shown.add("RoleLastUsed", Value::empty_object());
    Ok(ObjectBuilder::new().add("Role", shown.build()).into())
}

pub(super) fn list(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let prefix = call.text("PathPrefix").unwrap_or("/");
    let roles = account.all::<Role>()?.into_iter();
    let roles = roles
        .filter(|role| role.path.starts_with(prefix))
        .map(|role| Ok((role.name.clone(), role.listed(account)?.build().into())))
        .collect::<Result<_, ServiceError>>()?;
    list::answer(call, "ListRoles", "Roles", roles)
}

pub(super) fn update(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    account.change(call, |role: &mut Role| {
        role.check_modifiable()?;
        if let Some(description) = call.text("Description") {
            role.description = Some(description.to_owned());
        }
        let seconds = call.integer("MaxSessionDuration");
        role.session_seconds_max = seconds.unwrap_or(role.session_seconds_max);
        Ok(())
    })?;
    Ok(Answer::empty())
}

/// The description of a service-linked role may be changed: IAM user guide, "Editing a
/// service-linked role description".
pub(super) fn update_description(
    account: &Account<'_>,
    call: &Call,
) -> Result<Answer, ServiceError> {
    let description = call.required("Description")?;
    let role = account.change(call, |role: &mut Role| {
        role.description = Some(description.to_owned());
        Ok(role.clone())
    })?;
    let shown = role.shown(account)?;
    Ok(ObjectBuilder::new().add("Role", shown).into())
}

pub(super) fn update_trust(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let trust_policy = call.required("PolicyDocument")?;
    check_trust(trust_policy)?;
    let trusted = trust::checked(account, trust_policy)?;
    account.change(call, |role: &mut Role| {
        role.check_modifiable()?;
        trust_policy.clone_into(&mut role.trust_policy);
        role.trusted.clone_from(&trusted);
        Ok(())
    })?;
    Ok(Answer::empty())
}

pub(super) fn delete(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let found = Role::named(account, call)?;
    found.body.check_modifiable()?;
    if !instance_profile::of_role(account, &found.body.name)?.is_empty() {
        return Err(super::delete_conflict(
            "Cannot delete entity, must remove roles from instance profile first.",
        ));
    }
    policies::check_none(&found.body.policies)?;
    account.delete(&found)?;
    Ok(Answer::empty())
}
