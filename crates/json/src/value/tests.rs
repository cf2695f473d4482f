use super::*;
use crate::{parse, parse_lazy};

fn value(text: &str) -> Value {
    parse(text).unwrap()
}

#[test]
fn members_are_set_without_touching_the_rest() {
    #[track_caller]
    fn check(start: &str, key: &str, member: &str, expected: &str) {
        let changed = value(start).with_member(key, value(member));
        assert_eq!(changed.to_text(), expected);
        assert_eq!(changed.size(), expected.len());
        assert!(changed.get(key).unwrap() == &value(member));
    }
    check("{}", "a", "1", r#"{"a":1}"#);
    check(r#"{"a":1}"#, "a", "[2]", r#"{"a":[2]}"#);
    check(r#"{"a":1,"b":2}"#, "a", "null", r#"{"a":null,"b":2}"#);
    check(r#"{"a":1}"#, "b", "2", r#"{"a":1,"b":2}"#);
    check("[1]", "a", "1", r#"{"a":1}"#);
    check("null", "a", "1", r#"{"a":1}"#);
}

#[test]
fn a_change_shares_large_members() {
    for large in [
        value(&format!("[{}0]", "0,".repeat(100_000))),
        "x".repeat(200_000).into(),
    ] {
        let start = Value::empty_object().with_member("large", large.clone());
        let changed = start.with_member("small", 1.into());
        assert!(changed.get("large").unwrap().ptr_eq(&large));
        let moved = value("[0,1]").with_element(1, large.clone()).unwrap();
        assert!(moved.index(1).unwrap().ptr_eq(&large));
        assert_eq!(moved.size(), 4 + large.size());
    }
}

#[test]
fn elements_are_replaced_only_where_there_are_any() {
    assert_eq!(
        value("[1,2]")
            .with_element(0, "a".into())
            .unwrap()
            .to_text(),
        r#"["a",2]"#
    );
    assert!(value("[1,2]").with_element(2, Value::null()).is_none());
    assert!(value("{}").with_element(0, Value::null()).is_none());
}

#[test]
fn elements_are_taken_only_from_a_sole_handle() {
    assert_eq!(value("[1,2]").into_elements().unwrap().len(), 2);
    let shared = value("[1,2]");
    assert!(
        shared
            .clone()
            .into_elements()
            .is_err_and(|back| back.ptr_eq(&shared))
    );
    assert!(value("1").into_elements().is_err());
}

#[test]
fn looks_at_the_wrong_kind_are_none() {
    let kinds = ["null", "true", "1", "\"s\"", "[]", "{}"];
    for (at, text) in kinds.iter().enumerate() {
        let value = value(text);
        let looks = [
            value.is_null(),
            value.as_bool().is_some(),
            value.as_number().is_some() && value.as_i64().is_some() && value.as_f64().is_some(),
            value.as_str().is_some() && value.to_shared_text().is_some(),
            value.as_array().is_some(),
            value.as_object().is_some(),
        ];
        let expected: Vec<bool> = (0..6).map(|kind| kind == at).collect();
        assert_eq!(looks.to_vec(), expected, "{text}");
        assert!(value.get("a").is_none() && value.index(0).is_none());
        assert_eq!(value.depth(), usize::from(at > 3));
        let all = [
            Kind::Null,
            Kind::Bool,
            Kind::Number,
            Kind::String,
            Kind::Array,
            Kind::Object,
        ];
        assert_eq!(value.kind(), all[at]);
        assert_eq!(
            (format!("{value}"), format!("{value:?}")),
            (text.to_string(), text.to_string())
        );
    }
}

#[test]
fn values_are_made_from_rust_values() {
    #[track_caller]
    fn check(value: impl Into<Value>, expected: &str) {
        let value = value.into();
        assert_eq!(value.to_text(), expected);
        assert_eq!(value.size(), expected.len());
    }
    check(true, "true");
    check(false, "false");
    check(-7, "-7");
    check(i64::MIN, "-9223372036854775808");
    check(u64::MAX, "18446744073709551615");
    check(1.5, "1.5");
    check(f64::NAN, "null");
    check(f64::INFINITY, "null");
    check("a\"b", r#""a\"b""#);
    check(
        "a long \u{1} string".to_owned(),
        r#""a long \u0001 string""#,
    );
    check(vec![Value::null(), 1.into()], "[null,1]");
    check(None::<bool>, "null");
    check(Some("s"), "\"s\"");
    check(Value::empty_array(), "[]");
    check(Value::empty_object(), "{}");
    check(Value::default(), "null");
    check(Text::from("t"), "\"t\"");
}

#[test]
fn equality_is_that_of_json() {
    #[track_caller]
    fn check(left: &str, right: &str, expected: bool) {
        let (left, right) = (value(left), value(right));
        assert_eq!(left == right, expected, "{left} {right}");
        assert_eq!(right == left, expected, "{left} {right}");
        let padded = |inner: &Value| Value::from(vec![inner.clone(), "x".repeat(2000).into()]);
        let lazy = |inner| parse_lazy(padded(inner).to_text().into()).unwrap();
        assert_eq!(lazy(&left) == padded(&right), expected);
        assert_eq!(lazy(&left) == lazy(&right), expected);
    }
    check("0", "0.0", true);
    check("0", "-0", true);
    check("[1,[2.0]]", "[1.0,[2]]", true);
    check("[1,2]", "[2,1]", false);
    check("[1]", "[1,1]", false);
    check(r#"{"a":1,"b":{"c":[]}}"#, r#"{"b":{"c":[]},"a":1}"#, true);
    check(r#"{"a":1,"b":2}"#, r#"{"a":2,"b":1}"#, false);
    check(r#"{"a":null}"#, r#"{"b":null}"#, false);
    check(r#"{"a":1}"#, "{}", false);
    check("\"1\"", "1", false);
    check("null", "false", false);
    check("[]", "{}", false);
    check("\"\\u0041\"", "\"A\"", true);
}

#[test]
fn identity_is_that_of_nodes() {
    let texts = [
        "null",
        "true",
        "7",
        "\"short\"",
        "\"a string of some length\"",
        "[]",
        "{}",
        "12345678901234567890",
    ];
    for text in texts {
        let first = value(text);
        let has_node = first.address().is_some();
        let is_number = first.as_number().is_some();
        assert_eq!(first.is_only_handle(), has_node && !is_number, "{text}");
        let second = first.clone();
        assert!(!first.is_only_handle() && !second.is_only_handle());
        drop(second);
        assert!(first.ptr_eq(&first.clone()));
        assert_eq!(first.ptr_eq(&value(text)), !has_node, "{text}");
        assert_eq!(first.clone().address(), first.address());
    }
    assert!(!value("0").ptr_eq(&value("0.0")));
}

#[test]
fn values_go_between_threads() {
    fn check<T: Send + Sync>() {}
    check::<Value>();
    check::<Object>();
    check::<crate::ParseError>();
}

/// An array or object nested `depth` times.
fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::from(1), |inner, level| {
        if level % 2 == 0 {
            vec![inner].into()
        } else {
            Object::from_iter([("k", inner)]).into()
        }
    })
}

#[test]
fn deep_values_need_no_stack() {
    let depth = 1_000_000;
    let deep = nested(depth);
    assert_eq!(deep.depth(), depth);
    assert_eq!(deep.to_text().len(), deep.size());
    assert!(deep == nested(depth));
    assert!(deep != nested(depth + 1));
    // Part of the value outlives the rest.
    let part = deep
        .get("k")
        .and_then(|inner| inner.index(0))
        .unwrap()
        .clone();
    drop(deep);
    assert_eq!(part.depth(), depth - 2);
    drop(part);
}

#[test]
fn sizes_beyond_memory_do_not_overflow() {
    let doubled = (0..100).fold(Value::from(1), |inner, _| vec![inner.clone(), inner].into());
    assert_eq!(doubled.size(), usize::MAX);
    let changed = doubled
        .with_element(0, 1.into())
        .unwrap()
        .with_member("a", doubled.clone());
    assert_eq!(changed.with_member("a", doubled.clone()).size(), usize::MAX);
    assert!(doubled == doubled.clone());
}
