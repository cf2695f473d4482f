//! What CloudTrail's operations need (service authorization reference, "AWS CloudTrail").

use crate::access::{Facts, Need};

/// What is always true of an operation; `None` for one that is not served.
pub(crate) fn facts(operation: &str) -> Option<Facts> {
    match operation {
        "LookupEvents" => Some(Facts::READS),
        _ => None,
    }
}

/// LookupEvents has no resource.
pub(crate) fn needs(operation: &str) -> Vec<Need> {
    vec![Need::new(format!("cloudtrail:{operation}"), "*")]
}
