//! Whether a state machine can log to where it is told to.

use std::sync::Arc;

use aws::ServiceError;

use super::configuration::{Logging, invalid};
use crate::Call;
use crate::access::Need;
use crate::logs::names::GroupName;
use crate::logs::{LogEvent, LogRecord};
use crate::states::States;
use crate::states::role::denied;

/// What the execution role must be allowed on every resource, so that logs can be delivered in its
/// name. Those that AWS asks for also mention `logs:CreateLogStream` and `logs:PutLogEvents`
/// (developer guide, "Logging using CloudWatch Logs"); roles that the CDK and SAM make have
/// neither, and do.
const DELIVERY_ACTIONS: [&str; 8] = [
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
];

/// What AWS writes into a group before it delivers logs there.
const VALIDATION_STREAM: &str = "log_stream_created_by_aws_to_validate_log_delivery_subscriptions";
const VALIDATION_MESSAGE: &str = "Permissions are set correctly to allow AWS CloudWatch Logs to \
                                  write into your logs while creating a subscription.";

/// The group of a destination. Its ARN ends with `:*`, as the API has it.
pub(super) fn group(destination: &str) -> Option<GroupName> {
    GroupName::of_arn(destination).filter(|_| destination.ends_with(":*"))
}

impl States {
    /// Refuses a destination that is not there, or that the role may not log to.
    pub(in crate::states) async fn check_logging(
        &self,
        call: &Call,
        logging: &Logging,
        role_arn: &str,
    ) -> Result<(), ServiceError> {
        let Some(destination) = logging.destination() else {
            return Ok(());
        };
        let not_found = || invalid("Log Destination not found.");
        let group = group(destination).ok_or_else(not_found)?;
        let is_here = *group.account == *call.account && *group.region == *call.region;
        if !is_here || !self.logs.has_group(&group).await? {
            return Err(not_found());
        }
        for action in DELIVERY_ACTIONS {
            if !self
                .access
                .role_may(call, role_arn, &Need::new(action, "*"))
                .await?
            {
                let text = "The state machine IAM Role is not authorized to access the Log \
                            Destination";
                return Err(denied(text.to_owned()));
            }
        }
        Ok(())
    }

    /// Shows in the group that logs can be delivered there (recorded: the stream is there once the
    /// state machine is).
    pub(in crate::states) async fn validate_delivery(&self, call: &Call, logging: &Logging) {
        let Some(group) = logging.destination().and_then(group) else {
            return;
        };
        let writer = self.logs.writer();
        writer.write(LogRecord {
            account: Arc::clone(&call.account),
            region: Arc::clone(&call.region),
            group: group.name.into(),
            stream: VALIDATION_STREAM.into(),
            makes_group: false,
            may_measure: false,
            events: vec![LogEvent {
                time_ms: call.now.0,
                message: VALIDATION_MESSAGE.into(),
            }],
        });
        writer.flush().await;
    }
}
