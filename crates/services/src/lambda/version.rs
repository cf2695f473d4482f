//! Published versions: `$LATEST` as it was, under a number that is never given again.

use aws::ServiceError;
use store::{Kind, Store};
use uuid::Uuid;

use super::address::Address;
use super::function::{self, Function, Snapshot};
use super::pages::Pages;
use super::shown::{Moment, shown};
use super::{Lambda, invalid, update};
use crate::documents;
use crate::{Answer, Call};

impl Lambda {
    pub(super) async fn publish_version(&self, call: &Call) -> Result<Answer, ServiceError> {
        super::served::check(call)?;
        let address = Address::of_function(call)?;
        let (at, asked) = (address.clone(), call.clone());
        let (function, version) = self
            .alone(&address, move |store| {
                publish(store, &at, asked.text("Description"), |latest| {
                    update::check_revision(latest, asked.text("RevisionId"))?;
                    check_code(latest, asked.text("CodeSha256"))
                })
            })
            .await?;
        let arn = address.arn_of(&version.version);
        Ok(shown(&function, &version, &arn, Moment::Settled).into())
    }

    pub(super) async fn list_versions_by_function(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let address = Address::of(call)?;
        let function = self.resolve(&address).await?.function;
        let pages = Pages::of(call, &address.prefix())?;
        // The place of $LATEST, which always comes first, is before that of any document.
        let latest = [(String::new(), function.latest.clone())];
        let latest = latest.into_iter().take(usize::from(pages.is_first()));
        let after = pages.after.as_deref().unwrap_or_default();
        let published = self
            .documents
            .list::<Snapshot>(
                Kind::FunctionVersion,
                &address.prefix(),
                Some(after).filter(|after| !after.is_empty()),
                pages.limit + 1,
            )
            .await?;
        let versions: Vec<(String, Snapshot)> = latest.chain(published).collect();
        Ok(pages.answer("Versions", versions, |snapshot| {
            let arn = address.arn_of(&snapshot.version);
            shown(&function, snapshot, &arn, Moment::Listed).into()
        }))
    }
}

/// Publishes `$LATEST`. Where nothing changed since the version published last, that is the answer.
/// The number is taken before the version is kept: one is skipped rather than given twice.
pub(super) fn publish(
    store: &dyn Store,
    address: &Address,
    description: Option<&str>,
    check: impl Fn(&Snapshot) -> Result<(), ServiceError>,
) -> Result<(Function, Snapshot), ServiceError> {
    let function = function::read(store, address)?.body;
    check(&function.latest)?;
    let key = address.version_key(&function.last_version.to_string());
    let last = documents::read::<Snapshot>(store, Kind::FunctionVersion, &key)?;
    if let Some(last) = last.filter(|last| is_same(&last.body, &function.latest)) {
        return Ok((function, last.body));
    }
    let function = function::change(store, address, |function| {
        check(&function.latest)?;
        function.last_version += 1;
        Ok(function.clone())
    })?;
    let version = Snapshot {
        version: function.last_version.to_string(),
        revision_id: Uuid::new_v4().to_string(),
        own_description: description.map(str::to_owned),
        ..function.latest.clone()
    };
    let key = address.version_key(&version.version);
    match documents::create(store, Kind::FunctionVersion, &key, &version)? {
        true => Ok((function, version)),
        false => Err(documents::Error::Contended(key).into()),
    }
}

/// Whether a version is what publishing would make again. Another description alone is no reason
/// for another version.
fn is_same(version: &Snapshot, latest: &Snapshot) -> bool {
    version.code == latest.code && version.configuration == latest.configuration
}

fn check_code(latest: &Snapshot, expected: Option<&str>) -> Result<(), ServiceError> {
    let current = &latest.code.sha256_base64;
    match expected {
        Some(expected) if expected != current => Err(invalid(format!(
            "CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({current}). \
             Please try again with the CodeSHA256 in $LATEST."
        ))),
        _ => Ok(()),
    }
}
