//! The only async file: what callers await, and the futures of task calls. The threads are in
//! `decider` and `committer`.
//!
//! A command goes client → decider → committer → client; there is no other hop. Nothing leaves
//! before the commit that covers it was answered `Ok`.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use asl::event::{EventId, Failure, Text};
use asl::time::Timestamp;
use asl::token;
use crossbeam_channel::Sender;
use futures_util::FutureExt as _;
use json::Value;
use parking_lot::Mutex;
use store::{EntityId, SHARDS, ShardId, Store};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::decider::{self, Message};
use crate::definitions::{Definitions, Programs};
use crate::lane::Pool;
use crate::limits::{Config, WAITERS_MAX};
use crate::page::PageKey;
use crate::pipeline::{self, Caller};
use crate::read;
use crate::request::{
    ActivityError, ActivityTask, Concurrency, Description, Error, HistoryPage, HistoryQuery,
    ListPage, ListQuery, OpenError, ReadError, RedriveError, StartError, StartRequest, Started,
    StopError, TokenError,
};
use crate::shard::{Action, Answer, Command, TokenInput, route};
use crate::task::{Runner, TaskCall, TaskOutcome};

/// A running engine. Clones are handles to the same one.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    programs: Arc<Programs>,
    page_key: PageKey,
    calls: Arc<Calls>,
    /// To each thread. Unbounded, but never longer than what has a place in `room`, one message
    /// for each call under way and each heavy decision, and one for the group being committed.
    senders: Vec<Sender<Message>>,
    /// A place for each command that was not answered.
    room: Arc<Semaphore>,
    /// A place for each caller that waits for one in `room`.
    waiters: Semaphore,
    /// Spreads executions without a name over the threads.
    turn: AtomicU16,
    threads: Mutex<Vec<decider::Thread>>,
}

impl Engine {
    /// Takes the store's shards over, reads what waits in them, and starts the threads. The task
    /// calls that are owed are made again.
    ///
    /// `runtime` runs the futures of [`Runner::run`].
    ///
    /// # Errors
    /// What the store, the system's randomness or a thread failed with.
    pub fn open(
        config: Config,
        store: Arc<dyn Store>,
        runner: Arc<dyn Runner>,
        definitions: Arc<dyn Definitions>,
        clock: Arc<dyn Clock>,
        runtime: Handle,
    ) -> Result<Engine, OpenError> {
        let count = u16::try_from(config.shard_threads).unwrap_or(u16::MAX);
        if !(1..=SHARDS).contains(&count) {
            return Err(OpenError::ShardThreads(config.shard_threads));
        }
        let page_key = PageKey::of_store(&*store)?;
        let programs = Arc::new(Programs::new(definitions));
        let shards = pipeline::open(&config, count, &*store)?;
        let calls = Arc::new(Calls {
            runner,
            runtime,
            under_way: Arc::default(),
        });
        let slow = Pool::open(config.slow_threads)?;
        let mut senders = Vec::new();
        let mut threads = Vec::new();
        for shard in shards {
            let (store, programs) = (Arc::clone(&store), Arc::clone(&programs));
            let (clock, calls) = (Arc::clone(&clock), Arc::clone(&calls));
            let parts = decider::Parts {
                shard,
                store,
                programs,
                clock,
                calls,
                slow: slow.clone(),
            };
            let thread = decider::spawn(parts)?;
            senders.push(thread.sender());
            threads.push(thread);
        }
        let room = Arc::new(Semaphore::new(config.commands_max));
        let waiters = Semaphore::new(WAITERS_MAX);
        let threads = Mutex::new(threads);
        let shared = Shared {
            store,
            clock,
            programs,
            page_key,
            calls,
            senders,
            room,
            waiters,
            turn: AtomicU16::new(0),
            threads,
        };
        Ok(Engine {
            shared: Arc::new(shared),
        })
    }

    /// StartExecution of a Standard state machine. Once it returned, the execution survives any
    /// crash. The same name and input while it runs is answered like the first time.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(&self, request: StartRequest) -> Result<Started, StartError> {
        let shard = match &request.name {
            Some(name) => {
                let arn = crate::arn::execution(&request.state_machine_arn, name);
                route(&arn.ok_or(StartError::NotAStateMachine(
                    request.state_machine_arn.clone(),
                ))?)
            }
            // Any thread will do.
            None => ShardId(self.shared.turn.fetch_add(1, Ordering::Relaxed) % SHARDS),
        };
        match self.ask(shard, Command::Start(Box::new(request))).await? {
            Answer::Started(result) => result,
            other => Err(mismatched(&other).into()),
        }
    }

    /// StopExecution. Gives the stop date, also of an execution that was closed before.
    ///
    /// # Errors
    /// See [`StopError`].
    pub async fn stop(
        &self,
        execution_arn: &str,
        failure: Failure,
    ) -> Result<Timestamp, StopError> {
        let execution_arn = Text::from(execution_arn);
        let shard = route(&execution_arn);
        match self
            .ask(
                shard,
                Command::Stop {
                    execution_arn,
                    failure,
                },
            )
            .await?
        {
            Answer::Stopped(result) => result,
            other => Err(mismatched(&other).into()),
        }
    }

    /// RedriveExecution. Gives the redrive date; the same client token again (of the latest 10,
    /// within 15 minutes) gives the same one.
    ///
    /// # Errors
    /// See [`RedriveError`].
    pub async fn redrive(
        &self,
        execution_arn: &str,
        client_token: Option<Text>,
    ) -> Result<Timestamp, RedriveError> {
        let _ = (execution_arn, client_token);
        Err(Error::ShuttingDown.into())
    }

    /// GetActivityTask: waits up to `wait` for a task; `None` if there was none. That this worker
    /// has picked the task up is committed before it is answered.
    ///
    /// # Errors
    /// See [`ActivityError`].
    pub async fn activity_task(
        &self,
        activity_arn: &str,
        worker_name: Option<Text>,
        wait: Duration,
    ) -> Result<Option<ActivityTask>, ActivityError> {
        let _ = (activity_arn, worker_name, wait);
        Err(Error::ShuttingDown.into())
    }

    /// The activity is gone: those that poll for its tasks are told so. Its tasks time out by
    /// themselves, unless it is made again and somebody polls.
    pub fn activity_deleted(&self, activity_arn: &str) {
        let _ = activity_arn;
    }

    /// Resolves once the execution is closed; at once if it is, or if there is none. An execution
    /// may have been redriven by the time the caller looks.
    pub async fn ended(&self, execution_arn: &str) {
        let _ = execution_arn;
    }

    /// How a state machine (unqualified ARN) stands to its concurrency limit. Blocks while the
    /// store reads.
    ///
    /// # Errors
    /// What the store failed with.
    pub fn concurrency(&self, state_machine_arn: &str) -> Result<Concurrency, Error> {
        let _ = state_machine_arn;
        Err(Error::ShuttingDown)
    }

    /// The limit of a state machine (unqualified ARN) has changed, and is stored. Those that wait
    /// are let in as far as it allows; none that runs is held up.
    pub fn set_concurrency(&self, state_machine_arn: &str, limit: Option<u32>) {
        let _ = (state_machine_arn, limit);
    }

    /// SendTaskSuccess.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub async fn task_succeeded(&self, task_token: &str, output: Value) -> Result<(), TokenError> {
        self.token(task_token, TokenInput::Succeeded(output)).await
    }

    /// SendTaskFailure.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub async fn task_failed(&self, task_token: &str, failure: Failure) -> Result<(), TokenError> {
        self.token(task_token, TokenInput::Failed(failure)).await
    }

    /// SendTaskHeartbeat.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub async fn task_heartbeat(&self, task_token: &str) -> Result<(), TokenError> {
        self.token(task_token, TokenInput::Heartbeat).await
    }

    async fn token(&self, text: &str, input: TokenInput) -> Result<(), TokenError> {
        let token = token::read(text).ok_or(TokenError::Invalid)?;
        let shard = route(&token.execution_arn);
        match self.ask(shard, Command::Token { token, input }).await? {
            Answer::Token(result) => result,
            other => Err(mismatched(&other).into()),
        }
    }

    /// DescribeExecution. Blocks while the store reads: not for a thread that runs futures.
    ///
    /// # Errors
    /// See [`ReadError`]; a damaged journal has an error of its own.
    pub fn describe(&self, execution_arn: &str) -> Result<Description, ReadError> {
        read::describe(&*self.shared.store, execution_arn)
    }

    /// GetExecutionHistory. Blocks while the store reads.
    ///
    /// # Errors
    /// See [`ReadError`]; a damaged journal has an error of its own.
    pub fn history(
        &self,
        execution_arn: &str,
        query: &HistoryQuery,
    ) -> Result<HistoryPage, ReadError> {
        let Shared {
            store,
            programs,
            page_key,
            clock,
            ..
        } = &*self.shared;
        read::history(
            &**store,
            programs,
            page_key,
            clock.now(),
            execution_arn,
            query,
        )
    }

    /// ListExecutions of a state machine. Blocks while the store reads. A machine that never ran
    /// has none.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn list(&self, query: &ListQuery) -> Result<ListPage, ReadError> {
        let Shared {
            store,
            page_key,
            clock,
            ..
        } = &*self.shared;
        read::list(&**store, page_key, clock.now(), query)
    }

    /// Takes no more commands, commits those taken, gives up the task calls under way (they are
    /// made again at the next start) and ends the threads.
    pub async fn shutdown(&self) {
        self.shared.room.close();
        let threads = std::mem::take(&mut *self.shared.threads.lock());
        // Joining blocks for as long as a last commit takes.
        let joined = tokio::task::spawn_blocking(move || {
            threads.into_iter().for_each(decider::Thread::stop);
        });
        let joined = joined.await;
        self.shared.calls.abort_all();
        if let Err(error) = joined {
            tracing::error!(%error, "a thread of the engine failed while it was stopped");
        }
    }

    /// Hands a command over and waits for what its commit lets out.
    async fn ask(&self, shard: ShardId, command: Command) -> Result<Answer, Error> {
        let room = Arc::clone(&self.shared.room);
        let place = match Arc::clone(&room).try_acquire_owned() {
            Ok(place) => place,
            Err(TryAcquireError::Closed) => return Err(Error::ShuttingDown),
            Err(TryAcquireError::NoPermits) => {
                let _waiter = self
                    .shared
                    .waiters
                    .try_acquire()
                    .map_err(|_| Error::Overloaded)?;
                room.acquire_owned()
                    .await
                    .map_err(|_| Error::ShuttingDown)?
            }
        };
        let senders = &self.shared.senders;
        let at = usize::from(shard.0)
            .checked_rem(senders.len())
            .unwrap_or_default();
        let (sender, answer) = oneshot::channel();
        let job = Message::Job {
            command,
            reply: Reply { sender, place },
        };
        let sent = senders.get(at).and_then(|sender| sender.send(job).ok());
        sent.ok_or(Error::ShuttingDown)?;
        answer.await.map_err(|_| Error::ShuttingDown)
    }
}

/// Where the answer to a command goes. Holds the command's place until then.
pub(crate) struct Reply {
    sender: oneshot::Sender<Answer>,
    place: OwnedSemaphorePermit,
}

impl Caller for Reply {
    fn answer(self, answer: Answer) {
        drop(self.place);
        if self.sender.send(answer).is_err() {
            tracing::debug!("a caller left before its answer");
        }
    }
}

type Attempt = (EntityId, EventId);

/// Spawns the futures of task calls, and gives them up.
pub(crate) struct Calls {
    runner: Arc<dyn Runner>,
    runtime: Handle,
    /// As many as shards have places for calls.
    under_way: Arc<Mutex<HashMap<Attempt, AbortHandle>>>,
}

impl Calls {
    /// Does what a committed decision caused; the outcome of a call comes back as a message.
    pub(crate) fn act(&self, action: Action, back: &Sender<Message>) {
        match action {
            Action::Call(entity, call) => self.spawn(entity, *call, back.clone()),
            Action::Abandon {
                entity,
                execution_arn,
                attempt,
            } => {
                if let Some(call) = self.under_way.lock().remove(&(entity, attempt)) {
                    call.abort();
                }
                self.runner.abandon(&execution_arn, attempt);
            }
        }
    }

    fn spawn(&self, entity: EntityId, call: TaskCall, back: Sender<Message>) {
        let attempt = call.call.attempt;
        // The lock is held so that the call cannot end before it is known.
        let mut calls = self.under_way.lock();
        if calls.contains_key(&(entity, attempt)) {
            // A decision that would have given it up was not committed; its outcome still counts.
            return;
        }
        let under_way = Arc::clone(&self.under_way);
        let runner = Arc::clone(&self.runner);
        let running = async move {
            // Made inside, so that a panic while it is made is caught as well.
            let outcome = AssertUnwindSafe(async move { runner.run(call).await });
            let outcome = outcome.catch_unwind().await.unwrap_or_else(|_| panicked());
            under_way.lock().remove(&(entity, attempt));
            let command = Command::Outcome {
                entity,
                attempt,
                outcome,
            };
            if back.send(Message::Internal(command)).is_err() {
                tracing::debug!("a call ended after the engine; it will be made again");
            }
        };
        calls.insert(
            (entity, attempt),
            self.runtime.spawn(running).abort_handle(),
        );
    }

    fn abort_all(&self) {
        std::mem::take(&mut *self.under_way.lock())
            .values()
            .for_each(AbortHandle::abort);
    }
}

fn panicked() -> TaskOutcome {
    TaskOutcome::Failed(Failure {
        error: Some("States.Runtime".into()),
        cause: Some("the call failed inside the server; its log says where".into()),
    })
}

/// A shard answers each kind of command by its own kind of answer.
fn mismatched(answer: &Answer) -> Error {
    tracing::error!(?answer, "a command was answered by another kind of answer");
    Error::NotConfirmed(None)
}

#[cfg(test)]
mod tests;
