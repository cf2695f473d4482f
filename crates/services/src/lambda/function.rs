//! Functions as the store keeps them, and what a name and a qualifier lead to.
//!
//! A function's document holds `$LATEST`. Published versions and aliases are documents of their
//! own, whose keys begin with the function's. Whatever changes one of them does it alone by the key
//! of the function ([`crate::documents::Documents::alone`]), so that none is made for a function
//! that is being deleted.

use aws::ServiceError;
use serde::{Deserialize, Serialize};
use store::{Kind, Store};
use uuid::Uuid;

use super::address::{Address, LATEST};
use super::alias::Alias;
use super::configuration::Configuration;
use super::{Lambda, not_found};
use crate::documents::{self, Error, Found};

/// What is true of all versions of a function.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Function {
    pub name: String,
    /// Unqualified.
    pub arn: String,
    pub account: String,
    pub region: String,
    #[serde(flatten)]
    pub latest: Snapshot,
    pub tags: Vec<(String, String)>,
    /// The number of the version published last, also when it was deleted since; 0 before the
    /// first.
    #[serde(default)]
    pub last_version: u64,
    /// `None` leaves the function to the concurrency that the account has not reserved.
    #[serde(default)]
    pub reserved_concurrency: Option<u32>,
    /// `RecursiveLoop` of PutFunctionRecursionConfig; `None` is AWS's default, `Terminate`.
    #[serde(default)]
    pub recursive_loop: Option<String>,
}

/// What an invocation runs: `$LATEST` as it is now, or a published version as it stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// `$LATEST` or a number.
    #[serde(default = "latest")]
    pub version: String,
    pub modified_ms: i64,
    pub revision_id: String,
    pub code: Code,
    pub configuration: Configuration,
    /// The description that a version was published with; `None` leaves it that of the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_description: Option<String>,
}

fn latest() -> String {
    LATEST.to_owned()
}

/// A deployment package; its bytes are a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Code {
    /// Bytes of the zip.
    pub size: u64,
    /// Bytes of its files; 0 of packages that were taken before this was kept.
    #[serde(default)]
    pub unzipped_size: u64,
    /// Base64, as the API shows it.
    pub sha256_base64: String,
    /// Hex: the blob's digest.
    pub sha256_hex: String,
}

impl Snapshot {
    /// All packages that it needs: its own and those of its layers.
    pub(super) fn packages(&self) -> impl Iterator<Item = &Code> {
        let layers = self.configuration.layers.iter().map(|layer| &layer.code);
        layers.chain([&self.code])
    }

    /// Marks a change: when, and a revision of its own.
    pub(super) fn touch(&mut self, now_ms: i64) {
        self.modified_ms = now_ms;
        self.revision_id = Uuid::new_v4().to_string();
    }
}

/// What an address leads to.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    pub function: Function,
    /// `None` stands for `$LATEST`.
    published: Option<Snapshot>,
    /// The alias that the address names.
    pub alias: Option<Alias>,
}

impl Resolved {
    /// The version that runs.
    pub(super) fn snapshot(&self) -> &Snapshot {
        self.published.as_ref().unwrap_or(&self.function.latest)
    }
}

/// A chance that no alias gives to its additional version.
pub(super) const MAIN_VERSION: f64 = 1.0;

impl Lambda {
    /// What an address leads to, or AWS's error; an alias leads to its main version.
    pub(super) async fn resolve(&self, address: &Address) -> Result<Resolved, ServiceError> {
        let found = self.find(address, MAIN_VERSION).await?;
        found.ok_or_else(|| not_found(&address.qualified_arn()))
    }

    /// Does work on a function and on what belongs to it, after all such work under way.
    pub(super) async fn alone<R: Send + 'static>(
        &self,
        address: &Address,
        work: impl FnOnce(&dyn Store) -> Result<R, ServiceError> + Send + 'static,
    ) -> Result<R, ServiceError> {
        self.documents
            .alone(&address.key(), move |store, _| Ok(work(store)))
            .await?
    }

    /// What an address leads to. Of an alias with weights the `chance`, from 0 to below 1, picks
    /// the version. `None` when there is no such function, version or alias.
    pub(super) async fn find(
        &self,
        address: &Address,
        chance: f64,
    ) -> Result<Option<Resolved>, Error> {
        let address = address.clone();
        self.documents
            .blocking(move |store| find(store, &address, chance))
            .await
    }
}

/// As [`Lambda::find`]. Blocks while the store reads.
pub(super) fn find(
    store: &dyn Store,
    address: &Address,
    chance: f64,
) -> Result<Option<Resolved>, Error> {
    let Some(function) = documents::read::<Function>(store, Kind::Function, &address.key())? else {
        return Ok(None);
    };
    let mut resolved = Resolved {
        function: function.body,
        published: None,
        alias: None,
    };
    let version = match address.qualifier.as_deref() {
        None | Some(LATEST) => return Ok(Some(resolved)),
        Some(number) if is_number(number) => number.to_owned(),
        Some(name) => {
            let key = address.alias_key(name);
            let Some(alias) = documents::read::<Alias>(store, Kind::FunctionAlias, &key)? else {
                return Ok(None);
            };
            let version = alias.body.version_for(chance).to_owned();
            resolved.alias = Some(alias.body);
            version
        }
    };
    if version == LATEST {
        return Ok(Some(resolved));
    }
    let key = address.version_key(&version);
    let published = documents::read::<Snapshot>(store, Kind::FunctionVersion, &key)?;
    resolved.published = published.map(|found| found.body);
    Ok(resolved.published.is_some().then_some(resolved))
}

/// Whether a qualifier is the number of a version, as it is shown; an alias has another character
/// at least.
pub(super) fn is_number(qualifier: &str) -> bool {
    !qualifier.starts_with('0') && qualifier.bytes().all(|byte| byte.is_ascii_digit())
}

/// The function at an address, or AWS's error. Blocks while the store reads.
pub(super) fn read(store: &dyn Store, address: &Address) -> Result<Found<Function>, ServiceError> {
    documents::read(store, Kind::Function, &address.key())?
        .ok_or_else(|| not_found(&address.qualified_arn()))
}

/// Changes the function at an address. Blocks while the store writes.
pub(super) fn change<R>(
    store: &dyn Store,
    address: &Address,
    change: impl FnMut(&mut Function) -> Result<R, ServiceError>,
) -> Result<R, ServiceError> {
    documents::change(store, Kind::Function, &address.key(), change)?
        .ok_or_else(|| not_found(&address.qualified_arn()))?
}
