//! The streams that executions are logged to: `states/<machine>/<minute>/<hash>`, one for each
//! revision, and a new one after a day or a restart.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use asl::event::Start;
use asl::time::Timestamp;

/// A stream takes records for a day, so that those of a machine are found by their time.
const STREAM_MS: i64 = 24 * 3_600 * 1_000;

/// Streams remembered; one that is not gets another name.
const STREAMS_MAX: usize = 4_096;

/// The current streams, by definition.
#[derive(Default)]
pub(super) struct Streams(HashMap<u64, Stream>);

struct Stream {
    name: Arc<str>,
    since: Timestamp,
}

impl Streams {
    /// The stream that an execution is logged to at this time.
    pub(super) fn name(&mut self, start: &Start, time: Timestamp) -> Arc<str> {
        let is_current = |stream: &&Stream| time.0 - stream.since.0 < STREAM_MS;
        if let Some(stream) = self.0.get(&start.definition).filter(is_current) {
            return Arc::clone(&stream.name);
        }
        if self.0.len() >= STREAMS_MAX {
            self.0.clear();
        }
        let name = name(start, time);
        let stream = Stream {
            name: Arc::clone(&name),
            since: time,
        };
        self.0.insert(start.definition, stream);
        name
    }
}

fn name(start: &Start, time: Timestamp) -> Arc<str> {
    let mut hasher = DefaultHasher::new();
    (&start.state_machine_arn, start.definition, time.0).hash(&mut hasher);
    let hash = hasher.finish() >> 32;
    // 2026-01-31T23:59:59.999Z
    let text = time.to_string();
    let minute = text.get(..16).unwrap_or_default().replace(['T', ':'], "-");
    format!("states/{}/{minute}/{hash:08x}", start.state_machine_name).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_named_for_its_machine_and_its_first_minute() {
        let mut streams = Streams::default();
        let start = |definition| Start {
            state_machine_name: "M".into(),
            definition,
            ..Start::default()
        };
        // 2026-01-01T00:00:59Z
        let first = Timestamp(1_767_225_659_000);
        let mut at = |definition, ms| streams.name(&start(definition), first.plus_ms(ms));
        let name = at(1, 0);
        let (front, hash) = name.rsplit_once('/').unwrap();
        assert_eq!((front, hash.len()), ("states/M/2026-01-01-00-00", 8));
        assert_eq!(at(1, 3_600_000), name);
        assert_ne!(at(2, 0), name);
        assert!(at(1, 86_400_000).starts_with("states/M/2026-01-02-00-00/"));
    }
}
