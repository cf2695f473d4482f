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

mod lambda;
mod outcome;

use std::sync::Arc;

use aws::{Arn, Caller, Door};
use engine::{ResourceFamily, Runner, TaskCall, TaskOutcome};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::SetOnce;

/// Longest name of a role session (STS API reference, "RoleSessionName").
const SESSION_NAME_CHARS_MAX: usize = 64;

/// Runs the calls of Tasks through a [`Door`].
#[derive(Clone, Default)]
pub struct TaskRunner {
    door: Arc<SetOnce<Arc<dyn Door>>>,
}

impl TaskRunner {
    /// Sets the door; calls made before have waited for it. A second door is refused.
    pub fn open(&self, door: Arc<dyn Door>) -> bool {
        self.door.set(door).is_ok()
    }

    pub fn is_open(&self) -> bool {
        self.door.get().is_some()
    }
}

impl Runner for TaskRunner {
    fn run(&self, call: TaskCall) -> BoxFuture<'static, TaskOutcome> {
        let door = Arc::clone(&self.door);
        // The engine makes the calls it owes from before a restart while the server still starts.
        async move { run(&**door.wait().await, &call).await }.boxed()
    }
}

async fn run(door: &dyn Door, call: &TaskCall) -> TaskOutcome {
    let caller = match caller(call) {
        Ok(caller) => caller,
        Err(outcome) => return outcome,
    };
    match &call.call.resource.family {
        ResourceFamily::LambdaFunction => lambda::function(door, caller, call).await,
        ResourceFamily::Service { resource_type, .. } if &**resource_type == "lambda" => {
            lambda::invoke(door, caller, call).await
        }
        ResourceFamily::Activity => outcome::failed("States.Runtime", "nobody calls an activity"),
        // A definition with such a resource is refused at creation, so only a store that a newer
        // version wrote leads here.
        ResourceFamily::Service {
            resource_type,
            resource,
        } => outcome::failed(
            "States.TaskFailed",
            &format!(
                "the integration `{resource_type}:{resource}` is not served by this version of \
                 Lockstep"
            ),
        ),
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
