//! IAM of one account in the store, as operations see it.
//!
//! Every operation is a plain function that runs where it may block. Those that change something
//! run one after the other in an account (see [`super::Iam::handle`]), so what one looked at is
//! still so when it writes: a policy is not deleted while it is being attached. A crash between two
//! writes of one operation must leave nothing that grants more than before; each such operation
//! says why it doesn't.

use aws::ServiceError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Kind, Store};

use crate::Call;
use crate::documents::{self, Found};
use crate::seal::Seal;

/// Entities of one kind and account that are looked at together: twice AWS's highest quota.
const LISTED_MAX: usize = 10_000;

/// How many entities an account may have; IAM user guide, "IAM and AWS STS quotas".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quotas {
    pub roles_max: usize,
    pub users_max: usize,
    pub groups_max: usize,
    pub policies_max: usize,
    pub instance_profiles_max: usize,
    pub identity_providers_max: usize,
}

impl Default for Quotas {
    fn default() -> Quotas {
        Quotas {
            roles_max: 1_000,
            users_max: 5_000,
            groups_max: 300,
            policies_max: 1_500,
            instance_profiles_max: 1_000,
            identity_providers_max: 100,
        }
    }
}

/// The IAM of an account.
pub(super) struct Account<'s> {
    pub store: &'s dyn Store,
    pub id: &'s str,
    pub seal: &'s Seal,
    pub quotas: Quotas,
}

/// A document that calls name.
pub(super) trait Entity: Serialize + DeserializeOwned {
    const KIND: Kind;

    /// The entity that a call names.
    ///
    /// # Errors
    /// NoSuchEntity, and what the way it is named by can be wrong about.
    fn named(account: &Account<'_>, call: &Call) -> Result<Found<Self>, ServiceError>;

    /// The key of its document.
    fn key(&self, account: &str) -> String;
}

impl Account<'_> {
    /// The document under a key.
    pub(super) fn read<E: Entity>(&self, key: &str) -> Result<Option<Found<E>>, ServiceError> {
        Ok(documents::read(self.store, E::KIND, key)?)
    }

    /// The entity that the call names.
    pub(super) fn named<E: Entity>(&self, call: &Call) -> Result<E, ServiceError> {
        Ok(E::named(self, call)?.body)
    }

    /// Changes the entity that the call names; nothing is written when `change` refuses.
    pub(super) fn change<E: Entity, R>(
        &self,
        call: &Call,
        change: impl FnMut(&mut E) -> Result<R, ServiceError>,
    ) -> Result<R, ServiceError> {
        let key = E::named(self, call)?.body.key(self.id);
        documents::change(self.store, E::KIND, &key, change)?.ok_or_else(changed_meanwhile)?
    }

    /// Keeps a new entity. `false` when there is one already.
    pub(super) fn create<E: Entity>(&self, entity: &E) -> Result<bool, ServiceError> {
        let key = entity.key(self.id);
        Ok(documents::create(self.store, E::KIND, &key, entity)?)
    }

    /// Deletes an entity as it was read.
    pub(super) fn delete<E: Entity>(&self, found: &Found<E>) -> Result<(), ServiceError> {
        let key = found.body.key(self.id);
        match documents::delete(self.store, E::KIND, &key, found.revision)? {
            true => Ok(()),
            false => Err(changed_meanwhile()),
        }
    }

    /// Every entity of a kind, in the order of their keys.
    pub(super) fn all<E: Entity>(&self) -> Result<Vec<E>, ServiceError> {
        let prefix = format!("{}/", self.id);
        let all = documents::list(self.store, E::KIND, &prefix, None, LISTED_MAX)?;
        Ok(all.into_iter().map(|(_, entity)| entity).collect())
    }

    /// How many entities of a kind there are.
    pub(super) fn count<E: Entity>(&self) -> Result<usize, ServiceError> {
        let prefix = format!("{}/", self.id);
        let all = self
            .store
            .list_documents(E::KIND, &prefix, None, LISTED_MAX);
        Ok(all.map_err(documents::Error::from)?.len())
    }

    /// Refuses one more entity of a kind when there are as many as there may be.
    pub(super) fn check_room<E: Entity>(
        &self,
        quota: &str,
        limit: usize,
    ) -> Result<(), ServiceError> {
        match self.count::<E>()? < limit {
            true => Ok(()),
            false => Err(super::limit_exceeded(quota, limit)),
        }
    }
}

/// Calls to this process follow each other: another one shares the store.
fn changed_meanwhile() -> ServiceError {
    let message = "The entity was changed at the same time; try again.";
    ServiceError::new("ConcurrentModification", message).with_status(409)
}
