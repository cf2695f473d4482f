//! How the API shows a version of a function: the structure `FunctionConfiguration`.

use asl::time::Timestamp;
use json::{Object, ObjectBuilder, Value};
use uuid::Uuid;

use super::configuration::{Configuration, Logging};
use super::function::{Function, Snapshot};

/// When a version is shown, which decides its state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// In a list, which leaves the state out.
    Listed,
    /// By the call that makes the function: it is ready in every later answer.
    Creating,
    /// By the call that updates it: the update is done in every later answer.
    Updating,
    Settled,
}

/// The `FunctionConfiguration` of a version, with the ARN that the caller asked for.
pub(super) fn shown(function: &Function, snapshot: &Snapshot, arn: &str, at: Moment) -> Object {
    let configuration = &snapshot.configuration;
    let own_description = snapshot.own_description.as_deref();
    let mut shown = ObjectBuilder::new();
    shown
        .add("FunctionName", function.name.as_str())
        .add("FunctionArn", arn)
        .add("Runtime", configuration.runtime.as_str())
        .add("Role", configuration.role.as_str())
        .add("Handler", configuration.handler.as_str())
        .add("CodeSize", number(snapshot.code.size))
        .add(
            "Description",
            own_description.unwrap_or(&configuration.description),
        )
        .add("Timeout", number(configuration.timeout_seconds))
        .add("MemorySize", i64::from(configuration.memory_mb))
        .add("LastModified", last_modified(snapshot.modified_ms))
        .add("CodeSha256", snapshot.code.sha256_base64.as_str())
        .add("Version", snapshot.version.as_str())
        .add("RevisionId", revision_id(snapshot, at))
        .add("PackageType", "Zip");
    add_settings(&mut shown, function, configuration);
    add_state(&mut shown, at);
    shown.build()
}

/// A change of the state is a revision of its own, so what a call answers before it is none that
/// can be read later.
fn revision_id(snapshot: &Snapshot, at: Moment) -> String {
    match at {
        Moment::Creating | Moment::Updating => Uuid::new_v4().to_string(),
        Moment::Listed | Moment::Settled => snapshot.revision_id.clone(),
    }
}

fn add_settings(shown: &mut ObjectBuilder, function: &Function, configuration: &Configuration) {
    if let Some(environment) = &configuration.environment {
        let variables: Object = environment
            .iter()
            .map(|(key, value)| (key.as_str(), Value::from(value.as_str())))
            .collect();
        shown.add("Environment", object("Variables", variables));
    }
    if let Some(arn) = &configuration.dead_letter_arn {
        shown.add("DeadLetterConfig", object("TargetArn", arn.as_str()));
    }
    if !configuration.layers.is_empty() {
        let layers = configuration.layers.iter().map(|layer| {
            let mut shown = ObjectBuilder::new();
            shown.add("Arn", layer.arn.as_str());
            shown.add("CodeSize", number(layer.code.size));
            Value::from(shown.build())
        });
        shown.add("Layers", layers.collect::<Value>());
    }
    let snap_start = ObjectBuilder::new()
        .add("ApplyOn", "None")
        .add("OptimizationStatus", "Off")
        .build();
    let architecture = Value::from(configuration.architecture.as_str());
    let storage = i64::from(configuration.ephemeral_storage_mb);
    shown
        .add(
            "TracingConfig",
            object("Mode", configuration.tracing_mode.as_str()),
        )
        .add("Architectures", vec![architecture])
        .add("EphemeralStorage", object("Size", storage))
        .add("SnapStart", snap_start)
        .add(
            "LoggingConfig",
            logging(&configuration.logging, &function.name),
        );
}

fn logging(logging: &Logging, name: &str) -> Object {
    let mut shown = ObjectBuilder::new();
    shown.add("LogFormat", if logging.is_json { "JSON" } else { "Text" });
    if logging.is_json {
        let level = |level: &Option<String>| level.clone().unwrap_or_else(|| "INFO".to_owned());
        shown.add("ApplicationLogLevel", level(&logging.application_level));
        shown.add("SystemLogLevel", level(&logging.system_level));
    }
    let group = logging.group.clone();
    shown.add(
        "LogGroup",
        group.unwrap_or_else(|| format!("/aws/lambda/{name}")),
    );
    shown.build()
}

const REASON: &str = "The function is being created.";
const REASON_CODE: &str = "Creating";

fn add_state(shown: &mut ObjectBuilder, at: Moment) {
    match at {
        Moment::Listed => {}
        Moment::Creating => {
            shown
                .add("State", "Pending")
                .add("StateReason", REASON)
                .add("StateReasonCode", REASON_CODE);
        }
        Moment::Updating => {
            shown
                .add("State", "Active")
                .add("LastUpdateStatus", "InProgress")
                .add("LastUpdateStatusReason", REASON)
                .add("LastUpdateStatusReasonCode", REASON_CODE);
        }
        Moment::Settled => {
            shown
                .add("State", "Active")
                .add("LastUpdateStatus", "Successful");
        }
    }
}

fn object(name: &str, value: impl Into<Value>) -> Object {
    ObjectBuilder::new().add(name, value.into()).build()
}

/// A count as JSON has it.
pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// `2026-01-02T03:04:05.678+0000`.
pub(super) fn last_modified(time_ms: i64) -> String {
    let iso = Timestamp(time_ms).to_iso();
    let (seconds, _) = iso.split_at_checked(19).unwrap_or((iso.as_str(), ""));
    format!("{seconds}.{:03}+0000", time_ms.rem_euclid(1000))
}
