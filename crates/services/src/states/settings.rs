//! What a state machine is configured with beside definition and role. What needs a part that this
//! version lacks is refused by name.

use aws::ServiceError;
use json::{Object, ObjectBuilder, Value};
use serde::{Deserialize, Serialize};

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

/// Refuses the settings that CreateStateMachine and UpdateStateMachine share and that nothing here
/// can honour.
pub(super) fn check(call: &Call) -> Result<(), ServiceError> {
    let member = |structure: &str, name: &str| call.object(structure)?.get(name).cloned();
    let publishes = call.flag("publish") == Some(true);
    if call.text("versionDescription").is_some() && !publishes {
        let message = "Version description can only be set when publish is true";
        return Err(ServiceError::new("ValidationException", message));
    }
    if publishes {
        return Err(not_served(
            "ValidationException",
            "Publishing a version ('publish') is",
        ));
    }
    if member("tracingConfiguration", "enabled").is_some_and(|on| on.as_bool() == Some(true)) {
        let what = "Invalid Tracing Configuration: tracing is";
        return Err(not_served("InvalidTracingConfiguration", what));
    }
    let key_type = member("encryptionConfiguration", "type");
    if key_type.as_ref().and_then(Value::as_str) == Some("CUSTOMER_MANAGED_KMS_KEY") {
        let what = "Invalid Encryption Configuration: the key type 'CUSTOMER_MANAGED_KMS_KEY' is";
        return Err(not_served("InvalidEncryptionConfiguration", what));
    }
    Ok(())
}

/// Refuses state machine types that are not served.
pub(super) fn check_type(call: &Call) -> Result<(), ServiceError> {
    match call.text("type") {
        Some("EXPRESS") => {
            let what = "Express state machines (type 'EXPRESS') are";
            Err(not_served("StateMachineTypeNotSupported", what))
        }
        _ => Ok(()),
    }
}
