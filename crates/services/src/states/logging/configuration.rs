//! `loggingConfiguration`.

use aws::ServiceError;
use json::{Object, ObjectBuilder, Value};
use serde::{Deserialize, Serialize};

use crate::Call;

/// `loggingConfiguration` of a revision. Part of the store's format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::states) struct Logging {
    pub(super) include_execution_data: bool,
    /// ARNs of log groups: at most one, and exactly one unless the level is OFF.
    destinations: Vec<String>,
    /// Whether an empty list of them was given, which is shown then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_empty_list: bool,
    #[serde(default)]
    pub(super) level: Level,
}

/// Which events are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Level {
    #[default]
    Off,
    Fatal,
    Error,
    All,
}

/// Events that FATAL shows (Step Functions developer guide, "Log levels for Step Functions
/// execution events").
const FATAL: [&str; 3] = ["ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"];

/// Events that ERROR shows besides (as above). Those of activities, and EvaluationFailed, are not
/// in AWS's table; they are failures like the others.
const ERROR: [&str; 23] = [
    "FailStateEntered",
    "LambdaFunctionFailed",
    "LambdaFunctionScheduleFailed",
    "LambdaFunctionStartFailed",
    "LambdaFunctionTimedOut",
    "MapStateAborted",
    "MapStateFailed",
    "MapIterationAborted",
    "MapIterationFailed",
    "MapRunAborted",
    "MapRunFailed",
    "ParallelStateAborted",
    "ParallelStateFailed",
    "TaskFailed",
    "TaskStartFailed",
    "TaskStateAborted",
    "TaskSubmitFailed",
    "TaskTimedOut",
    "WaitStateAborted",
    "ActivityFailed",
    "ActivityScheduleFailed",
    "ActivityTimedOut",
    "EvaluationFailed",
];

impl Level {
    const ALL: [Level; 4] = [Level::Off, Level::Fatal, Level::Error, Level::All];

    fn name(self) -> &'static str {
        match self {
            Level::Off => "OFF",
            Level::Fatal => "FATAL",
            Level::Error => "ERROR",
            Level::All => "ALL",
        }
    }

    /// Whether events of this type are logged.
    pub(super) fn shows(self, event_type: &str) -> bool {
        match self {
            Level::Off => false,
            Level::Fatal => FATAL.contains(&event_type),
            Level::Error => FATAL.contains(&event_type) || ERROR.contains(&event_type),
            Level::All => true,
        }
    }
}

impl Logging {
    /// The logging that a call asks for; `None` when it does not say. Whether its destination will
    /// do is not known yet.
    pub(in crate::states) fn of(call: &Call) -> Result<Option<Logging>, ServiceError> {
        let Some(asked) = call.object("loggingConfiguration") else {
            return Ok(None);
        };
        let list = asked.get("destinations").and_then(Value::as_array);
        let destinations = list.unwrap_or_default();
        // The model knows no other names.
        let name = asked.get("level").and_then(Value::as_str);
        let level = Level::ALL.into_iter().find(|it| name == Some(it.name()));
        let level = level.unwrap_or_default();
        if destinations.len() > 1 || (level != Level::Off && destinations.is_empty()) {
            return Err(invalid("Must specify exactly one Log Destination."));
        }
        let flag = asked.get("includeExecutionData").and_then(Value::as_bool);
        Ok(Some(Logging {
            include_execution_data: flag.unwrap_or(false),
            destinations: destinations.iter().map(log_group).collect(),
            has_empty_list: list.is_some_and(<[Value]>::is_empty),
            level,
        }))
    }

    /// The ARN of the group that is logged to; `None` where nothing is.
    pub(in crate::states) fn destination(&self) -> Option<&str> {
        let destination = self
            .destinations
            .first()
            .filter(|_| self.level != Level::Off);
        destination.map(String::as_str)
    }

    /// `loggingConfiguration` as answers show it.
    pub(in crate::states) fn shown(&self) -> Object {
        let mut shown = ObjectBuilder::new();
        if !self.destinations.is_empty() || self.has_empty_list {
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
            .add("level", self.level.name());
        shown.build()
    }
}

/// An `InvalidLoggingConfiguration`.
pub(super) fn invalid(what: &str) -> ServiceError {
    let message = format!("Invalid Logging Configuration: {what}");
    ServiceError::new("InvalidLoggingConfiguration", message)
}

fn log_group(destination: &Value) -> String {
    let group = destination.get("cloudWatchLogsLogGroup");
    let arn = group
        .and_then(|group| group.get("logGroupArn"))
        .and_then(Value::as_str);
    arn.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use asl::history::EVENT_TYPES;

    use super::*;

    #[test]
    fn errors_are_what_fails_and_fatal_is_what_ends_an_execution() {
        for event_type in EVENT_TYPES {
            let ends = ["Failed", "TimedOut", "Aborted"];
            let fails = ends.iter().any(|end| event_type.ends_with(end));
            let is_error = fails || event_type == "FailStateEntered";
            let is_fatal = fails && event_type.starts_with("Execution");
            let shown = Level::ALL.map(|level| level.shows(event_type));
            assert_eq!(shown, [false, is_fatal, is_error, true], "{event_type}");
        }
    }

    #[test]
    fn logging_of_before_there_were_levels_is_off() {
        let stored = r#"{"include_execution_data":true,"destinations":["arn"]}"#;
        let logging: Logging = serde_json::from_str(stored).unwrap();
        assert_eq!((logging.level, logging.destination()), (Level::Off, None));
    }
}
