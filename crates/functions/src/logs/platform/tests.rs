use super::*;

fn report(duration_us: u64, init_us: Option<u64>) -> Report {
    Report {
        duration: Duration::from_micros(duration_us),
        billed_ms: duration_us.div_ceil(1_000),
        init: init_us.map(Duration::from_micros),
        memory_used_mb: 36,
        log_group: "g".into(),
        log_stream: "s".into(),
        timed_out: false,
        out_of_memory: false,
    }
}

fn failure(origin: Origin, status: &'static str, error_type: &'static str) -> Failure {
    Failure {
        payload: "{}".into(),
        error_type: error_type.into(),
        status,
        log_line: None,
        origin,
    }
}

fn trace() -> Trace {
    Trace {
        header: "Root=1-2-3;Parent=4;Sampled=1".into(),
    }
}

/// Event, level, line of text, type and record of JSON.
fn check(event: &PlatformEvent<'_>, level: LogLevel, text: &str, kind: &str, record: &Value) {
    assert_eq!(event.text().unwrap(), text);
    assert_eq!(event.level(), level, "{text}");
    let now: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
    let json: Option<Value> = event
        .json(now)
        .map(|line| serde_json::from_str(&line).unwrap());
    let expected = (!kind.is_empty())
        .then(|| json!({ "time": "2026-01-02T03:04:05.678Z", "type": kind, "record": record }));
    assert_eq!(json, expected, "{text}");
}

#[test]
fn the_start_of_an_environment_and_of_an_invocation() {
    let mut spec = crate::pool::tests::spec_of(&[], "f.handler");
    let arn = runtime_version_arn("python3.12", "eu-west-1");
    assert!(
        arn.starts_with("arn:aws:lambda:eu-west-1::runtime:") && arn.len() == 98,
        "{arn}"
    );
    let event = PlatformEvent::InitStart {
        spec: &spec,
        stream: "s",
        version: Some("3.11.7"),
    };
    check(
        &event,
        LogLevel::Info,
        &format!(
            "INIT_START Runtime Version: python:3.12 (host 3.11.7)\tRuntime Version ARN: {arn}\n"
        ),
        "platform.initStart",
        &json!({
            "initializationType": "on-demand", "phase": "init",
            "runtimeVersion": "python:3.12 (host 3.11.7)", "runtimeVersionArn": arn,
            "functionName": "f", "functionVersion": "$LATEST",
            "instanceId": "s", "instanceMaxMemory": 134_217_728,
        }),
    );
    for (runtime, shown) in [
        ("nodejs22.x", "nodejs:22.x"),
        ("provided.al2023", "provided:al2023"),
        ("provided", "provided:"),
    ] {
        spec.runtime = runtime.into();
        assert_eq!(runtime_version(&spec, None), shown);
    }
    let trace = trace();
    let event = PlatformEvent::Start {
        request_id: "id",
        spec: &spec,
        trace: Some(&trace),
    };
    check(
        &event,
        LogLevel::Info,
        "START RequestId: id Version: $LATEST\n",
        "platform.start",
        &json!({
            "requestId": "id", "version": "$LATEST",
            "tracing": {
                "spanId": "4", "type": "X-Amzn-Trace-Id", "value": "Root=1-2-3;Parent=4;Sampled=1"
            },
        }),
    );
}

#[test]
fn a_runtime_that_does_not_come_up() {
    let cases = [
        (
            InitPhase::Init,
            "error",
            "INIT_REPORT Init Duration: 12.34 ms\tPhase: init\tStatus: error\t\
             Error Type: Runtime.ExitError\n",
        ),
        (
            InitPhase::Invoke,
            "timeout",
            "INIT_REPORT Init Duration: 12.34 ms\tPhase: invoke\tStatus: timeout\n",
        ),
    ];
    for (phase, status, text) in cases {
        let event = PlatformEvent::InitReport {
            phase,
            duration: Duration::from_micros(12_340),
            status,
            error_type: "Runtime.ExitError".into(),
        };
        let record = json!({
            "initializationType": "on-demand", "phase": phase.name(), "status": status,
            "errorType": "Runtime.ExitError", "metrics": { "durationMs": 12.34 },
        });
        check(&event, LogLevel::Warn, text, "platform.initReport", &record);
    }
    check(
        &PlatformEvent::Extension { name: "agent" },
        LogLevel::Warn,
        "EXTENSION\tName: agent\tState: NotStarted\tEvents: []\t\
         Error Type: Extension.NotSupported\n",
        "platform.extension",
        &json!({
            "name": "agent", "state": "NotStarted", "events": [],
            "errorType": "Extension.NotSupported",
        }),
    );
    let fault = PlatformEvent::Fault { line: "why\n" };
    check(&fault, LogLevel::Warn, "why\n", "", &Value::Null);
}

#[test]
fn the_end_of_an_invocation() {
    let failure = failure(Origin::Process, "timeout", "Sandbox.Timedout");
    let report = report(3_010, None);
    for (failure, level, status, error_type) in [
        (None, LogLevel::Debug, "success", None),
        (
            Some(&failure),
            LogLevel::Warn,
            "timeout",
            Some("Sandbox.Timedout"),
        ),
    ] {
        let event = PlatformEvent::End {
            request_id: "id",
            report: &report,
            failure,
            produced_bytes: 7,
        };
        let mut record = json!({
            "requestId": "id", "status": status,
            "metrics": { "durationMs": 3.01, "producedBytes": 7 },
        });
        add(&mut record, "errorType", error_type.map(Value::from));
        check(
            &event,
            level,
            "END RequestId: id\n",
            "platform.runtimeDone",
            &record,
        );
    }
}

#[test]
fn report_lines_read_as_on_aws() {
    let raised = failure(Origin::Handler, "error", "ValueError");
    let timed_out = failure(Origin::Process, "timeout", "Sandbox.Timedout");
    let exited = failure(Origin::Process, "error", "Runtime.ExitError");
    let too_large = failure(Origin::Answer, "error", "Function.ResponseSizeTooLarge");
    let trace = trace();
    let first = "REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 4 ms\t\
                 Memory Size: 128 MB\tMax Memory Used: 36 MB\t";
    let traced = "XRAY TraceId: 1-2-3\tSegmentId: 4\tSampled: true\t\n";
    let cases = [
        (
            Some(110_100),
            None,
            None,
            "Init Duration: 110.10 ms\t\n".to_owned(),
        ),
        (None, None, None, "\n".to_owned()),
        (None, Some(&raised), None, "\n".to_owned()),
        (None, Some(&timed_out), None, "Status: timeout\n".to_owned()),
        (
            None,
            Some(&exited),
            None,
            "Status: error\tError Type: Runtime.ExitError\n".to_owned(),
        ),
        (
            None,
            Some(&too_large),
            None,
            "Status: error\tError Type: Function.ResponseSizeTooLarge\n".to_owned(),
        ),
        (None, None, Some(&trace), format!("\n{traced}")),
    ];
    for (init, failure, trace, rest) in cases {
        let report = report(3_010, init);
        let event = PlatformEvent::Report {
            request_id: "id",
            report: &report,
            memory_mb: 128,
            failure,
            trace,
        };
        let mut record = json!({
            "requestId": "id",
            "metrics": {
                "durationMs": 3.01, "billedDurationMs": 4,
                "memorySizeMB": 128, "maxMemoryUsedMB": 36,
            },
            "status": failure.map_or("success", |failure| failure.status),
        });
        let error_type = failure.map(|failure| failure.error_type.as_ref().into());
        add(&mut record, "errorType", error_type);
        add(&mut record, "tracing", trace.map(Trace::json));
        if init.is_some() {
            add(&mut record["metrics"], "initDurationMs", Some(json!(110.1)));
        }
        let level = failure.map_or(LogLevel::Info, |_| LogLevel::Warn);
        check(
            &event,
            level,
            &format!("{first}{rest}"),
            "platform.report",
            &record,
        );
    }
}
