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
    /// The user's variables. They win over the defaults, not over the reserved names.
    pub environment: Vec<(String, String)>,
    pub timeout: Duration,
    pub memory_mb: u32,
    /// How many invocations of this function may run at once; zero refuses all of them.
    /// `None` leaves only the bound of the account ([`crate::PoolConfig::concurrency_max`]).
    pub reserved_concurrency: Option<u32>,
    pub region: String,
    pub account: String,
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
    },
    /// The handler raised, or the process could not start, ended or ran out of time.
    /// `payload` is the error as JSON text.
    FunctionError {
        payload: Bytes,
        log_tail: Vec<u8>,
        executed_version: String,
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
        "the runtime `{runtime}` of the function cannot run here: supported are `python3.*` and \
         `nodejs*`, run by the host's python3 and node"
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
