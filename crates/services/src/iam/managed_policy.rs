//! Managed policies and their versions: the account's own, and those of AWS, which may be read and
//! attached.

use std::borrow::Cow;

use aws::iam::Purpose;
use aws::{Arn, ServiceError};
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::{Kind, Store};

use super::account::{Account, Entity};
use super::tags::{self, Tag, Tagged};
use super::usage::{self, Usage};
use super::{aws_policies, date, delete_conflict, document, list, no_such_entity, unique_id};
use crate::documents::{self, Found};
use crate::{Answer, Call};

/// Versions of one policy (IAM quotas).
pub(super) const VERSIONS_MAX: usize = 5;
/// Bytes of a policy, white space not counted (IAM quotas).
pub(super) const POLICY_BYTES_MAX: usize = 6_144;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ManagedPolicy {
    pub name: String,
    pub path: String,
    pub id: String,
    pub arn: String,
    pub description: Option<String>,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub tags: Vec<Tag>,
    pub default_version: u32,
    /// The number of the newest version ever: numbers are not reused.
    pub last_version: u32,
    pub versions: Vec<Version>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Version {
    pub number: u32,
    pub created_ms: i64,
    pub document: Cow<'static, str>,
}

/// Names are unique in an account whatever their path.
fn key(account: &str, name: &str) -> String {
    format!("{account}/{name}")
}

/// The policy with this ARN: of AWS, or of the account.
pub(super) fn find_document(
    store: &dyn Store,
    account: &str,
    arn: &str,
) -> Result<Option<Found<ManagedPolicy>>, documents::Error> {
    let Ok(parsed) = Arn::parse(arn) else {
        return Ok(None);
    };
    if parsed.account == aws_policies::ACCOUNT {
        let body = aws_policies::find(arn);
        return Ok(body.map(|body| Found { revision: 0, body }));
    }
    if parsed.account != account {
        return Ok(None);
    }
    let name = parsed.resource.rsplit('/').next().unwrap_or_default();
    let found: Option<Found<ManagedPolicy>> =
        documents::read(store, Kind::Policy, &key(account, name))?;
    Ok(found.filter(|found| found.body.arn == arn))
}

/// The same, of the account that is looked at.
pub(super) fn find(
    account: &Account<'_>,
    arn: &str,
) -> Result<Option<ManagedPolicy>, ServiceError> {
    let found = find_document(account.store, account.id, arn)?;
    Ok(found.map(|found| found.body))
}

/// Refuses what can't be the ARN of a policy.
pub(super) fn check_arn(arn: &str) -> Result<(), ServiceError> {
    let is_policy = |arn: Arn| arn.service == "iam" && arn.resource_type() == "policy";
    match Arn::parse(arn).is_ok_and(is_policy) {
        true => Ok(()),
        false => Err(ServiceError::new(
            "InvalidInput",
            format!("ARN {arn} is not valid."),
        )),
    }
}

pub(super) fn not_found(arn: &str) -> ServiceError {
    no_such_entity(format!("Policy {arn} was not found."))
}

pub(super) fn version_id(number: u32) -> String {
    format!("v{number}")
}

fn version_not_found(arn: &str, id: &str) -> ServiceError {
    no_such_entity(format!(
        "Policy {arn} version {id} does not exist or is not attachable."
    ))
}

impl Entity for ManagedPolicy {
    const KIND: Kind = Kind::Policy;

    fn named(account: &Account<'_>, call: &Call) -> Result<Found<ManagedPolicy>, ServiceError> {
        let arn = call.required("PolicyArn")?;
        check_arn(arn)?;
        let found = find_document(account.store, account.id, arn)?;
        found.ok_or_else(|| not_found(arn))
    }

    fn key(&self, account: &str) -> String {
        key(account, &self.name)
    }
}

impl Tagged for ManagedPolicy {
    const QUOTA: &'static str = "TagsPerPolicy";

    fn tags(&self) -> &[Tag] {
        &self.tags
    }

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

impl ManagedPolicy {
    pub(super) fn is_of_service_linked_roles(&self) -> bool {
        self.arn.starts_with(aws_policies::SERVICE_LINKED)
    }

    /// The `Policy` structure as lists have it: without description and tags.
    pub(super) fn listed(&self, usage: Usage) -> ObjectBuilder {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let mut shown = ObjectBuilder::new();
        shown
            .add("PolicyName", self.name.as_str())
            .add("PolicyId", self.id.as_str())
            .add("Arn", self.arn.as_str())
            .add("Path", self.path.as_str())
            .add("DefaultVersionId", version_id(self.default_version))
            .add("AttachmentCount", count(usage.attachments))
            .add("PermissionsBoundaryUsageCount", count(usage.boundaries))
            .add("IsAttachable", true)
            .add("CreateDate", date(self.created_ms))
            .add("UpdateDate", date(self.updated_ms));
        shown
    }

    fn shown(&self, usage: Usage) -> Answer {
        let mut shown = self.listed(usage);
        if let Some(description) = &self.description {
            shown.add("Description", description.as_str());
        }
        tags::add(&mut shown, &self.tags);
        ObjectBuilder::new().add("Policy", shown.build()).into()
    }

    fn version(&self, id: &str) -> Result<&Version, ServiceError> {
        let mut versions = self.versions.iter();
        let version = versions.find(|version| version_id(version.number) == id);
        version.ok_or_else(|| version_not_found(&self.arn, id))
    }

    /// What the policy says now.
    pub(super) fn default_document(&self) -> Option<&str> {
        let number = self.default_version;
        let version = self.versions.iter().find(|it| it.number == number)?;
        Some(&version.document)
    }

    fn listed_version(&self, version: &Version) -> ObjectBuilder {
        let mut shown = ObjectBuilder::new();
        shown
            .add("VersionId", version_id(version.number))
            .add("IsDefaultVersion", version.number == self.default_version)
            .add("CreateDate", date(version.created_ms));
        shown
    }

    /// The `PolicyVersion` structure.
    fn shown_version(&self, version: &Version) -> Value {
        let mut shown = self.listed_version(version);
        shown.add("Document", document::url_encoded(&version.document));
        shown.build().into()
    }

    /// Every version with its document, newest first.
    pub(super) fn shown_versions(&self) -> Value {
        let versions = self.versions.iter().rev();
        versions
            .map(|version| self.shown_version(version))
            .collect()
    }
}

/// What AWS's own policies are: read-only.
fn check_own(call: &Call) -> Result<(), ServiceError> {
    let arn = call.required("PolicyArn")?;
    check_arn(arn)?;
    if aws_policies::find(arn).is_none() {
        return Ok(());
    }
    let message = format!(
        "User: {} is not authorized to perform: iam:{} on resource: policy {arn}",
        call.caller.arn(),
        call.operation
    );
    Err(ServiceError::new("AccessDenied", message).with_status(403))
}

fn check_document(document: &str) -> Result<(), ServiceError> {
    document::check(document, Purpose::Identity)?;
    match document::counted_bytes(document) > POLICY_BYTES_MAX {
        true => Err(super::limit_exceeded("PolicySize", POLICY_BYTES_MAX)),
        false => Ok(()),
    }
}

pub(super) fn create(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let name = call.required("PolicyName")?;
    let document = call.required("PolicyDocument")?;
    check_document(document)?;
    let path = call.text("Path").unwrap_or("/");
    let policy = ManagedPolicy {
        name: name.to_owned(),
        path: path.to_owned(),
        id: unique_id("ANPA"),
        arn: format!("arn:aws:iam::{}:policy{path}{name}", account.id),
        description: call.text("Description").map(str::to_owned),
        created_ms: call.now.0,
        updated_ms: call.now.0,
        tags: tags::of(call)?,
        default_version: 1,
        last_version: 1,
        versions: vec![Version {
            number: 1,
            created_ms: call.now.0,
            document: document.to_owned().into(),
        }],
    };
    if account
        .read::<ManagedPolicy>(&key(account.id, name))?
        .is_none()
    {
        account.check_room::<ManagedPolicy>("PoliciesPerAccount", account.quotas.policies_max)?;
        if account.create(&policy)? {
            return Ok(policy.shown(Usage::default()));
        }
    }
    let message =
        format!("A policy called {name} already exists. Duplicate names are not allowed.");
    Err(super::entity_already_exists(message))
}

pub(super) fn get(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let policy = account.named::<ManagedPolicy>(call)?;
    let usage = usage::of_policy(account, &policy.arn)?;
    Ok(policy.shown(usage))
}

pub(super) fn list(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let prefix = call.text("PathPrefix").unwrap_or("/");
    let only_attached = call.flag("OnlyAttached").unwrap_or(false);
    let usage = usage::of_all(account)?;
    let usage = |policy: &ManagedPolicy| usage.get(&policy.arn).copied().unwrap_or_default();
    let is_chosen = |used: Usage| match call.text("PolicyUsageFilter") {
        Some("PermissionsBoundary") => used.boundaries > 0,
        Some(_) => used.attachments > 0,
        None => used.attachments > 0 || !only_attached,
    };
    let (own, of_aws) = match call.text("Scope") {
        Some("AWS") => (false, true),
        Some("Local") => (true, false),
        _ => (true, true),
    };
    let mut shown = Vec::new();
    let mut choose = |whose: &str, policy: &ManagedPolicy| {
        let used = usage(policy);
        if policy.path.starts_with(prefix) && is_chosen(used) {
            let position = format!("{whose} {}", policy.name);
            shown.push((position, policy.listed(used).build().into()));
        }
    };
    if own {
        let policies = account.all::<ManagedPolicy>()?;
        policies.iter().for_each(|policy| choose("1", policy));
    }
    if of_aws {
        aws_policies::all().for_each(|policy| choose("2", &policy));
    }
    list::answer(call, "ListPolicies", "Policies", shown)
}

pub(super) fn get_version(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let policy = account.named::<ManagedPolicy>(call)?;
    let version = policy.version(call.required("VersionId")?)?;
    let shown = policy.shown_version(version);
    Ok(ObjectBuilder::new().add("PolicyVersion", shown).into())
}

pub(super) fn list_versions(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let policy = account.named::<ManagedPolicy>(call)?;
    // Newest first; the position sorts that way too.
    let versions = policy.versions.iter().map(|version| {
        let position = format!("{:010}", u32::MAX - version.number);
        (position, policy.listed_version(version).build().into())
    });
    list::answer(call, "ListPolicyVersions", "Versions", versions.collect())
}

pub(super) fn create_version(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let document = call.required("PolicyDocument")?;
    check_own(call)?;
    check_document(document)?;
    let make_default = call.flag("SetAsDefault").unwrap_or(false);
    let shown = account.change(call, |policy: &mut ManagedPolicy| {
        if policy.versions.len() >= VERSIONS_MAX {
            let message = "A managed policy can have up to 5 versions. Before you create a new \
                           version, you must delete an existing version.";
            return Err(ServiceError::new("LimitExceeded", message));
        }
        policy.last_version += 1;
        policy.updated_ms = call.now.0;
        let version = Version {
            number: policy.last_version,
            created_ms: call.now.0,
            document: document.to_owned().into(),
        };
        if make_default {
            policy.default_version = version.number;
        }
        let shown = policy.listed_version(&version).build();
        policy.versions.push(version);
        Ok(shown)
    })?;
    Ok(ObjectBuilder::new().add("PolicyVersion", shown).into())
}

pub(super) fn set_default_version(
    account: &Account<'_>,
    call: &Call,
) -> Result<Answer, ServiceError> {
    let id = call.required("VersionId")?;
    check_own(call)?;
    account.change(call, |policy: &mut ManagedPolicy| {
        policy.default_version = policy.version(id)?.number;
        policy.updated_ms = call.now.0;
        Ok(())
    })?;
    Ok(Answer::empty())
}

pub(super) fn delete_version(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let id = call.required("VersionId")?;
    check_own(call)?;
    account.change(call, |policy: &mut ManagedPolicy| {
        let number = policy.version(id)?.number;
        if number == policy.default_version {
            return Err(delete_conflict(
                "Cannot delete the default version of a policy.",
            ));
        }
        policy.versions.retain(|version| version.number != number);
        Ok(())
    })?;
    Ok(Answer::empty())
}

pub(super) fn delete(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    check_own(call)?;
    let found = ManagedPolicy::named(account, call)?;
    if usage::of_policy(account, &found.body.arn)?.is_used() {
        return Err(delete_conflict(
            "Cannot delete a policy attached to entities.",
        ));
    }
    if found.body.versions.len() > 1 {
        return Err(delete_conflict(
            "This policy has more than one version. Before you delete a policy, you must delete \
             the policy's versions. The default version is deleted with the policy.",
        ));
    }
    account.delete(&found)?;
    Ok(Answer::empty())
}

/// Tags of AWS's policies can't be changed.
pub(super) fn tag(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    check_own(call)?;
    tags::tag::<ManagedPolicy>(account, call)
}

pub(super) fn untag(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    check_own(call)?;
    tags::untag::<ManagedPolicy>(account, call)
}
