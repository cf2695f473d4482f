//! Runs Lambda functions as processes of this host, through AWS's Lambda Runtime API.
//!
//! A [`Pool`] takes a [`FunctionSpec`] (the plain facts a control plane knows) and an
//! [`Invocation`], and answers with what the function returned or with the error body AWS would
//! give. It keeps processes warm, one invocation at a time each, and ends them when they idle,
//! time out, or the server dies. The crate knows no AWS protocol but the Runtime API, and
//! nothing else of Lockstep.
//!
//! The host's `python3` and `node` are the interpreters ([`probe`] says what is there);
//! `provided.*` runs what the package brings. A package that brings AWS's own client for its
//! language is run by that. A function sees AWS's environment variables and nothing of the
//! server's; the module `sandbox` says what it can reach.
//!
//! # Known differences from AWS
//!
//! - The interpreter is the host's nearest version of the runtime asked for. Of the host's packages
//!   Python functions see AWS's SDK (boto3 and what it needs), if the host has it; Node functions
//!   have to bring theirs.
//! - Extensions do not run: a line in the log names those that a layer brings.
//! - The trace of a function has no segments of its own; the X-Ray header is passed on as it came.
//! - Where the sandbox cannot show code at `/var/task`, it is there in stack traces only:
//!   `LAMBDA_TASK_ROOT`, the working directory and `__file__` name the real folder. The same goes
//!   for layers (`/opt`) and for the folder for temporary files (`TMPDIR`).
//! - Python results: a named tuple becomes an array (AWS: an object). A streamed response
//!   arrives whole, within the bound of a buffered one.
//!
//! ```
//! use std::{io::Write, sync::Arc, time::Duration};
//! use functions::{
//!     Architecture, CodeRef, FunctionSpec, Invocation, LogSettings, Pool, PoolConfig,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
//! zip.start_file("hello.py", zip::write::SimpleFileOptions::default())?;
//! zip.write_all(b"def handler(event, context):\n    return 'Hello ' + event['name']\n")?;
//! let zip = bytes::Bytes::from(zip.finish()?.into_inner());
//!
//! let facts = functions::check_zip(&zip)?;
//! let spec = Arc::new(FunctionSpec {
//!     arn: "arn:aws:lambda:us-east-1:000000000000:function:hello".into(),
//!     name: "hello".into(),
//!     version: "$LATEST".into(),
//!     runtime: "python3.12".into(),
//!     handler: "hello.handler".into(),
//!     code: CodeRef { sha256: facts.sha256, load: Arc::new(move || Ok(zip.clone())) },
//!     layers: vec![],
//!     environment: vec![],
//!     timeout: Duration::from_secs(3),
//!     memory_mb: 128,
//!     ephemeral_storage_mb: 512,
//!     architecture: Architecture::X86_64,
//!     logging: LogSettings::default(),
//!     wants_trace: false,
//!     reserved_concurrency: None,
//!     region: "us-east-1".into(),
//!     account: "000000000000".into(),
//!     role: String::new(),
//!     extra_env: Arc::new(Vec::new),
//! });
//!
//! let folder = tempfile::tempdir()?;
//! tokio::runtime::Runtime::new()?.block_on(async {
//!     let pool = Pool::new(PoolConfig::new(folder.path()))?;
//!     let invocation = Invocation {
//!         request_id: "6f1a0c2e-0000-4000-8000-000000000000".into(),
//!         payload: r#"{"name": "world"}"#.into(),
//!         invoked_arn: spec.arn.clone(),
//!         client_context: None,
//!         trace_id: None,
//!         log_tail: false,
//!     };
//!     let invoked = pool.invoke(&spec, invocation).await?;
//!     assert_eq!(invoked.payload().as_ref(), br#""Hello world""#);
//!     pool.shutdown().await;
//!     Ok(())
//! })
//! # }
//! ```

mod bootstrap;
mod code;
mod entrypoint;
mod environment;
mod failure;
mod logs;
mod package;
mod pool;
pub mod probe;
mod process;
mod runtime_api;
pub mod sandbox;
mod spec;
mod variables;

pub use logs::{LogSink, LogStream, runtime_version_arn};
pub use package::{
    ENTRIES_MAX, UNZIPPED_BYTES_MAX, ZIPPED_BYTES_MAX, ZipError, ZipFacts, check_zip, unpack,
};
pub use pool::{Pool, PoolConfig};
pub use spec::{
    Architecture, CodeLoader, CodeRef, FunctionSpec, Invocation, InvokeError, Invoked, LogFormat,
    LogLevel, LogSettings, ProcessVariables, Report, Throttle,
};
