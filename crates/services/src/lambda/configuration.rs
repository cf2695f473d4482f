//! FunctionConfiguration: what a version of a function is made with, and its rules.

use std::collections::BTreeMap;

use aws::{Arn, ServiceError};
use functions::{Architecture, LogFormat, LogLevel, LogSettings};
use json::{Object, Value};
use serde::{Deserialize, Serialize};

use super::function::Code;
use super::{invalid, unassumable};
use crate::Call;

/// Bytes of the environment as JSON text (Lambda quotas).
const ENVIRONMENT_BYTES_MAX: usize = 4_096;
/// The model's maximum is that of functions on machines of their own (Lambda quotas).
const MEMORY_MB_MAX: u32 = 10_240;

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
    /// `x86_64` or `arm64`.
    #[serde(default = "host_architecture")]
    pub architecture: String,
    #[serde(default)]
    pub logging: Logging,
    /// In order: of files with one name the last is seen.
    #[serde(default)]
    pub layers: Vec<UsedLayer>,
    /// `DeadLetterConfig.TargetArn`: a queue or a topic.
    #[serde(default)]
    pub dead_letter_arn: Option<String>,
}

/// A layer version as a function has it: it stays usable when the layer version is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UsedLayer {
    /// Of the layer version.
    pub arn: String,
    pub code: Code,
}

/// `LoggingConfig`. `None` stands for what AWS fills in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Logging {
    pub is_json: bool,
    /// `None` stands for `/aws/lambda/<name>`.
    pub group: Option<String>,
    /// Only where the format is JSON.
    pub application_level: Option<String>,
    /// Only where the format is JSON.
    pub system_level: Option<String>,
}

/// The architecture of the machine this server runs on, in AWS's words.
pub(super) fn host_architecture() -> String {
    if cfg!(target_arch = "aarch64") {
        "arm64".to_owned()
    } else {
        "x86_64".to_owned()
    }
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
            architecture: architecture(call).unwrap_or_else(host_architecture),
            logging: Logging::default(),
            layers: Vec::new(),
            dead_letter_arn: None,
        };
        configuration.updated(call)
    }

    /// This configuration with the members of the call laid over it, but for its layers, which are
    /// looked up ([`super::Lambda::layers_of`]).
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
            architecture: self.architecture.clone(),
            logging: match call.input.get("LoggingConfig") {
                Some(logging) => self.logging.updated(logging)?,
                None => self.logging.clone(),
            },
            layers: self.layers.clone(),
            dead_letter_arn: match call.input.get("DeadLetterConfig") {
                Some(config) => dead_letter_arn(config)?,
                None => self.dead_letter_arn.clone(),
            },
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
        if self.memory_mb > MEMORY_MB_MAX {
            return Err(invalid(format!(
                "'MemorySize' value failed to satisfy constraint: Member must have value less than \
                 or equal to {MEMORY_MB_MAX}"
            )));
        }
        Ok(self)
    }

    /// The instruction set, as functions are run.
    pub(super) fn architecture(&self) -> Architecture {
        match self.architecture.as_str() {
            "arm64" => Architecture::Arm64,
            _ => Architecture::X86_64,
        }
    }
}

impl Logging {
    /// These settings with the members of `LoggingConfig` laid over them. Text has no levels, and
    /// a change to it forgets those of JSON.
    fn updated(&self, config: &Value) -> Result<Logging, ServiceError> {
        let text = |member: &str| config.get(member).and_then(Value::as_str);
        let is_json = text("LogFormat").map_or(self.is_json, |format| format == "JSON");
        let level = |member: &str, current: &Option<String>| match (text(member), is_json) {
            (Some(_), false) => Err(invalid(format!(
                "{member} can only be set where LogFormat is JSON."
            ))),
            (Some(level), true) => Ok(Some(level.to_owned())),
            (None, true) => Ok(current.clone()),
            (None, false) => Ok(None),
        };
        Ok(Logging {
            is_json,
            group: text("LogGroup")
                .map(str::to_owned)
                .or_else(|| self.group.clone()),
            application_level: level("ApplicationLogLevel", &self.application_level)?,
            system_level: level("SystemLogLevel", &self.system_level)?,
        })
    }

    /// As functions are run.
    pub(super) fn settings(&self) -> LogSettings {
        let level = |name: &Option<String>, default: LogLevel| {
            name.as_deref().and_then(LogLevel::parse).unwrap_or(default)
        };
        let default = LogSettings::default();
        LogSettings {
            format: match self.is_json {
                true => LogFormat::Json,
                false => LogFormat::Text,
            },
            group: self.group.clone(),
            application_level: level(&self.application_level, default.application_level),
            system_level: level(&self.system_level, default.system_level),
        }
    }
}

/// The one element of `Architectures`.
pub(super) fn architecture(call: &Call) -> Option<String> {
    call.list("Architectures")
        .first()
        .and_then(Value::as_str)
        .map(str::to_owned)
}

/// An empty text takes the target away.
fn dead_letter_arn(config: &Value) -> Result<Option<String>, ServiceError> {
    let Some(text) = config.get("TargetArn").and_then(Value::as_str) else {
        return Ok(None);
    };
    if text.is_empty() {
        return Ok(None);
    }
    match Arn::parse(text) {
        Ok(arn) if ["sqs", "sns"].contains(&&*arn.service) => Ok(Some(text.to_owned())),
        _ => Err(invalid(format!(
            "DeadLetterConfig.TargetArn {text} is neither a queue of SQS nor a topic of SNS."
        ))),
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
