use std::sync::mpsc;

use aws::Service;
use json::Value;
use store::lines::MemoryLines;
use store::{Events, Memory, Store};

use super::*;
use crate::logs::Logs;
use crate::testing;

/// Logs, and what keeps their events.
fn world() -> (Logs, Arc<MemoryLines>) {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let events = Arc::new(MemoryLines::default());
    let kept = Arc::clone(&events) as Arc<dyn Events>;
    (Logs::new(store, kept, &testing::metrics()), events)
}

fn record(group: &str, stream: &str, makes_group: bool, messages: &[&str]) -> LogRecord {
    let event = |message: &&str| LogEvent {
        time_ms: 5,
        message: (*message).into(),
    };
    LogRecord {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        group: group.into(),
        stream: stream.into(),
        makes_group,
        may_measure: true,
        events: messages.iter().map(event).collect(),
    }
}

async fn read(logs: &Logs, group: &str) -> Option<String> {
    let mut input = json::ObjectBuilder::new();
    let input = input.add("logGroupName", group).build().into();
    let call = testing::call(Service::Logs, "FilterLogEvents", &input, 9);
    let found = logs.filter_log_events(&call).await.ok()?.members;
    let events = found.get("events").and_then(Value::as_array)?;
    let text = |event: &Value| {
        event
            .get("message")
            .and_then(Value::as_str)
            .unwrap()
            .to_owned()
    };
    Some(events.iter().map(text).collect::<Vec<_>>().join(" "))
}

#[tokio::test]
async fn what_was_written_can_be_read_after_a_flush() {
    let (logs, _) = world();
    let writer = logs.writer();
    writer.flush().await;
    writer.write(record("g", "s", true, &["a", "b"]));
    writer.write(record("g", "t", true, &["c"]));
    writer.write(record("g", "s", false, &["d"]));
    writer.write(record("missing", "s", false, &["e", "f"]));
    writer.write(record("g", "s", true, &[]));
    writer.flush().await;
    assert_eq!(read(&logs, "g").await.unwrap(), "a b d c");
    assert_eq!(read(&logs, "missing").await, None);
    assert_eq!(writer.shared.dropped.value(), 2);
}

#[tokio::test]
async fn what_waits_is_kept_when_the_writer_ends() {
    let (logs, events) = world();
    logs.writer().write(record("g", "s", true, &["a"]));
    drop(logs);
    assert_eq!(events.groups(None, 9).unwrap().len(), 1);
}

/// Events whose first append waits until it is let on.
struct Slow {
    events: MemoryLines,
    gate: Mutex<mpsc::Receiver<()>>,
}

impl Events for Slow {
    fn append_events(&self, batches: Vec<Batch>) -> store::Result<()> {
        self.gate.lock().recv().unwrap();
        self.events.append_events(batches)
    }

    fn events(
        &self,
        scope: &store::events::Scope<'_>,
        places: std::ops::Range<store::events::Place>,
        order: store::lines::Order,
        bound: store::events::Bound,
    ) -> store::Result<store::events::Page> {
        self.events.events(scope, places, order, bound)
    }

    fn bounds(
        &self,
        streams: &[StreamId],
    ) -> store::Result<Vec<Option<store::events::StreamBounds>>> {
        self.events.bounds(streams)
    }

    fn stored_bytes(&self, groups: &[GroupId]) -> store::Result<Vec<u64>> {
        self.events.stored_bytes(groups)
    }

    fn groups(&self, after: Option<GroupId>, limit: usize) -> store::Result<Vec<GroupId>> {
        self.events.groups(after, limit)
    }

    fn drop_group(&self, group: GroupId) -> store::Result<()> {
        self.events.drop_group(group)
    }

    fn drop_stream(&self, group: GroupId, stream: StreamId) -> store::Result<()> {
        self.events.drop_stream(group, stream)
    }

    fn expire_events(&self, group: GroupId, before_ms: i64) -> store::Result<bool> {
        self.events.expire_events(group, before_ms)
    }

    fn sweep(&self) -> store::Result<bool> {
        self.events.sweep()
    }
}

#[tokio::test]
async fn nobody_waits_and_what_is_too_much_is_dropped_and_counted() {
    let (open, gate) = mpsc::channel();
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let slow = Slow {
        events: MemoryLines::default(),
        gate: Mutex::new(gate),
    };
    let logs = Logs::new(store, Arc::new(slow), &testing::metrics());
    let writer = logs.writer();
    let large = "x".repeat(1 << 20);
    let written = 200;
    for _ in 0..written {
        writer.write(record("g", "s", true, &[&large]));
    }
    let dropped = writer.shared.dropped.value();
    // Those under way, and those that wait, of 1 MiB and a little each.
    assert!(
        (written - 70..=written - 31).contains(&dropped),
        "{dropped}"
    );
    for _ in 0..written {
        open.send(()).unwrap();
    }
    writer.flush().await;
    let call = r#"{"logGroupName": "g", "limit": 1}"#;
    let call = testing::call(
        Service::Logs,
        "FilterLogEvents",
        &json::parse(call).unwrap(),
        9,
    );
    let found = logs.filter_log_events(&call).await.unwrap().members;
    let message = found.get("events").unwrap().as_array().unwrap()[0].get("message");
    // Cut to what an event may have.
    assert_eq!(
        message.and_then(Value::as_str).unwrap().len(),
        MESSAGE_BYTES_MAX
    );
    assert_eq!(writer.shared.dropped.value(), dropped);
}
