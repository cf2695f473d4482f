//! What a call of `lockstep:*` needs to be allowed.

use crate::Call;
use crate::access::{Facts, Need};

/// An operation and the member that names its resource; without one it is `*`.
const OPERATIONS: &[(&str, Facts, Option<&str>)] = &[
    (
        "DescribeConcurrency",
        Facts::READS_DATA,
        Some("stateMachineArn"),
    ),
    (
        "DescribeExpressExecution",
        Facts::READS_DATA,
        Some("executionArn"),
    ),
    (
        "DescribeProvenance",
        Facts::READS_DATA,
        Some("executionArn"),
    ),
    ("ExplainAuthorization", Facts::READS, None),
    (
        "GetExpressExecutionHistory",
        Facts::READS_DATA,
        Some("executionArn"),
    ),
    ("GetLeastPrivilege", Facts::READS, Some("stateMachineArn")),
    (
        "ListExpressExecutions",
        Facts::READS_DATA,
        Some("stateMachineArn"),
    ),
];

/// What is always true of an operation. `None` when it is not served.
pub(crate) fn facts(operation: &str) -> Option<Facts> {
    let mut operations = OPERATIONS.iter();
    let (_, facts, _) = operations.find(|(name, _, _)| *name == operation)?;
    Some(*facts)
}

/// What a call needs, all of it.
pub(crate) fn needs(operation: &str, call: &Call) -> Vec<Need> {
    let mut operations = OPERATIONS.iter();
    let found = operations.find(|(name, _, _)| *name == operation);
    let member = found.and_then(|(_, _, member)| *member);
    let resource = member.and_then(|member| call.text(member)).unwrap_or("*");
    vec![Need::new(format!("lockstep:{operation}"), resource)]
}
