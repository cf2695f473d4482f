//! Services around real functions, with a clock that tests move: what the operations come to when
//! they are called as the door calls them.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use asl::time::Timestamp;
use aws::{Door, Service, ServiceError};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use engine::{Answered, Clock, Engine, Runner, TaskCall};
use functions::{Pool, PoolConfig};
use json::Value;
use parking_lot::Mutex;
use store::{Memory, Store};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::SetOnce;

use crate::access::{Caller, Rules};
use crate::lambda::log_sink::LogSink;
use crate::metrics::{MetricKey, Metrics, Unit};
use crate::seal::{KEY_BYTES, Seal};
use crate::states::StoredDefinitions;
use crate::{Answer, Foundations, Identity, Limits, Services, testing};

pub(in crate::lambda) const ACCOUNT: &str = "123456789012";
pub(in crate::lambda) const REGION: &str = "eu-west-1";
const ROLE: &str = "arn:aws:iam::123456789012:role/r";
const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
    "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}}"#;

/// What something comes to that happens in a while.
const EVENTUALLY: Duration = Duration::from_secs(20);

/// The wall clock, and what tests add to it.
#[derive(Default)]
struct Movable(AtomicI64);

impl Clock for Movable {
    fn now(&self) -> Timestamp {
        let added = self.0.load(Ordering::Relaxed);
        Timestamp(crate::lambda::credentials::now_ms() + added)
    }
}

/// Runs what the services' own runner runs, once there is one.
#[derive(Clone, Default)]
struct Late(Arc<SetOnce<Arc<dyn Runner>>>);

impl Runner for Late {
    fn run(&self, call: TaskCall) -> Pin<Box<dyn Future<Output = Answered> + Send>> {
        let late = self.clone();
        Box::pin(async move { late.0.wait().await.run(call).await })
    }
}

/// Keeps what goes out of it, and answers all of it with one status.
pub(in crate::lambda) struct Recorded {
    pub status: u16,
    pub asked: Mutex<Vec<aws::Request>>,
}

impl Door for Recorded {
    fn call(&self, _caller: aws::Caller, request: aws::Request) -> aws::Answer<'_> {
        self.asked.lock().push(request);
        Box::pin(std::future::ready(aws::Response::new(self.status, "{}")))
    }
}

/// Nothing answers outside.
struct Nobody;

impl outbound::Fetch for Nobody {
    fn fetch(
        &self,
        request: outbound::Request,
    ) -> outbound::Later<'_, Result<outbound::Response, outbound::Error>> {
        let error = outbound::Error::Resolve {
            host: request.url,
            reason: "nobody".to_owned(),
        };
        Box::pin(std::future::ready(Err(error)))
    }
}

/// Passes on what functions log, and keeps it.
struct Overheard {
    sink: LogSink,
    lines: Arc<Mutex<Vec<String>>>,
}

struct OverheardStream {
    stream: Box<dyn functions::LogStream>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl functions::LogSink for Overheard {
    fn open(
        &self,
        spec: &Arc<functions::FunctionSpec>,
        group: &str,
        stream: &str,
    ) -> Box<dyn functions::LogStream> {
        Box::new(OverheardStream {
            stream: self.sink.open(spec, group, stream),
            lines: Arc::clone(&self.lines),
        })
    }
}

impl functions::LogStream for OverheardStream {
    fn write(&mut self, time_ms: i64, event: &str) {
        self.lines.lock().push(event.to_owned());
        self.stream.write(time_ms, event);
    }
}

pub(in crate::lambda) struct World {
    pub services: Arc<Services>,
    pub engine: Engine,
    pub door: Arc<Recorded>,
    /// What functions have logged.
    pub lines: Arc<Mutex<Vec<String>>>,
    clock: Arc<Movable>,
    metrics: Arc<Metrics>,
    pool: Pool,
    _folder: TempDir,
}

impl World {
    /// With a role `r`, as which functions run, and that may do nothing. What the services send to
    /// the door is answered with `door_status`.
    pub(in crate::lambda) async fn new(door_status: u16) -> World {
        World::with(door_status, false).await
    }

    pub(in crate::lambda) async fn with(
        door_status: u16,
        function_roles_may_be_missing: bool,
    ) -> World {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(Memory::new());
        let identity = Identity::new(
            Arc::clone(&store),
            Arc::new(store::lines::MemoryLines::default()),
            Seal::new(&[7; KEY_BYTES]),
            Rules {
                account: ACCOUNT.into(),
                root: None,
                skew_ms_max: 900_000,
                refuses_replays: false,
                roles_are_enforced: true,
                function_roles_may_be_missing,
            },
        );
        let (late, clock) = (Late::default(), Arc::new(Movable::default()));
        let engine = Engine::open(
            engine::Config::default(),
            Arc::clone(&store),
            Arc::new(late.clone()),
            Arc::new(StoredDefinitions::new(Arc::clone(&store))),
            Arc::clone(&clock) as Arc<dyn Clock>,
            Handle::current(),
        )
        .unwrap();
        let sink = LogSink::default();
        let mut config = PoolConfig::new(folder.path().join("functions"));
        let lines = Arc::default();
        config.log_sink = Some(Arc::new(Overheard {
            sink: sink.clone(),
            lines: Arc::clone(&lines),
        }));
        let (pool, metrics) = (Pool::new(config).unwrap(), testing::metrics());
        let services = Services::new(&Foundations {
            logs: testing::logs(&store),
            metrics: Arc::clone(&metrics),
            store,
            blobs: Arc::new(store::blobs::MemoryBlobs::default()),
            engine: engine.clone(),
            functions: pool.clone(),
            identity,
            outbound: Arc::new(Nobody),
            endpoint: "http://127.0.0.1:1".to_owned(),
            remote_functions: Vec::new(),
            payload_bytes_max: 262_144,
            limits: Limits::default(),
        });
        services.bind_log_sink(&sink);
        let door = Arc::new(Recorded {
            status: door_status,
            asked: Mutex::default(),
        });
        let runner = services.system_runner(Arc::clone(&door) as Arc<dyn Door>);
        assert!(late.0.set(runner).is_ok());
        let world = World {
            services: Arc::new(services),
            engine,
            door,
            lines,
            clock,
            metrics,
            pool,
            _folder: folder,
        };
        let role = format!(r#"{{"RoleName": "r", "AssumeRolePolicyDocument": {TRUST:?}}}"#);
        world.must("CreateRole", &role.replace("\\n", " ")).await;
        world
    }

    /// A function of this name and Python text.
    pub(in crate::lambda) async fn function(&self, name: &str, text: &str) {
        let zip = BASE64_STANDARD.encode(crate::lambda::tests::zip("app.py", text));
        let input = format!(
            r#"{{"FunctionName": "{name}", "Runtime": "python3.12", "Handler": "app.handler",
                "Role": "{ROLE}", "Code": {{"ZipFile": "{zip}"}}}}"#
        );
        self.must("CreateFunction", &input).await;
    }

    /// What a call of the root user comes to; `body` is the payload of an invocation.
    pub(in crate::lambda) async fn send(
        &self,
        caller: Option<Caller>,
        operation: &str,
        input: &str,
    ) -> Result<Answer, ServiceError> {
        let services = [
            Service::Lambda,
            Service::Iam,
            Service::Logs,
            Service::States,
        ];
        let service = services.into_iter().find(|service| {
            let model = service.model().unwrap();
            model.operation(operation).is_some()
        });
        let input = json::parse(input).unwrap();
        let now_ms = self.clock.now().0;
        let mut call = testing::call(service.unwrap(), operation, &input, now_ms);
        call.request_id = uuid::Uuid::new_v4().to_string().into();
        if let Some(caller) = caller {
            if let Some(account) = caller.principal.account() {
                call.account = Arc::clone(account);
            }
            call.caller = caller;
        }
        let needs = self.services.needs(&call).await?;
        self.services.authorise(&call, &needs).await?;
        let handled = self.services.handle(call.service, operation, &call).await;
        handled.unwrap_or_else(|| panic!("{operation} is not served"))
    }

    pub(in crate::lambda) async fn must(&self, operation: &str, input: &str) -> Answer {
        let answer = self.send(None, operation, input).await;
        answer.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// The result of an invocation.
    pub(in crate::lambda) async fn invoke(&self, input: &str) -> Value {
        let body = self.must("Invoke", input).await.body.unwrap_or_default();
        parsed(&body)
    }

    /// Time goes on for the engine.
    pub(in crate::lambda) fn advance(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000, Ordering::Relaxed);
    }

    /// The sum of the values of a metric of a function.
    pub(in crate::lambda) fn sum(&self, name: &str, function: &str) -> f64 {
        let key = MetricKey {
            account: ACCOUNT.into(),
            region: REGION.into(),
            namespace: "AWS/Lambda".into(),
            name: name.into(),
            unit: Unit::Count,
            dimensions: vec![("FunctionName".into(), function.into())],
        };
        let totals = self.metrics.totals();
        let found = totals.iter().find(|(known, _)| **known == key);
        found.map_or(0.0, |(_, total)| total.sum)
    }

    pub(in crate::lambda) async fn end(self) {
        self.engine.shutdown().await;
        self.pool.shutdown().await;
    }
}

pub(in crate::lambda) fn parsed(bytes: &Bytes) -> Value {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    json::parse(&text).unwrap_or_else(|_| text.into())
}

/// Waits until something is so.
pub(in crate::lambda) async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + EVENTUALLY;
    while !is_so() {
        assert!(Instant::now() < until, "{what} within {EVENTUALLY:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
