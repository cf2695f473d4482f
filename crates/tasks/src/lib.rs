//! What runs a Task: a call decided by the engine becomes AWS bytes, goes through the door as the
//! execution role, and its answer becomes the Task's outcome.
//!
//! The door is set after the engine was opened, because the services behind it need the engine:
//!
//! ```
//! use tasks::TaskRunner;
//! let runner = TaskRunner::default();
//! assert!(!runner.is_open());
//! ```

mod api;
mod lambda;
mod nested;
mod optimised;
mod outcome;
mod parameters;
mod sdk;

use std::sync::Arc;

use aws::integrations::{Resolution, TaskResource, resolve};
use aws::{Arn, Caller, Door};
use engine::{Engine, Runner, TaskCall, TaskOutcome};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use json::Value;
use nested::Nested;
use tokio::sync::SetOnce;

/// Longest name of a role session (STS API reference, "RoleSessionName").
const SESSION_NAME_CHARS_MAX: usize = 64;

/// Knows when executions end: what a Task that waits for a nested one listens to.
pub trait Executions: Send + Sync {
    /// Resolves once the execution is closed; at once if it is, or if there is none.
    fn ended<'a>(&'a self, execution_arn: &'a str) -> BoxFuture<'a, ()>;
}

impl Executions for Engine {
    fn ended<'a>(&'a self, execution_arn: &'a str) -> BoxFuture<'a, ()> {
        Engine::ended(self, execution_arn).boxed()
    }
}

/// Runs the calls of Tasks through a [`Door`].
#[derive(Clone, Default)]
pub struct TaskRunner {
    outside: Arc<SetOnce<Outside>>,
}

/// What calls go out through.
struct Outside {
    door: Arc<dyn Door>,
    executions: Arc<dyn Executions>,
}

impl TaskRunner {
    /// Sets the door, and what says when nested executions end; calls made before have waited for
    /// it. A second door is refused.
    pub fn open(&self, door: Arc<dyn Door>, executions: Arc<dyn Executions>) -> bool {
        self.outside.set(Outside { door, executions }).is_ok()
    }

    pub fn is_open(&self) -> bool {
        self.outside.get().is_some()
    }
}

// The engine makes the calls it owes from before a restart while the server still starts, so each
// waits for the door first.
impl Runner for TaskRunner {
    fn run(&self, call: TaskCall) -> BoxFuture<'static, TaskOutcome> {
        let outside = Arc::clone(&self.outside);
        async move { run(&*outside.wait().await.door, &call).await }.boxed()
    }

    fn watch(&self, call: TaskCall, response: Value) -> BoxFuture<'static, TaskOutcome> {
        let outside = Arc::clone(&self.outside);
        async move {
            let Outside { door, executions } = outside.wait().await;
            let Some(task) = job(&call) else {
                return outcome::failed("States.Runtime", &no_job(&call));
            };
            let (door, call, task) = (&**door, &call, &task);
            let nested = Nested { door, call, task };
            nested.watch(&**executions, &response).await
        }
        .boxed()
    }

    fn cancel(&self, call: TaskCall, response: Option<Value>) -> BoxFuture<'static, ()> {
        let outside = Arc::clone(&self.outside);
        async move {
            let door = &*outside.wait().await.door;
            // Only jobs that this version can start are there to be stopped.
            if let Some(task) = &job(&call) {
                let call = &call;
                let nested = Nested { door, call, task };
                nested.cancel(response.as_ref()).await;
            }
        }
        .boxed()
    }
}

/// The resource of a call whose job can be watched and stopped.
fn job(call: &TaskCall) -> Option<TaskResource> {
    match resolve(&call.call.resource.arn) {
        Resolution::Task(
            task @ TaskResource::Optimised {
                service: "states", ..
            },
        ) => Some(task),
        _ => None,
    }
}

fn no_job(call: &TaskCall) -> String {
    let resource = &call.call.resource.arn;
    format!("`{resource}` starts no job that this version of Lockstep can wait for")
}

async fn run(door: &dyn Door, call: &TaskCall) -> TaskOutcome {
    let task = match resolve(&call.call.resource.arn) {
        Resolution::Task(task) => task,
        // A definition with such a resource is refused at creation, so only a store that a newer
        // version wrote leads here.
        Resolution::Unrecognised { message } => return outcome::failed("States.Runtime", &message),
    };
    let caller = match caller(call) {
        Ok(caller) => caller,
        Err(outcome) => return outcome,
    };
    match &task {
        TaskResource::LambdaFunction { .. } => lambda::function(door, caller, call).await,
        TaskResource::LambdaInvoke { .. } => lambda::invoke(door, caller, call).await,
        TaskResource::Activity { .. } => {
            outcome::failed("States.Runtime", "nobody calls an activity")
        }
        TaskResource::Optimised {
            service: "states", ..
        } => {
            let task = &task;
            Nested { door, call, task }.start().await
        }
        TaskResource::Optimised {
            service, action, ..
        } => optimised::not_served(service, action),
        TaskResource::Sdk { service, .. } => sdk::call(door, caller, call, &task, service).await,
    }
}

/// The call is made in a session of the execution role, or of the state's credentials role. The
/// session is named after the execution, so that logs and policies see which one it was.
fn caller(call: &TaskCall) -> Result<Caller, TaskOutcome> {
    let role = call
        .call
        .credentials_role_arn
        .as_ref()
        .unwrap_or(&call.role_arn);
    let role_arn = Arn::parse(role).map_err(|error| {
        outcome::failed(
            "States.TaskFailed",
            &format!("the role `{role}` cannot be used: {error}"),
        )
    })?;
    let execution = call.execution_arn.rsplit(':').next().unwrap_or_default();
    Ok(Caller::Role {
        role_arn,
        session_name: session_name(execution),
        region: call.region().to_owned(),
        account: call.account().to_owned(),
        source_arn: Arn::parse(&call.state_machine_arn).ok(),
        attempt: Some(call.attempt_id().to_string()),
    })
}

/// Session names allow `[\w+=,.@-]` and 64 characters; execution names allow more of both.
fn session_name(execution: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    execution
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .take(SESSION_NAME_CHARS_MAX)
        .collect()
}

#[cfg(test)]
mod tests;
