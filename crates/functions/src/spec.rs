//! What a caller hands over: the function, one invocation of it, and what comes back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

/// Reads the zip of a function. Called on a thread that may block, at most once per process
/// of Lockstep and package; the error text is for people.
pub type CodeLoader = Arc<dyn Fn() -> Result<Bytes, String> + Send + Sync>;

/// Makes the variables a new process gets beside the function's own. Called once per process,
/// so that credentials are as fresh as the process.
pub type ProcessVariables = Arc<dyn Fn() -> Vec<(String, String)> + Send + Sync>;

/// A deployment package: the hex SHA-256 of the zip, and how to read it.
#[derive(Clone)]
pub struct CodeRef {
    /// 64 lower-case hex digits; the unpacked package is kept under this name.
    pub sha256: String,
    /// Reads the bytes that `sha256` was computed from.
    pub load: CodeLoader,
}

/// The instruction set a function was built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Architecture {
    #[default]
    X86_64,
    Arm64,
}

/// `LoggingConfig` of a function. The default is AWS's: text, in the group of the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    pub format: LogFormat,
    /// A group chosen by the user; `None` stands for `/aws/lambda/<name>`.
    pub group: Option<String>,
    /// The least severe records of the function's own that are kept; [`LogFormat::Json`] only.
    pub application_level: LogLevel,
    /// The least severe records of the platform that are kept; [`LogFormat::Json`] only.
    pub system_level: LogLevel,
}

impl Default for LogSettings {
    fn default() -> LogSettings {
        LogSettings {
            format: LogFormat::Text,
            group: None,
            application_level: LogLevel::Info,
            system_level: LogLevel::Info,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// From the least severe to the most. Of these `SystemLogLevel` has Debug, Info and Warn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl LogLevel {
    /// AWS's name, such as `INFO`.
    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Trace => "TRACE",
            LogLevel::Debug => "DEBUG",
            LogLevel::Info => "INFO",
            LogLevel::Warn => "WARN",
            LogLevel::Error => "ERROR",
            LogLevel::Fatal => "FATAL",
        }
    }

    /// The level of AWS's name.
    pub fn parse(name: &str) -> Option<LogLevel> {
        [
            LogLevel::Trace,
            LogLevel::Debug,
            LogLevel::Info,
            LogLevel::Warn,
            LogLevel::Error,
            LogLevel::Fatal,
        ]
        .into_iter()
        .find(|level| level.name() == name)
    }
}

/// One published or unpublished version of a function: all that decides how its processes look.
///
/// Two specs that differ in anything but the two callbacks never share a process.
#[derive(Clone)]
pub struct FunctionSpec {
    /// The unqualified ARN; concurrency is counted, and [`crate::Pool::forget`] works, per ARN.
    pub arn: String,
    pub name: String,
    /// `$LATEST` or a number.
    pub version: String,
    /// AWS's identifier, such as `python3.12`.
    pub runtime: String,
    /// Such as `package/module.function`.
    pub handler: String,
    pub code: CodeRef,
    /// What stands at `/opt`, in order: of files with one name the last is seen.
    pub layers: Vec<CodeRef>,
    /// The user's variables. They win over the defaults, not over the reserved names.
    pub environment: Vec<(String, String)>,
    pub timeout: Duration,
    pub memory_mb: u32,
    /// How much the process may keep in `/tmp`.
    pub ephemeral_storage_mb: u32,
    pub architecture: Architecture,
    pub logging: LogSettings,
    /// `TracingConfig.Mode` is `Active`: REPORT names the trace.
    pub wants_trace: bool,
    /// How many invocations of this function may run at once; zero refuses all of them.
    /// `None` leaves only the bound of the account ([`crate::PoolConfig::concurrency_max`]).
    pub reserved_concurrency: Option<u32>,
    pub region: String,
    pub account: String,
    /// The ARN of the role whose credentials `extra_env` makes: what has those of one role never
    /// serves another.
    pub role: String,
    /// Credentials, `AWS_ENDPOINT_URL` and the like. They win over everything else.
    pub extra_env: ProcessVariables,
}

impl FunctionSpec {
    /// Whether a process made for `other` may serve this spec.
    pub(crate) fn shares_process_with(&self, other: &FunctionSpec) -> bool {
        std::ptr::eq(self, other)
            || self.arn == other.arn
                && self.version == other.version
                && self.code.sha256 == other.code.sha256
                && self.runtime == other.runtime
                && self.handler == other.handler
                && self.environment == other.environment
                && self.timeout == other.timeout
                && self.memory_mb == other.memory_mb
                && self.ephemeral_storage_mb == other.ephemeral_storage_mb
                && self.architecture == other.architecture
                && self.logging == other.logging
                && self.wants_trace == other.wants_trace
                && self.role == other.role
                && self.has_layers_of(other)
    }

    fn has_layers_of(&self, other: &FunctionSpec) -> bool {
        (self.layers.iter().map(|layer| &layer.sha256))
            .eq(other.layers.iter().map(|layer| &layer.sha256))
    }
}

impl fmt::Debug for FunctionSpec {
    /// Leaves the variables out: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionSpec")
            .field("arn", &self.arn)
            .field("version", &self.version)
            .field("runtime", &self.runtime)
            .field("handler", &self.handler)
            .field("code", &self.code.sha256)
            .finish_non_exhaustive()
    }
}

/// One call of a function. Its deadline is the function's timeout, counted from the moment a
/// process gets the event.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The id the function sees as `aws_request_id`, and the caller as `x-amzn-RequestId`.
    pub request_id: String,
    /// The event, as JSON text.
    pub payload: Bytes,
    /// The ARN as the caller named it, with its qualifier if there was one.
    pub invoked_arn: String,
    /// JSON text, already decoded from base64.
    pub client_context: Option<String>,
    /// `Root=1-…;Parent=…;Sampled=0`; made up when absent.
    pub trace_id: Option<String>,
    /// Whether [`Invoked`] shall carry the end of the log.
    pub log_tail: bool,
}

/// A function that ran, well or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invoked {
    /// The handler returned; `payload` is what the runtime posted, unchanged.
    Ok {
        payload: Bytes,
        log_tail: Vec<u8>,
        executed_version: String,
        report: Report,
    },
    /// The handler raised, or the process could not start, ended or ran out of time.
    /// `payload` is the error as JSON text.
    FunctionError {
        payload: Bytes,
        log_tail: Vec<u8>,
        executed_version: String,
        report: Report,
    },
}

impl Invoked {
    /// The result or the error, as the runtime or the platform wrote it.
    pub fn payload(&self) -> &Bytes {
        match self {
            Invoked::Ok { payload, .. } | Invoked::FunctionError { payload, .. } => payload,
        }
    }

    /// The last 4 KB of START to REPORT; empty unless the invocation asked for it.
    pub fn log_tail(&self) -> &[u8] {
        match self {
            Invoked::Ok { log_tail, .. } | Invoked::FunctionError { log_tail, .. } => log_tail,
        }
    }

    /// How the invocation went.
    pub fn report(&self) -> &Report {
        match self {
            Invoked::Ok { report, .. } | Invoked::FunctionError { report, .. } => report,
        }
    }
}

/// What the REPORT line of an invocation says, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// From the moment the process had the event; without the time the runtime took to come up,
    /// unless that was part of the invocation because the init phase had run out of time.
    pub duration: Duration,
    /// `duration`, rounded up.
    pub billed_ms: u64,
    /// How long the runtime took to come up: of the first invocation of a process only.
    pub init: Option<Duration>,
    /// The most the process has used so far.
    pub memory_used_mb: u64,
    pub log_group: Arc<str>,
    pub log_stream: Arc<str>,
    /// The process was killed for running longer than [`FunctionSpec::timeout`].
    pub timed_out: bool,
    /// The process was killed for using more than [`FunctionSpec::memory_mb`].
    pub out_of_memory: bool,
}

/// Which bound an invocation ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttle {
    /// AWS's `ReservedFunctionConcurrentInvocationLimitExceeded`.
    ReservedConcurrency,
    /// AWS's `ConcurrentInvocationLimitExceeded`: the account's bound, or this host's.
    Concurrency,
}

/// Why a function did not run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InvokeError {
    /// More invocations at once than the function, the account or this host allows.
    #[error("Rate Exceeded.")]
    Throttled(Throttle),
    /// The runtime is one this build cannot run.
    #[error(
        "the runtime `{runtime}` of the function cannot run here: supported are \
         `python3.*` and `nodejs*`, run by the host's python3 and node, and `provided.*`"
    )]
    RuntimeUnsupported { runtime: String },
    /// The runtime is supported, and its interpreter is not on this host.
    #[error("the runtime `{runtime}` cannot run on this host: {reason}; {advice}")]
    RuntimeMissing {
        runtime: String,
        reason: String,
        advice: String,
    },
    /// The package could not be read or unpacked.
    #[error("the code of the function could not be unpacked: {0}")]
    Code(String),
    /// The process could not be started: no more processes, files or memory on this host.
    #[error("the process of the function could not be started: {0}")]
    Start(String),
    /// [`crate::Pool::shutdown`] was called.
    #[error("the server is shutting down")]
    ShuttingDown,
}
