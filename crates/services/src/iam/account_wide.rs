//! What belongs to the account itself: its alias, and the counts of its entities.

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::Kind;

use super::account::Account;
use super::group::Group;
use super::instance_profile::InstanceProfile;
use super::managed_policy::ManagedPolicy;
use super::provider::Provider;
use super::role::Role;
use super::user::User;
use super::{list, no_such_entity};
use crate::documents::{self, Found};
use crate::{Answer, Call};

/// Aliases of the whole server that are looked at together: one an account.
const ALIASES_MAX: usize = 10_000;

/// The alias of an account, under the alias: no other account may have it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Alias {
    account: String,
    created_ms: i64,
}

fn alias_of(account: &Account<'_>) -> Result<Vec<(String, Alias)>, ServiceError> {
    let all = documents::list(account.store, Kind::AccountAlias, "", None, ALIASES_MAX)?;
    let mut own: Vec<(String, Alias)> = all;
    own.retain(|(_, alias)| alias.account == account.id);
    // The newest first: a crash may have left the one before it.
    own.sort_by_key(|(_, alias)| std::cmp::Reverse(alias.created_ms));
    Ok(own)
}

/// An account has one alias: a new one takes the place of the old.
pub(super) fn create_alias(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let name = call.required("AccountAlias")?;
    let before = alias_of(account)?;
    let alias = Alias {
        account: account.id.to_owned(),
        created_ms: call.now.0,
    };
    if !documents::create(account.store, Kind::AccountAlias, name, &alias)? {
        let message = format!("The account alias {name} already exists.");
        return Err(super::entity_already_exists(message));
    }
    for (old, _) in before {
        forget_alias(account, &old)?;
    }
    Ok(Answer::empty())
}

fn forget_alias(account: &Account<'_>, name: &str) -> Result<(), ServiceError> {
    let found: Option<Found<Alias>> = documents::read(account.store, Kind::AccountAlias, name)?;
    if let Some(found) = found {
        documents::delete(account.store, Kind::AccountAlias, name, found.revision)?;
    }
    Ok(())
}

pub(super) fn delete_alias(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let name = call.required("AccountAlias")?;
    let own = alias_of(account)?;
    if !own.iter().any(|(alias, _)| alias == name) {
        let message = format!("The account alias with name {name} cannot be found.");
        return Err(no_such_entity(message));
    }
    for (alias, _) in own {
        forget_alias(account, &alias)?;
    }
    Ok(Answer::empty())
}

pub(super) fn list_aliases(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let own = alias_of(account)?.into_iter().take(1);
    let aliases = own.map(|(alias, _)| (alias.clone(), Value::from(alias)));
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
        ("PolicyVersionsInUseQuota", quotas.policies_max * 5),
        ("VersionsPerPolicyQuota", 5),
        ("AccessKeysPerUserQuota", 2),
        ("GroupsPerUserQuota", 10),
        ("AttachedPoliciesPerUserQuota", 10),
        ("AttachedPoliciesPerGroupQuota", 10),
        ("AttachedPoliciesPerRoleQuota", 10),
        ("PolicySizeQuota", 6_144),
        ("UserPolicySizeQuota", 2_048),
        ("GroupPolicySizeQuota", 5_120),
        ("RolePolicySizeQuota", 10_240),
        ("AssumeRolePolicySizeQuota", 2_048),
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
