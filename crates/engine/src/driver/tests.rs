use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use asl::program::Pattern;
use futures_util::future::BoxFuture;
use store::{ExecutionFilter, Fault, Memory};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::*;
use crate::clock::SystemClock;
use crate::request::{Description, ExecutionStatus};
use crate::task::Answered;
use crate::testing::{
    ACTIVITY, CALLBACK, FUNCTION, JOB, MACHINE, Texts, failure, machine, request, value,
};

/// Answers by the parameters: `{"fail": ..}`, `{"hang": ..}`, `{"panic": ..}`, anything else is
/// echoed. A callback hands its token out.
#[derive(Default)]
struct Echo {
    calls: AtomicUsize,
    dropped: Arc<AtomicUsize>,
    tokens: Mutex<Vec<String>>,
    cancelled: AtomicUsize,
    /// Lets jobs with `{"slow": ..}` be started.
    starts: Arc<tokio::sync::Notify>,
    started_slowly: Arc<AtomicUsize>,
}

struct CountsDrop(Arc<AtomicUsize>);

impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Runner for Echo {
    fn run(&self, call: TaskCall) -> BoxFuture<'static, Answered> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let parameters = call.call.parameters;
        if let Some(token) = parameters.get("Payload") {
            self.tokens.lock().push(token.as_str().unwrap().to_owned());
            return Box::pin(async move { TaskOutcome::Submitted(value("{}")).into() });
        }
        if call.call.resource.pattern == Pattern::RunJob {
            let (starts, started) = (Arc::clone(&self.starts), Arc::clone(&self.started_slowly));
            return Box::pin(async move {
                if parameters.get("slow").is_some() {
                    starts.notified().await;
                    started.fetch_add(1, Ordering::SeqCst);
                }
                TaskOutcome::Submitted(parameters).into()
            });
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
            .into()
        })
    }

    /// A job hangs, fails, panics or echoes as a call does.
    fn watch(&self, call: TaskCall, response: Value) -> BoxFuture<'static, TaskOutcome> {
        let mut call = call;
        call.call.parameters = response;
        call.call.resource.pattern = Pattern::RequestResponse;
        let run = self.run(call);
        Box::pin(async move { run.await.outcome })
    }

    fn cancel(&self, _call: TaskCall, response: Option<Value>) -> BoxFuture<'static, ()> {
        let is_started = self.started_slowly.load(Ordering::SeqCst) > 0;
        assert!(response.is_some() || is_started, "there is a job to stop");
        self.cancelled.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {})
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
        machine(&format!(
            r#""A": {{"Type": "Task", "Resource": "{ACTIVITY}", "TimeoutSeconds": 900,
                "End": true}}"#
        )),
        machine(&format!(
            r#""A": {{"Type": "Task", "Resource": "{JOB}", "End": true}}"#
        )),
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

/// Asks until the store confirms again.
async fn confirmed<T, E: std::fmt::Debug, F: Future<Output = Result<T, E>>>(
    ask: impl Fn() -> F,
) -> Result<T, E> {
    let asked = async {
        loop {
            match ask().await {
                Err(error) if format!("{error:?}").contains("NotConfirmed") => {
                    tokio::task::yield_now().await;
                }
                answer => return answer,
            }
        }
    };
    timeout(Duration::from_secs(20), asked)
        .await
        .expect("it serves again")
}

fn is_not_confirmed<T: std::fmt::Debug, E: std::fmt::Debug>(answer: &Result<T, E>) -> bool {
    matches!(answer, Err(error) if format!("{error:?}").contains("NotConfirmed"))
}

#[test]
fn a_redrive_is_acknowledged_once_it_is_committed() {
    let Setup {
        runtime,
        store,
        engine,
        ..
    } = setup();
    runtime.block_on(async {
        let started = engine.start(of(2, None, "{\"fail\":1}")).await.unwrap();
        let arn = started.execution_arn;
        closed(&engine, &arn).await;
        store.plan([Fault::UnknownNotApplied]);
        let refused = engine.redrive(&arn, Some("t".into())).await;
        assert!(is_not_confirmed(&refused), "{refused:?}");
        let redriven_at = confirmed(|| engine.redrive(&arn, Some("t".into())))
            .await
            .unwrap();
        assert_eq!(
            engine.redrive(&arn, Some("t".into())).await.unwrap(),
            redriven_at
        );
        let count = || {
            let entity = crate::bring::find_execution(&*store, &arn).unwrap();
            let row = store.execution(entity.unwrap()).unwrap().unwrap();
            row.redrive_count
        };
        assert_eq!(count(), 1);
        closed(&engine, &arn).await;
        store.plan([Fault::Fenced]);
        let lost = engine.redrive(&arn, None).await;
        assert!(is_not_confirmed(&lost), "{lost:?}");
        assert_eq!(count(), 1);
        engine.shutdown().await;
    });
}

#[test]
fn workers_take_tasks_of_activities() {
    let config = Config {
        shard_threads: 2,
        pollers_per_activity_max: 2,
        ..Config::default()
    };
    let Setup {
        runtime,
        store,
        engine,
        ..
    } = open(config, Arc::new(Memory::new()));
    runtime.block_on(async {
        let poll = |seconds| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let wait = Duration::from_secs(seconds);
                engine.activity_task(ACTIVITY, Some("w".into()), wait).await
            })
        };
        assert_eq!(poll(0).await.unwrap().unwrap(), None);
        // One that waits gets a task that comes; one that has left gets none.
        let (left, waits) = (poll(600), poll(600));
        while engine.shared.calls.activities.waiting(ACTIVITY) < 2 {
            tokio::task::yield_now().await;
        }
        let refused = poll(0).await.unwrap();
        assert!(
            matches!(refused, Err(ActivityError::TooManyPollers)),
            "{refused:?}"
        );
        left.abort();
        assert!(left.await.unwrap_err().is_cancelled());
        let arn = engine.start(of(6, None, "1")).await.unwrap().execution_arn;
        let task = waits.await.unwrap().unwrap().unwrap();
        assert_eq!(task.input, value("1"));
        engine.task_heartbeat(&task.task_token).await.unwrap();
        engine
            .task_succeeded(&task.task_token, value("2"))
            .await
            .unwrap();
        assert_eq!(closed(&engine, &arn).await.output, Some(value("2")));
        // A pick-up that was not confirmed leaves the task to the next worker.
        let arn = engine.start(of(6, None, "3")).await.unwrap().execution_arn;
        store.plan([Fault::UnknownNotApplied]);
        let refused = poll(600).await.unwrap();
        assert!(is_not_confirmed(&refused), "{refused:?}");
        let task = confirmed(|| async { poll(600).await.unwrap() }).await;
        let task = task.unwrap().unwrap();
        engine
            .task_failed(&task.task_token, failure("E", "C"))
            .await
            .unwrap();
        closed(&engine, &arn).await;
        engine.shutdown().await;
    });
}

/// Nobody waits for the tasks of an activity that is deleted, or at the end of the engine.
#[test]
fn workers_are_told_that_nothing_will_come() {
    let Setup {
        runtime, engine, ..
    } = setup();
    runtime.block_on(async {
        let poll = || {
            let engine = engine.clone();
            tokio::spawn(async move {
                let wait = Duration::from_secs(600);
                engine.activity_task(ACTIVITY, None, wait).await
            })
        };
        let waits = poll();
        while engine.shared.calls.activities.waiting(ACTIVITY) == 0 {
            tokio::task::yield_now().await;
        }
        engine.activity_deleted(ACTIVITY);
        let gone = waits.await.unwrap();
        assert!(
            matches!(gone, Err(ActivityError::DoesNotExist(_))),
            "{gone:?}"
        );
        let waits = poll();
        while engine.shared.calls.activities.waiting(ACTIVITY) == 0 {
            tokio::task::yield_now().await;
        }
        engine.end_polls();
        let ended = waits.await.unwrap();
        assert!(matches!(ended, Ok(None)), "{ended:?}");
        let late = poll().await.unwrap();
        assert!(matches!(late, Ok(None)), "{late:?}");
        engine.shutdown().await;
    });
}

#[test]
fn jobs_are_waited_for_and_those_of_a_stopped_execution_are_stopped() {
    let Setup {
        runtime,
        store,
        engine,
        runner,
    } = setup();
    runtime.block_on(async {
        for (input, status) in [
            ("{\"x\":1}", ExecutionStatus::Succeeded),
            ("{\"fail\":1}", ExecutionStatus::Failed),
            ("{\"panic\":1}", ExecutionStatus::Failed),
        ] {
            let started = engine.start(of(7, None, input)).await.unwrap();
            let ended = closed(&engine, &started.execution_arn).await;
            assert_eq!(ended.status, status, "{input}");
        }
        let hangs = engine.start(of(7, None, "{\"hang\":1}")).await.unwrap();
        let before = runner.dropped.load(Ordering::SeqCst);
        while runner.calls.load(Ordering::SeqCst) < 8 {
            tokio::task::yield_now().await;
        }
        store.plan([Fault::UnknownNotApplied]);
        let arn = &hangs.execution_arn;
        let refused = engine.stop(arn, failure("E", "C")).await;
        assert!(is_not_confirmed(&refused), "{refused:?}");
        assert_eq!(runner.cancelled.load(Ordering::SeqCst), 0);
        confirmed(|| engine.stop(arn, failure("E", "C")))
            .await
            .unwrap();
        let is_stopped = async {
            while runner.cancelled.load(Ordering::SeqCst) == 0
                || runner.dropped.load(Ordering::SeqCst) == before
                || !store.wake_ups(None, 10).unwrap().is_empty()
            {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), is_stopped)
            .await
            .expect("the job is stopped, and nothing is owed");
        engine.shutdown().await;
    });
}

#[test]
fn a_job_that_is_being_started_is_stopped_once_it_is_there() {
    let Setup {
        runtime,
        store,
        engine,
        runner,
    } = setup();
    runtime.block_on(async {
        let slow = engine.start(of(7, None, "{\"slow\":1}")).await.unwrap();
        while runner.calls.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let stopped = engine.stop(&slow.execution_arn, failure("E", "C")).await;
        stopped.unwrap();
        // Whatever is let out with the stop is let out before the next commit is answered.
        engine.start(of(1, None, "{}")).await.unwrap();
        assert_eq!(runner.cancelled.load(Ordering::SeqCst), 0);
        runner.starts.notify_one();
        let is_stopped = async {
            while runner.cancelled.load(Ordering::SeqCst) == 0
                || !store.wake_ups(None, 10).unwrap().is_empty()
            {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), is_stopped)
            .await
            .expect("the job is stopped, and nothing is owed");
        engine.shutdown().await;
    });
}

#[test]
fn an_end_is_waited_for() {
    let Setup {
        runtime,
        store,
        engine,
        runner,
    } = setup();
    runtime.block_on(async {
        let absent = "arn:aws:states:us-east-1:000000000000:execution:M:none";
        engine.ended(absent).await;
        let ended = engine.start(of(1, None, "{}")).await.unwrap();
        engine.ended(&ended.execution_arn).await;
        let started = engine.start(of(3, None, "{}")).await.unwrap();
        let arn = started.execution_arn;
        let wait = || {
            let (engine, arn) = (engine.clone(), arn.clone());
            tokio::spawn(async move { engine.ended(&arn).await })
        };
        let waits = [wait(), wait()];
        while runner.tokens.lock().is_empty() || !engine.shared.commons.endings.is_awaited() {
            tokio::task::yield_now().await;
        }
        let token = runner.tokens.lock()[0].clone();
        engine.task_heartbeat(&token).await.unwrap();
        assert!(waits.iter().all(|wait| !wait.is_finished()));
        // The end is committed, and its answer lost.
        store.plan([Fault::UnknownApplied]);
        engine.task_succeeded(&token, value("1")).await.unwrap();
        for wait in waits {
            timeout(Duration::from_secs(20), wait)
                .await
                .expect("it is told")
                .unwrap();
        }
        let description = engine.describe(&arn).unwrap();
        assert_eq!(description.status, ExecutionStatus::Succeeded);
        assert!(!engine.shared.commons.endings.is_awaited());
        engine.shutdown().await;
    });
}

/// Definitions of a machine with a limit.
struct Limited(Texts);

impl Definitions for Limited {
    fn program(
        &self,
        definition: u64,
    ) -> Result<Arc<asl::program::Program>, crate::DefinitionError> {
        self.0.program(definition)
    }

    fn concurrency_max(&self, _: &str) -> Result<Option<u32>, crate::DefinitionError> {
        Ok(Some(3))
    }
}

/// Calls that are soon over, counted.
struct Counts {
    at_a_time: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Runner for Counts {
    fn run(&self, _: TaskCall) -> BoxFuture<'static, Answered> {
        let at_a_time = Arc::clone(&self.at_a_time);
        let now = at_a_time.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        Box::pin(async move {
            tokio::task::yield_now().await;
            at_a_time.fetch_sub(1, Ordering::SeqCst);
            TaskOutcome::Succeeded(value("1")).into()
        })
    }
}

/// Executions of a machine on several threads, each as long as its task: never more at a time than
/// the limit, and all of them in the end.
#[test]
fn a_concurrency_limit_holds_across_threads() {
    let runtime = Runtime::new().unwrap();
    let most = Arc::new(AtomicUsize::new(0));
    let runner = Counts {
        at_a_time: Arc::default(),
        most: Arc::clone(&most),
    };
    let task = machine(&format!(
        r#""A": {{"Type": "Task", "Resource": "{FUNCTION}", "End": true}}"#
    ));
    let config = Config {
        shard_threads: 3,
        ..Config::default()
    };
    let engine = Engine::open(
        config,
        Arc::new(Memory::new()),
        Arc::new(runner),
        Arc::new(Limited(Texts(vec![task]))),
        Arc::new(SystemClock),
        runtime.handle().clone(),
    )
    .unwrap();
    runtime.block_on(async {
        let mut arns = Vec::new();
        for number in 0..60 {
            let limited = StartRequest {
                concurrency_max: Some(3),
                ..request(Some(&format!("n{number}")), "{}")
            };
            arns.push(engine.start(limited).await.unwrap().execution_arn);
        }
        engine.set_concurrency(MACHINE, Some(0));
        let Concurrency { limit, running, .. } = engine.concurrency(MACHINE).unwrap();
        assert_eq!(limit, Some(0));
        assert!(running <= 3, "{running}");
        let limited = StartRequest {
            concurrency_max: Some(3),
            ..request(Some("last"), "{}")
        };
        let last = engine.start(limited).await.unwrap();
        let standing = engine.concurrency(MACHINE).unwrap();
        let shown = standing.queue.last().unwrap();
        assert_eq!(standing.queue.len(), standing.queued);
        assert_eq!(shown.execution_arn, last.execution_arn);
        assert_eq!(
            (shown.since, shown.position),
            (last.started_at, standing.queued)
        );
        engine.set_concurrency(MACHINE, Some(3));
        for arn in arns.iter().chain([&last.execution_arn]) {
            let ended = timeout(Duration::from_secs(20), engine.ended(arn));
            ended.await.expect("it has its turn");
            let description = engine.describe(arn).unwrap();
            assert_eq!(description.status, ExecutionStatus::Succeeded);
        }
        let standing = engine.concurrency(MACHINE).unwrap();
        let expected = Concurrency {
            limit: Some(3),
            ..Concurrency::default()
        };
        assert_eq!(standing, expected);
        engine.shutdown().await;
    });
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
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
