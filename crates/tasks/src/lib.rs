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
mod outgoing;
mod parameters;
mod sdk;

use std::sync::Arc;

use aws::Door;
use aws::integrations::{Resolution, SYSTEM_RESOURCE, TaskResource, resolve};
use engine::{Answered, Engine, Runner, TaskCall, TaskOutcome};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use json::Value;
use nested::Nested;
use outgoing::{Noted, Outgoing, Sessions};
use tokio::sync::SetOnce;

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
    system: Arc<dyn Runner>,
    sessions: Sessions,
}

impl TaskRunner {
    /// Sets the door, what says when nested executions end, and what runs the Tasks of the
    /// server's own executions (their resources begin with [`SYSTEM_RESOURCE`]); calls made before
    /// have waited for it. A second door is refused.
    pub fn open(
        &self,
        door: Arc<dyn Door>,
        executions: Arc<dyn Executions>,
        system: Arc<dyn Runner>,
    ) -> bool {
        let sessions = Sessions::default();
        let outside = Outside {
            door,
            executions,
            system,
            sessions,
        };
        self.outside.set(outside).is_ok()
    }

    pub fn is_open(&self) -> bool {
        self.outside.get().is_some()
    }
}

// The engine makes the calls it owes from before a restart while the server still starts, so each
// waits for the door first.
impl Runner for TaskRunner {
    fn run(&self, call: TaskCall) -> BoxFuture<'static, Answered> {
        let outside = Arc::clone(&self.outside);
        async move {
            let outside = outside.wait().await;
            if call.call.resource.arn.starts_with(SYSTEM_RESOURCE) {
                return outside.system.run(call).await;
            }
            let served = Noted::default();
            let outcome = run(outside, &call, &served).await;
            Answered {
                outcome,
                served: served.into_inner(),
            }
        }
        .boxed()
    }

    fn watch(&self, call: TaskCall, response: Value) -> BoxFuture<'static, TaskOutcome> {
        let outside = Arc::clone(&self.outside);
        async move {
            let outside = outside.wait().await;
            let Some(task) = job(&call) else {
                return outcome::failed("States.Runtime", &no_job(&call));
            };
            let (call, task) = (&call, &task);
            let served = &Noted::default();
            let out = Outgoing {
                outside,
                call,
                served,
            };
            let nested = Nested { out, task };
            nested.watch(&*outside.executions, &response).await
        }
        .boxed()
    }

    fn cancel(&self, call: TaskCall, response: Option<Value>) -> BoxFuture<'static, ()> {
        let outside = Arc::clone(&self.outside);
        async move {
            let outside = outside.wait().await;
            // Only jobs that this version can start are there to be stopped.
            if let Some(task) = &job(&call) {
                let call = &call;
                let served = &Noted::default();
                let out = Outgoing {
                    outside,
                    call,
                    served,
                };
                let nested = Nested { out, task };
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

async fn run(outside: &Outside, call: &TaskCall, served: &Noted) -> TaskOutcome {
    let task = match resolve(&call.call.resource.arn) {
        Resolution::Task(task) => task,
        // A definition with such a resource is refused at creation, so only a store that a newer
        // version wrote leads here.
        Resolution::Unrecognised { message } => return outcome::failed("States.Runtime", &message),
    };
    let out = Outgoing {
        outside,
        call,
        served,
    };
    match &task {
        TaskResource::LambdaFunction { .. } => lambda::function(out).await,
        TaskResource::LambdaInvoke { .. } => lambda::invoke(out).await,
        TaskResource::Activity { .. } => {
            outcome::failed("States.Runtime", "nobody calls an activity")
        }
        TaskResource::Optimised {
            service: "states", ..
        } => {
            let task = &task;
            Nested { out, task }.start().await
        }
        TaskResource::Optimised {
            service, action, ..
        } => optimised::not_served(service, action),
        TaskResource::Sdk { service, .. } => sdk::call(out, &task, service).await,
    }
}

#[cfg(test)]
mod tests;
