//! GetFunction, GetFunctionConfiguration and ListFunctions.

use aws::ServiceError;
use json::ObjectBuilder;
use store::{Kind, Store};

use super::address::Address;
use super::function::{Function, Snapshot};
use super::pages::Pages;
use super::shown::{Moment, shown};
use super::{Lambda, code};
use crate::documents;
use crate::{Answer, Call};

impl Lambda {
    pub(super) async fn get_function(&self, call: &Call) -> Result<Answer, ServiceError> {
        let address = Address::of(call)?;
        let resolved = self.resolve(&address).await?;
        let (function, snapshot) = (&resolved.function, resolved.snapshot());
        let arn = address.qualified_arn();
        let code = ObjectBuilder::new()
            .add("RepositoryType", "Lockstep")
            .add("Location", code::location(&snapshot.code))
            .build();
        let mut answer = ObjectBuilder::new();
        answer
            .add(
                "Configuration",
                shown(function, snapshot, &arn, Moment::Settled),
            )
            .add("Code", code);
        if !function.tags.is_empty() {
            answer.add("Tags", super::tags::shown(&function.tags));
        }
        if let Some(reserved) = function.reserved_concurrency {
            answer.add("Concurrency", super::concurrency::shown(reserved));
        }
        Ok((&mut answer).into())
    }

    pub(super) async fn get_function_configuration(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let address = Address::of(call)?;
        let resolved = self.resolve(&address).await?;
        let (function, snapshot) = (&resolved.function, resolved.snapshot());
        Ok(shown(
            function,
            snapshot,
            &address.qualified_arn(),
            Moment::Settled,
        )
        .into())
    }

    pub(super) async fn list_functions(&self, call: &Call) -> Result<Answer, ServiceError> {
        let prefix = format!("{}/{}/", call.account, call.region);
        let all = call.text("FunctionVersion") == Some("ALL");
        let pages = Pages::of(call, &format!("{prefix} {all}"))?;
        let (after, limit) = (pages.after.clone(), pages.limit + 1);
        let listed = self
            .documents
            .blocking(move |store| match all {
                true => all_versions(store, &prefix, after.as_deref(), limit),
                false => latest(store, &prefix, after.as_deref(), limit),
            })
            .await?;
        Ok(pages.answer("Functions", listed, |(function, snapshot)| {
            let arn = match all {
                true => format!("{}:{}", function.arn, snapshot.version),
                false => function.arn.clone(),
            };
            shown(function, snapshot, &arn, Moment::Listed).into()
        }))
    }
}

/// Versions of functions with their positions.
type Listed = Vec<(String, (Function, Snapshot))>;

fn latest(
    store: &dyn Store,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Listed, documents::Error> {
    let functions = documents::list::<Function>(store, Kind::Function, prefix, after, limit)?;
    Ok(functions.into_iter().map(with_latest).collect())
}

fn with_latest((key, function): (String, Function)) -> (String, (Function, Snapshot)) {
    let latest = function.latest.clone();
    (key, (function, latest))
}

/// Every function's `$LATEST`, which lies at the function's key, and then its published versions
/// at theirs.
fn all_versions(
    store: &dyn Store,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Listed, documents::Error> {
    let mut listed = Listed::new();
    // The function that the page before ended in: some of its versions may be left.
    let mut at = after.map(|after| {
        let rest = after.strip_prefix(prefix).unwrap_or_default();
        let name = rest.split('/').next().unwrap_or_default();
        format!("{prefix}{name}")
    });
    if let (Some(key), Some(after)) = (&at, after)
        && let Some(function) = documents::read::<Function>(store, Kind::Function, key)?
    {
        add_versions(store, key, &function.body, after, limit, &mut listed)?;
    }
    while listed.len() < limit {
        let page = documents::list::<Function>(store, Kind::Function, prefix, at.as_deref(), 1)?;
        let Some((key, function)) = page.into_iter().next() else {
            break;
        };
        listed.push(with_latest((key.clone(), function.clone())));
        add_versions(store, &key, &function, &key, limit, &mut listed)?;
        at = Some(key);
    }
    Ok(listed)
}

fn add_versions(
    store: &dyn Store,
    key: &str,
    function: &Function,
    after: &str,
    limit: usize,
    listed: &mut Listed,
) -> Result<(), documents::Error> {
    let left = limit.saturating_sub(listed.len());
    let prefix = format!("{key}/");
    let versions =
        documents::list::<Snapshot>(store, Kind::FunctionVersion, &prefix, Some(after), left)?;
    let with_function = |(key, version)| (key, (function.clone(), version));
    listed.extend(versions.into_iter().map(with_function));
    Ok(())
}
