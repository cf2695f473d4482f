use store::events::{GroupId, StreamId};
use store::lines::MemoryLines;

use super::*;
use crate::testing;

#[test]
fn messages_bring_so_many_values_at_most() {
    let metrics = testing::metrics();
    let kept = Kept::new(Arc::new(MemoryLines::default()), &metrics);
    let list = |element: &str, count| vec![element; count].join(",");
    let message = format!(
        r#"{{"_aws": {{"Timestamp": 0, "CloudWatchMetrics": [
            {{"Namespace": "n", "Dimensions": [[]], "Metrics": [{}]}}]}}, "m": [{}]}}"#,
        list(r#"{"Name": "m"}"#, 100),
        list("1", 100),
    );
    let event = Event {
        time_ms: 0,
        message: message.into(),
    };
    let source = Source {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        group: "g".into(),
        may_measure: true,
    };
    let batch = Batch {
        group: GroupId(1),
        stream: StreamId(1),
        name: "s".into(),
        ingested_ms: 0,
        events: vec![event; 11],
    };
    kept.append(vec![(Arc::new(source), batch)]).unwrap();
    let counters = metrics.counters();
    let dropped = counters
        .iter()
        .find(|(name, ..)| *name == "lockstep_metric_values_dropped");
    // 10,000 of each message, and two of the batch itself.
    assert_eq!(dropped.unwrap().2, 10_002);
}
