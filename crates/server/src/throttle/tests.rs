use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;

fn table(key: &str, bucket: u32, refill_per_second: f64) -> RateLimits {
    let rate = Rate {
        bucket,
        refill_per_second,
        express: None,
    };
    RateLimits {
        is_aws: false,
        named: BTreeMap::from([(key.to_owned(), rate)]),
    }
}

fn aws() -> RateLimits {
    RateLimits {
        is_aws: true,
        named: BTreeMap::new(),
    }
}

#[test]
fn tables_that_are_refused() {
    let check = |key, bucket, refill, expected: &str| {
        let error = Throttle::new(Some(&table(key, bucket, refill)))
            .err()
            .unwrap();
        assert!(error.to_string().contains(expected), "{error}");
    };
    check("StartExecutions", 1, 1.0, "`StartExecutions`");
    check("states:", 1, 1.0, "is no operation");
    check("s9:Invoke", 1, 1.0, "is no operation");
    check("Invoke", 1, 1.0, "`lambda:Invoke`");
    for (bucket, refill) in [
        (0, 1.0),
        (1, 0.0),
        (1, -1.0),
        (1, f64::NAN),
        (1, f64::INFINITY),
    ] {
        check("StartExecution", bucket, refill, "no call through");
    }
    for key in ["StartExecution", "states:StartExecution", "lambda:Invoke"] {
        assert!(Throttle::new(Some(&table(key, 1, 0.5))).is_ok(), "{key}");
    }
    let mut twice = table("StartExecution", 1, 1.0);
    let other = table("states:StartExecution", 2, 1.0);
    twice.named.extend(other.named);
    let refused = Throttle::new(Some(&twice)).err().unwrap().to_string();
    assert!(refused.contains("named before"), "{refused}");
    let check = |key: &str, bucket, expected: &str| {
        let mut limits = table(key, 1, 1.0);
        let express = Bucket {
            bucket,
            refill_per_second: 1.0,
        };
        limits.named.get_mut(key).unwrap().express = Some(express);
        let refused = Throttle::new(Some(&limits)).err();
        let text = refused.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains(expected), "{text}");
        assert_eq!(text.is_empty(), expected.is_empty(), "{text}");
    };
    check("StartExecution", 1, "");
    check("StartExecution", 0, "no call through");
    check("StopExecution", 1, "leave it out");
    check("lambda:Invoke", 1, "only `StartExecution`");
}

/// Takes tokens at times after one instant.
struct Bench {
    throttle: Throttle,
    begin: Instant,
}

impl Bench {
    fn new(limits: &RateLimits) -> Bench {
        Bench {
            throttle: Throttle::new(Some(limits)).unwrap(),
            begin: Instant::now(),
        }
    }

    fn admits(
        &self,
        (account, region): (&str, &str),
        (operation, is_express): (&str, bool),
        milliseconds: u64,
    ) -> bool {
        let now = self.begin + Duration::from_millis(milliseconds);
        let caller = Caller {
            account: &account.into(),
            region: &region.into(),
        };
        let called = (Service::States, operation);
        self.throttle.admits(called, caller, is_express, now)
    }

    /// How many calls get through at a time.
    fn admitted(&self, region: &str, called: (&str, bool), milliseconds: u64) -> u32 {
        let mut count = 0;
        while self.admits(("1", region), called, milliseconds) {
            count += 1;
        }
        count
    }
}

#[test]
fn tokens_are_taken_and_come_back() {
    let bench = Bench::new(&table("StartExecution", 2, 4.0));
    let check = |account, operation, milliseconds, expected| {
        let admitted = bench.admits((account, "us-east-1"), (operation, false), milliseconds);
        assert_eq!(
            admitted, expected,
            "{account} {operation} at {milliseconds} ms"
        );
    };
    check("1", "StartExecution", 0, true);
    check("1", "StartExecution", 0, true);
    check("1", "StartExecution", 0, false);
    check("1", "StopExecution", 0, true);
    check("2", "StartExecution", 0, true);
    check("1", "StartExecution", 249, false);
    check("1", "StartExecution", 250, true);
    check("1", "StartExecution", 250, false);
    // A call that read the clock before the last one brings no tokens.
    check("1", "StartExecution", 0, false);
    check("1", "StartExecution", 250, false);
    // It never holds more than its size.
    for expected in [true, true, false] {
        check("1", "StartExecution", 60_000, expected);
    }
}

/// Two types of state machines have two buckets only where the settings say so.
#[test]
fn express_starts_are_counted_apart() {
    let started = BY_TYPE;
    let mut limits = table("StartExecution", 2, 1.0);
    let bench = Bench::new(&limits);
    assert!(!bench.throttle.is_by_type(started));
    limits.named.get_mut("StartExecution").unwrap().express = Some(Bucket {
        bucket: 5,
        refill_per_second: 10.0,
    });
    let bench = Bench::new(&limits);
    assert!(bench.throttle.is_by_type(started));
    assert!(
        !bench
            .throttle
            .is_by_type((Service::States, "StopExecution"))
    );
    let check = |is_express, milliseconds, expected| {
        let admitted = bench.admitted("us-east-1", ("StartExecution", is_express), milliseconds);
        assert_eq!(admitted, expected, "{is_express} at {milliseconds} ms");
    };
    check(false, 0, 2);
    check(true, 0, 5);
    check(false, 300, 0);
    check(true, 300, 3);
}

#[test]
fn numbers_of_aws() {
    let model = Service::States.model().unwrap();
    let all: BTreeSet<&str> = model.operations().iter().map(|it| &*it.name).collect();
    let mut listed: BTreeSet<&str> = AWS.iter().map(|row| row.operation).collect();
    assert_eq!(listed.len(), AWS.len(), "one row for each");
    listed.insert("StartSyncExecution");
    assert_eq!(listed, all);
    let bench = Bench::new(&aws());
    let check = |region, called: (&str, bool), bucket, refill| {
        assert_eq!(bench.admitted(region, called, 0), bucket, "{called:?}");
        assert_eq!(bench.admitted(region, called, 1_000), refill, "{called:?}");
    };
    check("us-east-1", ("StartExecution", false), 1_300, 300);
    check("us-east-1", ("StartExecution", true), 6_000, 6_000);
    check("us-east-2", ("StartExecution", false), 800, 150);
    check("us-east-2", ("StartExecution", true), 6_000, 6_000);
    check("eu-west-1", ("StopExecution", false), 1_000, 200);
    check("eu-central-1", ("StopExecution", false), 500, 25);
    check("us-west-2", ("TestState", false), 1, 1);
    assert!(bench.throttle.is_by_type(BY_TYPE));
    // StartSyncExecution has no bucket.
    for _ in 0..10_000 {
        assert!(bench.admits(("1", "us-east-1"), ("StartSyncExecution", true), 0));
    }
    // One's own number takes the place of AWS's.
    let limits = RateLimits {
        is_aws: true,
        ..table("StopExecution", 3, 1.0)
    };
    let bench = Bench::new(&limits);
    let stops = bench.admitted("us-east-1", ("StopExecution", false), 0);
    let tests = bench.admitted("us-east-1", ("TestState", false), 0);
    assert_eq!((stops, tests), (3, 1));
}

#[test]
fn buckets_are_bounded() {
    let throttle = Throttle::new(Some(&table("StartExecution", 1, 1.0))).unwrap();
    let region: Arc<str> = "us-east-1".into();
    let begin = Instant::now();
    for second in [0, 10] {
        let now = begin + Duration::from_secs(second);
        for account in 0..BUCKETS_MAX {
            let account: Arc<str> = format!("{second}-{account}").into();
            let call = (Service::States, "StartExecution");
            let caller = Caller {
                account: &account,
                region: &region,
            };
            assert!(throttle.admits(call, caller, false, now));
        }
        assert_eq!(throttle.levels.lock().len(), BUCKETS_MAX);
    }
}
