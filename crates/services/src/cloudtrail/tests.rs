use aws::Service;
use json::Value;
use store::lines::MemoryLines;

use super::*;
use crate::testing;
use crate::trail::{Cost, Event};

/// A log with the `events` of a case, each `times` if it says so.
fn log(case: &Value) -> Arc<CloudTrail> {
    let trail = Arc::new(Trail::new(Arc::new(MemoryLines::default())));
    let events = case.get("events").and_then(Value::as_array);
    let record = async {
        for seed in events.into_iter().flatten() {
            let text = |name| seed.get(name).and_then(Value::as_str);
            let number = |name| seed.get(name).and_then(Value::as_i64);
            for _ in 0..number("times").unwrap_or(1) {
                let event = Event {
                    account: text("account").unwrap_or("123456789012").into(),
                    region: text("region").unwrap_or("eu-west-1").into(),
                    time_ms: number("time_ms").unwrap(),
                    record: seed.get("event").unwrap().clone(),
                    cost: Cost::Free,
                    may_wait: false,
                };
                trail.record(event).await.unwrap();
            }
        }
    };
    testing::block_on(record);
    Arc::new(CloudTrail::new(trail))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts() {
    let serve = |cloudtrail: Arc<CloudTrail>, operation: String, call: Call| async move {
        cloudtrail.handle(&operation, &call).await
    };
    testing::play(&["cloudtrail.json"], &[Service::CloudTrail], log, serve).await;
}
