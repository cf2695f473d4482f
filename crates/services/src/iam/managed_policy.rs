//! Customer managed policies and their versions.

use std::collections::BTreeMap;

use asl::time::Timestamp;
use aws::{Arn, ServiceError};
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::Kind;

use super::policy_syntax::{self, Purpose};
use super::tags::{self, Tag};
use super::{
    Iam, delete_conflict, entity_already_exists, no_such_entity, role::Role, unique_id, url_encoded,
};
use crate::call::epoch_seconds;
use crate::documents::Found;
use crate::{Answer, Call};

/// Versions of one policy (IAM quotas).
const VERSIONS_MAX: usize = 5;
/// Bytes of a policy, white space not counted (IAM quotas).
const POLICY_BYTES_MAX: usize = 6_144;
/// Policies, or roles, of one account that a list looks at. AWS's quotas are 1,500 and 1,000.
const LISTED_MAX: usize = 10_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ManagedPolicy {
    name: String,
    path: String,
    id: String,
    pub arn: String,
    description: Option<String>,
    created_ms: i64,
    updated_ms: i64,
    tags: Vec<Tag>,
    default_version: u32,
    /// The number of the newest version ever: numbers are not reused.
    last_version: u32,
    versions: Vec<Version>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Version {
    number: u32,
    created_ms: i64,
    document: String,
}

/// Names are unique in an account whatever their path.
fn key(account: &str, name: &str) -> String {
    format!("{account}/{name}")
}

/// The key of the policy of this account that has this ARN, if it can have one.
pub(super) fn key_of_arn(account: &str, arn: &str) -> Option<String> {
    let arn = Arn::parse(arn).ok().filter(|arn| arn.account == account)?;
    let name = arn.resource.rsplit('/').next()?;
    Some(key(account, name))
}

fn version_id(number: u32) -> String {
    format!("v{number}")
}

fn not_found(arn: &str) -> ServiceError {
    no_such_entity(format!("Policy {arn} was not found."))
}

fn version_not_found(arn: &str, id: &str) -> ServiceError {
    no_such_entity(format!(
        "Policy {arn} version {id} does not exist or is not attachable."
    ))
}

fn check_document(document: &str) -> Result<(), ServiceError> {
    policy_syntax::check(document, Purpose::Identity)?;
    if document.chars().filter(|c| !c.is_whitespace()).count() > POLICY_BYTES_MAX {
        return Err(super::limit_exceeded("PolicySize", POLICY_BYTES_MAX));
    }
    Ok(())
}

impl ManagedPolicy {
    fn shown(&self, attachments: usize, in_list: bool) -> Value {
        let mut shown = ObjectBuilder::new();
        shown
            .add("PolicyName", self.name.as_str())
            .add("PolicyId", self.id.as_str())
            .add("Arn", self.arn.as_str())
            .add("Path", self.path.as_str())
            .add("DefaultVersionId", version_id(self.default_version))
            .add(
                "AttachmentCount",
                i64::try_from(attachments).unwrap_or(i64::MAX),
            )
            .add("PermissionsBoundaryUsageCount", 0)
            .add("IsAttachable", true);
        if let Some(description) = self.description.as_deref().filter(|_| !in_list) {
            shown.add("Description", description);
        }
        shown
            .add("CreateDate", epoch_seconds(Timestamp(self.created_ms)))
            .add("UpdateDate", epoch_seconds(Timestamp(self.updated_ms)));
        if !in_list && !self.tags.is_empty() {
            let tags = tags::shown(&self.tags).into_iter().map(|(_, tag)| tag);
            shown.add("Tags", tags.collect::<Value>());
        }
        shown.build().into()
    }

    fn version(&self, id: &str) -> Option<&Version> {
        self.versions
            .iter()
            .find(|version| version_id(version.number) == id)
    }

    /// What the policy says now.
    pub(super) fn default_document(&self) -> Option<&str> {
        let number = self.default_version;
        let version = self.versions.iter().find(|it| it.number == number)?;
        Some(&version.document)
    }

    fn shown_version(&self, version: &Version, with_document: bool) -> Value {
        let mut shown = ObjectBuilder::new();
        if with_document {
            shown.add("Document", url_encoded(&version.document));
        }
        shown
            .add("VersionId", version_id(version.number))
            .add("IsDefaultVersion", version.number == self.default_version)
            .add("CreateDate", epoch_seconds(Timestamp(version.created_ms)));
        shown.build().into()
    }
}

impl Iam {
    /// The policy of this account with this ARN.
    pub(super) async fn managed_policy(
        &self,
        call: &Call,
        arn: &str,
    ) -> Result<Option<Found<ManagedPolicy>>, ServiceError> {
        let parsed = Arn::parse(arn)
            .map_err(|_| ServiceError::new("InvalidInput", format!("ARN {arn} is not valid.")))?;
        let name = parsed.resource.rsplit('/').next().unwrap_or_default();
        let key = key(&call.account, name);
        let found = self
            .documents
            .get::<ManagedPolicy>(Kind::Policy, &key)
            .await?;
        Ok(found.filter(|found| found.body.arn == arn))
    }

    async fn named_policy(&self, call: &Call) -> Result<Found<ManagedPolicy>, ServiceError> {
        let arn = call.required("PolicyArn")?;
        self.managed_policy(call, arn)
            .await?
            .ok_or_else(|| not_found(arn))
    }

    async fn change_policy<R: Send + 'static>(
        &self,
        call: &Call,
        change: impl FnMut(&mut ManagedPolicy) -> Result<R, ServiceError> + Send + 'static,
    ) -> Result<R, ServiceError> {
        let policy = self.named_policy(call).await?.body;
        let key = key(&call.account, &policy.name);
        let changed = self.documents.change(Kind::Policy, &key, change).await?;
        changed.ok_or_else(|| not_found(&policy.arn))?
    }

    /// How many roles have the policy attached.
    async fn attachments(&self, call: &Call, arn: &str) -> Result<usize, ServiceError> {
        let all = self.all_attachments(call).await?;
        Ok(all.get(arn).copied().unwrap_or(0))
    }

    /// How many roles have each policy attached, by its ARN.
    async fn all_attachments(&self, call: &Call) -> Result<BTreeMap<String, usize>, ServiceError> {
        let account = format!("{}/", call.account);
        let roles = self
            .documents
            .list::<Role>(Kind::Role, &account, None, LISTED_MAX)
            .await?;
        let mut counts = BTreeMap::new();
        for arn in roles.into_iter().flat_map(|(_, role)| role.attached) {
            *counts.entry(arn).or_default() += 1;
        }
        Ok(counts)
    }

    pub(super) async fn create_policy(&self, call: &Call) -> Result<Answer, ServiceError> {
        let name = call.required("PolicyName")?;
        let document = call.required("PolicyDocument")?;
        check_document(document)?;
        let path = call.text("Path").unwrap_or("/");
        let policy = ManagedPolicy {
            name: name.to_owned(),
            path: path.to_owned(),
            id: unique_id("ANPA"),
            arn: format!("arn:aws:iam::{}:policy{path}{name}", call.account),
            description: call.text("Description").map(str::to_owned),
            created_ms: call.now.0,
            updated_ms: call.now.0,
            tags: tags::of(call.list("Tags"))?,
            default_version: 1,
            last_version: 1,
            versions: vec![Version {
                number: 1,
                created_ms: call.now.0,
                document: document.to_owned(),
            }],
        };
        if !self
            .documents
            .create(Kind::Policy, &key(&call.account, name), &policy)
            .await?
        {
            return Err(entity_already_exists(format!(
                "A policy called {name} already exists. Duplicate names are not allowed."
            )));
        }
        Ok(ObjectBuilder::new()
            .add("Policy", policy.shown(0, false))
            .into())
    }

    pub(super) async fn get_policy(&self, call: &Call) -> Result<Answer, ServiceError> {
        let policy = self.named_policy(call).await?.body;
        let attachments = self.attachments(call, &policy.arn).await?;
        Ok(ObjectBuilder::new()
            .add("Policy", policy.shown(attachments, false))
            .into())
    }

    pub(super) async fn list_policies(&self, call: &Call) -> Result<Answer, ServiceError> {
        let prefix = call.text("PathPrefix").unwrap_or("/");
        let only_attached = call.flag("OnlyAttached").unwrap_or(false);
        if call.text("Scope") == Some("AWS") {
            // Policies of AWS are not listed before their documents are here.
            return Err(ServiceError::new(
                "ServiceFailure",
                "listing the policies of AWS (Scope AWS) is not served by this version of Lockstep",
            )
            .with_status(501));
        }
        let account = format!("{}/", call.account);
        let policies = self
            .documents
            .list::<ManagedPolicy>(Kind::Policy, &account, None, LISTED_MAX)
            .await?;
        let attachments = self.all_attachments(call).await?;
        let shown = policies
            .into_iter()
            .filter(|(_, policy)| policy.path.starts_with(prefix))
            .map(|(key, policy)| {
                (
                    key,
                    attachments.get(&policy.arn).copied().unwrap_or(0),
                    policy,
                )
            })
            .filter(|(_, count, _)| *count > 0 || !only_attached)
            .map(|(key, count, policy)| (key, policy.shown(count, true)));
        super::paged(call, "ListPolicies", "Policies", shown.collect())
    }

    pub(super) async fn get_policy_version(&self, call: &Call) -> Result<Answer, ServiceError> {
        let policy = self.named_policy(call).await?.body;
        let id = call.required("VersionId")?;
        let version = policy
            .version(id)
            .ok_or_else(|| version_not_found(&policy.arn, id))?;
        let shown = policy.shown_version(version, true);
        Ok(ObjectBuilder::new().add("PolicyVersion", shown).into())
    }

    pub(super) async fn list_policy_versions(&self, call: &Call) -> Result<Answer, ServiceError> {
        let policy = self.named_policy(call).await?.body;
        // Newest first; the position sorts that way too.
        let versions = policy.versions.iter().rev().map(|version| {
            let position = format!("{:010}", u32::MAX - version.number);
            (position, policy.shown_version(version, false))
        });
        super::paged(call, "ListPolicyVersions", "Versions", versions.collect())
    }

    pub(super) async fn create_policy_version(&self, call: &Call) -> Result<Answer, ServiceError> {
        let document = call.required("PolicyDocument")?.to_owned();
        check_document(&document)?;
        let make_default = call.flag("SetAsDefault").unwrap_or(false);
        let now = call.now.0;
        let shown = self
            .change_policy(call, move |policy| {
                if policy.versions.len() >= VERSIONS_MAX {
                    let message = "A managed policy can have up to 5 versions. Before you create a \
                                   new version, you must delete an existing version.";
                    return Err(ServiceError::new("LimitExceeded", message));
                }
                policy.last_version += 1;
                policy.updated_ms = now;
                let number = policy.last_version;
                let version = Version {
                    number,
                    created_ms: now,
                    document: document.clone(),
                };
                if make_default {
                    policy.default_version = number;
                }
                let shown = policy.shown_version(&version, false);
                policy.versions.push(version);
                Ok(shown)
            })
            .await?;
        Ok(ObjectBuilder::new().add("PolicyVersion", shown).into())
    }

    pub(super) async fn delete_policy_version(&self, call: &Call) -> Result<Answer, ServiceError> {
        let id = call.required("VersionId")?.to_owned();
        self.change_policy(call, move |policy| {
            let arn = &policy.arn;
            let version = policy
                .version(&id)
                .ok_or_else(|| version_not_found(arn, &id))?;
            let number = version.number;
            if number == policy.default_version {
                return Err(delete_conflict(
                    "Cannot delete the default version of a policy.",
                ));
            }
            policy.versions.retain(|version| version.number != number);
            Ok(())
        })
        .await?;
        Ok(Answer::empty())
    }

    pub(super) async fn delete_policy(&self, call: &Call) -> Result<Answer, ServiceError> {
        let found = self.named_policy(call).await?;
        let policy = found.body;
        if self.attachments(call, &policy.arn).await? > 0 {
            return Err(delete_conflict(
                "Cannot delete a policy attached to entities.",
            ));
        }
        if policy.versions.len() > 1 {
            return Err(delete_conflict(
                "This policy has more than one version. Before you delete a policy, you must \
                 delete the policy's versions. The default version is deleted with the policy.",
            ));
        }
        let key = key(&call.account, &policy.name);
        if !self
            .documents
            .delete(Kind::Policy, &key, found.revision)
            .await?
        {
            let message = "The policy was changed at the same time; try again.";
            return Err(ServiceError::new("ConcurrentModification", message).with_status(409));
        }
        Ok(Answer::empty())
    }
}
