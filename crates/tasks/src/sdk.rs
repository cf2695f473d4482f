//! Tasks of the form `arn:aws:states:::aws-sdk:<service>:<action>`: any operation of a service.

use aws::integrations::{Pattern, SdkService, TaskResource};
use engine::TaskOutcome;

use crate::api::Api;
use crate::outcome;
use crate::outgoing::Outgoing;
use crate::parameters::Spelled;

pub(crate) async fn call(
    out: Outgoing<'_>,
    task: &TaskResource,
    service: &SdkService,
) -> TaskOutcome {
    let is_served = service.embedded.is_some_and(|known| known.served.is_some());
    let operation = task.operation().filter(|_| is_served);
    let Some((model, operation)) = operation else {
        let error = format!("{}.SdkClientException", service.name);
        return outcome::failed(&error, &no_endpoint(service.id));
    };
    let api = Api { model, operation };
    let spelled = Spelled {
        task,
        api,
        idempotency_token: &out.call.attempt_uuid(),
    };
    let (members, body) = match spelled.input(&out.call.call.parameters) {
        Ok(input) => input,
        Err(problem) => return outcome::unusable_parameters(out.call, &problem),
    };
    let answer = out.send(api, &members.into(), body.as_ref()).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(trouble) => return outcome::sdk_failed(service.name, &trouble),
    };
    let result = spelled.result(&answer.output).into();
    match task.pattern() {
        Pattern::WaitForTaskToken => TaskOutcome::Submitted(result),
        _ => TaskOutcome::Succeeded(result),
    }
}

/// Why a call of a service that is somewhere else can't be made.
pub(crate) fn no_endpoint(service: &str) -> String {
    format!(
        "Unable to execute HTTP request: no endpoint is configured for the service `{service}`, \
         which Lockstep does not serve itself"
    )
}
