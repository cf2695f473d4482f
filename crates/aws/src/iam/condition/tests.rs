use std::collections::BTreeSet;
use std::sync::Arc;

use json::Value;

use super::*;
use crate::iam::testing::{self, text};

const CASES: &str = include_str!("../../../../../conformance/iam/operators.json");

/// Beside the key in question, a request of a user, and a value that looks like a wildcard.
fn context(case: &Value) -> Context {
    let user = "arn:aws:iam::111122223333:user/u";
    let principal = testing::principal(user, "/", &Arc::default());
    let mut context = testing::context(&principal, None);
    context.set("svc:star", "*");
    if let Some(value) = case.get("request") {
        context.put("svc:Key".into(), testing::values(value));
    }
    context
}

#[test]
fn every_operator_with_every_kind_of_value() {
    for case in testing::cases(CASES) {
        let written = Written::parse(text(&case, "operator")).expect("an operator");
        let values = case
            .get("values")
            .and_then(Value::as_array)
            .expect("values");
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        let condition = Condition::new(written, "svc:key", &values, true);
        let holds = condition.holds(&context(&case));
        assert_eq!(
            Some(holds),
            case.get("holds").and_then(Value::as_bool),
            "{case}"
        );
    }
}

/// An operator without its cases fails here.
#[test]
fn no_operator_is_without_cases() {
    let all = testing::cases(CASES);
    let known: BTreeSet<(&str, &str)> = all
        .iter()
        .map(|case| {
            let operator = text(case, "operator");
            let operator = operator.rsplit(':').next().expect("a part");
            let operator = operator.strip_suffix("IfExists").unwrap_or(operator);
            (operator, text(case, "about"))
        })
        .collect();
    for Operator {
        name, comparison, ..
    } in &OPERATORS
    {
        let kinds = [
            "match",
            "no match",
            "missing",
            "if exists",
            "for all",
            "for any",
            "bad value",
        ];
        for about in kinds {
            let has_none = *comparison == Comparison::Null && about == "if exists";
            assert_eq!(
                known.contains(&(*name, about)),
                !has_none,
                "{name}: {about}"
            );
        }
    }
    let names: BTreeSet<&str> = OPERATORS.iter().map(|operator| operator.name).collect();
    assert_eq!(names.len(), 27);
}

#[test]
fn what_is_no_operator() {
    for text in [
        "",
        "Equals",
        "stringequals",
        "StringEqualsifexists",
        "NullIfExists",
        "ForAllValues:",
        "ForAllValues::StringEquals",
        "ForSomeValues:StringEquals",
        "forallvalues:StringEquals",
        "StringEquals:ForAllValues",
        "StringEqualsIfExistsIfExists",
    ] {
        assert!(Written::parse(text).is_none(), "{text}");
    }
}

#[test]
fn the_keys_of_a_condition() {
    let written = Written::parse("StringLike").expect("an operator");
    let condition = Condition::new(written, "svc:key", &["${aws:username}/${svc:x, 'd'}"], true);
    let keys: Vec<&str> = condition.keys().collect();
    assert_eq!(keys, ["svc:key", "aws:username", "svc:x"]);
}

#[test]
fn dates_go_as_far_as_milliseconds() {
    assert_eq!(
        date_ms("+292278994-08-17T07:12:55.807Z"),
        Some(i128::from(i64::MAX))
    );
    assert_eq!(date_ms("+292278994-08-17T07:12:55.808Z"), None);
    assert_eq!(
        date_ms("9223372036854775807"),
        Some(i128::from(i64::MAX) * 1000)
    );
    assert_eq!(date_ms("9223372036854775808"), None);
    for (day, text) in [
        (-1, "1969-12-31"),
        (0, "1970-01-01"),
        (11_016, "2000-02-29"),
    ] {
        assert_eq!(date_ms(text), Some(day * 86_400_000), "{text}");
    }
    for text in [
        "",
        "T",
        "20-01-01",
        "2026-1-1",
        "2026-02-30",
        "2026-04-31",
        "2100-02-29",
    ] {
        assert_eq!(date_ms(text), None, "{text}");
    }
    for text in [
        "2026-01-01T",
        "2026-01-01T1:00Z",
        "2026-01-01T10:60Z",
        "2026-01-01T10:00:60Z",
    ] {
        assert_eq!(date_ms(text), None, "{text}");
    }
    for text in [
        "2026-01-01T10:00:00.Z",
        "2026-01-01T10:00Zx",
        "2026-01-01T10:00+1",
        "2026-01-01-01",
    ] {
        assert_eq!(date_ms(text), None, "{text}");
    }
}
