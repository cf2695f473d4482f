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

/// What the module does at its first and second import, and what comes of it: the result or part
/// of the error, and what the log says about each phase.
#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_does_not_come_up_is_started_anew_within_the_invocation() {
    let exit = "Runtime exited with error: exit status 3";
    let cases = [
        ("pass", "pass", Ok(()), None, None),
        ("time.sleep(600)", "pass", Ok(()), Some("timeout\n"), None),
        (
            "os._exit(3)",
            "pass",
            Ok(()),
            Some("error\tError Type: Runtime.ExitError\n"),
            None,
        ),
        (
            "raise KeyError('x')",
            "pass",
            Ok(()),
            Some("error\tError Type: Runtime.Unknown\n"),
            None,
        ),
        (
            "import nowhere",
            "import nowhere",
            Err("Runtime.ImportModuleError"),
            Some("error\tError Type: Runtime.ImportModuleError\n"),
            Some("error\tError Type: Runtime.ImportModuleError\n"),
        ),
        (
            "os._exit(3)",
            "os._exit(3)",
            Err(exit),
            Some("error\tError Type: Runtime.ExitError\n"),
            Some("error\tError Type: Runtime.ExitError\n"),
        ),
        (
            "time.sleep(600)",
            "time.sleep(600)",
            Err("Task timed out after 1.00 seconds"),
            Some("timeout\n"),
            Some("timeout\n"),
        ),
    ];
    for (number, (first, then, expected, init, invoke)) in cases.into_iter().enumerate() {
        let lines = Lines::default();
        let sink = Arc::new(Sink(Arc::clone(&lines)));
        let fixture = Fixture::with(|config| {
            open(config);
            config.log_sink = Some(sink);
            // Only what sleeps needs it short.
            let is_short = first.starts_with("time");
            config.init_timeout = Duration::from_secs(if is_short { 1 } else { 30 });
        });
        let mut spec = spec_of(&[("f.py", &twice(first, then))], "f.handler");
        let mark = fixture.folder.path().join("mark");
        spec.environment = vec![("MARK".into(), mark.to_string_lossy().into_owned())];
        let is_timeout = expected.is_err_and(|text| text.contains("timed out"));
        spec.timeout = Duration::from_secs(if is_timeout { 1 } else { 30 });
        let invoked = fixture.call(&Arc::new(spec), "{}").await;
        match expected {
            Ok(()) => assert_eq!(ok(&invoked), "up", "{number}"),
            Err(part) => assert!(failed(&invoked).contains(part), "{}", failed(&invoked)),
        }
        let starts = fs::read_to_string(&mark).unwrap().len();
        assert_eq!(starts, if init.is_some() { 2 } else { 1 }, "{number}");
        let report = invoked.report();
        assert_eq!(report.init.is_some(), init.is_none(), "{number}");
        assert_eq!(report.timed_out, is_timeout, "{number}");
        let log = taken(&lines);
        for (phase, outcome) in [("init", init), ("invoke", invoke)] {
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
    let cases = [
        (
            "python3.12",
            ("f.py", python),
            vec![
                json!({"level": "WARNING", "message": "careful 1", "logger": "mine", "order": 7}),
                json!("plain\n"),
                json!({"log_level": "ERROR", "errorMessage": "bad", "errorType": "ValueError"}),
            ],
        ),
        (
            "nodejs22.x",
            ("f.js", node),
            vec![
                json!({"level": "WARN", "message": {"order": 7}}),
                json!({
                    "level": "ERROR", "errorType": "RangeError", "errorMessage": "range"
                }),
                json!("plain\n"),
                json!({"level": "ERROR"}),
            ],
        ),
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
        assert_eq!(own.len(), expected.len(), "{runtime}: {own:?}");
        for (found, expected) in own.into_iter().zip(&expected) {
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
        fixture.pool.shutdown().await;
    }
}
