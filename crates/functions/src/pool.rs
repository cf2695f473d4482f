//! The processes of all functions: which one serves an invocation, how many there may be, and
//! when an idle one goes.
//!
//! One environment serves one invocation at a time. An invocation holds a permit while it runs,
//! and there are as many permits as processes may live, so whoever holds one can have a
//! process: an idle one of its function, a new one, or a new one in the place of another
//! function's longest idle one. Those who wait for a permit are served in order.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::mem;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::bootstrap::Bootstraps;
use crate::code::{Code, CodeStore};
use crate::entrypoint::Engine;
use crate::environment::{Environment, Starter};
use crate::logs::LogSink;
use crate::probe::{self, Interpreters};
use crate::process::Spawner;
use crate::sandbox::{Layer, Sandbox, SandboxPolicy};
use crate::spec::{FunctionSpec, Invocation, InvokeError, Invoked, Throttle};

#[cfg(test)]
pub(crate) mod tests;

/// How long an invocation waits for a process that has just answered another one, rather
/// than start one more: less than a cold start takes.
const SETTLE_WAIT: Duration = Duration::from_millis(25);

/// Bounds and places of a [`Pool`].
#[derive(Clone)]
pub struct PoolConfig {
    /// A folder of the pool's own: unpacked code, bootstraps and scratch folders. Nothing in
    /// it is worth keeping; what an earlier server left there is removed.
    pub folder: PathBuf,
    /// How many processes may live at once, idle ones included.
    pub processes_max: usize,
    /// How many invocations may wait for a process beyond that; more are throttled.
    pub queue_max: usize,
    /// How long one waits before it is throttled.
    pub queue_timeout: Duration,
    /// How many invocations of one function may be under way, waiting ones included.
    pub concurrency_max: u32,
    /// What a runtime gets to come up before the function's own timeout starts to count.
    pub init_timeout: Duration,
    /// How long an unused process stays.
    pub idle_timeout: Duration,
    /// A process older than this gets no further invocation: its credentials grow old.
    pub age_max: Duration,
    /// How long [`Pool::shutdown`] lets running invocations end.
    pub shutdown_grace: Duration,
    /// Where log events go, if anywhere.
    pub log_sink: Option<Arc<dyn LogSink>>,
    /// What processes are kept from, and what they reach.
    pub sandbox: SandboxPolicy,
}

impl PoolConfig {
    /// Bounds that suit one machine: 64 processes take some 1-2 GB, 1,000 is AWS's quota for
    /// concurrency, ten minutes of idleness is what AWS roughly grants. Where AWS would start one
    /// more environment, an invocation waits here: as long as a function may run, 15 minutes.
    pub fn new(folder: impl Into<PathBuf>) -> PoolConfig {
        PoolConfig {
            folder: folder.into(),
            processes_max: 64,
            queue_max: 10_000,
            queue_timeout: Duration::from_secs(900),
            concurrency_max: 1_000,
            // AWS's init phase.
            init_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(600),
            age_max: Duration::from_secs(3_600),
            shutdown_grace: Duration::from_secs(2),
            log_sink: None,
            sandbox: SandboxPolicy::default(),
        }
    }
}

/// Runs functions as processes of this host. Cheap to clone; the last clone ends them all.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    config: PoolConfig,
    starter: Starter,
    interpreters: Arc<Interpreters>,
    code: CodeStore,
    permits: Arc<Semaphore>,
    /// Invocations that wait for a permit.
    waiting: AtomicUsize,
    /// Live processes; watched to know when the last is gone.
    live: Arc<watch::Sender<usize>>,
    /// Turns true when running invocations shall end.
    stop: watch::Sender<bool>,
    sweeper: OnceLock<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By ARN; an entry lives while it has a running or an idle process.
    functions: HashMap<String, Function>,
    closing: bool,
}

#[derive(Default)]
struct Function {
    running: u32,
    /// Grows when the function is forgotten: processes of before are not used again.
    epoch: u64,
    /// The most recently used last.
    idle: Vec<Warm>,
    /// Environments that have answered and will be idle in a moment.
    settling: u32,
    /// Invocations that wait for one of those.
    awaiting: u32,
    /// Told whenever one has settled.
    returned: Arc<Notify>,
}

/// What an invocation is served with.
enum Picked {
    Warm(Box<Warm>),
    /// A process will be idle in a moment; wait for it.
    Soon(Arc<Notify>),
    /// A new process may be started.
    Room {
        epoch: u64,
        counted: Counted,
    },
}

/// An environment between invocations or in one.
struct Warm {
    environment: Environment,
    epoch: u64,
    since: Instant,
    _counted: Counted,
}

/// Counts one live process for as long as it is held.
struct Counted(Arc<watch::Sender<usize>>);

impl Counted {
    fn new(live: &Arc<watch::Sender<usize>>) -> Counted {
        live.send_modify(|count| *count += 1);
        Counted(Arc::clone(live))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Counts one invocation of a function for as long as it is held.
struct Admission {
    inner: Arc<Inner>,
    arn: String,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut state = self.inner.state.lock();
        if let Some(function) = state.functions.get_mut(&self.arn) {
            function.running = function.running.saturating_sub(1);
            if function.running == 0 && function.idle.is_empty() {
                state.functions.remove(&self.arn);
            }
        }
    }
}

type Reply = oneshot::Sender<Result<Invoked, InvokeError>>;

impl Pool {
    /// Prepares the folder and starts the thread that starts processes. Call it before or
    /// inside a tokio runtime; processes start with the first invocations.
    pub fn new(config: PoolConfig) -> io::Result<Pool> {
        // Code and what functions leave behind are nobody else's business.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&config.folder)?;
        let scratch = config.folder.join("scratch");
        match fs::remove_dir_all(&scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&scratch)?,
        }
        let sandbox = Sandbox::open(&config.folder.join("sandbox"), &config.sandbox)?;
        let starter = Starter {
            spawner: Spawner::new(config.processes_max, sandbox)?,
            bootstraps: Bootstraps::new(&config.folder.join("bootstrap"))?,
            scratch: scratch.canonicalize()?,
            sink: config.log_sink.clone(),
            init_timeout: config.init_timeout,
        };
        let code = CodeStore::new(&config.folder.join("code"))?;
        let permits = Arc::new(Semaphore::new(config.processes_max));
        let inner = Inner {
            config,
            starter,
            interpreters: Arc::default(),
            code,
            permits,
            waiting: AtomicUsize::new(0),
            live: Arc::new(watch::Sender::new(0)),
            stop: watch::Sender::new(false),
            sweeper: OnceLock::new(),
            state: Mutex::default(),
        };
        Ok(Pool {
            inner: Arc::new(inner),
        })
    }

    /// Runs one invocation to its end. The function runs on when the caller stops waiting, as
    /// on AWS; it is cut short only by its own timeout and by [`Pool::shutdown`].
    pub async fn invoke(
        &self,
        spec: &Arc<FunctionSpec>,
        invocation: Invocation,
    ) -> Result<Invoked, InvokeError> {
        let inner = &self.inner;
        inner.sweeper.get_or_init(|| {
            tokio::spawn(sweep(Arc::downgrade(inner), inner.config.idle_timeout));
        });
        let admission = Inner::admit(inner, spec)?;
        let permit = inner.permit().await?;
        let (reply, answer) = oneshot::channel();
        let serving = Serving {
            admission,
            _permit: permit,
            spec: Arc::clone(spec),
            invocation,
        };
        let mut stop = inner.stop.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                // Dropping the reply says that the server is shutting down.
                _ = stop.wait_for(|stop| *stop) => {}
                () = serving.run(reply) => {}
            }
        });
        answer.await.unwrap_or(Err(InvokeError::ShuttingDown))
    }

    /// A function that asks for `runtime` was made: its interpreter is looked for now, in the
    /// background, since that can take longer than a cold start (launchers such as pyenv's).
    pub fn expect_runtime(&self, runtime: &str) {
        let (inner, runtime) = (Arc::clone(&self.inner), runtime.to_owned());
        tokio::spawn(async move {
            // What is not there is said to those who invoke the function.
            let _missing = inner.engine(&runtime).await;
        });
    }

    /// A function was updated or deleted: its idle processes end now, busy ones after the
    /// invocation they have.
    pub fn forget(&self, arn: &str) {
        let idle = {
            let mut state = self.inner.state.lock();
            let Some(function) = state.functions.get_mut(arn) else {
                return;
            };
            function.epoch += 1;
            let idle = mem::take(&mut function.idle);
            if function.running == 0 {
                state.functions.remove(arn);
            }
            idle
        };
        // Ending a process takes system calls: not under the lock.
        drop(idle);
    }

    /// Refuses new invocations, lets running ones end for [`PoolConfig::shutdown_grace`], then
    /// ends all processes. Once it has returned all have been killed.
    pub async fn shutdown(&self) {
        let inner = &self.inner;
        let functions = {
            let mut state = inner.state.lock();
            state.closing = true;
            state
                .functions
                .values_mut()
                .flat_map(|f| mem::take(&mut f.idle))
                .collect::<Vec<_>>()
        };
        drop(functions);
        let all = u32::try_from(inner.config.processes_max).unwrap_or(u32::MAX);
        let ended = timeout(inner.config.shutdown_grace, inner.permits.acquire_many(all)).await;
        drop(ended);
        inner.permits.close();
        inner.stop.send_replace(true);
        // Fails only when the sender is gone, and it is ours.
        let _ = inner.live.subscribe().wait_for(|live| *live == 0).await;
    }

    /// What keeps functions from the rest of this host, layer by layer.
    pub fn sandbox(&self) -> &[Layer] {
        self.inner.starter.spawner.layers()
    }

    /// How many processes live now, idle ones included.
    pub fn processes(&self) -> usize {
        *self.inner.live.borrow()
    }
}

impl Inner {
    /// Counts the invocation, or refuses it.
    fn admit(inner: &Arc<Inner>, spec: &FunctionSpec) -> Result<Admission, InvokeError> {
        let mut state = inner.state.lock();
        if state.closing {
            return Err(InvokeError::ShuttingDown);
        }
        let running = state
            .functions
            .get(&spec.arn)
            .map_or(0, |function| function.running);
        if spec
            .reserved_concurrency
            .is_some_and(|reserved| running >= reserved)
        {
            return Err(InvokeError::Throttled(Throttle::ReservedConcurrency));
        }
        if running >= inner.config.concurrency_max {
            return Err(InvokeError::Throttled(Throttle::Concurrency));
        }
        state.functions.entry(spec.arn.clone()).or_default().running += 1;
        Ok(Admission {
            inner: Arc::clone(inner),
            arn: spec.arn.clone(),
        })
    }

    /// The right to have a process, waited for in order.
    async fn permit(&self) -> Result<OwnedSemaphorePermit, InvokeError> {
        let throttled = InvokeError::Throttled(Throttle::Concurrency);
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let place = Place::take(&self.waiting);
        if place.number >= self.config.queue_max {
            return Err(throttled);
        }
        let permit = Arc::clone(&self.permits).acquire_owned();
        match timeout(self.config.queue_timeout, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(InvokeError::ShuttingDown),
            Err(_) => Err(throttled),
        }
    }

    /// An environment for `spec`: an idle one, one about to be idle, or a new one.
    async fn obtain(&self, spec: &Arc<FunctionSpec>) -> Result<Warm, InvokeError> {
        let patience = Instant::now() + SETTLE_WAIT;
        let (epoch, counted) = loop {
            let (picked, unfit) = self.pick(spec, Instant::now() < patience)?;
            // Ending a process takes system calls: not under the lock.
            drop(unfit);
            match picked {
                Picked::Warm(warm) => return Ok(*warm),
                Picked::Room { epoch, counted } => break (epoch, counted),
                Picked::Soon(returned) => {
                    let _ = timeout_at(patience, returned.notified()).await;
                    if let Some(function) = self.state.lock().functions.get_mut(&spec.arn) {
                        function.awaiting = function.awaiting.saturating_sub(1);
                    }
                }
            }
        };
        let (engine, code, layers) = self.ingredients(spec).await?;
        let environment = Environment::new(&self.starter, spec, engine, code, layers)?;
        Ok(Warm {
            environment,
            epoch,
            since: Instant::now(),
            _counted: counted,
        })
    }

    /// What there is for `spec`, and processes that turned out to be of no use.
    fn pick(
        &self,
        spec: &Arc<FunctionSpec>,
        may_wait: bool,
    ) -> Result<(Picked, Vec<Warm>), InvokeError> {
        let mut state = self.state.lock();
        if state.closing {
            return Err(InvokeError::ShuttingDown);
        }
        let mut unfit = Vec::new();
        // There is an entry: the invocation that asks is counted in it.
        let function = state.functions.entry(spec.arn.clone()).or_default();
        let same = |warm: &Warm| warm.environment.spec.shares_process_with(spec);
        while let Some(at) = function.idle.iter().rposition(same) {
            let mut warm = function.idle.remove(at);
            if self.is_fit(&mut warm) {
                return Ok((Picked::Warm(Box::new(warm)), unfit));
            }
            unfit.push(warm);
        }
        if may_wait && function.settling > function.awaiting {
            function.awaiting += 1;
            return Ok((Picked::Soon(Arc::clone(&function.returned)), unfit));
        }
        let epoch = function.epoch;
        if *self.live.borrow() >= self.config.processes_max {
            unfit.extend(state.take_oldest());
        }
        Ok((
            Picked::Room {
                epoch,
                counted: Counted::new(&self.live),
            },
            unfit,
        ))
    }

    fn is_fit(&self, warm: &mut Warm) -> bool {
        warm.environment.started.elapsed() < self.config.age_max && warm.environment.is_alive()
    }

    async fn ingredients(
        &self,
        spec: &FunctionSpec,
    ) -> Result<(Engine, Arc<Code>, Option<Arc<Code>>), InvokeError> {
        let engine = self.engine(&spec.runtime).await?;
        let code = self.code.get(&spec.code).await?;
        let layers = self.code.layers(&spec.layers).await?;
        Ok((engine, code, layers))
    }

    async fn engine(&self, runtime: &str) -> Result<Engine, InvokeError> {
        if probe::is_provided(runtime) {
            return Ok(Engine::Provided);
        }
        if let Some(known) = self.interpreters.known(runtime)? {
            return Ok(Engine::Interpreter(known));
        }
        // Asking an interpreter for its version means to wait for a process.
        let (interpreters, runtime) = (Arc::clone(&self.interpreters), runtime.to_string());
        let found = tokio::task::spawn_blocking(move || interpreters.find(&runtime))
            .await
            .map_err(|error| InvokeError::Start(error.to_string()))?;
        found.map(Engine::Interpreter)
    }

    /// The invocation is answered: its environment will be free in a moment.
    fn settling(&self, arn: &str) {
        if let Some(function) = self.state.lock().functions.get_mut(arn) {
            function.settling += 1;
        }
    }

    /// An environment has settled; `None` when it cannot be used again.
    fn give_back(&self, arn: &str, warm: Option<Warm>) {
        let mut state = self.state.lock();
        let closing = state.closing;
        let Some(function) = state.functions.get_mut(arn) else {
            return;
        };
        function.settling = function.settling.saturating_sub(1);
        let mut unfit = None;
        if let Some(mut warm) = warm {
            warm.since = Instant::now();
            if closing || warm.epoch != function.epoch {
                unfit = Some(warm);
            } else {
                function.idle.push(warm);
            }
        }
        function.returned.notify_one();
        drop(state);
        drop(unfit);
    }

    /// Takes out what has been idle for too long, or has ended by itself.
    fn take_stale(&self) -> Vec<Warm> {
        let mut state = self.state.lock();
        let mut stale = Vec::new();
        for function in state.functions.values_mut() {
            for mut warm in mem::take(&mut function.idle) {
                if warm.since.elapsed() < self.config.idle_timeout && self.is_fit(&mut warm) {
                    function.idle.push(warm);
                } else {
                    stale.push(warm);
                }
            }
        }
        state
            .functions
            .retain(|_, function| function.running > 0 || !function.idle.is_empty());
        stale
    }
}

impl State {
    /// The environment that has been idle longest, of whichever function.
    fn take_oldest(&mut self) -> Option<Warm> {
        let oldest = self
            .functions
            .values_mut()
            .filter(|function| !function.idle.is_empty())
            // Within a function the first is the oldest.
            .min_by_key(|function| function.idle.first().map(|warm| warm.since))?;
        Some(oldest.idle.remove(0))
    }
}

/// One admitted invocation with all it needs.
struct Serving {
    admission: Admission,
    _permit: OwnedSemaphorePermit,
    spec: Arc<FunctionSpec>,
    invocation: Invocation,
}

impl Serving {
    async fn run(self, reply: Reply) {
        let (inner, arn) = (&self.admission.inner, &self.spec.arn);
        let (mut warm, invoked) = loop {
            let mut warm = match inner.obtain(&self.spec).await {
                Ok(warm) => warm,
                Err(error) => {
                    // Nobody has to be waiting, here and below.
                    let _ = reply.send(Err(error));
                    return;
                }
            };
            let invoked = warm.environment.invoke(&inner.starter, &self.invocation);
            match invoked.await {
                Ok(Some(invoked)) => break (warm, invoked),
                // A warm process had ended unseen. A new one always gives an answer.
                Ok(None) => {}
                Err(error) => {
                    let _ = reply.send(Err(error));
                    return;
                }
            }
        };
        inner.settling(arn);
        let _ = reply.send(Ok(invoked));
        let usable = warm.environment.settle().await;
        inner.give_back(arn, usable.then_some(warm));
    }
}

/// A place in the queue, counted for as long as it is held.
struct Place<'a> {
    waiting: &'a AtomicUsize,
    number: usize,
}

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Place<'a> {
        Place {
            waiting,
            number: waiting.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Ends processes that nobody has used for a while, until the pool is gone.
async fn sweep(inner: Weak<Inner>, idle_timeout: Duration) {
    let pause = (idle_timeout / 4).clamp(Duration::from_millis(100), Duration::from_secs(10));
    loop {
        sleep(pause).await;
        let Some(inner) = inner.upgrade() else { return };
        drop(inner.take_stale());
    }
}
