//! Real processes of the host's interpreters.

use std::collections::HashSet;
use std::io::Write;
use std::sync::atomic::AtomicU32;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::logs::LogStream;
use crate::package::check_zip;
use crate::sandbox::LayerKind;
use crate::spec::{Architecture, CodeRef, LogSettings};

mod escapes;
mod lifecycle;
mod runtimes;

/// A pool in a folder of its own.
struct Fixture {
    pool: Pool,
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Fixture {
        Fixture::with(|_| {})
    }

    /// Functions that see the files of the host and have its numbers of processes, by which they
    /// tell the test what they do.
    fn open() -> Fixture {
        Fixture::with(open)
    }

    fn with(change: impl FnOnce(&mut PoolConfig)) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let mut config = PoolConfig::new(folder.path());
        change(&mut config);
        Fixture {
            pool: Pool::new(config).unwrap(),
            folder,
        }
    }

    /// With a sink that keeps group and text of each event.
    fn logged() -> (Fixture, Lines) {
        let lines = Lines::default();
        let sink = Arc::new(Sink(Arc::clone(&lines)));
        (Fixture::with(|config| config.log_sink = Some(sink)), lines)
    }

    async fn call(&self, spec: &Arc<FunctionSpec>, event: &str) -> Invoked {
        self.try_call(spec, event).await.unwrap()
    }

    async fn try_call(
        &self,
        spec: &Arc<FunctionSpec>,
        event: &str,
    ) -> Result<Invoked, InvokeError> {
        self.pool.invoke(spec, invocation("r-1", event)).await
    }
}

/// See [`Fixture::open`].
fn open(config: &mut PoolConfig) {
    config.sandbox.without = vec![LayerKind::Namespaces, LayerKind::Landlock];
}

type Lines = Arc<Mutex<Vec<(String, String)>>>;

struct Sink(Lines);

struct Stream {
    lines: Lines,
    group: String,
}

impl LogSink for Sink {
    fn open(&self, _: &Arc<FunctionSpec>, group: &str, stream: &str) -> Box<dyn LogStream> {
        assert!(stream.contains("[$LATEST]"), "{stream}");
        Box::new(Stream {
            lines: Arc::clone(&self.0),
            group: group.to_string(),
        })
    }
}

impl LogStream for Stream {
    fn write(&mut self, time_ms: i64, event: &str) {
        assert!(time_ms > 1_700_000_000_000);
        let line = (self.group.clone(), event.to_string());
        self.lines.lock().push(line);
    }
}

fn invocation(request_id: &str, event: &str) -> Invocation {
    Invocation {
        request_id: request_id.into(),
        payload: Bytes::copy_from_slice(event.as_bytes()),
        invoked_arn: "arn:aws:lambda:eu-west-1:123456789012:function:f:live".into(),
        client_context: None,
        trace_id: None,
        log_tail: true,
    }
}

pub(crate) fn zipped(files: &[(&str, &str)]) -> Bytes {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner().into()
}

pub(crate) fn spec_of(files: &[(&str, &str)], handler: &str) -> FunctionSpec {
    let zip = zipped(files);
    FunctionSpec {
        arn: "arn:aws:lambda:eu-west-1:123456789012:function:f".into(),
        name: "f".into(),
        version: "$LATEST".into(),
        runtime: "python3.12".into(),
        handler: handler.into(),
        code: CodeRef {
            sha256: check_zip(&zip).unwrap().sha256,
            load: Arc::new(move || Ok(zip.clone())),
        },
        layers: vec![],
        environment: vec![],
        timeout: Duration::from_secs(20),
        memory_mb: 128,
        ephemeral_storage_mb: 512,
        architecture: Architecture::X86_64,
        logging: LogSettings::default(),
        wants_trace: false,
        reserved_concurrency: None,
        region: "eu-west-1".into(),
        account: "123456789012".into(),
        role: String::new(),
        extra_env: Arc::new(Vec::new),
    }
}

/// A function of one file `f.py` with the handler `f.handler`.
fn python(code: &str) -> Arc<FunctionSpec> {
    Arc::new(spec_of(&[("f.py", code)], "f.handler"))
}

fn ok(invoked: &Invoked) -> Value {
    match invoked {
        Invoked::Ok { payload, .. } => serde_json::from_slice(payload).unwrap(),
        Invoked::FunctionError { payload, .. } => panic!("{}", String::from_utf8_lossy(payload)),
    }
}

fn failed(invoked: &Invoked) -> String {
    match invoked {
        Invoked::FunctionError { payload, .. } => String::from_utf8(payload.to_vec()).unwrap(),
        Invoked::Ok { payload, .. } => panic!("{}", String::from_utf8_lossy(payload)),
    }
}

/// Waits for what has to come about, at most ten seconds.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

fn is_running(process: u64) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // A process that was killed and not yet reaped by its new parent is as good as gone.
    status
        .rsplit(')')
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

#[tokio::test(flavor = "multi_thread")]
async fn results_reach_the_caller_as_the_runtime_posted_them() {
    let cases = [
        (
            "return event",
            r#"{"a": [1, 2.50, null]}"#,
            r#"{"a": [1, 2.5, null]}"#,
        ),
        ("return None", "{}", "null"),
        ("return 'é'", "{}", "\"é\""),
        // Bytes are posted unchanged, whether they are JSON or not.
        (
            r#"return bytes("\"HelloWorld!\"", "ascii")"#,
            "{}",
            r#""HelloWorld!""#,
        ),
        ("return b'not json'", "{}", "not json"),
        ("return {'a': b'text'}", "{}", r#"{"a": "text"}"#),
        (
            "import decimal; return [decimal.Decimal('1.10')]",
            "{}",
            "[1.10]",
        ),
        ("return float('nan')", "{}", "NaN"),
        ("return (1, True)", "{}", "[1, true]"),
        (
            "import os; return os.path.basename(__file__)",
            "{}",
            "\"f.py\"",
        ),
        ("return open(__file__).read(3)", "{}", "\"def\""),
        (
            "return [context.aws_request_id, context.function_version]",
            "{}",
            r#"["r-1", "$LATEST"]"#,
        ),
        (
            "return context.invoked_function_arn.split(':')[-1]",
            "{}",
            "\"live\"",
        ),
        (
            "return 19000 < context.get_remaining_time_in_millis() <= 20000",
            "{}",
            "true",
        ),
    ];
    let fixture = Fixture::new();
    for (body, event, expected) in cases {
        let spec = python(&format!("def handler(event, context):\n    {body}\n"));
        let invoked = fixture.call(&spec, event).await;
        let Invoked::Ok {
            payload,
            executed_version,
            ..
        } = &invoked
        else {
            panic!("{body}: {}", failed(&invoked));
        };
        assert_eq!(String::from_utf8_lossy(payload), expected, "{body}");
        assert_eq!(executed_version, "$LATEST");
        fixture.pool.forget(&spec.arn);
    }
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn older_pythons_write_escapes() {
    let fixture = Fixture::new();
    let mut spec = spec_of(&[("f.py", "def handler(e, c): return 'é'\n")], "f.handler");
    spec.runtime = "python3.11".into();
    let invoked = fixture.call(&Arc::new(spec), "{}").await;
    assert_eq!(invoked.payload(), &Bytes::from("\"\\u00e9\""));
    fixture.pool.shutdown().await;
}

/// The body that AWS's runtime for Python writes, byte by byte.
fn python_error(message: &str, error_type: &str, request_id: &str, trace: &[&str]) -> String {
    let trace: Vec<String> = trace.iter().map(|entry| json!(entry).to_string()).collect();
    format!(
        "{{\"errorMessage\": {}, \"errorType\": \"{error_type}\", \"requestId\": \"{request_id}\", \
         \"stackTrace\": [{}]}}",
        json!(message),
        trace.join(", ")
    )
}

fn exit_error(text: &str) -> String {
    format!(r#"{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: {text}"}}"#)
}

/// Code of `f.py`, and the whole error body, written by the runtime.
fn runtime_errors() -> Vec<(&'static str, String)> {
    vec![
        (
            "def handler(event, context):\n    raise Exception(\"It was raised.\")\n",
            python_error(
                "It was raised.",
                "Exception",
                "r-1",
                &["  File \"/var/task/f.py\", line 2, in handler\n    \
                   raise Exception(\"It was raised.\")\n"],
            ),
        ),
        (
            "class Mine(Exception): pass\ndef deep():\n    raise Mine()\n\
             def handler(e, c):\n    return 1 + deep()\n",
            python_error(
                "",
                "Mine",
                "r-1",
                &[
                    "  File \"/var/task/f.py\", line 5, in handler\n    return 1 + deep()\n",
                    "  File \"/var/task/f.py\", line 3, in deep\n    raise Mine()\n",
                ],
            ),
        ),
        (
            "def handler(e, c):\n    return {1}\n",
            python_error(
                "Unable to marshal response: Object of type set is not JSON serializable",
                "Runtime.MarshalError",
                "r-1",
                &[],
            ),
        ),
        (
            "import nowhere\n",
            python_error(
                "Unable to import module 'f': No module named 'nowhere'",
                "Runtime.ImportModuleError",
                "",
                &[],
            ),
        ),
        (
            "def other(): pass\n",
            python_error(
                "Handler 'handler' missing on module 'f'",
                "Runtime.HandlerNotFound",
                "",
                &[],
            ),
        ),
        (
            "def handler(e, c):\n    return (\n",
            python_error(
                "Syntax error in module 'f': '(' was never closed (f.py, line 2)",
                "Runtime.UserCodeSyntaxError",
                "",
                &["  File \"/var/task/f.py\" Line 2\n        return (\n"],
            ),
        ),
    ]
}

/// The same, written by the platform.
fn platform_errors() -> Vec<(&'static str, String)> {
    vec![
        (
            "import os\ndef handler(e, c):\n    os._exit(3)\n",
            exit_error("Runtime exited with error: exit status 3"),
        ),
        (
            "import sys\ndef handler(e, c):\n    sys.exit(0)\n",
            exit_error("Runtime exited without providing a reason"),
        ),
        (
            "import sys\nsys.exit(7)\n",
            exit_error("Runtime exited with error: exit status 7"),
        ),
        (
            "import os, signal\ndef handler(e, c):\n    os.kill(os.getpid(), signal.SIGKILL)\n",
            exit_error("Runtime exited with error: signal: killed"),
        ),
        (
            "def handler(e, c):\n    return 'x' * 6291555\n",
            "{\"errorMessage\":\"Response payload size exceeded maximum allowed payload size \
             (6291556 bytes).\",\"errorType\":\"Function.ResponseSizeTooLarge\"}"
                .to_string(),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_have_the_bodies_of_aws() {
    let fixture = Fixture::new();
    for (code, expected) in runtime_errors().into_iter().chain(platform_errors()) {
        let spec = python(code);
        // Twice: after each of them the function still works, with a new process if need be.
        for _ in 0..2 {
            assert_eq!(failed(&fixture.call(&spec, "{}").await), expected, "{code}");
        }
        fixture.pool.forget(&spec.arn);
    }
    let spec = Arc::new(spec_of(&[("f.py", "")], "handler"));
    let message = "Bad handler 'handler': not enough values to unpack (expected 2, got 1)";
    let expected = python_error(message, "Runtime.MalformedHandlerName", "", &[]);
    assert_eq!(failed(&fixture.call(&spec, "{}").await), expected);
    fixture.pool.shutdown().await;
    assert_eq!(fixture.pool.processes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_result_passes() {
    let fixture = Fixture::new();
    let spec = python("def handler(e, c):\n    return 'x' * 6291554\n");
    assert_eq!(fixture.call(&spec, "{}").await.payload().len(), 6_291_556);
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_no_json_is_the_runtimes_error() {
    let fixture = Fixture::new();
    let spec = python("def handler(e, c): pass\n");
    let body = failed(&fixture.call(&spec, "{").await);
    assert!(
        body.starts_with(r#"{"errorMessage": "Unable to unmarshal input: "#),
        "{body}"
    );
    assert!(
        body.contains(r#""errorType": "Runtime.UnmarshalError""#),
        "{body}"
    );
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_ends_the_process_and_what_it_started() {
    let code = "
import os, subprocess, time
def handler(event, context):
    child = subprocess.Popen(['sleep', '600'])
    with open(event['file'], 'w') as file:
        file.write(f'{os.getpid()} {child.pid}')
    time.sleep(600)
";
    let fixture = Fixture::open();
    let mut spec = spec_of(&[("f.py", code)], "f.handler");
    spec.timeout = Duration::from_secs(1);
    let spec = Arc::new(spec);
    let noted = fixture.folder.path().join("processes");
    let event = json!({ "file": noted }).to_string();

    let invoked = fixture.call(&spec, &event).await;
    assert_eq!(
        failed(&invoked),
        "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\
         \"RequestId: r-1 Error: Task timed out after 1.00 seconds\"}"
    );
    let log = String::from_utf8_lossy(invoked.log_tail()).into_owned();
    assert!(
        log.contains("Z r-1 Task timed out after 1.00 seconds\nEND RequestId: r-1\n"),
        "{log}"
    );
    assert!(log.ends_with("Status: timeout\n"), "{log}");
    let processes: Vec<u64> = fs::read_to_string(noted)
        .unwrap()
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect();
    eventually("both are gone", || {
        !processes.iter().any(|process| is_running(*process))
    })
    .await;
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_import_shows_where_and_is_tried_again_next_time() {
    let fixture = Fixture::new();
    let spec = python("def f():\n    return 1 / 0\nf()\n");
    for _ in 0..2 {
        let body: Value = serde_json::from_str(&failed(&fixture.call(&spec, "{}").await)).unwrap();
        assert_eq!(body["errorType"], "ZeroDivisionError");
        assert_eq!(body["requestId"], "");
        let trace = body["stackTrace"].as_array().unwrap();
        let last = "  File \"/var/task/f.py\", line 2, in f\n    return 1 / 0\n";
        assert_eq!(trace.last().unwrap(), last);
        assert!(!body.to_string().contains("bootstrap/python.py"), "{body}");
    }
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn modules_of_a_package_are_seen_in_var_task() {
    let files = [
        ("app/__init__.py", ""),
        (
            "app/main.py",
            "from app.parts import part\nfrom lib import helper\n\
             def run(event, context):\n    helper.check(part.limit)\n",
        ),
        ("app/parts/__init__.py", ""),
        ("app/parts/part.py", "limit = 0\n"),
        ("lib/helper.py", "def check(limit):\n    1 / limit\n"),
    ];
    let fixture = Fixture::new();
    for handler in ["app.main.run", "app/main.run"] {
        let spec = Arc::new(spec_of(&files, handler));
        let body: Value = serde_json::from_str(&failed(&fixture.call(&spec, "{}").await)).unwrap();
        assert_eq!(
            body["stackTrace"],
            json!([
                "  File \"/var/task/app/main.py\", line 4, in run\n    helper.check(part.limit)\n",
                "  File \"/var/task/lib/helper.py\", line 2, in check\n    1 / limit\n"
            ])
        );
    }
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_have_the_lines_of_the_platform_around_those_of_the_function() {
    let code = "
import logging, sys
print('at import')
def handler(event, context):
    print('one', 2)
    print('warning', file=sys.stderr)
    logging.getLogger().warning('careful')
    sys.stdout.write('no line break')
    if event: raise ValueError('bad')
";
    let (fixture, lines) = Fixture::logged();
    let spec = python(code);
    let tail = fixture.call(&spec, "{}").await.log_tail().to_vec();
    fixture.call(&spec, "1").await;

    let shape = |text: &str| {
        // Times, and the version of the host's Python, differ from run to run.
        let text: String = text
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        let mut previous = ' ';
        text.chars()
            .filter(|c| std::mem::replace(&mut previous, *c) != '0' || *c != '0')
            .collect()
    };
    let tail: String = shape(&String::from_utf8(tail).unwrap());
    let warning = "[WARNING]\t0-0-0T0:0:0.0Z\tr-0\tcareful\n";
    let report = "REPORT RequestId: r-0\tDuration: 0.0 ms\tBilled Duration: 0 ms\t\
                  Memory Size: 0 MB\tMax Memory Used: 0 MB\t";
    let first = format!(
        "START RequestId: r-0 Version: $LATEST\none 0\nwarning\n{warning}no line break\
         END RequestId: r-0\n{report}Init Duration: 0.0 ms\t\n"
    );
    assert_eq!(tail, first);

    let (groups, events): (HashSet<_>, Vec<_>) = lines.lock().iter().cloned().unzip();
    assert_eq!(groups, HashSet::from(["/aws/lambda/f".to_string()]));
    let events: Vec<String> = events.iter().map(|event| shape(event)).collect();
    let start = "INIT_START Runtime Version: python:0.0 (host 0.0.0)\tRuntime Version ARN: arn:";
    assert!(events[0].starts_with(start), "{}", events[0]);
    assert_eq!(events[1], "at import\n");
    assert_eq!(events[2..9].concat(), first);
    // One event of several lines.
    let error = "no line break[ERROR] ValueError: bad\nTraceback (most recent call last):\n\
                 \u{a0}\u{a0}File \"/var/task/f.py\", line 0, in handler\n\
                 \u{a0}\u{a0}\u{a0}\u{a0}if event: raise ValueError('bad')\n";
    assert_eq!(events[13], error);
    assert_eq!(
        events[14..].concat(),
        format!("END RequestId: r-0\n{report}\n")
    );
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_output_leaves_its_last_four_kilobytes() {
    let fixture = Fixture::new();
    let spec = python("def handler(e, c):\n    for i in range(200000): print('line', i)\n");
    let invoked = fixture.call(&spec, "{}").await;
    assert_eq!(ok(&invoked), Value::Null);
    let tail = String::from_utf8_lossy(invoked.log_tail());
    assert_eq!(tail.len(), 4_096);
    assert!(tail.contains("line 199999\nEND RequestId: r-1\n"), "{tail}");
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_that_of_aws_and_nothing_of_the_server() {
    let fixture = Fixture::new();
    let code = "import os, sys\ndef handler(e, c):\n    fds = os.listdir('/proc/self/fd')\n    \
                return [dict(os.environ), os.getcwd(), sys.path[0], sys.stdin.read(), len(fds)]\n";
    let mut spec = spec_of(&[("f.py", code)], "f.handler");
    spec.environment = vec![
        ("GREETING".into(), "hello".into()),
        ("TZ".into(), "Asia/Tokyo".into()),
    ];
    spec.extra_env = Arc::new(|| vec![("AWS_ACCESS_KEY_ID".into(), "ASIA".into())]);
    let seen = ok(&fixture.call(&Arc::new(spec), "{}").await);
    let cases = [
        ("_HANDLER", "f.handler"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_python3.12"),
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f"),
        ("AWS_ACCESS_KEY_ID", "ASIA"),
        ("GREETING", "hello"),
        ("TZ", "Asia/Tokyo"),
        ("LANG", "en_US.UTF-8"),
    ];
    for (name, value) in cases {
        assert_eq!(seen[0][name], value, "{name}");
    }
    assert!(
        seen[0]["AWS_LAMBDA_RUNTIME_API"]
            .as_str()
            .unwrap()
            .starts_with("127.0.0.1:")
    );
    let trace = seen[0]["_X_AMZN_TRACE_ID"].as_str().unwrap();
    assert!(
        trace.starts_with("Root=1-") && trace.ends_with(";Sampled=0"),
        "{trace}"
    );
    // Cargo sets this one for the server.
    assert_eq!(seen[0]["CARGO_MANIFEST_DIR"], Value::Null);
    assert_eq!(
        seen[1], seen[2],
        "code is imported from the working directory"
    );
    assert_eq!(seen[0]["LAMBDA_TASK_ROOT"], seen[1]);
    assert_eq!(seen[0]["PYTHONPATH"], seen[0]["LAMBDA_RUNTIME_DIR"]);
    assert_eq!(seen[3], "");
    // Standard input and outputs, the Runtime API, and the folder being listed.
    assert_eq!(seen[4], 5);
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_a_row_share_a_process_and_calls_at_once_do_not() {
    let fixture = Fixture::open();
    let code = "
import os, time
def handler(event, context):
    if event:
        # All have to be here at once before any of them goes on.
        open(f\"{event['folder']}/{os.getpid()}\", 'w')
        while len(os.listdir(event['folder'])) < event['count']: time.sleep(0.01)
    return os.getpid()
";
    let spec = python(code);
    let mut pids = HashSet::new();
    for _ in 0..50 {
        pids.insert(ok(&fixture.call(&spec, "{}").await).as_u64().unwrap());
    }
    // On a machine that stalls, a process may settle too late to be waited for.
    assert!(pids.len() <= 5, "{pids:?}");

    let meeting = fixture.folder.path().join("meeting");
    fs::create_dir(&meeting).unwrap();
    let event = json!({ "folder": meeting, "count": 4 }).to_string();
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let (pool, spec) = (fixture.pool.clone(), Arc::clone(&spec));
            let invocation = invocation("r-1", &event);
            tokio::spawn(async move { pool.invoke(&spec, invocation).await.unwrap() })
        })
        .collect();
    let mut pids = HashSet::new();
    for call in calls {
        pids.insert(ok(&call.await.unwrap()).as_u64().unwrap());
    }
    assert_eq!(pids.len(), 4);

    // Another version of the function, or other settings, have processes of their own.
    let mut other = FunctionSpec::clone(&spec);
    other.version = "1".into();
    let pid = ok(&fixture.call(&Arc::new(other), "{}").await)
        .as_u64()
        .unwrap();
    assert!(!pids.contains(&pid));

    fixture.pool.forget(&spec.arn);
    let pid = ok(&fixture.call(&spec, "{}").await).as_u64().unwrap();
    assert!(
        !pids.contains(&pid),
        "forgotten processes are not used again"
    );
    fixture.pool.shutdown().await;
    eventually("none is left", || !pids.iter().any(|pid| is_running(*pid))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_process_of_a_forgotten_function_ends_after_its_invocation() {
    let fixture = Fixture::open();
    let spec = python(
        "import os, time\ndef handler(file, c):\n    open(file, 'w')\n    \
         time.sleep(1)\n    return os.getpid()\n",
    );
    let marker = fixture.folder.path().join("running");
    let event = json!(marker).to_string();
    let (pool, busy) = (fixture.pool.clone(), Arc::clone(&spec));
    let call = tokio::spawn(async move { pool.invoke(&busy, invocation("r-1", &event)).await });
    eventually("the function runs", || marker.exists()).await;
    fixture.pool.forget(&spec.arn);
    let pid = ok(&call.await.unwrap().unwrap()).as_u64().unwrap();
    eventually("its process is gone", || !is_running(pid)).await;
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_process_that_ended_unseen_is_replaced() {
    let fixture = Fixture::open();
    let spec = python("import os\ndef handler(e, c):\n    return os.getpid()\n");
    let pid = ok(&fixture.call(&spec, "{}").await).as_u64().unwrap();
    let is_idle = |is_alive: bool| {
        let mut state = fixture.pool.inner.state.lock();
        let mut idle = state.functions.values_mut().flat_map(|it| &mut it.idle);
        idle.any(|warm| warm.environment.is_alive() == is_alive)
    };
    eventually("it is idle", || is_idle(true)).await;
    let raw = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
    nix::sys::signal::kill(raw, nix::sys::signal::Signal::SIGKILL).unwrap();
    // One that is dying may still be handed an event, which is lost with it.
    eventually("it is known to be gone", || is_idle(false)).await;
    assert_ne!(ok(&fixture.call(&spec, "{}").await).as_u64().unwrap(), pid);
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_processes_go_and_their_folders_with_them() {
    let fixture = Fixture::with(|config| {
        open(config);
        config.idle_timeout = Duration::from_millis(200);
    });
    let code = "
import os
def handler(event, context):
    open(os.environ['TMPDIR'] + '/x', 'w')
    return [os.environ['TMPDIR'], os.getpid()]
";
    let left = ok(&fixture.call(&python(code), "{}").await);
    let folder = PathBuf::from(left[0].as_str().unwrap());
    assert!(folder.starts_with(fixture.folder.path().canonicalize().unwrap()));
    eventually("the process is gone", || {
        !is_running(left[1].as_u64().unwrap())
    })
    .await;
    eventually("its folder is gone", || !folder.exists()).await;
    eventually("it is not counted", || fixture.pool.processes() == 0).await;
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_throttle_and_the_queue_is_served() {
    let code = "
import os, time
def handler(go, context):
    while not os.path.exists(go): time.sleep(0.01)
";
    let mut spec = spec_of(&[("f.py", code)], "f.handler");
    spec.reserved_concurrency = Some(0);
    let fixture = Fixture::with(|config| {
        open(config);
        config.processes_max = 1;
        config.queue_max = 1;
    });
    let refused = fixture.try_call(&Arc::new(spec.clone()), "0").await;
    assert!(matches!(
        refused,
        Err(InvokeError::Throttled(Throttle::ReservedConcurrency))
    ));

    // One runs, one waits, the third is one too many.
    let go = fixture.folder.path().join("go");
    let event = json!(go).to_string();
    spec.reserved_concurrency = None;
    let spec = Arc::new(spec);
    let outcomes = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
    let calls: Vec<_> = (0..3)
        .map(|_| {
            let (pool, spec) = (fixture.pool.clone(), Arc::clone(&spec));
            let (outcomes, invocation) = (Arc::clone(&outcomes), invocation("r-1", &event));
            tokio::spawn(async move {
                match pool.invoke(&spec, invocation).await {
                    Ok(_) => outcomes.0.fetch_add(1, Ordering::Relaxed),
                    Err(InvokeError::Throttled(Throttle::Concurrency)) => {
                        outcomes.1.fetch_add(1, Ordering::Relaxed)
                    }
                    Err(other) => panic!("{other}"),
                };
            })
        })
        .collect();
    eventually("one is refused", || outcomes.1.load(Ordering::Relaxed) == 1).await;
    fs::write(&go, "").unwrap();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(outcomes.0.load(Ordering::Relaxed), 2);
    assert_eq!(outcomes.1.load(Ordering::Relaxed), 1);

    // Another function takes the place of the idle process.
    let mut other = FunctionSpec::clone(&spec);
    other.arn.push('2');
    fixture.call(&Arc::new(other), &event).await;
    eventually("one process", || fixture.pool.processes() == 1).await;
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_runs_on_when_its_caller_leaves() {
    let fixture = Fixture::open();
    let code = "import time\ndef handler(file, c):\n    open(file + '1', 'w')\n    \
                time.sleep(0.3)\n    open(file + '2', 'w')\n";
    let spec = python(code);
    let file = fixture.folder.path().join("ran");
    let event = json!(file).to_string();
    let (pool, left) = (fixture.pool.clone(), Arc::clone(&spec));
    let call = tokio::spawn(async move { pool.invoke(&left, invocation("r-1", &event)).await });
    eventually("it began", || file.with_file_name("ran1").exists()).await;
    call.abort();
    eventually("it ended", || file.with_file_name("ran2").exists()).await;
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_what_runs_and_refuses_what_comes() {
    let fixture = Fixture::with(|config| {
        open(config);
        config.shutdown_grace = Duration::from_millis(50);
    });
    let spec =
        python("import time\ndef handler(file, c):\n    open(file, 'w')\n    time.sleep(600)\n");
    let file = fixture.folder.path().join("began");
    let event = json!(file).to_string();
    let (pool, busy) = (fixture.pool.clone(), Arc::clone(&spec));
    let call = tokio::spawn(async move { pool.invoke(&busy, invocation("r-1", &event)).await });
    eventually("it began", || file.exists()).await;
    fixture.pool.shutdown().await;
    assert!(matches!(
        call.await.unwrap(),
        Err(InvokeError::ShuttingDown)
    ));
    assert_eq!(fixture.pool.processes(), 0);
    let refused = fixture.try_call(&spec, "\"x\"").await;
    assert!(matches!(refused, Err(InvokeError::ShuttingDown)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_run_is_refused_by_name() {
    let fixture = Fixture::new();
    let code = [("f.py", "")];
    for runtime in [
        "java21",
        "dotnet8",
        "python2.7",
        "python3.x",
        "ruby3.4",
        "nodejs",
    ] {
        let mut spec = spec_of(&code, "f.handler");
        spec.runtime = runtime.into();
        let error = fixture.try_call(&Arc::new(spec), "{}").await.unwrap_err();
        assert!(
            error.to_string().contains(&format!("`{runtime}`")),
            "{error}"
        );
    }
    let mut spec = spec_of(&code, "f.handler");
    spec.code.load = Arc::new(|| Err("the blob is gone".into()));
    let error = fixture.try_call(&Arc::new(spec), "{}").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the code of the function could not be unpacked: the blob is gone"
    );
    let mut spec = spec_of(&code, "f.handler");
    spec.code.sha256 = "../../etc".into();
    let error = fixture.try_call(&Arc::new(spec), "{}").await.unwrap_err();
    assert!(matches!(error, InvokeError::Code(_)), "{error}");
    fixture.pool.shutdown().await;
}

/// An environment variable that makes this test binary the server that will be killed.
const SERVER_FOLDER: &str = "FUNCTIONS_TEST_SERVER_FOLDER";

#[tokio::test(flavor = "multi_thread")]
async fn no_process_outlives_a_killed_server() {
    let code = "
import os, time
def handler(event, context):
    if event: open(event, 'w').write(str(os.getpid()))
    if not context.aws_request_id.endswith('idle'): time.sleep(600)
    return os.getpid()
";
    if let Some(folder) = std::env::var_os(SERVER_FOLDER) {
        // The server: one process that idles, one that is busy, until the kill comes.
        let folder = PathBuf::from(folder);
        let mut config = PoolConfig::new(folder.join("pool"));
        open(&mut config);
        let pool = Pool::new(config).unwrap();
        let event = |name: &str| json!(folder.join(name)).to_string();
        let idle = invocation("idle", &event("idle"));
        pool.invoke(&python(code), idle).await.unwrap();
        let mut busy = spec_of(&[("f.py", code)], "f.handler");
        busy.arn.push('2');
        busy.timeout = Duration::from_secs(600);
        pool.invoke(&Arc::new(busy), invocation("busy", &event("busy")))
            .await
            .unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut server = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "pool::tests::no_process_outlives_a_killed_server",
        ])
        .env(SERVER_FOLDER, folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pid_in = |name: &str| -> Option<u64> {
        fs::read_to_string(folder.path().join(name))
            .ok()?
            .parse()
            .ok()
    };
    eventually("both functions run", || {
        pid_in("idle").and(pid_in("busy")).is_some()
    })
    .await;
    let processes = [pid_in("idle").unwrap(), pid_in("busy").unwrap()];
    assert!(processes.iter().all(|process| is_running(*process)));
    server.kill().unwrap();
    server.wait().unwrap();
    eventually("both are gone", || {
        !processes.iter().any(|process| is_running(*process))
    })
    .await;
}

/// A function of one file `index.js` with the handler `index.handler`.
fn node(code: &str) -> Arc<FunctionSpec> {
    let mut spec = spec_of(&[("index.js", code)], "index.handler");
    spec.runtime = "nodejs22.x".into();
    Arc::new(spec)
}

/// Node is not on every host; without it there is nothing to test.
fn has_node() -> bool {
    let found = Interpreters::default().find("nodejs22.x").is_ok();
    if !found {
        eprintln!("skipped: no node on this host");
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn node_functions_answer_by_promise_or_callback() {
    if !has_node() {
        return;
    }
    let cases = [
        (
            "exports.handler = async (event) => event",
            "{\"a\":[1,2.5]}",
        ),
        ("exports.handler = async () => {}", "null"),
        (
            "exports.handler = (event, context, callback) => callback(null, context.awsRequestId)",
            "\"r-1\"",
        ),
        (
            "exports.handler = (event, context) => setTimeout(() => context.succeed(1), 5)",
            "1",
        ),
        ("exports.handler = () => 5", "null"),
        (
            "exports.handler = async () => process.env._HANDLER",
            "\"index.handler\"",
        ),
    ];
    let fixture = Fixture::new();
    for (code, expected) in cases {
        let spec = node(code);
        for _ in 0..2 {
            let invoked = fixture.call(&spec, r#"{"a": [1, 2.5]}"#).await;
            assert!(
                matches!(invoked, Invoked::Ok { .. }),
                "{code}: {}",
                failed(&invoked)
            );
            assert_eq!(
                String::from_utf8_lossy(invoked.payload()),
                expected,
                "{code}"
            );
        }
        fixture.pool.forget(&spec.arn);
    }
    fixture.pool.shutdown().await;
}

/// Module, error type, error message.
const NODE_ERRORS: &[(&str, &str, &str)] = &[
    (
        "exports.handler = async () => { throw new TypeError('bad') }",
        "TypeError",
        "bad",
    ),
    (
        "exports.handler = (e, c, callback) => callback(new Error('bad'))",
        "Error",
        "bad",
    ),
    (
        "exports.handler = (e, c, callback) => callback('bad')",
        "string",
        "bad",
    ),
    (
        "require('nowhere')",
        "Runtime.ImportModuleError",
        "Error: Cannot find module 'nowhere'\nRequire stack:\n- /var/task/index.js\n\
         - /var/runtime/index.mjs",
    ),
    (
        "exports.other = 1",
        "Runtime.HandlerNotFound",
        "index.handler is undefined or not exported",
    ),
    (
        "exports.handler = (",
        "Runtime.UserCodeSyntaxError",
        "SyntaxError: Unexpected end of input",
    ),
    (
        "exports.handler = async () => { Promise.reject(new Error('lost'));
         await new Promise(r => setTimeout(r, 5000)) }",
        "Runtime.UnhandledPromiseRejection",
        "Error: lost",
    ),
    (
        "exports.handler = () => setTimeout(() => { throw new RangeError('late') }, 1)",
        "RangeError",
        "late",
    ),
    (
        "exports.handler = async () => 1n",
        "Runtime.JSONStringifyError",
        "Unable to stringify response body",
    ),
    (
        "exports.handler = () => process.exit(4)",
        "Runtime.ExitError",
        "RequestId: r-1 Error: Runtime exited with error: exit status 4",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn node_failures_name_their_kind() {
    if !has_node() {
        return;
    }
    let fixture = Fixture::new();
    for (code, error_type, message) in NODE_ERRORS {
        let spec = node(code);
        for _ in 0..2 {
            let body = failed(&fixture.call(&spec, "{}").await);
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["errorType"], *error_type, "{code}: {body}");
            assert_eq!(body["errorMessage"], *message, "{code}");
            let folder = fixture.folder.path().to_string_lossy();
            assert!(
                !body.to_string().contains(folder.as_ref()),
                "{code}: {body}"
            );
        }
        fixture.pool.forget(&spec.arn);
    }
    let body = failed(
        &fixture
            .call(
                &node("exports.handler = async () => { throw new Error('x') }"),
                "1",
            )
            .await,
    );
    assert!(
        body.starts_with(r#"{"errorType":"Error","errorMessage":"x","trace":["Error: x","    at "#),
        "{body}"
    );
    assert!(body.contains("/var/task/index.js:1:"), "{body}");
    fixture.pool.shutdown().await;
}
