//! The server's own executions: durable work of its services, such as an event that waits for its
//! function. They have what every execution has (timers, retries, a journal) and no other
//! scheduler, queue or retry loop is needed.
//!
//! Their definitions are shipped with the binary, and their state machines have names that no
//! user's can have: no operation of AWS's API reaches or lists them. Their Tasks name resources
//! (`arn:aws:states:::lockstep:...`) that no user's definition can name; [`Runner`] serves them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use asl::compile::compile;
use asl::definition::{Catalogue, MachineType, Resolved, invalid_definition_message};
use asl::limits::Limits;
use asl::program::{Pattern, Program, Resource, ResourceFamily};
use aws::Door;
use aws::integrations::SYSTEM_RESOURCE;
use engine::{
    Answered, DefinitionError, Engine, Failure, StartError, StartRequest, TaskCall, TaskOutcome,
};
use json::Value;

use crate::lambda::Lambda;

/// Above every number that a store gives to a definition of a user.
const NUMBERS_FROM: u64 = 1 << 48;

/// A definition that is shipped with the binary.
///
/// Its number stands for its text for ever: what runs now goes on with the same text after an
/// update of the binary. A changed text gets a new number, and the old one stays for as long as
/// executions of it may be kept.
pub(crate) struct Definition {
    number: u64,
    /// Of its state machines; one that [`aws::arn::is_valid_name`] refuses and
    /// [`engine::arn::is_own`] knows.
    machine: &'static str,
    text: &'static str,
}

/// An event that Lambda has accepted.
pub(crate) const LAMBDA_EVENT: Definition = Definition {
    number: NUMBERS_FROM + 1,
    machine: "~lambda-event",
    text: include_str!("system/lambda_event.asl.json"),
};

const DEFINITIONS: [&Definition; 1] = [&LAMBDA_EVENT];

/// Room for an event, what became of it and the record of both, 1 MiB each.
const PAYLOAD_BYTES_MAX: u32 = 4 << 20;

/// Whether a definition is one of the server's own, whose executions are nobody else's business.
#[must_use]
pub fn is_system(definition: u64) -> bool {
    definition >= NUMBERS_FROM
}

/// Whether a state machine of this name is one of the server's own.
pub(crate) fn is_machine(name: &str) -> bool {
    DEFINITIONS.iter().any(|known| known.machine == name)
}

/// The program of one of the server's own definitions.
pub(crate) fn program(number: u64) -> Result<Arc<Program>, DefinitionError> {
    let definition = DEFINITIONS.iter().find(|known| known.number == number);
    let definition = definition.ok_or(DefinitionError::Missing(number))?;
    let compiled = compile(definition.text, MachineType::Standard, &Resources);
    let program = compiled.program.ok_or_else(|| {
        let why = invalid_definition_message(definition.text, &compiled.diagnostics);
        DefinitionError::Broken(number, why)
    })?;
    Ok(Arc::new(program))
}

/// What Tasks of the server's own executions name.
struct Resources;

impl Catalogue for Resources {
    fn resolve(&self, resource: &str) -> Resolved {
        let action = resource.strip_prefix(SYSTEM_RESOURCE);
        action.map_or(Resolved::Unknown, |action| {
            Resolved::Task(Resource {
                arn: resource.into(),
                family: ResourceFamily::Service {
                    resource_type: "lockstep".into(),
                    resource: action.into(),
                },
                pattern: Pattern::RequestResponse,
            })
        })
    }
}

/// Starts an execution of the server's own in an account and Region. Once this returned it
/// survives any crash.
///
/// # Errors
/// See [`StartError`].
pub(crate) async fn start(
    engine: &Engine,
    definition: &Definition,
    (account, region): (&str, &str),
    input: Value,
) -> Result<(), StartError> {
    let machine = definition.machine;
    let limits = Limits {
        payload_bytes_max: PAYLOAD_BYTES_MAX,
        ..Limits::default()
    };
    let request = StartRequest {
        state_machine_arn: format!("arn:aws:states:{region}:{account}:stateMachine:{machine}")
            .into(),
        state_machine_name: machine.into(),
        definition: definition.number,
        input,
        limits: Some(limits),
        ..StartRequest::default()
    };
    engine.start(request).await.map(|_| ())
}

/// Runs the Tasks of the server's own executions.
pub(crate) struct Runner {
    pub lambda: Arc<Lambda>,
    pub door: Arc<dyn Door>,
}

type Later = Pin<Box<dyn Future<Output = Answered> + Send>>;

impl engine::Runner for Runner {
    fn run(&self, call: TaskCall) -> Later {
        let (lambda, door) = (Arc::clone(&self.lambda), Arc::clone(&self.door));
        Box::pin(async move {
            let resource = &*call.call.resource.arn;
            let input = &call.call.parameters;
            let outcome = match resource.strip_prefix(SYSTEM_RESOURCE).unwrap_or_default() {
                "lambda:invokeEvent" => lambda.try_event(input).await,
                "lambda:deliverRecord" => lambda.deliver_record(&*door, input).await,
                _ => failed("States.Runtime", format!("nothing serves `{resource}`")),
            };
            outcome.into()
        })
    }
}

/// An outcome that the definition's Retry answers.
pub(crate) fn failed(error: &str, cause: impl Into<String>) -> TaskOutcome {
    TaskOutcome::Failed(Failure {
        error: Some(error.into()),
        cause: Some(cause.into().into()),
    })
}

#[cfg(test)]
mod tests;
