use super::*;

/// Each point as `namespace name{dimension=value} value unit time`.
#[track_caller]
fn check(message: &str, expected: &[&str]) {
    let found = points(&"123456789012".into(), &"eu-west-1".into(), message);
    let shown = found.iter().map(|(key, value, time_ms)| {
        let dimensions = key
            .dimensions
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let dimensions = dimensions.collect::<Vec<_>>().join(",");
        let (namespace, name, unit) = (&key.namespace, &key.name, key.unit.name());
        format!("{namespace} {name}{{{dimensions}}} {value} {unit} {time_ms}")
    });
    assert_eq!(shown.collect::<Vec<_>>(), expected, "{message}");
}

#[test]
fn lines_with_metrics() {
    check(
        r#"{"_aws": {"Timestamp": 1574109732004, "CloudWatchMetrics": [{"Namespace": "lambda",
            "Dimensions": [["functionVersion"], ["stage", "functionVersion"], []],
            "Metrics": [{"Name": "time", "Unit": "Milliseconds", "StorageResolution": 60}]}]},
            "functionVersion": "$LATEST", "stage": "dev", "time": 100, "requestId": "989ffbf8"}"#,
        &[
            "lambda time{functionVersion=$LATEST} 100 Milliseconds 1574109732004",
            "lambda time{functionVersion=$LATEST,stage=dev} 100 Milliseconds 1574109732004",
            "lambda time{} 100 Milliseconds 1574109732004",
        ],
    );
    check(
        r#"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[[]],
            "Metrics":[{"Name":"a"},{"Name":"b","Unit":"Parsecs"},{"Name":"c"}]}]},
            "a":[1,2.5],"b":-1}"#,
        &["n a{} 1 None 1", "n a{} 2.5 None 1", "n b{} -1 None 1"],
    );
}

#[test]
fn lines_without() {
    for message in [
        "",
        "a line about \"CloudWatchMetrics\"",
        r#"{"CloudWatchMetrics": 1}"#,
        r#"{"a":"\"CloudWatchMetrics\""}"#,
        r#"{"_aws":{"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[[]],"Metrics":[{"Name":"a"}]}]},"a":1}"#,
        r#"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Dimensions":[[]],"Metrics":[{"Name":"a"}]}]},"a":1}"#,
        r#"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"n","Metrics":[{"Name":"a"}]}]},"a":1}"#,
        // A namespace that is AWS's, one that is none.
        r#"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"AWS/Lambda","Dimensions":[[]],"Metrics":[{"Name":"a"}]}]},"a":1}"#,
        r#"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":":n","Dimensions":[[]],"Metrics":[{"Name":"a"}]}]},"a":1}"#,
        // No value, a value that is no number, a dimension without a value.
        r#"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[[]],"Metrics":[{"Name":"a"}]}]},"a":"1"}"#,
        r#"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["d"]],"Metrics":[{"Name":"a"}]}]},"a":1}"#,
        r#"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[[1]],"Metrics":[{}]}]},"a":1}"#,
        r#"{"_aws":{"Timestamp":1,"CloudWatchMetrics":"#,
    ] {
        check(message, &[]);
    }
}

/// One line names no more than so many series, whatever it says.
#[test]
fn bounds() {
    let set = vec!["[\"d\"]"; 100].join(",");
    let metrics = vec![r#"{"Name":"a"}"#; 200].join(",");
    let directive = format!(r#"{{"Namespace":"n","Dimensions":[{set}],"Metrics":[{metrics}]}}"#);
    let message =
        format!(r#"{{"_aws":{{"Timestamp":1,"CloudWatchMetrics":[{directive}]}},"d":"x","a":1}}"#);
    let found = points(&"123456789012".into(), &"eu-west-1".into(), &message);
    assert_eq!(found.len(), SETS_MAX * METRICS_MAX);
    let many = message.replace(r#""a":1"#, r#""a":[1,2,3,4,5]"#);
    let found = points(&"123456789012".into(), &"eu-west-1".into(), &many);
    assert_eq!(found.len(), POINTS_MAX);
}
