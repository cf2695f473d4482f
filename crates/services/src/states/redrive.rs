//! RedriveExecution.

use asl::event::Text;
use aws::ServiceError;
use engine::RedriveError;
use json::ObjectBuilder;

use super::machine::StateMachine;
use super::{States, arn, engine_error};
use crate::call::epoch_seconds;
use crate::{Answer, Call};

/// AWS's `redriveStatusReason` of an execution whose state machine is deleted.
const DELETING: &str = "State machine is in DELETING status";

impl States {
    pub(super) async fn redrive_execution(&self, call: &Call) -> Result<Answer, ServiceError> {
        let arn = arn::execution(call)?;
        let description = self.description(call).await?;
        let machine_arn = &description.start.state_machine_arn;
        if let Some(reason) = self.is_deleted(machine_arn).await? {
            return Err(ServiceError::new("ExecutionNotRedrivable", reason));
        }
        let client_token = call.text("clientToken").map(Text::from);
        let redriven = self.engine.redrive(arn, client_token).await;
        let redriven_at = redriven.map_err(|error| match &error {
            RedriveError::DoesNotExist(_) => {
                ServiceError::new("ExecutionDoesNotExist", error.to_string())
            }
            RedriveError::NotRedrivable(_) | RedriveError::Deleting => {
                ServiceError::new("ExecutionNotRedrivable", error.to_string())
            }
            RedriveError::LimitExceeded => {
                ServiceError::new("ExecutionLimitExceeded", error.to_string())
            }
            RedriveError::Engine(error) => engine_error(error),
        })?;
        Ok(ObjectBuilder::new()
            .add("redriveDate", epoch_seconds(redriven_at))
            .into())
    }

    /// Why no execution of a machine (unqualified ARN) is redrivable, if it is deleted, or being
    /// deleted.
    pub(super) async fn is_deleted(
        &self,
        machine_arn: &str,
    ) -> Result<Option<String>, ServiceError> {
        let arn = machine_arn.to_owned();
        let is_active = move |store: &dyn store::Store| {
            let machine = StateMachine::of_arn(store, &arn)?;
            Ok(machine.is_some_and(|machine| !machine.is_deleting))
        };
        let is_active = self.documents.blocking(is_active).await?;
        Ok((!is_active).then(|| DELETING.to_owned()))
    }
}
