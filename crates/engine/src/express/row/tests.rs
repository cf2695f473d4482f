use asl::event::{BranchId, ExecutionKind};
use asl::limits::Limits;
use parking_lot::Mutex;

use super::*;
use crate::express::start;
use crate::testing::{MACHINE, failure, request, value};

fn event(id: u64, kind: EventKind) -> Event {
    Event {
        id,
        previous: id - 1,
        branch: BranchId::ROOT,
        kind,
    }
}

/// A run of two events that failed after five milliseconds, before the epoch.
fn entry(input: &str) -> Entry {
    let request = request(Some("n"), input);
    let (kind, limits) = (ExecutionKind::SyncExpress, Limits::default());
    let start = start(request, "u", kind, limits, [1; 4]).unwrap();
    let started = EventKind::ExecutionStarted(Box::new(start.clone()));
    let failed = EventKind::ExecutionFailed(failure("E", "C"));
    let recorded = Recorded {
        events: vec![
            (Timestamp(-7), event(1, started)),
            (Timestamp(-2), event(2, failed)),
        ],
        served: Vec::new(),
        end: Some(Ended {
            status: ExecutionStatus::Failed,
            at: Timestamp(-2),
            output: None,
            failure: failure("E", "C"),
            billing: Billing::of(5, 9),
        }),
    };
    Entry {
        number: 77,
        start: Arc::new(start),
        started_at: Timestamp(-7),
        recorded: Mutex::new(recorded),
    }
}

fn stored(input: &str) -> Run {
    encode(&entry(input), &mut Compressor::default()).unwrap()
}

#[test]
fn a_run_comes_back_as_it_was() {
    for input in ["{}", r#"{ "a" : [1.0, "b"] }"#] {
        let run = stored(input);
        assert_eq!((run.number, &*run.machine), (77, MACHINE));
        assert_eq!((&*run.name, run.started_ms), ("n:u", -7));
        let read = decode("arn", &run).unwrap();
        let expected = entry(input);
        assert_eq!(read.start.input, value(input));
        assert_eq!(
            format!("{:?}", read.recorded.lock().events),
            format!("{:?}", expected.recorded.lock().events)
        );
        let end = read.recorded.lock().end.clone().unwrap();
        assert_eq!((end.at, end.failure), (Timestamp(-2), failure("E", "C")));
        assert_eq!(end.billing, Billing::of(5, 9));
    }
    let running = entry("{}");
    running.recorded.lock().end = None;
    assert!(encode(&running, &mut Compressor::default()).is_none());
}

/// Rows of every release are read for ever.
#[test]
fn rows_of_the_first_version_are_read() {
    let run = Run {
        number: 77,
        machine: MACHINE.into(),
        name: "n:u".into(),
        started_ms: -7,
        definition: 0,
        summary: hex(SUMMARY),
        body: hex(BODY),
    };
    let read = decode("arn", &run).unwrap();
    assert_eq!(read.start.input, value(r#"{"a":1}"#));
    assert_eq!(read.start.state_machine_arn, run.machine);
    let recorded = read.recorded.lock();
    let times = recorded.events.iter().map(|(time, _)| time.0);
    assert_eq!(times.collect::<Vec<_>>(), [-7, -2]);
    assert_eq!(recorded.end.as_ref().unwrap().failure, failure("E", "C"));
}

const SUMMARY: &str = "01030d0364090000";
const BODY: &str = "
    0102010d010a010a5507a3000d0092017b2261223a317d61726e3a6177733a7374617465733a75732d65
    6173742d313a3030303030303030303030303a73746174654d616368696e653a4d6e61726e3a6177733a
    7374617465733a75732d656173742d313a3030303030303030303030303a657870726573733a4d3a6e3a
    754d61726e3a6177733a69616d3a3a3030303030303030303030303a726f6c652f52454301020e070226
    0c013401340100002001000005808010ffffffff0ff40328808080050000000000000000000000000000
    0000000200030e0202
";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn damage_is_noticed_and_named() {
    let whole = stored(r#"{"a":1}"#);
    let check = |run: &Run, expected: &str| {
        let error = decode("arn:x", run).err().unwrap().to_string();
        assert!(error.contains("execution `arn:x`"), "{error}");
        assert!(error.contains(expected), "{error}");
    };
    for at in 0..whole.body.len() {
        let mut run = whole.clone();
        run.body[at] ^= 0x20;
        let read = decode("arn:x", &run);
        // The times stand in front of the record; the store's checksum covers them.
        let is_in_times = (2..6).contains(&at);
        assert!(read.is_err() || is_in_times, "byte {at}");
        run.body.truncate(at);
        assert!(decode("arn:x", &run).is_err(), "{at} bytes");
    }
    for at in 0..whole.summary.len() {
        let mut run = whole.clone();
        run.summary.truncate(at);
        check(&run, "it ends too early");
        let head = Head {
            number: 77,
            name: "n:u".into(),
            started_ms: -7,
            summary: Some(run.summary),
        };
        let error = listed(MACHINE, &head).unwrap_err().to_string();
        assert!(error.contains(":express:"), "{error}");
    }
    let mut foreign = whole.clone();
    foreign.summary[0] = 9;
    check(&foreign, "format version 9");
    foreign = whole.clone();
    foreign.body[0] = 9;
    check(&foreign, "format version 9");
    // The row of another run.
    let mut other = whole;
    other.number = 78;
    check(&other, "its checksum does not fit its bytes");
}
