//! What a call needs to be allowed, and what is always true of an operation.
//!
//! Source: "Actions, resources, and condition keys for AWS Identity and Access Management" (service
//! authorization reference).

use std::sync::Arc;

use aws::ServiceError;
use aws::iam::{Principal, Tag, Values};
use json::Value;
use store::Store;

use super::group::Group;
use super::{Iam, instance_profile, managed_policy, provider, renamable, tags};
use crate::access::{Facts, Need};
use crate::{Call, documents};

/// What an operation acts on.
#[derive(Clone, Copy)]
enum On {
    /// No resource of its own: `*`.
    Account,
    /// The entity of a kind that the member of its name names.
    Entity(Kind),
    /// What the member holds the ARN of.
    Arn(&'static str),
    /// The user of the access key that `AccessKeyId` names.
    KeyHolder,
    /// The provider that `Url` will make.
    NewProvider,
    /// The role that `AWSServiceName` will make.
    NewServiceLinkedRole,
}

/// Kinds of entities that have a name and a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Group,
    InstanceProfile,
    Policy,
    Role,
    User,
}

impl Kind {
    /// As ARNs have it.
    fn resource_type(self) -> &'static str {
        match self {
            Kind::Group => "group",
            Kind::InstanceProfile => "instance-profile",
            Kind::Policy => "policy",
            Kind::Role => "role",
            Kind::User => "user",
        }
    }

    /// The member that names it.
    fn member(self) -> &'static str {
        match self {
            Kind::Group => "GroupName",
            Kind::InstanceProfile => "InstanceProfileName",
            Kind::Policy => "PolicyName",
            Kind::Role => "RoleName",
            Kind::User => "UserName",
        }
    }
}

/// The operations that are served, and what each acts on.
const OPERATIONS: &[(On, &[&str])] = &[
    (
        On::Account,
        &[
            "CreateAccountAlias",
            "DeleteAccountAlias",
            "GetAccountAuthorizationDetails",
            "GetAccountSummary",
            "GetContextKeysForCustomPolicy",
            "GetServiceLinkedRoleDeletionStatus",
            "ListAccountAliases",
            "ListGroups",
            "ListInstanceProfiles",
            "ListOpenIDConnectProviders",
            "ListPolicies",
            "ListRoles",
            "ListSAMLProviders",
            "ListServerCertificates",
            "ListUsers",
            "ListVirtualMFADevices",
            "SimulateCustomPolicy",
        ],
    ),
    (
        On::Entity(Kind::Role),
        &[
            "AttachRolePolicy",
            "CreateRole",
            "DeleteRole",
            "DeleteRolePermissionsBoundary",
            "DeleteRolePolicy",
            "DeleteServiceLinkedRole",
            "DetachRolePolicy",
            "GetRole",
            "GetRolePolicy",
            "ListAttachedRolePolicies",
            "ListInstanceProfilesForRole",
            "ListRolePolicies",
            "ListRoleTags",
            "PutRolePermissionsBoundary",
            "PutRolePolicy",
            "TagRole",
            "UntagRole",
            "UpdateAssumeRolePolicy",
            "UpdateRole",
            "UpdateRoleDescription",
        ],
    ),
    (
        On::Entity(Kind::User),
        &[
            "AttachUserPolicy",
            "CreateAccessKey",
            "CreateUser",
            "DeleteAccessKey",
            "DeleteLoginProfile",
            "DeleteUser",
            "DeleteUserPermissionsBoundary",
            "DeleteUserPolicy",
            "DetachUserPolicy",
            "GetLoginProfile",
            "GetUser",
            "GetUserPolicy",
            "ListAccessKeys",
            "ListAttachedUserPolicies",
            "ListGroupsForUser",
            "ListMFADevices",
            "ListSSHPublicKeys",
            "ListServiceSpecificCredentials",
            "ListSigningCertificates",
            "ListUserPolicies",
            "ListUserTags",
            "PutUserPermissionsBoundary",
            "PutUserPolicy",
            "TagUser",
            "UntagUser",
            "UpdateAccessKey",
            "UpdateUser",
        ],
    ),
    (
        On::Entity(Kind::Group),
        &[
            "AddUserToGroup",
            "AttachGroupPolicy",
            "CreateGroup",
            "DeleteGroup",
            "DeleteGroupPolicy",
            "DetachGroupPolicy",
            "GetGroup",
            "GetGroupPolicy",
            "ListAttachedGroupPolicies",
            "ListGroupPolicies",
            "PutGroupPolicy",
            "RemoveUserFromGroup",
            "UpdateGroup",
        ],
    ),
    (
        On::Entity(Kind::InstanceProfile),
        &[
            "AddRoleToInstanceProfile",
            "CreateInstanceProfile",
            "DeleteInstanceProfile",
            "GetInstanceProfile",
            "ListInstanceProfileTags",
            "RemoveRoleFromInstanceProfile",
            "TagInstanceProfile",
            "UntagInstanceProfile",
        ],
    ),
    (On::Entity(Kind::Policy), &["CreatePolicy"]),
    (
        On::Arn("PolicyArn"),
        &[
            "CreatePolicyVersion",
            "DeletePolicy",
            "DeletePolicyVersion",
            "GetPolicy",
            "GetPolicyVersion",
            "ListEntitiesForPolicy",
            "ListPolicyTags",
            "ListPolicyVersions",
            "SetDefaultPolicyVersion",
            "TagPolicy",
            "UntagPolicy",
        ],
    ),
    (
        On::Arn("OpenIDConnectProviderArn"),
        &[
            "AddClientIDToOpenIDConnectProvider",
            "DeleteOpenIDConnectProvider",
            "GetOpenIDConnectProvider",
            "ListOpenIDConnectProviderTags",
            "RemoveClientIDFromOpenIDConnectProvider",
            "TagOpenIDConnectProvider",
            "UntagOpenIDConnectProvider",
            "UpdateOpenIDConnectProviderThumbprint",
        ],
    ),
    (
        On::Arn("PolicySourceArn"),
        &[
            "GetContextKeysForPrincipalPolicy",
            "SimulatePrincipalPolicy",
        ],
    ),
    (On::KeyHolder, &["GetAccessKeyLastUsed"]),
    (On::NewProvider, &["CreateOpenIDConnectProvider"]),
    (On::NewServiceLinkedRole, &["CreateServiceLinkedRole"]),
];

/// `None` for an operation that is not served.
fn on(operation: &str) -> Option<On> {
    let mut kinds = OPERATIONS.iter();
    let (on, _) = kinds.find(|(_, names)| names.contains(&operation))?;
    Some(*on)
}

/// What is always true of an operation. `None` for one that is not served.
pub(crate) fn facts(operation: &str) -> Option<Facts> {
    on(operation)?;
    let reading = ["Get", "List", "Simulate"];
    let is_reading = reading.iter().any(|verb| operation.starts_with(verb));
    Some(match is_reading {
        true => Facts::READS,
        false => Facts::CHANGES,
    })
}

/// The operations for which policies may ask which boundary the entity has, or is to get.
const BOUND: [&str; 14] = [
    "AttachRolePolicy",
    "AttachUserPolicy",
    "CreateRole",
    "CreateUser",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DeleteUserPermissionsBoundary",
    "DeleteUserPolicy",
    "DetachRolePolicy",
    "DetachUserPolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "PutUserPermissionsBoundary",
    "PutUserPolicy",
];

impl Iam {
    /// What a call needs, all of it.
    pub(crate) async fn needs(
        &self,
        operation: &str,
        call: &Call,
    ) -> Result<Vec<Need>, ServiceError> {
        let on = on(operation).unwrap_or(On::Account);
        let resource = self.resource(on, call).await?;
        let mut need = Need::new(format!("iam:{operation}"), Arc::clone(&resource));
        let attaches = operation.starts_with("Attach") || operation.starts_with("Detach");
        if let Some(policy) = call.text("PolicyArn").filter(|_| attaches) {
            need = need.with("iam:PolicyARN", policy);
        }
        if BOUND.contains(&operation)
            && let Some(boundary) = self.boundary(on, call).await?
        {
            need = need.with("iam:PermissionsBoundary", boundary);
        }
        if let Some(service) = call.text("AWSServiceName") {
            need = need.with("iam:AWSServiceName", service);
        }
        need.context.extend(tags_asked_for(call));
        let mut needs = Vec::new();
        if operation.starts_with("Create") && !call.list("Tags").is_empty() {
            let what = operation.trim_start_matches("Create");
            let mut tagging = Need::new(format!("iam:Tag{what}"), resource);
            tagging.context = tags_asked_for(call);
            needs.push(tagging);
        }
        if operation == "AddRoleToInstanceProfile" {
            let role = self.entity_arn(Kind::Role, call).await?;
            let need = Need::new("iam:PassRole", role);
            needs.push(need.with("iam:PassedToService", "ec2.amazonaws.com"));
        }
        needs.extend(renamed(operation, call, &need));
        needs.insert(0, need);
        Ok(needs)
    }

    async fn resource(&self, on: On, call: &Call) -> Result<Arc<str>, ServiceError> {
        let account = &call.account;
        Ok(match on {
            On::Account => "*".into(),
            On::Entity(kind) => self.entity_arn(kind, call).await?,
            On::Arn(member) => call.text(member).unwrap_or("*").into(),
            On::KeyHolder => {
                let id = call.text("AccessKeyId").unwrap_or_default();
                let key = self.directory.access_key(id).await?;
                // Whose a key of another account is, nobody here may know.
                match key.filter(|key| key.account == *account) {
                    Some(key) => self.named_arn(Kind::User, call, &key.user_name).await?,
                    None => "*".into(),
                }
            }
            On::NewProvider => {
                let url = call.text("Url").unwrap_or("*");
                let url = url.split_once("://").map_or(url, |(_, rest)| rest);
                format!("arn:aws:iam::{account}:oidc-provider/{url}").into()
            }
            On::NewServiceLinkedRole => {
                let service = call.text("AWSServiceName").unwrap_or("*");
                format!("arn:aws:iam::{account}:role/aws-service-role/{service}/*").into()
            }
        })
    }

    /// The entity that a call names. Some operations take it to be the user who calls.
    async fn entity_arn(&self, kind: Kind, call: &Call) -> Result<Arc<str>, ServiceError> {
        match (call.text(kind.member()), &*call.caller.principal) {
            (Some(name), _) => self.named_arn(kind, call, name).await,
            (None, Principal::User { arn, .. }) if kind == Kind::User => Ok(Arc::clone(arn)),
            (None, _) => Ok("*".into()),
        }
    }

    /// The ARN of an entity, as it has it, or as it would have it if it were made by this call.
    async fn named_arn(
        &self,
        kind: Kind,
        call: &Call,
        name: &str,
    ) -> Result<Arc<str>, ServiceError> {
        let account = &*call.account;
        let known = match kind {
            Kind::Role => {
                let role = self.directory.role(account, name).await?;
                role.map(|role| Arc::clone(&role.arn))
            }
            Kind::User => {
                let user = self.directory.user(account, name).await?;
                user.map(|user| Arc::clone(&user.arn))
            }
            Kind::Group | Kind::InstanceProfile => {
                let owned = (account.to_owned(), name.to_owned());
                let look = move |store: &dyn Store| looked_up(store, kind, &owned.0, &owned.1);
                self.documents.blocking(look).await?
            }
            // Policies are named only where they are made.
            Kind::Policy => None,
        };
        Ok(known.unwrap_or_else(|| {
            let path = call.text("Path").unwrap_or("/");
            let kind = kind.resource_type();
            format!("arn:aws:iam::{account}:{kind}{path}{name}").into()
        }))
    }

    /// The boundary that the call sets, or that the entity has.
    async fn boundary(&self, on: On, call: &Call) -> Result<Option<Arc<str>>, ServiceError> {
        if let Some(boundary) = call.text("PermissionsBoundary") {
            return Ok(Some(boundary.into()));
        }
        let On::Entity(kind) = on else {
            return Ok(None);
        };
        let name = call.text(kind.member()).unwrap_or_default();
        let boundary = match kind {
            Kind::Role => {
                let role = self.directory.role(&call.account, name).await?;
                role.and_then(|role| role.boundary.clone())
            }
            Kind::User => {
                let user = self.directory.user(&call.account, name).await?;
                user.and_then(|user| user.boundary.clone())
            }
            Kind::Group | Kind::InstanceProfile | Kind::Policy => None,
        };
        Ok(boundary.map(|boundary| Arc::clone(&boundary.source.uri)))
    }

    /// The tags of an entity. `None` when it does not exist.
    pub(crate) async fn tags_of(&self, arn: &str) -> Result<Option<Vec<Tag>>, ServiceError> {
        let mut parts = arn.splitn(6, ':').skip(4);
        let (Some(account), Some(resource)) = (parts.next(), parts.next()) else {
            return Ok(None);
        };
        let name = resource.rsplit('/').next().unwrap_or_default();
        let tags = match resource.split('/').next() {
            Some("role") => {
                let role = self.directory.role(account, name).await?;
                role.map(|role| role.tags.to_vec())
            }
            Some("user") => {
                let user = self.directory.user(account, name).await?;
                user.map(|user| user.tags.to_vec())
            }
            Some(kind) => {
                let owned = [account, kind, resource, arn].map(str::to_owned);
                let look = move |store: &dyn Store| {
                    let [account, kind, resource, arn] = &owned;
                    tags_in(store, account, (kind, resource), arn)
                };
                self.documents.blocking(look).await?
            }
            None => None,
        };
        Ok(tags)
    }
}

/// What else a new name or path needs: the same under the ARN that the entity will have.
fn renamed(operation: &str, call: &Call, need: &Need) -> Option<Need> {
    let new_name = match operation {
        "UpdateGroup" => call.text("NewGroupName"),
        "UpdateUser" => call.text("NewUserName"),
        _ => return None,
    };
    let new_path = call.text("NewPath");
    if new_name.is_none() && new_path.is_none() {
        return None;
    }
    let (kind, path_and_name) = need.resource.split_once('/')?;
    let (path, name) = path_and_name
        .rsplit_once('/')
        .unwrap_or(("", path_and_name));
    let path = match new_path {
        Some(path) => path.to_owned(),
        None if path.is_empty() => "/".to_owned(),
        None => format!("/{path}/"),
    };
    let name = new_name.unwrap_or(name);
    Some(Need::new(
        need.action.clone(),
        format!("{kind}{path}{name}"),
    ))
}

/// The ARN of a group or an instance profile that exists.
fn looked_up(
    store: &dyn Store,
    kind: Kind,
    account: &str,
    name: &str,
) -> Result<Option<Arc<str>>, documents::Error> {
    let arn = match kind {
        Kind::Group => {
            renamable::find::<Group>(store, account, name)?.map(|group| group.arn(account))
        }
        Kind::InstanceProfile => {
            let profile = instance_profile::find(store, account, name)?;
            profile.map(|profile| profile.arn(account))
        }
        Kind::Policy | Kind::Role | Kind::User => None,
    };
    Ok(arn.map(Arc::from))
}

/// The tags of what the directory does not hold: a policy, an instance profile, a provider.
fn tags_in(
    store: &dyn Store,
    account: &str,
    (kind, resource): (&str, &str),
    arn: &str,
) -> Result<Option<Vec<Tag>>, documents::Error> {
    let found = match kind {
        "policy" => {
            let policy = managed_policy::find_document(store, account, arn)?;
            policy.map(|policy| tags::pairs(&policy.body.tags))
        }
        "instance-profile" => {
            let name = resource.rsplit('/').next().unwrap_or_default();
            let profile = instance_profile::find(store, account, name)?;
            profile.map(|profile| tags::pairs(&profile.tags))
        }
        "oidc-provider" => {
            let url = resource.split_once('/').map_or("", |(_, url)| url);
            let provider = provider::find(store, account, url)?;
            provider.map(|provider| tags::pairs(&provider.tags))
        }
        _ => None,
    };
    Ok(found.map(|tags| tags.to_vec()))
}

/// The condition keys of the tags in a request: those it sets, and the keys of those it removes.
fn tags_asked_for(call: &Call) -> Vec<(Arc<str>, Values)> {
    let mut context = Vec::new();
    let mut keys: Vec<Arc<str>> = Vec::new();
    for tag in call.list("Tags") {
        let text = |member| tag.get(member).and_then(Value::as_str).unwrap_or_default();
        let (key, value) = (text("Key"), text("Value"));
        context.push((
            format!("aws:RequestTag/{key}").into(),
            Values::One(value.into()),
        ));
        keys.push(key.into());
    }
    let removed = call.list("TagKeys").iter().filter_map(Value::as_str);
    keys.extend(removed.map(Arc::from));
    if !keys.is_empty() {
        context.push(("aws:TagKeys".into(), Values::Many(keys)));
    }
    context
}

#[cfg(test)]
mod tests;
