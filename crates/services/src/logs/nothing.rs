//! What can't be there: nothing makes deliveries, destinations, filters of groups, export tasks and
//! queries here, so that what lists them is empty.

use aws::ServiceError;
use json::Value;

use super::names::GroupName;
use super::pages::Page;
use super::{Logs, invalid};
use crate::{Answer, Call};

/// The empty answer of an operation that lists under `member`.
pub(super) fn list(call: &Call, member: &'static str) -> Result<Answer, ServiceError> {
    let page = Page::of(call, "limit")?;
    Ok(page.answer(member, Value::empty_array(), None))
}

impl Logs {
    /// The filters of a group, which must be there.
    pub(super) async fn describe_subscription_filters(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        self.list_of_group(call, "subscriptionFilters").await
    }

    pub(super) async fn describe_metric_filters(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        if call.text("metricName").is_some() != call.text("metricNamespace").is_some() {
            return Err(invalid(
                "metricName and metricNamespace are given together or not at all.",
            ));
        }
        self.list_of_group(call, "metricFilters").await
    }

    async fn list_of_group(
        &self,
        call: &Call,
        member: &'static str,
    ) -> Result<Answer, ServiceError> {
        if let Some(name) = call.text("logGroupName") {
            self.group(&GroupName::here(call, name).key()).await?;
        }
        list(call, member)
    }
}
