//! The execution role: whether the caller may give it, Step Functions may assume it, and it can do
//! what a definition takes for granted.

use asl::program::{Pattern, Program, ResourceFamily, StateKind};
use aws::{Common, Protocol, ServiceError};

use super::States;
use super::arn::PARTITION;
use crate::Call;
use crate::access::{NOT_TRUSTED, Need};

/// Whom execution roles trust.
const PRINCIPAL: &str = "states.amazonaws.com";

/// The rule that tells AWS's Step Functions when nested executions end. Here nobody needs to be
/// told, but a role that would not do there is refused here too.
const MANAGED_RULE: &str = "StepFunctionsGetEventsForStepFunctionsExecutionRule";

/// What the role must be allowed on the rule (developer guide, "IAM policies for nested
/// workflows").
const RULE_ACTIONS: [&str; 3] = ["events:PutTargets", "events:PutRule", "events:DescribeRule"];

impl States {
    /// Refuses a role that the caller may not pass to Step Functions, or that Step Functions may
    /// not assume for this state machine.
    pub(super) async fn pass_role(
        &self,
        call: &Call,
        role_arn: &str,
        machine_arn: &str,
    ) -> Result<(), ServiceError> {
        let not_trusted = || denied(NOT_TRUSTED.to_owned());
        self.access
            .pass_role(call, role_arn, PRINCIPAL, machine_arn, not_trusted)
            .await
    }

    /// Refuses a role that cannot wait for nested executions where the program does.
    pub(super) async fn check_managed_rule(
        &self,
        call: &Call,
        role_arn: &str,
        program: &Program,
    ) -> Result<(), ServiceError> {
        if !waits_for_executions(program) {
            return Ok(());
        }
        let (region, account) = (&call.region, &call.account);
        let rule = format!("arn:{PARTITION}:events:{region}:{account}:rule/{MANAGED_RULE}");
        for action in RULE_ACTIONS {
            let need = Need::new(action, rule.as_str());
            if !self.access.role_may(call, role_arn, &need).await? {
                let text = format!("'{role_arn}' is not authorized to create managed-rule.");
                return Err(denied(text));
            }
        }
        Ok(())
    }
}

/// Whether a state runs a nested execution as a job. One with `Credentials` may be of another
/// account, and is asked after instead.
fn waits_for_executions(program: &Program) -> bool {
    program.states.iter().any(|state| {
        let StateKind::Task(task) = &state.kind else {
            return false;
        };
        let is_nested = matches!(&task.resource.family,
            ResourceFamily::Service { resource_type, .. } if &**resource_type == "states");
        is_nested && task.resource.pattern == Pattern::RunJob && task.credentials.is_none()
    })
}

pub(super) fn denied(text: String) -> ServiceError {
    ServiceError::common(Common::AccessDenied, Protocol::Json10, text)
}

#[cfg(test)]
mod tests;
