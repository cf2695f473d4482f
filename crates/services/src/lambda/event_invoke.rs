//! How events are treated that functions are invoked with asynchronously: retries, age,
//! destinations.

use asl::time::Timestamp;
use aws::{Arn, ServiceError};
use json::{Object, ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::{Kind, Store};

use super::address::{Address, LATEST};
use super::function::{Function, MAIN_VERSION};
use super::pages::Pages;
use super::{Lambda, delete, invalid, missing};
use crate::call::epoch_seconds;
use crate::documents;
use crate::{Answer, Call};

/// Of one version or alias of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EventInvokeConfig {
    /// `$LATEST`, a number or an alias.
    pub qualifier: String,
    pub modified_ms: i64,
    /// How often an event that failed is tried again: 0 to 2; `None` stands for 2.
    pub retries_max: Option<u32>,
    /// How old an event may become, in seconds: 60 to 21,600; `None` stands for the longest.
    pub age_seconds_max: Option<u32>,
    /// The ARN that the record of a success goes to.
    pub on_success: Option<String>,
    /// The ARN that the record of a failure goes to.
    pub on_failure: Option<String>,
}

impl EventInvokeConfig {
    /// This configuration with the members of the call laid over it.
    fn updated(mut self, call: &Call, address: &Address) -> Result<Self, ServiceError> {
        let number = |member| call.integer(member).and_then(|n| u32::try_from(n).ok());
        let retries_max = number("MaximumRetryAttempts");
        let age_seconds_max = number("MaximumEventAgeInSeconds");
        let destinations = call.input.get("DestinationConfig");
        if retries_max.is_none() && age_seconds_max.is_none() && destinations.is_none() {
            return Err(invalid(
                "You must specify at least one of error handling or destination setting.",
            ));
        }
        self.modified_ms = call.now.0;
        self.retries_max = retries_max.or(self.retries_max);
        self.age_seconds_max = age_seconds_max.or(self.age_seconds_max);
        if let Some(destinations) = destinations {
            let [on_success, on_failure] = destinations_of(destinations, address)?;
            self.on_success = on_success;
            self.on_failure = on_failure;
        }
        Ok(self)
    }

    fn shown(&self, address: &Address) -> Object {
        let mut shown = ObjectBuilder::new();
        shown
            .add("LastModified", epoch_seconds(Timestamp(self.modified_ms)))
            .add("FunctionArn", address.arn_of(&self.qualifier));
        if let Some(retries) = self.retries_max {
            shown.add("MaximumRetryAttempts", i64::from(retries));
        }
        if let Some(age) = self.age_seconds_max {
            shown.add("MaximumEventAgeInSeconds", i64::from(age));
        }
        let destination = |arn: &Option<String>| match arn {
            Some(arn) => ObjectBuilder::new()
                .add("Destination", arn.as_str())
                .build(),
            None => Object::new(),
        };
        let destinations = ObjectBuilder::new()
            .add("OnSuccess", destination(&self.on_success))
            .add("OnFailure", destination(&self.on_failure))
            .build();
        shown.add("DestinationConfig", destinations);
        shown.build()
    }
}

/// Services that Lambda sends records to (Lambda guide, "Adding a destination").
const DESTINATIONS: [&str; 5] = ["events", "lambda", "s3", "sns", "sqs"];

/// The destinations of successes and of failures. An empty text is none.
fn destinations_of(config: &Value, address: &Address) -> Result<[Option<String>; 2], ServiceError> {
    let of = |member| {
        let arn = config.get(member)?.get("Destination")?.as_str()?;
        (!arn.is_empty()).then(|| arn.to_owned())
    };
    let destinations = [of("OnSuccess"), of("OnFailure")];
    for text in destinations.iter().flatten() {
        let arn = Arn::parse(text).ok();
        let named = arn.as_ref().and_then(Arn::function_name_and_qualifier);
        if named.is_some_and(|(name, _)| name == address.name) {
            return Err(invalid(
                "You can't specify the function as a destination for itself.",
            ));
        }
        if arn.is_none_or(|arn| !DESTINATIONS.contains(&&*arn.service)) {
            let shown = |name: &str, arn: &Option<String>| {
                arn.as_ref().map_or_else(
                    || "null".to_owned(),
                    |arn| format!("{name}(destination={arn})"),
                )
            };
            let [success, failure] = &destinations;
            return Err(invalid(format!(
                "The provided destination config DestinationConfig(onSuccess={}, onFailure={}) is \
                 invalid.",
                shown("OnSuccess", success),
                shown("OnFailure", failure)
            )));
        }
    }
    Ok(destinations)
}

impl Lambda {
    /// What was said of events for a version or an alias; of `$LATEST` where the address has no
    /// qualifier. `None` when nothing was.
    pub(super) async fn event_invoke_config(
        &self,
        address: &Address,
    ) -> Result<Option<EventInvokeConfig>, documents::Error> {
        let key = address.config_key(qualifier(address));
        let found = self.documents.get(Kind::EventInvokeConfig, &key).await?;
        Ok(found.map(|found| found.body))
    }

    pub(super) async fn put_function_event_invoke_config(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let address = Address::of(call)?;
        let config = EventInvokeConfig {
            qualifier: qualifier(&address).to_owned(),
            ..EventInvokeConfig::default()
        };
        let config = config.updated(call, &address)?;
        self.check_configurable(&address).await?;
        let shown = config.shown(&address);
        let at = address.clone();
        self.alone(&address, move |store| {
            check_function(store, &at)?;
            let key = at.config_key(&config.qualifier);
            if !documents::create(store, Kind::EventInvokeConfig, &key, &config)? {
                documents::change(store, Kind::EventInvokeConfig, &key, |current| {
                    *current = config.clone();
                    Ok::<(), ServiceError>(())
                })?;
            }
            Ok(())
        })
        .await?;
        Ok(shown.into())
    }

    pub(super) async fn update_function_event_invoke_config(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let address = Address::of(call)?;
        self.check_configurable(&address).await?;
        let (at, call) = (address.clone(), call.clone());
        let config = self
            .alone(&address, move |store| {
                let key = at.config_key(qualifier(&at));
                let changed = documents::change(
                    store,
                    Kind::EventInvokeConfig,
                    &key,
                    |config: &mut EventInvokeConfig| {
                        *config = config.clone().updated(&call, &at)?;
                        Ok(config.clone())
                    },
                )?;
                changed.ok_or_else(|| not_configured(&at))?
            })
            .await?;
        Ok(config.shown(&address).into())
    }

    pub(super) async fn get_function_event_invoke_config(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let address = Address::of(call)?;
        let config = self.event_invoke_config(&address).await?;
        let config = config.ok_or_else(|| not_configured(&address))?;
        Ok(config.shown(&address).into())
    }

    pub(super) async fn delete_function_event_invoke_config(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let address = Address::of(call)?;
        let at = address.clone();
        self.alone(&address, move |store| {
            let key = at.config_key(qualifier(&at));
            let found = documents::read::<EventInvokeConfig>(store, Kind::EventInvokeConfig, &key)?;
            found.ok_or_else(|| not_configured(&at))?;
            delete::remove(store, Kind::EventInvokeConfig, &key)
        })
        .await?;
        Ok(Answer::empty())
    }

    pub(super) async fn list_function_event_invoke_configs(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let address = Address::of_function(call)?;
        self.check_configurable(&address).await?;
        let prefix = address.prefix();
        let pages = Pages::of(call, &prefix)?;
        let configs = self
            .documents
            .list::<EventInvokeConfig>(
                Kind::EventInvokeConfig,
                &prefix,
                pages.after.as_deref(),
                pages.limit + 1,
            )
            .await?;
        Ok(
            pages.answer("FunctionEventInvokeConfigs", configs, |config| {
                config.shown(&address).into()
            }),
        )
    }

    /// Refuses a function, version or alias that is not there, in this API's own words.
    async fn check_configurable(&self, address: &Address) -> Result<(), ServiceError> {
        match self.find(address, MAIN_VERSION).await? {
            Some(_) => Ok(()),
            None => Err(missing(NO_FUNCTION)),
        }
    }
}

const NO_FUNCTION: &str = "The function doesn't exist.";

/// Whether the function is still there, asked where nobody deletes it.
fn check_function(store: &dyn Store, address: &Address) -> Result<(), ServiceError> {
    let function = documents::read::<Function>(store, Kind::Function, &address.key())?;
    match function {
        Some(_) => Ok(()),
        None => Err(missing(NO_FUNCTION)),
    }
}

fn qualifier(address: &Address) -> &str {
    address.qualifier.as_deref().unwrap_or(LATEST)
}

fn not_configured(address: &Address) -> ServiceError {
    let arn = address.arn_of(qualifier(address));
    missing(format!(
        "The function {arn} doesn't have an EventInvokeConfig"
    ))
}
