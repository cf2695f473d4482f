//! Roles.

use std::collections::BTreeMap;

use asl::time::Timestamp;
use aws::{Arn, ServiceError};
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::Kind;

use super::policy_syntax::{self, Purpose};
use super::tags::{self, Tag};
use super::{Iam, delete_conflict, entity_already_exists, no_such_entity, unique_id, url_encoded};
use crate::call::epoch_seconds;
use crate::documents::Found;
use crate::{Answer, Call};

const SESSION_SECONDS_DEFAULT: i64 = 3600;
/// Roles of one account that a list looks at. AWS's quota is 1,000.
const ROLES_MAX: usize = 10_000;

/// A role, with everything that hangs on it, so that one revision check covers all.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Role {
    pub name: String,
    path: String,
    pub id: String,
    pub arn: String,
    created_ms: i64,
    pub trust_policy: String,
    description: Option<String>,
    pub session_seconds_max: i64,
    pub permissions_boundary: Option<String>,
    pub tags: Vec<Tag>,
    /// Inline policies by name.
    pub policies: BTreeMap<String, String>,
    /// ARNs of attached policies.
    pub attached: Vec<String>,
}

/// Role names are unique ignoring case.
pub(super) fn key(account: &str, name: &str) -> String {
    format!("{account}/{}", name.to_ascii_lowercase())
}

pub(super) fn not_found(name: &str) -> ServiceError {
    no_such_entity(format!("The role with name {name} cannot be found."))
}

impl Role {
    fn of(call: &Call) -> Result<Role, ServiceError> {
        let name = call.required("RoleName")?;
        let trust_policy = call.required("AssumeRolePolicyDocument")?;
        policy_syntax::check(trust_policy, Purpose::Trust)?;
        let path = call.text("Path").unwrap_or("/");
        Ok(Role {
            name: name.to_owned(),
            path: path.to_owned(),
            id: unique_id("AROA"),
            arn: Arn::role("aws", &call.account, path, name).to_string(),
            created_ms: call.now.0,
            trust_policy: trust_policy.to_owned(),
            description: call.text("Description").map(str::to_owned),
            session_seconds_max: call
                .integer("MaxSessionDuration")
                .unwrap_or(SESSION_SECONDS_DEFAULT),
            permissions_boundary: call.text("PermissionsBoundary").map(str::to_owned),
            tags: tags::of(call.list("Tags"))?,
            policies: BTreeMap::new(),
            attached: Vec::new(),
        })
    }

    /// The `Role` structure. Lists leave out tags and boundary.
    fn shown(&self, in_list: bool) -> Value {
        let mut shown = ObjectBuilder::new();
        shown
            .add("Path", self.path.as_str())
            .add("RoleName", self.name.as_str())
            .add("RoleId", self.id.as_str())
            .add("Arn", self.arn.as_str())
            .add("CreateDate", epoch_seconds(Timestamp(self.created_ms)))
            .add("AssumeRolePolicyDocument", url_encoded(&self.trust_policy));
        if let Some(description) = &self.description {
            shown.add("Description", description.as_str());
        }
        shown.add("MaxSessionDuration", self.session_seconds_max);
        if !in_list {
            if let Some(boundary) = &self.permissions_boundary {
                let boundary = ObjectBuilder::new()
                    .add("PermissionsBoundaryType", "PermissionsBoundaryPolicy")
                    .add("PermissionsBoundaryArn", boundary.as_str())
                    .build();
                shown.add("PermissionsBoundary", boundary);
            }
            if !self.tags.is_empty() {
                let tags = tags::shown(&self.tags).into_iter().map(|(_, tag)| tag);
                shown.add("Tags", tags.collect::<Value>());
            }
        }
        shown.build().into()
    }
}

impl Iam {
    pub(super) async fn create_role(&self, call: &Call) -> Result<Answer, ServiceError> {
        let role = Role::of(call)?;
        if !self
            .documents
            .create(Kind::Role, &key(&call.account, &role.name), &role)
            .await?
        {
            let message = format!("Role with name {} already exists.", role.name);
            return Err(entity_already_exists(message));
        }
        Ok(ObjectBuilder::new().add("Role", role.shown(false)).into())
    }

    pub(super) async fn role(&self, call: &Call) -> Result<Found<Role>, ServiceError> {
        let name = call.required("RoleName")?;
        let found = self
            .documents
            .get(Kind::Role, &key(&call.account, name))
            .await?;
        found.ok_or_else(|| not_found(name))
    }

    /// Changes the role the call names.
    pub(super) async fn change_role<R: Send + 'static>(
        &self,
        call: &Call,
        change: impl FnMut(&mut Role) -> Result<R, ServiceError> + Send + 'static,
    ) -> Result<R, ServiceError> {
        let name = call.required("RoleName")?;
        let key = key(&call.account, name);
        self.documents
            .change(Kind::Role, &key, change)
            .await?
            .ok_or_else(|| not_found(name))?
    }

    pub(super) async fn get_role(&self, call: &Call) -> Result<Answer, ServiceError> {
        let role = self.role(call).await?.body;
        let mut shown = role.shown(false);
        // Nobody's use of a role is tracked, which AWS shows as an empty structure.
        shown = shown.with_member("RoleLastUsed", Value::empty_object());
        Ok(ObjectBuilder::new().add("Role", shown).into())
    }

    pub(super) async fn list_roles(&self, call: &Call) -> Result<Answer, ServiceError> {
        let prefix = call.text("PathPrefix").unwrap_or("/");
        let account = format!("{}/", call.account);
        let roles = self
            .documents
            .list::<Role>(Kind::Role, &account, None, ROLES_MAX)
            .await?;
        let roles = roles
            .into_iter()
            .filter(|(_, role)| role.path.starts_with(prefix))
            .map(|(key, role)| (key, role.shown(true)))
            .collect();
        super::paged(call, "ListRoles", "Roles", roles)
    }

    pub(super) async fn update_role(&self, call: &Call) -> Result<Answer, ServiceError> {
        let description = call.text("Description").map(str::to_owned);
        let seconds = call.integer("MaxSessionDuration");
        self.change_role(call, move |role| {
            if let Some(description) = &description {
                role.description = Some(description.clone());
            }
            role.session_seconds_max = seconds.unwrap_or(role.session_seconds_max);
            Ok(())
        })
        .await?;
        Ok(Answer::empty())
    }

    pub(super) async fn update_role_description(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let description = call.required("Description")?.to_owned();
        let shown = self
            .change_role(call, move |role| {
                role.description = Some(description.clone());
                Ok(role.shown(false))
            })
            .await?;
        Ok(ObjectBuilder::new().add("Role", shown).into())
    }

    pub(super) async fn update_assume_role_policy(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let document = call.required("PolicyDocument")?.to_owned();
        policy_syntax::check(&document, Purpose::Trust)?;
        self.change_role(call, move |role| {
            role.trust_policy.clone_from(&document);
            Ok(())
        })
        .await?;
        Ok(Answer::empty())
    }

    pub(super) async fn delete_role(&self, call: &Call) -> Result<Answer, ServiceError> {
        let found = self.role(call).await?;
        if !found.body.attached.is_empty() {
            return Err(delete_conflict(
                "Cannot delete entity, must detach all policies first.",
            ));
        }
        if !found.body.policies.is_empty() {
            return Err(delete_conflict(
                "Cannot delete entity, must delete policies first.",
            ));
        }
        let key = key(&call.account, &found.body.name);
        if !self
            .documents
            .delete(Kind::Role, &key, found.revision)
            .await?
        {
            let message = "The role was changed at the same time; try again.";
            return Err(ServiceError::new("ConcurrentModification", message).with_status(409));
        }
        Ok(Answer::empty())
    }

    pub(super) async fn tag_role(&self, call: &Call) -> Result<Answer, ServiceError> {
        let more = tags::of(call.list("Tags"))?;
        self.change_role(call, move |role| {
            role.tags = tags::merged(&role.tags, more.clone())?;
            Ok(())
        })
        .await?;
        Ok(Answer::empty())
    }

    pub(super) async fn untag_role(&self, call: &Call) -> Result<Answer, ServiceError> {
        let keys = call.list("TagKeys").to_vec();
        self.change_role(call, move |role| {
            role.tags = tags::without(&role.tags, &keys);
            Ok(())
        })
        .await?;
        Ok(Answer::empty())
    }

    pub(super) async fn list_role_tags(&self, call: &Call) -> Result<Answer, ServiceError> {
        let role = self.role(call).await?.body;
        super::paged(call, "ListRoleTags", "Tags", tags::shown(&role.tags))
    }

    /// Instance profiles can't be made in this version, so no role is in one.
    pub(super) async fn list_instance_profiles_for_role(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        self.role(call).await?;
        super::paged(
            call,
            "ListInstanceProfilesForRole",
            "InstanceProfiles",
            Vec::new(),
        )
    }
}
