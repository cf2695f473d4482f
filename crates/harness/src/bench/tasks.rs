//! Results of Tasks: many executions in flight, each waiting for a stub that answers at once.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use engine::{Answered, Config, Runner, TaskCall, TaskOutcome};
use futures_util::future::BoxFuture;
use store::{Sqlite, Store};

use super::load::{Slice, middle};
use super::payload::order;
use super::process::Process;
use super::raw_log::RawLog;
use super::report::Table;
use super::rig::{Machine, Rig};
use super::{Setting, progress};

const IN_FLIGHT: usize = 256;
const RESULT_BYTES: usize = 1_024;
const ROUNDS: u64 = 9;
/// Tasks of an execution, one after the other.
const TASKS: u64 = 150;
/// Different results; no execution gets one twice.
const RESULTS: u64 = 4_096;
/// A slice that takes longer hangs.
const SLICE_SECONDS_MAX: u64 = 120;
/// Time for the last results of a slice to be committed before the next is measured.
const SETTLING_MS: u64 = 200;

pub(crate) fn measure(setting: &Setting) -> Result<Vec<Table>> {
    let tasks = setting.scaled(TASKS);
    let definition = chain(tasks);
    let log = Arc::new(RawLog::create(&setting.folder.path().join("tasks.log"))?);
    let store = Arc::new(Sqlite::open(&setting.data("tasks")?)?);
    let mut embedded = Bench::open(Config::default(), store, &definition, tasks)?;
    let mut raw = Bench::open(
        RawLog::config(),
        Arc::clone(&log) as Arc<_>,
        &definition,
        tasks,
    )?;
    let (mut of_embedded, mut of_raw) = (Slice::default(), Slice::default());
    let (mut group, mut ratios) = (0.0, Vec::new());
    for round in 0..=ROUNDS {
        progress(&format!("tasks: round {round} of {ROUNDS}"));
        let slice = embedded.slice(round)?;
        let (commits, _) = log.written();
        let raw_slice = raw.slice(round)?;
        group = raw_slice.units as f64 / (log.written().0 - commits) as f64;
        // The first round warms both up.
        if round > 0 {
            ratios.push(slice.per_second() / raw_slice.per_second());
            of_embedded.add(slice);
            of_raw.add(raw_slice);
        }
    }
    embedded.rig.close();
    raw.rig.close();
    let mut table = Table::new(format!(
        "Results of Task states, 1 KiB each, {IN_FLIGHT} executions in flight, \
         answered in process\n  (raw log: {group:.0} results a group)"
    ));
    table
        .row("CPU each", "µs", of_embedded.cpu_us())
        .beside(of_raw.cpu_us())
        .at_most(20.0);
    table
        .row("durable results", "/s", of_embedded.per_second())
        .beside(of_raw.per_second());
    table
        .row("durable results", "of the raw log", middle(&ratios))
        .beside(1.0)
        .at_least(0.6);
    let written = of_embedded.written_bytes();
    table
        .row("bytes written each", "B", written)
        .beside(of_raw.written_bytes());
    for (what, percent) in [("p50", 50), ("p99", 99)] {
        let what = format!("{what}, result to next call");
        table
            .row(what, "ms", of_embedded.latency_ms(percent))
            .beside(of_raw.latency_ms(percent));
    }
    Ok(vec![table])
}

/// An engine whose tasks the stub answers.
struct Bench {
    rig: Rig,
    stub: Arc<Stub>,
    process: Process,
    tasks: u64,
}

impl Bench {
    fn open(config: Config, store: Arc<dyn Store>, definition: &str, tasks: u64) -> Result<Bench> {
        let stub = Arc::new(Stub::new());
        let rig = Rig::open(
            config,
            store,
            Arc::clone(&stub) as Arc<dyn Runner>,
            definition,
        )?;
        Ok(Bench {
            rig,
            stub,
            process: Process::own()?,
            tasks,
        })
    }

    /// Starts the executions and waits until each has made its last call: all results but those
    /// were durable then.
    fn slice(&mut self, round: u64) -> Result<Slice> {
        let calls = self.tasks * IN_FLIGHT as u64;
        self.stub.begin();
        let before = self.process.usage()?;
        let begun = Instant::now();
        self.rig
            .start(IN_FLIGHT, (0, IN_FLIGHT as u64), move |number| {
                let input = json::parse(&order(number, RESULT_BYTES))?;
                Ok(Machine::made_up().request(&format!("{round}-{number}"), input))
            })?;
        let bound = Duration::from_secs(SLICE_SECONDS_MAX);
        while self.stub.calls.load(Ordering::Relaxed) < calls {
            let called = self.stub.calls.load(Ordering::Relaxed);
            ensure!(
                begun.elapsed() < bound,
                "{called} of {calls} calls were made, then no more"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        let elapsed = begun.elapsed();
        let usage = self.process.usage()?.since(before);
        std::thread::sleep(Duration::from_millis(SETTLING_MS));
        let latencies = self.stub.latencies();
        Ok(Slice {
            units: calls - IN_FLIGHT as u64,
            elapsed,
            latencies,
            usage,
        })
    }
}

/// Answers each call at once, with one of many results made before.
struct Stub {
    /// Texts, from which each answer is made anew: a value that the stub had as well would count as
    /// one that its execution still has.
    results: Vec<String>,
    next: AtomicUsize,
    calls: AtomicU64,
    answered: Mutex<Latencies>,
}

/// When executions were last answered, and how long each then took to call again.
#[derive(Default)]
struct Latencies {
    at: HashMap<Arc<str>, Instant>,
    latencies: Vec<Duration>,
}

impl Stub {
    fn new() -> Stub {
        let results = (0..RESULTS).map(|seed| order(seed, RESULT_BYTES));
        Stub {
            results: results.collect(),
            next: AtomicUsize::new(0),
            calls: AtomicU64::new(0),
            answered: Mutex::default(),
        }
    }

    fn begin(&self) {
        self.calls.store(0, Ordering::Relaxed);
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Latencies::default();
    }

    fn latencies(&self) -> Vec<Duration> {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut answered.latencies)
    }

    fn note(&self, execution_arn: Arc<str>) {
        let now = Instant::now();
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = answered.at.insert(execution_arn, now) {
            answered.latencies.push(now - before);
        }
    }
}

impl Runner for Stub {
    fn run(&self, call: TaskCall) -> BoxFuture<'static, Answered> {
        self.note(call.execution_arn);
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.results.len().max(1);
        let text = self.results.get(at).cloned().unwrap_or_default();
        let result = json::parse_lazy(text.into()).unwrap_or_default();
        self.calls.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move { TaskOutcome::Succeeded(result).into() })
    }
}

/// A definition with so many Tasks in a row.
fn chain(len: u64) -> String {
    const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:stub";
    let mut text = String::from(r#"{"StartAt":"T1","States":{"#);
    for at in 1..=len {
        let comma = if at > 1 { "," } else { "" };
        let next = if at < len {
            format!(r#""Next":"T{}""#, at + 1)
        } else {
            r#""End":true"#.into()
        };
        let state = format!(r#""T{at}":{{"Type":"Task","Resource":"{FUNCTION}",{next}}}"#);
        // Writing to a String does not fail.
        let _ = write!(text, "{comma}{state}");
    }
    text.push_str("}}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_valid_definitions() {
        let program = super::super::rig::program(&chain(100)).unwrap();
        assert_eq!(program.states.len(), 100);
    }
}
