//! How many bytes are kept of denials of an account, or of events of a principal: a bucket each
//! that refills.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Who have a bucket. For those beyond, buckets that are full again make room: one begins full.
/// Without any they share one.
const BUCKETS_MAX: usize = 1_024;
/// How often room is looked for at most, since all are looked at.
const ROOM_MS: i64 = 1_000;
/// How often it is reported what was dropped.
const REPORT_MS: i64 = 60_000;

/// What a bucket holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// What may be used at once.
    pub bytes_max: i64,
    /// What comes back.
    pub bytes_per_second: i64,
}

/// Of an account: some 3,000 denials at once, then some three a second, at most 350 MB a day on
/// disk.
pub(super) const DENIALS: Rate = Rate {
    bytes_max: 4 << 20,
    bytes_per_second: 4 << 10,
};

/// Of a principal: some 6,000 events at once, then some six a second, at most 700 MB a day on disk.
pub(super) const EVENTS: Rate = Rate {
    bytes_max: 8 << 20,
    bytes_per_second: 8 << 10,
};

/// The buckets of all who have one.
pub(super) struct Budget {
    rate: Rate,
    buckets: BTreeMap<Arc<str>, Bucket>,
    shared: Bucket,
    dropped: u64,
    reported_ms: Option<i64>,
    /// When room was last looked for.
    room_ms: Option<i64>,
}

#[derive(Clone, Copy)]
struct Bucket {
    bytes: i64,
    at_ms: i64,
}

/// What came of a wish to keep something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spent {
    pub is_granted: bool,
    /// How many were dropped since the last report, if it is time for one.
    pub to_report: Option<u64>,
}

impl Budget {
    pub(super) fn new(rate: Rate) -> Budget {
        Budget {
            rate,
            buckets: BTreeMap::new(),
            shared: Bucket::full(rate),
            dropped: 0,
            reported_ms: None,
            room_ms: None,
        }
    }

    pub(super) fn spend(&mut self, whose: &Arc<str>, bytes: usize, now_ms: i64) -> Spent {
        let rate = self.rate;
        let has_bucket = self.buckets.contains_key(whose) || self.has_room(now_ms);
        let bucket = if has_bucket {
            let bucket = self.buckets.entry(Arc::clone(whose));
            bucket.or_insert_with(|| Bucket::full(rate))
        } else {
            &mut self.shared
        };
        let is_granted = bucket.take(i64::try_from(bytes).unwrap_or(i64::MAX), now_ms, rate);
        if !is_granted {
            self.dropped += 1;
        }
        let is_due = is_over(self.reported_ms, REPORT_MS, now_ms);
        let to_report = (self.dropped > 0 && is_due).then_some(self.dropped);
        if to_report.is_some() {
            self.reported_ms = Some(now_ms);
            self.dropped = 0;
        }
        Spent {
            is_granted,
            to_report,
        }
    }

    /// Whether one more may have a bucket. Where there are too many, drops those that are full.
    fn has_room(&mut self, now_ms: i64) -> bool {
        let rate = self.rate;
        if self.buckets.len() >= BUCKETS_MAX && is_over(self.room_ms, ROOM_MS, now_ms) {
            self.room_ms = Some(now_ms);
            self.buckets.retain(|_, bucket| {
                bucket.refill(now_ms, rate);
                bucket.bytes < rate.bytes_max
            });
        }
        self.buckets.len() < BUCKETS_MAX
    }
}

/// Whether something was done so long ago, or never.
fn is_over(done_ms: Option<i64>, wait_ms: i64, now_ms: i64) -> bool {
    done_ms.is_none_or(|done_ms| now_ms.saturating_sub(done_ms) >= wait_ms)
}

impl Bucket {
    fn full(rate: Rate) -> Bucket {
        Bucket {
            bytes: rate.bytes_max,
            at_ms: i64::MIN,
        }
    }

    fn refill(&mut self, now_ms: i64, rate: Rate) {
        // A clock that went back gives nothing.
        let passed_ms = now_ms.saturating_sub(self.at_ms).max(0);
        let refill = passed_ms.saturating_mul(rate.bytes_per_second) / 1_000;
        self.at_ms = self.at_ms.max(now_ms);
        self.bytes = self.bytes.saturating_add(refill).min(rate.bytes_max);
    }

    fn take(&mut self, bytes: i64, now_ms: i64, rate: Rate) -> bool {
        self.refill(now_ms, rate);
        if bytes > self.bytes {
            return false;
        }
        self.bytes -= bytes;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_off_for_its_account_only_and_reported() {
        let mut budget = Budget::new(DENIALS);
        let (noisy, quiet): (Arc<str>, Arc<str>) = ("1".into(), "2".into());
        let mut spend = |account: &Arc<str>, bytes, now_ms| {
            let spent = budget.spend(account, bytes, now_ms);
            (spent.is_granted, spent.to_report)
        };
        assert_eq!(spend(&noisy, 4 << 20, 0), (true, None));
        // The first dropped one is reported at once, the next a minute later.
        assert_eq!(spend(&noisy, 1, 0), (false, Some(1)));
        assert_eq!(spend(&noisy, 1, 0), (false, None));
        assert_eq!(spend(&noisy, 1, 0), (false, None));
        assert_eq!(spend(&quiet, 4_000, 0), (true, None));
        // Refilled at four bytes a millisecond.
        assert_eq!(spend(&noisy, 4_096, 999), (false, None));
        assert_eq!(spend(&noisy, 4_000, 1_000), (true, None));
        // A clock that went back.
        assert_eq!(spend(&noisy, 4_096, 0), (false, None));
        assert_eq!(spend(&noisy, 1, 60_000), (true, Some(4)));
        // What is larger than a bucket is never kept.
        assert_eq!(spend(&quiet, (4 << 20) + 1, i64::MAX), (false, Some(1)));
    }

    #[test]
    fn those_beyond_the_bound_share_a_bucket() {
        let mut budget = Budget::new(DENIALS);
        for account in 0..BUCKETS_MAX {
            let account: Arc<str> = account.to_string().into();
            assert!(budget.spend(&account, 1, 0).is_granted);
        }
        assert!(budget.spend(&"x".into(), 4 << 20, 0).is_granted);
        assert!(!budget.spend(&"y".into(), 1, 0).is_granted);
        assert!(budget.spend(&"7".into(), 1, 0).is_granted);
        assert_eq!(budget.buckets.len(), BUCKETS_MAX);
        // Who used little is soon as good as new, and makes room for another.
        assert!(!budget.spend(&"z".into(), 4_096, 999).is_granted);
        assert!(budget.spend(&"z".into(), 4 << 20, 1_000).is_granted);
        assert!(budget.spend(&"x".into(), 4 << 20, 1_000).is_granted);
        assert!(budget.buckets.len() < BUCKETS_MAX);
    }
}
