use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use store::{ExecutionFilter, Fault, Memory};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::*;
use crate::clock::SystemClock;
use crate::request::ExecutionStatus;
use crate::testing::{CALLBACK, FUNCTION, Texts, failure, machine, request, value};

/// Answers by the parameters: `{"fail": ..}`, `{"hang": ..}`, `{"panic": ..}`, anything else is
/// echoed. A callback hands its token out.
#[derive(Default)]
struct Echo {
    calls: AtomicUsize,
    dropped: Arc<AtomicUsize>,
    tokens: Mutex<Vec<String>>,
}

struct CountsDrop(Arc<AtomicUsize>);

impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Runner for Echo {
    fn run(&self, call: TaskCall) -> BoxFuture<'static, TaskOutcome> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let parameters = call.call.parameters;
        if let Some(token) = parameters.get("Payload") {
            self.tokens.lock().push(token.as_str().unwrap().to_owned());
            return Box::pin(async move { TaskOutcome::Submitted(value("{}")) });
        }
        let guard = CountsDrop(Arc::clone(&self.dropped));
        Box::pin(async move {
            let _guard = guard;
            if parameters.get("hang").is_some() {
                std::future::pending::<()>().await;
            }
            assert!(parameters.get("panic").is_none(), "as asked for");
            match parameters.get("fail") {
                Some(_) => TaskOutcome::Failed(failure("E", "C")),
                None => TaskOutcome::Succeeded(parameters),
            }
        })
    }
}

struct Setup {
    runtime: Runtime,
    store: Arc<Memory>,
    runner: Arc<Echo>,
    engine: Engine,
}

fn open(config: Config, store: Arc<Memory>) -> Setup {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let token = r#""Parameters": {"FunctionName": "f", "Payload.$": "$$.Task.Token"}"#;
    let definitions = vec![
        machine(r#""A": {"Type": "Pass", "End": true}"#),
        machine(&format!(
            r#""A": {{"Type": "Task", "Resource": "{FUNCTION}", "End": true}}"#
        )),
        machine(&format!(
            r#""A": {{"Type": "Task", "Resource": "{CALLBACK}", {token}, "End": true}}"#
        )),
        machine(r#""A": {"Type": "Wait", "Seconds": 1, "End": true}"#),
        machine(
            r#""A": {"Type": "Pass", "Parameters": {"n.$": "$..n"}, "ResultPath": "$.r",
                "Next": "B"}, "C": {"Type": "Succeed"},
               "B": {"Type": "Choice", "Default": "A",
                "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "C"}]}"#,
        ),
    ];
    let runner = Arc::new(Echo::default());
    let engine = Engine::open(
        config,
        Arc::clone(&store) as Arc<dyn Store>,
        Arc::clone(&runner) as Arc<dyn Runner>,
        Arc::new(Texts(definitions)),
        Arc::new(SystemClock),
        runtime.handle().clone(),
    );
    Setup {
        runtime,
        store,
        runner,
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

/// Waits until an execution is closed.
async fn closed(engine: &Engine, arn: &str) -> Description {
    let poll = async {
        loop {
            let description = engine.describe(arn).unwrap();
            if description.status != ExecutionStatus::Running {
                return description;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(20), poll)
        .await
        .expect("the execution ends")
}

#[test]
fn an_acknowledged_start_is_in_the_store() {
    let Setup {
        runtime,
        store,
        engine,
        ..
    } = setup();
    runtime.block_on(async {
        let started = engine.start(of(1, Some("n"), "{\"a\":1}")).await.unwrap();
        let found = crate::bring::find_execution(&store.crash(), &started.execution_arn).unwrap();
        assert!(found.is_some());
        assert_eq!(
            closed(&engine, &started.execution_arn).await.output,
            Some(value("{\"a\":1}"))
        );
        engine.shutdown().await;
    });
}

#[test]
fn tasks_run_and_their_results_count() {
    let Setup {
        runtime, engine, ..
    } = setup();
    runtime.block_on(async {
        for (input, status) in [
            ("{\"x\":1}", ExecutionStatus::Succeeded),
            ("{\"fail\":1}", ExecutionStatus::Failed),
            ("{\"panic\":1}", ExecutionStatus::Failed),
        ] {
            let arn = engine
                .start(of(2, None, input))
                .await
                .unwrap()
                .execution_arn;
            assert_eq!(closed(&engine, &arn).await.status, status, "{input}");
        }
        engine.shutdown().await;
    });
}

#[test]
fn waits_end_by_the_clock() {
    let Setup {
        runtime, engine, ..
    } = setup();
    runtime.block_on(async {
        let arn = engine.start(of(4, None, "{}")).await.unwrap().execution_arn;
        let ended = closed(&engine, &arn).await;
        let ms = ended.stopped_at.unwrap().0 - ended.started_at.0;
        assert!((1_000..1_900).contains(&ms), "{ms}");
        engine.shutdown().await;
    });
}

#[test]
fn a_stopped_execution_gives_its_call_up() {
    let Setup {
        runtime,
        engine,
        runner,
        ..
    } = setup();
    runtime.block_on(async {
        let arn = engine
            .start(of(2, None, "{\"hang\":1}"))
            .await
            .unwrap()
            .execution_arn;
        while runner.calls.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        engine.stop(&arn, failure("E", "C")).await.unwrap();
        let is_dropped = async {
            while runner.dropped.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), is_dropped)
            .await
            .expect("the call is dropped");
        assert_eq!(closed(&engine, &arn).await.status, ExecutionStatus::Aborted);
        engine.shutdown().await;
    });
}

#[test]
fn tokens_survive_a_restart_and_owed_calls_are_made_again() {
    let Setup {
        runtime,
        store,
        engine,
        runner,
    } = setup();
    let (hanging, waiting) = runtime.block_on(async {
        let hanging = engine
            .start(of(2, Some("h"), "{\"hang\":1}"))
            .await
            .unwrap()
            .execution_arn;
        let waiting = engine.start(of(3, None, "{}")).await.unwrap().execution_arn;
        let both_called = async {
            while runner.calls.load(Ordering::SeqCst) < 2 {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), both_called)
            .await
            .expect("both are called");
        engine.shutdown().await;
        assert!(matches!(
            engine.start(of(1, None, "{}")).await,
            Err(StartError::Engine(Error::ShuttingDown))
        ));
        (hanging, waiting)
    });
    let token = runner.tokens.lock()[0].clone();
    let Setup {
        runtime,
        engine,
        runner,
        ..
    } = open(Config::default(), Arc::new(store.crash()));
    runtime.block_on(async {
        let called_again = async {
            while runner.calls.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), called_again)
            .await
            .expect("the call is made again");
        assert_eq!(
            engine.describe(&hanging).unwrap().status,
            ExecutionStatus::Running
        );
        engine.task_heartbeat(&token).await.unwrap();
        engine.task_succeeded(&token, value("7")).await.unwrap();
        assert!(matches!(
            engine.task_heartbeat(&token).await,
            Err(TokenError::TimedOut)
        ));
        assert!(matches!(
            engine.task_heartbeat("nonsense").await,
            Err(TokenError::Invalid)
        ));
        assert_eq!(closed(&engine, &waiting).await.output, Some(value("7")));
        engine.shutdown().await;
    });
}

#[test]
fn many_clients_and_threads_share_groups() {
    let config = Config {
        shard_threads: 3,
        commands_max: 50,
        ..Config::default()
    };
    let Setup {
        runtime,
        store,
        engine,
        ..
    } = open(config, Arc::new(Memory::new()));
    runtime.block_on(async {
        let clients = (0..200).map(|client| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let name = format!("client-{client}");
                let name = (client % 2 == 0).then_some(name.as_str());
                let definition = 1 + client % 2;
                let arn = engine
                    .start(of(definition, name, "{\"c\":1}"))
                    .await
                    .unwrap();
                closed(&engine, &arn.execution_arn).await.status
            })
        });
        for client in clients.collect::<Vec<_>>() {
            assert_eq!(client.await.unwrap(), ExecutionStatus::Succeeded);
        }
        let all = ExecutionFilter {
            machine: store
                .known_machine(crate::testing::MACHINE)
                .unwrap()
                .unwrap(),
            ..ExecutionFilter::default()
        };
        assert_eq!(store.list_executions(&all, None, 1_000).unwrap().len(), 200);
        engine.shutdown().await;
    });
}

/// A commit whose outcome is unknown: nobody is told that it happened before the store said so.
#[test]
fn commits_in_doubt_are_settled() {
    let Setup {
        runtime,
        store,
        engine,
        ..
    } = setup();
    runtime.block_on(async {
        engine.start(of(1, None, "{}")).await.unwrap();
        // Applied after all: the store's sequence says so.
        store.plan([Fault::UnknownApplied]);
        let started = engine.start(of(1, Some("a"), "{}")).await.unwrap();
        assert_eq!(
            closed(&engine, &started.execution_arn).await.status,
            ExecutionStatus::Succeeded
        );
        // Not applied: refused, and the same start succeeds later.
        store.plan([Fault::UnknownNotApplied]);
        let refused = engine.start(of(1, Some("b"), "{}")).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the change was not confirmed by the store (a planned fault: not applied); try again"
        );
        let again = async {
            loop {
                match engine.start(of(1, Some("b"), "{}")).await {
                    Ok(started) => return started,
                    Err(StartError::Engine(Error::NotConfirmed(_))) => {
                        tokio::task::yield_now().await;
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        };
        let started = timeout(Duration::from_secs(20), again)
            .await
            .expect("it serves again");
        assert_eq!(
            closed(&engine, &started.execution_arn).await.status,
            ExecutionStatus::Succeeded
        );
        engine.shutdown().await;
    });
}

#[test]
fn an_engine_that_lost_its_store_says_so() {
    let Setup {
        runtime,
        store,
        engine,
        ..
    } = setup();
    runtime.block_on(async {
        store.plan([Fault::Fenced]);
        let refused = engine.start(of(1, Some("a"), "{}")).await;
        assert!(
            matches!(refused, Err(StartError::Engine(Error::NotConfirmed(None)))),
            "{refused:?}"
        );
        let lost = engine.start(of(1, Some("a"), "{}")).await;
        assert!(
            matches!(lost, Err(StartError::Engine(Error::NotOwned(_)))),
            "{lost:?}"
        );
        engine.shutdown().await;
    });
}

/// Executions whose every other state is too heavy for the thread that decides: others go on
/// meanwhile, they come to their ends, and those that have none are stopped by callers or by the
/// end of the engine.
#[test]
fn heavy_executions_keep_nobody_waiting() {
    let Setup {
        runtime, engine, ..
    } = setup();
    let input = |n: u32| format!(r#"{{"n": {n}, "all": [{}]}}"#, ["[]"; 60_000].join(","));
    runtime.block_on(async {
        let started = engine.start(of(5, None, &input(1))).await.unwrap();
        let endless = engine.start(of(5, None, &input(0))).await.unwrap();
        let left = engine.start(of(5, None, &input(0))).await.unwrap();
        let light = engine.start(of(1, None, "{}")).await.unwrap();
        let light = closed(&engine, &light.execution_arn).await;
        assert_eq!(light.status, ExecutionStatus::Succeeded);
        let heavy = closed(&engine, &started.execution_arn).await;
        assert_eq!(heavy.status, ExecutionStatus::Succeeded);
        let stopped = engine.stop(&endless.execution_arn, failure("E", "C")).await;
        let endless = engine.describe(&endless.execution_arn).unwrap();
        assert_eq!(endless.stopped_at, Some(stopped.unwrap()));
        engine.shutdown().await;
        let left = engine.describe(&left.execution_arn).unwrap();
        assert_eq!(left.status, ExecutionStatus::Running);
    });
}

#[test]
fn a_definition_that_is_gone_is_named() {
    let Setup {
        runtime, engine, ..
    } = setup();
    runtime.block_on(async {
        let refused = engine.start(of(99, None, "{}")).await.unwrap_err();
        assert_eq!(refused.to_string(), "definition 99 is not in the store");
        engine.shutdown().await;
    });
}

#[test]
fn thread_counts_out_of_range_are_refused() {
    for shard_threads in [0, 65] {
        let config = Config {
            shard_threads,
            ..Config::default()
        };
        let runtime = Runtime::new().unwrap();
        let opened = Engine::open(
            config,
            Arc::new(Memory::new()),
            Arc::new(Echo::default()),
            Arc::new(Texts(Vec::new())),
            Arc::new(SystemClock),
            runtime.handle().clone(),
        );
        assert!(matches!(opened, Err(OpenError::ShardThreads(_))));
    }
}
