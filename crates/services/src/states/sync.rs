//! StartSyncExecution.

use aws::ServiceError;
use engine::{Billing, ExpressEnd};
use json::{Object, ObjectBuilder};

use super::States;
use super::execution::start_error;
use super::read::{included, with_data};
use crate::call::epoch_seconds;
use crate::{Answer, Call};

impl States {
    /// StartSyncExecution: answers once the execution has ended, however it did.
    pub(super) async fn start_sync_execution(&self, call: &Call) -> Result<Answer, ServiceError> {
        let machine = self.startable(call).await?;
        machine.check_express()?;
        let request = self.start_request(call, &machine)?;
        let with_data = with_data(call);
        let mut shown = ObjectBuilder::with_capacity(16);
        if with_data {
            // As it was sent: nothing is printed again.
            let input = call.input.get("input").cloned();
            shown.add("input", input.unwrap_or_else(|| "{}".into()));
        }
        if let Some(trace_header) = &request.trace_header {
            shown.add("traceHeader", &**trace_header);
        }
        let ended = self.engine.run_express(request).await;
        let ended = ended.map_err(|error| start_error(&error))?;
        shown.add("stateMachineArn", &*machine.arn);
        show(&ended, with_data, &mut shown);
        Ok((&mut shown).into())
    }
}

/// Recorded: `outputDetails` are there also when there is no output.
fn show(ended: &ExpressEnd, with_data: bool, shown: &mut ObjectBuilder) {
    shown
        .add("executionArn", &*ended.execution_arn)
        .add("name", &*ended.name)
        .add("startDate", epoch_seconds(ended.started_at))
        .add("stopDate", epoch_seconds(ended.stopped_at))
        .add("status", ended.status.name())
        .add("inputDetails", included(with_data))
        .add("outputDetails", included(with_data))
        .add("billingDetails", billing_details(ended.billing));
    if let Some(output) = ended.output.as_ref().filter(|_| with_data) {
        shown.add("output", output.to_text());
    }
    if let Some(error) = &ended.failure.error {
        shown.add("error", &**error);
    }
    if let Some(cause) = &ended.failure.cause {
        shown.add("cause", &**cause);
    }
}

/// `billingDetails`.
pub(crate) fn billing_details(billing: Billing) -> Object {
    ObjectBuilder::new()
        .add("billedDurationInMilliseconds", billing.duration_ms)
        .add("billedMemoryUsedInMB", billing.memory_mb)
        .build()
}
