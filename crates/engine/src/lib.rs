//! The durable engine: executions that survive a crash, on top of the pure language of `asl`.
//!
//! A [`Shard`](shard::Shard) is the synchronous core. It takes commands one by one and answers each
//! with writes, actions and a reply; it reads no clock, draws no chance and does no I/O. The
//! [`Engine`] is the driver around it: threads that bring in what a command names, commit the
//! writes of many executions as one group, and only then let actions and replies out.
//!
//! ```
//! // The name of an execution that the caller did not name finds its entity without an index.
//! let name = engine::name::generate(store::EntityId(4_711), 0x1234_5678);
//! assert_eq!(name.len(), 36);
//! assert_eq!(engine::name::entity(&name), Some(store::EntityId(4_711)));
//! assert_eq!(engine::name::entity("a-name-of-my-own"), None);
//! ```

pub mod arn;
pub mod bring;
pub mod chance;
pub mod clock;
pub mod definitions;
pub mod journal;
pub mod limits;
pub mod name;
pub mod pipeline;
pub mod record;
pub mod request;
pub mod shard;
pub mod task;

mod committer;
mod decider;
mod driver;
mod page;
mod read;
#[cfg(test)]
mod testing;

pub use clock::{Clock, SystemClock};
pub use definitions::{DefinitionError, Definitions};
pub use driver::Engine;
pub use limits::Config;
pub use request::{
    Description, Error, ExecutionStatus, HistoryPage, HistoryQuery, ListPage, ListQuery, OpenError,
    ReadError, StartError, StartRequest, Started, StopError, Summary, TokenError,
};
pub use task::{Runner, TaskCall, TaskOutcome};

// What a runner reads of a call and says of a failure: it names the engine, not the language.
pub use asl::decide::Call;
pub use asl::event::Failure;
pub use asl::program::{Pattern, Resource, ResourceFamily};
