//! The futures of what executions have done outside.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use asl::event::{EventId, Failure};
use crossbeam_channel::Sender;
use futures_util::FutureExt as _;
use parking_lot::Mutex;
use store::EntityId;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::activities::Activities;
use crate::decider::Message;
use crate::express::Express;
use crate::shard::{Action, Command, Errand};
use crate::task::{Runner, TaskOutcome, panicked};

/// Spawns the futures of calls, watches and cancels, and gives them up. Tasks of activities it lays
/// out.
pub(crate) struct Calls {
    pub(super) runner: Arc<dyn Runner>,
    runtime: Handle,
    /// As many as shards have places for them.
    under_way: Arc<Mutex<HashMap<Key, AbortHandle>>>,
    pub(super) express: Arc<Express>,
    pub(super) activities: Arc<Activities>,
}

type Key = (EntityId, EventId, Errand);

impl Calls {
    pub(super) fn new(
        runner: Arc<dyn Runner>,
        runtime: Handle,
        express: Express,
        activities: Activities,
    ) -> Calls {
        Calls {
            runner,
            runtime,
            under_way: Arc::default(),
            express: Arc::new(express),
            activities: Arc::new(activities),
        }
    }

    /// Does what a committed decision caused; what comes of it comes back as a message.
    pub(crate) fn act(&self, action: Action, back: &Sender<Message>) {
        match action {
            Action::Call(entity, call) => {
                let (runner, attempt) = (Arc::clone(&self.runner), call.call.attempt);
                let running = async move { runner.run(*call).await };
                let outcome = move |outcome: Option<TaskOutcome>| Command::Outcome {
                    entity,
                    attempt,
                    outcome: outcome.unwrap_or_else(panicked),
                };
                self.spawn((entity, attempt, Errand::Call), running, outcome, back);
            }
            Action::Watch(entity, call, response) => {
                let (runner, attempt) = (Arc::clone(&self.runner), call.call.attempt);
                let running = async move { runner.watch(*call, response).await };
                let outcome = move |outcome: Option<TaskOutcome>| Command::Outcome {
                    entity,
                    attempt,
                    outcome: ended(outcome.unwrap_or_else(panicked)),
                };
                self.spawn((entity, attempt, Errand::Watch), running, outcome, back);
            }
            Action::Cancel(entity, call, response) => {
                let (runner, attempt) = (Arc::clone(&self.runner), call.call.attempt);
                let running = async move { runner.cancel(*call, response).await };
                let cancelled = move |_| Command::Cancelled { entity, attempt };
                self.spawn((entity, attempt, Errand::Cancel), running, cancelled, back);
            }
            Action::Offer {
                entity,
                attempt,
                activity_arn,
            } => self.activities.offer(&activity_arn, (entity, attempt)),
            Action::Express(run) => {
                let back = back.clone();
                self.express.resume(*run, move |ended| {
                    let command = Command::ExpressEnded(Box::new(ended));
                    if back.send(Message::Internal(command)).is_err() {
                        tracing::debug!("an execution ended after the engine; it will run again");
                    }
                });
            }
            Action::Abandon {
                entity,
                execution_arn,
                attempt,
            } => {
                for errand in [Errand::Call, Errand::Watch] {
                    let given_up = self.under_way.lock().remove(&(entity, attempt, errand));
                    if let Some(future) = given_up {
                        future.abort();
                    }
                }
                self.activities.withdraw((entity, attempt));
                self.runner.abandon(&execution_arn, attempt);
            }
        }
    }

    /// Runs a future whose end is told as a command; `None` stands for one that panicked.
    fn spawn<T: Send>(
        &self,
        key: Key,
        running: impl Future<Output = T> + Send + 'static,
        told: impl FnOnce(Option<T>) -> Command + Send + 'static,
        back: &Sender<Message>,
    ) {
        // The lock is held so that the future cannot end before it is known.
        let mut all = self.under_way.lock();
        if all.contains_key(&key) {
            // A decision that would have given it up was not committed; its end still counts.
            return;
        }
        let (under_way, back) = (Arc::clone(&self.under_way), back.clone());
        let running = async move {
            // What the runner does at once, before its future is polled, is caught as well.
            let outcome = AssertUnwindSafe(running).catch_unwind().await;
            under_way.lock().remove(&key);
            let command = told(outcome.ok());
            if back.send(Message::Internal(command)).is_err() {
                tracing::debug!("a call ended after the engine; it will be made again");
            }
        };
        all.insert(key, self.runtime.spawn(running).abort_handle());
    }

    pub(super) fn abort_all(&self) {
        std::mem::take(&mut *self.under_way.lock())
            .values()
            .for_each(AbortHandle::abort);
    }
}

/// A job that is waited for was submitted before.
fn ended(outcome: TaskOutcome) -> TaskOutcome {
    match outcome {
        TaskOutcome::Submitted(_) => TaskOutcome::Failed(Failure {
            error: Some("States.Runtime".into()),
            cause: Some("the job was reported as submitted instead of ended".into()),
        }),
        outcome => outcome,
    }
}
