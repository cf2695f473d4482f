//! DescribeMapRun, ListMapRuns, UpdateMapRun. Distributed Map comes with a later version, so an
//! execution has no Map Runs.

use aws::ServiceError;
use json::{ObjectBuilder, Value};

use super::{States, arn, invalid_token, resource_not_found};
use crate::{Answer, Call};

/// What UpdateMapRun can change.
const CHANGES: [&str; 3] = [
    "maxConcurrency",
    "toleratedFailurePercentage",
    "toleratedFailureCount",
];

impl States {
    /// ListMapRuns of an execution that exists.
    pub(super) async fn list_map_runs(&self, call: &Call) -> Result<Answer, ServiceError> {
        self.description(call).await?;
        match call.text("nextToken") {
            Some(_) => Err(invalid_token()),
            None => Ok(ObjectBuilder::new()
                .add("mapRuns", Value::empty_array())
                .into()),
        }
    }
}

pub(super) fn describe_map_run(call: &Call) -> Result<Answer, ServiceError> {
    Err(resource_not_found(arn::map_run(call)?))
}

pub(super) fn update_map_run(call: &Call) -> Result<Answer, ServiceError> {
    let arn = arn::map_run(call)?;
    if CHANGES
        .iter()
        .all(|member| call.input.get(member).is_none())
    {
        let message = "Either maxConcurrency, toleratedFailurePercentage or toleratedFailureCount \
                       must be specified";
        return Err(ServiceError::new("ValidationException", message)
            .with_field("reason", "MISSING_REQUIRED_PARAMETER"));
    }
    Err(resource_not_found(arn))
}
