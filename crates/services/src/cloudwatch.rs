//! CloudWatch's metrics: what is put by callers and what the server measures itself. Alarms,
//! dashboards and all else are not served.
//!
//! Errors have the codes of the query protocol; the door spells them as the caller's protocol does.

mod evaluate;
mod expression;
mod get_data;
mod get_statistics;
mod input;
mod list;
pub(crate) mod needs;
mod put;
mod statistic;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws::ServiceError;
use json::{Number, Value};

use crate::metrics::{Aggregate, MetricKey, Metrics};
use crate::{Answer, Call};
use input::Span;

/// The metrics of all accounts and Regions.
pub struct CloudWatch {
    metrics: Arc<Metrics>,
}

impl CloudWatch {
    pub(crate) fn new(metrics: Arc<Metrics>) -> CloudWatch {
        CloudWatch { metrics }
    }

    /// Runs one operation. `None` when it is not served.
    pub(crate) async fn handle(
        &self,
        operation: &str,
        call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        Some(match operation {
            "GetMetricData" => self.get_metric_data(call).await,
            "GetMetricStatistics" => self.get_metric_statistics(call).await,
            "ListMetrics" => self.list_metrics(call),
            "PutMetricData" => self.put_metric_data(call),
            _ => return None,
        })
    }

    /// What is known of series in a span, each by periods of so many seconds.
    async fn read(
        &self,
        span: &Span,
        wanted: Vec<(Arc<MetricKey>, i64)>,
    ) -> Result<Vec<BTreeMap<i64, Aggregate>>, ServiceError> {
        let (metrics, span) = (Arc::clone(&self.metrics), span.clone());
        let read = move || {
            let (keys, periods_s): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
            let period = |at: usize, minute| {
                let period_s = periods_s.get(at).copied().unwrap_or_default();
                span.period_of(minute, period_s)
            };
            metrics.read(&keys, span.times_ms.clone(), &period)
        };
        let read = tokio::task::spawn_blocking(read).await;
        let failed = |cause: &dyn std::fmt::Display| {
            tracing::error!(%cause, "metrics can't be read");
            ServiceError::new("InternalServiceError", "the metrics can't be read")
        };
        read.map_err(|error| failed(&error))?
            .map_err(|error| failed(&error))
    }
}

fn invalid_value(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidParameterValue", message)
}

fn invalid_combination(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidParameterCombination", message)
}

fn missing(message: impl Into<String>) -> ServiceError {
    ServiceError::new("MissingParameter", message)
}

/// A value as a member; one that is no number is absent.
fn number(value: f64) -> Value {
    Number::from_f64(value).map(Value::from).unwrap_or_default()
}

#[cfg(test)]
mod tests;
