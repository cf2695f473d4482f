//! Our own cases, in `conformance/jsonata`: what AWS adds, limits, places of errors, input that is
//! meant to do harm. A file holds a list of cases: `expression`, `input`, `variables`, and either
//! `result` (none: undefined), `function`: true, or `error` with some of `code`, `message`,
//! `position`, `token` and `limit`. `steps`, `bytes` and `depth` replace the full allowance.

use super::{Allowance, Bindings, Meter, Outcome, Value, compile, same};
use crate::{Error, Limit};

/// Runs a case with a part of the full allowance.
fn check(case: &Value, part: u64) -> Result<(), String> {
    let source = case
        .get("expression")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let bindings = Bindings::new(case.get("variables").cloned().unwrap_or_default());
    let number = |name, default: u64| {
        case.get(name)
            .and_then(Value::as_i64)
            .map_or(default, i64::unsigned_abs)
    };
    let meter = Meter::new(Allowance {
        steps: number("steps", Allowance::FULL.steps / part),
        bytes: number("bytes", Allowance::FULL.bytes / part),
        depth: u32::try_from(number("depth", u64::from(Allowance::FULL.depth))).unwrap(),
    });
    let outcome = compile(source)
        .and_then(|expression| expression.evaluate(case.get("input"), &bindings, &meter));
    let expected = case.get("error");
    match (expected, outcome) {
        (Some(expected), Err(error)) => same_error(expected, &error),
        (None, Ok(outcome)) => {
            let function = case.get("function").is_some();
            let is_same = match (&outcome, case.get("result")) {
                (Outcome::Function, None) => function,
                (Outcome::Undefined, None) => !function,
                (Outcome::Value(value), Some(result)) => {
                    same(result, value, false) && value.to_text() == result.to_text()
                }
                _ => false,
            };
            is_same.then_some(()).ok_or_else(|| {
                let got = format!("{outcome:?}");
                format!("got {}", got.chars().take(300).collect::<String>())
            })
        }
        (_, other) => {
            let got = format!("{other:?}");
            Err(format!("got {}", got.chars().take(300).collect::<String>()))
        }
    }
}

fn same_error(expected: &Value, error: &Error) -> Result<(), String> {
    let limit = error.limit.map(|limit| match limit {
        Limit::Steps => "steps",
        Limit::Bytes => "bytes",
        Limit::Depth => "depth",
    });
    let text = |name: &str, got: Option<&str>| {
        expected
            .get(name)
            .is_none_or(|wanted| wanted.as_str() == got)
    };
    let position = error
        .position
        .and_then(|position| i64::try_from(position).ok());
    let is_same = text("code", Some(error.code))
        && text("message", Some(&error.message))
        && text("token", error.token.as_deref())
        && text("limit", limit)
        && expected
            .get("position")
            .is_none_or(|wanted| wanted.as_i64() == position);
    is_same
        .then_some(())
        .ok_or_else(|| format!("got {error:?}"))
}

/// The cases in a file of `conformance/jsonata`.
macro_rules! cases {
    ($file:literal) => {
        include_str!(concat!("../../../../conformance/jsonata/", $file))
    };
}

fn run(cases: &str, part: u64) {
    let cases = json::parse(cases).unwrap();
    let cases = cases.as_array().unwrap();
    assert!(!cases.is_empty());
    let fail = |case: &Value| {
        let source = case
            .get("expression")
            .and_then(Value::as_str)
            .unwrap_or_default();
        check(case, part)
            .err()
            .map(|difference| format!("{source}\n    {difference}"))
    };
    let failures: Vec<String> = cases.iter().filter_map(fail).collect();
    assert!(
        failures.is_empty(),
        "{} fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn additions_of_aws() {
    run(cases!("additions.json"), 1);
}

#[test]
fn language() {
    run(cases!("language.json"), 1);
}

#[test]
fn places_of_errors() {
    run(cases!("errors.json"), 1);
}

#[test]
fn limits_are_where_aws_has_them() {
    run(cases!("limits.json"), 1);
}

/// On a thread of 2 MiB, as tests have: what does harm must not overflow the stack either. An
/// eighth of the allowance shows as much as all of it.
#[test]
fn hostile_input_ends() {
    run(cases!("hostile.json"), 8);
}

/// Each function holds the frame of the call that made it.
#[test]
fn frames_of_many_variables_are_charged() {
    let many: String = (0..5000).map(|at| format!("$v{at} := 1;")).collect();
    let maker = format!("function($i) {{ $i < 0 ? ({many}) : function() {{ $i }} }}");
    let expression = format!("$count($map([1..20000], {maker}))");
    let limit = json::parse(r#"{"limit": "bytes"}"#).unwrap();
    let case = Value::empty_object()
        .with_member("expression", expression.into())
        .with_member("error", limit);
    assert_eq!(check(&case, 1), Ok(()));
}

#[test]
fn long_expressions_are_refused() {
    let most = " ".repeat(crate::SOURCE_BYTES_MAX - 1) + "1";
    assert!(crate::compile(&most).is_ok());
    let error = crate::compile(&(most + " ")).unwrap_err();
    assert_eq!(error.message, "The expression is longer than 65536 bytes");
}
