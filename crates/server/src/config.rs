//! Settings, from the least to the most specific: defaults, configuration file, environment, flags.

mod quota;
mod refusal;
mod remote;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::Dict;
use serde::{Deserialize, Serialize};

use crate::sandbox;
use crate::throttle::{RateLimits, Throttle};

use remote::Remote;

pub(crate) use quota::{QUOTAS, help as limits_help};

/// Beyond it a signature that somebody finds is of use for too long, and the memory for those that
/// were taken is too small.
const CLOCK_SKEW_SECONDS_MAX: u32 = 3_600;

/// Everything a server can be told. Each name is also a variable `LOCKSTEP_<NAME>`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder of the embedded store; made when it is missing.
    pub data: PathBuf,
    /// Function processes that may exist at once.
    pub function_processes_max: usize,
    /// Seconds after which an unused function process ends.
    pub function_idle_seconds: u64,
    /// Layers of the sandbox without which nothing starts: `namespaces`, `landlock`, `seccomp`,
    /// `cgroups`. Unless said, `serve` demands `namespaces` and `seccomp`, `dev` none.
    pub function_sandbox: Option<Vec<String>>,
    /// What functions reach: `host`, all that this machine does; `none`, Lockstep only.
    pub function_network: String,
    /// Starts though a demanded layer of the sandbox is missing.
    pub allow_unsandboxed: bool,
    /// Days a closed execution and its history are kept. AWS keeps them 90 days.
    pub retention_days: u32,
    /// Bytes an input, output or result may have. AWS's quota is 262,144.
    pub payload_bytes_max: u32,
    /// Bytes the variables of an execution may have. AWS's quota is 10 MiB.
    pub variables_bytes_max: u32,
    /// Events an execution's history may have. AWS's quota is 25,000.
    pub history_events_max: u32,
    /// Iterations of an inline Map that run at a time. AWS runs 40.
    pub map_concurrency_max: u32,
    /// Seconds after which an Express execution times out. On AWS after 300.
    pub express_seconds_max: u64,
    /// Express executions under way at once; each is held in memory.
    pub express_runs_max: usize,
    /// Memory of the events and payloads of one Express execution, in bytes.
    pub express_run_bytes_max: usize,
    /// The same, of all Express executions under way.
    pub express_bytes_max: usize,
    /// The same, of those that have ended and are still listed; the others are on disk.
    pub express_kept_bytes_max: usize,
    /// Bytes on disk of Express executions that have ended and are still listed.
    pub express_stored_bytes_max: u64,
    /// Standard executions that are open. AWS's quota is 1,000,000.
    pub open_executions_max: u64,
    /// Workers that wait for tasks of one activity. AWS's quota is 1,000.
    pub pollers_per_activity_max: usize,
    /// State machines of an account in a Region. AWS's quota is 100,000.
    pub state_machines_max: usize,
    /// Activities of an account in a Region. AWS's quota is 100,000.
    pub activities_max: usize,
    /// Versions of a state machine. AWS's quota is 1,000.
    pub versions_max: usize,
    /// Aliases of a state machine. AWS's quota is 100.
    pub aliases_max: usize,
    /// Tags of a resource of Step Functions. AWS's quota is 50.
    pub tags_max: usize,
    /// Calls of Tasks under way at once; more wait.
    pub calls_max: usize,
    /// Jobs of Tasks (`.sync`) waited for at once; more wait.
    pub watches_max: usize,
    /// Hosts, addresses and networks that are not public and may be called all the same.
    pub outbound_allow: Vec<String>,
    /// File (PEM) of certificate authorities that are trusted beside those of the machine.
    pub outbound_ca_file: Option<PathBuf>,
    /// Functions that are called at another endpoint.
    pub remote_functions: Vec<Remote>,
    /// Refuses to start with a limit that AWS would not grant.
    pub strict: bool,
    /// How often an operation may be called, by account and Region: as AWS has it (`aws`), or a
    /// table.
    pub rate_limits: Option<RateLimits>,
    /// The account of the root user.
    pub account: String,
    /// How far the clocks of callers may be off, before and behind. AWS grants 900 seconds.
    pub clock_skew_seconds: u32,
    /// Whether a request that changes something is taken once only; on in `serve` unless said.
    pub refuse_replays: Option<bool>,
    /// Whether the audit log holds data calls as well: starts, descriptions, invocations, tasks.
    pub audit_data_calls: bool,
    /// Days the audit log is kept, and with it what explains denials.
    pub audit_retention_days: u32,
    /// Series of metrics: namespace, name and dimensions, of all accounts and Regions. Values of
    /// further ones are dropped and counted.
    pub metrics_series_max: usize,
    /// Days the metrics are kept. AWS keeps minutes 15 days.
    pub metrics_retention_days: u32,
    /// Address and port of a listener of its own for `/metrics`, open to all who reach it. Without
    /// it `/metrics` is on the server's own port, for callers on this machine.
    pub metrics_listen: Option<SocketAddr>,
    /// The file of the master key; `master.key` in the data folder unless said.
    pub master_key_file: Option<PathBuf>,
    /// Where traces go: an OpenTelemetry collector's URL for OTLP over HTTP. None: nowhere.
    pub otlp_endpoint: Option<String>,
    /// Headers for the collector, as `Name=value`.
    pub otlp_headers: Vec<String>,
    /// Whether all executions are traced, not only those of machines with tracing enabled.
    pub otlp_all: bool,
    /// What is logged, in the syntax of `RUST_LOG` (`info`, `engine=debug`, ...).
    pub log: String,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 8083)),
            data: PathBuf::from(".lockstep"),
            function_processes_max: 64,
            function_idle_seconds: 300,
            function_sandbox: None,
            function_network: "host".to_owned(),
            allow_unsandboxed: false,
            retention_days: 90,
            payload_bytes_max: 262_144,
            variables_bytes_max: 10 * 1024 * 1024,
            history_events_max: 25_000,
            map_concurrency_max: 40,
            express_seconds_max: 300,
            express_runs_max: 4_096,
            express_run_bytes_max: 64 << 20,
            express_bytes_max: 256 << 20,
            express_kept_bytes_max: 32 << 20,
            express_stored_bytes_max: 1 << 30,
            open_executions_max: 1_000_000,
            pollers_per_activity_max: 1_000,
            state_machines_max: 100_000,
            activities_max: 100_000,
            versions_max: 1_000,
            aliases_max: 100,
            tags_max: 50,
            calls_max: 1_024,
            watches_max: 10_000,
            outbound_allow: Vec::new(),
            outbound_ca_file: None,
            remote_functions: Vec::new(),
            strict: false,
            rate_limits: None,
            account: "000000000000".to_owned(),
            clock_skew_seconds: 900,
            refuse_replays: None,
            audit_data_calls: false,
            audit_retention_days: 90,
            metrics_series_max: 100_000,
            metrics_retention_days: 15,
            metrics_listen: None,
            master_key_file: None,
            otlp_endpoint: None,
            otlp_headers: Vec::new(),
            otlp_all: false,
            log: "warn".to_owned(),
        }
    }
}

/// The flags of `dev` and `serve`; each beats the environment and the file.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Flags {
    /// Address and port to listen on [default: 127.0.0.1:8083; LOCKSTEP_LISTEN]
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = listening)]
    pub listen: Option<SocketAddr>,
    /// Folder of the embedded store, made when missing [default: .lockstep; LOCKSTEP_DATA]
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Configuration file in TOML; its names are those of the variables without LOCKSTEP_
    #[arg(long, value_name = "FILE", env = "LOCKSTEP_CONFIG")]
    pub config: Option<PathBuf>,
    /// Start though functions lack a demanded layer of their sandbox [LOCKSTEP_ALLOW_UNSANDBOXED]
    #[arg(long)]
    pub allow_unsandboxed: bool,
    /// What to log: `error`, `warn`, `info`, `debug`, or per crate `engine=debug` [LOCKSTEP_LOG]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
}

fn listening(text: &str) -> Result<SocketAddr, String> {
    let form = "it has the form 127.0.0.1:8083 or [::1]:8083, with a port up to 65535";
    text.parse().map_err(|_| form.to_owned())
}

impl Config {
    /// Whether only this machine reaches the port.
    pub(crate) fn is_on_loopback(&self) -> bool {
        self.listen.ip().to_canonical().is_loopback()
    }

    /// Reads the settings and refuses what can't be served.
    pub(crate) fn load(flags: &Flags) -> Result<Config> {
        Config::load_with(flags, environment())
    }

    fn load_with(
        flags: &Flags,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Config> {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(file) = &flags.config {
            // Read here: figment passes over a file that is missing, a folder or unreadable.
            let text = std::fs::read_to_string(file).with_context(|| {
                format!("cannot read the configuration file `{}`", file.display())
            })?;
            figment = figment.merge(Toml::string(&text));
        }
        let file = flags.config.as_ref().map(|file| file.display().to_string());
        let mut config: Config = figment
            .merge(Serialized::defaults(of_variables(variables)?))
            .extract()
            .map_err(|error| refusal::refusal(error, file.as_deref()))?;
        if let Some(listen) = flags.listen {
            config.listen = listen;
        }
        if let Some(data) = &flags.data {
            config.data.clone_from(data);
        }
        if let Some(log) = &flags.log {
            config.log.clone_from(log);
        }
        config.allow_unsandboxed |= flags.allow_unsandboxed;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        if !is_account(&self.account) {
            bail!(
                "`account` is `{}`: an account number has 12 digits, such as 000000000000",
                self.account
            );
        }
        if self.clock_skew_seconds > CLOCK_SKEW_SECONDS_MAX {
            bail!(
                "`clock_skew_seconds` is {}: a signature that counts for more than an hour on \
                 either side of the clock can be used by whoever finds it; use \
                 {CLOCK_SKEW_SECONDS_MAX} or less",
                self.clock_skew_seconds
            );
        }
        for (name, value, least) in self.least() {
            if value < least {
                bail!(
                    "`{name}` is {value}, and less than {least} serves nobody; use {least} or more"
                );
            }
        }
        if self.strict {
            quota::check(self)?;
        }
        Throttle::new(self.rate_limits.as_ref())?;
        sandbox::check(self)?;
        Ok(())
    }
}

impl Config {
    /// Every number with a least value: with less no execution could end properly, or none begin.
    fn least(&self) -> [(&'static str, u64, u64); 19] {
        let of = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        [
            ("function_processes_max", of(self.function_processes_max), 1),
            ("payload_bytes_max", self.payload_bytes_max.into(), 1_024),
            (
                "variables_bytes_max",
                self.variables_bytes_max.into(),
                1_024,
            ),
            ("history_events_max", self.history_events_max.into(), 10),
            ("map_concurrency_max", self.map_concurrency_max.into(), 1),
            ("express_seconds_max", self.express_seconds_max, 1),
            ("express_runs_max", of(self.express_runs_max), 1),
            (
                "express_run_bytes_max",
                of(self.express_run_bytes_max),
                1 << 20,
            ),
            ("express_bytes_max", of(self.express_bytes_max), 1 << 20),
            ("open_executions_max", self.open_executions_max, 1),
            (
                "pollers_per_activity_max",
                of(self.pollers_per_activity_max),
                1,
            ),
            ("state_machines_max", of(self.state_machines_max), 1),
            ("versions_max", of(self.versions_max), 1),
            ("calls_max", of(self.calls_max), 1),
            ("watches_max", of(self.watches_max), 1),
            ("clock_skew_seconds", self.clock_skew_seconds.into(), 1),
            ("audit_retention_days", self.audit_retention_days.into(), 1),
            ("metrics_series_max", of(self.metrics_series_max), 1),
            (
                "metrics_retention_days",
                self.metrics_retention_days.into(),
                1,
            ),
        ]
    }
}

/// The settings that are text: whatever a variable holds is meant as it stands. Figment would read
/// `123` as a number and `true` as a flag.
const TEXTS: [&str; 10] = [
    "function_network",
    "rate_limits",
    "otlp_endpoint",
    "listen",
    "metrics_listen",
    "data",
    "account",
    "log",
    "master_key_file",
    "outbound_ca_file",
];
/// Those that are lists; in a variable a comma stands between the entries.
const LISTS: [&str; 3] = ["function_sandbox", "otlp_headers", "outbound_allow"];
/// Those that are on or off.
const SWITCHES: [&str; 5] = [
    "allow_unsandboxed",
    "otlp_all",
    "audit_data_calls",
    "refuse_replays",
    "strict",
];
/// All others but tables.
const NUMBERS: [&str; 26] = [
    "audit_retention_days",
    "metrics_series_max",
    "metrics_retention_days",
    "clock_skew_seconds",
    "function_processes_max",
    "function_idle_seconds",
    "retention_days",
    "payload_bytes_max",
    "variables_bytes_max",
    "history_events_max",
    "map_concurrency_max",
    "express_seconds_max",
    "express_runs_max",
    "express_run_bytes_max",
    "express_bytes_max",
    "express_kept_bytes_max",
    "express_stored_bytes_max",
    "open_executions_max",
    "pollers_per_activity_max",
    "state_machines_max",
    "activities_max",
    "versions_max",
    "aliases_max",
    "tags_max",
    "calls_max",
    "watches_max",
];

/// Flags that are no settings have variables as well.
const OTHERS: [&str; 4] = ["config", "mocks", "access_key", "secret_key"];

/// What to say of the variables of this process that are most likely slips of a setting's name:
/// whoever set one believes in a setting that is not there.
pub(crate) fn slips() -> Vec<String> {
    let variables: Vec<String> = environment().map(|(variable, _)| variable).collect();
    let known = [&TEXTS[..], &LISTS, &SWITCHES, &NUMBERS, &OTHERS].concat();
    refusal::slips(variables.iter().map(String::as_str), &known)
        .into_iter()
        .map(|(found, meant)| format!("the variable `{found}` is no setting; `{meant}` is one"))
        .collect()
}

/// The variables of this process that are text at all.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
}

/// The settings in variables `LOCKSTEP_<NAME>`. Those of other names are not ours to judge:
/// Kubernetes sets `LOCKSTEP_PORT` and more in every container beside a service of that name.
fn of_variables(variables: impl Iterator<Item = (String, String)>) -> Result<Dict> {
    let mut settings = Dict::new();
    for (variable, text) in variables {
        let Some(name) = variable.strip_prefix("LOCKSTEP_") else {
            continue;
        };
        let name = name.to_ascii_lowercase();
        if TEXTS.contains(&name.as_str()) {
            settings.insert(name, text.into());
        } else if LISTS.contains(&name.as_str()) {
            let entries = text.split(',').map(str::trim);
            let entries: Vec<&str> = entries.filter(|entry| !entry.is_empty()).collect();
            settings.insert(name, entries.into());
        } else if SWITCHES.contains(&name.as_str()) {
            let switch: bool = text.parse().with_context(|| {
                format!("the variable `{variable}` is `{text}`: neither true nor false")
            })?;
            settings.insert(name, switch.into());
        } else if NUMBERS.contains(&name.as_str()) {
            let number: u64 = text
                .parse()
                .with_context(|| format!("the variable `{variable}` is `{text}`: not a number"))?;
            settings.insert(name, number.into());
        }
    }
    Ok(settings)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests;
