use std::cell::Cell;

use jsonata::{Allowance, Meter};

use super::*;
use crate::template::Outside;
use crate::template::testing::{Fixed, list, text};

const CASES: &str = include_str!("../../../../conformance/queries/cases.json");

/// Less than the full allowance, so that what exhausts it does so soon.
const ALLOWANCE: Allowance = Allowance {
    steps: 500_000,
    ..Allowance::FULL
};

fn evaluate(query: &Query, kind: &str, scope: &Scope<'_>) -> Result<Value, Failure> {
    match kind {
        "value" => query.evaluate(scope),
        "integer" => query
            .evaluate_integer(scope, 0..=99_999_999)
            .map(Value::from),
        "timestamp" => query.evaluate_timestamp(scope).map(|time| time.0.into()),
        "text" => query.evaluate_text(scope).map(|text| Value::from(&*text)),
        "boolean" => query.evaluate_boolean(scope).map(Value::from),
        "items" => query.evaluate_items(scope),
        _ => panic!("{kind}"),
    }
}

/// The member of the case that applies, and what it should hold.
fn answer(file: &Value, case: &Value) -> (&'static str, Value) {
    let query = match Query::parse(text(case, "query"), "F") {
        Ok(query) => query,
        Err(error) => return ("refused", error.to_string().into()),
    };
    let (outside, meter) = (Fixed::of(file), Meter::new(ALLOWANCE));
    let scope = Scope {
        result: file.get("result"),
        error_output: file.get("errorOutput"),
        ..Scope::new(file.get("input").unwrap(), &outside, &meter)
    };
    match evaluate(&query, text(case, "as"), &scope) {
        Ok(value) => ("ok", value),
        Err(failure) => {
            assert_eq!(failure.error(), "States.QueryEvaluationError");
            assert_eq!(failure.location().map(|it| &**it), Some("F"));
            let is_exhausted = case.get("exhausted").is_some();
            assert_eq!(failure.is_exhaustion(), is_exhausted, "{case}: {failure}");
            let source = &query.source;
            let prefix = format!("The JSONata expression '{source}' specified for the field 'F' ");
            let said = failure.to_string();
            match said.strip_prefix(&prefix) {
                Some(problem) => ("failure", problem.into()),
                None => ("text", said.into()),
            }
        }
    }
}

#[test]
fn queries_are_evaluated() {
    let file = json::parse(CASES).unwrap();
    let mut wrong = Vec::new();
    for case in list(&file, "cases") {
        let (member, said) = answer(&file, case);
        if case.get(member).map(Value::to_text) != Some(said.to_text()) {
            wrong.push(format!("{case}\n    {member}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Counts what is asked for.
struct Counted {
    contexts: Cell<u32>,
    variables: Cell<u32>,
}

impl Outside for Counted {
    fn context(&self) -> Value {
        self.contexts.set(self.contexts.get() + 1);
        Value::empty_object()
    }

    fn variable(&self, name: &str) -> Option<Value> {
        if name != "x" {
            return None;
        }
        self.variables.set(self.variables.get() + 1);
        Some(1.into())
    }

    fn random(&self) -> u64 {
        4
    }

    fn now_ms(&self) -> i64 {
        0
    }
}

/// Only what an expression names is made: the context object costs more than most expressions.
#[test]
fn nothing_is_made_that_is_not_named() {
    for (source, contexts, variables) in [
        ("{% 1 + 1 %}", 0, 0),
        ("{% $states.input.a %}", 0, 0),
        ("{% [1..9].($states.input.a + $x) %}", 0, 1),
        ("{% true or $states.context.a %}", 0, 0),
        (
            "{% $type($states.context) & $type($states.context) %}",
            1,
            0,
        ),
        ("{% $type($states) %}", 1, 0),
    ] {
        let counted = Counted {
            contexts: Cell::new(0),
            variables: Cell::new(0),
        };
        let (input, meter) = (json::parse(r#"{"a":1}"#).unwrap(), Meter::new(ALLOWANCE));
        let query = Query::parse(source, "F").unwrap();
        query
            .evaluate(&Scope::new(&input, &counted, &meter))
            .unwrap();
        assert!(counted.contexts.get() <= contexts, "{source}");
        assert!(counted.variables.get() <= variables, "{source}");
    }
}

#[test]
fn strings_are_queries_only_exactly() {
    for (text, expected) in [
        ("{% 1 %}", true),
        ("{%1%}", true),
        ("{%%}", true),
        ("{%\n1\n%}", true),
        ("{%}", false),
        ("{%", false),
        ("", false),
        (" {% 1 %}", false),
        ("{% 1 %} ", false),
        ("{ % 1 % }", false),
        ("$states.input", false),
    ] {
        assert_eq!(Query::is_query(text), expected, "{text}");
    }
}

/// A value too large to write out is not written out.
#[test]
fn huge_values_are_not_shown() {
    let shared = (0..12).fold(Value::from("x"), |inner, _| vec![inner; 10].into());
    assert!(shown(&shared).len() < 100);
    assert_eq!(shown(&Value::from(vec![Value::from(1)])), "[1]");
}
