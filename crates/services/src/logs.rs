//! CloudWatch Logs: groups and streams, the events in them, and what may be asked of both.

mod directory;
mod events;
mod groups;
mod kept;
mod list;
mod metric_filter;
pub(crate) mod names;
mod needs;
mod nothing;
mod numbers;
mod pages;
pub mod pattern;
mod policies;
mod retention;
mod streams;
mod tags;
mod writer;

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use aws::ServiceError;
use aws::constraint::{Rule, Violation};
use store::{Events, Store};
use tokio::sync::oneshot;

use crate::documents::{Documents, Error};
use crate::metrics::Metrics;
use crate::{Answer, Call};

use directory::Directory;
use kept::Kept;
pub use writer::{LogEvent, LogRecord, Writer};

/// How long a read waits for what is on its way.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// CloudWatch Logs of every account and Region of the server.
pub struct Logs {
    directory: Directory,
    kept: Kept,
    writer: Arc<Writer>,
    source: OnceLock<Weak<dyn LogSource>>,
}

/// Whoever writes what it was told of a moment later.
pub trait LogSource: Send + Sync {
    /// Ready, or closed, once all that it was told of so far is with the writer.
    fn flush(&self) -> oneshot::Receiver<()>;
}

impl Logs {
    /// Groups and streams are documents of `store`, their events are in `events`; what arrives is
    /// measured.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, events: Arc<dyn Events>, metrics: &Arc<Metrics>) -> Logs {
        Logs::with_groups_max(store, events, metrics, directory::GROUPS_MAX)
    }

    /// The same with room for so many groups of an account in a Region.
    fn with_groups_max(
        store: Arc<dyn Store>,
        events: Arc<dyn Events>,
        metrics: &Arc<Metrics>,
        groups_max: usize,
    ) -> Logs {
        let directory = Directory::new(Documents::new(store), groups_max);
        let kept = Kept::new(events, metrics);
        let writer = Writer::new(directory.clone(), kept.clone(), metrics);
        Logs {
            directory,
            kept,
            writer: Arc::new(writer),
            source: OnceLock::new(),
        }
    }

    /// Reads wait for what this source was told of. A second one is ignored.
    pub fn fed_by(&self, source: Weak<dyn LogSource>) {
        self.source.get_or_init(|| source);
    }

    /// Returns once everything that was logged so far can be read, or after a while: a source that
    /// is told more than it can keep must not hold up who reads.
    async fn settle(&self) {
        if let Some(source) = self.source.get().and_then(Weak::upgrade) {
            // A source that has ended has nothing left.
            let _ = tokio::time::timeout(SETTLE_MAX, source.flush()).await;
        }
        self.writer.flush().await;
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
        call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        Logs::facts(operation)?;
        if let Some(error) = violation(call) {
            return Some(Err(worded(call, error)));
        }
        let answer = match operation {
            "CreateLogGroup" => self.create_log_group(call).await,
            "CreateLogStream" => self.create_log_stream(call).await,
            "DeleteLogGroup" => self.delete_log_group(call).await,
            "DeleteLogStream" => self.delete_log_stream(call).await,
            "DeleteResourcePolicy" => self.delete_resource_policy(call).await,
            "DeleteRetentionPolicy" => self.delete_retention_policy(call).await,
            "DescribeAccountPolicies" => nothing::list(call, "accountPolicies"),
            "DescribeDeliveries" => nothing::list(call, "deliveries"),
            "DescribeDeliveryDestinations" => nothing::list(call, "deliveryDestinations"),
            "DescribeDeliverySources" => nothing::list(call, "deliverySources"),
            "DescribeDestinations" => nothing::list(call, "destinations"),
            "DescribeExportTasks" => nothing::list(call, "exportTasks"),
            "DescribeLogGroups" => self.describe_log_groups(call).await,
            "DescribeLogStreams" => self.describe_log_streams(call).await,
            "DescribeMetricFilters" => self.describe_metric_filters(call).await,
            "DescribeQueries" => nothing::list(call, "queries"),
            "DescribeQueryDefinitions" => nothing::list(call, "queryDefinitions"),
            "DescribeResourcePolicies" => self.describe_resource_policies(call).await,
            "DescribeSubscriptionFilters" => self.describe_subscription_filters(call).await,
            "FilterLogEvents" => self.filter_log_events(call).await,
            "GetLogEvents" => self.get_log_events(call).await,
            "ListLogGroups" => self.list_log_groups(call).await,
            "ListTagsForResource" => self.list_tags_for_resource(call).await,
            "ListTagsLogGroup" => self.list_tags_log_group(call).await,
            "PutLogEvents" => self.put_log_events(call).await,
            "PutLogGroupDeletionProtection" => self.put_log_group_deletion_protection(call).await,
            "PutResourcePolicy" => self.put_resource_policy(call).await,
            "PutRetentionPolicy" => self.put_retention_policy(call).await,
            "TagLogGroup" => self.tag_log_group(call).await,
            "TagResource" => self.tag_resource(call).await,
            "TestMetricFilter" => metric_filter::test(call),
            "UntagLogGroup" => self.untag_log_group(call).await,
            "UntagResource" => self.untag_resource(call).await,
            _ => return None,
        };
        Some(answer.map_err(|error| worded(call, error)))
    }
}

/// An error as the model of the operation has it: those of vended logs came later than the others,
/// and know no InvalidParameterException.
fn worded(call: &Call, error: ServiceError) -> ServiceError {
    match call.operation.starts_with("DescribeDeliver") && error.code == INVALID {
        true => ServiceError::new("ValidationException", error.message),
        false => error,
    }
}

/// The error of an input that breaks constraints of the model. Recorded: names that are too long
/// have one of their own.
fn violation(call: &Call) -> Option<ServiceError> {
    let is_long_name = |violation: &Violation| {
        let is_name = matches!(&*violation.member, "logGroupName" | "logStreamName");
        is_name && violation.rule == Rule::LengthMax
    };
    if call.violations.iter().any(is_long_name) {
        return Some(invalid(
            "Invalid LogGroup or LogStream, both must have length less than or equal to 512.",
        ));
    }
    let model = aws::Service::Logs.model().ok()?;
    // A name that no stream can be given may still be asked for: those of state machines have ARNs.
    let is_foreign_name = |violation: &Violation| {
        violation.member.starts_with("logStreamName")
            && violation.rule == Rule::Pattern
            && !violation.value.contains('*')
    };
    let makes = matches!(call.operation, "CreateLogStream" | "PutLogEvents");
    if makes || !call.violations.iter().any(is_foreign_name) {
        return ServiceError::violations(model, &call.violations);
    }
    let others = call.violations.iter().filter(|it| !is_foreign_name(it));
    ServiceError::violations(model, &others.cloned().collect::<Vec<_>>())
}

const INVALID: &str = "InvalidParameterException";

fn no_such_group() -> ServiceError {
    not_found("The specified log group does not exist.")
}

fn no_such_stream() -> ServiceError {
    not_found("The specified log stream does not exist.")
}

fn not_found(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ResourceNotFoundException", message)
}

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new(INVALID, message)
}

fn limit_exceeded() -> ServiceError {
    ServiceError::new("LimitExceededException", "Resource limit exceeded.")
}

/// A member of the API, or a value of one, that this version does not serve.
fn not_served(what: &str) -> ServiceError {
    invalid(format!(
        "{what} is not served by this version of Lockstep; leave it out"
    ))
}

#[cfg(test)]
mod tests;
