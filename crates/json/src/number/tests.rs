use std::hash::BuildHasher;

use super::*;

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

fn hash_of(number: &Number) -> u64 {
    std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default().hash_one(number)
}

#[test]
fn text_is_kept() {
    for text in [
        "0.0",
        "-0",
        "1e3",
        "1E+03",
        "100",
        "0.10",
        "123456789012345678901234567890",
    ] {
        assert_eq!(number(text).as_text(), text);
    }
}

#[test]
fn only_json_numbers_parse() {
    for text in [
        "", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "1.e3", "0x1", "1 ", " 1", "NaN", "١",
        "1_0", "--1", "1e1.5",
    ] {
        assert_eq!(text.parse::<Number>(), Err(NotANumber), "{text}");
    }
}

/// Groups in ascending order; all numbers of a group are equal.
const ORDER: &[&[&str]] = &[
    &["-1e999999999", "-10e999999998"],
    &["-123456789012345678901234567891"],
    &[
        "-123456789012345678901234567890",
        "-1.2345678901234567890123456789e29",
    ],
    &["-9223372036854775809"],
    &["-9223372036854775808", "-9223372036854775808.000"],
    &["-10", "-1e1", "-10.0"],
    &["-9.99999999999999999999"],
    &["-0.5", "-5e-1"],
    &["-1e-999999999"],
    &[
        "0",
        "-0",
        "0.0",
        "0e5",
        "-0.000e-7",
        "0e99999999999999999999999999999999999999999999",
    ],
    &["1e-99999999999999999999999999999999999999"],
    &["1e-999999999", "0.1e-999999998"],
    &["0.1", "0.10", "1e-1", "10e-2", "0.00001e4"],
    &["0.1000000000000000000000000000001"],
    &["0.11"],
    &["1", "1.0", "1e0", "0.1e1", "10e-1", "1E+0", "1E-0"],
    &["1.00000000000000000000000000000001"],
    &["9"],
    &["10", "1e1", "1E1", "1e+1", "1e01"],
    &["9007199254740992"],
    &["9007199254740993", "9007199254740993.0"],
    &["9223372036854775807"],
    &["9223372036854775808"],
    &["100000000000000000000", "1e20"],
    &["1e400"],
    &["1e999999999", "10e999999998"],
    &["1e99999999999999999999999999999999999999"],
];

#[test]
fn order_is_exact() {
    for (left_at, left) in ORDER.iter().enumerate() {
        for (right_at, right) in ORDER.iter().enumerate() {
            for (left, right) in left.iter().flat_map(|l| right.iter().map(move |r| (l, r))) {
                let (left, right) = (number(left), number(right));
                assert_eq!(left.cmp(&right), left_at.cmp(&right_at), "{left} {right}");
                assert_eq!(left == right, left_at == right_at, "{left} {right}");
                assert_eq!(hash_of(&left) == hash_of(&right), left_at == right_at);
            }
        }
    }
}

#[test]
fn integers_are_read_however_written() {
    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(number(text).as_i64(), expected, "{text}");
    }
    check("0", Some(0));
    check("-0", Some(0));
    check("0.00e7", Some(0));
    check("1.0", Some(1));
    check("1e3", Some(1000));
    check("-12.50e1", Some(-125));
    check("1200e-2", Some(12));
    check("0.0000012e7", Some(12));
    check("9223372036854775807", Some(i64::MAX));
    check("9223372036854775807.0", Some(i64::MAX));
    check("9223372036854775808", None);
    check("-9223372036854775808", Some(i64::MIN));
    check("-9223372036854775809", None);
    check("1e18", Some(1_000_000_000_000_000_000));
    check("1e19", None);
    check("1e999999999", None);
    check("1e-999999999", None);
    check("1.5", None);
    check("1.00000000000000000000000000000000001", None);
}

#[test]
fn integers_are_recognised_beyond_64_bits() {
    for (text, expected) in [
        ("7", true),
        ("7.0", true),
        ("7e400", true),
        ("0.0", true),
        ("7.5", false),
        ("7e-1", false),
    ] {
        assert_eq!(number(text).is_integer(), expected, "{text}");
    }
    for (text, expected) in [("-1", true), ("-0", false), ("0", false), ("-1e-400", true)] {
        assert_eq!(number(text).is_negative(), expected, "{text}");
    }
}

#[test]
fn doubles_are_laid_out_as_in_ecmascript() {
    #[track_caller]
    fn check(value: f64, expected: &str) {
        let number = Number::from_f64(value).unwrap();
        assert_eq!(number.as_text(), expected);
        assert_eq!(number_len(expected.as_bytes()), Some(expected.len()));
        assert_eq!(number.as_f64().to_bits(), (value + 0.0).to_bits());
    }
    check(0.0, "0");
    check(-0.0, "0");
    check(1.0, "1");
    check(-1.5, "-1.5");
    check(0.1, "0.1");
    check(0.1 + 0.2, "0.30000000000000004");
    check(100.0, "100");
    check(123_456.789, "123456.789");
    check(1e20, "100000000000000000000");
    check(123e18, "123000000000000000000");
    check(1e21, "1e+21");
    check(-1.25e300, "-1.25e+300");
    check(1e-6, "0.000001");
    check(-1.5e-6, "-0.0000015");
    check(1e-7, "1e-7");
    check(1.25e-7, "1.25e-7");
    check(f64::MAX, "1.7976931348623157e+308");
    check(5e-324, "5e-324");
    assert_eq!(Number::from_f64(f64::NAN), None);
    assert_eq!(Number::from_f64(f64::NEG_INFINITY), None);
}

#[test]
fn integers_are_written_in_plain_digits() {
    for value in [
        0,
        1,
        -1,
        9,
        10,
        1234,
        i64::MAX,
        i64::MIN,
        99_999_999_999_999,
        -9_999_999_999_999,
    ] {
        assert_eq!(Number::from_i64(value).as_text(), value.to_string());
        assert_eq!(Number::from_i64(value).as_i64(), Some(value));
    }
    assert_eq!(Number::from_u64(u64::MAX).as_text(), u64::MAX.to_string());
}
