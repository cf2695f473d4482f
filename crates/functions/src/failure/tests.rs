use super::*;

#[test]
fn ends_of_a_process_read_as_on_aws() {
    // Wait status as the kernel packs it: exit code in the high byte, signal in the low one.
    let cases = [
        (0, "Runtime exited without providing a reason"),
        (1 << 8, "Runtime exited with error: exit status 1"),
        (255 << 8, "Runtime exited with error: exit status 255"),
        (9, "Runtime exited with error: signal: killed"),
        (11, "Runtime exited with error: signal: segmentation fault"),
        (34, "Runtime exited with error: signal: signal 34"),
    ];
    for (status, text) in cases {
        let failure = exited("id", ExitStatus::from_raw(status));
        let expected = format!(
            r#"{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: id Error: {text}"}}"#
        );
        assert_eq!(failure.payload, expected);
        assert_eq!(
            failure.log_line,
            format!("RequestId: id Error: {text}\nRuntime.ExitError\n")
        );
    }
}

#[test]
fn a_timeout_shows_the_seconds_of_the_function() {
    for (timeout, text) in [(1, "1.00"), (900, "900.00")] {
        let failure = timed_out(
            "id",
            Duration::from_secs(timeout),
            "2026-01-02T03:04:05.678Z",
        );
        let message = format!("RequestId: id Error: Task timed out after {text} seconds");
        let expected = r#"{"errorType":"Sandbox.Timedout","errorMessage":"MESSAGE"}"#;
        assert_eq!(failure.payload, expected.replace("MESSAGE", &message));
        let line = format!("2026-01-02T03:04:05.678Z id Task timed out after {text} seconds\n");
        assert_eq!(failure.log_line, line);
    }
}

#[test]
fn request_ids_cannot_break_the_body() {
    let failure = exited("a\"b\\", ExitStatus::from_raw(0));
    let body: serde_json::Value = serde_json::from_slice(&failure.payload).unwrap();
    let text = "RequestId: a\"b\\ Error: Runtime exited without providing a reason";
    assert_eq!(body["errorMessage"], text);
}
