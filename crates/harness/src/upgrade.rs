//! Executions that an earlier build left half-way go on under this one, and nothing they have
//! recorded changes.
//!
//! `fixtures/records-<format version>.txt` holds, for each record format there has been, the
//! records of such executions and what must come of them. That earlier build had other error
//! texts, other delays and other limits ([`as_another_build`] and the settings of
//! `fixtures/halfway.txt`); what it wrote must win over what this build would have written.
//!
//! ```text
//! === name
//! --- definition
//! ...
//! --- journal
//! token ...                 the task token that was given out, if one was
//! due 1767225667000         what it waits for
//! record <hex>              one line for each record
//! --- recorded
//! the HistoryEvents of these records; they never change
//! --- continued
//! those that follow; UPDATE_EXPECT=1 rewrites them
//! ```
//!
//! A new record format needs a new file: `WRITE_FIXTURE=1` writes it, once. No file is ever
//! written again.

mod fixture;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use asl::definition::MachineType;
use asl::limits::Limits;
use asl::program::Program;
use asl::time::Timestamp;
use engine::record::FORMAT_VERSION;
use engine::task::{Answered, Runner, TaskCall, TaskOutcome};
use engine::{Clock, Config, DefinitionError, Definitions, Engine, HistoryQuery};
use futures_util::future::BoxFuture;
use services::states::Integrations;
use store::{Memory, Store as _};

use crate::cases::{EXECUTION_ARN, entity};
use fixture::Execution;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fixtures")
}

fn fixture(version: u8) -> PathBuf {
    folder().join(format!("records-{version}.txt"))
}

/// One day after the executions began: whatever they wait for is due.
struct NextDay;

impl Clock for NextDay {
    fn now(&self) -> Timestamp {
        Timestamp(1_767_225_600_000 + 86_400_000)
    }
}

/// The one definition of an execution.
struct Definition(String);

impl Definitions for Definition {
    fn program(&self, number: u64) -> Result<Arc<Program>, DefinitionError> {
        let compiled = asl::compile::compile(&self.0, MachineType::Standard, &Integrations);
        let broken = || DefinitionError::Broken(number, format!("{:?}", compiled.diagnostics));
        compiled.program.map(Arc::new).ok_or_else(broken)
    }
}

/// Answers every call with what it was called with.
struct Echo;

impl Runner for Echo {
    fn run(&self, call: TaskCall) -> BoxFuture<'static, Answered> {
        let answer = TaskOutcome::Succeeded(call.call.parameters);
        Box::pin(std::future::ready(answer.into()))
    }
}

/// This build's own limits, under which none of the executions could go on.
const CONFIG_LIMITS: Limits = Limits {
    payload_bytes_max: 1,
    history_events_max: 2,
    map_concurrency_max: 1,
    variables_bytes_max: 1,
    transitions_per_decision_max: 1,
};

/// Lets an execution run to its end; answers its whole history.
fn run_to_its_end(execution: &Execution, store: &Arc<Memory>) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let config = Config {
        limits: CONFIG_LIMITS,
        ..Config::default()
    };
    let definitions = Arc::new(Definition(execution.definition.clone()));
    let (clock, handle) = (Arc::new(NextDay), runtime.handle().clone());
    let engine = Engine::open(
        config,
        store.clone(),
        Arc::new(Echo),
        definitions,
        clock,
        handle,
    )
    .unwrap();
    if let Some(token) = &execution.token {
        let output = json::parse(r#"{"from":"the token"}"#).unwrap();
        runtime
            .block_on(engine.task_succeeded(token, output))
            .unwrap();
    }
    let patience = Instant::now() + Duration::from_secs(20);
    while engine.describe(EXECUTION_ARN).unwrap().stopped_at.is_none() {
        assert!(
            Instant::now() < patience,
            "`{}` does not go on",
            execution.name
        );
        thread::sleep(Duration::from_millis(2));
    }
    let query = HistoryQuery {
        max_results: 1_000,
        include_execution_data: true,
        ..Default::default()
    };
    let page = engine.history(EXECUTION_ARN, &query).unwrap();
    runtime.block_on(engine.shutdown());
    assert!(page.next_token.is_none(), "one page holds it");
    page.events.iter().map(json::Value::to_text).collect()
}

fn records(store: &Memory) -> Vec<Vec<u8>> {
    let records = store.journal(entity(), 0, usize::MAX).unwrap();
    records.into_iter().map(|record| record.bytes).collect()
}

/// Runs an execution on, and answers what followed what was recorded.
fn go_on(execution: &Execution) -> Vec<String> {
    let store = Arc::new(execution.store());
    let mut history = run_to_its_end(execution, &store);
    let continued = history.split_off(execution.recorded.len().min(history.len()));
    assert_eq!(
        history, execution.recorded,
        "{}: what was recorded",
        execution.name
    );
    let kept = records(&store);
    assert!(
        kept.starts_with(&execution.journal.records),
        "{}: records stay",
        execution.name
    );
    continued
}

#[test]
fn executions_of_every_earlier_format_go_on() {
    if std::env::var_os("WRITE_FIXTURE").is_some() {
        write();
    }
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut problems = Vec::new();
    for version in 1..=FORMAT_VERSION {
        let path = fixture(version);
        let mut executions = fixture::parse(&fs::read_to_string(&path).unwrap());
        assert!(executions.len() >= 8, "{}", path.display());
        for execution in &mut executions {
            let continued = go_on(execution);
            if continued != execution.continued {
                let (name, text) = (&execution.name, continued.join("\n"));
                problems.push(format!("format {version}, {name}, now goes on as\n{text}"));
            }
            execution.continued = continued;
        }
        if update {
            fs::write(&path, fixture::to_text(&executions)).unwrap();
        }
    }
    assert!(update || problems.is_empty(), "{}", problems.join("\n"));
}

/// Writes the fixture of the format that this build writes.
fn write() {
    let path = fixture(FORMAT_VERSION);
    assert!(
        !path.exists(),
        "{} is there; a fixture is written once",
        path.display()
    );
    let mut executions = fixture::halfway(&folder().join("halfway.txt"));
    for execution in &mut executions {
        execution.continued = go_on(execution);
    }
    fs::write(&path, fixture::to_text(&executions)).unwrap();
}
