use std::time::Duration;

use super::*;

fn table(key: &str, bucket: u32, refill_per_second: f64) -> BTreeMap<String, Rate> {
    let rate = Rate {
        bucket,
        refill_per_second,
    };
    BTreeMap::from([(key.to_owned(), rate)])
}

#[test]
fn tables_that_are_refused() {
    let check = |key, bucket, refill, expected: &str| {
        let error = Throttle::new(&table(key, bucket, refill)).err().unwrap();
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
        assert!(Throttle::new(&table(key, 1, 0.5)).is_ok(), "{key}");
    }
}

#[test]
fn tokens_are_taken_and_come_back() {
    let throttle = Throttle::new(&table("StartExecution", 2, 4.0)).unwrap();
    let begin = Instant::now();
    let (one, two): (Arc<str>, Arc<str>) = ("1".into(), "2".into());
    let region: Arc<str> = "us-east-1".into();
    let check = |account, operation, milliseconds, expected| {
        let now = begin + Duration::from_millis(milliseconds);
        let admitted = throttle.admits((Service::States, operation), (account, &region), now);
        assert_eq!(
            admitted, expected,
            "{account} {operation} at {milliseconds} ms"
        );
    };
    check(&one, "StartExecution", 0, true);
    check(&one, "StartExecution", 0, true);
    check(&one, "StartExecution", 0, false);
    check(&one, "StopExecution", 0, true);
    check(&two, "StartExecution", 0, true);
    check(&one, "StartExecution", 249, false);
    check(&one, "StartExecution", 250, true);
    check(&one, "StartExecution", 250, false);
    // It never holds more than its size.
    for expected in [true, true, false] {
        check(&one, "StartExecution", 60_000, expected);
    }
}

#[test]
fn buckets_are_bounded() {
    let throttle = Throttle::new(&table("StartExecution", 1, 1.0)).unwrap();
    let region: Arc<str> = "us-east-1".into();
    let begin = Instant::now();
    for second in [0, 10] {
        let now = begin + Duration::from_secs(second);
        for account in 0..BUCKETS_MAX {
            let account: Arc<str> = format!("{second}-{account}").into();
            let call = (Service::States, "StartExecution");
            assert!(throttle.admits(call, (&account, &region), now));
        }
        assert_eq!(throttle.levels.lock().len(), BUCKETS_MAX);
    }
}
