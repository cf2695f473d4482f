use super::*;

/// Of a wait status as the kernel packs it: exit code in the high byte, signal in the low one.
fn exited(request_id: &str, status: i32) -> Failure {
    let exit = Exit {
        status: ExitStatus::from_raw(status),
        out_of_memory: false,
    };
    Cause::Exited(exit).failure(request_id, Duration::from_secs(1))
}

#[test]
fn ends_of_a_process_read_as_on_aws() {
    let cases = [
        (0, "Runtime exited without providing a reason"),
        (1 << 8, "Runtime exited with error: exit status 1"),
        (255 << 8, "Runtime exited with error: exit status 255"),
        (9, "Runtime exited with error: signal: killed"),
        (11, "Runtime exited with error: signal: segmentation fault"),
        (34, "Runtime exited with error: signal: signal 34"),
    ];
    for (status, text) in cases {
        let failure = exited("id", status);
        let expected = format!(
            r#"{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: {text}"}}"#
        );
        assert_eq!(failure.payload, expected);
        let line = format!("RequestId: id Error: {text}\nRuntime.ExitError\n");
        assert_eq!(failure.log_line, Some(line));
    }
}

#[test]
fn a_timeout_shows_the_seconds_of_the_function() {
    for (timeout, text) in [(1, "1.00"), (900, "900.00")] {
        let failure = Cause::TimedOut.failure("id", Duration::from_secs(timeout));
        let message = format!("RequestId: id Error: Task timed out after {text} seconds");
        let expected = r#"{"errorType":"Sandbox.Timedout","errorMessage":"MESSAGE"}"#;
        assert_eq!(failure.payload, expected.replace("MESSAGE", &message));
        let line = failure.log_line.unwrap();
        let (time, line) = line.split_once(' ').unwrap();
        assert!(
            time.parse::<Timestamp>().is_ok() && time.len() == 24,
            "{time}"
        );
        assert_eq!(line, format!("id Task timed out after {text} seconds\n"));
    }
}

#[test]
fn request_ids_cannot_break_the_body() {
    let failure = exited("a\"b\\", 0);
    let body: serde_json::Value = serde_json::from_slice(&failure.payload).unwrap();
    let text = "RequestId: a\"b\\ Error: Runtime exited without providing a reason";
    assert_eq!(body["errorMessage"], text);
}

#[test]
fn a_process_killed_for_its_memory_says_so_in_the_log_only() {
    let exit = Exit {
        status: ExitStatus::from_raw(9),
        out_of_memory: true,
    };
    let failure = Cause::Exited(exit).failure("id", Duration::from_secs(1));
    let expected = "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\
                    \"RequestId: id Error: Runtime exited with error: signal: killed\"}";
    assert_eq!(failure.payload, expected);
    assert_eq!(failure.error_type, "Runtime.OutOfMemory");
    assert_eq!(failure.origin, Origin::Memory);
}

#[test]
fn the_type_of_a_reported_error_is_beside_its_body_or_in_it() {
    let cases = [
        (r#"{"errorType":"Mine"}"#, None, "Mine"),
        (r#"{"errorType":"Mine"}"#, Some("Other"), "Other"),
        (r#"{"errorMessage":"x"}"#, None, "Runtime.Unknown"),
        ("no json", None, "Runtime.Unknown"),
    ];
    for (body, named, expected) in cases {
        let failure = Failure::reported(body.into(), named);
        assert_eq!(failure.error_type, expected, "{body}");
        assert_eq!(
            (&*failure.payload, failure.is_fatal()),
            (body.as_bytes(), false)
        );
    }
    // Of an error while coming up only types of AWS's form are shown.
    let cases = [
        ("Runtime.ImportModuleError", "Runtime.ImportModuleError"),
        ("Function.MyError", "Function.MyError"),
        ("Function.bad1", "Function.Unknown"),
        ("Runtime.", "Runtime.Unknown"),
        ("ZeroDivisionError", "Runtime.Unknown"),
    ];
    for (given, expected) in cases {
        let cause = Cause::InitFailed(Failure::reported("{}".into(), Some(given)));
        assert_eq!(cause.error_type(), expected, "{given}");
        let failure = cause.failure("id", Duration::from_secs(1));
        assert_eq!((&*failure.payload, failure.is_fatal()), (&b"{}"[..], true));
    }
}
