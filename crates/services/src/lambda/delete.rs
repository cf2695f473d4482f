//! DeleteFunction, of a function with all that belongs to it or of one version.

use aws::ServiceError;
use json::ObjectBuilder;
use serde::de::IgnoredAny;
use store::{Kind, Store};

use super::address::{Address, LATEST};
use super::alias::Alias;
use super::function::{self, is_number};
use super::{Lambda, conflict, invalid, permissions};
use crate::documents;
use crate::{Answer, Call};

/// Documents of a function that are deleted between two looks at what is left.
const PAGE: usize = 100;

/// What belongs to a function, under keys that begin with its own.
const BELONGINGS: [Kind; 3] = [
    Kind::EventInvokeConfig,
    Kind::FunctionAlias,
    Kind::FunctionVersion,
];

impl Lambda {
    /// The packages stay until a collection finds that nothing else has the same ones.
    pub(super) async fn delete_function(&self, call: &Call) -> Result<Answer, ServiceError> {
        let address = Address::of(call)?;
        let at = address.clone();
        self.alone(&address, move |store| match at.qualifier.as_deref() {
            None => delete(store, &at),
            Some(LATEST) => Err(invalid(
                "$LATEST version cannot be deleted without deleting the function.",
            )),
            Some(number) if is_number(number) => delete_version(store, &at, number),
            Some(_) => Err(invalid("Deletion of aliases is not currently supported.")),
        })
        .await?;
        self.pool.forget(&address.arn());
        Ok(ObjectBuilder::new().add("StatusCode", 204).into())
    }
}

/// Deletes a function after all that belongs to it: cut off in between, the call can be repeated,
/// and a function made later never finds what was another's.
fn delete(store: &dyn Store, address: &Address) -> Result<(), ServiceError> {
    let function = function::read(store, address)?;
    permissions::forget(store, &address.arn())?;
    for kind in BELONGINGS {
        loop {
            let page = documents::list::<IgnoredAny>(store, kind, &address.prefix(), None, PAGE)?;
            if page.is_empty() {
                break;
            }
            for (key, _) in page {
                remove(store, kind, &key)?;
            }
        }
    }
    match documents::delete(store, Kind::Function, &address.key(), function.revision)? {
        true => Ok(()),
        false => Err(conflict(format!(
            "The operation cannot be performed at this time. An update is in progress for \
             resource: {}",
            function.body.arn
        ))),
    }
}

/// Deletes a version that no alias points to. A version that is not there is deleted already.
fn delete_version(store: &dyn Store, address: &Address, number: &str) -> Result<(), ServiceError> {
    function::read(store, address)?;
    let mut after = None;
    let mut pointing = Vec::new();
    loop {
        let page = documents::list::<Alias>(
            store,
            Kind::FunctionAlias,
            &address.prefix(),
            after.as_deref(),
            PAGE,
        )?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        let names = page.into_iter().map(|(_, alias)| alias);
        pointing.extend(
            names
                .filter(|alias| alias.points_to(number))
                .map(|alias| alias.name),
        );
    }
    if !pointing.is_empty() {
        return Err(conflict(format!(
            "Unable to delete version because the following aliases reference it: [{}]",
            pointing.join(", ")
        )));
    }
    permissions::forget(store, &address.arn_of(number))?;
    remove(store, Kind::EventInvokeConfig, &address.config_key(number))?;
    remove(store, Kind::FunctionVersion, &address.version_key(number))
}

/// Deletes a document, whatever it says; one that is not there is deleted already.
pub(super) fn remove(store: &dyn Store, kind: Kind, key: &str) -> Result<(), ServiceError> {
    store
        .delete_document(kind, key, store::Expected::Any)
        .map_err(documents::Error::from)?;
    Ok(())
}
