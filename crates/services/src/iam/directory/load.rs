//! Entities out of their documents. Blocks while the store reads.

use std::sync::Arc;

use aws::iam::{Attached, Policy, PolicyKind, Purpose, Source};
use store::{Kind, Store};

use super::RoleEntry;
use crate::documents::{self, Error};
use crate::iam::managed_policy::{self, ManagedPolicy};
use crate::iam::role::{self, Role};
use crate::iam::tags;

/// Compiles a document of the store. One that can't be understood is an error, not an absence: what
/// it denies must not be allowed.
fn compiled(document: &str, purpose: Purpose, source: Source) -> Result<Arc<Attached>, Error> {
    let damaged = |malformed: aws::iam::Malformed| Error::Damaged {
        key: source.uri.to_string(),
        cause: malformed.to_string(),
    };
    let policy = Policy::parse(document, purpose).map_err(damaged)?;
    Ok(Arc::new(Attached { policy, source }))
}

fn inline(arn: &str, name: &str) -> Source {
    Source {
        kind: PolicyKind::Identity,
        uri: format!("{arn}#policy/{name}").into(),
        managed: false,
        attached_to: arn.into(),
    }
}

pub(super) fn role(
    store: &dyn Store,
    account: &str,
    name: &str,
) -> Result<Option<RoleEntry>, Error> {
    let found = documents::read::<Role>(store, Kind::Role, &role::key(account, name))?;
    let Some(role) = found.map(|found| found.body) else {
        return Ok(None);
    };
    let trust = Source {
        kind: PolicyKind::Trust,
        uri: format!("{}#trust", role.arn).into(),
        managed: false,
        attached_to: role.arn.as_str().into(),
    };
    let mut policies = Vec::new();
    for (name, document) in &role.policies {
        let source = inline(&role.arn, name);
        policies.push(compiled(document, Purpose::Identity, source)?);
    }
    for arn in &role.attached {
        policies.extend(managed_policy(store, account, arn, &role.arn)?.map(Arc::new));
    }
    let boundary = role.permissions_boundary.as_deref();
    let boundary = boundary.map(|arn| self::boundary(store, account, arn, &role.arn));
    Ok(Some(RoleEntry {
        account: account.into(),
        trust: compiled(&role.trust_policy, Purpose::Trust, trust)?,
        arn: role.arn.into(),
        name: role.name.into(),
        id: role.id.into(),
        session_seconds_max: role.session_seconds_max,
        tags: tags::pairs(&role.tags),
        policies: policies.into(),
        boundary: boundary.transpose()?,
    }))
}

/// The default version of a managed policy, as attached to `attached_to`.
pub(super) fn managed_policy(
    store: &dyn Store,
    account: &str,
    arn: &str,
    attached_to: &str,
) -> Result<Option<Attached>, Error> {
    let Some(key) = managed_policy::key_of_arn(account, arn) else {
        return Ok(None);
    };
    let found = documents::read::<ManagedPolicy>(store, Kind::Policy, &key)?;
    let Some(policy) = found.map(|found| found.body).filter(|it| it.arn == arn) else {
        return Ok(None);
    };
    let source = Source {
        kind: PolicyKind::Identity,
        uri: arn.into(),
        managed: true,
        attached_to: attached_to.into(),
    };
    let document = policy.default_document().unwrap_or_default();
    let policy = compiled(document, Purpose::Identity, source)?;
    Ok(Some(Arc::unwrap_or_clone(policy)))
}

/// A boundary. One that is not there is an error: without it, the entity may do more than it should.
fn boundary(
    store: &dyn Store,
    account: &str,
    arn: &str,
    attached_to: &str,
) -> Result<Arc<Attached>, Error> {
    let Some(mut found) = managed_policy(store, account, arn, attached_to)? else {
        return Err(Error::Damaged {
            key: attached_to.to_owned(),
            cause: format!("its permissions boundary `{arn}` does not exist"),
        });
    };
    found.source.kind = PolicyKind::Boundary;
    Ok(Arc::new(found))
}
