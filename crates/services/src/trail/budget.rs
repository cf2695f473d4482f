//! How many bytes of denials are kept of an account: a bucket each that refills.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What an account may use at once: some 3,000 denials.
const BYTES_MAX: i64 = 4 << 20;
/// What comes back: some three denials a second, at most 350 MB a day on disk.
const BYTES_PER_SECOND: i64 = 4 << 10;
/// Accounts with a bucket. Those beyond share one: a server has few.
const ACCOUNTS_MAX: usize = 1_024;
/// How often dropped denials are reported.
const REPORT_MS: i64 = 60_000;

/// The buckets of all accounts.
#[derive(Default)]
pub(super) struct Budget {
    buckets: BTreeMap<Arc<str>, Bucket>,
    shared: Bucket,
    dropped: u64,
    reported_ms: Option<i64>,
}

struct Bucket {
    bytes: i64,
    at_ms: i64,
}

impl Default for Bucket {
    fn default() -> Bucket {
        Bucket {
            bytes: BYTES_MAX,
            at_ms: i64::MIN,
        }
    }
}

/// What came of a wish to keep something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spent {
    pub is_granted: bool,
    /// How many were dropped since the last report, if it is time for one.
    pub to_report: Option<u64>,
}

impl Budget {
    pub(super) fn spend(&mut self, account: &Arc<str>, bytes: usize, now_ms: i64) -> Spent {
        let is_full = self.buckets.len() >= ACCOUNTS_MAX;
        let bucket = if is_full && !self.buckets.contains_key(account) {
            &mut self.shared
        } else {
            self.buckets.entry(Arc::clone(account)).or_default()
        };
        let is_granted = bucket.take(i64::try_from(bytes).unwrap_or(i64::MAX), now_ms);
        if !is_granted {
            self.dropped += 1;
        }
        let is_due = self
            .reported_ms
            .is_none_or(|reported| now_ms.saturating_sub(reported) >= REPORT_MS);
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
}

impl Bucket {
    fn take(&mut self, bytes: i64, now_ms: i64) -> bool {
        // A clock that went back gives nothing.
        let passed_ms = now_ms.saturating_sub(self.at_ms).max(0);
        let refill = passed_ms.saturating_mul(BYTES_PER_SECOND) / 1_000;
        self.at_ms = self.at_ms.max(now_ms);
        self.bytes = self.bytes.saturating_add(refill).min(BYTES_MAX);
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
        let mut budget = Budget::default();
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
    fn accounts_beyond_the_bound_share_a_bucket() {
        let mut budget = Budget::default();
        for account in 0..ACCOUNTS_MAX {
            let account: Arc<str> = account.to_string().into();
            assert!(budget.spend(&account, 1, 0).is_granted);
        }
        assert!(budget.spend(&"x".into(), 4 << 20, 0).is_granted);
        assert!(!budget.spend(&"y".into(), 1, 0).is_granted);
        assert!(budget.spend(&"7".into(), 1, 0).is_granted);
        assert_eq!(budget.buckets.len(), ACCOUNTS_MAX);
    }
}
