use asl::event::{EventKind, Text};
use engine::{Beside, Config, Engine, ExecutionStatus, StartRequest, SystemClock};
use json::Value;
use parking_lot::Mutex;
use store::Memory;
use tokio::runtime::Handle;

use super::*;
use crate::states::StoredDefinitions;
use crate::states::logging::queue::tests::commit_of;
use crate::states::tests::Idle;

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<LogRecord>>>);

impl Sink for Kept {
    fn write(&self, record: LogRecord) {
        self.0.lock().push(record);
    }

    fn flush(&self) {}
}

impl Kept {
    /// Ids and types of the events of an execution, in the order they were written.
    fn of(&self, execution_arn: &str) -> Vec<String> {
        let records = self.0.lock();
        let events = records.iter().flat_map(|record| &record.events);
        let events = events.map(|event| json::parse(&event.message).unwrap());
        let text = |event: &Value, member: &str| {
            event
                .get(member)
                .and_then(Value::as_str)
                .unwrap()
                .to_owned()
        };
        events
            .filter(|event| text(event, "execution_arn") == execution_arn)
            .map(|event| format!("{} {}", text(&event, "id"), text(&event, "type")))
            .collect()
    }
}

struct World {
    store: Arc<Memory>,
    kept: Kept,
    engine: Engine,
}

const MACHINE: &str = "arn:aws:states:eu-west-1:123456789012:stateMachine:M";
const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const FAIL: &str = r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E"}}}"#;

impl World {
    fn over(store: Arc<Memory>) -> World {
        let kept = Kept::default();
        let dynamic: Arc<dyn Store> = store.clone();
        let logs = ExecutionLogs::over(Arc::clone(&dynamic), kept.clone(), Counter::default());
        let engine = Engine::open_observed(
            Config::default(),
            Arc::clone(&dynamic),
            Arc::new(Idle),
            Arc::new(StoredDefinitions::new(dynamic)),
            Arc::new(SystemClock),
            Handle::current(),
            Beside {
                observers: vec![Arc::new(logs.unwrap())],
                runs: None,
            },
        );
        World {
            store,
            kept,
            engine: engine.unwrap(),
        }
    }

    /// Adds a revision whose executions log at this level.
    fn revision(&self, definition: &str, level: &str) -> u64 {
        let logging = format!(
            r#"{{"include_execution_data": true, "level": "{level}",
                "destinations": ["arn:aws:logs:eu-west-1:123456789012:log-group:/g:*"]}}"#
        );
        let revision = Revision {
            definition: definition.to_owned(),
            role_arn: "r".to_owned(),
            logging: serde_json::from_str(&logging).unwrap(),
            tracing: false,
            revision_id: None,
            updated_ms: 0,
        };
        revision.add(&*self.store).unwrap()
    }

    async fn run(&self, definition: u64) -> Text {
        let started = self.engine.start(request(definition)).await.unwrap();
        self.engine.ended(&started.execution_arn).await;
        let ended = self.engine.describe(&started.execution_arn).unwrap();
        assert_ne!(ended.status, ExecutionStatus::Running);
        started.execution_arn
    }
}

fn request(definition: u64) -> StartRequest {
    StartRequest {
        state_machine_arn: MACHINE.into(),
        state_machine_name: "M".into(),
        definition,
        ..StartRequest::default()
    }
}

#[tokio::test]
async fn executions_log_what_the_level_of_their_revision_shows() {
    let world = World::over(Arc::default());
    let mut checked = Vec::new();
    let cases: [(&str, &str, &[&str]); 6] = [
        (
            PASS,
            "All",
            &[
                "1 ExecutionStarted",
                "2 PassStateEntered",
                "3 PassStateExited",
                "4 ExecutionSucceeded",
            ],
        ),
        (PASS, "Error", &[]),
        (PASS, "Off", &[]),
        (FAIL, "Error", &["2 FailStateEntered", "3 ExecutionFailed"]),
        (FAIL, "Fatal", &["3 ExecutionFailed"]),
        (FAIL, "Off", &[]),
    ];
    for (definition, level, expected) in cases {
        let number = world.revision(definition, level);
        checked.push((world.run(number).await, expected));
        let express = world.engine.run_express(request(number)).await.unwrap();
        checked.push((express.execution_arn, expected));
    }
    world.engine.shutdown().await;
    for (execution_arn, expected) in checked {
        assert_eq!(world.kept.of(&execution_arn), expected, "{execution_arn}");
    }
    for record in world.kept.0.lock().iter() {
        assert_eq!((&*record.group, record.makes_group), ("/g", false));
        assert_eq!(
            (&*record.account, &*record.region),
            ("123456789012", "eu-west-1")
        );
        assert_eq!(&*record.stream, format!("states/{MACHINE}"));
    }
    let left = world.store.unseen(None, 1).unwrap();
    assert_eq!(left, [], "what was written is not told again");
}

#[tokio::test]
async fn what_was_not_written_before_a_crash_is_written_after_it() {
    let world = World::over(Arc::default());
    let number = world.revision(FAIL, "Error");
    let execution_arn = world.run(number).await;
    let crashed = world.store.crash();
    world.engine.shutdown().await;
    let world = World::over(Arc::new(crashed));
    let expected = ["2 FailStateEntered", "3 ExecutionFailed"];
    let written = async {
        while world.kept.of(&execution_arn) != expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), written)
        .await
        .expect("the events are written again");
    world.engine.shutdown().await;
}

/// Counts what is written between two flushes.
#[derive(Clone, Default)]
struct Bounded(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    events: usize,
    unflushed_bytes: usize,
    unflushed_bytes_max: usize,
}

impl Sink for Bounded {
    fn write(&self, record: LogRecord) {
        let mut written = self.0.lock();
        written.events += record.events.len();
        let messages = record.events.iter().map(|event| event.message.len());
        written.unflushed_bytes += messages.sum::<usize>();
        written.unflushed_bytes_max = written.unflushed_bytes_max.max(written.unflushed_bytes);
    }

    fn flush(&self) {
        self.0.lock().unflushed_bytes = 0;
    }
}

#[test]
fn a_commit_that_logs_much_is_written_in_parts() {
    let long = "x".repeat(200_000);
    let succeeded = |number: usize| EventKind::ExecutionSucceeded {
        output: Value::from(format!("{number}{long}").as_str()),
    };
    let (sender, jobs) = queue();
    for _ in 0..2 {
        let job = commit_of((0..60).map(succeeded).collect());
        assert!(sender.send(job).is_ok());
    }
    drop(sender);
    let sink = Bounded::default();
    let mut worker = Worker {
        jobs,
        sink: sink.clone(),
        unflushed: Unflushed::default(),
        scratch: Scratch::default(),
    };
    worker.run();
    assert_eq!(sink.0.lock().events, 120);
    let most = sink.0.lock().unflushed_bytes_max;
    assert!(
        (UNFLUSHED_BYTES_MAX..UNFLUSHED_BYTES_MAX + 2 * PART_BYTES).contains(&most),
        "{most}"
    );
}
