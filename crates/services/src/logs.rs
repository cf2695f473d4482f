//! CloudWatch Logs: groups and streams, the events in them, and what may be asked of both.

mod directory;
mod names;
mod numbers;
pub mod pattern;

use std::sync::Arc;

use aws::ServiceError;
use store::{Lines, Store};

use crate::access::Facts;
use crate::documents::Documents;
use crate::{Answer, Call};

pub(crate) use directory::{Directory, GroupId, LogGroup, LogStream, StreamId};

/// CloudWatch Logs of every account and Region of the server.
pub struct Logs {
    directory: Directory,
}

impl Logs {
    /// Groups and streams are documents of `store`, their events are `lines`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, _lines: Arc<dyn Lines>) -> Logs {
        Logs {
            directory: Directory::new(Documents::new(store)),
        }
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
