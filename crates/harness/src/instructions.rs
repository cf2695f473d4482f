//! Instructions per operation of the hot paths, counted by callgrind and compared with
//! `conformance/instructions.txt`. Counts hardly depend on the machine and not at all on its load,
//! so this guards speed where a timed test could not.
//!
//! Each path runs once with N and once with 2N operations; the difference divided by N is free of
//! what starting and preparing cost.

pub(crate) mod iam;
mod paths;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;

/// A path may take so much more than it did.
const RISE_PERCENT_MAX: u64 = 5;
/// Below this many instructions a percentage says nothing.
const RISE_MIN: u64 = 20;

/// Counts instructions per operation of the hot paths, under valgrind.
#[derive(Debug, Parser)]
#[command(name = "instructions")]
pub struct Options {
    /// Fail if a path takes over 5 % more instructions than the file says
    #[arg(long)]
    check: bool,
    /// Write what is counted now into the file
    #[arg(long, conflicts_with = "check")]
    update: bool,
    /// The counts to compare with
    #[arg(
        long,
        value_name = "FILE",
        default_value = "conformance/instructions.txt"
    )]
    file: PathBuf,
    /// Run one path so many times and count nothing
    #[arg(long, num_args = 2, value_names = ["PATH", "TIMES"], hide = true)]
    run: Option<Vec<String>>,
}

/// Counts, compares, prints. The exit code says whether a check failed.
///
/// # Errors
/// If something could not be counted, or the file could not be read.
pub fn run(options: &Options) -> Result<ExitCode> {
    if let Some(run) = &options.run {
        return run_path(run).map(|()| ExitCode::SUCCESS);
    }
    if !has_valgrind()? {
        // A continuous-integration run that skipped the check would look like one that passed it.
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            bail!("valgrind is missing; `make setup` installs it");
        }
        println!("note: valgrind is missing, so no instructions are counted; see `make setup`");
        return Ok(ExitCode::SUCCESS);
    }
    let counted = count_all()?;
    if options.update {
        std::fs::write(&options.file, file_text(&counted))
            .with_context(|| format!("cannot write `{}`", options.file.display()))?;
        println!(
            "wrote {} counts to {}",
            counted.len(),
            options.file.display()
        );
        return Ok(ExitCode::SUCCESS);
    }
    let known = read_file(&options.file)?;
    let problems = compare(&known, &counted);
    print!("{}", table(&known, &counted));
    problems.iter().for_each(|problem| println!("{problem}"));
    let failed = options.check && !problems.is_empty();
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn run_path(run: &[String]) -> Result<()> {
    let [name, times] = run else {
        bail!("--run takes the name of a path and a number")
    };
    let path = paths::PATHS.iter().find(|path| path.name == name);
    let path = path.with_context(|| format!("there is no path `{name}`"))?;
    (path.run)(times.parse()?)
}

fn has_valgrind() -> Result<bool> {
    let probe = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    match probe {
        Ok(status) => Ok(status.success()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).context("cannot start valgrind"),
    }
}

type Counts = BTreeMap<String, u64>;

/// Counts every path, as many at a time as there are processors.
fn count_all() -> Result<Counts> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let left = Mutex::new(paths::PATHS.iter());
    let next = || left.lock().ok().and_then(|mut left| left.next());
    let work = || -> Result<Vec<(String, u64)>> {
        let mut counted = Vec::new();
        while let Some(path) = next() {
            let count = count(path).with_context(|| format!("path `{}`", path.name))?;
            counted.push((path.name.to_owned(), count));
        }
        Ok(counted)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut counts = Counts::new();
        for thread in threads {
            let counted = thread
                .join()
                .map_err(|_| anyhow::anyhow!("a thread panicked"))?;
            counts.extend(counted?);
        }
        Ok(counts)
    })
}

/// Instructions per operation of one path.
fn count(path: &paths::Path) -> Result<u64> {
    let once = instructions(path.name, path.times)?;
    let twice = instructions(path.name, 2 * path.times)?;
    Ok(twice.saturating_sub(once) / path.times)
}

/// Runs this program under callgrind.
fn instructions(name: &str, times: u64) -> Result<u64> {
    let program = std::env::current_exe()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--run", name, &times.to_string()])
        // The environment lies on the stack: another one moves it.
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "it failed under valgrind: {said}");
    let count = said.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = count.with_context(|| format!("valgrind gave no count: {said}"))?;
    count
        .trim()
        .parse()
        .context("valgrind's count is not a number")
}

const HEADER: &str = "\
# Instructions per operation of the hot paths, by callgrind. `make test` fails if one rises by more
# than 5 %. After a change that has to cost something, and after a new compiler:
#   target/release/instructions --update
";

fn file_text(counts: &Counts) -> String {
    let mut text = HEADER.to_owned();
    for (name, count) in counts {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<28} {count:>10}");
    }
    text
}

fn read_file(path: &Path) -> Result<Counts> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read `{}`; --update writes it", path.display()))?;
    parse_file(&text)
}

fn parse_file(text: &str) -> Result<Counts> {
    let mut counts = Counts::new();
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let (name, count) = line
            .split_once(' ')
            .with_context(|| format!("the line `{line}` has no count"))?;
        let count = count.trim().parse();
        counts.insert(
            name.to_owned(),
            count.with_context(|| format!("the line `{line}`"))?,
        );
    }
    Ok(counts)
}

/// What a check fails for.
fn compare(known: &Counts, counted: &Counts) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, count) in counted {
        match known.get(name) {
            None => problems.push(format!(
                "`{name}` takes {count} and is not in the file: run instructions --update"
            )),
            Some(before) if has_risen(*before, *count) => problems.push(format!(
                "`{name}` rose from {before} to {count}: run instructions --update after you know \
                 why"
            )),
            Some(_) => {}
        }
    }
    for name in known.keys().filter(|name| !counted.contains_key(*name)) {
        problems.push(format!(
            "`{name}` is in the file and not counted: run instructions --update"
        ));
    }
    problems
}

fn has_risen(before: u64, now: u64) -> bool {
    now > before + (before * RISE_PERCENT_MAX / 100).max(RISE_MIN)
}

fn table(known: &Counts, counted: &Counts) -> String {
    let mut text = format!("{:<28} {:>10} {:>10}\n", "instructions", "now", "file");
    for (name, count) in counted {
        let before = known.get(name).map(u64::to_string).unwrap_or_default();
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<28} {count:>10} {before:>10}");
    }
    text
}

#[cfg(test)]
mod tests;
