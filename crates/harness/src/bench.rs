//! Figures: processor time, rate, latency and bytes written of the release binary and of the
//! engine, beside the same pipeline on a file that the same bytes are appended to and synced.
//!
//! A benchmark, not a test: it measures and shows what misses its target, and fails only if it
//! could not measure. Processor time per unit says more than a rate: the load generator, the server
//! and whatever else runs share the machine.

mod client;
mod execution_logs;
mod express;
mod hostile;
mod language;
mod load;
mod logs;
mod pages;
pub(crate) mod payload;
mod process;
mod raw_log;
mod ready;
mod report;
pub(crate) mod rig;
pub(crate) mod server;
mod standard;
mod states;
mod tasks;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use tempfile::TempDir;

use report::Table;

/// Measures Lockstep and prints figures beside their targets and beside the raw disk.
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    after_help = "\
Slices of what is measured alternate with slices of the comparator, the raw log: the same engine \
in this process, on a file that the same bytes are appended to and synced.\n\
Examples:\n  make bench\n  make bench BENCH=\"standard tasks\"\n  make bench BENCH=--quick"
)]
pub struct Options {
    /// What to measure; everything if nothing is named
    #[arg(value_enum)]
    cases: Vec<Case>,
    /// A tenth of everything: for a look, not for the record
    #[arg(long)]
    quick: bool,
    /// Executions already stored when Standard executions are measured [default: 1,000,000]
    #[arg(long, value_name = "COUNT")]
    stored: Option<u64>,
    /// The server to measure [default: `lockstep` beside this program]
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Where a temporary folder is made; it takes up to 4 GB [default: the system's]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Case {
    /// Standard executions of one Pass state, with a million already stored
    Standard,
    /// What each further state costs, at 1 KiB and at 200 KiB
    States,
    /// Results of Tasks, 256 executions in flight
    Tasks,
    /// Synchronous Express executions of one Pass state
    Express,
    /// Pages of a list of a million executions and of a history of 25,000 events
    Pages,
    /// Time to be ready and memory, also with 100,000 waiting executions
    Ready,
    /// Parallel, Map and JSONata by themselves, and JSONata beside jsonata-core
    Language,
    /// Latency of executions while others evaluate hostile expressions
    Hostile,
    /// Log events put and read over HTTP
    Logs,
    /// Executions whose state machine logs, beside some whose does not
    ExecutionLogs,
}

/// Exit code of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// What every case is given.
struct Setting {
    server: PathBuf,
    folder: TempDir,
    quick: bool,
    stored: Option<u64>,
}

impl Setting {
    /// A tenth of `count` if it has to be quick.
    fn scaled(&self, count: u64) -> u64 {
        if self.quick {
            count.div_ceil(10)
        } else {
            count
        }
    }

    /// A folder of this case's own.
    fn data(&self, name: &str) -> Result<PathBuf> {
        let data = self.folder.path().join(name);
        std::fs::create_dir_all(&data)?;
        Ok(data)
    }
}

/// Measures and prints.
///
/// # Errors
/// If something could not be measured; never because of a figure.
pub fn run(options: &Options) -> Result<()> {
    let setting = options.setting()?;
    clean_up_if_interrupted(setting.folder.path())?;
    let named = |case: &Case| options.cases.is_empty() || options.cases.contains(case);
    let mut missed = 0;
    for case in Case::value_variants().iter().filter(|case| named(case)) {
        let tables = case
            .measure(&setting)
            .with_context(|| format!("case {case:?}"))?;
        for table in &tables {
            missed += table.missed();
            print(&table.to_string())?;
        }
    }
    print(&match missed {
        0 => "\nevery target is met\n".to_owned(),
        missed => format!("\n{missed} figures miss their targets\n"),
    })
}

impl Options {
    fn setting(&self) -> Result<Setting> {
        let server = match &self.server {
            Some(server) => server.clone(),
            None => std::env::current_exe()?.with_file_name("lockstep"),
        };
        ensure!(
            server.exists(),
            "there is no server at `{}`: `make bench` builds it, --server names another",
            server.display()
        );
        let parent = self.folder.clone().unwrap_or_else(std::env::temp_dir);
        warn_of_memory(&parent)?;
        let folder = tempfile::Builder::new()
            .prefix("lockstep-bench-")
            .tempdir_in(&parent)?;
        Ok(Setting {
            server,
            folder,
            quick: self.quick,
            stored: self.stored,
        })
    }
}

impl Case {
    fn measure(self, setting: &Setting) -> Result<Vec<Table>> {
        match self {
            Case::Standard => standard::measure(setting),
            Case::States => states::measure(setting),
            Case::Tasks => tasks::measure(setting),
            Case::Express => express::measure(setting),
            Case::Pages => pages::measure(setting),
            Case::Ready => ready::measure(setting),
            Case::Language => language::measure(setting),
            Case::Hostile => hostile::measure(setting),
            Case::Logs => logs::measure(setting),
            Case::ExecutionLogs => execution_logs::measure(setting),
        }
    }
}

/// Ctrl-C reaches the server as well, which stops; but nothing is dropped here then, and gigabytes
/// would be left.
fn clean_up_if_interrupted(folder: &Path) -> Result<()> {
    let folder = folder.to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::spawn(move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            // What the server makes while it stops may be in the way once.
            let _ = std::fs::remove_dir_all(&folder).or_else(|_| std::fs::remove_dir_all(&folder));
            std::process::exit(INTERRUPTED);
        }
    });
    Ok(())
}

/// A folder in memory syncs in no time.
fn warn_of_memory(folder: &Path) -> Result<()> {
    let system = nix::sys::statfs::statfs(folder)
        .with_context(|| format!("cannot look at the folder `{}`", folder.display()))?;
    if system.filesystem_type() == nix::sys::statfs::TMPFS_MAGIC {
        progress("note: the temporary folder lies in memory; --folder names one on a disk");
    }
    Ok(())
}

fn print(text: &str) -> Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("cannot print")
}

/// Says what is going on, to people who wait and to logs.
fn progress(text: &str) {
    let mut err = std::io::stderr();
    let line = if err.is_terminal() {
        format!("\x1b[2m{text}\x1b[0m\n")
    } else {
        format!("{text}\n")
    };
    // Nobody is there to read it if this fails.
    let _ = err.write_all(line.as_bytes());
}
