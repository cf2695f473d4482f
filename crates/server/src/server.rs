//! Puts a server together from its settings, runs it until it is told to stop, and takes it apart.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use asl::limits::Limits;
use engine::{Beside, Engine, Observer, SystemClock};
use functions::{Pool, PoolConfig};
use nix::sys::stat::{Mode, umask};
use services::lambda::log_sink::LogSink;
use services::lambda::remote::RemoteFunction;
use services::logs::{LogSource, Logs};
use services::metrics::{Metrics, StatesMetrics, Which};
use services::states::{ExecutionLogs, StoredDefinitions};
use services::{Foundations, Identity, Services};
use store::blobs::LocalBlobs;
use store::{Events, Lines, Runs, Sqlite, SqliteLines, Store};
use tasks::TaskRunner;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::banner;
use crate::cli;
use crate::config::Config;
use crate::dev_role;
use crate::door::{Gateway, Settings, now};
use crate::guard::Hosts;
use crate::http;
use crate::identity::{self, GivenKey};
use crate::metrics::{self, Page};
use crate::mocks::{MockFile, MockedRunner};
use crate::sandbox;
use crate::throttle::Throttle;
use crate::traces::{Exporting, Tracer};
use crate::upkeep::{self, Retention};

/// Runs a server until SIGINT or SIGTERM.
pub(crate) fn run(
    config: &Config,
    mode: cli::Mode,
    key: &GivenKey,
    mocks: Option<MockFile>,
) -> Result<()> {
    // Payloads, variables of functions and keys of tokens lie in the data folder: nobody else on
    // this machine may read what is made there, whatever the mode of the folder.
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the server")?;
    runtime.block_on(serve(config, mode, key, mocks.map(Arc::new)))
}

async fn serve(
    config: &Config,
    mode: cli::Mode,
    key: &GivenKey,
    mocks: Option<Arc<MockFile>>,
) -> Result<()> {
    // The port comes first: a second server on the same port is told so before it touches data.
    let listener = http::bind(config.listen).await?;
    let address = listener
        .local_addr()
        .context("cannot read the port that was taken")?;
    let metrics_listener = match config.metrics_listen {
        Some(address) => Some(http::bind(address).await?),
        None => None,
    };
    let stores = Stores::open(&config.data)?;
    let Assembled {
        gateway,
        engine,
        functions,
        logs,
        metrics,
        page,
        exporting,
    } = assemble(config, mode, key, mocks, address, &stores).await?;

    let (stop, stopped) = watch::channel(false);
    let upkeep = tokio::spawn(upkeep::run(
        stores.store(),
        Arc::clone(&gateway),
        Retention {
            executions_days: config.retention_days,
            audit_days: config.audit_retention_days,
        },
    ));
    let deleting = tokio::spawn(upkeep::finish_deletions(Arc::clone(&gateway)));
    let keeping = tokio::spawn(metrics::keep(
        Arc::clone(&metrics),
        config.metrics_retention_days,
        engine.clone(),
        config.open_executions_max,
    ));
    let showing = metrics_listener.map(|listener| {
        let page = Arc::new(page);
        tokio::spawn(http::serve(listener, page, stopped.clone()))
    });
    let trail = Arc::clone(&gateway.services().identity().trail);
    let accepting = tokio::spawn(http::serve(listener, gateway, stopped));
    // Whoever reads that the server is ready may stop it at once, and it must end in order.
    let told_to_stop = stop_signal()?;
    banner::print(mode, address, config, key);
    told_to_stop.await;
    tracing::info!("stopping: requests under way finish first");
    stop.send_replace(true);
    engine.end_polls();
    accepting.await.context("the listener ended early")?;
    if let Some(showing) = showing {
        showing
            .await
            .context("the listener of `/metrics` ended early")?;
    }
    upkeep.abort();
    deleting.abort();
    engine.shutdown().await;
    functions.shutdown().await;
    trail.close().await;
    logs.writer().flush().await;
    if let Some(exporting) = exporting {
        exporting.finish().await;
    }
    keeping.abort();
    metrics::flush(&metrics, Which::All).await;
    tokio::task::spawn_blocking(move || stores.close()).await?;
    Ok(())
}

/// What lies in the data folder.
struct Stores {
    sqlite: Arc<Sqlite>,
    lines: Arc<SqliteLines>,
}

impl Stores {
    fn open(data: &Path) -> Result<Stores> {
        Ok(Stores {
            sqlite: Arc::new(open_store(data)?),
            lines: Arc::new(SqliteLines::open(data)?),
        })
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.sqlite) as Arc<dyn Store>
    }

    fn lines(&self) -> Arc<dyn Lines> {
        Arc::clone(&self.lines) as Arc<dyn Lines>
    }

    /// Others still hold the stores, so that they aren't dropped: told, each leaves one whole file
    /// behind.
    fn close(&self) {
        self.lines.close();
        self.sqlite.close();
    }
}

/// What has to be told when the server ends.
struct Assembled {
    gateway: Arc<Gateway>,
    engine: Engine,
    functions: Pool,
    logs: Arc<Logs>,
    metrics: Arc<Metrics>,
    page: Page,
    exporting: Option<Exporting>,
}

/// Puts the services behind their door.
async fn assemble(
    config: &Config,
    mode: cli::Mode,
    key: &GivenKey,
    mocks: Option<Arc<MockFile>>,
    address: SocketAddr,
    stores: &Stores,
) -> Result<Assembled> {
    let store = stores.store();
    let blobs = LocalBlobs::open(&config.data.join("blobs")).context("cannot open the blobs")?;
    let function_logs = LogSink::default();
    let functions = open_functions(config, mode, &function_logs)?;
    let runner = TaskRunner::default();
    let mocked = MockedRunner::new(mocks.clone(), runner.clone());
    let metrics = Arc::new(Metrics::new(stores.lines(), config.metrics_series_max));
    metrics::load(&metrics).await?;
    let events = Arc::clone(&stores.lines) as Arc<dyn Events>;
    let logs = Arc::new(Logs::new(Arc::clone(&store), events, &metrics));
    let definitions = Arc::new(StoredDefinitions::new(Arc::clone(&store)));
    let (tracer, exporting) = Tracer::start(config, &definitions)?.unzip();
    let beside = Beside {
        observers: open_observers(&store, &logs, &metrics, tracer)?,
        runs: Some(Arc::clone(&stores.lines) as Arc<dyn Runs>),
    };
    let engine = open_engine(config, &store, definitions, mocked, beside)?;
    // The store is this process's own from here on, and with it the files beside it.
    let rules = identity::rules(config, mode, key, mocks.is_some())?;
    let hosts = hosts(&rules);
    let seal = identity::open_seal(config, &*store)?;
    let identity = Identity::new(Arc::clone(&store), stores.lines(), seal, rules);
    let services = Services::new(&Foundations {
        identity,
        metrics: Arc::clone(&metrics),
        logs: Arc::clone(&logs),
        outbound: Arc::new(open_outbound(config)?),
        store,
        blobs: Arc::new(blobs),
        engine: engine.clone(),
        functions: functions.clone(),
        endpoint: format!("http://{address}"),
        remote_functions: remote_functions(config)?,
        payload_bytes_max: usize::try_from(config.payload_bytes_max)?,
        limits: service_limits(config),
    });
    services.bind_log_sink(&function_logs);
    if mode == cli::Mode::Dev {
        dev_role::make(&services, &config.account, now()).await?;
    }
    let page = Page {
        metrics: Arc::clone(&metrics),
        engine: engine.clone(),
    };
    let settings = Settings {
        throttle: Throttle::new(config.rate_limits.as_ref())?,
        hosts,
        audits_data_calls: config.audit_data_calls,
        mocks,
        page: config.metrics_listen.is_none().then(|| page.clone()),
    };
    let gateway = Arc::new(Gateway::new(services, settings));
    runner.open(
        Arc::clone(&gateway) as Arc<dyn aws::Door>,
        Arc::new(engine.clone()),
        gateway
            .services()
            .system_runner(Arc::clone(&gateway) as Arc<dyn aws::Door>),
    );
    Ok(Assembled {
        gateway,
        engine,
        functions,
        logs,
        metrics,
        page,
        exporting,
    })
}

/// The names that the server is called by: any, where whoever calls must prove who it is.
fn hosts(rules: &services::access::Rules) -> Hosts {
    match rules.root {
        Some(_) => Hosts::Any,
        None => Hosts::Ours,
    }
}

fn service_limits(config: &Config) -> services::Limits {
    services::Limits {
        state_machines_max: config.state_machines_max,
        activities_max: config.activities_max,
        versions_max: config.versions_max,
        aliases_max: config.aliases_max,
        tags_max: config.tags_max,
    }
}

/// Functions that are called elsewhere, with the credentials for that.
fn remote_functions(config: &Config) -> Result<Vec<RemoteFunction>> {
    let variable = |name: &str| std::env::var(name).ok();
    let read = config.remote_functions.iter();
    read.map(|remote| remote.read(&variable)).collect()
}

/// The client for what leaves the server.
fn open_outbound(config: &Config) -> Result<outbound::Client> {
    let authorities = match &config.outbound_ca_file {
        None => Vec::new(),
        Some(file) => std::fs::read(file)
            .with_context(|| format!("cannot read `{}` (outbound_ca_file)", file.display()))?,
    };
    Ok(outbound::Client::new(&config.outbound_allow, &authorities)?)
}

fn open_store(data: &Path) -> Result<Sqlite> {
    std::fs::create_dir_all(data).with_context(|| {
        format!(
            "cannot make the data folder `{}`; choose another --data",
            data.display()
        )
    })?;
    Ok(Sqlite::open(data)?)
}

fn open_functions(config: &Config, mode: cli::Mode, logs: &LogSink) -> Result<Pool> {
    let mut pool = PoolConfig::new(config.data.join("functions"));
    pool.processes_max = config.function_processes_max;
    pool.idle_timeout = Duration::from_secs(config.function_idle_seconds);
    pool.log_sink = Some(Arc::new(logs.clone()));
    pool.sandbox = sandbox::policy(config, mode)?;
    let pool = Pool::new(pool).map_err(sandbox::refusal)?;
    sandbox::warn(pool.sandbox());
    Ok(pool)
}

/// Who watches executions.
fn open_observers(
    store: &Arc<dyn Store>,
    logs: &Arc<Logs>,
    metrics: &Arc<Metrics>,
    tracer: Option<Tracer>,
) -> Result<Vec<Arc<dyn Observer>>> {
    let execution_logs = ExecutionLogs::new(Arc::clone(store), Arc::clone(logs), metrics)
        .context("cannot start the thread that logs executions")?;
    let execution_logs = Arc::new(execution_logs);
    let source: Arc<dyn LogSource> = Arc::clone(&execution_logs) as _;
    logs.fed_by(Arc::downgrade(&source));
    let mut observers: Vec<Arc<dyn Observer>> = vec![
        execution_logs,
        Arc::new(StatesMetrics::new(Arc::clone(metrics))),
    ];
    if let Some(tracer) = tracer {
        observers.push(Arc::new(tracer));
    }
    Ok(observers)
}

fn open_engine(
    config: &Config,
    store: &Arc<dyn Store>,
    definitions: Arc<StoredDefinitions>,
    runner: MockedRunner<TaskRunner>,
    beside: Beside,
) -> Result<Engine> {
    let limits = Limits {
        payload_bytes_max: config.payload_bytes_max,
        history_events_max: config.history_events_max,
        map_concurrency_max: config.map_concurrency_max,
        variables_bytes_max: config.variables_bytes_max,
        ..Limits::default()
    };
    let settings = engine::Config {
        limits,
        calls_max: config.calls_max,
        watches_max: config.watches_max,
        pollers_per_activity_max: config.pollers_per_activity_max,
        open_executions_max: config.open_executions_max,
        express_runs_max: config.express_runs_max,
        express_run_bytes_max: config.express_run_bytes_max,
        express_bytes_max: config.express_bytes_max,
        express_kept_bytes_max: config.express_kept_bytes_max,
        express_stored_bytes_max: config.express_stored_bytes_max,
        express_seconds_max: config.express_seconds_max,
        ..engine::Config::default()
    };
    let engine = Engine::open_observed(
        settings,
        Arc::clone(store),
        Arc::new(runner),
        definitions,
        Arc::new(SystemClock),
        Handle::current(),
        beside,
    )?;
    Ok(engine)
}

/// Listens for SIGTERM and SIGINT from now on; ready when one came.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
