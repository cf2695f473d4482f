//! What a state machine is configured with beside definition and role. What needs a part that this
//! version lacks is refused by name.

use aws::ServiceError;
use json::{Object, ObjectBuilder, Value};
use serde::{Deserialize, Serialize};

use super::machine::Publication;
use super::not_served;
use crate::Call;

/// `loggingConfiguration` of level OFF, the only one served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Logging {
    include_execution_data: bool,
    /// ARNs of log groups; kept as given, for when the level is raised.
    destinations: Vec<String>,
}

impl Logging {
    /// The logging that a call asks for; `None` when it does not say.
    pub(super) fn of(call: &Call) -> Result<Option<Logging>, ServiceError> {
        let Some(asked) = call.object("loggingConfiguration") else {
            return Ok(None);
        };
        let destinations = asked
            .get("destinations")
            .and_then(Value::as_array)
            .unwrap_or_default();
        let level = asked.get("level").and_then(Value::as_str).unwrap_or("OFF");
        if destinations.len() > 1 || (level != "OFF" && destinations.is_empty()) {
            let message =
                "Invalid Logging Configuration: Must specify exactly one Log Destination.";
            return Err(ServiceError::new("InvalidLoggingConfiguration", message));
        }
        if level != "OFF" {
            let what = format!("Invalid Logging Configuration: the log level '{level}' is");
            return Err(not_served("InvalidLoggingConfiguration", &what));
        }
        let flag = asked.get("includeExecutionData").and_then(Value::as_bool);
        Ok(Some(Logging {
            include_execution_data: flag.unwrap_or(false),
            destinations: destinations.iter().map(log_group).collect(),
        }))
    }

    /// `loggingConfiguration` as answers show it.
    pub(super) fn shown(&self) -> Object {
        let mut shown = ObjectBuilder::new();
        if !self.destinations.is_empty() {
            let destinations = self.destinations.iter().map(|arn| {
                let group = ObjectBuilder::new()
                    .add("logGroupArn", arn.as_str())
                    .build();
                ObjectBuilder::new()
                    .add("cloudWatchLogsLogGroup", group)
                    .build()
                    .into()
            });
            shown.add("destinations", destinations.collect::<Value>());
        }
        shown
            .add("includeExecutionData", self.include_execution_data)
            .add("level", "OFF");
        shown.build()
    }
}

fn log_group(destination: &Value) -> String {
    let group = destination.get("cloudWatchLogsLogGroup");
    let arn = group
        .and_then(|group| group.get("logGroupArn"))
        .and_then(Value::as_str);
    arn.unwrap_or_default().to_owned()
}

/// What CreateStateMachine or UpdateStateMachine publishes.
pub(super) fn publication(call: &Call) -> Result<Publication, ServiceError> {
    let publish = call.flag("publish") == Some(true);
    let description = call.text("versionDescription").map(str::to_owned);
    if description.is_some() && !publish {
        let message = "Version description can only be set when publish is true";
        return Err(ServiceError::new("ValidationException", message));
    }
    Ok(Publication {
        publish,
        description,
    })
}

/// Refuses the settings that CreateStateMachine and UpdateStateMachine share and that nothing here
/// can honour.
pub(super) fn check(call: &Call) -> Result<(), ServiceError> {
    let tracing = call.object("tracingConfiguration");
    let enabled = tracing.and_then(|tracing| tracing.get("enabled"));
    if enabled.and_then(Value::as_bool) == Some(true) {
        let what = "Invalid Tracing Configuration: tracing is";
        return Err(not_served("InvalidTracingConfiguration", what));
    }
    check_encryption(call)
}

/// Refuses an `encryptionConfiguration` that contradicts itself, or that nothing here can honour.
pub(super) fn check_encryption(call: &Call) -> Result<(), ServiceError> {
    let Some(asked) = call.object("encryptionConfiguration") else {
        return Ok(());
    };
    let has_key = asked.get("kmsKeyId").is_some();
    let has_period = asked.get("kmsDataKeyReusePeriodSeconds").is_some();
    let refused = |what: &str| {
        let message = format!("Invalid Encryption Configuration: {what}");
        Err(ServiceError::new("InvalidEncryptionConfiguration", message))
    };
    match is_customer_managed(call) {
        false if has_key => refused("'kmsKeyId' is for the type 'CUSTOMER_MANAGED_KMS_KEY' only"),
        false if has_period => refused(
            "'kmsDataKeyReusePeriodSeconds' is for the type 'CUSTOMER_MANAGED_KMS_KEY' only",
        ),
        true if !has_key => refused("the type 'CUSTOMER_MANAGED_KMS_KEY' needs a 'kmsKeyId'"),
        true => {
            let what = "Invalid Encryption Configuration: the key type 'CUSTOMER_MANAGED_KMS_KEY' \
                        is";
            Err(not_served("InvalidEncryptionConfiguration", what))
        }
        false => Ok(()),
    }
}

/// Whether a call asks for encryption by a key of the caller's.
pub(super) fn is_customer_managed(call: &Call) -> bool {
    let asked = call.object("encryptionConfiguration");
    let key_type = asked.and_then(|asked| asked.get("type"));
    key_type.and_then(Value::as_str) == Some("CUSTOMER_MANAGED_KMS_KEY")
}
