use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use asl::definition::MachineType;
use futures_util::future::BoxFuture;
use store::lines::MemoryLines;
use store::runs::{Bound, Head, Run};
use store::{Memory, Store};
use tokio::runtime::Runtime;

use super::*;
use crate::definitions::{DefinitionError, Definitions};
use crate::driver::Beside;
use crate::task::{Answered, TaskCall, TaskOutcome};
use crate::testing::{FUNCTION, MACHINE, failure, machine, request, value};

/// Answers by the parameters, as named.
#[derive(Default)]
struct Functions {
    calls: AtomicUsize,
    abandoned: AtomicUsize,
}

impl Runner for Functions {
    fn run(&self, call: TaskCall) -> BoxFuture<'static, Answered> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let parameters = call.call.parameters;
        Box::pin(async move {
            if parameters.get("hang").is_some() {
                std::future::pending::<()>().await;
            }
            tokio::task::yield_now().await;
            assert!(parameters.get("panic").is_none(), "as asked for");
            match parameters.get("fail") {
                Some(_) => TaskOutcome::Failed(failure("E", "C")),
                None => TaskOutcome::Succeeded(parameters),
            }
            .into()
        })
    }

    fn abandon(&self, _: &Text, _: u64) {
        self.abandoned.fetch_add(1, Ordering::SeqCst);
    }
}

/// A clock that stands still until it is set.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

struct Texts(Vec<String>);

impl Definitions for Texts {
    fn program(&self, number: u64) -> Result<Arc<Program>, DefinitionError> {
        let text = usize::try_from(number).ok().and_then(|at| self.0.get(at));
        let text = text.ok_or(DefinitionError::Missing(number))?;
        Ok(crate::testing::program_of(text, MachineType::Express))
    }
}

struct Setup {
    runtime: Runtime,
    store: Arc<Memory>,
    runner: Arc<Functions>,
    clock: Arc<Hand>,
    engine: Engine,
}

/// Numbers of definitions.
const PASS: u64 = 0;
const TASK: u64 = 1;
const FAIL: u64 = 2;
const WAIT: u64 = 3;
const LOOP: u64 = 4;
const HEAVY: u64 = 5;
const MAP: u64 = 6;
const CONTEXT: u64 = 7;
const RETRY: u64 = 8;
const SHORT: u64 = 9;

fn definitions() -> Texts {
    let loops = r#""A": {"Type": "Pass", "Parameters": {"n.$": "$.n", "r.$": "States.UUID()"},
                         "Next": "B"},
                   "B": {"Type": "Choice", "Default": "A",
                         "Choices": [{"Variable": "$.n", "NumericEquals": 0, "Next": "C"}]},
                   "C": {"Type": "Succeed"}"#;
    let heavy = r#""A": {"Type": "Pass", "QueryLanguage": "JSONata", "End": true,
                         "Output": "{% $sum([1..20000].($ * 2)) %}"}"#;
    let task = format!(r#""Type": "Task", "Resource": "{FUNCTION}", "End": true"#);
    let map = format!(
        r#""A": {{"Type": "Map", "End": true, "ItemProcessor": {{"StartAt": "T",
            "States": {{"T": {{{task}}}}}}}}}"#
    );
    let retry = format!(
        r#""A": {{{task}, "Retry": [{{"ErrorEquals": ["E"], "IntervalSeconds": 1,
            "MaxAttempts": 1}}]}}"#
    );
    Texts(vec![
        machine(r#""A": {"Type": "Pass", "End": true}"#),
        machine(&format!(r#""A": {{{task}}}"#)),
        machine(r#""A": {"Type": "Fail", "Error": "Own", "Cause": "because"}"#),
        machine(r#""A": {"Type": "Wait", "Seconds": 1000, "End": true}"#),
        machine(loops),
        machine(heavy),
        machine(&map),
        machine(r#""A": {"Type": "Pass", "End": true, "Parameters": {"e.$": "$$.Execution"}}"#),
        machine(&retry),
        machine(r#""A": {"Type": "Wait", "Seconds": 1000, "End": true}"#).replacen(
            '{',
            r#"{"TimeoutSeconds": 2, "#,
            1,
        ),
    ])
}

const START_MS: i64 = 1_767_225_600_000;

fn open(config: Config, store: Arc<Memory>) -> Setup {
    open_beside(config, store, None)
}

/// Opens an engine that keeps what has ended.
fn open_beside(config: Config, store: Arc<Memory>, runs: Option<Arc<dyn Runs>>) -> Setup {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let runner = Arc::new(Functions::default());
    let clock = Arc::new(Hand(AtomicI64::new(START_MS)));
    let engine = Engine::open_observed(
        config,
        Arc::clone(&store) as Arc<dyn Store>,
        Arc::clone(&runner) as Arc<dyn Runner>,
        Arc::new(definitions()),
        Arc::clone(&clock) as Arc<dyn Clock>,
        runtime.handle().clone(),
        Beside {
            runs,
            ..Beside::default()
        },
    );
    Setup {
        runtime,
        store,
        runner,
        clock,
        engine: engine.unwrap(),
    }
}

fn setup() -> Setup {
    open(Config::default(), Arc::new(Memory::new()))
}

fn of(definition: u64, name: Option<&str>, input: &str) -> StartRequest {
    StartRequest {
        definition,
        ..request(name, input)
    }
}

impl Setup {
    fn sync(&self, definition: u64, input: &str) -> ExpressEnd {
        let run = self.engine.run_express(of(definition, Some("n"), input));
        self.runtime.block_on(run).unwrap()
    }

    /// Starts a run that does not end by itself, and waits until it is listed.
    fn begin(&self, definition: u64, input: &str) -> Text {
        let engine = self.engine.clone();
        let request = of(definition, Some("waits"), input);
        self.runtime
            .spawn(async move { engine.run_express(request).await });
        let listed = || {
            let page = self.engine.express_runs(&list()).unwrap();
            let newest = page.executions.into_iter().next();
            newest.filter(|it| &*it.name == "waits" && it.status == ExecutionStatus::Running)
        };
        until(listed).execution_arn
    }

    fn advance(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    fn types(&self, arn: &str) -> Vec<String> {
        let query = HistoryQuery {
            include_execution_data: true,
            ..HistoryQuery::default()
        };
        let page = self.engine.express_history(arn, &query).unwrap();
        let of = |event: &Value| event.get("type").unwrap().as_str().unwrap().to_owned();
        page.events.iter().map(of).collect()
    }
}

fn list() -> ListQuery {
    ListQuery {
        state_machine_arn: MACHINE.into(),
        ..ListQuery::default()
    }
}

/// Looks until there is something to see.
fn until<T>(look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "it does not happen");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_synchronous_run_answers_with_its_end() {
    let setup = setup();
    let check = |definition, input: &str, expected: Result<&str, (&str, &str)>| {
        let end = setup.sync(definition, input);
        match expected {
            Ok(output) => {
                assert_eq!(end.status, ExecutionStatus::Succeeded, "{:?}", end.failure);
                assert_eq!(end.output, Some(value(output)), "{input}");
            }
            Err((error, cause)) => {
                assert_eq!(end.status, ExecutionStatus::Failed, "{input}");
                assert_eq!((end.output, end.failure), (None, failure(error, cause)));
            }
        }
    };
    check(PASS, r#"{"a":1}"#, Ok(r#"{"a":1}"#));
    check(TASK, r#"{"a":2}"#, Ok(r#"{"a":2}"#));
    check(TASK, r#"{"fail":1}"#, Err(("E", "C")));
    check(
        TASK,
        r#"{"panic":1}"#,
        Err((
            "States.Runtime",
            "the call failed inside the server; its log says where",
        )),
    );
    check(FAIL, "{}", Err(("Own", "because")));
    check(HEAVY, "{}", Ok("400020000"));
    check(MAP, r#"[{"a":1},{"a":2},3]"#, Ok(r#"[{"a":1},{"a":2},3]"#));
}

#[test]
fn an_express_arn_is_unique_and_its_context_that_of_its_kind() {
    let setup = setup();
    let (first, second) = (setup.sync(CONTEXT, "{}"), setup.sync(CONTEXT, "{}"));
    assert_ne!(first.execution_arn, second.execution_arn);
    let read = arn::read_express(&first.execution_arn).unwrap();
    assert_eq!((&*read.machine_arn, read.name), (MACHINE, "n"));
    let context = first.output.unwrap();
    let execution = context.get("e").unwrap();
    assert_eq!(
        execution.get("Id").unwrap().as_str(),
        Some(&*first.execution_arn)
    );
    assert!(execution.get("RedriveCount").is_none());
    let unnamed = setup.engine.run_express(of(PASS, None, "{}"));
    let unnamed = setup.runtime.block_on(unnamed).unwrap();
    assert_eq!(unnamed.name.len(), 36);
    assert!(
        setup.store.last_entity().unwrap().is_none(),
        "nothing is committed"
    );
    let qualified = StartRequest {
        state_machine_arn: format!("{MACHINE}:1").into(),
        ..of(PASS, None, "{}")
    };
    let refused = setup.runtime.block_on(setup.engine.run_express(qualified));
    assert!(matches!(refused, Err(StartError::NotAStateMachine(_))));
    let missing = setup.engine.run_express(of(99, None, "{}"));
    let missing = setup.runtime.block_on(missing).unwrap_err();
    assert_eq!(missing.to_string(), "definition 99 is not in the store");
}

#[test]
fn five_minutes_are_the_most_unless_the_machine_has_less() {
    let setup = setup();
    for (definition, ms) in [(WAIT, 300_000), (SHORT, 2_000)] {
        let arn = setup.begin(definition, "{}");
        setup.advance(ms - 1);
        std::thread::yield_now();
        let standing = || setup.engine.express_describe(&arn).unwrap();
        assert_eq!(standing().status, ExecutionStatus::Running);
        setup.advance(1);
        let ended = until(|| Some(standing()).filter(|it| it.stopped_at.is_some()));
        assert_eq!(ended.status, ExecutionStatus::TimedOut);
        assert_eq!((ended.output, ended.failure), (None, Failure::default()));
        let billed = ended.billing.unwrap();
        assert_eq!(
            (billed.duration_ms, billed.memory_mb),
            (u64::try_from(ms).unwrap(), 64)
        );
        assert_eq!(setup.types(&arn).last().unwrap(), "ExecutionTimedOut");
    }
}

#[test]
fn what_is_billed_is_rounded_up() {
    let check = |ms, bytes, expected| {
        let Billing {
            duration_ms,
            memory_mb,
            ..
        } = Billing::of(ms, bytes);
        assert_eq!((duration_ms, memory_mb), expected, "{ms} ms, {bytes} bytes");
    };
    check(0, 0, (100, 64));
    check(100, 64 << 20, (100, 64));
    check(101, (64 << 20) + 1, (200, 128));
    check(-5, 1, (100, 64));
    check(299_950, 200 << 20, (300_000, 256));
}

#[test]
fn retries_wait_and_calls_of_a_run_that_ended_are_given_up() {
    let setup = setup();
    let arn = setup.begin(RETRY, r#"{"fail":1}"#);
    until(|| (setup.types(&arn).len() >= 5).then_some(()));
    setup.advance(1_000);
    let ended = || setup.engine.express_describe(&arn).unwrap();
    let ended = until(|| Some(ended()).filter(|it| it.stopped_at.is_some()));
    assert_eq!(ended.failure, failure("E", "C"));
    assert_eq!(setup.runner.calls.load(Ordering::SeqCst), 2);
    setup.begin(TASK, r#"{"hang":1}"#);
    until(|| (setup.runner.calls.load(Ordering::SeqCst) == 3).then_some(()));
    setup.advance(300_000);
    until(|| (setup.runner.abandoned.load(Ordering::SeqCst) == 1).then_some(()));
}

#[test]
fn a_run_that_outgrows_its_memory_fails_and_says_so() {
    let config = Config {
        express_run_bytes_max: 1 << 20,
        ..Config::default()
    };
    let setup = open(config, Arc::new(Memory::new()));
    let end = setup.sync(LOOP, r#"{"n":1}"#);
    assert_eq!(end.status, ExecutionStatus::Failed);
    let cause = end.failure.cause.unwrap();
    assert!(cause.contains("more than 1048576 bytes"), "{cause}");
    assert_eq!(setup.types(&end.execution_arn).len(), 100);
    assert_eq!(setup.engine.express().bytes.load(Ordering::Relaxed), 0);
    let config = Config {
        express_bytes_max: 1 << 20,
        ..Config::default()
    };
    let setup = open(config, Arc::new(Memory::new()));
    let cause = setup.sync(LOOP, r#"{"n":1}"#).failure.cause.unwrap();
    assert!(
        cause.contains("all Express executions under way"),
        "{cause}"
    );
}

#[test]
fn an_asynchronous_run_commits_its_start_and_its_end() {
    let setup = setup();
    let start = |definition, input| {
        let started = setup
            .engine
            .start_express(of(definition, Some("same"), input));
        setup.runtime.block_on(started).unwrap()
    };
    let (first, second) = (start(PASS, r#"{"a":1}"#), start(TASK, r#"{"fail":1}"#));
    assert_ne!(first.execution_arn, second.execution_arn);
    assert_eq!(first.started_at, Timestamp(START_MS));
    let heavy = start(HEAVY, "{}");
    for (started, code) in [(first, 2), (second, 3), (heavy, 2)] {
        let unique = arn::read_express(&started.execution_arn)
            .unwrap()
            .unique
            .to_owned();
        let entity = crate::name::entity(&unique).unwrap();
        let row = || setup.store.execution(entity).unwrap().unwrap();
        let row = until(|| Some(row()).filter(|row| row.stopped_ms.is_some()));
        // Not the code of a Standard one.
        assert_eq!((row.status, row.name), (6 + code, format!("same:{unique}")));
        let owed = || {
            setup
                .store
                .wake_ups(None, 9)
                .unwrap()
                .is_empty()
                .then_some(())
        };
        until(owed);
        let run = crate::journal::load(&*setup.store, entity)
            .unwrap()
            .unwrap()
            .run;
        assert_eq!(ExecutionStatus::from(&run).code(), code);
        assert_eq!(run.last_event, 2);
        let kept = setup
            .engine
            .express_describe(&started.execution_arn)
            .unwrap();
        assert_eq!(kept.status.code(), code);
        // The operations of Standard executions don't know them.
        let found = setup.engine.describe(&started.execution_arn);
        assert!(matches!(found, Err(ReadError::DoesNotExist(_))));
    }
}

#[test]
fn express_executions_are_not_listed_among_standard_ones() {
    let setup = setup();
    let express = setup.engine.start_express(of(PASS, None, "{}"));
    let express = setup.runtime.block_on(express).unwrap();
    let ended = || {
        let described = setup.engine.express_describe(&express.execution_arn);
        described.ok().filter(|it| it.stopped_at.is_some())
    };
    until(ended);
    until(|| {
        setup
            .store
            .wake_ups(None, 9)
            .unwrap()
            .is_empty()
            .then_some(())
    });
    // The machine was made again, of the other type.
    let standard = setup.engine.start(of(PASS, Some("n"), "{}"));
    let standard = setup.runtime.block_on(standard).unwrap();
    let listed = setup.engine.list(&list()).unwrap().executions;
    let listed: Vec<_> = listed.into_iter().map(|it| it.execution_arn).collect();
    assert_eq!(listed, [standard.execution_arn]);
}

#[test]
fn after_a_crash_an_asynchronous_run_begins_again() {
    let before = setup();
    let request = of(TASK, Some("n"), r#"{"hang":1}"#);
    let started = before
        .runtime
        .block_on(before.engine.start_express(request));
    let started = started.unwrap();
    until(|| (before.runner.calls.load(Ordering::SeqCst) == 1).then_some(()));
    let after = open(Config::default(), Arc::new(before.store.crash()));
    after.advance(1_000_000);
    let again = until(|| after.engine.express_describe(&started.execution_arn).ok());
    assert_eq!(again.status, ExecutionStatus::Running);
    until(|| (after.runner.calls.load(Ordering::SeqCst) == 1).then_some(()));
    after.advance(300_000);
    let owed = || {
        after
            .store
            .wake_ups(None, 9)
            .unwrap()
            .is_empty()
            .then_some(())
    };
    until(owed);
    // What has ended does not run again.
    let last = open(Config::default(), Arc::new(after.store.crash()));
    let runs = last.engine.express_runs(&list()).unwrap();
    assert_eq!(runs.executions, []);
}

#[test]
fn asynchronous_runs_beyond_the_bound_wait_in_the_store() {
    let config = Config {
        express_runs_max: 2,
        ..Config::default()
    };
    let setup = open(config, Arc::new(Memory::new()));
    for _ in 0..5 {
        let started = setup.engine.start_express(of(WAIT, None, "{}"));
        setup.runtime.block_on(started).unwrap();
    }
    let running = || setup.engine.express_runs(&list()).unwrap().executions.len();
    until(|| (running() == 2).then_some(()));
    // Ends make room.
    for expected in [4, 5] {
        setup.advance(300_000);
        until(|| (running() == expected).then_some(()));
    }
}

#[test]
fn synchronous_runs_beyond_the_bound_wait_for_a_place() {
    let config = Config {
        express_runs_max: 1,
        ..Config::default()
    };
    let setup = open(config, Arc::new(Memory::new()));
    setup.begin(WAIT, "{}");
    let engine = setup.engine.clone();
    let second = setup
        .runtime
        .spawn(async move { engine.run_express(of(PASS, None, "{}")).await });
    std::thread::yield_now();
    assert!(!second.is_finished());
    setup.advance(300_000);
    let end = setup.runtime.block_on(second).unwrap().unwrap();
    assert_eq!(end.status, ExecutionStatus::Succeeded);
}

#[test]
fn the_newest_runs_are_listed_page_by_page() {
    let setup = setup();
    let arns: Vec<Text> = (0..7)
        .map(|number| {
            let definition = if number % 3 == 0 { FAIL } else { PASS };
            let end = setup.sync(definition, "{}");
            setup.advance(1);
            end.execution_arn
        })
        .collect();
    let pages = |status, max_results| {
        let mut query = ListQuery {
            status,
            max_results,
            ..list()
        };
        let mut found = Vec::new();
        loop {
            let page = setup.engine.express_runs(&query).unwrap();
            assert!(page.executions.len() <= max_results);
            found.extend(page.executions.into_iter().map(|it| it.execution_arn));
            query.next_token = page.next_token;
            if query.next_token.is_none() {
                return found;
            }
        }
    };
    let newest_first = |numbers: &[usize]| -> Vec<Text> {
        numbers.iter().map(|number| arns[*number].clone()).collect()
    };
    let all = newest_first(&[6, 5, 4, 3, 2, 1, 0]);
    for max in [1, 2, 3, 7] {
        assert_eq!(pages(None, max), all);
        let failed = pages(Some(ExecutionStatus::Failed), max);
        assert_eq!(failed, newest_first(&[6, 3, 0]));
    }
    let mut query = ListQuery {
        max_results: 2,
        ..list()
    };
    query.next_token = setup.engine.express_runs(&query).unwrap().next_token;
    query.status = Some(ExecutionStatus::Failed);
    let foreign = setup.engine.express_runs(&query);
    assert!(matches!(foreign, Err(ReadError::InvalidToken)));
    // A day later they are gone.
    setup.advance(crate::limits::EXPRESS_KEPT_MS);
    assert_eq!(pages(None, 9), newest_first(&[]));
    let gone = setup.engine.express_describe(&arns[6]);
    assert!(matches!(gone, Err(ReadError::DoesNotExist(_))));
}

#[test]
fn the_oldest_runs_make_room() {
    let config = Config {
        express_kept_bytes_max: 1 << 20,
        ..Config::default()
    };
    let setup = open(config, Arc::new(Memory::new()));
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(100_000));
    let arns: Vec<Text> = (0..20)
        .map(|_| setup.sync(PASS, &large).execution_arn)
        .collect();
    let kept = setup.engine.express_runs(&list()).unwrap().executions;
    // What the events share is counted once.
    assert!((8..=10).contains(&kept.len()), "{}", kept.len());
    let newest: Vec<&Text> = arns.iter().rev().take(kept.len()).collect();
    let kept: Vec<&Text> = kept.iter().map(|it| &it.execution_arn).collect();
    assert_eq!(kept, newest);
    for _ in 0..1_100 {
        setup.sync(PASS, "{}");
    }
    let mut query = ListQuery {
        max_results: 1_000,
        ..list()
    };
    let page = setup.engine.express_runs(&query).unwrap();
    assert_eq!((page.executions.len(), page.next_token), (1_000, None));
    query.state_machine_arn = "arn:aws:states:us-east-1:000000000000:stateMachine:Other".into();
    assert_eq!(setup.engine.express_runs(&query).unwrap().executions, []);
}

#[test]
fn a_history_is_read_in_both_directions() {
    let setup = setup();
    let items = (0..40).map(|number| format!(r#"{{"a":{number}}}"#));
    let input = format!("[{}]", items.collect::<Vec<_>>().join(","));
    let arn = setup.sync(MAP, &input).execution_arn;
    let ids = |max_results, reverse_order| {
        let mut query = HistoryQuery {
            max_results,
            reverse_order,
            include_execution_data: true,
            next_token: None,
        };
        let mut ids = Vec::new();
        loop {
            let page = setup.engine.express_history(&arn, &query).unwrap();
            assert!(!page.events.is_empty() && page.events.len() <= max_results);
            ids.extend(
                page.events
                    .iter()
                    .map(|it| it.get("id").unwrap().as_i64().unwrap()),
            );
            query.next_token = page.next_token;
            if query.next_token.is_none() {
                return ids;
            }
        }
    };
    let all: Vec<i64> = ids(1_000, false);
    assert_eq!(
        all,
        (1..=i64::try_from(all.len()).unwrap()).collect::<Vec<_>>()
    );
    assert!(all.len() > 280);
    let backward: Vec<i64> = all.iter().rev().copied().collect();
    for max in [1, 7, 100, all.len(), all.len() - 1] {
        assert_eq!(ids(max, false), all, "{max}");
        assert_eq!(ids(max, true), backward, "{max}");
    }
}

#[test]
fn a_shutdown_ends_what_runs() {
    let setup = setup();
    let engine = setup.engine.clone();
    let waiting = setup
        .runtime
        .spawn(async move { engine.run_express(of(WAIT, None, "{}")).await });
    until(|| (!setup.engine.express().under_way.lock().is_empty()).then_some(()));
    setup.runtime.block_on(setup.engine.shutdown());
    let answer = setup.runtime.block_on(waiting).unwrap();
    assert!(matches!(
        answer,
        Err(StartError::Engine(Error::ShuttingDown))
    ));
    let late = setup
        .runtime
        .block_on(setup.engine.run_express(of(PASS, None, "{}")));
    assert!(matches!(late, Err(StartError::Engine(Error::ShuttingDown))));
}

/// Lines that fail while they are told to.
#[derive(Default)]
struct Disk {
    lines: MemoryLines,
    fails: AtomicBool,
    /// There is always more to delete.
    is_old: AtomicBool,
    puts: AtomicUsize,
}

impl Disk {
    fn answer<T>(&self, answer: impl FnOnce(&MemoryLines) -> store::Result<T>) -> store::Result<T> {
        if self.fails.load(Ordering::SeqCst) {
            let (path, cause) = ("lines".into(), "as asked for".to_owned());
            return Err(store::Error::Io { path, cause });
        }
        answer(&self.lines)
    }
}

impl Runs for Disk {
    fn put_runs(&self, runs: &[Run], bound: Bound) -> store::Result<()> {
        self.answer(|lines| lines.put_runs(runs, bound))?;
        self.puts.fetch_add(runs.len(), Ordering::SeqCst);
        Ok(())
    }

    fn runs(&self, machine: &str, limit: usize) -> store::Result<Vec<Head>> {
        self.answer(|lines| lines.runs(machine, limit))
    }

    fn run(&self, machine: &str, name: &str) -> store::Result<Option<Run>> {
        self.answer(|lines| lines.run(machine, name))
    }

    fn last_run(&self) -> store::Result<Option<u64>> {
        self.answer(Runs::last_run)
    }

    fn run_definitions(&self) -> store::Result<Vec<u64>> {
        self.answer(Runs::run_definitions)
    }

    fn drop_runs(&self, machine: &str) -> store::Result<()> {
        self.answer(|lines| lines.drop_runs(machine))
    }

    fn expire_runs(&self, before_ms: i64) -> store::Result<bool> {
        let is_left = self.answer(|lines| lines.expire_runs(before_ms))?;
        Ok(is_left || self.is_old.load(Ordering::SeqCst))
    }
}

/// An engine that keeps what has ended there.
fn kept_at(disk: &Arc<Disk>, config: Config) -> Setup {
    let disk = Arc::clone(disk) as Arc<dyn Runs>;
    open_beside(config, Arc::new(Memory::new()), Some(disk))
}

impl Setup {
    fn flush(&self) {
        self.engine.express().kept.flush(self.clock.now());
    }

    fn arns(&self) -> Vec<Text> {
        let mut query = list();
        query.max_results = 1_000;
        let page = self.engine.express_runs(&query).unwrap();
        page.executions
            .into_iter()
            .map(|it| it.execution_arn)
            .collect()
    }

    /// All that is shown of a run.
    fn shown(&self, arn: &str) -> String {
        let described = self.engine.express_describe(arn).unwrap();
        let mut shown = format!("{described:?}\n");
        for include_execution_data in [true, false] {
            let query = HistoryQuery {
                include_execution_data,
                max_results: 1_000,
                ..HistoryQuery::default()
            };
            let page = self.engine.express_history(arn, &query).unwrap();
            page.events
                .iter()
                .for_each(|event| shown += &event.to_text());
        }
        shown + &format!("{:?}", self.engine.express_served(arn).unwrap())
    }
}

#[test]
fn what_has_ended_is_shown_after_a_restart_as_it_was_before() {
    let disk = Arc::new(Disk::default());
    let before = kept_at(&disk, Config::default());
    let mut arns = Vec::new();
    for (definition, input) in [
        (PASS, r#"{ "a" : 1.0 }"#),
        (TASK, r#"{"fail":1}"#),
        (FAIL, "{}"),
        (HEAVY, "{}"),
        (MAP, r#"[{"a":1},{"a":2},3]"#),
    ] {
        arns.push(before.sync(definition, input).execution_arn);
        before.advance(1_000);
    }
    let qualified = StartRequest {
        state_machine_version_arn: Some(format!("{MACHINE}:7").into()),
        state_machine_alias_arn: Some(format!("{MACHINE}:live").into()),
        trace_header: Some("Root=1".into()),
        ..of(PASS, Some("q"), "{}")
    };
    let end = before
        .runtime
        .block_on(before.engine.run_express(qualified))
        .unwrap();
    arns.push(end.execution_arn);
    let timed_out = before.begin(SHORT, "{}");
    before.advance(2_000);
    until(|| {
        let described = before.engine.express_describe(&timed_out).unwrap();
        described.stopped_at
    });
    arns.push(timed_out);
    let cut_off = before.begin(WAIT, "{}");
    let listed = before.engine.express_runs(&list()).unwrap().executions;
    assert_eq!(listed[0].execution_arn, cut_off);
    let shown: Vec<String> = arns.iter().map(|arn| before.shown(arn)).collect();
    let now = before.clock.now();
    // A crash, but for the last second.
    before.flush();
    for round in 0..2 {
        let after = kept_at(&disk, Config::default());
        after.clock.0.store(now.0, Ordering::SeqCst);
        let found = after.engine.express_runs(&list()).unwrap().executions;
        assert_eq!(found[round..], listed[1..]);
        for (arn, shown) in arns.iter().zip(&shown) {
            assert_eq!(after.shown(arn), *shown);
        }
        let gone = after.engine.express_describe(&cut_off);
        assert!(matches!(gone, Err(ReadError::DoesNotExist(_))));
        // Numbers go on, and an orderly end writes what there is.
        let next = after.sync(PASS, "{}").execution_arn;
        assert_eq!(after.arns()[0], next);
        assert_eq!(after.arns().len(), 8 + round);
        after.runtime.block_on(after.engine.shutdown());
    }
}

#[test]
fn pages_go_on_over_memory_and_disk() {
    let disk = Arc::new(Disk::default());
    let before = kept_at(&disk, Config::default());
    let mut arns: Vec<Text> = Vec::new();
    for _ in 0..5 {
        arns.push(before.sync(PASS, "{}").execution_arn);
    }
    before.flush();
    let mut query = ListQuery {
        max_results: 3,
        ..list()
    };
    let first = before.engine.express_runs(&query).unwrap();
    assert_eq!(first.executions.len(), 3);
    let store = Arc::clone(&before.store);
    let runs = Arc::clone(&disk) as Arc<dyn Runs>;
    let after = open_beside(Config::default(), store, Some(runs));
    for _ in 0..5 {
        arns.push(after.sync(FAIL, "{}").execution_arn);
    }
    arns.reverse();
    assert_eq!(after.arns(), arns);
    // A token of before the restart.
    query.next_token = first.next_token;
    let second = after.engine.express_runs(&query).unwrap();
    let second: Vec<Text> = second
        .executions
        .into_iter()
        .map(|it| it.execution_arn)
        .collect();
    assert_eq!(second, arns[8..]);
    let failed = ListQuery {
        status: Some(ExecutionStatus::Failed),
        ..list()
    };
    assert_eq!(
        after.engine.express_runs(&failed).unwrap().executions.len(),
        5
    );
    // A day later none is left, on disk neither.
    after.flush();
    after.advance(crate::limits::EXPRESS_KEPT_MS);
    assert_eq!(after.arns(), Vec::<Text>::new());
    let gone = after.engine.express_describe(&arns[9]);
    assert!(matches!(gone, Err(ReadError::DoesNotExist(_))));
    after.engine.express().kept.sweep(after.clock.now());
    assert_eq!(disk.lines.last_run().unwrap(), None);
}

#[test]
fn what_memory_has_no_room_for_is_read_from_disk() {
    let disk = Arc::new(Disk::default());
    let config = Config {
        express_kept_bytes_max: 256 << 10,
        ..Config::default()
    };
    let setup = kept_at(&disk, config);
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(100_000));
    let mut arns: Vec<Text> = Vec::new();
    for _ in 0..12 {
        arns.push(setup.sync(PASS, &large).execution_arn);
        setup.flush();
    }
    arns.reverse();
    assert_eq!(setup.arns(), arns);
    assert_eq!(setup.types(&arns[11]).len(), 4);
    assert!(setup.engine.express().kept.runs.lock().bytes_held() < 256 << 10);
    let lost = || setup.engine.express().kept.runs.lock().lost;
    assert_eq!(lost(), 0);
    // What makes room before it is written is counted.
    disk.fails.store(true, Ordering::SeqCst);
    for _ in 0..12 {
        setup.sync(PASS, &large);
    }
    assert!((9..12).contains(&lost()), "{}", lost());
}

#[test]
fn of_many_runs_the_newest_are_written_once() {
    let disk = Arc::new(Disk::default());
    let setup = kept_at(&disk, Config::default());
    // The keeper waits until all have ended.
    let writing = setup.engine.express().kept.writing.lock();
    for _ in 0..6_000 {
        setup.sync(PASS, "{}");
    }
    let waiting = setup.engine.express().kept.runs.lock().unstored.len();
    assert!(waiting <= crate::limits::EXPRESS_UNSTORED_MIN, "{waiting}");
    drop(writing);
    setup.flush();
    setup.flush();
    assert_eq!(disk.puts.load(Ordering::SeqCst), 1_000);
    assert_eq!(setup.arns().len(), 1_000);
    setup.sync(PASS, "{}");
    setup.flush();
    assert_eq!(disk.puts.load(Ordering::SeqCst), 1_001);
    assert_eq!(disk.lines.runs(MACHINE, 9_999).unwrap().len(), 1_000);
}

#[test]
fn a_disk_that_fails_is_tried_again() {
    let disk = Arc::new(Disk::default());
    let setup = kept_at(&disk, Config::default());
    disk.fails.store(true, Ordering::SeqCst);
    for _ in 0..300 {
        setup.sync(PASS, "{}");
    }
    setup.flush();
    assert_eq!(disk.puts.load(Ordering::SeqCst), 0);
    let failed = setup.engine.express_runs(&list());
    assert!(matches!(failed, Err(ReadError::Engine(Error::Store(_)))));
    disk.fails.store(false, Ordering::SeqCst);
    until(|| (disk.puts.load(Ordering::SeqCst) == 300).then_some(()));
}

#[test]
fn an_orderly_stop_writes_all_that_has_ended() {
    let disk = Arc::new(Disk::default());
    let setup = kept_at(&disk, Config::default());
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(100_000));
    // The keeper waits until more has ended than it writes at a time.
    let writing = setup.engine.express().kept.writing.lock();
    let held = || setup.engine.express().kept.runs.lock().bytes_held();
    let mut runs = 0;
    while held() < 3 * crate::limits::EXPRESS_FLUSH_BYTES_MAX {
        setup.sync(PASS, &large);
        runs += 1;
    }
    let stopping = {
        let engine = setup.engine.clone();
        setup.runtime.spawn(async move { engine.shutdown().await })
    };
    let is_stopping = || setup.engine.express().kept.runs.lock().is_stopping;
    until(|| is_stopping().then_some(()));
    drop(writing);
    setup.runtime.block_on(stopping).unwrap();
    assert_eq!(disk.puts.load(Ordering::SeqCst), runs);
}

#[test]
fn what_ends_is_written_while_much_is_deleted_and_a_stop_does_not_wait_for_it() {
    let disk = Arc::new(Disk::default());
    disk.is_old.store(true, Ordering::SeqCst);
    let setup = kept_at(&disk, Config::default());
    setup.sync(PASS, "{}");
    until(|| (disk.puts.load(Ordering::SeqCst) == 1).then_some(()));
    setup.runtime.block_on(setup.engine.shutdown());
}

#[test]
fn a_run_that_runs_again_is_listed_once() {
    let disk = Arc::new(Disk::default());
    let setup = |store| {
        let runs = Arc::clone(&disk) as Arc<dyn Runs>;
        open_beside(Config::default(), store, Some(runs))
    };
    let before = setup(Arc::new(Memory::new()));
    let started = before
        .engine
        .start_express(of(TASK, Some("n"), r#"{"a":1}"#));
    let started = before.runtime.block_on(started).unwrap();
    let crashed = before.store.crash();
    until(|| {
        let described = before.engine.express_describe(&started.execution_arn);
        described.ok()?.stopped_at
    });
    before.flush();
    assert_eq!(disk.puts.load(Ordering::SeqCst), 1);
    // Its end was not committed.
    let after = setup(Arc::new(crashed));
    until(|| (after.runner.calls.load(Ordering::SeqCst) == 1).then_some(()));
    until(|| (after.arns().len() == 1).then_some(()));
    until(|| {
        let described = after.engine.express_describe(&started.execution_arn);
        described.ok()?.stopped_at
    });
    after.flush();
    assert_eq!(after.arns(), std::slice::from_ref(&started.execution_arn));
    let last = setup(Arc::new(Memory::new()));
    assert_eq!(last.arns(), [started.execution_arn]);
}

#[test]
fn runs_of_a_machine_that_is_gone_are_forgotten() {
    let disk = Arc::new(Disk::default());
    let setup = kept_at(&disk, Config::default());
    let stored = setup.sync(PASS, "{}").execution_arn;
    setup.flush();
    let in_memory = setup.sync(TASK, "{}").execution_arn;
    let running = setup.begin(WAIT, "{}");
    assert_eq!(
        setup.engine.express_definitions().unwrap(),
        [PASS, TASK, WAIT]
    );
    setup.engine.express_machine_deleted(MACHINE);
    assert_eq!(setup.arns(), Vec::<Text>::new());
    assert_eq!(setup.engine.express_definitions().unwrap(), []);
    setup.advance(300_000);
    until(|| {
        setup
            .engine
            .express()
            .under_way
            .lock()
            .is_empty()
            .then_some(())
    });
    setup.flush();
    for arn in [stored, in_memory, running] {
        let gone = setup.engine.express_describe(&arn);
        assert!(matches!(gone, Err(ReadError::DoesNotExist(_))));
    }
    // Made again.
    let again = setup.sync(PASS, "{}").execution_arn;
    assert_eq!(setup.arns(), [again]);
    // A crash had come between the deletion and this.
    setup.flush();
    let after = kept_at(&disk, Config::default());
    assert_eq!(after.arns().len(), 1);
    after.engine.machine_created(MACHINE);
    assert_eq!(after.arns(), Vec::<Text>::new());
}
