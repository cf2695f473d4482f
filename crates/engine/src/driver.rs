//! What callers await; the futures of task calls are in `calls`. The threads are in `decider` and
//! `committer`.
//!
//! A command goes client → decider → committer → client; there is no other hop. Nothing leaves
//! before the commit that covers it was answered `Ok`.

mod calls;
mod deletions;
mod reads;

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use asl::event::{Failure, Text};
use asl::time::Timestamp;
use asl::token;
use crossbeam_channel::Sender;
use json::Value;
use parking_lot::Mutex;
use store::{EntityId, Runs, SHARDS, ShardId, Store};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::activities::{Activities, Closed};
use crate::arn;
use crate::bring::{find_execution, standing};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::commons::Commons;
use crate::decider::{self, Message};
use crate::definitions::{Definitions, Programs};
use crate::express::{self, Express};
use crate::lane::Pool;
use crate::limits::{Config, ENDINGS_MAX, QUEUE_SHOWN_MAX, RETRY_MS, WAITERS_MAX};
use crate::observe::{self, Observer};
use crate::open::Place;
use crate::page::PageKey;
use crate::pipeline::{self, Caller, OPEN};
use crate::request::{
    ActivityError, ActivityTask, Concurrency, Error, OpenError, QueuedExecution, RedriveError,
    StartError, StartRequest, Started, StopError, TokenError,
};
use crate::shard::{Answer, Command, TokenInput, route};
use crate::task::{Runner, TaskCall, TaskOutcome};
pub(crate) use calls::Calls;

/// What may stand beside an engine.
#[derive(Default)]
pub struct Beside {
    /// Who is told what was committed.
    pub observers: Vec<Arc<dyn Observer>>,
    /// Where Express executions that have ended are kept; without, their histories end with the
    /// engine.
    pub runs: Option<Arc<dyn Runs>>,
}

/// A running engine. Clones are handles to the same one.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    programs: Arc<Programs>,
    page_key: Arc<PageKey>,
    calls: Arc<Calls>,
    commons: Arc<Commons>,
    /// To each thread. Unbounded, but never longer than what has a place in `room`, one message
    /// for each call under way and each heavy decision, and one for the group being committed.
    senders: Vec<Sender<Message>>,
    /// A place for each command that was not answered.
    room: Arc<Semaphore>,
    /// A place for each caller that waits for one in `room`.
    waiters: Semaphore,
    /// A place for each caller that waits for the end of an execution.
    waiting_for_ends: Semaphore,
    /// Spreads executions without a name over the threads.
    turn: AtomicU16,
    threads: Mutex<(Vec<decider::Thread>, Option<observe::Thread>)>,
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
        Engine::open_observed(
            config,
            store,
            runner,
            definitions,
            clock,
            runtime,
            Beside::default(),
        )
    }

    /// The same, with what stands beside it. Observers are told again what those of an earlier
    /// engine have not accepted.
    ///
    /// # Errors
    /// As of [`Engine::open`].
    pub fn open_observed(
        config: Config,
        store: Arc<dyn Store>,
        runner: Arc<dyn Runner>,
        definitions: Arc<dyn Definitions>,
        clock: Arc<dyn Clock>,
        runtime: Handle,
        beside: Beside,
    ) -> Result<Engine, OpenError> {
        let count = u16::try_from(config.shard_threads).unwrap_or(u16::MAX);
        if !(1..=SHARDS).contains(&count) {
            return Err(OpenError::ShardThreads(config.shard_threads));
        }
        let page_key = Arc::new(PageKey::of_store(&*store)?);
        let programs = Arc::new(Programs::new(definitions));
        let shards = pipeline::open(&config, count, &*store, &programs, beside.observers)?;
        let commons = Arc::clone(shards.first().ok_or(OpenError::ShardThreads(0))?.commons());
        let slow = Pool::open(config.slow_threads)?;
        let express = Express::new(express::Parts {
            config,
            clock: Arc::clone(&clock),
            programs: Arc::clone(&programs),
            runner: Arc::clone(&runner),
            runtime: runtime.clone(),
            slow: slow.clone(),
            chance: Chance::from_system()?,
            page_key: Arc::clone(&page_key),
            observers: commons.observers.clone(),
            runs: beside.runs,
        })?;
        let activities = Activities::new(config.pollers_per_activity_max);
        let calls = Arc::new(Calls::new(runner, runtime, express, activities));
        let channels: Vec<_> = shards
            .iter()
            .map(|_| crossbeam_channel::unbounded())
            .collect();
        let senders: Vec<_> = channels.iter().map(|(sender, _)| sender.clone()).collect();
        let mut threads = Vec::new();
        for (shard, channel) in shards.into_iter().zip(channels) {
            let (store, programs) = (Arc::clone(&store), Arc::clone(&programs));
            let (clock, calls) = (Arc::clone(&clock), Arc::clone(&calls));
            let parts = decider::Parts {
                shard,
                store,
                programs,
                clock,
                calls,
                slow: slow.clone(),
                peers: senders.clone(),
            };
            threads.push(decider::spawn(parts, channel)?);
        }
        let observing = observe::Thread::spawn(
            Arc::clone(&store),
            Arc::clone(&programs),
            &commons.observers,
        )?;
        let room = Arc::new(Semaphore::new(config.commands_max));
        let waiters = Semaphore::new(WAITERS_MAX);
        let threads = Mutex::new((threads, observing));
        let shared = Shared {
            store,
            clock,
            programs,
            page_key,
            calls,
            commons,
            senders,
            room,
            waiters,
            waiting_for_ends: Semaphore::new(ENDINGS_MAX),
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
        let shard = match request.fixed_name() {
            Some(name) => {
                let arn = crate::arn::execution(&request.state_machine_arn, &name);
                route(&arn.ok_or(StartError::NotAStateMachine(
                    request.state_machine_arn.clone(),
                ))?)
            }
            None => self.any_shard(),
        };
        match self.ask(shard, Command::Start(Box::new(request))).await? {
            Answer::Started(result) => result,
            other => Err(mismatched(&other).into()),
        }
    }

    /// StartExecution of an Express state machine. Once it returned, the execution survives any
    /// crash: one that interrupts it has it run again, from its start. Every start is another
    /// execution, also under the same name.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_express(&self, request: StartRequest) -> Result<Started, StartError> {
        let shard = self.any_shard();
        let command = Command::StartExpress(Box::new(request));
        match self.ask(shard, command).await? {
            Answer::Started(result) => result,
            other => Err(mismatched(&other).into()),
        }
    }

    pub(crate) fn express(&self) -> &Arc<Express> {
        &self.shared.calls.express
    }

    /// The shard of an execution that has no name: any thread will do.
    fn any_shard(&self) -> ShardId {
        ShardId(self.shared.turn.fetch_add(1, Ordering::Relaxed) % SHARDS)
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
        let execution_arn = Text::from(execution_arn);
        let shard = route(&execution_arn);
        let command = Command::Redrive {
            execution_arn,
            client_token,
        };
        match self.ask(shard, command).await? {
            Answer::Redriven(result) => result,
            other => Err(mismatched(&other).into()),
        }
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
        let until = Instant::now() + wait;
        let activity_arn = Text::from(activity_arn);
        let poller = self.shared.calls.activities.poll(&activity_arn);
        let mut poller = poller.ok_or(ActivityError::TooManyPollers)?;
        loop {
            let (entity, attempt) = match timeout_at(until, poller.next()).await {
                Ok(Ok(task)) => task,
                Ok(Err(Closed)) if self.shared.calls.activities.is_closed() => return Ok(None),
                Ok(Err(Closed)) => return Err(ActivityError::DoesNotExist(activity_arn)),
                Err(_) => return Ok(None),
            };
            let worker_name = worker_name.clone();
            let command = Command::PickUp {
                entity,
                attempt,
                worker_name,
            };
            // If this fails, or is not waited for, the poller puts the task back.
            let answer = self.ask(entity.shard(), command).await?;
            let Answer::PickedUp(result) = answer else {
                return Err(mismatched(&answer).into());
            };
            let task = result?;
            poller.let_go();
            if task.is_some() {
                return Ok(task);
            }
        }
    }

    /// The activity is gone: those that poll for its tasks are told so, and Tasks that come to it
    /// from now on fail. Those that wait for a worker time out by themselves, unless it is made
    /// again and somebody polls.
    pub fn activity_deleted(&self, activity_arn: &str) {
        self.shared.commons.forget_activity(activity_arn);
        self.shared
            .calls
            .activities
            .delete(&Text::from(activity_arn));
    }

    /// Resolves once the execution is closed; at once if it is, or if there is none. An execution
    /// may have been redriven by the time the caller looks.
    pub async fn ended(&self, execution_arn: &str) {
        let execution_arn = Text::from(execution_arn);
        // Never closed: waiting for a place does not fail.
        let _place = self.shared.waiting_for_ends.acquire().await;
        let ending = self.shared.commons.endings.subscribe(&execution_arn);
        loop {
            let (store, arn) = (Arc::clone(&self.shared.store), execution_arn.clone());
            let looked = tokio::task::spawn_blocking(move || is_closed(&*store, &arn));
            match looked.await {
                Ok(Ok(true)) => return,
                Ok(Ok(false)) => return ending.await,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "whether an execution has ended can't be read now");
                }
                Err(error) => tracing::warn!(%error, "looking whether an execution has ended"),
            }
            tokio::time::sleep(Duration::from_millis(RETRY_MS)).await;
        }
    }

    /// Makes the call of a state that belongs to no execution (TestState). Nothing is recorded, and
    /// nobody makes it again; dropping the future cuts it off.
    pub async fn run_state(&self, call: TaskCall) -> TaskOutcome {
        self.shared.calls.runner.run(call).await.outcome
    }

    /// Standard executions that are open, of all state machines.
    pub fn open_executions(&self) -> u64 {
        self.shared.commons.open_executions()
    }

    /// The same of users by account and Region: of those that have had executions since the engine
    /// opened.
    pub fn places(&self) -> Vec<Arc<Place>> {
        self.shared.commons.places()
    }

    /// How a state machine (unqualified ARN) stands to its concurrency limit. Blocks while the
    /// store reads.
    ///
    /// # Errors
    /// What the store failed with.
    pub fn concurrency(&self, state_machine_arn: &str) -> Result<Concurrency, Error> {
        let machine_arn = Text::from(state_machine_arn);
        self.set_up_gate(&machine_arn)?;
        let Shared { store, commons, .. } = &*self.shared;
        let Some(view) = commons.gates.view(&machine_arn, QUEUE_SHOWN_MAX) else {
            let machine = store.known_machine(&machine_arn)?;
            let running = machine.map_or(Ok(0), |it| store.count_executions(Some(it), &OPEN))?;
            return Ok(Concurrency {
                running: usize::try_from(running).unwrap_or(usize::MAX),
                ..Concurrency::default()
            });
        };
        let mut queue = Vec::with_capacity(view.first.len());
        for (entity, position) in view.first.into_iter().zip(1..) {
            // One whose start is not committed yet is counted, but has no name to show.
            let Some(row) = store.execution(entity)? else {
                continue;
            };
            let execution_arn = arn::execution(&machine_arn, &row.name);
            queue.extend(execution_arn.map(|execution_arn| QueuedExecution {
                execution_arn,
                since: Timestamp(row.redriven_ms.unwrap_or(row.started_ms)),
                position,
            }));
        }
        Ok(Concurrency {
            limit: view.limit,
            running: view.running,
            queued: view.queued,
            queue,
        })
    }

    /// The limit of a state machine (unqualified ARN) has changed, and is stored. Those that wait
    /// are let in as far as it allows; none that runs is held up. Blocks while the store reads.
    pub fn set_concurrency(&self, state_machine_arn: &str, limit: Option<u32>) {
        let machine_arn = Text::from(state_machine_arn);
        let admitted = self.shared.commons.gates.set_limit(&machine_arn, limit);
        self.admit(admitted);
        if limit.is_some()
            && let Err(error) = self.set_up_gate(&machine_arn)
        {
            tracing::warn!(%error, "a gate will be set up by the next start it is for");
        }
    }

    /// Sets a machine's gate up, if the machine has a limit.
    fn set_up_gate(&self, machine_arn: &Text) -> Result<(), Error> {
        let Shared {
            store,
            programs,
            commons,
            ..
        } = &*self.shared;
        if !commons.gates.is_ready(machine_arn) {
            let standing = standing(&**store, programs, machine_arn)
                .inspect_err(|_| commons.gates.give_up(machine_arn))?;
            let admitted = commons.gates.fill(machine_arn, standing);
            self.admit(admitted.unwrap_or_default());
        }
        Ok(())
    }

    /// Tells executions that were let in.
    fn admit(&self, admitted: Vec<EntityId>) {
        for entity in admitted {
            decider::admit(&self.shared.senders, entity);
        }
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

    /// Nobody waits for tasks of activities any more: who does gets `None` now, and who comes gets
    /// it at once. The first step of a stop, so that no worker's poll holds it up or is cut off.
    pub fn end_polls(&self) {
        self.shared.calls.activities.close();
    }

    /// Takes no more commands, commits those taken, gives up the task calls under way (they are
    /// made again at the next start) and ends the threads.
    pub async fn shutdown(&self) {
        self.shared.room.close();
        self.end_polls();
        let (threads, observing) = std::mem::take(&mut *self.shared.threads.lock());
        // Joining blocks for as long as a last commit takes.
        let joined = tokio::task::spawn_blocking(move || {
            threads.into_iter().for_each(decider::Thread::stop);
            if let Some(observing) = observing {
                observing.stop();
            }
        });
        let joined = joined.await;
        self.shared.calls.abort_all();
        self.express().abort_all();
        let express = Arc::clone(self.express());
        // Writing what has ended blocks as well.
        let joined = joined.and(tokio::task::spawn_blocking(move || express.close()).await);
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

/// Whether an execution has ended, or does not exist.
fn is_closed(store: &dyn Store, execution_arn: &str) -> Result<bool, Error> {
    let Some(entity) = find_execution(store, execution_arn)? else {
        return Ok(true);
    };
    let row = store.execution(entity)?;
    Ok(row.is_none_or(|row| row.stopped_ms.is_some()))
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

    fn has_left(&self) -> bool {
        self.sender.is_closed()
    }
}

/// A shard answers each kind of command by its own kind of answer.
fn mismatched(answer: &Answer) -> Error {
    tracing::error!(?answer, "a command was answered by another kind of answer");
    Error::NotConfirmed(None)
}

#[cfg(test)]
mod tests;
