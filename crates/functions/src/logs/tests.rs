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
    (
        Log::new(Some(Box::new(stream)), &LogSettings::default()),
        events,
    )
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
    assert_eq!(lengths, [262_118, 262_118, 131_124]);
}

#[test]
fn the_tail_is_the_last_four_kilobytes_of_one_invocation() {
    let mut log = Log::new(None, &LogSettings::default());
    log.output(b"before\n");
    assert!(!log.is_read());
    log.keep_tail();
    log.platform(&PlatformEvent::Fault { line: "START\n" });
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

#[test]
fn a_long_line_is_not_cut_within_a_character() {
    for lead in 0..4 {
        let (mut log, events) = log();
        let line = "x".repeat(lead) + &"é".repeat(200_000);
        log.output(line.as_bytes());
        log.end_line();
        let events = events.lock();
        assert!(
            events
                .iter()
                .all(|event| event.len() <= 262_118 && !event.contains('\u{fffd}'))
        );
        assert_eq!(events.concat(), line);
    }
}

/// Level of the function's settings, line, whether it stays.
#[test]
fn records_below_the_level_are_dropped_from_json_logs() {
    let cases = [
        (LogLevel::Warn, r#"{"level":"INFO","message":"x"}"#, false),
        (LogLevel::Warn, r#"{"level":"warn","message":"x"}"#, true),
        (LogLevel::Info, r#"{"level":"INFO"}"#, true),
        (LogLevel::Info, r#"{"level":"DEBUG"}"#, false),
        // No level of AWS's, no record, no JSON: nothing to go by.
        (LogLevel::Fatal, r#"{"level":"loud"}"#, true),
        (LogLevel::Fatal, r#"{"message":"x"}"#, true),
        (LogLevel::Fatal, r#"{"level":"#, true),
        (LogLevel::Fatal, "level: INFO", true),
    ];
    for (application_level, line, stays) in cases {
        let settings = LogSettings {
            format: LogFormat::Json,
            application_level,
            ..LogSettings::default()
        };
        let mut log = Log::new(None, &settings);
        log.keep_tail();
        log.output(format!("{line}\n").as_bytes());
        assert_eq!(!log.take_tail().is_empty(), stays, "{line}");
    }
}

#[test]
fn names_and_times_have_the_forms_of_aws() {
    let now: Timestamp = "2026-01-02T03:04:05.6Z".parse().unwrap();
    assert_eq!(iso_ms(now), "2026-01-02T03:04:05.600Z");
    let mut spec = crate::pool::tests::spec_of(&[], "f.handler");
    let unique = "ab".repeat(16);
    let name = |spec: &FunctionSpec| stream_name(now, spec, [0xab; 16]);
    assert_eq!(name(&spec), format!("2026/01/02/[$LATEST]{unique}"));
    spec.version = "3".into();
    spec.logging.group = Some("shared".into());
    assert_eq!(name(&spec), format!("2026/01/02/f[3]{unique}"));
}
