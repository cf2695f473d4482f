//! What belongs to the account itself: its alias, and the counts of its entities.

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::Kind;

use super::access_key::KEYS_MAX;
use super::account::Account;
use super::group::{GROUPS_MAX, Group};
use super::instance_profile::InstanceProfile;
use super::managed_policy::{ManagedPolicy, POLICY_BYTES_MAX, VERSIONS_MAX};
use super::name::{self, Pointer};
use super::policies::{ATTACHED_MAX, Holder as _};
use super::provider::Provider;
use super::role::{Role, TRUST_BYTES_MAX};
use super::user::User;
use super::{list, no_such_entity};
use crate::documents::{self, Found};
use crate::{Answer, Call};

/// Who has an alias, under the alias: no two accounts have the same. Which alias an account has,
/// its name says (see [`name`]); one that it does not name is free to the account.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Alias {
    account: String,
}

fn name_key(account: &Account<'_>) -> String {
    format!("account-alias/{}", account.id)
}

fn current(account: &Account<'_>) -> Result<Option<String>, ServiceError> {
    let pointer = name::lookup(account.store, &name_key(account))?;
    Ok(pointer.map(|pointer| pointer.id))
}

/// An account has one alias: a new one takes the place of the old. It is taken first, and the old
/// one given back last.
pub(super) fn create_alias(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let alias = call.required("AccountAlias")?;
    let before = current(account)?;
    let owner = Alias {
        account: account.id.to_owned(),
    };
    if !documents::create(account.store, Kind::AccountAlias, alias, &owner)? {
        let found: Option<Found<Alias>> =
            documents::read(account.store, Kind::AccountAlias, alias)?;
        let is_own = found.is_some_and(|found| found.body.account == account.id);
        if !is_own || before.as_deref() == Some(alias) {
            let message = format!("The account alias {alias} already exists.");
            return Err(super::entity_already_exists(message));
        }
    }
    let pointer = Pointer {
        account: account.id.to_owned(),
        id: alias.to_owned(),
    };
    name::point(account.store, &name_key(account), &pointer)?;
    if let Some(before) = before {
        give_back(account, &before)?;
    }
    Ok(Answer::empty())
}

fn give_back(account: &Account<'_>, alias: &str) -> Result<(), ServiceError> {
    let found: Option<Found<Alias>> = documents::read(account.store, Kind::AccountAlias, alias)?;
    if let Some(found) = found {
        documents::delete(account.store, Kind::AccountAlias, alias, found.revision)?;
    }
    Ok(())
}

pub(super) fn delete_alias(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let alias = call.required("AccountAlias")?;
    if current(account)?.as_deref() != Some(alias) {
        let message = format!("The account alias with name {alias} cannot be found.");
        return Err(no_such_entity(message));
    }
    name::drop(account.store, &name_key(account))?;
    give_back(account, alias)?;
    Ok(Answer::empty())
}

pub(super) fn list_aliases(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let aliases = current(account)?.into_iter();
    let aliases = aliases.map(|alias| (alias.clone(), Value::from(alias)));
    list::answer(
        call,
        "ListAccountAliases",
        "AccountAliases",
        aliases.collect(),
    )
}

/// GetAccountSummary. What can't be here is counted as none.
pub(super) fn summary(account: &Account<'_>, _: &Call) -> Result<Answer, ServiceError> {
    let policies = account.all::<ManagedPolicy>()?;
    let versions = policies.iter().map(|policy| policy.versions.len());
    let quotas = account.quotas;
    let counts = [
        ("Users", account.count::<User>()?),
        ("Groups", account.count::<Group>()?),
        ("Roles", account.count::<Role>()?),
        ("Policies", policies.len()),
        ("PolicyVersionsInUse", versions.sum()),
        ("InstanceProfiles", account.count::<InstanceProfile>()?),
        ("Providers", account.count::<Provider>()?),
        ("UsersQuota", quotas.users_max),
        ("GroupsQuota", quotas.groups_max),
        ("RolesQuota", quotas.roles_max),
        ("PoliciesQuota", quotas.policies_max),
        ("InstanceProfilesQuota", quotas.instance_profiles_max),
        (
            "PolicyVersionsInUseQuota",
            quotas.policies_max * VERSIONS_MAX,
        ),
        ("VersionsPerPolicyQuota", VERSIONS_MAX),
        ("AccessKeysPerUserQuota", KEYS_MAX),
        ("GroupsPerUserQuota", GROUPS_MAX),
        ("AttachedPoliciesPerUserQuota", ATTACHED_MAX),
        ("AttachedPoliciesPerGroupQuota", ATTACHED_MAX),
        ("AttachedPoliciesPerRoleQuota", ATTACHED_MAX),
        ("PolicySizeQuota", POLICY_BYTES_MAX),
        ("UserPolicySizeQuota", User::INLINE_BYTES_MAX),
        ("GroupPolicySizeQuota", Group::INLINE_BYTES_MAX),
        ("RolePolicySizeQuota", Role::INLINE_BYTES_MAX),
        ("AssumeRolePolicySizeQuota", TRUST_BYTES_MAX),
        ("MFADevices", 0),
        ("MFADevicesInUse", 0),
        ("AccountMFAEnabled", 0),
        ("AccountAccessKeysPresent", 1),
        ("AccountPasswordPresent", 0),
        ("AccountSigningCertificatesPresent", 0),
        ("ServerCertificates", 0),
        ("ServerCertificatesQuota", 20),
        ("SigningCertificatesPerUserQuota", 2),
        ("GlobalEndpointTokenVersion", 2),
    ];
    let mut map = ObjectBuilder::new();
    for (name, count) in counts {
        map.add(name, i64::try_from(count).unwrap_or(i64::MAX));
    }
    Ok(ObjectBuilder::new().add("SummaryMap", map.build()).into())
}
