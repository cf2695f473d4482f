use jsonata::Allowance;

use super::*;
use crate::template::testing::{Fixed, list};

const OPERATOR_CASES: &str = include_str!("../../../../conformance/choice/operators.json");
const RULES: &str = include_str!("../../../../conformance/choice/rules.json");
const PROBLEMS: &str = include_str!("../../../../conformance/choice/problems.json");

/// `file` may have a context and variables.
fn answer(rule: &Value, input: &Value, file: &Value) -> Result<bool, Failure> {
    let condition =
        Condition::compile(rule).unwrap_or_else(|problems| panic!("{rule}: {problems:?}"));
    let (outside, meter) = (Fixed::of(file), Meter::new(Allowance::FULL));
    condition.evaluate(&Scope::new(input, &outside, &meter))
}

/// Tests one operator on values it must answer alike; returns how many there were.
fn check(operator: &Operator, row: &Value, member: &str, expected: bool) -> usize {
    let operand = row.get("operand").unwrap();
    for value in list(row, member) {
        let input = Value::empty_object().with_member("value", value.clone());
        let input = input.with_member("operand", operand.clone());
        let operand = if operator.takes_path {
            &"$.operand".into()
        } else {
            operand
        };
        let rule = Value::empty_object().with_member("Variable", "$.value".into());
        let rule = rule.with_member(operator.name, operand.clone());
        assert_eq!(
            answer(&rule, &input, &Value::null()),
            Ok(expected),
            "{rule} {input}"
        );
    }
    list(row, member).len()
}

#[test]
fn each_operator_answers_for_every_kind_of_value() {
    let file = json::parse(OPERATOR_CASES).unwrap();
    for operator in &OPERATORS {
        // A path to an operand answers as the operand itself.
        let plain = operator.name.strip_suffix("Path").unwrap_or(operator.name);
        let (mut holds, mut fails, mut mismatch) = (0, 0, 0);
        for row in list(&file, "cases") {
            if row.get("operator").and_then(Value::as_str) == Some(plain) {
                holds += check(operator, row, "holds", true);
                fails += check(operator, row, "fails", false);
                mismatch += check(operator, row, "mismatch", false);
            }
        }
        let has_types = !matches!(operator.check, Check::Is(_));
        assert!(holds > 0 && fails > 0, "{}", operator.name);
        assert!(mismatch > 0 || !has_types, "{}", operator.name);
    }
}

#[test]
fn an_operand_of_another_type_never_compares() {
    for operator in OPERATORS.iter().filter(|operator| operator.takes_path) {
        for value in [r#""2020-01-01T00:00:00Z""#, "1", "true"] {
            for operand in ["null", "[]", "{}", r#""x""#, "2", "false"] {
                let is_string = |text: &str| text.starts_with('"');
                let is_same_type = is_string(value) && is_string(operand)
                    || value == "1" && operand == "2"
                    || value == "true" && operand == "false";
                if is_same_type {
                    continue;
                }
                let row = format!(r#"{{"operand":{operand},"values":[{value}]}}"#);
                check(operator, &json::parse(&row).unwrap(), "values", false);
            }
        }
    }
}

#[test]
fn operators_are_those_of_the_language() {
    let names: Vec<_> = OPERATORS.iter().map(|operator| operator.name).collect();
    let mut unique = names.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), names.len());
    for operator in &OPERATORS {
        assert_eq!(operator.takes_path, operator.name.ends_with("Path"));
        assert_eq!(Operator::named(operator.name), Some(operator));
    }
    assert_eq!(Operator::named("StringMatchesPath"), None);
}

#[test]
fn rules_combine_tests() {
    let file = json::parse(RULES).unwrap();
    let input = file.get("input").unwrap();
    assert!(list(&file, "cases").len() >= 50);
    for case in list(&file, "cases") {
        let expected = match case.get("failure").and_then(Value::as_str) {
            Some(path) => Err(format!(
                "Invalid path '{path}': The choice state's condition path references an invalid \
                 value."
            )),
            None => Ok(case.get("ok").and_then(Value::as_bool).unwrap()),
        };
        let answer = answer(case.get("rule").unwrap(), input, &file);
        assert_eq!(
            answer.map_err(|failure| failure.to_string()),
            expected,
            "{case}"
        );
    }
}

#[test]
fn problems_are_located() {
    let file = json::parse(PROBLEMS).unwrap();
    assert!(list(&file, "cases").len() >= 30);
    for case in list(&file, "cases") {
        let problems = Condition::compile(case.get("rule").unwrap()).unwrap_err();
        let said: Value = problems
            .iter()
            .map(|problem| Value::from(format!("{} {}", problem.pointer, problem.message)))
            .collect();
        assert_eq!(
            Some(said.to_text()),
            case.get("problems").map(Value::to_text),
            "{case}"
        );
    }
    let empty = Condition::compile(&Value::empty_object()).unwrap_err();
    let [problem] = &*empty else {
        panic!("{empty:?}")
    };
    assert!(
        problem
            .message
            .starts_with("One of these fields is required: [And, Or, Not, String")
    );
}

#[test]
fn problems_are_bounded() {
    let rules = vec![Value::empty_object(); 10_000];
    let rule = Value::empty_object().with_member("And", rules.into());
    let problems = Condition::compile(&rule).unwrap_err();
    assert_eq!(problems.len(), crate::definition::DIAGNOSTICS_MAX + 1);
}

#[test]
fn variables_are_named() {
    let rule = r#"{"And":[{"Variable":"$x.y","IsNull":true},
        {"Not":{"Variable":"$.a","StringEqualsPath":"$y"}},{"Variable":"$$.z","IsNull":true}]}"#;
    let condition = Condition::compile(&json::parse(rule).unwrap()).unwrap();
    assert_eq!(condition.references(), ["x", "y"]);
}

/// Comparing long texts over and over is paid for.
#[test]
fn hostile_conditions_are_stopped() {
    let long = Value::from("x".repeat(200_000));
    let input = Value::empty_object().with_member("a", long);
    for test in [
        r#""StringEqualsPath":"$.b""#,
        r#""StringMatches":"*x*x*x*y""#,
    ] {
        let rule = json::parse(&format!(r#"{{"Variable":"$.a",{test}}}"#)).unwrap();
        let rules = Value::empty_object().with_member("Or", vec![rule; 10_000].into());
        let condition = Condition::compile(&rules).unwrap();
        let input = input.with_member("b", Value::from("x".repeat(199_999)));
        let allowance = Allowance {
            steps: 1_000_000,
            ..Allowance::FULL
        };
        let (outside, meter) = (Fixed::of(&Value::null()), Meter::new(allowance));
        let answer = condition.evaluate(&Scope::new(&input, &outside, &meter));
        assert!(answer.unwrap_err().is_exhaustion(), "{test}");
    }
}
