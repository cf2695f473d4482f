//! An engine in this process, on any store, with callers that keep it busy.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use asl::compile::compile;
use asl::definition::{MachineType, invalid_definition_message};
use asl::program::Program;
use engine::{
    Answered, Config, DefinitionError, Definitions, Engine, Runner, StartRequest, SystemClock,
    TaskCall,
};
use futures_util::future::BoxFuture;
use services::states::Integrations;
use store::{Kind, Store};
use tokio::runtime::Runtime;

use super::load::Slice;
use super::process::Process;

/// As many threads as the server takes on two cores.
const THREADS: usize = 2;

/// An engine whose executions all run one definition.
pub(crate) struct Rig {
    runtime: Runtime,
    pub(crate) engine: Engine,
    process: Process,
}

/// A state machine, as an execution's start needs it.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) arn: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) role_arn: Arc<str>,
    pub(crate) definition: u64,
}

/// One program for all numbers.
struct Only(Arc<Program>);

impl Definitions for Only {
    fn program(&self, _: u64) -> std::result::Result<Arc<Program>, DefinitionError> {
        Ok(Arc::clone(&self.0))
    }
}

/// Where no execution has a Task.
pub(crate) struct NoTasks;

impl Runner for NoTasks {
    fn run(&self, _: TaskCall) -> BoxFuture<'static, Answered> {
        Box::pin(std::future::pending())
    }
}

impl Rig {
    pub(crate) fn open(
        config: Config,
        store: Arc<dyn Store>,
        runner: Arc<dyn Runner>,
        definition: &str,
    ) -> Result<Rig> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_all()
            .build()?;
        let definitions = Arc::new(Only(program(definition)?));
        let handle = runtime.handle().clone();
        let clock = Arc::new(SystemClock);
        let engine = Engine::open(config, store, runner, definitions, clock, handle)?;
        Ok(Rig {
            runtime,
            engine,
            process: Process::own()?,
        })
    }

    /// Starts `count` executions from `callers` callers, each with a number from `first` on.
    pub(crate) fn start(
        &self,
        callers: usize,
        (first, count): (u64, u64),
        request: impl Fn(u64) -> Result<StartRequest> + Send + Sync + 'static,
    ) -> Result<Slice> {
        let next = Arc::new(AtomicU64::new(first));
        let request = Arc::new(request);
        let before = self.process.usage()?;
        let begun = Instant::now();
        let callers: Vec<_> = (0..callers)
            .map(|_| {
                let (next, request) = (Arc::clone(&next), Arc::clone(&request));
                let engine = self.engine.clone();
                self.runtime.spawn(async move {
                    let mut latencies = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= first + count {
                            return anyhow::Ok(latencies);
                        }
                        let request = request(number)?;
                        let asked = Instant::now();
                        engine.start(request).await?;
                        latencies.push(asked.elapsed());
                    }
                })
            })
            .collect();
        let mut latencies = Vec::new();
        for caller in callers {
            latencies.extend(self.runtime.block_on(caller)??);
        }
        ensure!(
            latencies.len() as u64 == count,
            "some executions did not start"
        );
        let elapsed = begun.elapsed();
        let usage = self.process.usage()?.since(before);
        Ok(Slice {
            units: count,
            elapsed,
            latencies,
            usage,
        })
    }

    pub(crate) fn close(self) {
        self.runtime.block_on(self.engine.shutdown());
        self.runtime.shutdown_timeout(Duration::from_secs(10));
    }
}

/// The program of a definition.
pub(crate) fn program(definition: &str) -> Result<Arc<Program>> {
    let compiled = compile(definition, MachineType::Standard, &Integrations);
    let why = || invalid_definition_message(definition, &compiled.diagnostics);
    compiled.program.map(Arc::new).with_context(why)
}

impl Machine {
    /// The state machine of an ARN, from a store that a server wrote it to.
    pub(crate) fn read(store: &dyn Store, arn: &str) -> Result<Machine> {
        let documents = store.list_documents(Kind::StateMachine, "", None, 100)?;
        for (_, document) in documents {
            let body = json::parse(std::str::from_utf8(&document.body)?)?;
            let text = |name: &str| body.get(name).and_then(json::Value::as_str);
            if text("arn") == Some(arn) {
                let definition = body.get("definition").and_then(json::Value::as_i64);
                return Ok(Machine {
                    arn: arn.into(),
                    name: text("name").context("it has no name")?.into(),
                    role_arn: text("role_arn").context("it has no role")?.into(),
                    definition: definition.context("it has no definition")?.try_into()?,
                });
            }
        }
        anyhow::bail!("the store does not hold `{arn}`")
    }

    /// A state machine that is in no store.
    pub(crate) fn made_up() -> Machine {
        Machine {
            arn: "arn:aws:states:us-east-1:000000000000:stateMachine:bench".into(),
            name: "bench".into(),
            role_arn: "arn:aws:iam::000000000000:role/bench".into(),
            definition: 1,
        }
    }

    /// A start of it.
    pub(crate) fn request(&self, name: &str, input: json::Value) -> StartRequest {
        StartRequest {
            state_machine_arn: Arc::clone(&self.arn),
            state_machine_name: Arc::clone(&self.name),
            state_machine_version_arn: None,
            state_machine_alias_arn: None,
            role_arn: Arc::clone(&self.role_arn),
            definition: self.definition,
            name: Some(name.into()),
            input,
            input_text: None,
            trace_header: None,
            ..StartRequest::default()
        }
    }
}

/// Puts executions of a machine into the store of a folder, as the server would.
pub(crate) fn fill(
    data: &Path,
    (machine_arn, definition): (&str, &str),
    count: u64,
    request: impl Fn(&Machine, u64) -> Result<StartRequest> + Send + Sync + 'static,
) -> Result<()> {
    /// So many callers that each group is large: filling is no measurement.
    const CALLERS: usize = 1_000;
    const STEPS: u64 = 10;
    let store = Arc::new(store::Sqlite::open(data)?);
    let machine = Machine::read(&*store, machine_arn)?;
    let rig = Rig::open(Config::default(), store, Arc::new(NoTasks), definition)?;
    let request = Arc::new(move |number| request(&machine, number));
    let begun = Instant::now();
    for step in 0..STEPS {
        let (first, end) = (count * step / STEPS, count * (step + 1) / STEPS);
        let request = Arc::clone(&request);
        rig.start(CALLERS, (first, end - first), move |number| request(number))?;
        super::progress(&format!(
            "  stored {end} of {count} executions, {:.0} s",
            begun.elapsed().as_secs_f64()
        ));
    }
    rig.close();
    Ok(())
}
