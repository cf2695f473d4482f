//! The futures of what executions have done outside.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use asl::event::{EventId, Failure};
use asl::program::Pattern;
use crossbeam_channel::Sender;
use futures_util::FutureExt as _;
use json::Value;
use parking_lot::Mutex;
use store::EntityId;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::activities::Activities;
use crate::decider::Message;
use crate::express::Express;
use crate::shard::{Action, Command, Errand};
use crate::task::{Answered, Runner, TaskCall, TaskOutcome, panicked};

/// Spawns the futures of calls, watches and cancels, and gives them up. Tasks of activities it lays
/// out.
pub(crate) struct Calls {
    pub(super) runner: Arc<dyn Runner>,
    runtime: Handle,
    /// As many as shards have places for them.
    under_way: Arc<Mutex<HashMap<Key, Running>>>,
    pub(super) express: Arc<Express>,
    pub(super) activities: Arc<Activities>,
}

type Key = (EntityId, EventId, Errand);

/// A future under way.
struct Running {
    abort: AbortHandle,
    /// Of the call that starts a job: closed once the call is over.
    job_start: Option<watch::Receiver<()>>,
}

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
                let starts_job = call.call.resource.pattern == Pattern::RunJob;
                let (over, job_start) = starts_job.then(|| watch::channel(())).unzip();
                let running = async move {
                    let _until_over = over;
                    runner.run(*call).await
                };
                let outcome = move |answered: Option<Answered>| Command::Outcome {
                    entity,
                    attempt,
                    answered: Box::new(answered.unwrap_or_else(|| panicked().into())),
                };
                let key = (entity, attempt, Errand::Call);
                self.spawn(key, running, outcome, back, job_start);
            }
            Action::Watch(entity, call, response) => {
                let (runner, attempt) = (Arc::clone(&self.runner), call.call.attempt);
                let running = async move { runner.watch(*call, response).await };
                let outcome = move |outcome: Option<TaskOutcome>| Command::Outcome {
                    entity,
                    attempt,
                    answered: Box::new(ended(outcome.unwrap_or_else(panicked)).into()),
                };
                let key = (entity, attempt, Errand::Watch);
                self.spawn(key, running, outcome, back, None);
            }
            Action::Cancel(entity, call, response) => self.cancel(entity, *call, response, back),
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
                    self.give_up((entity, attempt, errand));
                }
                self.activities.withdraw((entity, attempt));
                self.runner.abandon(&execution_arn, attempt);
            }
        }
    }

    /// Stops a job, once it is certain whether it was started.
    fn cancel(
        &self,
        entity: EntityId,
        call: TaskCall,
        response: Option<Value>,
        back: &Sender<Message>,
    ) {
        let (runner, attempt) = (Arc::clone(&self.runner), call.call.attempt);
        let start = self.job_start((entity, attempt, Errand::Call));
        let running = async move {
            // A job that is being started while it is looked for would be missed.
            if let Some(mut start) = start {
                while start.changed().await.is_ok() {}
            }
            runner.cancel(call, response).await;
        };
        let cancelled = move |done: Option<()>| {
            if done.is_none() {
                tracing::error!(entity = entity.0, attempt, "stopping a job failed inside");
            }
            Command::Cancelled { entity, attempt }
        };
        let key = (entity, attempt, Errand::Cancel);
        self.spawn(key, running, cancelled, back, None);
    }

    /// Aborts a future, but for the call that starts a job: it is over soon, and only then it is
    /// certain whether there is a job to be stopped.
    fn give_up(&self, key: Key) {
        let mut all = self.under_way.lock();
        if all.get(&key).is_some_and(|it| it.job_start.is_none())
            && let Some(given_up) = all.remove(&key)
        {
            given_up.abort.abort();
        }
    }

    /// The call that starts a job, if it is under way.
    fn job_start(&self, key: Key) -> Option<watch::Receiver<()>> {
        self.under_way.lock().get(&key)?.job_start.clone()
    }

    /// Runs a future whose end is told as a command; `None` stands for one that panicked.
    fn spawn<T: Send>(
        &self,
        key: Key,
        running: impl Future<Output = T> + Send + 'static,
        told: impl FnOnce(Option<T>) -> Command + Send + 'static,
        back: &Sender<Message>,
        job_start: Option<watch::Receiver<()>>,
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
        let abort = self.runtime.spawn(running).abort_handle();
        all.insert(key, Running { abort, job_start });
    }

    pub(super) fn abort_all(&self) {
        std::mem::take(&mut *self.under_way.lock())
            .values()
            .for_each(|running| running.abort.abort());
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
