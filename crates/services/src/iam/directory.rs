//! What evaluation reads of IAM: entities with their policies compiled, kept until IAM changes.

use std::sync::Arc;

use aws::iam::{Attached, Tag};

use crate::documents::{Documents, Error};
use crate::seal::Seal;

/// Reads entities; a change of IAM is seen by the next read.
pub struct Directory {
    documents: Documents,
    /// Opens the secrets of access keys.
    seal: Arc<Seal>,
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
    pub trust: Arc<Attached>,
    /// Inline and attached policies.
    pub policies: Arc<[Arc<Attached>]>,
    pub boundary: Option<Arc<Attached>>,
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
        Directory { documents, seal }
    }

    /// The role of this name (without its path, whatever the case).
    pub async fn role(&self, account: &str, name: &str) -> Result<Option<Arc<RoleEntry>>, Error> {
        let _ = (&self.documents, account, name);
        Ok(None)
    }

    /// The user of this name.
    pub async fn user(&self, account: &str, name: &str) -> Result<Option<Arc<UserEntry>>, Error> {
        let _ = (&self.documents, account, name);
        Ok(None)
    }

    /// The access key with this id.
    pub async fn access_key(&self, id: &str) -> Result<Option<Arc<KeyEntry>>, Error> {
        let _ = (&self.documents, &self.seal, id);
        Ok(None)
    }

    /// The identity provider of an account with this URL (`https://...`, byte for byte).
    pub async fn provider(
        &self,
        account: &str,
        url: &str,
    ) -> Result<Option<Arc<ProviderEntry>>, Error> {
        let _ = (&self.documents, account, url);
        Ok(None)
    }

    /// A policy for a session: a managed one by its ARN (of AWS, or of `account`).
    pub async fn managed_policy(
        &self,
        account: &str,
        arn: &str,
    ) -> Result<Option<Arc<Attached>>, Error> {
        let _ = (&self.documents, account, arn);
        Ok(None)
    }

    /// Says that IAM changed; whoever reads from now on sees it.
    pub fn changed(&self) {}
}
