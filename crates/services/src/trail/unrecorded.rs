//! What the audit log leaves out of a flood, counted: an event of its own says how many calls of
//! whom are not in it.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use aws::time::iso8601;
use json::{ObjectBuilder, Value};

use super::{Cost, Event};

/// Counted apart; those beyond are counted together. Whoever floods chooses the Region, and each
/// count is an event a minute.
const COUNTS_MAX: usize = 64;

/// How often counts are written.
pub(super) const INTERVAL: Duration = Duration::from_secs(60);

/// The name of the event that holds a count. Not AWS's: CloudTrail leaves nothing out.
pub(super) const EVENT_NAME: &str = "EventsNotRecorded";

/// Counts since they were last written.
#[derive(Default)]
pub(super) struct Unrecorded {
    counts: BTreeMap<Of, Count>,
    /// Something will write them.
    is_due: bool,
}

/// Whose calls, and where they would be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Of {
    account: Arc<str>,
    region: Arc<str>,
    /// `None`: of several.
    principal: Option<Arc<str>>,
}

struct Count {
    calls: u64,
    since_ms: i64,
    last_ms: i64,
    user_identity: Value,
}

impl Unrecorded {
    /// Counts an event that is left out; says whether something has to be made to write the counts.
    pub(super) fn add(&mut self, event: &Event) -> bool {
        let of = Of {
            account: Arc::clone(&event.account),
            region: Arc::clone(&event.region),
            principal: event.spender(),
        };
        let is_counted = self.counts.len() < COUNTS_MAX || self.counts.contains_key(&of);
        let user_identity = event.record.get("userIdentity").filter(|_| is_counted);
        let of = match is_counted {
            true => of,
            false => Of {
                principal: None,
                region: super::GLOBAL_REGION.into(),
                ..of
            },
        };
        let count = self.counts.entry(of).or_insert_with(|| Count {
            calls: 0,
            since_ms: event.time_ms,
            last_ms: event.time_ms,
            user_identity: user_identity.cloned().unwrap_or_default(),
        });
        count.calls += 1;
        count.last_ms = count.last_ms.max(event.time_ms);
        !mem::replace(&mut self.is_due, true)
    }

    /// An event for each count; nothing is counted any more. Without any, nothing is due.
    pub(super) fn take(&mut self) -> Vec<Event> {
        let counts = mem::take(&mut self.counts);
        self.is_due = !counts.is_empty();
        counts
            .into_iter()
            .map(|(of, count)| event(of, count))
            .collect()
    }
}

fn event(of: Of, count: Count) -> Event {
    let data = ObjectBuilder::new()
        .add("count", count.calls)
        .add("since", iso8601(count.since_ms.div_euclid(1_000) * 1_000))
        .add(
            "reason",
            "calls that failed, or that need no rights, came faster than they are recorded",
        )
        .build();
    let record = ObjectBuilder::new()
        .add("eventVersion", "1.11")
        .add("userIdentity", count.user_identity)
        .add(
            "eventTime",
            iso8601(count.last_ms.div_euclid(1_000) * 1_000),
        )
        .add("eventSource", "lockstep.amazonaws.com")
        .add("eventName", EVENT_NAME)
        .add("awsRegion", &*of.region)
        .add("additionalEventData", data)
        .add("readOnly", true)
        .add("resources", Value::empty_array())
        .add("eventType", "AwsServiceEvent")
        .add("managementEvent", true)
        .add("recipientAccountId", &*of.account)
        .add("eventCategory", "Management")
        .build();
    Event {
        account: of.account,
        region: of.region,
        time_ms: count.last_ms,
        record: record.into(),
        cost: Cost::Free,
        may_wait: true,
    }
}
