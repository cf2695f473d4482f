//! What CloudWatch's operations need (service authorization reference, "Amazon CloudWatch").

use crate::Call;
use crate::access::{Facts, Need};

/// What is always true of an operation; `None` for one that is not served. CloudTrail has all of
/// them as data events (CloudWatch user guide, "Logging CloudWatch API calls with CloudTrail").
pub(crate) fn facts(operation: &str) -> Option<Facts> {
    match operation {
        "GetMetricData" | "GetMetricStatistics" | "ListMetrics" => Some(Facts::READS_DATA),
        "PutMetricData" => Some(Facts::CHANGES_DATA),
        _ => None,
    }
}

/// None of the operations has a resource.
pub(crate) fn needs(operation: &str, call: &Call) -> Vec<Need> {
    let need = Need::new(format!("cloudwatch:{operation}"), "*");
    let namespace = call
        .text("Namespace")
        .filter(|_| operation == "PutMetricData");
    vec![match namespace {
        Some(namespace) => need.with("cloudwatch:namespace", namespace),
        None => need,
    }]
}
