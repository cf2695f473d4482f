use super::Timestamp;

fn check(text: &str, expected_ms: Option<i64>) {
    assert_eq!(
        Timestamp::parse_rfc3339(text),
        expected_ms.map(Timestamp),
        "{text}"
    );
}

#[test]
fn reads_rfc3339() {
    check("1970-01-01T00:00:00Z", Some(0));
    check("1969-12-31T23:59:59.999Z", Some(-1));
    check("2016-03-14T01:59:00Z", Some(1_457_920_740_000));
    check("2016-03-14T01:59:00.1Z", Some(1_457_920_740_100));
    check("2016-03-14T01:59:00.123456789Z", Some(1_457_920_740_123));
    check("2016-03-14T03:59:00+02:00", Some(1_457_920_740_000));
    check("2016-03-13T22:29:00-03:30", Some(1_457_920_740_000));
    check("2024-02-29T00:00:00Z", Some(1_709_164_800_000));
    check("2000-02-29T00:00:00Z", Some(951_782_400_000));
    check("0000-03-01T00:00:00Z", Some(-62_162_035_200_000));
    check("9999-12-31T23:59:59Z", Some(253_402_300_799_000));
}

#[test]
fn refuses_what_is_not() {
    for text in [
        "",
        "2016-03-14",
        "2016-03-14t01:59:00Z",
        "2016-03-14T01:59:00z",
        "2016-03-14 01:59:00Z",
        "2016-03-14T01:59:00",
        "2016-03-14T01:59Z",
        "2016-03-14T01:59:00.Z",
        "2016-03-14T01:59:00,5Z",
        "2016-03-14T01:59:00+0200",
        "2016-03-14T01:59:00+24:00",
        "2016-03-14T01:59:00Z ",
        "2016-13-05T21:29:29Z",
        "2016-00-05T21:29:29Z",
        "2016-12-00T21:29:29Z",
        "2016-12-05T25:29:29Z",
        "2016-12-05T24:00:00Z",
        "2016-12-05T21:60:29Z",
        "2016-12-05T21:29:60Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "05-12-2016T21:29:29Z",
        "+016-12-05T21:29:29Z",
        "２016-12-05T21:29:29Z",
    ] {
        check(text, None);
    }
}

#[test]
fn writes_what_it_reads() {
    for (ms, expected) in [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1_767_323_045_678, "2026-01-02T03:04:05.678Z"),
        (1_709_164_800_100, "2024-02-29T00:00:00.100Z"),
    ] {
        assert_eq!(Timestamp(ms).to_iso(), expected);
        check(expected, Some(ms));
    }
    for day in (-719_468..2_932_896).step_by(97) {
        let time = Timestamp(day * 86_400_000 + 43_200_000);
        check(&time.to_iso(), Some(time.0));
    }
}

#[test]
fn sums_stay_at_the_end_of_time() {
    assert_eq!(Timestamp(5).plus_ms(7), Timestamp(12));
    assert_eq!(Timestamp(5).plus_seconds(7), Timestamp(7_005));
    assert_eq!(Timestamp(i64::MAX).plus_seconds(1), Timestamp(i64::MAX));
    assert_eq!(Timestamp(-5).plus_seconds(u64::MAX), Timestamp(i64::MAX));
    assert!(Timestamp(i64::MAX).to_iso().ends_with('Z'));
    assert!(Timestamp(i64::MIN).to_iso().ends_with('Z'));
}
