//! A server without sockets, with something of everything in it.

use std::sync::Arc;
use std::time::Duration;

use aws::route::REGION_DEFAULT;
use functions::{Pool, PoolConfig};
use json::{ObjectBuilder, Value};
use services::states::StoredDefinitions;
use services::{Foundations, Services};
use store::blobs::LocalBlobs;
use store::{Memory, Store};
use tasks::TaskRunner;
use tempfile::TempDir;
use tokio::runtime::Handle;

use super::super::*;

/// Nothing answers later than this but a long poll without a task.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

const ROLE: &str = "arn:aws:iam::000000000000:role/states";

const TASK_STATE: &str = r#"{"Type": "Task", "Resource": "{function}", "End": true}"#;
const MAP_STATE: &str = r#"{"Type": "Map", "End": true,
    "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}},
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}},
    "ItemReader": {"Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"}, "Parameters": {"Bucket": "b", "Key": "k"}}}"#;
const MAP_MACHINE: &str = r#"{"StartAt": "S", "States": {"S": {"Type": "Map", "End": true,
    "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}}"#;

/// The world of one test.
pub(super) struct World {
    gateway: Arc<Gateway>,
    engine: engine::Engine,
    functions: Pool,
    /// What inputs are filled with: `{machine}`, `{execution}` ...
    names: Vec<(&'static str, String)>,
    _folder: TempDir,
}

/// The answer to a call.
#[derive(Debug)]
pub(super) struct Told {
    pub status: u16,
    /// The error's code; empty for a success.
    pub code: String,
    pub body: String,
}

impl World {
    /// With state machines, executions, a version, an alias and an activity with tasks.
    pub(super) async fn new() -> World {
        let mut world = World::empty();
        world.furnish().await;
        world
    }

    fn empty() -> World {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(Memory::new());
        let functions = Pool::new(PoolConfig::new(folder.path().join("functions"))).unwrap();
        let runner = TaskRunner::default();
        let engine = engine::Engine::open(
            engine::Config::default(),
            Arc::clone(&store),
            Arc::new(runner.clone()),
            Arc::new(StoredDefinitions::new(Arc::clone(&store))),
            Arc::new(engine::SystemClock),
            Handle::current(),
        );
        let engine = engine.unwrap();
        let blobs = LocalBlobs::open(&folder.path().join("blobs")).unwrap();
        let services = Services::new(&Foundations {
            store,
            blobs: Arc::new(blobs),
            engine: engine.clone(),
            functions: functions.clone(),
            endpoint: "http://127.0.0.1:1".to_owned(),
            payload_bytes_max: 262_144,
            limits: services::Limits::default(),
        });
        let gateway = Arc::new(Gateway::new(services, Throttle::default(), None));
        runner.open(
            Arc::clone(&gateway) as Arc<dyn Door>,
            Arc::new(engine.clone()),
        );
        World {
            gateway,
            engine,
            functions,
            names: Vec::new(),
            _folder: folder,
        }
    }

    async fn furnish(&mut self) {
        let account = format!("{REGION_DEFAULT}:{DEFAULT_ACCOUNT}");
        self.names.extend([
            ("account", account.clone()),
            ("role", ROLE.to_owned()),
            ("function", format!("arn:aws:lambda:{account}:function:f")),
            (
                "map_run",
                format!("arn:aws:states:{account}:mapRun:m/M:f3a1b1c2"),
            ),
        ]);
        let activity = self.made("CreateActivity", r#"{"name": "a"}"#, "activityArn");
        let activity = activity.await;
        self.names.push(("activity", activity));
        let wait =
            r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": true}}}"#;
        let pass = r#"{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}"#;
        let fail = r#"{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}"#;
        let work = r#"{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "{activity}", "End": true}}}"#;
        self.names.extend([
            ("definition", quoted(pass)),
            ("task_state", quoted(&self.filled(TASK_STATE))),
            ("map_state", quoted(MAP_STATE)),
            ("map_machine", quoted(MAP_MACHINE)),
        ]);
        for (name, kind, text) in [
            ("machine", "STANDARD", wait),
            ("failing", "STANDARD", fail),
            ("working", "STANDARD", work),
            ("express", "EXPRESS", pass),
        ] {
            let text = quoted(&self.filled(text));
            let input = format!(
                r#"{{"name": "{name}", "roleArn": "{ROLE}", "type": "{kind}", "definition": {text}}}"#
            );
            let arn = self.made("CreateStateMachine", &input, "stateMachineArn");
            let arn = arn.await;
            self.names.push((name, arn));
        }
        for (name, machine) in [
            ("execution", "machine"),
            ("failed", "failing"),
            ("work", "working"),
            ("more_work", "working"),
            ("much_work", "working"),
            ("express_execution", "express"),
        ] {
            let input = format!(r#"{{"stateMachineArn": "{{{machine}}}"}}"#);
            let arn = self.made("StartExecution", &input, "executionArn").await;
            self.names.push((name, arn));
        }
        let input = r#"{"stateMachineArn": "{machine}"}"#;
        let version = self.made(
            "PublishStateMachineVersion",
            input,
            "stateMachineVersionArn",
        );
        let version = version.await;
        self.names.push(("version", version));
        let input = r#"{"name": "live", "routingConfiguration": [
            {"stateMachineVersionArn": "{version}", "weight": 100}]}"#;
        let alias = self
            .made("CreateStateMachineAlias", input, "stateMachineAliasArn")
            .await;
        self.names.push(("alias", alias));
        let input = r#"{"activityArn": "{activity}"}"#;
        let page = self.made("ListStateMachines", r#"{"maxResults": 1}"#, "nextToken");
        let page = page.await;
        self.names.push(("page_token", page));
        let token = self.made("GetActivityTask", input, "taskToken").await;
        self.names.push(("token", token));
    }

    /// A member of the answer to a call that must succeed.
    async fn made(&self, operation: &str, input: &str, member: &str) -> String {
        let told = self.call(operation, &self.filled(input)).await;
        assert_eq!(told.status, 200, "{operation}: {told:?}");
        let answer = json::parse(&told.body).unwrap();
        let text = answer.get(member).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("{operation}: {told:?}"))
            .to_owned()
    }

    /// A text with the names of this world in their places.
    pub(super) fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.names {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    /// What stands for a name.
    pub(super) fn name(&self, name: &str) -> &str {
        let found = self.names.iter().find(|(other, _)| *other == name);
        found.map_or_else(|| panic!("no `{name}`"), |(_, value)| value)
    }

    /// An unsigned call of Step Functions.
    pub(super) async fn call(&self, operation: &str, body: &str) -> Told {
        let mut request = Request::new(http::Method::POST, "/");
        let target = format!("AWSStepFunctions.{operation}");
        request
            .headers
            .insert("x-amz-target", target.parse().unwrap());
        request.body = body.to_owned().into();
        let answer = self.gateway.call(Caller::Signed { peer: None }, request);
        let Ok(response) = tokio::time::timeout(ANSWER_TIMEOUT, answer).await else {
            return Told {
                status: 0,
                code: String::new(),
                body: format!("no answer within {ANSWER_TIMEOUT:?}"),
            };
        };
        let body = String::from_utf8(response.body.to_vec()).unwrap();
        let code = json::parse(&body).ok().and_then(|body| {
            let code = body.get("__type")?.as_str()?;
            Some(code.rsplit('#').next()?.to_owned())
        });
        Told {
            status: response.status,
            code: code.unwrap_or_default(),
            body,
        }
    }

    pub(super) async fn close(self) {
        self.engine.shutdown().await;
        self.functions.shutdown().await;
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_text()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_furniture_is_there() {
    let world = World::new().await;
    let listed = world.call("ListStateMachines", "{}").await;
    let machines = json::parse(&listed.body).unwrap();
    let count = machines
        .get("stateMachines")
        .and_then(Value::as_array)
        .map(<[Value]>::len);
    assert_eq!(count, Some(4), "{listed:?}");
    let unknown = ObjectBuilder::new()
        .add("executionArn", world.name("machine"))
        .build();
    let told = world
        .call("DescribeExecution", &Value::from(unknown).to_text())
        .await;
    assert_eq!((told.status, &*told.code), (400, "InvalidArn"));
    world.close().await;
}
