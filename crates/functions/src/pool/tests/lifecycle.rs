//! Coming up, standing still, and what the log says of it.

use super::*;

/// What the sink got since it was last asked.
fn taken(lines: &Lines) -> String {
    lines.lock().drain(..).map(|(_, line)| line).collect()
}

/// Runs `then` at the second import, `first` at the first one.
fn twice(first: &str, then: &str) -> String {
    format!(
        "import os, sys, time\nmark = os.environ['MARK']\nfirst = not os.path.exists(mark)\n\
         open(mark, 'a').write('x')\nif first: {first}\nelse: {then}\n\
         def handler(event, context):\n    return 'up'\n"
    )
}

/// What the module does at its first and second import, and what comes of it: part of the error,
/// if it is one, and what the log says about each phase that failed.
struct Start {
    first: &'static str,
    then: &'static str,
    error: Option<&'static str>,
    init: Option<&'static str>,
    invoke: Option<&'static str>,
}

const IMPORT: &str = "error\tError Type: Runtime.ImportModuleError\n";
const EXIT: &str = "error\tError Type: Runtime.ExitError\n";
const UNKNOWN: &str = "error\tError Type: Runtime.Unknown\n";
const TIMEOUT: &str = "timeout\n";

const STARTS: [Start; 7] = [
    start("pass", "pass", None, None, None),
    start("time.sleep(600)", "pass", None, Some(TIMEOUT), None),
    start("os._exit(3)", "pass", None, Some(EXIT), None),
    start("raise KeyError('x')", "pass", None, Some(UNKNOWN), None),
    start(
        "import nowhere",
        "import nowhere",
        Some("Runtime.ImportModuleError"),
        Some(IMPORT),
        Some(IMPORT),
    ),
    start(
        "os._exit(3)",
        "os._exit(3)",
        Some("Runtime exited with error: exit status 3"),
        Some(EXIT),
        Some(EXIT),
    ),
    start(
        "time.sleep(600)",
        "time.sleep(600)",
        Some("Task timed out after 1.00 seconds"),
        Some(TIMEOUT),
        Some(TIMEOUT),
    ),
];

const fn start(
    first: &'static str,
    then: &'static str,
    error: Option<&'static str>,
    init: Option<&'static str>,
    invoke: Option<&'static str>,
) -> Start {
    Start {
        first,
        then,
        error,
        init,
        invoke,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_does_not_come_up_is_started_anew_within_the_invocation() {
    for (number, start) in STARTS.iter().enumerate() {
        // Only what sleeps needs it short.
        let short = |is_short| Duration::from_secs(if is_short { 1 } else { 30 });
        let lines = Lines::default();
        let sink = Arc::new(Sink(Arc::clone(&lines)));
        let fixture = Fixture::with(|config| {
            open(config);
            config.log_sink = Some(sink);
            config.init_timeout = short(start.first.starts_with("time"));
        });
        let code = twice(start.first, start.then);
        let mut spec = spec_of(&[("f.py", &code)], "f.handler");
        let mark = fixture.folder.path().join("mark");
        spec.environment = vec![("MARK".into(), mark.to_string_lossy().into_owned())];
        let is_timeout = start.then.starts_with("time");
        spec.timeout = short(is_timeout);
        let invoked = fixture.call(&Arc::new(spec), "{}").await;
        match start.error {
            None => assert_eq!(ok(&invoked), "up", "{number}"),
            Some(part) => assert!(failed(&invoked).contains(part), "{}", failed(&invoked)),
        }
        let starts = fs::read_to_string(&mark).unwrap().len();
        assert_eq!(starts, if start.init.is_some() { 2 } else { 1 }, "{number}");
        let report = invoked.report();
        assert_eq!(report.init.is_some(), start.init.is_none(), "{number}");
        assert_eq!(report.timed_out, is_timeout, "{number}");
        let log = taken(&lines);
        for (phase, outcome) in [("init", start.init), ("invoke", start.invoke)] {
            let reported = format!("\tPhase: {phase}\tStatus: ");
            let found = log.split_once(&reported).map(|(_, rest)| rest);
            let line = found.map(|rest| rest.split_inclusive('\n').next().unwrap());
            assert_eq!(line, outcome, "{number} {phase}: {log}");
        }
        fixture.pool.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn background_work_stands_still_between_invocations() {
    let fixture = Fixture::new();
    let code = "
import threading, time
count = 0
def work():
    global count
    while True:
        count += 1
        time.sleep(0.001)
threading.Thread(target=work, daemon=True).start()
def handler(event, context):
    before = count
    while event and count < before + 5: time.sleep(0.001)
    return count
";
    let spec = python(code);
    let count = |invoked: &Invoked| ok(invoked).as_u64().unwrap();
    let before = count(&fixture.call(&spec, "1").await);
    // Once it has settled it stands still, for as long as nobody invokes it: half a second is time
    // for some hundreds of steps.
    sleep(Duration::from_millis(500)).await;
    let after = count(&fixture.call(&spec, "0").await);
    assert!(after < before + 200, "{before} {after}");
    // It goes on during an invocation.
    let later = count(&fixture.call(&spec, "1").await);
    assert!(later >= after + 5, "{after} {later}");
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_after_the_timeout_is_nobodys() {
    let fixture = Fixture::open();
    let code = "import os, time\ndef handler(event, context):\n    \
                if event: time.sleep(600)\n    return os.getpid()\n";
    let mut spec = spec_of(&[("f.py", code)], "f.handler");
    spec.timeout = Duration::from_secs(1);
    let spec = Arc::new(spec);
    let first = ok(&fixture.call(&spec, "0").await);
    let invoked = fixture.call(&spec, "1").await;
    assert!(invoked.report().timed_out);
    assert!(invoked.report().duration >= Duration::from_secs(1));
    let second = ok(&fixture.call(&spec, "0").await);
    assert_ne!(first, second, "a fresh process");
    fixture.pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_say_what_the_log_says() {
    let fixture = Fixture::new();
    let spec = python("def handler(event, context):\n    if event: raise ValueError()\n");
    let cold = fixture.call(&spec, "0").await;
    let report = cold.report().clone();
    assert!(report.init.is_some_and(|init| init > Duration::ZERO));
    assert_eq!(report.log_group.as_ref(), "/aws/lambda/f");
    assert!(report.log_stream.contains("/[$LATEST]"));
    assert!(report.memory_used_mb > 0);
    let billed = report.duration.as_nanos().div_ceil(1_000_000);
    assert_eq!(u128::from(report.billed_ms), billed);
    for event in ["0", "1"] {
        let warm = fixture.call(&spec, event).await;
        assert_eq!(warm.report().init, None);
        assert_eq!(
            warm.report().log_stream,
            report.log_stream,
            "one for each environment"
        );
        assert!(!warm.report().timed_out && !warm.report().out_of_memory);
    }
    fixture.pool.shutdown().await;
}

fn json_logs(spec: &mut FunctionSpec, application_level: crate::LogLevel) {
    spec.logging = LogSettings {
        format: crate::LogFormat::Json,
        group: Some("shared".into()),
        application_level,
        system_level: crate::LogLevel::Debug,
    };
}

/// Runtime, module, and the members that its records have, without times and ids.
#[tokio::test(flavor = "multi_thread")]
async fn logs_may_be_json() {
    let python = "
import logging
log = logging.getLogger('mine')
def handler(event, context):
    log.debug('hidden')
    log.warning('careful %s', 1, extra={'order': 7})
    print('plain')
    raise ValueError('bad')
";
    let node = "
exports.handler = async () => {
  console.debug('hidden');
  console.warn({ order: 7 });
  console.error('bad', new RangeError('range'));
  process.stdout.write('plain\\n');
  throw new TypeError('bad');
}
";
    let python_records = vec![
        json!({"level": "WARNING", "message": "careful 1", "logger": "mine", "order": 7}),
        json!("plain\n"),
        json!({"log_level": "ERROR", "errorMessage": "bad", "errorType": "ValueError"}),
    ];
    let node_records = vec![
        json!({"level": "WARN", "message": {"order": 7}}),
        json!({"level": "ERROR", "errorType": "RangeError", "errorMessage": "range"}),
        json!("plain\n"),
        json!({"level": "ERROR"}),
    ];
    let cases = [
        ("python3.12", ("f.py", python), python_records),
        ("nodejs22.x", ("f.js", node), node_records),
    ];
    for (runtime, file, expected) in cases {
        if runtime.starts_with("node") && !has_node() {
            continue;
        }
        let (fixture, lines) = Fixture::logged();
        let mut spec = spec_of(&[file], "f.handler");
        spec.runtime = runtime.into();
        json_logs(&mut spec, crate::LogLevel::Info);
        let invoked = fixture.call(&Arc::new(spec), "{}").await;
        assert!(failed(&invoked).contains("bad"));
        let events: Vec<(String, String)> = lines.lock().drain(..).collect();
        check_records(&events, &expected);
        fixture.pool.shutdown().await;
    }
}

/// The records of the platform, and between them those `expected`: their members, or their text.
fn check_records(events: &[(String, String)], expected: &[Value]) {
    assert!(
        events.iter().all(|(group, _)| group == "shared"),
        "{events:?}"
    );
    let records: Vec<Value> = events
        .iter()
        .map(|(_, line)| serde_json::from_str(line).unwrap_or_else(|_| json!(line)))
        .collect();
    let kinds: Vec<&str> = records.iter().filter_map(|r| r["type"].as_str()).collect();
    let platform = ["initStart", "start", "runtimeDone", "report"];
    assert_eq!(kinds, platform.map(|kind| format!("platform.{kind}")));
    let own: Vec<&Value> = records.iter().filter(|r| r["type"].is_null()).collect();
    assert_eq!(own.len(), expected.len(), "{own:?}");
    for (found, expected) in own.into_iter().zip(expected) {
        let Some(members) = expected.as_object() else {
            assert_eq!(found, expected);
            continue;
        };
        assert_eq!(found["requestId"], "r-1", "{found}");
        assert!(found["timestamp"].is_string(), "{found}");
        for (name, value) in members {
            assert_eq!(&found[name], value, "{found}");
        }
    }
}

/// Its credentials are those of the role that was, whoever updated the function meanwhile.
#[test]
fn a_process_of_another_role_is_not_shared() {
    let spec = spec_of(&[("f.py", "")], "f.handler");
    let mut other = spec.clone();
    assert!(other.shares_process_with(&spec));
    other.role = "arn:aws:iam::123456789012:role/other".into();
    assert!(!other.shares_process_with(&spec));
}
