//! Aliases: names for versions, with a share of the invocations for a second one.

use aws::ServiceError;
use json::{Object, ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::{Kind, Store};
use uuid::Uuid;

use super::address::{Address, LATEST};
use super::function::{self, Snapshot, is_number};
use super::pages::Pages;
use super::{Lambda, conflict, delete, invalid, missing, not_found, permissions, update};
use crate::documents;
use crate::{Answer, Call};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Alias {
    pub name: String,
    /// `$LATEST` or a number.
    pub version: String,
    pub description: String,
    pub revision_id: String,
    /// A second version, and the share of the invocations that run it: from 0 to 1.
    pub additional: Option<(String, f64)>,
}

impl Alias {
    /// The version that an invocation runs; `chance` is drawn from 0 to below 1.
    pub(super) fn version_for(&self, chance: f64) -> &str {
        match &self.additional {
            Some((version, weight)) if chance < *weight => version,
            _ => &self.version,
        }
    }

    /// Whether an invocation may run this version.
    pub(super) fn points_to(&self, version: &str) -> bool {
        let additional = self.additional.as_ref();
        self.version == version || additional.is_some_and(|(other, _)| other == version)
    }

    /// This alias with the members of the call laid over it.
    fn updated(mut self, call: &Call) -> Result<Alias, ServiceError> {
        if let Some(version) = call.text("FunctionVersion") {
            version.clone_into(&mut self.version);
        }
        if let Some(description) = call.text("Description") {
            description.clone_into(&mut self.description);
        }
        if let Some(routing) = call.input.get("RoutingConfig") {
            self.additional = additional(routing)?;
        }
        self.revision_id = Uuid::new_v4().to_string();
        let Some((additional, _)) = &self.additional else {
            return Ok(self);
        };
        if *additional == self.version {
            return Err(invalid(format!(
                "Invalid function version {additional}. Function version {additional} is already \
                 included in routing configuration."
            )));
        }
        if self.version == LATEST {
            return Err(invalid(
                "$LATEST is not supported for an alias pointing to more than 1 version",
            ));
        }
        Ok(self)
    }

    /// Refuses an alias that leads to a version that is not there.
    fn check_versions(&self, store: &dyn Store, address: &Address) -> Result<(), ServiceError> {
        let additional = self.additional.iter().map(|(version, _)| version);
        for version in additional.chain([&self.version]) {
            if version == LATEST {
                continue;
            }
            let key = address.version_key(version);
            let published = documents::read::<Snapshot>(store, Kind::FunctionVersion, &key)?;
            if published.is_none() || !is_number(version) {
                return Err(not_found(&address.arn_of(version)));
            }
        }
        Ok(())
    }

    fn shown(&self, address: &Address) -> Object {
        let mut shown = ObjectBuilder::new();
        shown
            .add("AliasArn", address.arn_of(&self.name))
            .add("Name", self.name.as_str())
            .add("FunctionVersion", self.version.as_str())
            .add("Description", self.description.as_str());
        if let Some((version, weight)) = &self.additional {
            let weights = ObjectBuilder::new()
                .add(version.clone(), Value::from(*weight))
                .build();
            let routing = ObjectBuilder::new()
                .add("AdditionalVersionWeights", weights)
                .build();
            shown.add("RoutingConfig", routing);
        }
        shown.add("RevisionId", self.revision_id.as_str());
        shown.build()
    }
}

/// The second version of `AdditionalVersionWeights`, of which there is one at most.
fn additional(routing: &Value) -> Result<Option<(String, f64)>, ServiceError> {
    let weights = routing
        .get("AdditionalVersionWeights")
        .and_then(Value::as_object);
    let mut weights = weights.into_iter().flat_map(Object::iter);
    let first = weights.next();
    if weights.next().is_some() {
        return Err(invalid(
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
        ));
    }
    Ok(first.map(|(version, weight)| (version.to_owned(), weight.as_f64().unwrap_or_default())))
}

impl Lambda {
    pub(super) async fn create_alias(&self, call: &Call) -> Result<Answer, ServiceError> {
        let address = Address::of_function(call)?;
        let alias = Alias {
            name: call.required("Name")?.to_owned(),
            version: call.required("FunctionVersion")?.to_owned(),
            description: String::new(),
            revision_id: String::new(),
            additional: None,
        };
        let alias = alias.updated(call)?;
        let shown = alias.shown(&address);
        let at = address.clone();
        self.alone(&address, move |store| {
            function::read(store, &at)?;
            alias.check_versions(store, &at)?;
            let key = at.alias_key(&alias.name);
            if documents::create(store, Kind::FunctionAlias, &key, &alias)? {
                return Ok(());
            }
            let arn = at.arn_of(&alias.name);
            Err(conflict(format!("Alias already exists: {arn}")))
        })
        .await?;
        Ok(shown.into())
    }

    pub(super) async fn update_alias(&self, call: &Call) -> Result<Answer, ServiceError> {
        let address = Address::of_function(call)?;
        let name = call.required("Name")?.to_owned();
        let (at, call) = (address.clone(), call.clone());
        let alias = self
            .alone(&address, move |store| {
                function::read(store, &at)?;
                let key = at.alias_key(&name);
                let changed =
                    documents::change(store, Kind::FunctionAlias, &key, |alias: &mut Alias| {
                        let expected = call.text("RevisionId");
                        if expected.is_some_and(|expected| expected != alias.revision_id) {
                            return Err(update::wrong_revision());
                        }
                        *alias = alias.clone().updated(&call)?;
                        alias.check_versions(store, &at)?;
                        Ok(alias.clone())
                    });
                let arn = at.arn_of(&name);
                changed?.ok_or_else(|| missing(format!("Alias not found: {arn}")))?
            })
            .await?;
        Ok(alias.shown(&address).into())
    }

    pub(super) async fn get_alias(&self, call: &Call) -> Result<Answer, ServiceError> {
        let address = Address::of_function(call)?;
        self.resolve(&address).await?;
        let name = call.required("Name")?;
        let found = self
            .documents
            .get::<Alias>(Kind::FunctionAlias, &address.alias_key(name))
            .await?;
        let found = found.ok_or_else(|| {
            let arn = address.arn_of(name);
            missing(format!("Cannot find alias arn: {arn}"))
        })?;
        Ok(found.body.shown(&address).into())
    }

    pub(super) async fn list_aliases(&self, call: &Call) -> Result<Answer, ServiceError> {
        let address = Address::of_function(call)?;
        self.resolve(&address).await?;
        let version = call.text("FunctionVersion").map(str::to_owned);
        let scope = format!("{} {version:?}", address.prefix());
        let pages = Pages::of(call, &scope)?;
        let (mut after, limit) = (pages.after.clone(), pages.limit + 1);
        let mut aliases: Vec<(String, Alias)> = Vec::new();
        while aliases.len() < limit {
            let page = self
                .documents
                .list::<Alias>(
                    Kind::FunctionAlias,
                    &address.prefix(),
                    after.as_deref(),
                    limit,
                )
                .await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            aliases.extend(page.into_iter().filter(|(_, alias)| {
                let version = version.as_ref();
                version.is_none_or(|version| alias.points_to(version))
            }));
        }
        Ok(pages.answer("Aliases", aliases, |alias| alias.shown(&address).into()))
    }

    /// An alias that is not there is deleted already.
    pub(super) async fn delete_alias(&self, call: &Call) -> Result<Answer, ServiceError> {
        let address = Address::of_function(call)?;
        let name = call.required("Name")?.to_owned();
        if name == LATEST || is_number(&name) {
            return Err(missing(format!(
                "Cannot find alias arn: {}",
                address.arn_of(&name)
            )));
        }
        let at = address.clone();
        self.alone(&address, move |store| {
            function::read(store, &at)?;
            permissions::forget(store, &at.arn_of(&name))?;
            delete::remove(store, Kind::EventInvokeConfig, &at.config_key(&name))?;
            delete::remove(store, Kind::FunctionAlias, &at.alias_key(&name))
        })
        .await?;
        Ok(Answer::empty())
    }
}
