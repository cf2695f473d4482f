//! Identity and Access Management: users, groups, roles, their policies, access keys, instance
//! profiles and identity providers. What they may do is decided in [`crate::access`].

mod access_key;
mod account;
mod account_wide;
mod aws_policies;
mod context_keys;
mod details;
pub mod directory;
mod document;
mod group;
mod instance_profile;
mod list;
mod managed_policy;
mod name;
pub(crate) mod needs;
mod nothing;
mod policies;
mod provider;
mod renamable;
mod role;
mod service_linked;
mod simulate;
mod tags;
pub(crate) mod trust;
mod usage;
mod user;

use std::sync::Arc;

use asl::time::Timestamp;
use aws::ServiceError;
use json::Value;
use uuid::Uuid;

use self::account::{Account, Quotas};
use self::directory::Directory;
pub(crate) use self::document::counted_bytes;
use self::group::Group;
use self::instance_profile::InstanceProfile;
use self::managed_policy::ManagedPolicy;
use self::policies::Holder;
use self::provider::Provider;
use self::role::Role;
use self::user::User;
use crate::call::epoch_seconds;
use crate::documents::Documents;
use crate::seal::Seal;
use crate::{Answer, Call, Foundations};

/// IAM of every account of the server.
pub struct Iam {
    documents: Documents,
    directory: Arc<Directory>,
    /// Seals the secrets of access keys.
    seal: Arc<Seal>,
    quotas: Quotas,
}

/// Bytes that the inline policies of a `role` or `user` may have together.
pub(crate) fn inline_bytes_max(entity: &str) -> usize {
    match entity == User::WORD {
        true => User::INLINE_BYTES_MAX,
        false => Role::INLINE_BYTES_MAX,
    }
}

/// An operation: a function of the account as it is in the store, run where it may block.
type Run = fn(&Account<'_>, &Call) -> Result<Answer, ServiceError>;

/// How an operation is run.
enum Operation {
    Reads(Run),
    /// Alone in its account, and whoever reads after it sees what it did.
    Writes(Run),
}

use Operation::{Reads, Writes};

impl Iam {
    pub(crate) fn new(foundations: &Foundations) -> Iam {
        Iam {
            // The same: what is held while IAM changes is theirs together.
            documents: foundations.identity.directory.documents.clone(),
            directory: Arc::clone(&foundations.identity.directory),
            seal: Arc::clone(&foundations.identity.seal),
            quotas: Quotas::default(),
        }
    }

    /// Runs one operation. `None` when it is not served.
    pub(crate) async fn handle(
        &self,
        operation: &str,
        call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        let operation = role(operation)
            .or_else(|| user(operation))
            .or_else(|| group(operation))
            .or_else(|| policy(operation))
            .or_else(|| others(operation))?;
        if let Some(error) = violation(call) {
            return Some(Err(error));
        }
        Some(self.run(operation, call).await)
    }

    async fn run(&self, operation: Operation, call: &Call) -> Result<Answer, ServiceError> {
        let (call, quotas) = (call.clone(), self.quotas);
        let (directory, seal) = (Arc::clone(&self.directory), Arc::clone(&self.seal));
        match operation {
            Reads(read) => {
                let work = move |store: &dyn store::Store| {
                    let account = Account {
                        store,
                        id: &call.account,
                        seal: &seal,
                        quotas,
                    };
                    Ok(read(&account, &call))
                };
                self.documents.blocking(work).await?
            }
            Writes(write) => {
                let alone = alone(&call.account);
                let work = move |store: &dyn store::Store, _: &str| {
                    // Dropped last: the caller may have left, and the change counts all the same.
                    let _changing = directory.changing();
                    let account = Account {
                        store,
                        id: &call.account,
                        seal: &seal,
                        quotas,
                    };
                    Ok(write(&account, &call))
                };
                self.documents.alone(&alone, work).await?
            }
        }
    }
}

/// What changes of an account's IAM hold while they run, so that they follow each other.
fn alone(account: &str) -> String {
    format!("iam/{account}")
}

/// Operations on roles and what is made for them.
fn role(operation: &str) -> Option<Operation> {
    Some(match operation {
        "CreateRole" => Writes(role::create),
        "GetRole" => Reads(role::get),
        "ListRoles" => Reads(role::list),
        "UpdateRole" => Writes(role::update),
        "UpdateRoleDescription" => Writes(role::update_description),
        "UpdateAssumeRolePolicy" => Writes(role::update_trust),
        "DeleteRole" => Writes(role::delete),
        "TagRole" => Writes(tags::tag::<Role>),
        "UntagRole" => Writes(tags::untag::<Role>),
        "ListRoleTags" => Reads(tags::list::<Role>),
        "PutRolePolicy" => Writes(policies::put::<Role>),
        "GetRolePolicy" => Reads(policies::get::<Role>),
        "DeleteRolePolicy" => Writes(policies::delete::<Role>),
        "ListRolePolicies" => Reads(policies::list::<Role>),
        "AttachRolePolicy" => Writes(policies::attach::<Role>),
        "DetachRolePolicy" => Writes(policies::detach::<Role>),
        "ListAttachedRolePolicies" => Reads(policies::list_attached::<Role>),
        "PutRolePermissionsBoundary" => Writes(policies::put_boundary::<Role>),
        "DeleteRolePermissionsBoundary" => Writes(policies::delete_boundary::<Role>),
        "CreateServiceLinkedRole" => Writes(service_linked::create),
        "DeleteServiceLinkedRole" => Writes(service_linked::delete),
        "GetServiceLinkedRoleDeletionStatus" => Reads(service_linked::get_deletion_status),
        "CreateInstanceProfile" => Writes(instance_profile::create),
        "GetInstanceProfile" => Reads(instance_profile::get),
        "ListInstanceProfiles" => Reads(instance_profile::list),
        "ListInstanceProfilesForRole" => Reads(instance_profile::list_of_role),
        "AddRoleToInstanceProfile" => Writes(instance_profile::add_role),
        "RemoveRoleFromInstanceProfile" => Writes(instance_profile::remove_role),
        "DeleteInstanceProfile" => Writes(instance_profile::delete),
        "TagInstanceProfile" => Writes(tags::tag::<InstanceProfile>),
        "UntagInstanceProfile" => Writes(tags::untag::<InstanceProfile>),
        "ListInstanceProfileTags" => Reads(tags::list::<InstanceProfile>),
        _ => return None,
    })
}

/// Operations on users and their access keys.
fn user(operation: &str) -> Option<Operation> {
    Some(match operation {
        "CreateUser" => Writes(user::create),
        "GetUser" => Reads(user::get),
        "ListUsers" => Reads(user::list),
        "UpdateUser" => Writes(renamable::update::<User>),
        "DeleteUser" => Writes(user::delete),
        "TagUser" => Writes(tags::tag::<User>),
        "UntagUser" => Writes(tags::untag::<User>),
        "ListUserTags" => Reads(tags::list::<User>),
        "PutUserPolicy" => Writes(policies::put::<User>),
        "GetUserPolicy" => Reads(policies::get::<User>),
        "DeleteUserPolicy" => Writes(policies::delete::<User>),
        "ListUserPolicies" => Reads(policies::list::<User>),
        "AttachUserPolicy" => Writes(policies::attach::<User>),
        "DetachUserPolicy" => Writes(policies::detach::<User>),
        "ListAttachedUserPolicies" => Reads(policies::list_attached::<User>),
        "PutUserPermissionsBoundary" => Writes(policies::put_boundary::<User>),
        "DeleteUserPermissionsBoundary" => Writes(policies::delete_boundary::<User>),
        "ListGroupsForUser" => Reads(group::list_of_user),
        "CreateAccessKey" => Writes(access_key::create),
        "UpdateAccessKey" => Writes(access_key::update),
        "DeleteAccessKey" => Writes(access_key::delete),
        "ListAccessKeys" => Reads(access_key::list),
        "GetAccessKeyLastUsed" => Reads(access_key::get_last_used),
        "GetLoginProfile" => Reads(nothing::login_profile),
        "DeleteLoginProfile" => Reads(nothing::login_profile),
        "ListMFADevices" => Reads(nothing::mfa_devices),
        "ListSSHPublicKeys" => Reads(nothing::ssh_public_keys),
        "ListSigningCertificates" => Reads(nothing::signing_certificates),
        "ListServiceSpecificCredentials" => Reads(nothing::service_credentials),
        _ => return None,
    })
}

/// Operations on groups.
fn group(operation: &str) -> Option<Operation> {
    Some(match operation {
        "CreateGroup" => Writes(group::create),
        "GetGroup" => Reads(group::get),
        "ListGroups" => Reads(group::list),
        "UpdateGroup" => Writes(renamable::update::<Group>),
        "DeleteGroup" => Writes(group::delete),
        "AddUserToGroup" => Writes(group::add_user),
        "RemoveUserFromGroup" => Writes(group::remove_user),
        "PutGroupPolicy" => Writes(policies::put::<Group>),
        "GetGroupPolicy" => Reads(policies::get::<Group>),
        "DeleteGroupPolicy" => Writes(policies::delete::<Group>),
        "ListGroupPolicies" => Reads(policies::list::<Group>),
        "AttachGroupPolicy" => Writes(policies::attach::<Group>),
        "DetachGroupPolicy" => Writes(policies::detach::<Group>),
        "ListAttachedGroupPolicies" => Reads(policies::list_attached::<Group>),
        _ => return None,
    })
}

/// Operations on managed policies.
fn policy(operation: &str) -> Option<Operation> {
    Some(match operation {
        "CreatePolicy" => Writes(managed_policy::create),
        "GetPolicy" => Reads(managed_policy::get),
        "ListPolicies" => Reads(managed_policy::list),
        "DeletePolicy" => Writes(managed_policy::delete),
        "CreatePolicyVersion" => Writes(managed_policy::create_version),
        "GetPolicyVersion" => Reads(managed_policy::get_version),
        "ListPolicyVersions" => Reads(managed_policy::list_versions),
        "SetDefaultPolicyVersion" => Writes(managed_policy::set_default_version),
        "DeletePolicyVersion" => Writes(managed_policy::delete_version),
        "TagPolicy" => Writes(managed_policy::tag),
        "UntagPolicy" => Writes(managed_policy::untag),
        "ListPolicyTags" => Reads(tags::list::<ManagedPolicy>),
        "ListEntitiesForPolicy" => Reads(usage::list_entities),
        "GetContextKeysForCustomPolicy" => Reads(context_keys::of_custom),
        "GetContextKeysForPrincipalPolicy" => Reads(context_keys::of_principal),
        "SimulateCustomPolicy" => Reads(simulate::custom),
        "SimulatePrincipalPolicy" => Reads(simulate::principal),
        _ => return None,
    })
}

/// Operations on identity providers and on the account itself.
fn others(operation: &str) -> Option<Operation> {
    Some(match operation {
        "CreateOpenIDConnectProvider" => Writes(provider::create),
        "GetOpenIDConnectProvider" => Reads(provider::get),
        "ListOpenIDConnectProviders" => Reads(provider::list),
        "AddClientIDToOpenIDConnectProvider" => Writes(provider::add_client_id),
        "RemoveClientIDFromOpenIDConnectProvider" => Writes(provider::remove_client_id),
        "UpdateOpenIDConnectProviderThumbprint" => Writes(provider::update_thumbprints),
        "DeleteOpenIDConnectProvider" => Writes(provider::delete),
        "TagOpenIDConnectProvider" => Writes(tags::tag::<Provider>),
        "UntagOpenIDConnectProvider" => Writes(tags::untag::<Provider>),
        "ListOpenIDConnectProviderTags" => Reads(tags::list::<Provider>),
        "ListSAMLProviders" => Reads(nothing::saml_providers),
        "ListServerCertificates" => Reads(nothing::server_certificates),
        "ListVirtualMFADevices" => Reads(nothing::virtual_mfa_devices),
        "CreateAccountAlias" => Writes(account_wide::create_alias),
        "DeleteAccountAlias" => Writes(account_wide::delete_alias),
        "ListAccountAliases" => Reads(account_wide::list_aliases),
        "GetAccountSummary" => Reads(account_wide::summary),
        "GetAccountAuthorizationDetails" => Reads(details::get),
        _ => return None,
    })
}

fn violation(call: &Call) -> Option<ServiceError> {
    let model = aws::Service::Iam.model().ok()?;
    ServiceError::violations(model, &call.violations)
}

fn no_such_entity(message: String) -> ServiceError {
    ServiceError::new("NoSuchEntity", message)
}

fn entity_already_exists(message: String) -> ServiceError {
    ServiceError::new("EntityAlreadyExists", message)
}

fn delete_conflict(what: &str) -> ServiceError {
    ServiceError::new("DeleteConflict", what)
}

fn limit_exceeded(quota: &str, limit: usize) -> ServiceError {
    ServiceError::new(
        "LimitExceeded",
        format!("Cannot exceed quota for {quota}: {limit}"),
    )
}

/// A time as IAM shows it: in whole seconds.
fn date(time_ms: i64) -> Value {
    epoch_seconds(Timestamp(time_ms - time_ms.rem_euclid(1_000)))
}

/// A unique id as AWS forms them: a prefix for the kind (`AROA`, `ANPA`) and 17 of `A-Z2-7`.
fn unique_id(prefix: &str) -> String {
    unique_of(prefix, 17)
}

/// The prefix and as many random letters of `A-Z2-7`, at most 20.
fn unique_of(prefix: &str, letters: u32) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = Uuid::new_v4().as_u128();
    let letters = (0..letters).filter_map(|at| {
        let index = usize::try_from(bits >> (at * 5 + 20) & 31).ok()?;
        ALPHABET.get(index).map(|letter| char::from(*letter))
    });
    prefix.chars().chain(letters).collect()
}

#[cfg(test)]
mod tests;
