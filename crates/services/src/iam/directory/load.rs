//! Entities out of their documents. Blocks while the store reads.

use std::sync::Arc;

use aws::iam::{Attached, Policy, PolicyKind, Purpose, Source};
use json::{ObjectBuilder, Value};
use store::blobs::Digest;
use store::{Kind, Store};

use super::{KeyEntry, ProviderEntry, RoleEntry, UserEntry};
use crate::documents::{self, Error, Found};
use crate::iam::group::Group;
use crate::iam::policies::Policies;
use crate::iam::provider::{self, Provider};
use crate::iam::role as roles;
use crate::iam::user::User;
use crate::iam::{access_key, aws_policies, group, managed_policy, renamable, tags, trust};
use crate::seal::Seal;

pub(in crate::iam) fn role(
    store: &dyn Store,
    account: &str,
    name: &str,
) -> Result<Option<RoleEntry>, Error> {
    let Some(role) = roles::find(store, account, name)? else {
        return Ok(None);
    };
    let source = source(PolicyKind::Trust, format!("{}#trust", role.arn), &role.arn);
    let trust = compiled(&trust::evaluated(&role), Purpose::Trust, source);
    let mut policies = Vec::new();
    add_policies(store, account, &role.arn, &role.policies, &mut policies)?;
    Ok(Some(RoleEntry {
        account: account.into(),
        trust: Arc::new(trust),
        policies: policies.into(),
        boundary: boundary(store, account, &role.arn, &role.policies)?,
        policy_versions: policy_versions(store, account, &role.policies)?,
        tags: tags::pairs(&role.tags),
        session_seconds_max: role.session_seconds_max,
        arn: role.arn.into(),
        name: role.name.into(),
        id: role.id.into(),
    }))
}

pub(in crate::iam) fn user(
    store: &dyn Store,
    account: &str,
    name: &str,
) -> Result<Option<UserEntry>, Error> {
    let Some(user) = renamable::find::<User>(store, account, name)? else {
        return Ok(None);
    };
    let arn = user.arn(account);
    let mut policies = Vec::new();
    add_policies(store, account, &arn, &user.policies, &mut policies)?;
    for group in group::of_user(store, account, &user)? {
        let arn = group.arn(account);
        add_policies(store, account, &arn, &group.policies, &mut policies)?;
    }
    Ok(Some(UserEntry {
        account: account.into(),
        policies: policies.into(),
        boundary: boundary(store, account, &arn, &user.policies)?,
        tags: tags::pairs(&user.tags),
        arn: arn.into(),
        name: user.name.into(),
        id: user.id.into(),
    }))
}

/// The policies of the group that has this ARN.
pub(in crate::iam) fn group_policies(
    store: &dyn Store,
    account: &str,
    arn: &str,
) -> Result<Option<Vec<Arc<Attached>>>, Error> {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let group = renamable::find::<Group>(store, account, name)?;
    let Some(group) = group.filter(|group| group.arn(account) == arn) else {
        return Ok(None);
    };
    let mut policies = Vec::new();
    add_policies(store, account, arn, &group.policies, &mut policies)?;
    Ok(Some(policies))
}

pub(super) fn access_key(
    store: &dyn Store,
    seal: &Seal,
    id: &str,
) -> Result<Option<KeyEntry>, Error> {
    let Some((account, user)) = access_key::holder(store, id)? else {
        return Ok(None);
    };
    let mut keys = user.body.access_keys.iter();
    let Some(key) = keys.find(|key| key.id == id) else {
        return Ok(None);
    };
    let secret = key.secret(seal).ok_or_else(|| Error::Damaged {
        key: id.to_owned(),
        cause: "its secret was not sealed under this master key".to_owned(),
    })?;
    Ok(Some(KeyEntry {
        account: account.into(),
        active: key.active,
        secret: secret.into(),
        user_name: user.body.name.as_str().into(),
        user_id: user.body.id.as_str().into(),
    }))
}

pub(super) fn provider(
    store: &dyn Store,
    account: &str,
    url: &str,
) -> Result<Option<ProviderEntry>, Error> {
    let Some(url) = url.strip_prefix("https://") else {
        return Ok(None);
    };
    let key = provider::key(account, url);
    let found: Option<Found<Provider>> = documents::read(store, Kind::IdentityProvider, &key)?;
    Ok(found.map(|found| ProviderEntry {
        arn: found.body.arn(account).into(),
        url: found.body.url.into(),
        client_ids: found.body.client_ids,
        thumbprints: found.body.thumbprints,
    }))
}

/// The default version of a managed policy, as attached to `attached_to`.
pub(super) fn managed_policy(
    store: &dyn Store,
    account: &str,
    arn: &str,
    attached_to: &str,
) -> Result<Option<Attached>, Error> {
    let Some(found) = managed_policy::find_document(store, account, arn)? else {
        return Ok(None);
    };
    let source = Source {
        managed: true,
        ..source(PolicyKind::Identity, arn.to_owned(), attached_to)
    };
    let document = found.body.default_document().unwrap_or_default();
    Ok(Some(compiled(document, Purpose::Identity, source)))
}

fn source(kind: PolicyKind, uri: String, attached_to: &str) -> Source {
    Source {
        kind,
        uri: uri.into(),
        managed: false,
        attached_to: attached_to.into(),
    }
}

fn compiled(document: &str, purpose: Purpose, source: Source) -> Attached {
    let policy = Policy::kept(document, purpose);
    Attached { policy, source }
}

fn damaged(key: &str, cause: String) -> Error {
    Error::Damaged {
        key: key.to_owned(),
        cause,
    }
}

/// Adds what an entity has: inline policies, then attached ones.
fn add_policies(
    store: &dyn Store,
    account: &str,
    arn: &str,
    policies: &Policies,
    all: &mut Vec<Arc<Attached>>,
) -> Result<(), Error> {
    for (name, document) in &policies.inline {
        let source = source(PolicyKind::Identity, format!("{arn}#policy/{name}"), arn);
        all.push(Arc::new(compiled(document, Purpose::Identity, source)));
    }
    for policy in &policies.attached {
        match managed_policy(store, account, policy, arn)? {
            Some(policy) => all.push(Arc::new(policy)),
            // One of AWS that this build does not know, attached by another: it grants nothing.
            None if policy.starts_with(aws_policies::PREFIX) => {}
            None => {
                return Err(damaged(
                    arn,
                    format!("the policy `{policy}` does not exist"),
                ));
            }
        }
    }
    Ok(())
}

/// What tells each policy from what it was at other times.
fn policy_versions(store: &dyn Store, account: &str, policies: &Policies) -> Result<Value, Error> {
    let mut versions = Vec::new();
    for (name, document) in &policies.inline {
        let digest = Digest::of(document.as_bytes()).to_string();
        let shown = ObjectBuilder::new()
            .add("name", name.as_str())
            .add("sha256", digest)
            .build();
        versions.push(Value::from(shown));
    }
    for arn in policies.attached.iter().chain(&policies.boundary) {
        let mut shown = ObjectBuilder::new();
        shown.add("arn", arn.as_str());
        if let Some(found) = managed_policy::find_document(store, account, arn)? {
            let number = found.body.default_version;
            shown.add("version", managed_policy::version_id(number));
        }
        if policies.boundary.as_ref() == Some(arn) {
            shown.add("isBoundary", true);
        }
        versions.push(Value::from(shown.build()));
    }
    Ok(versions.into())
}

/// The boundary. One that is not there is an error: without it, the entity could do more than it
/// should.
fn boundary(
    store: &dyn Store,
    account: &str,
    arn: &str,
    policies: &Policies,
) -> Result<Option<Arc<Attached>>, Error> {
    let Some(boundary) = &policies.boundary else {
        return Ok(None);
    };
    let found = managed_policy(store, account, boundary, arn)?;
    let missing = || damaged(arn, format!("the boundary `{boundary}` does not exist"));
    let mut found = found.ok_or_else(missing)?;
    found.source.kind = PolicyKind::Boundary;
    Ok(Some(Arc::new(found)))
}
