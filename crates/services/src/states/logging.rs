//! What state machines write to CloudWatch Logs.
//!
//! A revision says what is logged and where ([`Logging`]); [`ExecutionLogs`] watches executions and
//! writes a record for each event that their revision's level shows. So an execution logs as its
//! machine was configured when it started.

mod configuration;
mod destination;
mod execution_logs;
mod queue;
mod record;

pub(super) use configuration::Logging;
pub use execution_logs::ExecutionLogs;
