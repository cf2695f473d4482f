//! What the operations that explain denials need. Their documentation names the actions
//! (`iam:GetRequestAuthorizationDetails`, `iam:GetRequestAuthorizationPolicy`) and no resource.

use crate::access::{Facts, Need};

/// What is always true of an operation; `None` for one that is not served.
pub(crate) fn facts(operation: &str) -> Option<Facts> {
    match operation {
        "GetRequestAuthorizationDetails" | "GetRequestAuthorizationPolicy" => Some(Facts::READS),
        _ => None,
    }
}

/// The action of the operation's name, on everything.
pub(crate) fn needs(operation: &str) -> Vec<Need> {
    vec![Need::new(format!("iam:{operation}"), "*")]
}
