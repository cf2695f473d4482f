use super::*;
use crate::Allowance;

fn meter() -> Meter {
    Meter::new(Allowance::FULL)
}

fn text_of(result: Result<String, Error>) -> String {
    result.unwrap_or_else(|error| error.to_string())
}

fn texts_of(result: Result<Vec<Value>, Error>) -> String {
    result.map_or_else(
        |error| error.to_string(),
        |parts| Value::from(parts).to_text(),
    )
}

#[test]
fn substrings() {
    let cases = [
        ("hello", 1.0, None, "ello"),
        ("hello", 0.0, Some(2.0), "he"),
        ("hello", -3.0, None, "llo"),
        ("hello", -3.0, Some(2.0), "ll"),
        ("hello", -30.0, Some(2.0), "he"),
        ("hello", 9.0, None, ""),
        ("hello", 9.0, Some(2.0), ""),
        ("hello", 1.0, Some(0.0), ""),
        ("hello", 1.0, Some(-5.0), ""),
        ("hello", 1.0, Some(1e300), "ello"),
        ("hello", 1.7, Some(1.5), "el"),
        ("hello", -1.5, None, "o"),
        ("a😀é€b", 1.0, Some(3.0), "😀é€"),
        ("a😀é€b", -2.0, Some(9.0), "€b"),
        ("", 0.0, None, ""),
    ];
    for (text, start, length, expected) in cases {
        let result = substring(text, start, length, &meter());
        assert_eq!(result.unwrap(), expected, "{text} {start} {length:?}");
    }
}

#[test]
fn before_and_after() {
    let cases = [
        ("a-b-c", "-", "a", "b-c"),
        ("abc", "x", "abc", "abc"),
        ("abc", "", "", "abc"),
        ("", "x", "", ""),
        ("é😀z", "😀", "é", "z"),
    ];
    for (text, chars, before, after) in cases {
        assert_eq!(substring_before(text, chars), before);
        assert_eq!(substring_after(text, chars), after);
    }
}

#[test]
fn cases_lengths_and_blanks() {
    let cases = [
        ("aßé", "ASSÉ", "aßé", "aßé", 3),
        ("ΑΣ", "ΑΣ", "ας", "ΑΣ", 2),
        (" a \t\n b\r", " A \t\n B\r", " a \t\n b\r", "a b", 8),
        (
            "\u{a0}x\u{a0}",
            "\u{a0}X\u{a0}",
            "\u{a0}x\u{a0}",
            "\u{a0}x\u{a0}",
            3,
        ),
        ("😀", "😀", "😀", "😀", 1),
        ("  ", "  ", "  ", "", 2),
    ];
    for (text, upper, lower, trimmed, len) in cases {
        assert_eq!(uppercase(text, &meter()).unwrap(), upper);
        assert_eq!(lowercase(text, &meter()).unwrap(), lower);
        assert_eq!(trim(text, &meter()).unwrap(), trimmed);
        assert_eq!(length(text, &meter()).unwrap(), len);
    }
}

#[test]
fn padding() {
    let cases = [
        ("foo", 5.0, None, "foo  "),
        ("foo", -5.0, None, "  foo"),
        ("foo", 5.0, Some(""), "foo  "),
        ("foo", 8.0, Some("12"), "foo12121"),
        ("foo", -8.0, Some("12"), "12121foo"),
        ("foo", 2.0, Some("-"), "foo"),
        ("foo", 0.0, Some("-"), "foo"),
        ("😀", 4.0, Some("é€"), "😀é€é"),
        ("x", 3.9, Some("-"), "x--"),
    ];
    for (text, width, with, expected) in cases {
        assert_eq!(
            text_of(pad(text, width, with, &meter())),
            expected,
            "{text} {width}"
        );
    }
}

#[test]
fn splitting() {
    let limit_error = "D3020: Third argument of split function must evaluate to a positive number";
    let cases = [
        ("a,b,c", ",", None, r#"["a","b","c"]"#),
        ("a,b,c", ",", Some(2.0), r#"["a","b"]"#),
        ("a,b,c", ",", Some(1.9), r#"["a"]"#),
        ("a,b,c", ",", Some(0.0), "[]"),
        ("a,b,c", ",", Some(1e300), r#"["a","b","c"]"#),
        (",a,", ",", None, r#"["","a",""]"#),
        ("", ",", None, r#"[""]"#),
        ("", "", None, "[]"),
        ("a😀", "", None, r#"["a","😀"]"#),
        ("abc", "", Some(2.0), r#"["a","b"]"#),
        ("abc", ",", Some(-1.0), limit_error),
    ];
    for (text, separator, limit, expected) in cases {
        assert_eq!(
            texts_of(split(text, separator, limit, &meter())),
            expected,
            "{text}"
        );
    }
}

#[test]
fn joining_and_finding() {
    assert_eq!(text_of(join(["a", "", "b"], "-", &meter())), "a--b");
    assert_eq!(text_of(join([], "-", &meter())), "");
    for (text, token, expected) in [("abc", "bc", true), ("abc", "", true), ("abc", "x", false)] {
        assert_eq!(contains(text, token, &meter()), Ok(expected));
    }
}

#[test]
fn replacing() {
    let empty = "D3010: Second argument of replace function cannot be an empty string";
    let limit_error = "D3011: Fourth argument of replace function must evaluate to a positive \
                       number";
    let cases = [
        ("a-b-c", "-", "+", None, "a+b+c"),
        ("a-b-c", "-", "+", Some(1.0), "a+b-c"),
        ("a-b-c", "-", "+", Some(1.5), "a+b+c"),
        ("a-b-c", "-", "+", Some(0.0), "a-b-c"),
        ("aaa", "aa", "a", None, "aa"),
        ("abc", "b", "$0$1", None, "a$0$1c"),
        ("abc", "x", "y", None, "abc"),
        ("abc", "", "y", None, empty),
        ("abc", "b", "y", Some(-1.0), limit_error),
    ];
    for (text, pattern, replacement, limit, expected) in cases {
        let result = replace(text, pattern, replacement, limit, &meter());
        assert_eq!(text_of(result), expected, "{text} {pattern}");
    }
}

#[test]
fn growth_ends_before_memory_does() {
    let long = "x".repeat(UNITS_MAX / 2);
    let parts = [long.as_str(), "y", long.as_str()];
    let hungry = [
        ("pad", pad("", 1e9, None, &meter())),
        (
            "pad by one",
            pad(&long, -(UNITS_MAX as f64 + 1.0), Some("ab"), &meter()),
        ),
        (
            "pad by infinity",
            pad("", f64::INFINITY, Some("ab"), &meter()),
        ),
        ("join", join(parts, "", &meter())),
        (
            "replace",
            replace(&long, "x", &"y".repeat(1000), None, &meter()),
        ),
        ("uppercase", uppercase(&"ŉ".repeat(UNITS_MAX), &meter())),
    ];
    for (name, result) in hungry {
        assert_eq!(result.unwrap_err().limit, Some(Limit::Bytes), "{name}");
    }
    assert_eq!(
        text_of(pad("", UNITS_MAX as f64, None, &meter())).len(),
        UNITS_MAX
    );
    let parts = split(&",".repeat(UNITS_MAX), ",", None, &meter());
    assert_eq!(parts.unwrap_err().limit, Some(Limit::Bytes));
}
