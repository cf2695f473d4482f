//! The durable engine: executions that survive a crash, on top of the pure language of `asl`.
//!
//! A [`Shard`](shard::Shard) is the synchronous core. It takes commands one by one and answers each
//! with writes, actions and a reply; it reads no clock, draws no chance and does no I/O. The
//! [`Engine`] is the driver around it: threads that bring in what a command names, commit the
//! writes of many executions as one group, and only then let actions and replies out. Their order
//! of work is a [`Pipeline`](pipeline::Pipeline), which a simulation runs without threads.
//!
//! ```
//! use std::sync::Arc;
//!
//! use asl::definition::{Catalogue, MachineType, Resolved};
//! use engine::{
//!     Answered, Config, DefinitionError, Definitions, Engine, ExecutionStatus, Runner,
//!     StartRequest, SystemClock, TaskCall,
//! };
//! use futures_util::future::BoxFuture;
//!
//! struct NoTasks;
//! impl Catalogue for NoTasks {
//!     fn resolve(&self, _resource: &str) -> Resolved {
//!         Resolved::Unknown
//!     }
//! }
//! impl Runner for NoTasks {
//!     fn run(&self, _call: TaskCall) -> BoxFuture<'static, Answered> {
//!         Box::pin(std::future::pending())
//!     }
//! }
//! struct Hello;
//! impl Definitions for Hello {
//!     fn program(&self, number: u64) -> Result<Arc<asl::program::Program>, DefinitionError> {
//!         let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}"#;
//!         let compiled = asl::compile::compile(text, MachineType::Standard, &NoTasks);
//!         compiled.program.map(Arc::new).ok_or(DefinitionError::Missing(number))
//!     }
//! }
//!
//! let runtime = tokio::runtime::Runtime::new()?;
//! let (store, runner) = (Arc::new(store::Memory::new()), Arc::new(NoTasks));
//! let (definitions, clock) = (Arc::new(Hello), Arc::new(SystemClock));
//! let handle = runtime.handle().clone();
//! let engine = Engine::open(Config::default(), store, runner, definitions, clock, handle)?;
//! runtime.block_on(async {
//!     let request = StartRequest {
//!         state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:Hello".into(),
//!         state_machine_name: "Hello".into(),
//!         role_arn: "arn:aws:iam::000000000000:role/hello".into(),
//!         definition: 1,
//!         name: Some("first".into()),
//!         input: json::parse(r#"{"greeting":"Hello, World!"}"#)?,
//!         ..StartRequest::default()
//!     };
//!     // Once this returned, the execution survives a crash; this one has even ended.
//!     let started = engine.start(request).await?;
//!     let description = engine.describe(&started.execution_arn)?;
//!     assert_eq!(description.status, ExecutionStatus::Succeeded);
//!     engine.shutdown().await;
//!     Ok::<(), Box<dyn std::error::Error>>(())
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod activities;
pub mod arn;
pub mod bring;
pub mod chance;
pub mod clock;
pub mod commons;
pub mod definitions;
pub mod deletions;
pub mod endings;
pub mod gates;
pub mod journal;
pub mod limits;
pub mod name;
pub mod observe;
pub mod open;
pub mod pipeline;
pub mod record;
pub mod request;
pub mod shard;
pub mod task;
pub mod trace;

mod committer;
mod decider;
mod driver;
mod express;
mod failing;
mod lane;
mod page;
mod read;
#[cfg(test)]
mod testing;

pub use clock::{Clock, SystemClock};
pub use definitions::{DefinitionError, Definitions};
pub use driver::{Beside, Engine};
pub use express::{Billing, ExpressDescription, ExpressEnd, ExpressEnded, ExpressRun};
pub use limits::Config;
pub use observe::{Attempt, Delivery, Observed, Observer, Receipt};
pub use request::{
    ActivityError, ActivityTask, Concurrency, Description, Error, ExecutionStatus, HistoryPage,
    HistoryQuery, ListPage, ListQuery, OpenError, QueuedExecution, ReadError, RedriveError,
    StartError, StartRequest, Started, StopError, Summary, TokenError,
};
pub use task::{Answered, Runner, TaskCall, TaskOutcome};

// What a runner reads of a call and says of a failure: it names the engine, not the language.
pub use asl::decide::Call;
pub use asl::event::{Failure, Served};
pub use asl::program::{Pattern, Resource, ResourceFamily};
