use std::future::ready;
use std::pin::Pin;
use std::time::Duration;

use asl::compile::compile;
use asl::definition::MachineType;
use engine::{
    Answered, Beside, Config, DefinitionError, Definitions, Engine, Failure, Runner, StartRequest,
    SystemClock, TaskCall, TaskOutcome,
};
use json::Value;
use store::{Memory, Store};
use tokio::runtime::Handle;

use super::*;
use crate::states::Integrations;
use crate::testing;

const MACHINE: &str = "arn:aws:states:eu-west-1:123456789012:stateMachine:M";
const ACTIVITY: &str = "arn:aws:states:eu-west-1:123456789012:activity:A";

/// The definitions in a store, as they are.
struct Texts(Arc<Memory>);

impl Definitions for Texts {
    fn program(&self, definition: u64) -> Result<Arc<Program>, DefinitionError> {
        let text = self.0.definition(definition).unwrap().unwrap();
        let text = std::str::from_utf8(&text).unwrap();
        let compiled = compile(text, MachineType::Standard, &Integrations);
        Ok(Arc::new(compiled.program.unwrap()))
    }
}

/// Fails the calls of what is named `broken`.
struct Half;

impl Runner for Half {
    fn run(&self, call: TaskCall) -> Pin<Box<dyn Future<Output = Answered> + Send>> {
        let is_broken = call.call.resource.arn.ends_with("broken");
        let outcome = match is_broken {
            true => TaskOutcome::Failed(Failure::default()),
            false => TaskOutcome::Succeeded(Value::empty_object()),
        };
        Box::pin(ready(outcome.into()))
    }
}

struct World {
    store: Arc<Memory>,
    metrics: Arc<Metrics>,
    engine: Engine,
}

impl World {
    fn new() -> World {
        let store = Arc::new(Memory::default());
        let metrics = testing::metrics();
        let engine = Engine::open_observed(
            Config::default(),
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::new(Half),
            Arc::new(Texts(Arc::clone(&store))),
            Arc::new(SystemClock),
            Handle::current(),
            Beside {
                observers: vec![Arc::new(StatesMetrics::new(Arc::clone(&metrics)))],
                runs: None,
            },
        );
        World {
            store,
            metrics,
            engine: engine.unwrap(),
        }
    }

    fn request(&self, definition: &str) -> StartRequest {
        StartRequest {
            state_machine_arn: MACHINE.into(),
            state_machine_name: "M".into(),
            definition: self.store.add_definition(definition.as_bytes()).unwrap(),
            input: Value::empty_object(),
            ..StartRequest::default()
        }
    }

    /// Runs a Standard execution to its end.
    async fn run(&self, request: StartRequest) -> Text {
        let started = self.engine.start(request).await.unwrap();
        self.engine.ended(&started.execution_arn).await;
        started.execution_arn
    }

    /// Ends the engine, and checks what was counted: the metric, its dimensions, its sum. Of times
    /// and bytes nothing but how often they were measured. What comes to 0 is not named.
    async fn check(self, expected: &[&str]) {
        self.engine.shutdown().await;
        let totals = self.metrics.totals();
        let lines = totals.iter().filter_map(|(key, total)| {
            assert_eq!((&*key.account, &*key.region), ("123456789012", "eu-west-1"));
            let of = key.dimensions.iter().map(|(name, value)| {
                let value = value.rsplit_once(':').map_or(&**value, |(_, last)| last);
                format!("{name}={value}")
            });
            let of = of.collect::<Vec<_>>().join(",");
            let sum = match key.unit {
                Unit::Milliseconds | Unit::Bytes => format!("x{}", total.count),
                _ => total.sum.to_string(),
            };
            (sum != "0").then(|| format!("{} {of} {sum}", key.name))
        });
        assert_eq!(lines.collect::<Vec<_>>(), expected);
    }
}

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const FAIL: &str = r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E"}}}"#;
const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":900,"End":true}}}"#;
const LATE: &str =
    r#"{"TimeoutSeconds":1,"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":9,"End":true}}}"#;

fn task(resource: &str, more: &str) -> String {
    format!(
        r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","Resource":"{resource}",{more}
            "End":true}}}}}}"#
    )
}

#[tokio::test]
async fn executions() {
    let world = World::new();
    world.run(world.request(PASS)).await;
    world.run(world.request(PASS)).await;
    world.run(world.request(LATE)).await;
    let failed = world.run(world.request(FAIL)).await;
    world.engine.redrive(&failed, None).await.unwrap();
    world.engine.ended(&failed).await;
    let stopped = world.engine.start(world.request(WAIT)).await.unwrap();
    let failure = Failure::default();
    world
        .engine
        .stop(&stopped.execution_arn, failure)
        .await
        .unwrap();
    let of = "StateMachineArn=M";
    let expected = [
        format!("ExecutionTime {of} x6"),
        format!("ExecutionsAborted {of} 1"),
        format!("ExecutionsFailed {of} 2"),
        format!("ExecutionsRedriven {of} 1"),
        format!("ExecutionsStarted {of} 5"),
        format!("ExecutionsSucceeded {of} 2"),
        format!("ExecutionsTimedOut {of} 1"),
        format!("RedrivenExecutionsFailed {of} 1"),
    ];
    world.check(&expected.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn versions_aliases_and_express() {
    let world = World::new();
    let mut request = world.request(PASS);
    request.state_machine_version_arn = Some(format!("{MACHINE}:3").into());
    request.state_machine_alias_arn = Some(format!("{MACHINE}:live").into());
    world.run(request).await;
    world.engine.run_express(world.request(PASS)).await.unwrap();
    let mut expected = Vec::new();
    let sets = [
        "Alias=live,StateMachineArn=M",
        "StateMachineArn=M",
        "StateMachineArn=M,Version=3",
    ];
    let counts = [1, 2, 1];
    for (of, count) in sets.into_iter().zip(counts) {
        expected.push(format!("ExecutionTime {of} x{count}"));
    }
    for name in ["ExecutionsStarted", "ExecutionsSucceeded"] {
        for (of, count) in sets.into_iter().zip(counts) {
            expected.push(format!("{name} {of} {count}"));
        }
    }
    expected.push("ExpressExecutionBilledDuration StateMachineArn=M x1".to_owned());
    expected.push("ExpressExecutionBilledMemory StateMachineArn=M 64".to_owned());
    expected.push("ExpressExecutionMemory StateMachineArn=M x1".to_owned());
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    world.check(&expected).await;
}

#[tokio::test]
async fn tasks() {
    let world = World::new();
    let function = "arn:aws:lambda:eu-west-1:123456789012:function:f";
    let broken = "arn:aws:lambda:eu-west-1:123456789012:function:broken";
    let retried =
        r#""Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":1}],"#;
    let parameters = r#""Parameters":{"FunctionName":"f"},"#;
    world.run(world.request(&task(function, ""))).await;
    world.run(world.request(&task(broken, retried))).await;
    world
        .run(world.request(&task("arn:aws:states:::lambda:invoke", parameters)))
        .await;
    let of = ["f", "broken"].map(|name| format!("LambdaFunctionArn={name}"));
    let [f, broken] = &of;
    let machine = "StateMachineArn=M";
    let service = "ServiceIntegrationResourceArn=invoke";
    let expected = [
        format!("ExecutionTime {machine} x3"),
        format!("ExecutionsFailed {machine} 1"),
        format!("ExecutionsStarted {machine} 3"),
        format!("ExecutionsSucceeded {machine} 2"),
        format!("LambdaFunctionRunTime {broken} x2"),
        format!("LambdaFunctionRunTime {f} x1"),
        format!("LambdaFunctionScheduleTime {broken} x2"),
        format!("LambdaFunctionScheduleTime {f} x1"),
        format!("LambdaFunctionTime {broken} x2"),
        format!("LambdaFunctionTime {f} x1"),
        format!("LambdaFunctionsFailed {broken} 2"),
        format!("LambdaFunctionsScheduled {broken} 2"),
        format!("LambdaFunctionsScheduled {f} 1"),
        format!("LambdaFunctionsStarted {broken} 2"),
        format!("LambdaFunctionsStarted {f} 1"),
        format!("LambdaFunctionsSucceeded {f} 1"),
        format!("ServiceIntegrationRunTime {service} x1"),
        format!("ServiceIntegrationScheduleTime {service} x1"),
        format!("ServiceIntegrationTime {service} x1"),
        format!("ServiceIntegrationsScheduled {service} 1"),
        format!("ServiceIntegrationsStarted {service} 1"),
        format!("ServiceIntegrationsSucceeded {service} 1"),
    ];
    world.check(&expected.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn activities() {
    let world = World::new();
    let worked = world
        .engine
        .start(world.request(&task(ACTIVITY, "")))
        .await
        .unwrap();
    let work = world
        .engine
        .activity_task(ACTIVITY, None, Duration::from_secs(10))
        .await;
    let token = work.unwrap().unwrap().task_token;
    world
        .engine
        .task_succeeded(&token, Value::empty_object())
        .await
        .unwrap();
    world.engine.ended(&worked.execution_arn).await;
    world
        .run(world.request(&task(ACTIVITY, r#""TimeoutSeconds":1,"#)))
        .await;
    let silent = task(ACTIVITY, r#""TimeoutSeconds":60,"HeartbeatSeconds":1,"#);
    let silent = world.engine.start(world.request(&silent)).await.unwrap();
    let work = world
        .engine
        .activity_task(ACTIVITY, None, Duration::from_secs(10))
        .await;
    assert!(work.unwrap().is_some());
    world.engine.ended(&silent.execution_arn).await;
    let of = "ActivityArn=A";
    let machine = "StateMachineArn=M";
    let expected = [
        format!("ActivitiesHeartbeatTimedOut {of} 1"),
        format!("ActivitiesScheduled {of} 3"),
        format!("ActivitiesStarted {of} 2"),
        format!("ActivitiesSucceeded {of} 1"),
        format!("ActivitiesTimedOut {of} 1"),
        format!("ActivityRunTime {of} x2"),
        format!("ActivityScheduleTime {of} x2"),
        format!("ActivityTime {of} x3"),
        format!("ExecutionTime {machine} x3"),
        format!("ExecutionsFailed {machine} 2"),
        format!("ExecutionsStarted {machine} 3"),
        format!("ExecutionsSucceeded {machine} 1"),
    ];
    world.check(&expected.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn open_executions() {
    let world = World::new();
    let now_ms = 1_790_000_000_000;
    world
        .metrics
        .record_open_executions(&world.engine, 7, now_ms);
    for _ in 0..2 {
        let waits = world.request(WAIT);
        world.engine.start(waits).await.unwrap();
    }
    world
        .metrics
        .record_open_executions(&world.engine, 7, now_ms);
    let own = |key: &&Arc<MetricKey>| key.name.starts_with("OpenExecution");
    let totals = world.metrics.totals();
    let totals = totals.iter().filter(|(key, _)| own(&key));
    let last = totals.map(|(key, total)| {
        assert_eq!((&*key.account, &*key.region), ("123456789012", "eu-west-1"));
        assert!(key.dimensions.is_empty());
        format!("{} {} {}", key.name, total.count, total.last)
    });
    let last: Vec<String> = last.collect();
    assert_eq!(last, ["OpenExecutionCount 1 2", "OpenExecutionLimit 1 7"]);
    world.engine.shutdown().await;
}
