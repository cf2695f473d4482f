//! Express executions. Their events live in memory: a run is one future around the same pure
//! `asl::decide`, and no record of it is written while it runs.
//!
//! A synchronous run ([`Engine::run_express`]) commits nothing. Of an asynchronous one
//! ([`Engine::start_express`]) the start is committed before it is acknowledged, and the end once
//! it has come (`shard/express.rs`); after a crash in between it runs again from its start, so it
//! runs at least once. Either kind may last five minutes.
//!
//! AWS shows Express executions in logs only. Here the newest of each state machine can be listed,
//! and their histories read (`kept`): from memory, or from disk, where those that have ended are
//! written about once a second (`keeper`, `row`).

mod keeper;
mod kept;
mod live;
mod row;
mod weight;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use asl::decide::Input;
use asl::event::{Event, EventId, ExecutionKind, Failure, Served, Start, Text};
use asl::limits::Limits;
use asl::program::Program;
use asl::time::Timestamp;
use json::Value;
use parking_lot::Mutex;
use store::{EntityId, Runs};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::task::AbortHandle;

use crate::arn;
use crate::chance::Chance;
use crate::clock::Clock;
use crate::definitions::Programs;
use crate::driver::Engine;
use crate::lane::Pool;
use crate::limits::{Config, HEAVY_MAX, WAITERS_MAX};
use crate::observe::Observers;
use crate::page::PageKey;
use crate::request::{
    Error, ExecutionStatus, HistoryPage, HistoryQuery, ListPage, ListQuery, OpenError, ReadError,
    StartError, StartRequest,
};
use crate::shard::Random;
use crate::task::Runner;

use keeper::Keeper;
use kept::Kept;
use live::{Live, Next};

/// How an Express execution ended: what StartSyncExecution answers.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpressEnd {
    pub execution_arn: Text,
    pub name: Text,
    pub status: ExecutionStatus,
    pub started_at: Timestamp,
    pub stopped_at: Timestamp,
    /// Present for SUCCEEDED only.
    pub output: Option<Value>,
    /// Empty where AWS shows neither error nor cause.
    pub failure: Failure,
    pub billing: Billing,
}

/// What AWS would bill for an Express execution (BillingDetails).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Billing {
    /// Begun hundreds of milliseconds, at least one.
    pub duration_ms: u64,
    /// What the run's events and payloads took in memory, in bytes.
    pub memory_bytes: u64,
    /// Begun chunks of 64 MB of it, at least one.
    pub memory_mb: u64,
}

/// What AWS's price page rounds durations and memory up to.
const BILLED_MS: u64 = 100;
const BILLED_MB: u64 = 64;

impl Billing {
    fn of(duration_ms: i64, memory_bytes: u64) -> Billing {
        let duration_ms = u64::try_from(duration_ms).unwrap_or(0);
        let chunk = BILLED_MB << 20;
        Billing {
            duration_ms: duration_ms.div_ceil(BILLED_MS).max(1) * BILLED_MS,
            memory_bytes,
            memory_mb: memory_bytes.div_ceil(chunk).max(1) * BILLED_MB,
        }
    }
}

/// An Express execution that is under way or kept.
#[derive(Clone, Debug)]
pub struct ExpressDescription {
    /// ARNs, name, input, role, definition number, trace header.
    pub start: Arc<Start>,
    pub status: ExecutionStatus,
    pub started_at: Timestamp,
    pub stopped_at: Option<Timestamp>,
    /// Present for SUCCEEDED only.
    pub output: Option<Value>,
    /// Empty where AWS shows neither error nor cause.
    pub failure: Failure,
    /// Once it has ended.
    pub billing: Option<Billing>,
}

impl Engine {
    /// StartSyncExecution. Nothing is committed: a run that a crash interrupts is gone. Once begun
    /// it goes on to its end, also when the caller does not wait for it.
    ///
    /// # Errors
    /// See [`StartError`]. That the execution failed is no error.
    pub async fn run_express(&self, request: StartRequest) -> Result<ExpressEnd, StartError> {
        self.express().run(request).await
    }

    /// The newest Express executions of a state machine, newest first: at most 1,000, of the last
    /// 24 hours. Of those before a crash, which ended within a second of it may be missing. Blocks
    /// while the disk is read, as do the reads below.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn express_runs(&self, query: &ListQuery) -> Result<ListPage, ReadError> {
        self.express().kept.list(query, self.express().clock.now())
    }

    /// The history of an Express execution of [`Engine::express_runs`], also while it runs.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn express_history(
        &self,
        execution_arn: &str,
        query: &HistoryQuery,
    ) -> Result<HistoryPage, ReadError> {
        let express = self.express();
        express
            .kept
            .history(execution_arn, query, express.clock.now())
    }

    /// An Express execution of [`Engine::express_runs`].
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn express_describe(&self, execution_arn: &str) -> Result<ExpressDescription, ReadError> {
        let express = self.express();
        express.kept.describe(execution_arn, express.clock.now())
    }

    /// What served the calls of an Express execution, by attempt, in order.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn express_served(&self, execution_arn: &str) -> Result<Vec<(EventId, Served)>, ReadError> {
        let express = self.express();
        express.kept.served(execution_arn, express.clock.now())
    }

    /// The definitions that those of [`Engine::express_runs`] ran: their histories need them.
    ///
    /// # Errors
    /// What the disk failed with.
    pub fn express_definitions(&self) -> store::Result<Vec<u64>> {
        self.express().kept.definitions()
    }
}

/// Runs Express executions.
pub(crate) struct Express {
    config: Config,
    clock: Arc<dyn Clock>,
    programs: Arc<Programs>,
    runner: Arc<dyn Runner>,
    runtime: Handle,
    slow: Pool,
    chance: Mutex<Chance>,
    observers: Observers,
    kept: Arc<Kept>,
    keeper: Keeper,
    /// A place for each synchronous run; shards count the asynchronous ones.
    room: Arc<Semaphore>,
    /// A place for each caller that waits for one in `room`.
    waiters: Semaphore,
    /// A place for each task call of an Express execution.
    calls: Arc<Semaphore>,
    /// A place for each decision that is too heavy to be made on a thread that runs futures.
    heavy: Semaphore,
    /// What all runs under way hold.
    bytes: AtomicUsize,
    /// Runs that have a future of their own, by the number they are kept under.
    under_way: Mutex<HashMap<u64, AbortHandle>>,
    /// Asynchronous runs under way.
    entities: Mutex<HashMap<EntityId, u64>>,
}

/// What an [`Express`] works with.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) programs: Arc<Programs>,
    pub(crate) runner: Arc<dyn Runner>,
    pub(crate) runtime: Handle,
    pub(crate) slow: Pool,
    pub(crate) chance: Chance,
    pub(crate) page_key: Arc<PageKey>,
    pub(crate) observers: Observers,
    /// Where those that have ended are kept.
    pub(crate) runs: Option<Arc<dyn Runs>>,
}

/// An asynchronous run whose start is committed.
#[derive(Debug)]
pub struct ExpressRun {
    pub entity: EntityId,
    pub start: Box<Start>,
    pub program: Arc<Program>,
    /// When it was started; `None` if it runs again, after a crash.
    pub started_at: Option<Timestamp>,
}

/// The last event of an asynchronous run, for its journal.
#[derive(Clone, Debug)]
pub struct ExpressEnded {
    pub entity: EntityId,
    pub time: Timestamp,
    pub event: Event,
}

impl Express {
    pub(crate) fn new(parts: Parts) -> Result<Express, OpenError> {
        let Parts {
            config,
            clock,
            programs,
            runner,
            runtime,
            slow,
            chance,
            page_key,
            observers,
            runs,
        } = parts;
        let kept = Arc::new(Kept::open(kept::Parts {
            page_key,
            programs: Arc::clone(&programs),
            bytes_max: config.express_kept_bytes_max,
            disk: runs,
            stored_bytes_max: config.express_stored_bytes_max,
        })?);
        let keeper = Keeper::spawn(&kept, Arc::clone(&clock))?;
        Ok(Express {
            config,
            clock,
            programs,
            runner,
            runtime,
            slow,
            chance: Mutex::new(chance),
            observers,
            kept,
            keeper,
            room: Arc::new(Semaphore::new(config.express_runs_max)),
            waiters: Semaphore::new(WAITERS_MAX),
            calls: Arc::new(Semaphore::new(config.calls_max)),
            heavy: Semaphore::new(HEAVY_MAX),
            bytes: AtomicUsize::new(0),
            under_way: Mutex::default(),
            entities: Mutex::default(),
        })
    }

    async fn run(self: &Arc<Self>, request: StartRequest) -> Result<ExpressEnd, StartError> {
        let place = self.place().await?;
        let program = self.program(request.definition).await?;
        let (now, random) = (self.clock.now(), self.chance.lock().draw());
        let unique = uuid([random[0], random[1]]);
        let limits = self.config.limits;
        let start = start(request, &unique, ExecutionKind::SyncExpress, limits, random)?;
        let mut live = Live::new(self, program, &start, now);
        let next = live.decide(Input::Start(Box::new(start)));
        if let Some(end) = live.end() {
            return Ok(end);
        }
        let run = self.spawn(live, next, move |_, _| drop(place));
        run.await.map_err(|error| {
            if error.is_panic() {
                tracing::error!(%error, "an Express execution failed inside the server");
            }
            StartError::Engine(Error::ShuttingDown)
        })
    }

    /// Runs an asynchronous execution; `ended` is told how it ended. One that is under way is not
    /// run twice: a commit that failed may have made its shard ask again.
    pub(crate) fn resume(
        self: &Arc<Self>,
        run: ExpressRun,
        ended: impl FnOnce(ExpressEnded) + Send + 'static,
    ) {
        let ExpressRun {
            entity,
            start,
            program,
            started_at,
        } = run;
        let mut entities = self.entities.lock();
        if entities.contains_key(&entity) {
            return;
        }
        let now = started_at.unwrap_or_else(|| self.clock.now());
        let live = Live::new(self, program, &start, now);
        let next = Next::Decide(Input::Start(start));
        entities.insert(entity, live.number());
        drop(entities);
        self.spawn(live, next, move |express, live| {
            express.entities.lock().remove(&entity);
            if let Some((time, event)) = live.last_event() {
                ended(ExpressEnded {
                    entity,
                    time,
                    event,
                });
            }
        });
    }

    /// Has a run go on in a future of its own.
    fn spawn(
        self: &Arc<Self>,
        live: Live,
        next: Next,
        done: impl FnOnce(&Express, &Live) + Send + 'static,
    ) -> tokio::task::JoinHandle<ExpressEnd> {
        let (express, number) = (Arc::clone(self), live.number());
        // The lock is held so that the run cannot end before it is known.
        let mut under_way = self.under_way.lock();
        let running = self.runtime.spawn(async move {
            let (live, end) = live.drive(next).await;
            express.under_way.lock().remove(&number);
            done(&express, &live);
            end
        });
        under_way.insert(number, running.abort_handle());
        running
    }

    /// Gives up the runs under way. The asynchronous ones run again at the next start.
    pub(crate) fn abort_all(&self) {
        self.room.close();
        std::mem::take(&mut *self.under_way.lock())
            .values()
            .for_each(AbortHandle::abort);
    }

    /// The executions of a state machine (unqualified ARN) are listed no more, also when it is made
    /// again. Blocks.
    pub(crate) fn forget(&self, state_machine_arn: &str) {
        if let Err(error) = self.kept.forget(state_machine_arn) {
            tracing::warn!(
                %error,
                machine = state_machine_arn,
                "Express executions could not be forgotten with their state machine"
            );
        }
    }

    /// Writes what has ended. Blocks.
    pub(crate) fn close(&self) {
        self.keeper.stop();
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let room = Arc::clone(&self.room);
        match Arc::clone(&room).try_acquire_owned() {
            Ok(place) => return Ok(place),
            Err(TryAcquireError::Closed) => return Err(Error::ShuttingDown),
            Err(TryAcquireError::NoPermits) => {}
        }
        let waiter = self.waiters.try_acquire();
        let _waiter = waiter.map_err(|_| Error::Overloaded)?;
        let place = room.acquire_owned().await;
        place.map_err(|_| Error::ShuttingDown)
    }

    /// The program of a definition. One that is not in memory is compiled on another thread.
    async fn program(self: &Arc<Self>, definition: u64) -> Result<Arc<Program>, Error> {
        if let Some(program) = self.programs.in_memory(definition) {
            return Ok(program);
        }
        let express = Arc::clone(self);
        let compiled = self
            .runtime
            .spawn_blocking(move || express.programs.get(definition));
        let compiled = compiled.await.map_err(|_| Error::ShuttingDown)?;
        Ok(compiled?)
    }
}

/// The first event of an Express execution. `unique` tells executions of one name apart.
pub(crate) fn start(
    request: StartRequest,
    unique: &str,
    kind: ExecutionKind,
    limits: Limits,
    random: Random,
) -> Result<Start, StartError> {
    let name = request
        .name
        .unwrap_or_else(|| uuid([random[2], random[3]]).into());
    let machine_arn = request.state_machine_arn;
    let Some(execution_arn) = arn::express(&machine_arn, &name, unique) else {
        return Err(StartError::NotAStateMachine(machine_arn));
    };
    Ok(Start {
        execution_arn,
        execution_name: name,
        state_machine_arn: machine_arn,
        state_machine_name: request.state_machine_name,
        state_machine_version_arn: request.state_machine_version_arn,
        state_machine_alias_arn: request.state_machine_alias_arn,
        role_arn: request.role_arn,
        definition: request.definition,
        input: request.input,
        input_text: request.input_text,
        trace_header: request.trace_header,
        started_by: request.started_by,
        tags: request.tags,
        mock_case: request.mock_case,
        kind,
        limits: Limits {
            // AWS does not limit the events of an Express execution; here its memory does.
            history_events_max: u32::MAX,
            ..limits
        },
        // Express executions have no task tokens.
        token_secret: [0; 16],
    })
}

/// 122 of these bits as a UUID of version 4.
fn uuid([high, low]: [u64; 2]) -> String {
    let version = high & !0xf000 | 0x4000;
    let variant = low & !(3 << 62) | 2 << 62;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        version >> 32,
        version >> 16 & 0xffff,
        version & 0xffff,
        variant >> 48,
        variant & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests;
