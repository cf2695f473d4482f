//! PutLogEvents, GetLogEvents and FilterLogEvents.

mod filter;
mod get;
mod put;
mod token;

use aws::ServiceError;
use json::{Object, ObjectBuilder};
use store::events::Found;

use super::directory::{Class, LogGroup, LogStream};
use super::names::GroupName;
use super::{Logs, invalid, no_such_stream};
use crate::Call;

const DAY_MS: i64 = 86_400_000;

/// Events and bytes of a page (CloudWatch Logs API reference, "GetLogEvents", "FilterLogEvents").
const PAGE_EVENTS_MAX: usize = 10_000;
const PAGE_BYTES_MAX: usize = 1 << 20;

impl Logs {
    /// The group whose events a call reads.
    async fn readable_group(&self, call: &Call) -> Result<LogGroup, ServiceError> {
        let key = GroupName::of(call)?.key_for(call)?;
        let group = self.group(&key).await?;
        match group.class {
            Class::Standard => Ok(group),
            // CloudWatch Logs user guide, "Log classes": what this class leaves out.
            Class::InfrequentAccess | Class::Delivery => Err(invalid(format!(
                "{} is not supported for log groups of this class: it reads those of the class \
                 STANDARD only.",
                call.operation
            ))),
        }
    }

    /// A stream of a group.
    async fn existing_stream(
        &self,
        group: &LogGroup,
        name: &str,
    ) -> Result<LogStream, ServiceError> {
        let stream = self.directory.stream(group.id, name).await?;
        stream.ok_or_else(no_such_stream)
    }
}

/// Events of a group from before this time are expired, whether they were deleted yet or not.
pub(super) fn horizon_ms(group: &LogGroup, now_ms: i64) -> i64 {
    group.retention_days.map_or(0, |days| {
        let kept_ms = i64::from(days).saturating_mul(DAY_MS);
        now_ms.saturating_sub(kept_ms).max(0)
    })
}

/// How many events a call wants at most.
fn limit(call: &Call) -> usize {
    let limit = call.integer("limit").map(usize::try_from);
    let limit = limit.and_then(Result::ok);
    limit.unwrap_or(PAGE_EVENTS_MAX).min(PAGE_EVENTS_MAX)
}

/// `{timestamp, message, ingestionTime}`, and more members.
fn shown(found: &Found, more: impl FnOnce(&mut ObjectBuilder)) -> Object {
    let mut event = ObjectBuilder::new();
    event
        .add("timestamp", found.place.time_ms)
        .add("message", &*found.message)
        .add("ingestionTime", found.ingested_ms);
    more(&mut event);
    event.build()
}

#[cfg(test)]
mod tests;
