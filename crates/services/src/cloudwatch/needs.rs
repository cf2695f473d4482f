//! What CloudWatch's operations need (service authorization reference, "Amazon CloudWatch").

use crate::Call;
use crate::access::{Facts, Need};

/// What is always true of an operation; `None` for one that is not served.
pub(crate) fn facts(_operation: &str) -> Option<Facts> {
    None
}

/// None of the operations has a resource.
pub(crate) fn needs(operation: &str, _call: &Call) -> Vec<Need> {
    vec![Need::new(format!("cloudwatch:{operation}"), "*")]
}
