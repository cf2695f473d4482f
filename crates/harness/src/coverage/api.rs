//! Errors of operations and quotas: each occurs in a case of `conformance/api` or in an end-to-end
//! test that says so (`self.refused("<error>", "<operation>", ...)`).

use std::collections::BTreeSet;

use aws::Service;
use json::Value;

use super::{Names, check, root, texts_in};

/// Services whose errors are looked at; the others are held to their operations.
const SERVICES: [Service; 2] = [Service::States, Service::Lockstep];

#[test]
fn every_error_of_an_operation_has_a_case() {
    let mut seen = BTreeSet::new();
    for case in api_cases() {
        let steps = case.get("steps").and_then(Value::as_array).unwrap();
        seen.extend(steps.iter().filter_map(refusal));
    }
    seen.extend(refusals(&texts_in("tests/e2e", "py"), "refused("));
    let mut names = Names::new();
    for service in SERVICES {
        let model = service.model().unwrap();
        for operation in model.operations() {
            for error in &operation.errors {
                let error = &*model.shape(*error).name;
                let key = (operation.name.to_string(), error.to_owned());
                names.insert(format!("{} {error}", operation.name), seen.contains(&key));
            }
        }
    }
    check("error of an operation", &names);
}

/// Every case of every script.
fn api_cases() -> Vec<Value> {
    let folder = root().join("conformance/api");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let texts = files.map(|file| std::fs::read_to_string(file).unwrap());
    let scripts = texts.map(|text| json::parse(&text).unwrap());
    scripts
        .flat_map(|script| script.as_array().unwrap().to_vec())
        .collect()
}

/// The operation and the error of a step that must be refused.
fn refusal(step: &Value) -> Option<(String, String)> {
    let error = step.get("error")?.index(0)?.as_str()?;
    let operation = step.get("call")?.as_str()?;
    Some((operation.to_owned(), error.to_owned()))
}

/// Those of a Python text: the first two arguments of the calls of that name, if they are literals.
fn refusals(text: &str, call: &str) -> Vec<(String, String)> {
    let literal = |text: &str| {
        let inner = text.trim().strip_prefix('"')?.strip_suffix('"')?;
        let is_name = inner.chars().all(|char| char.is_ascii_alphanumeric());
        is_name.then(|| inner.to_owned())
    };
    let calls = text.split(call).skip(1);
    let pair = |arguments: &str| {
        let mut arguments = arguments.split([',', ')']);
        let error = literal(arguments.next()?)?;
        Some((literal(arguments.next()?)?, error))
    };
    calls.filter_map(pair).collect()
}

#[test]
fn refusals_of_a_test_are_found() {
    let text = r#"
        self.refused("E1", "Op1", a=1)
        message = self.refused("E2",
                               "Op2", b=2)
        self.assertEqual(self.refused("E3", "Op3"), "text")
        self.refused(code, "Op4")
        self.refused("refusing to listen on", "serve")
    "#;
    let found = refusals(text, "refused(");
    let expected = [("Op1", "E1"), ("Op2", "E2"), ("Op3", "E3")];
    let expected = expected.map(|(operation, error)| (operation.to_owned(), error.to_owned()));
    assert_eq!(found, expected);
}

/// The quotas that are settings stand in the table of `docs/operations.md`; each is met by a test
/// that sets it low.
#[test]
fn every_quota_has_a_case() {
    let text = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let (_, section) = text
        .split_once("\n## Limits\n")
        .expect("the section `Limits`");
    let section = section.split("\n## ").next().unwrap();
    let tests = texts_in("tests/e2e", "py");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let settings = rows.filter_map(|row| row.split('`').next());
    let names = settings.map(|name| {
        let variable = format!("\"LOCKSTEP_{}\"", name.to_ascii_uppercase());
        (name.to_owned(), tests.contains(&variable))
    });
    check("quota", &names.collect());
}
