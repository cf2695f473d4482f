use std::collections::BTreeMap;

use super::*;

fn key(name: &str, unit: Unit, dimensions: &[(&str, &str)]) -> Arc<MetricKey> {
    let pair = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
    Arc::new(MetricKey {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        namespace: "AWS/States".into(),
        name: name.into(),
        unit,
        dimensions: dimensions.iter().map(pair).collect(),
    })
}

/// The samples of a page in OpenMetrics' text format, each with its labels, and the types of the
/// families: what a Prometheus server reads.
fn parsed(page: &str) -> (BTreeMap<String, f64>, BTreeMap<String, String>) {
    let lines = page.strip_suffix("# EOF\n").expect("it ends so");
    let (mut samples, mut types) = (BTreeMap::new(), BTreeMap::new());
    for line in lines.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "TYPE", name, kind] => {
                assert!(
                    types.insert(name.to_owned(), kind.to_owned()).is_none(),
                    "{line}"
                );
            }
            ["#", "HELP", name, _] => assert!(!types.contains_key(name), "{line}"),
            _ => {
                let (sample, value) = line.rsplit_once(' ').expect("a value");
                let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
                let is_of_name = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
                assert!(name.bytes().all(is_of_name), "{line}");
                assert!(labels.ends_with('}'), "{line}");
                let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
                assert!(samples.insert(sample.to_owned(), value).is_none(), "{line}");
            }
        }
    }
    (samples, types)
}

fn page(collector: impl Collector) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));
    let mut page = String::new();
    text::encode(&mut page, &registry).unwrap();
    page
}

#[test]
fn what_aws_services_measure() {
    let arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:a\"b\\c\n";
    let of = [("StateMachineArn", arn)];
    let mut time = Total {
        count: 3.0,
        sum: 1_009.5,
        last: 1_000.0,
        ..Total::default()
    };
    // Up to 5 ms, up to 10 ms, up to 1 s.
    time.buckets[1] = 1;
    time.buckets[2] = 1;
    time.buckets[8] = 1;
    let count = |sum, last| Total {
        count: 2.0,
        sum,
        last,
        ..Total::default()
    };
    let mut own = (*key("Latency", Unit::Milliseconds, &[])).clone();
    own.namespace = "My/App".into();
    let (samples, types) = parsed(&page(Aws(vec![
        (key("ExecutionTime", Unit::Milliseconds, &of), time),
        (key("ExecutionsStarted", Unit::Count, &[]), count(7.0, 0.0)),
        (key("ExecutionsStarted", Unit::Count, &of), count(5.0, 1.0)),
        (key("OpenExecutionCount", Unit::Count, &[]), count(7.0, 3.0)),
        (Arc::new(own), count(1.0, 1.0)),
    ])));
    let account = r#"account="123456789012",region="eu-west-1""#;
    let machine =
        r#"state_machine_arn="arn:aws:states:eu-west-1:123456789012:stateMachine:a\"b\\c\n""#;
    let time = "aws_states_execution_time_milliseconds";
    let check = |sample: String, expected: f64| {
        assert_eq!(
            samples.get(&sample),
            Some(&expected),
            "{sample} in {samples:#?}"
        );
    };
    let started = "aws_states_executions_started_total";
    check(format!("{started}{{{account}}}"), 7.0);
    check(format!("{started}{{{account},{machine}}}"), 5.0);
    check(format!("aws_states_open_execution_count{{{account}}}"), 3.0);
    check(format!("{time}_sum{{{account},{machine}}}"), 1_009.5);
    check(format!("{time}_count{{{account},{machine}}}"), 3.0);
    for (bound, count) in [
        ("1.0", 0.0),
        ("5.0", 1.0),
        ("10.0", 2.0),
        ("500.0", 2.0),
        ("1000.0", 3.0),
        ("+Inf", 3.0),
    ] {
        check(
            format!("{time}_bucket{{le=\"{bound}\",{account},{machine}}}"),
            count,
        );
    }
    let types: Vec<(&str, &str)> = types
        .iter()
        .map(|(name, kind)| (&**name, &**kind))
        .collect();
    assert_eq!(
        types,
        [
            (time, "histogram"),
            ("aws_states_executions_started", "counter"),
            ("aws_states_open_execution_count", "gauge"),
        ]
    );
}

#[test]
fn what_the_server_has() {
    let process = Process::now();
    assert!(process.resident_bytes > 1 << 20, "{process:?}");
    assert!(process.open_files > 2);
    assert!((1.5e9..1e11).contains(&process.started_seconds));
    let (samples, _) = parsed(&page(Own {
        counters: vec![("lockstep_log_events_dropped", "Events", 3)],
        open_executions: 2,
        process,
    }));
    assert_eq!(samples.get("lockstep_log_events_dropped_total"), Some(&3.0));
    assert_eq!(samples.get("lockstep_open_executions"), Some(&2.0));
    let resident = samples.get("process_resident_memory_bytes");
    assert_eq!(resident, Some(&whole(process.resident_bytes)));
    assert_eq!(
        samples.get("process_cpu_seconds_total"),
        Some(&process.cpu_seconds)
    );
}

#[test]
fn names() {
    let check = |name: &str, expected: &str| assert_eq!(snake_case(name), expected);
    check("StateMachineArn", "state_machine_arn");
    check("ExecutionsTimedOut", "executions_timed_out");
    check("AWS_States", "aws_states");
    check("p99 Latency-ms", "p99_latency_ms");
    check("X1Y", "x1_y");
}

#[test]
fn who_is_near() {
    let check = |peer: &str, header: Option<&'static str>, expected: bool| {
        let mut request = Request::new(Method::GET, PATH);
        if let Some(header) = header {
            let value = HeaderValue::from_static("192.0.2.1");
            request.headers.insert(header, value);
        }
        assert_eq!(is_near(peer.parse().unwrap(), &request), expected, "{peer}");
    };
    check("127.0.0.1", None, true);
    check("::1", None, true);
    check("::ffff:127.0.0.1", None, true);
    check("192.0.2.1", None, false);
    check("127.0.0.1", Some("x-forwarded-for"), false);
    check("127.0.0.1", Some("forwarded"), false);
}

/// Whose requests are answered with the page.
#[test]
fn who_asks() {
    let check = |method: Method, uri: &str, header: Option<&'static str>, expected: bool| {
        let mut request = Request::new(method, uri);
        if let Some(header) = header {
            request
                .headers
                .insert("authorization", HeaderValue::from_static(header));
        }
        assert_eq!(Page::is_asked_for(&request), expected, "{uri}");
    };
    check(Method::GET, "/metrics", None, true);
    check(Method::GET, "/metrics?x=1", None, true);
    check(Method::POST, "/metrics", None, false);
    check(Method::GET, "/metrics/", None, false);
    // A bucket of this name.
    check(
        Method::GET,
        "/metrics",
        Some("AWS4-HMAC-SHA256 Credential=x"),
        false,
    );
    check(Method::GET, "/metrics?X-Amz-Credential=x", None, false);
}
