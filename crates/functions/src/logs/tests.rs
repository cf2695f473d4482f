use parking_lot::Mutex;

use super::*;

#[derive(Default)]
struct Events(Arc<Mutex<Vec<String>>>);

impl LogStream for Events {
    fn write(&mut self, _time_ms: i64, event: &str) {
        self.0.lock().push(event.to_string());
    }
}

fn log() -> (Log, Arc<Mutex<Vec<String>>>) {
    let stream = Events::default();
    let events = Arc::clone(&stream.0);
    (Log::new(Some(Box::new(stream))), events)
}

/// Pieces as they come out of the pipe, and the events they make.
#[test]
fn output_is_cut_into_lines_wherever_the_pieces_end() {
    let cases: &[(&[&[u8]], &[&str])] = &[
        (&[b"one\ntwo\n"], &["one\n", "two\n"]),
        (&[b"o", b"ne", b"\ntw", b"o"], &["one\n", "two"]),
        (&[b"\n\n"], &["\n", "\n"]),
        (&[b"a\rb\n"], &["a\nb\n"]),
        (&[b"a\r\nb"], &["a\n", "b"]),
        (&[b"\xff\xc3", b"\xa9\n"], &["\u{fffd}é\n"]),
        (&[b""], &[]),
    ];
    for (pieces, expected) in cases {
        let (mut log, events) = log();
        for piece in *pieces {
            log.output(piece);
        }
        log.end_line();
        assert_eq!(*events.lock(), *expected, "{pieces:?}");
    }
}

#[test]
fn an_endless_line_becomes_events() {
    let (mut log, events) = log();
    for _ in 0..40 {
        log.output(&[b'x'; 16 * 1024]);
    }
    log.end_line();
    let lengths: Vec<usize> = events.lock().iter().map(String::len).collect();
    assert_eq!(lengths, [262_144, 262_144, 131_072]);
}

#[test]
fn the_tail_is_the_last_four_kilobytes_of_one_invocation() {
    let mut log = Log::new(None);
    log.output(b"before\n");
    assert!(!log.is_read());
    log.keep_tail();
    log.platform("START\n");
    log.output(b"one\n");
    assert_eq!(log.take_tail(), b"START\none\n");
    assert_eq!(log.take_tail(), b"");
    log.keep_tail();
    log.output(&[b'x'; 5_000]);
    log.output(b"\n");
    log.output(b"end\n");
    let tail = log.take_tail();
    assert_eq!((tail.len(), tail.ends_with(b"xx\nend\n")), (4_096, true));
}

fn report(duration_us: u64, init_us: Option<u64>) -> Report {
    Report {
        duration: Duration::from_micros(duration_us),
        billed_ms: duration_us.div_ceil(1_000),
        init: init_us.map(Duration::from_micros),
        memory_used_mb: 36,
        log_group: "g".into(),
        log_stream: "s".into(),
        timed_out: false,
        out_of_memory: false,
    }
}

#[test]
fn report_lines_read_as_on_aws() {
    let failure = crate::failure::timed_out("id", Duration::from_secs(1), "now");
    let cases = [
        (
            3_010,
            Some(110_100),
            None,
            "REPORT RequestId: id\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\t\
             Max Memory Used: 36 MB\tInit Duration: 110.10 ms\t\n",
        ),
        (
            1_000_000,
            None,
            Some(&failure),
            "REPORT RequestId: id\tDuration: 1000.00 ms\tBilled Duration: 1000 ms\t\
             Memory Size: 128 MB\tMax Memory Used: 36 MB\tStatus: timeout\n",
        ),
    ];
    for (duration, init, failure, expected) in cases {
        let line = ReportLine {
            request_id: "id",
            report: &report(duration, init),
            memory_mb: 128,
            failure,
        };
        assert_eq!(line.text(), expected);
    }
}

#[test]
fn names_and_times_have_the_forms_of_aws() {
    let now: Timestamp = "2026-01-02T03:04:05.6Z".parse().unwrap();
    assert_eq!(iso_ms(now), "2026-01-02T03:04:05.600Z");
    let name = stream_name(now, "$LATEST", [0xab; 16]);
    assert_eq!(name, format!("2026/01/02/[$LATEST]{}", "ab".repeat(16)));
}
