use proptest::prelude::*;

use super::*;
use crate::{Kind, Object, View};

/// Long enough that `parse_lazy` keeps the text.
fn lazy(text: &str) -> Value {
    let padding = "\n".repeat(2 * LAZY_LEN_MIN);
    parse_lazy(format!("{text}{padding}").into()).unwrap()
}

#[track_caller]
fn check(text: &str, compact: &str) {
    let value = parse(text).unwrap();
    assert_eq!(value.to_text(), compact);
    assert_eq!(value.size(), compact.len());
    assert_eq!(parse_spanned(text).unwrap().root.to_text(), compact);
    assert_eq!(parse(compact).unwrap().to_text(), compact);
    let lazy = lazy(text);
    assert_eq!(
        (lazy.size(), lazy.depth(), lazy.kind()),
        (value.size(), value.depth(), value.kind())
    );
    assert_eq!(lazy.to_text(), compact);
    assert!(lazy == value);
}

#[test]
fn texts_are_kept_but_for_white_space_and_escapes() {
    for text in [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "0.0",
        "1e3",
        "1E+3",
        "-1.50e-07",
        "\"\"",
        "\"a\"",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        r#"{"":""}"#,
        r#"{"b":1,"a":2}"#,
        r#"[1,"two",null,true,{"a":[]}]"#,
        "123456789012345678901234567890",
        "0.1000000000000000055511151231257827",
        r#""\"\\\b\f\n\r\t\u0000\u001F""#,
        "\"é😀\u{7f}\u{2028}\"",
        "1e999999999",
    ] {
        check(text, text);
    }
    check(" \t\r\n1 ", "1");
    check(" [ 1 , 2 ] ", "[1,2]");
    check("{ \"a\" :\n{ \"b\"\t: [ ] } }\r\n", r#"{"a":{"b":[]}}"#);
    check(r#""\u0041\/\u00e9\u000a\u001f""#, "\"A/é\\n\\u001F\"");
    check(
        r#"{"\u0061":"\ud83d\ude00\ud83d"}"#,
        "{\"a\":\"😀\u{fffd}\"}",
    );
    check(r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#);
    check(
        r#"{"a":1,"\u0061":{"x":[1,2,3]}}"#,
        r#"{"a":{"x":[1,2,3]}}"#,
    );
    check(
        r#"[{"x":{"y":1,"y":22}},{"y":1}]"#,
        r#"[{"x":{"y":22}},{"y":1}]"#,
    );
}

#[test]
fn repeated_names_are_found_in_large_objects_too() {
    let members: Vec<String> = (0..100).map(|i| format!("\"key {i}\":{i}")).collect();
    let text = format!("{{{}}}", members.join(","));
    check(&text, &text);
    let repeated = text.replace("key 99", "key 0");
    let expected = text.replace(":0,", ":99,").replace(",\"key 99\":99", "");
    check(&repeated, &expected);
}

#[track_caller]
fn refuse(text: &str, message: &str) {
    let error = parse(text).unwrap_err();
    assert_eq!(error.message(), message, "{text:?}");
    assert_eq!(error.to_string(), message);
    assert_eq!(parse_spanned(text).unwrap_err(), error);
    assert_eq!(parse_lazy(text.into()).unwrap_err(), error);
    let long = text.to_owned() + &" ".repeat(LAZY_LEN_MIN);
    assert!(parse_lazy(long.into()).is_err());
}

fn value_expected(character: &str) -> String {
    format!(
        "Unexpected character ({character}): expected a valid value {}",
        error::VALUE_LIST
    )
}

fn unrecognized(token: &str) -> String {
    format!(
        "Unrecognized token '{token}': was expecting {}",
        error::VALUE_LIST
    )
}

#[test]
fn words_that_are_no_values_are_refused() {
    refuse("", "No content to map due to end-of-input");
    refuse(" \n\t ", "No content to map due to end-of-input");
    refuse("not", &unrecognized("not"));
    refuse("not json", &unrecognized("not"));
    refuse("[nul]", &unrecognized("nul"));
    refuse("tru", &unrecognized("tru"));
    refuse("truex", &unrecognized("truex"));
    refuse("True", &unrecognized("True"));
    refuse("[false1]", &unrecognized("false1"));
    refuse("{\"a\":undefined}", &unrecognized("undefined"));
    refuse("$.a", &unrecognized("$"));
    refuse("été", &unrecognized("été"));
    refuse(&"a".repeat(300), &unrecognized(&("a".repeat(256) + "...")));
    refuse(
        "[NaN]",
        "Non-standard token 'NaN': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow",
    );
    refuse("NaNo", &unrecognized("NaNo"));
    refuse(
        "-Infinity",
        "Non-standard token '-Infinity': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to \
         allow",
    );
}

#[test]
fn misplaced_characters_are_refused() {
    let in_name = |shown: &str| {
        format!("Unexpected character ({shown}): was expecting double-quote to start field name")
    };
    let comma = |shown: &str, name: &str| {
        format!("Unexpected character ({shown}): was expecting comma to separate {name} entries")
    };
    refuse("{'a':1}", &in_name("''' (code 39)"));
    refuse("{a:1}", &in_name("'a' (code 97)"));
    refuse("{1:1}", &in_name("'1' (code 49)"));
    refuse("{,}", &in_name("',' (code 44)"));
    refuse("{\"a\":1,}", &in_name("'}' (code 125)"));
    refuse("{\"a\":1,,\"b\":2}", &in_name("',' (code 44)"));
    refuse("'a'", &value_expected("''' (code 39)"));
    refuse("[1,]", &value_expected("']' (code 93)"));
    refuse("[,1]", &value_expected("',' (code 44)"));
    refuse("[1,,2]", &value_expected("',' (code 44)"));
    refuse("{\"a\":}", &value_expected("'}' (code 125)"));
    refuse(".5", &value_expected("'.' (code 46)"));
    refuse("*", &value_expected("'*' (code 42)"));
    refuse(
        "\u{feff}{}",
        &value_expected("'\u{feff}' (code 65279 / 0xfeff)"),
    );
    refuse("€", &unrecognized("€"));
    refuse("“a”", &value_expected("'“' (code 8220 / 0x201c)"));
    refuse("😀", &value_expected("'?' (code 55357 / 0xd83d)"));
    refuse("\u{85}", &value_expected("(CTRL-CHAR, code 133)"));
    refuse("[1 2]", &comma("'2' (code 50)", "Array"));
    refuse("[1x]", &comma("'x' (code 120)", "Array"));
    refuse("[\"a\":1]", &comma("':' (code 58)", "Array"));
    refuse("{\"a\":1 \"b\":2}", &comma("'\"' (code 34)", "Object"));
    refuse("{\"a\":1x}", &comma("'x' (code 120)", "Object"));
    refuse(
        "{\"a\" 1}",
        "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and \
         value",
    );
    refuse(
        "// note\n1",
        "Unexpected character ('/' (code 47)): maybe a (non-standard) comment? (not recognized as \
         one since Feature 'ALLOW_COMMENTS' not enabled for parser)",
    );
    refuse(
        "[1,\u{1}2]",
        "Illegal character ((CTRL-CHAR, code 1)): only regular white space (\\r, \\n, \\t) is \
         allowed between tokens",
    );
    refuse(
        "123abc",
        "Unexpected character ('a' (code 97)): Expected space separating root-level values",
    );
}

#[test]
fn strings_and_numbers_that_are_none_are_refused() {
    refuse(
        "\"a\nb\"",
        "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to \
         be included in string value",
    );
    refuse(
        "{\"a\tb\":1}",
        "Illegal unquoted character ((CTRL-CHAR, code 9)): has to be escaped using backslash to \
         be included in name",
    );
    refuse(r#""\x""#, "Unrecognized character escape 'x' (code 120)");
    refuse(r#""\é""#, "Unrecognized character escape 'é' (code 233)");
    refuse(
        r#""\u00g0""#,
        "Unexpected character ('g' (code 103)): expected a hex-digit for character escape sequence",
    );
    refuse(
        r#""\ud83d\u00é0""#,
        "Unexpected character ('é' (code 233)): expected a hex-digit for character escape sequence",
    );
    refuse("01", "Invalid numeric value: Leading zeroes not allowed");
    refuse(
        "[-012]",
        "Invalid numeric value: Leading zeroes not allowed",
    );
    let in_number = |shown: &str, expected: &str| {
        format!("Unexpected character ({shown}) in numeric value: {expected}")
    };
    refuse(
        "-x",
        &in_number(
            "'x' (code 120)",
            "expected digit (0-9) to follow minus sign, for valid numeric value",
        ),
    );
    refuse(
        "[1.]",
        &in_number("']' (code 93)", "Decimal point not followed by a digit"),
    );
    refuse(
        "[1.e3]",
        &in_number("'e' (code 101)", "Decimal point not followed by a digit"),
    );
    refuse(
        "[1ex]",
        &in_number(
            "'x' (code 120)",
            "Exponent indicator not followed by a digit",
        ),
    );
    refuse(
        "+1",
        &in_number(
            "'+' (code 43)",
            "JSON spec does not allow numbers to have plus signs: enable \
             `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow",
        ),
    );
}

#[test]
fn texts_that_end_early_are_refused() {
    let unclosed = |name: &str, source: &str, column: usize| {
        format!(
            "Unexpected end-of-input: expected close marker for {name} (start marker at [Source: \
             (String)\"{source}\"; line: 1, column: {column}])"
        )
    };
    refuse("{", &unclosed("Object", "{", 1));
    refuse("[1", &unclosed("Array", "[1", 1));
    refuse("[ {\"a\":1", &unclosed("Object", "[ {\"a\":1", 3));
    refuse(
        "\"abc",
        "Unexpected end-of-input: was expecting closing quote for a string value",
    );
    refuse("{\"abc", "Unexpected end-of-input in field name");
    refuse(
        "\"abc\\",
        "Unexpected end-of-input in character escape sequence",
    );
    refuse(
        "\"\\u00",
        "Unexpected end-of-input in character escape sequence",
    );
    refuse(
        "{\"a\"",
        "Unexpected end-of-input within/between Object entries",
    );
    refuse(
        "{\"a\":",
        "Unexpected end-of-input within/between Object entries",
    );
    refuse(
        "{\"a\":1,",
        "Unexpected end-of-input within/between Object entries",
    );
    refuse(
        "[1,",
        "Unexpected end-of-input within/between Array entries",
    );
    for text in ["-", "1.", "1e", "1e+", "+", "[-", "[1."] {
        assert!(
            parse(text)
                .unwrap_err()
                .message()
                .starts_with("Unexpected end-of-input"),
            "{text}"
        );
    }
}

#[test]
fn what_follows_the_value_is_refused() {
    refuse("{} x", &unrecognized("x"));
    refuse(
        "1,2",
        "Unexpected character (',' (code 44)): Expected space separating root-level values",
    );
    refuse("[] ,", &value_expected("',' (code 44)"));
    refuse(
        "[1}",
        "Unexpected close marker '}': expected ']' (for Array starting at [Source: \
         (String)\"[1}\"; line: 1, column: 1])",
    );
    refuse(
        "{\"a\":\n[]]",
        "Unexpected close marker ']': expected '}' (for Object starting at [Source: \
         (String)\"{\"a\":\n[]]\"; line: 1, column: 1])",
    );
    refuse(
        "]",
        "Unexpected close marker ']': expected '}' (for root starting at [Source: \
         (String)\"]\"; line: 1, column: 0])",
    );
    refuse(
        "{}}",
        "Unexpected close marker '}': expected ']' (for root starting at [Source: \
         (String)\"{}}\"; line: 1, column: 0])",
    );
    let after = [
        ("{}", "START_OBJECT"),
        ("[", "START_ARRAY"),
        ("\"a\"", "VALUE_STRING"),
        ("2", "VALUE_NUMBER_INT"),
        ("2.0", "VALUE_NUMBER_FLOAT"),
        ("true", "VALUE_TRUE"),
        ("false", "VALUE_FALSE"),
        ("null", "VALUE_NULL"),
    ];
    for (token, name) in after {
        refuse(
            &format!("{{}} {token}"),
            &format!(
                "Trailing token (of type {name}) found after value (bound as \
                 `com.fasterxml.jackson.databind.JsonNode`): not allowed as per \
                 `DeserializationFeature.FAIL_ON_TRAILING_TOKENS`"
            ),
        );
    }
}

#[test]
fn deep_texts_are_refused() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    check(&nested(DEPTH_MAX), &nested(DEPTH_MAX));
    let message = "Document nesting depth (1001) exceeds the maximum allowed (1000, from \
                   `StreamReadConstraints.getMaxNestingDepth()`)";
    refuse(&nested(DEPTH_MAX + 1), message);
    for depth in [100_000, 1_000_000] {
        refuse(&nested(depth), message);
        refuse(&"[".repeat(depth), message);
        refuse(&"{\"a\":".repeat(depth), message);
    }
}

#[test]
fn places_are_those_jackson_reports() {
    #[track_caller]
    fn check(text: &str, offset: usize, line: usize, column: usize) {
        let error = parse(text).unwrap_err();
        assert_eq!(
            (error.offset, error.line, error.column),
            (offset, line, column),
            "{text:?}"
        );
    }
    check("", 0, 1, 0);
    check("not json", 0, 1, 4);
    check("{'name':1}", 1, 1, 3);
    check("{\n  \"a\": x\n}", 9, 2, 9);
    check("[1,\r\n\r\r*]", 7, 4, 2);
    check("[\"é😀\",*]", 10, 1, 9);
    check("[1", 2, 1, 3);
    check("[1\n", 3, 2, 1);
    check("01", 1, 1, 2);
    check("[\"a\nb\"]", 3, 1, 5);
}

#[test]
fn places_show_the_source() {
    #[track_caller]
    fn check(text: &str, location: &str) {
        let error = parse(text).unwrap_err();
        assert_eq!(error.location(), location);
        assert_eq!(
            error.located_message(),
            format!("{}\n at {location}", error.message())
        );
    }
    check("not", "[Source: (String)\"not\"; line: 1, column: 4]");
    check(
        "\n*\t\0",
        "[Source: (String)\"\n*\\u0009\\u0000\"; line: 2, column: 2]",
    );
    let long = "*".repeat(512);
    let shown = "*".repeat(500);
    check(
        &long,
        &format!("[Source: (String)\"{shown}\"[truncated 12 chars]; line: 1, column: 2]"),
    );
}

#[test]
fn spans_are_those_of_the_text() {
    let text = "{ \"a\" : [ 1, {\"b\":\"x\"} ],\n \"é\" : null, \"\\u0063\": [[]]}";
    let document = parse_spanned(text).unwrap();
    let check = |path: &[Step], key: Option<&str>, value: &str, place: (usize, usize)| {
        let shown = |span: Span| text.get(span.start..span.end).unwrap();
        assert_eq!(document.span(path).map(shown), Some(value));
        assert_eq!(document.key_span(path).map(shown), key);
        assert_eq!(
            document.line_column(document.span(path).unwrap().start),
            place
        );
    };
    check(&[], None, text, (1, 1));
    check(&["a".into()], Some("\"a\""), "[ 1, {\"b\":\"x\"} ]", (1, 9));
    check(&["a".into(), 0.into()], None, "1", (1, 11));
    check(&["a".into(), 1.into()], None, "{\"b\":\"x\"}", (1, 14));
    check(
        &["a".into(), 1.into(), "b".into()],
        Some("\"b\""),
        "\"x\"",
        (1, 19),
    );
    check(&["é".into()], Some("\"é\""), "null", (2, 8));
    check(&["c".into()], Some("\"\\u0063\""), "[[]]", (2, 24));
    check(&["c".into(), 0.into()], None, "[]", (2, 25));
    assert!(document.duplicates.is_empty());
    for absent in [vec!["x".into()], vec!["a".into(), 2.into()], vec![0.into()]] {
        assert_eq!(document.span(&absent), None);
    }
}

#[test]
fn repeated_names_are_reported() {
    let text = r#"{"a":1,"s":[{"x":{"k":1,"k":2},"x":3}],"a":4,"a":5}"#;
    let document = parse_spanned(text).unwrap();
    let found = document.duplicates.iter().map(|duplicate| {
        let path: Vec<String> = duplicate.path.iter().map(Step::to_string).collect();
        let shown = text.get(duplicate.span.start..duplicate.span.end).unwrap();
        assert_eq!(shown, format!("\"{}\"", duplicate.key));
        (path.join("/"), duplicate.key.as_str(), duplicate.span.start)
    });
    let expected = [
        ("s/0/x", "k", 24),
        ("s/0", "x", 31),
        ("", "a", 39),
        ("", "a", 45),
    ];
    let expected = expected.map(|(path, key, start)| (path.to_owned(), key, start));
    assert_eq!(found.collect::<Vec<_>>(), expected);
    let last = document.span(&["a".into()]).unwrap();
    assert_eq!(
        (
            text.get(last.start..last.end).unwrap(),
            document.root.get("a").unwrap()
        ),
        ("5", &5.into())
    );
}

#[test]
fn lazy_values_parse_only_when_looked_into() {
    let compact = format!(
        "{{\"a\":[1.0],\"pad\":\"{}\"}}",
        "x".repeat(2 * LAZY_LEN_MIN)
    );
    let value = parse_lazy(compact.as_str().into()).unwrap();
    assert_eq!(
        (value.kind(), value.size(), value.depth()),
        (Kind::Object, compact.len(), 2)
    );
    assert_eq!(
        value.as_compact_text().map(|text| &**text),
        Some(compact.as_str())
    );
    assert_eq!(value.to_text(), compact);
    let Repr::Lazy(lazy) = &value.0 else {
        panic!("the text is long enough to be kept")
    };
    assert!(!lazy.is_parsed());
    assert!(matches!(value.get("a").unwrap().view(), View::Array([_])));
    assert!(lazy.is_parsed());
    assert!(
        value
            .clone()
            .get("a")
            .unwrap()
            .ptr_eq(value.get("a").unwrap())
    );
    let spaced = compact.replace(':', ": ");
    let value = parse_lazy(spaced.into()).unwrap();
    assert!(value.as_compact_text().is_none());
    assert_eq!((value.size(), value.to_text()), (compact.len(), compact));
}

#[test]
fn lazy_text_is_compact_only_if_written_so() {
    for (written, is_compact) in [
        ("\\u001F", true),
        ("\\u001f", false),
        ("\\n", true),
        ("\\/", false),
        ("\\u0041", false),
    ] {
        let text = format!("[\"{written}{}\"]", "x".repeat(2 * LAZY_LEN_MIN));
        let value = parse_lazy(text.clone().into()).unwrap();
        assert_eq!(value.as_compact_text().is_some(), is_compact, "{written}");
        assert_eq!(value.to_text() == text, is_compact);
        assert_eq!(value.size(), value.to_text().len());
    }
}

#[test]
fn short_integers_are_scanned_like_all_numbers() {
    for integer in [
        "0", "7", "-7", "42", "-42", "123456", "1234567", "-123456", "-1234567", "12345678", "00",
        "-00", "01", "-", "", "1.5", "1e5", "-1E5", "0.5", "-0",
    ] {
        for after in [
            "",
            ",",
            "]",
            " ",
            "}",
            "x",
            "\u{e9}",
            "\u{10ffff}",
            ":;<=>?@",
            "//",
            "\0",
        ] {
            let text = format!("{integer}{after}          ");
            let short = digits::short_integer_len(text.as_bytes());
            assert!(
                short.is_none() || short == number_len(text.as_bytes()),
                "{text:?}"
            );
            let is_plain = (1..=7).contains(&integer.len()) && integer.parse::<i32>().is_ok();
            let is_sound = number_len(integer.as_bytes()) == Some(integer.len());
            assert_eq!(short.is_some(), is_plain && is_sound, "{text:?}");
        }
    }
}

fn any_number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "-?(0|[1-9][0-9]{0,20})([.][0-9]{1,20})?([eE][+-]?[0-9]{1,4})?"
            .prop_map(|text| text.parse::<crate::Number>().unwrap().into()),
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{0,3}",
        ".{0,40}",
        "[\\x00-\\x7f]{0,60}",
        any::<String>()
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::null()),
        any::<bool>().prop_map(Value::from),
        any_number(),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 20, |inner| {
        let members = prop::collection::vec((any_text(), inner.clone()), 0..25);
        prop_oneof![
            prop::collection::vec(inner, 0..10).prop_map(Value::from),
            members.prop_map(|members| Object::from_iter(members).into()),
        ]
    })
}

/// The value with white space around every token and some characters needlessly escaped.
fn spaced(value: &Value) -> String {
    let text = |text: &str| {
        let quoted = Value::from(text).to_text();
        quoted
            .replace('a', "\\u0061")
            .replace('/', "\\/")
            .replace('é', "\\u00E9")
    };
    match value.view() {
        View::Array(elements) => {
            let parts: Vec<String> = elements.iter().map(spaced).collect();
            format!(" [ {}\t] ", parts.join(" ,\r\n"))
        }
        View::Object(object) => {
            let parts = object
                .iter()
                .map(|(key, value)| format!("{} :{}", text(key), spaced(value)));
            format!(" {{\n{} }}\n", parts.collect::<Vec<_>>().join(", "))
        }
        View::String(string) => text(string),
        _ => value.to_text(),
    }
}

proptest! {
    #[test]
    fn values_survive_their_text(value in any_value()) {
        let text = value.to_text();
        prop_assert_eq!(value.size(), text.len());
        let parsed = parse(&text).unwrap();
        prop_assert!(parsed == value);
        prop_assert_eq!(&parsed.to_text(), &text);
        let document = parse_spanned(&text).unwrap();
        prop_assert_eq!(&document.root.to_text(), &text);
        prop_assert!(document.duplicates.is_empty());
    }

    #[test]
    fn lazy_and_eager_agree(value in any_value()) {
        let text = value.to_text();
        let spaced = spaced(&value);
        for written in [&text, &spaced] {
            prop_assert_eq!(parse(written).unwrap().to_text(), text.clone());
            let lazy = lazy(written);
            prop_assert_eq!(lazy.size(), text.len());
            prop_assert_eq!(lazy.depth(), value.depth());
            prop_assert_eq!(lazy.to_text(), text.clone());
            prop_assert!(lazy == value);
        }
    }

    #[test]
    fn a_member_set_is_there_and_nothing_else_changes(
        members in prop::collection::vec((any_text(), any_number()), 0..40),
        key in any_text(),
        member in any_value(),
    ) {
        let start: Value = Object::from_iter(members).into();
        let changed = start.with_member(&key, member.clone());
        prop_assert!(changed.get(&key).unwrap().ptr_eq(&member));
        prop_assert_eq!(changed.size(), changed.to_text().len());
        prop_assert_eq!(changed.depth(), parse(&changed.to_text()).unwrap().depth());
        let object = start.as_object().unwrap();
        let expected_len = object.len() + usize::from(!object.contains_key(&key));
        prop_assert_eq!(changed.as_object().unwrap().len(), expected_len);
        let others = changed.as_object().unwrap().iter().zip(object);
        for ((name, value), (old_name, old)) in others {
            prop_assert_eq!(name, old_name);
            prop_assert!(name == key || value.ptr_eq(old));
        }
        let without = changed.as_object().unwrap().without(&key);
        prop_assert_eq!(without, object.without(&key));
    }

    #[test]
    fn any_text_is_parsed_or_refused_alike(text in prop_oneof![
        any_text(),
        "[\\[\\]{}:,\"\\\\a0-9eE.+ntfru\n -]{0,30}",
    ]) {
        let eager = parse(&text);
        let spanned = parse_spanned(&text).map(|document| document.root);
        let checked = check::check(&text);
        prop_assert_eq!(&eager, &spanned);
        prop_assert_eq!(checked.is_ok(), eager.is_ok());
        if let Err(error) = eager {
            prop_assert!(error.offset <= text.len());
        }
    }
}
