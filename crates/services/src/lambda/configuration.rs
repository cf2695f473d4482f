//! FunctionConfiguration: what a function is made with, its rules, and how the API shows it.

use std::collections::BTreeMap;

use asl::time::Timestamp;
use aws::{Arn, ServiceError};
use json::{Object, ObjectBuilder, Value};
use serde::{Deserialize, Serialize};

use super::address::LATEST;
use super::function::Function;
use super::{invalid, unassumable};
use crate::Call;

/// Characters of a function's name (Lambda API reference, "FunctionName").
const NAME_CHARS_MAX: usize = 64;
/// Bytes of the environment as JSON text (Lambda quotas).
const ENVIRONMENT_BYTES_MAX: usize = 4_096;

/// Runtimes that Lambda's model still names, that AWS no longer takes, and that no interpreter of
/// today runs the code of.
const REMOVED_RUNTIMES: [&str; 2] = ["python2.7", "python3.6"];

/// Variables that Lambda sets itself (Lambda guide, "Defined runtime environment variables").
const RESERVED: &[&str] = &[
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Configuration {
    pub runtime: String,
    pub role: String,
    pub handler: String,
    pub description: String,
    pub timeout_seconds: u64,
    pub memory_mb: u32,
    pub ephemeral_storage_mb: u32,
    /// `None` when it was never given, which answers show by leaving it out.
    pub environment: Option<BTreeMap<String, String>>,
    pub tracing_mode: String,
}

impl Configuration {
    pub(super) fn of_create(call: &Call) -> Result<Configuration, ServiceError> {
        let given = |member: &str| {
            call.text(member).map(str::to_owned).ok_or_else(|| {
                invalid(format!(
                    "{member} is mandatory for functions created with deployment packages."
                ))
            })
        };
        let configuration = Configuration {
            runtime: given("Runtime")?,
            role: call.required("Role")?.to_owned(),
            handler: given("Handler")?,
            description: String::new(),
            timeout_seconds: 3,
            memory_mb: 128,
            ephemeral_storage_mb: 512,
            environment: None,
            tracing_mode: "PassThrough".to_owned(),
        };
        configuration.updated(call)
    }

    /// This configuration with the members of the call laid over it.
    pub(super) fn updated(&self, call: &Call) -> Result<Configuration, ServiceError> {
        let text = |member: &str, current: &String| {
            call.text(member)
                .map_or_else(|| current.clone(), str::to_owned)
        };
        let number = |member: &str, current: u32| {
            call.integer(member)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(current)
        };
        if let Some(runtime) = call.text("Runtime") {
            check_runtime(runtime)?;
        }
        let storage = call
            .input
            .get("EphemeralStorage")
            .and_then(|s| s.get("Size")?.as_i64());
        let tracing = call
            .input
            .get("TracingConfig")
            .and_then(|t| t.get("Mode")?.as_str());
        let timeout = call.integer("Timeout").and_then(|n| u64::try_from(n).ok());
        let updated = Configuration {
            runtime: text("Runtime", &self.runtime),
            role: text("Role", &self.role),
            handler: text("Handler", &self.handler),
            description: text("Description", &self.description),
            timeout_seconds: timeout.unwrap_or(self.timeout_seconds),
            memory_mb: number("MemorySize", self.memory_mb),
            ephemeral_storage_mb: storage
                .and_then(|size| u32::try_from(size).ok())
                .unwrap_or(self.ephemeral_storage_mb),
            environment: match call.input.get("Environment") {
                Some(environment) => Some(variables(environment)?),
                None => self.environment.clone(),
            },
            tracing_mode: tracing.map_or_else(|| self.tracing_mode.clone(), str::to_owned),
        };
        updated.check()
    }

    fn check(self) -> Result<Configuration, ServiceError> {
        let role = Arn::parse(&self.role).ok();
        if role.is_none_or(|role| role.role_path_and_name().is_none()) {
            return Err(unassumable());
        }
        if !(1..=900).contains(&self.timeout_seconds) {
            return Err(invalid(format!(
                "1 validation error detected: Value '{}' at 'timeout' failed to satisfy \
                 constraint: Member must have value less than or equal to 900",
                self.timeout_seconds
            )));
        }
        Ok(self)
    }
}

fn check_runtime(runtime: &str) -> Result<(), ServiceError> {
    if !REMOVED_RUNTIMES.contains(&runtime) {
        return Ok(());
    }
    Err(invalid(format!(
        "The runtime parameter of {runtime} is no longer supported for creating or updating AWS \
         Lambda functions. We recommend you use a supported runtime while creating or updating \
         functions."
    )))
}

/// The model's limit is that of an ARN with a name in it; a name itself is shorter.
pub(super) fn check_name(name: &str) -> Result<(), ServiceError> {
    if name.len() <= NAME_CHARS_MAX {
        return Ok(());
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{name}' at 'functionName' failed to satisfy \
         constraint: Member must have length less than or equal to {NAME_CHARS_MAX}"
    )))
}

fn variables(environment: &Value) -> Result<BTreeMap<String, String>, ServiceError> {
    let members = environment
        .get("Variables")
        .cloned()
        .unwrap_or_else(Value::empty_object);
    if members.size() > ENVIRONMENT_BYTES_MAX {
        return Err(invalid(format!(
            "Lambda was unable to configure your environment variables because the environment \
             variables you have provided exceeded the 4KB limit. String measured: {members}"
        )));
    }
    let variables: BTreeMap<String, String> = members
        .as_object()
        .into_iter()
        .flat_map(Object::iter)
        .map(|(key, value)| {
            (
                key.to_owned(),
                value.as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    let reserved: Vec<&str> = variables
        .keys()
        .map(String::as_str)
        .filter(|key| RESERVED.contains(key))
        .collect();
    if !reserved.is_empty() {
        return Err(invalid(format!(
            "Lambda was unable to configure your environment variables because the environment \
             variables you have provided contains reserved keys that are currently not supported \
             for modification. Reserved keys used in this request: {}",
            reserved.join(", ")
        )));
    }
    Ok(variables)
}

/// The `FunctionConfiguration` structure. Lists leave the state members out.
pub(super) fn shown(function: &Function, arn: &str, in_list: bool) -> Object {
    let configuration = &function.configuration;
    let code_size = i64::try_from(function.code.size).unwrap_or(i64::MAX);
    let timeout = i64::try_from(configuration.timeout_seconds).unwrap_or(i64::MAX);
    let object = |name: &str, value: Value| ObjectBuilder::new().add(name, value).build();
    let mut shown = ObjectBuilder::new();
    shown
        .add("FunctionName", function.name.as_str())
        .add("FunctionArn", arn)
        .add("Runtime", configuration.runtime.as_str())
        .add("Role", configuration.role.as_str())
        .add("Handler", configuration.handler.as_str())
        .add("CodeSize", code_size)
        .add("Description", configuration.description.as_str())
        .add("Timeout", timeout)
        .add("MemorySize", i64::from(configuration.memory_mb))
        .add(
            "LastModified",
            last_modified(Timestamp(function.modified_ms)),
        )
        .add("CodeSha256", function.code.sha256_base64.as_str())
        .add("Version", LATEST);
    if let Some(environment) = &configuration.environment {
        let variables: Object = environment
            .iter()
            .map(|(k, v)| (k.as_str(), Value::from(v.as_str())))
            .collect();
        shown.add("Environment", object("Variables", variables.into()));
    }
    let storage = i64::from(configuration.ephemeral_storage_mb);
    let snap_start = ObjectBuilder::new()
        .add("ApplyOn", "None")
        .add("OptimizationStatus", "Off")
        .build();
    let logging = ObjectBuilder::new()
        .add("LogFormat", "Text")
        .add("LogGroup", format!("/aws/lambda/{}", function.name))
        .build();
    let architecture = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x86_64"
    };
    shown
        .add(
            "TracingConfig",
            object("Mode", configuration.tracing_mode.as_str().into()),
        )
        .add("RevisionId", function.revision_id.as_str())
        .add("PackageType", "Zip")
        .add("Architectures", vec![Value::from(architecture)])
        .add("EphemeralStorage", object("Size", storage.into()))
        .add("SnapStart", snap_start)
        .add("LoggingConfig", logging);
    if !in_list {
        shown
            .add("State", "Active")
            .add("LastUpdateStatus", "Successful");
    }
    shown.build()
}

/// `2026-01-02T03:04:05.678+0000`.
fn last_modified(time: Timestamp) -> String {
    let iso = time.to_iso();
    let (seconds, _) = iso.split_at_checked(19).unwrap_or((iso.as_str(), ""));
    format!("{seconds}.{:03}+0000", time.0.rem_euclid(1000))
}
