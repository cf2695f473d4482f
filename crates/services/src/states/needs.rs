//! What a call needs to be allowed, and what is always true of an operation.

use aws::ServiceError;
use aws::iam::Tag;

use super::{States, is_served};
use crate::Call;
use crate::access::{Facts, Need};

impl States {
    /// What is always true of an operation. `None` when it is not served.
    pub(crate) fn facts(operation: &str) -> Option<Facts> {
        if !is_served(operation) {
            return None;
        }
        Some(match operation {
            "DescribeExecution"
            | "DescribeStateMachineForExecution"
            | "GetExecutionHistory"
            | "ListExecutions"
            | "ListMapRuns"
            | "DescribeMapRun" => Facts::READS_DATA,
            "GetActivityTask" | "RedriveExecution" | "SendTaskFailure" | "SendTaskHeartbeat"
            | "SendTaskSuccess" | "StartExecution" | "StartSyncExecution" | "StopExecution"
            | "TestState" | "UpdateMapRun" => Facts::CHANGES_DATA,
            "ValidateStateMachineDefinition" => Facts::READS,
            reading if reading.starts_with("Describe") || reading.starts_with("List") => {
                Facts::READS
            }
            _ => Facts::CHANGES,
        })
    }

    /// What a call needs, all of it.
    #[expect(clippy::unused_async, reason = "tokens and executions are looked up")]
    pub(crate) async fn needs(
        &self,
        operation: &str,
        call: &Call,
    ) -> Result<Vec<Need>, ServiceError> {
        let members = [
            "stateMachineArn",
            "executionArn",
            "activityArn",
            "resourceArn",
        ];
        let named = members.iter().find_map(|member| call.text(member));
        let need = Need::new(format!("states:{operation}"), named.unwrap_or("*"));
        Ok(vec![need])
    }

    /// The tags of a resource of this service. `None` when it does not exist or carries none.
    #[expect(clippy::unused_async, reason = "the resource is looked up")]
    pub(crate) async fn tags_of(&self, arn: &str) -> Result<Option<Vec<Tag>>, ServiceError> {
        let _ = arn;
        Ok(None)
    }
}
