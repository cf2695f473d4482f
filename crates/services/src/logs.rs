//! CloudWatch Logs: groups and streams, the events in them, and what may be asked of both.

mod directory;
mod events;
mod kept;
pub(crate) mod names;
mod numbers;
pub mod pattern;
mod retention;
mod writer;

use std::sync::Arc;

use aws::ServiceError;
use store::{Events, Store};

use crate::access::Facts;
use crate::documents::{Documents, Error};
use crate::metrics::Metrics;
use crate::{Answer, Call};

pub(crate) use directory::{Directory, GroupId, LogGroup, LogStream, StreamId};
use kept::Kept;
pub use writer::{LogEvent, LogRecord, Writer};

/// CloudWatch Logs of every account and Region of the server.
pub struct Logs {
    directory: Directory,
    kept: Kept,
    writer: Arc<Writer>,
}

impl Logs {
    /// Groups and streams are documents of `store`, their events are in `events`; what arrives is
    /// measured.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, events: Arc<dyn Events>, metrics: &Arc<Metrics>) -> Logs {
        let directory = Directory::new(Documents::new(store));
        let kept = Kept::new(events, metrics);
        let writer = Writer::new(directory.clone(), kept.clone(), metrics);
        Logs {
            directory,
            kept,
            writer: Arc::new(writer),
        }
    }

    /// Writes events without making anyone wait.
    #[must_use]
    pub fn writer(&self) -> &Arc<Writer> {
        &self.writer
    }

    /// Whether there is a group of this name.
    pub(crate) async fn has_group(&self, group: &names::GroupName) -> Result<bool, Error> {
        Ok(self.directory.group(&group.key()).await?.is_some())
    }

    /// Runs one operation. `None` when it is not served.
    pub(crate) async fn handle(
        &self,
        operation: &str,
        _call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        Logs::facts(operation)?;
        None
    }

    pub(crate) fn facts(_operation: &str) -> Option<Facts> {
        None
    }
}

fn no_such_group() -> ServiceError {
    ServiceError::new(
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    )
}

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidParameterException", message)
}
