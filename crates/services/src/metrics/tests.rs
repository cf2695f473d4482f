use store::lines::MemoryLines;

use super::*;

const NOW: i64 = 1_790_000_040_000;

fn key(name: &str, dimensions: &[(&str, &str)]) -> MetricKey {
    let pair = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
    MetricKey {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        namespace: "AWS/States".into(),
        name: name.into(),
        unit: Unit::Count,
        dimensions: dimensions.iter().map(pair).collect(),
    }
}

fn lines() -> Arc<dyn Lines> {
    Arc::new(MemoryLines::default())
}

/// The sums by minute, counted from the minute of `NOW`.
#[track_caller]
fn check(metrics: &Metrics, key: &MetricKey, expected: &[(i64, f64)]) {
    let all = i64::MIN / 2..i64::MAX / 2;
    let found = metrics
        .read(&[Arc::new(key.clone().sorted())], all, &|_, minute| minute)
        .unwrap();
    let sums = found[0]
        .iter()
        .map(|(at, of)| ((at - NOW) / MINUTE_MS, of.sum));
    assert_eq!(sums.collect::<Vec<_>>(), expected);
}

#[test]
fn memory_and_lines_are_read_as_one() {
    let lines = lines();
    let metrics = Metrics::new(Arc::clone(&lines), 10);
    let started = key("ExecutionsStarted", &[("b", "2"), ("a", "1")]);
    let series = metrics.series(&started);
    series.record(1.0, NOW);
    series.record(1.0, NOW + MINUTE_MS - 1);
    series.record(1.0, NOW + MINUTE_MS);
    check(&metrics, &started, &[(0, 2.0), (1, 1.0)]);
    // The order of dimensions says nothing; another set of them is another series.
    metrics.record(
        &key("ExecutionsStarted", &[("a", "1"), ("b", "2")]),
        5.0,
        NOW,
    );
    metrics.record(&key("ExecutionsStarted", &[("a", "1")]), 100.0, NOW);
    check(&metrics, &started, &[(0, 7.0), (1, 1.0)]);

    // The first minute is over, the second isn't; what comes late is added.
    metrics.flush(NOW + MINUTE_MS, Which::Ended).unwrap();
    check(&metrics, &started, &[(0, 7.0), (1, 1.0)]);
    series.record(2.0, NOW);
    metrics.flush(NOW + MINUTE_MS, Which::Ended).unwrap();
    check(&metrics, &started, &[(0, 9.0), (1, 1.0)]);
    metrics.flush(NOW + MINUTE_MS, Which::All).unwrap();
    series.record(2.0, NOW + MINUTE_MS);
    check(&metrics, &started, &[(0, 9.0), (1, 3.0)]);
    metrics.flush(NOW + MINUTE_MS, Which::All).unwrap();

    // A new process knows the series and all their minutes, and has shown nothing yet.
    let again = Metrics::new(Arc::clone(&lines), 10);
    check(&again, &started, &[(0, 9.0), (1, 3.0)]);
    assert_eq!(again.active("123456789012", "eu-west-1", 0), []);
    again.load(NOW + 2 * MINUTE_MS).unwrap();
    let names = |metrics: &Metrics| metrics.active("123456789012", "eu-west-1", NOW - 1).len();
    assert_eq!((names(&metrics), names(&again)), (2, 2));
    assert_eq!(again.active("123456789012", "us-east-1", 0), []);
    assert_eq!((metrics.totals().len(), again.totals().len()), (2, 0));
}

#[test]
fn bounds() {
    let metrics = Metrics::new(lines(), 2);
    let dropped = || {
        metrics
            .counter("lockstep_metric_values_dropped", "")
            .value()
    };
    for name in ["a", "b", "c", "a"] {
        metrics.record(&key(name, &[]), 1.0, NOW);
    }
    assert_eq!((metrics.totals().len(), dropped()), (2, 1));
    assert!(metrics.series(&key("a", &[])).is_kept());
    assert!(!metrics.series(&key("c", &[])).is_kept());
    metrics.record(&key("a", &[]), f64::NAN, NOW);
    metrics
        .series(&key("a", &[]))
        .record_statistics(1.0, f64::INFINITY, 1.0, 1.0, NOW);
    assert_eq!(dropped(), 3);
    check(&metrics, &key("a", &[]), &[(0, 2.0)]);

    // Minutes that are open at once.
    let series = metrics.series(&key("b", &[]));
    metrics.shared.open.store(OPEN_MAX, Relaxed);
    series.record(1.0, NOW + 9 * MINUTE_MS);
    assert_eq!(dropped(), 4);
}

/// A series that nobody holds and nothing was recorded of for two weeks makes room.
#[test]
fn forgotten() {
    const DAY_MS: i64 = 86_400_000;
    let metrics = Metrics::new(lines(), 2);
    let held = metrics.series(&key("held", &[]));
    held.record(1.0, NOW);
    metrics.record(&key("idle", &[]), 1.0, NOW);
    metrics.flush(NOW + 15 * DAY_MS - 1, Which::Ended).unwrap();
    assert!(!metrics.series(&key("new", &[])).is_kept());
    metrics.flush(NOW + 15 * DAY_MS + 1, Which::Ended).unwrap();
    assert!(metrics.series(&key("new", &[])).is_kept());
    held.record(1.0, NOW + MINUTE_MS);
    check(&metrics, &key("held", &[]), &[(0, 1.0), (1, 1.0)]);
    // What was kept of the forgotten one is still there.
    check(&metrics, &key("idle", &[]), &[(0, 1.0)]);
}

/// Every day on which a series has values its key is kept once, so that it goes with the last of
/// its points.
#[test]
fn keys_are_kept_as_long_as_points() {
    const DAY_MS: i64 = 86_400_000;
    let lines = lines();
    let metrics = Metrics::new(Arc::clone(&lines), 10);
    let series = metrics.series(&key("a", &[]));
    for day in 0..3 {
        for minute in 0..3 {
            let now = NOW + day * DAY_MS + minute * MINUTE_MS;
            series.record(1.0, now);
            metrics.flush(now + MINUTE_MS, Which::Ended).unwrap();
        }
    }
    let keys = || {
        let all = i64::MIN / 2..i64::MAX / 2;
        let order = store::lines::Order::OldestFirst;
        lines
            .read("metrics/series", all, order, None, 100)
            .unwrap()
            .len()
    };
    assert_eq!(keys(), 3);
    let dropped = metrics.expire(NOW + 2 * DAY_MS).unwrap();
    assert_eq!((keys(), dropped), (1, 2));
    let again = Metrics::new(Arc::clone(&lines), 10);
    again.load(NOW + 3 * DAY_MS).unwrap();
    assert_eq!(again.active("123456789012", "eu-west-1", 0).len(), 1);
    check(
        &again,
        &key("a", &[]),
        &[(2_880, 1.0), (2_881, 1.0), (2_882, 1.0)],
    );
}

/// Log lines say what time they like; what is far off is not kept.
#[test]
fn times_far_off() {
    const DAY_MS: i64 = 86_400_000;
    let metrics = Metrics::new(lines(), 10);
    let a = key("a", &[]);
    for days in [-400, -14, 0, 2, 400] {
        metrics.record(&a, 1.0, NOW + days * DAY_MS);
    }
    metrics.record(&a, 1.0, i64::MIN);
    metrics.record(&a, 1.0, i64::MAX);
    metrics.flush(NOW + MINUTE_MS, Which::Ended).unwrap();
    let dropped = metrics.counter("lockstep_metric_values_dropped", "");
    assert_eq!(dropped.value(), 5);
    assert_eq!(metrics.shared.open.load(Relaxed), 0);
    check(&metrics, &a, &[(-14 * 1_440, 1.0), (0, 1.0)]);
}

/// A damaged line costs itself.
#[test]
fn damaged_lines() {
    use store::lines::Line;
    let lines = lines();
    let metrics = Metrics::new(Arc::clone(&lines), 10);
    let a = key("a", &[]);
    metrics.record(&a, 1.0, NOW);
    metrics.flush(NOW, Which::All).unwrap();
    let stream = format!("metrics/123456789012/eu-west-1/{}", a.id().0 % 64);
    for bytes in [
        &b""[..],
        b"\x02abc",
        b"\x01\xff\xff\xff\xff",
        b"\x01\x02\0\0\0zz",
    ] {
        for stream in [&*stream, "metrics/series"] {
            let line = Line {
                time_ms: NOW,
                bytes: bytes.to_vec(),
            };
            lines.append(stream, &[line]).unwrap();
        }
    }
    let again = Metrics::new(lines, 10);
    again.load(NOW).unwrap();
    assert_eq!(again.active("123456789012", "eu-west-1", 0).len(), 1);
    check(&again, &a, &[(0, 1.0)]);
}

#[test]
fn totals_grow() {
    let metrics = Metrics::new(lines(), 10);
    let time = metrics.series(&key("ExecutionTime", &[]));
    for value in [0.5, 7.0, 7.0, 2_000_000.0] {
        time.record(value, NOW);
    }
    time.record_statistics(2.0, 30.0, 10.0, 20.0, NOW);
    metrics.flush(NOW + MINUTE_MS, Which::Ended).unwrap();
    let totals = metrics.totals();
    let (_, total) = &totals[0];
    assert_eq!(
        (total.count, total.sum, total.last),
        (6.0, 2_000_044.5, 20.0)
    );
    let filled = total
        .buckets
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0);
    let filled: Vec<_> = filled
        .map(|(at, count)| (BOUNDS_MS.get(at).copied(), *count))
        .collect();
    assert_eq!(
        filled,
        [(Some(1.0), 1), (Some(10.0), 2), (Some(25.0), 2), (None, 1)]
    );
}

#[test]
fn ids_tell_keys_apart() {
    let keys = [
        key("a", &[]),
        key("b", &[]),
        key("a", &[("n", "v")]),
        key("a", &[("nv", "")]),
        key("a", &[("n", "")]),
        key("a", &[("n", "v"), ("o", "")]),
        MetricKey {
            unit: Unit::None,
            ..key("a", &[])
        },
        MetricKey {
            region: "us-east-1".into(),
            ..key("a", &[])
        },
    ];
    let ids: std::collections::BTreeSet<_> = keys.iter().map(MetricKey::id).collect();
    assert_eq!(ids.len(), keys.len());
    // Kept in files: never another number for the same key.
    assert_eq!(keys[2].id().0, 13_522_264_385_448_869_573);
}
