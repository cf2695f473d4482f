//! A server without sockets, with something of everything in it.

use std::sync::Arc;
use std::time::Duration;

use aws::route::REGION_DEFAULT;
use functions::{Pool, PoolConfig};
use json::{ObjectBuilder, Value};
use services::states::StoredDefinitions;
use services::{Foundations, Identity, Services};
use store::blobs::LocalBlobs;
use store::{Memory, Store};
use tasks::TaskRunner;
use tempfile::TempDir;
use tokio::runtime::Handle;

use super::super::*;
use crate::dev_role;

/// Nothing answers later than this but a long poll without a task.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The account of unsigned calls.
const ACCOUNT: &str = "000000000000";

const TASK_STATE: &str = r#"{"Type": "Task", "Resource": "{function}", "End": true}"#;
const MAP_STATE: &str = r#"{"Type": "Map", "End": true,
    "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}},
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}},
    "ItemReader": {"Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"}, "Parameters": {"Bucket": "b", "Key": "k"}}}"#;
const MAP_MACHINE: &str = r#"{"StartAt": "S", "States": {"S": {"Type": "Map", "End": true,
    "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}}"#;

const PASS: &str = r#"{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}"#;

/// Names, types and definitions of the state machines.
const MACHINES: [(&str, &str, &str); 4] = [
    (
        "machine",
        "STANDARD",
        r#"{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": true}}}"#,
    ),
    (
        "failing",
        "STANDARD",
        r#"{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}"#,
    ),
    (
        "working",
        "STANDARD",
        r#"{"StartAt": "T", "States": {
            "T": {"Type": "Task", "Resource": "{activity}", "End": true}}}"#,
    ),
    ("express", "EXPRESS", PASS),
];

/// Names of the executions, and whose they are.
const EXECUTIONS: [(&str, &str); 6] = [
    ("execution", "machine"),
    ("failed", "failing"),
    ("work", "working"),
    ("more_work", "working"),
    ("much_work", "working"),
    ("express_execution", "express"),
];

/// Names of further things, the calls that make them, and the members of the answers.
const OTHERS: [(&str, &str, &str, &str); 4] = [
    (
        "version",
        "PublishStateMachineVersion",
        r#"{"stateMachineArn": "{machine}"}"#,
        "stateMachineVersionArn",
    ),
    (
        "alias",
        "CreateStateMachineAlias",
        r#"{"name": "live", "routingConfiguration": [
            {"stateMachineVersionArn": "{version}", "weight": 100}]}"#,
        "stateMachineAliasArn",
    ),
    (
        "page_token",
        "ListStateMachines",
        r#"{"maxResults": 1}"#,
        "nextToken",
    ),
    (
        "token",
        "GetActivityTask",
        r#"{"activityArn": "{activity}"}"#,
        "taskToken",
    ),
];

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

    /// With nothing in it.
    pub(super) fn empty() -> World {
        World::over(Arc::new(store::lines::MemoryLines::default()))
    }

    /// With nothing in it but what its audit log holds.
    pub(super) fn over(lines: Arc<dyn store::Lines>) -> World {
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
        let identity = Identity::new(
            Arc::clone(&store),
            Arc::clone(&lines),
            services::seal::Seal::new(&[1; services::seal::KEY_BYTES]),
            services::access::Rules {
                account: ACCOUNT.into(),
                root: None,
                skew_ms_max: aws::sigv4::SKEW_MS_MAX,
                refuses_replays: false,
                roles_are_enforced: true,
                function_roles_may_be_missing: false,
            },
        );
        let metrics = Arc::new(services::metrics::Metrics::new(lines, 1_000));
        let services = Services::new(&Foundations {
            identity,
            logs: Arc::new(services::logs::Logs::new(
                Arc::clone(&store),
                Arc::new(store::lines::MemoryLines::default()),
                &metrics,
            )),
            metrics,
            outbound: Arc::new(outbound::Client::new::<&str>(&[], b"").unwrap()),
            store,
            blobs: Arc::new(blobs),
            engine: engine.clone(),
            functions: functions.clone(),
            endpoint: "http://127.0.0.1:1".to_owned(),
            remote_functions: Vec::new(),
            payload_bytes_max: 262_144,
            limits: services::Limits::default(),
        });
        let gateway = Arc::new(Gateway::new(services, Settings::default()));
        runner.open(
            Arc::clone(&gateway) as Arc<dyn Door>,
            Arc::new(engine.clone()),
            gateway
                .services()
                .system_runner(Arc::clone(&gateway) as Arc<dyn Door>),
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
        dev_role::make(self.gateway.services(), ACCOUNT, now())
            .await
            .unwrap();
        let account = format!("{REGION_DEFAULT}:{ACCOUNT}");
        let map_run = format!("arn:aws:states:{account}:mapRun:m/M:f3a1b1c2");
        self.names.extend([
            ("function", format!("arn:aws:lambda:{account}:function:f")),
            ("map_run", map_run),
            ("account", account),
            ("role", dev_role::arn(ACCOUNT)),
            ("definition", quoted(PASS)),
            ("map_state", quoted(MAP_STATE)),
            ("map_machine", quoted(MAP_MACHINE)),
        ]);
        let task_state = quoted(&self.filled(TASK_STATE));
        self.names.push(("task_state", task_state));
        let named = r#"{"name": "a"}"#;
        self.make("activity", "CreateActivity", named, "activityArn")
            .await;
        for (name, kind, text) in MACHINES {
            let text = quoted(&self.filled(text));
            let input = format!(
                r#"{{"name": "{name}", "roleArn": "{{role}}", "type": "{kind}", "definition": {text}}}"#
            );
            self.make(name, "CreateStateMachine", &input, "stateMachineArn")
                .await;
        }
        for (name, machine) in EXECUTIONS {
            let input = format!(r#"{{"stateMachineArn": "{{{machine}}}"}}"#);
            self.make(name, "StartExecution", &input, "executionArn")
                .await;
        }
        for (name, operation, input, member) in OTHERS {
            self.make(name, operation, input, member).await;
        }
    }

    /// Makes a call that must succeed, and names a member of its answer.
    async fn make(&mut self, name: &'static str, operation: &str, input: &str, member: &str) {
        let input = self.filled(input);
        let told = self.call((Service::States, operation), &input).await;
        assert_eq!(told.status, 200, "{operation}: {told:?}");
        let answer = json::parse(&told.body).unwrap();
        let text = answer.get(member).and_then(Value::as_str);
        let text = text.unwrap_or_else(|| panic!("{operation}: {told:?}"));
        self.names.push((name, text.to_owned()));
    }

    /// A text with the names of this world in their places.
    pub(super) fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.names {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }

    /// What the calls end in.
    pub(super) fn services(&self) -> &Services {
        self.gateway.services()
    }

    /// What stands for a name.
    pub(super) fn name(&self, name: &str) -> &str {
        let found = self.names.iter().find(|(other, _)| *other == name);
        found.map_or_else(|| panic!("no `{name}`"), |(_, value)| value)
    }

    /// An unsigned call.
    pub(super) async fn call(&self, (service, operation): (Service, &str), body: &str) -> Told {
        let mut request = Request::new(http::Method::POST, "/");
        let target = format!("{}.{operation}", service.model().unwrap().target_prefix);
        request
            .headers
            .insert("x-amz-target", target.parse().unwrap());
        request.body = body.to_owned().into();
        let caller = Caller::Signed {
            peer: None,
            attempt: None,
        };
        let answer = self.gateway.call(caller, request);
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

    /// A call of any service with the administrator's signature: the members of its output.
    pub(super) async fn send(
        &self,
        service: Service,
        operation: &str,
        input: &Value,
    ) -> Result<Value, ServiceError> {
        self.send_as(("test", "test"), service, operation, input)
            .await
    }

    /// The same with another key.
    pub(super) async fn send_as(
        &self,
        (access_key_id, secret_access_key): (&str, &str),
        service: Service,
        operation: &str,
        input: &Value,
    ) -> Result<Value, ServiceError> {
        let model = service.model().unwrap();
        let operation = model.operation(operation).unwrap();
        let mut request = aws::protocol::encode_request(model, operation, input, None).unwrap();
        let key = aws::sigv4::Credentials {
            access_key_id,
            secret_access_key,
            session_token: None,
        };
        let host = http::HeaderValue::from_static("localhost");
        request.headers.insert("host", host);
        let name = &model.signing_name;
        aws::sigv4::sign(&mut request, &key, REGION_DEFAULT, name, now().0).unwrap();
        let caller = Caller::Signed {
            peer: None,
            attempt: None,
        };
        let response = self.gateway.call(caller, request).await;
        let output = aws::protocol::decode_response(model, operation, &response);
        output.map(|output| output.members)
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
    let states = |operation| (Service::States, operation);
    let listed = world.call(states("ListStateMachines"), "{}").await;
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
        .call(states("DescribeExecution"), &Value::from(unknown).to_text())
        .await;
    assert_eq!((told.status, &*told.code), (400, "InvalidArn"));
    world.close().await;
}
