use super::*;
use crate::error::Limit;
use crate::{Allowance, Meter};

fn meter() -> Meter {
    Meter::new(Allowance::FULL)
}

#[test]
fn values_as_text() {
    let cases = [
        ("null", "null"),
        ("true", "true"),
        (r#""a\"b""#, "a\"b"),
        ("1.0", "1"),
        ("-0", "0"),
        ("1e2", "100"),
        ("12345678901234567890", "12345678901234600000"),
        ("123456789012345", "123456789012345"),
        (
            "1e400",
            "D3001: Attempting to invoke string function on Infinity or NaN",
        ),
        ("[1e400]", "D1001: Number out of range: null"),
        ("[]", "[]"),
        ("{}", "{}"),
        (
            r#"[1.50,{"b":[],"a":{}},[[]]]"#,
            r#"[1.5,{"b":[],"a":{}},[[]]]"#,
        ),
        (
            r#"["a\"\\\/\n\r\t\b\f\u0001\u001f\u007f é😀"]"#,
            "[\"a\\\"\\\\/\\n\\r\\t\\b\\f\\u0001\\u001f\u{7f} é😀\"]",
        ),
        (r#"{"a\n":0.30000000000000004}"#, r#"{"a\n":0.3}"#),
    ];
    for (value, expected) in cases {
        let value = json::parse(value).unwrap();
        let result = string(&value, false, &meter()).unwrap_or_else(|error| error.to_string());
        assert_eq!(result, expected, "{value}");
    }
}

#[test]
fn values_as_pretty_text() {
    let cases = [
        ("5", "5"),
        ("\"a\"", "a"),
        ("[]", "[]"),
        ("[{}]", "[\n  {}\n]"),
        (
            r#"{"a":[1,{"b":2}],"c":[]}"#,
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": 2\n    }\n  ],\n  \"c\": []\n}",
        ),
    ];
    for (value, expected) in cases {
        let value = json::parse(value).unwrap();
        assert_eq!(string(&value, true, &meter()).unwrap(), expected, "{value}");
    }
}

#[test]
fn a_value_that_holds_itself_ends_with_the_meter() {
    let mut value = Value::from("x");
    for _ in 0..60 {
        value = Value::from(vec![value.clone(), value]);
    }
    let error = string(&value, false, &meter()).unwrap_err();
    assert_eq!(error.limit, Some(Limit::Bytes));
    let mut deep = Value::from(1);
    for _ in 0..100_000 {
        deep = Value::from(vec![deep]);
    }
    assert_eq!(string(&deep, false, &meter()).unwrap().len(), 200_001);
    assert_eq!(
        string(&deep, true, &meter()).unwrap_err().limit,
        Some(Limit::Bytes)
    );
}

#[test]
fn text_as_values() {
    let invalid = "D3137: Invalid JSON";
    let cases = [
        ("null", "null"),
        (
            r#" {"b":1,"a":[true,"x\n"]} "#,
            r#"{"b":1,"a":[true,"x\n"]}"#,
        ),
        ("1.50", "1.50"),
        ("-0", "-0"),
        ("9223372036854775807", "9223372036854775807"),
        ("[9223372036854775808]", "[9223372036854776000]"),
        ("[0.1234567890123456789]", "[0.12345678901234568]"),
        (
            r#"{"a":[1e30,{"b":12345678901234567890}]}"#,
            r#"{"a":[1e30,{"b":12345678901234567000}]}"#,
        ),
        ("1e400", invalid),
        ("[-1e400]", invalid),
        ("", invalid),
        (" ", invalid),
        ("{} {}", invalid),
        ("[1,]", invalid),
        ("'a'", invalid),
        ("NaN", invalid),
        (r#"{"a":1,"a":1}"#, invalid),
        (r#"[{"b":{"a":1,"\u0061":1}}]"#, invalid),
    ];
    for (text, expected) in cases {
        let result = parse(text, &meter());
        let result = result.map_or_else(|error| error.to_string(), |value| value.to_text());
        assert_eq!(result, expected, "{text}");
    }
}

#[test]
fn parsing_is_paid_for_before_it_happens() {
    let text = format!("[{}1]", "1,".repeat(1_000_000));
    assert_eq!(
        parse(&text, &meter()).unwrap_err().limit,
        Some(Limit::Bytes)
    );
    let text = format!("[{}1]", "1,".repeat(100_000));
    let meter = meter();
    let value = parse(&text, &meter).unwrap();
    assert_eq!(value.as_array().unwrap().len(), 100_001);
    // The places are given back, the values are not.
    meter.make(50 << 20).unwrap();
    assert!(meter.make(14 << 20).is_err());
}
