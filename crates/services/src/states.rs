//! AWS Step Functions: state machines, their executions, and activities.
//!
//! A state machine is a small document that holds its versions and aliases too; its definition,
//! role and settings are an immutable revision beside it, numbered by the store. Versions and
//! executions name the number they run, so a revision outlives updates and the machine itself for
//! as long as one of its executions is kept.

mod activities;
mod aliases;
pub(crate) mod arn;
mod cache;
mod concurrency;
mod definitions;
mod deletion;
mod execution;
mod integrations;
mod logging;
mod machine;
mod map_runs;
mod needs;
pub(crate) mod pages;
pub(crate) mod read;
mod redrive;
mod role;
mod settings;
mod startable;
mod state_machine;
pub(crate) mod sync;
mod tags;
mod task;
mod test_state;
mod update;
mod upkeep;
mod validate;
mod versions;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use aws::constraint::{Rule, Violation};
use aws::{Common, Protocol, Service, ServiceError};
use engine::Engine;
use store::Kind;
use tokio::sync::Semaphore;

use crate::access::Access;
use crate::documents::{self, Documents};
use crate::logs::Logs;
use crate::quota::Quota;
use crate::{Answer, Call, Foundations, Limits};
use cache::Cache;

pub use definitions::StoredDefinitions;
pub use integrations::Integrations;
pub use logging::ExecutionLogs;

/// Step Functions of every account of the server.
pub struct States {
    access: Arc<Access>,
    documents: Documents,
    engine: Engine,
    logs: Arc<Logs>,
    cache: Arc<Cache>,
    limits: Limits,
    machines: Arc<Quota>,
    activities: Arc<Quota>,
    /// The number of the last definition added here; 0 for none since the server started.
    last_definition: AtomicU64,
    /// How long GetActivityTask waits for a task.
    activity_wait: Duration,
    /// A place for each state that TestState evaluates at this moment.
    test_turns: Semaphore,
    /// Longest input or output, in bytes of UTF-8.
    payload_bytes_max: usize,
}

/// API reference of GetActivityTask: "The maximum time the service holds on to the request before
/// responding is 60 seconds."
const ACTIVITY_WAIT: Duration = Duration::from_secs(60);

/// An evaluation may keep a processor for seconds: two at a time, however many are tested, leave
/// the executions theirs. Those that wait hold their requests.
const TEST_TURNS_MAX: usize = 2;

impl States {
    /// The service over its foundations. Reads nothing yet.
    pub fn new(foundations: &Foundations) -> States {
        States {
            access: Arc::clone(&foundations.identity.access),
            documents: Documents::new(foundations.store.clone()),
            engine: foundations.engine.clone(),
            logs: Arc::clone(&foundations.logs),
            cache: Arc::default(),
            limits: foundations.limits,
            machines: Quota::new(Kind::StateMachine, foundations.limits.state_machines_max),
            activities: Quota::new(Kind::Activity, foundations.limits.activities_max),
            last_definition: AtomicU64::new(0),
            activity_wait: ACTIVITY_WAIT,
            test_turns: Semaphore::new(TEST_TURNS_MAX),
            payload_bytes_max: foundations.payload_bytes_max,
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Runs one operation. `None` when it is not served.
    pub async fn handle(
        &self,
        operation: &str,
        call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        if let Some(error) = violation(Service::States, operation, call) {
            return States::facts(operation).map(|_| Err(error));
        }
        Some(match operation {
            "ValidateStateMachineDefinition" => self.validate_state_machine_definition(call).await,
            "StartExecution" => self.start_execution(call).await,
            "DescribeExecution" => self.describe_execution(call).await,
            "SendTaskSuccess" => self.send_task_success(call).await,
            "SendTaskFailure" => self.send_task_failure(call).await,
            "SendTaskHeartbeat" => self.send_task_heartbeat(call).await,
            "GetActivityTask" => self.get_activity_task(call).await,
            "StartSyncExecution" => self.start_sync_execution(call).await,
            "RedriveExecution" => self.redrive_execution(call).await,
            "StopExecution" => self.stop_execution(call).await,
            "GetExecutionHistory" => self.get_execution_history(call).await,
            "ListExecutions" => self.list_executions(call).await,
            "ListMapRuns" => self.list_map_runs(call).await,
            "CreateActivity" => self.create_activity(call).await,
            "DescribeActivity" => self.describe_activity(call).await,
            "DeleteActivity" => self.delete_activity(call).await,
            "ListActivities" => self.list_activities(call).await,
            "CreateStateMachine" => self.create_state_machine(call).await,
            "DescribeStateMachine" => self.describe_state_machine(call).await,
            "DescribeStateMachineForExecution" => {
                self.describe_state_machine_for_execution(call).await
            }
            "UpdateStateMachine" => self.update_state_machine(call).await,
            "DeleteStateMachine" => self.delete_state_machine(call).await,
            "ListStateMachines" => self.list_state_machines(call).await,
            "PublishStateMachineVersion" => self.publish_state_machine_version(call).await,
            "ListStateMachineVersions" => self.list_state_machine_versions(call).await,
            "DeleteStateMachineVersion" => self.delete_state_machine_version(call).await,
            "CreateStateMachineAlias" => self.create_state_machine_alias(call).await,
            "UpdateStateMachineAlias" => self.update_state_machine_alias(call).await,
            "DescribeStateMachineAlias" => self.describe_state_machine_alias(call).await,
            "DeleteStateMachineAlias" => self.delete_state_machine_alias(call).await,
            "ListStateMachineAliases" => self.list_state_machine_aliases(call).await,
            "TagResource" => self.tag_resource(call).await,
            "UntagResource" => self.untag_resource(call).await,
            "ListTagsForResource" => self.list_tags_for_resource(call).await,
            "TestState" => self.test_state(call).await,
            "DescribeMapRun" => map_runs::describe_map_run(call),
            "UpdateMapRun" => map_runs::update_map_run(call),
            _ => return None,
        })
    }
}

/// The `ValidationException` of an input that breaks the model's constraints.
pub(crate) fn violation(service: Service, operation: &str, call: &Call) -> Option<ServiceError> {
    if call.violations.is_empty() {
        return None;
    }
    let general = |violation: &&Violation| !has_own_error(operation, call, violation);
    let violations: Vec<Violation> = call.violations.iter().filter(general).cloned().collect();
    ServiceError::violations(service.model().ok()?, &violations)
}

/// Whether the operation has an error of its own for what breaks the model.
///
/// Recorded: an empty definition is answered by the checks of definitions, not by a constraint; so
/// we take all empty texts (an ARN, a name, a token) to be, but for those that nothing else checks.
/// A payload that is too long is refused the same way whether it is so in characters or only in
/// bytes (unverified).
fn has_own_error(operation: &str, call: &Call, violation: &Violation) -> bool {
    match violation.rule {
        Rule::LengthMin => {
            let is_checked = !matches!(&*violation.member, "workerName" | "stateName");
            is_checked && call.text(&violation.member) == Some("")
        }
        Rule::LengthMax => matches!(
            (operation, &*violation.member),
            ("StartExecution" | "StartSyncExecution", "input") | ("SendTaskSuccess", "output")
        ),
        _ => false,
    }
}

fn state_machine_does_not_exist(arn: &str) -> ServiceError {
    let message = format!("State Machine Does Not Exist: '{arn}'");
    ServiceError::new("StateMachineDoesNotExist", message)
}

fn execution_does_not_exist(arn: &str) -> ServiceError {
    ServiceError::new(
        "ExecutionDoesNotExist",
        format!("Execution Does Not Exist: '{arn}'"),
    )
}

/// Recorded for TagResource; without the member `resourceName` that the model has.
fn resource_not_found(arn: &str) -> ServiceError {
    ServiceError::new("ResourceNotFound", format!("Resource not found: '{arn}'"))
}

/// Recorded for UpdateStateMachineAlias.
fn missing_reference() -> ServiceError {
    let message = "Request references a resource that does not exist.";
    ServiceError::new("ResourceNotFound", message)
}

fn type_not_supported() -> ServiceError {
    let message = "This operation is not supported by this type of state machine";
    ServiceError::new("StateMachineTypeNotSupported", message)
}

fn invalid_token() -> ServiceError {
    ServiceError::new("InvalidToken", "Invalid Token: 'Invalid token'")
}

/// A name of a state machine or an execution that may be one.
fn checked_name(name: &str) -> Result<&str, ServiceError> {
    match aws::arn::is_valid_name(name) {
        true => Ok(name),
        false => Err(ServiceError::new(
            "InvalidName",
            format!("Invalid Name: '{name}'"),
        )),
    }
}

/// Something of AWS that this version lacks, under the error AWS has for the member.
fn not_served(code: &'static str, what: &str) -> ServiceError {
    ServiceError::new(
        code,
        format!("{what} not served by this version of Lockstep."),
    )
}

/// What went wrong inside the engine.
pub(crate) fn engine_error(error: &engine::Error) -> ServiceError {
    match error {
        engine::Error::Overloaded => {
            ServiceError::common(Common::Throttling, Protocol::Json10, error.to_string())
        }
        _ => ServiceError::common(Common::InternalFailure, Protocol::Json10, error.to_string()),
    }
}

/// The store has lost a revision that something still names.
fn lost_revision(number: u64) -> ServiceError {
    let key = format!("definition {number}");
    documents::Error::Damaged {
        key,
        cause: "it is not in the store".to_owned(),
    }
    .into()
}

#[cfg(test)]
pub(crate) mod tests;
