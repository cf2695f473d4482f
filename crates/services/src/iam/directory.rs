//! What evaluation reads of IAM: entities with their policies compiled, kept until IAM changes.

mod kept;
pub(super) mod load;
mod uses;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws::iam::{Attached, Tag};
use json::Value;
use store::Store;

use self::kept::Kept;
use self::uses::Uses;
use super::access_key::{self, LastUsed};
use crate::documents::{Documents, Error};
use crate::seal::Seal;

/// Reads entities; a change of IAM is seen by the next read.
pub struct Directory {
    pub(super) documents: Documents,
    /// Opens the secrets of access keys.
    seal: Arc<Seal>,
    /// Rises with every change of IAM: what was read under a lower one may be old.
    generation: AtomicU64,
    roles: Kept<RoleEntry>,
    users: Kept<UserEntry>,
    keys: Kept<KeyEntry>,
    providers: Kept<ProviderEntry>,
    policies: Kept<Attached>,
    uses: Uses,
}

/// A role as evaluation sees it.
#[derive(Clone, Debug)]
pub struct RoleEntry {
    pub account: Arc<str>,
    pub arn: Arc<str>,
    pub name: Arc<str>,
    /// `AROA...`
    pub id: Arc<str>,
    pub session_seconds_max: i64,
    pub tags: Arc<[Tag]>,
    /// With the ids of the roles and users it names, so that a namesake is not trusted.
    pub trust: Arc<Attached>,
    /// Inline and attached policies.
    pub policies: Arc<[Arc<Attached>]>,
    pub boundary: Option<Arc<Attached>>,
    /// What its policies are now: name and digest of an inline one, ARN and version of a managed
    /// one. Executions keep it.
    pub policy_versions: Value,
}

/// A user as evaluation sees it; `policies` holds those of its groups as well.
#[derive(Clone, Debug)]
pub struct UserEntry {
    pub account: Arc<str>,
    pub arn: Arc<str>,
    pub name: Arc<str>,
    /// `AIDA...`
    pub id: Arc<str>,
    pub tags: Arc<[Tag]>,
    pub policies: Arc<[Arc<Attached>]>,
    pub boundary: Option<Arc<Attached>>,
}

/// An access key of a user.
#[derive(Clone)]
pub struct KeyEntry {
    pub account: Arc<str>,
    pub user_name: Arc<str>,
    /// Whose it is whatever the name: another user may have taken it since.
    pub user_id: Arc<str>,
    pub active: bool,
    pub secret: Arc<str>,
}

/// An OIDC identity provider.
#[derive(Clone, Debug)]
pub struct ProviderEntry {
    pub arn: Arc<str>,
    /// Without the scheme, as its ARN has it.
    pub url: Arc<str>,
    pub client_ids: Vec<String>,
    pub thumbprints: Vec<String>,
}

impl Directory {
    pub(crate) fn new(documents: Documents, seal: Arc<Seal>) -> Directory {
        Directory {
            documents,
            seal,
            generation: AtomicU64::new(0),
            roles: Kept::default(),
            users: Kept::default(),
            keys: Kept::default(),
            providers: Kept::default(),
            policies: Kept::default(),
            uses: Uses::default(),
        }
    }

    /// The role of this name (without its path, whatever the case).
    ///
    /// # Errors
    /// When the store can't be read, or a policy that the role has is not in it: then nobody knows
    /// what the role may do.
    pub async fn role(&self, account: &str, name: &str) -> Result<Option<Arc<RoleEntry>>, Error> {
        let owned = (account.to_owned(), name.to_owned());
        self.read(&self.roles, format!("{account}/{name}"), move |store| {
            load::role(store, &owned.0, &owned.1)
        })
        .await
    }

    /// The user of this name (whatever the case).
    ///
    /// # Errors
    /// As [`Directory::role`].
    pub async fn user(&self, account: &str, name: &str) -> Result<Option<Arc<UserEntry>>, Error> {
        let owned = (account.to_owned(), name.to_owned());
        self.read(&self.users, format!("{account}/{name}"), move |store| {
            load::user(store, &owned.0, &owned.1)
        })
        .await
    }

    /// The access key with this id.
    ///
    /// # Errors
    /// When the store can't be read, or the secret was sealed under another master key.
    pub async fn access_key(&self, id: &str) -> Result<Option<Arc<KeyEntry>>, Error> {
        let (owned, seal) = (id.to_owned(), Arc::clone(&self.seal));
        self.read(&self.keys, id.to_owned(), move |store| {
            load::access_key(store, &seal, &owned)
        })
        .await
    }

    /// The identity provider of an account with this URL (`https://...`, byte for byte).
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn provider(
        &self,
        account: &str,
        url: &str,
    ) -> Result<Option<Arc<ProviderEntry>>, Error> {
        let owned = (account.to_owned(), url.to_owned());
        self.read(&self.providers, format!("{account}/{url}"), move |store| {
            load::provider(store, &owned.0, &owned.1)
        })
        .await
    }

    /// A policy for a session: a managed one by its ARN (of AWS, or of `account`).
    ///
    /// # Errors
    /// As [`Directory::role`].
    pub async fn managed_policy(
        &self,
        account: &str,
        arn: &str,
    ) -> Result<Option<Arc<Attached>>, Error> {
        let owned = (account.to_owned(), arn.to_owned());
        self.read(&self.policies, format!("{account}/{arn}"), move |store| {
            load::managed_policy(store, &owned.0, &owned.1, &owned.1)
        })
        .await
    }

    /// Keeps in the user's document that an access key signed a call: what GetAccessKeyLastUsed
    /// answers. The same use within a quarter of an hour is not written again.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn key_used(
        &self,
        id: &str,
        service: &str,
        region: &str,
        time_ms: i64,
    ) -> Result<(), Error> {
        let Some(key) = self.access_key(id).await? else {
            return Ok(());
        };
        let used = LastUsed {
            time_ms,
            service: service.to_owned(),
            region: region.to_owned(),
        };
        if !self.uses.is_news(id, &used) {
            return Ok(());
        }
        let id = id.to_owned();
        let alone = super::alone(&key.account);
        let note = move |store: &dyn Store, _: &str| access_key::note_use(store, &id, &used);
        self.documents.alone(&alone, note).await
    }

    /// Something to hold while IAM is changed: once it is dropped, whoever reads sees the change.
    /// It must go into the closure that changes the store, whose caller may leave before its end.
    pub(crate) fn changing(self: &Arc<Self>) -> Changing {
        Changing(Arc::clone(self))
    }

    /// What is kept under `key`, or what `load` finds, which is kept then.
    async fn read<T: Send + Sync + 'static>(
        &self,
        kept: &Kept<T>,
        key: String,
        load: impl FnOnce(&dyn Store) -> Result<Option<T>, Error> + Send + 'static,
    ) -> Result<Option<Arc<T>>, Error> {
        // Asked before the store is read: a change in between makes what is kept old at once.
        let generation = self.generation.load(Ordering::SeqCst);
        if let Some(found) = kept.get(&key, generation) {
            return Ok(found);
        }
        let found = self.documents.blocking(load).await?.map(Arc::new);
        kept.put(key, generation, found.clone());
        Ok(found)
    }
}

/// Makes what was read before it old when it is dropped.
pub(crate) struct Changing(Arc<Directory>);

impl Drop for Changing {
    fn drop(&mut self) {
        self.0.generation.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
