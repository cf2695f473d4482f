use super::*;
use crate::testing;

fn function(name: &str) -> Function {
    let arn = format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}");
    let document = format!(
        r#"{{"name": "{name}", "arn": "{arn}", "account": "123456789012", "region": "eu-west-1",
            "modified_ms": 0, "revision_id": "", "tags": [],
            "code": {{"size": 0, "sha256_base64": "", "sha256_hex": ""}},
            "configuration": {{"runtime": "", "role": "", "handler": "", "description": "",
                "timeout_seconds": 3, "memory_mb": 128, "ephemeral_storage_mb": 512,
                "environment": null, "tracing_mode": "PassThrough"}}}}"#
    );
    serde_json::from_str(&document).unwrap()
}

/// Name, dimensions, sum and maximum of every series.
fn shown(metrics: &Metrics) -> Vec<String> {
    let line = |(key, total): &(Arc<MetricKey>, crate::metrics::Total)| {
        let dimensions: Vec<String> = key
            .dimensions
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("{} [{}] {}", key.name, dimensions.join(" "), total.sum)
    };
    metrics.totals().iter().map(line).collect()
}

#[test]
fn values_stand_under_the_function_the_resource_and_all() {
    let metrics = testing::metrics();
    let measures = Measures::new(Arc::clone(&metrics));
    let f = function("f");
    let (plain, live) = (
        measures.of(&f, &f.arn),
        measures.of(&f, &format!("{}:live", f.arn)),
    );
    measures.record(&plain, Measure::Errors, 1.0, 0);
    measures.record(&live, Measure::Errors, 2.0, 0);
    assert_eq!(
        shown(&metrics),
        [
            "Errors [] 3",
            "Errors [FunctionName=f] 3",
            "Errors [FunctionName=f Resource=f] 1",
            "Errors [FunctionName=f Resource=f:live] 2",
        ]
    );
}

#[test]
fn invocations_are_counted_while_they_run() {
    let metrics = testing::metrics();
    let measures = Measures::new(Arc::clone(&metrics));
    let (f, g) = (function("f"), function("g"));
    let (of_f, of_g) = (measures.of(&f, &f.arn), measures.of(&g, &g.arn));
    let first = measures.begin(&f, &of_f, 0);
    let second = measures.begin(&g, &of_g, 0);
    drop(first);
    let third = measures.begin(&f, &of_f, 0);
    drop((second, third));
    assert!(measures.running.lock().is_empty());
    assert_eq!(
        shown(&metrics),
        [
            // 1, 2 with g, 1 without f, 2 again, 1, 0.
            "ConcurrentExecutions [] 7",
            "ConcurrentExecutions [FunctionName=f] 2",
            "ConcurrentExecutions [FunctionName=f Resource=f] 2",
            "ConcurrentExecutions [FunctionName=g] 1",
            "ConcurrentExecutions [FunctionName=g Resource=g] 1",
        ]
    );
}
