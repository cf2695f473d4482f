//! Cases are data: `conformance/definitions/*.json`, each a definition and what there is to say
//! about it. `definition` is compiled as compact text, `lines` as they stand.

use std::collections::BTreeSet;

use json::{Object, Value};

use crate::compile::compile;
use crate::definition::testing::TestCatalogue;
use crate::definition::{Compiled, Diagnostic, MachineType, Severity};
use crate::validate::schema::{
    CATCHER, Kind, MACHINE, RETRIER, RULE, STATE_TYPE_NAMES, Schema, StateType,
};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/definitions");
const ADVISORY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/conformance/definitions/validity.json"
);

#[expect(clippy::disallowed_methods, reason = "tests read their cases")]
fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// All cases of all files, with the file's name.
fn cases() -> Vec<(String, Value)> {
    let mut files = std::fs::read_dir(CASES)
        .expect("conformance/definitions is part of the repository")
        .map(|entry| {
            entry
                .expect("a readable folder")
                .path()
                .display()
                .to_string()
        })
        .filter(|path| path.ends_with(".json") && !path.ends_with("disagreements.json"))
        .collect::<Vec<_>>();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let content = json::parse(&read(&file).expect("a readable file"))
            .unwrap_or_else(|error| panic!("{file}: {}", error.located_message()));
        let cases = content.as_array().expect("a file holds an array").to_vec();
        all.extend(cases.into_iter().map(|case| (file.clone(), case)));
    }
    all
}

fn text(case: &Value) -> String {
    if let Some(lines) = case.get("lines") {
        let lines = lines.as_array().expect("`lines` is an array").iter();
        return lines
            .map(|line| line.as_str().expect("a line"))
            .collect::<Vec<_>>()
            .join("\n");
    }
    case.get("definition")
        .expect("a case has `definition` or `lines`")
        .to_text()
}

fn run(case: &Value) -> Compiled {
    let machine = match case.get("type").and_then(Value::as_str) {
        Some("EXPRESS") => MachineType::Express,
        _ => MachineType::Standard,
    };
    compile(&text(case), machine, &TestCatalogue)
}

/// A diagnostic as cases write it: severity only for warnings, `at` as line:column.
fn written(diagnostic: &Diagnostic) -> Value {
    let mut object = Object::new();
    if diagnostic.severity == Severity::Warning {
        object.insert("severity", diagnostic.severity.as_str().into());
    }
    object.insert("code", diagnostic.code.into());
    object.insert("message", diagnostic.message.as_str().into());
    if let Some(location) = &diagnostic.location {
        object.insert("location", location.as_str().into());
    }
    if let Some(span) = diagnostic.span {
        object.insert("at", format!("{}:{}", span.line, span.column).into());
    }
    object.into()
}

/// `unverified` marks texts of which AWS's own words are not known; it judges nothing.
fn expected(case: &Value) -> Vec<Value> {
    let expect = case.get("expect").expect("a case has `expect`");
    let all = expect.as_array().unwrap_or_default().iter();
    all.map(|one| {
        one.as_object()
            .expect("a diagnostic")
            .without("unverified")
            .into()
    })
    .collect()
}

#[test]
fn definitions_are_judged_as_expected() {
    let cases = cases();
    let mut names = BTreeSet::new();
    let mut failures = Vec::new();
    for (file, case) in &cases {
        let name = case
            .get("name")
            .and_then(Value::as_str)
            .expect("a case has `name`");
        assert!(names.insert(name), "two cases are called `{name}`");
        let compiled = run(case);
        let found = compiled.diagnostics.iter().map(written).collect::<Vec<_>>();
        let has_error = compiled
            .diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error);
        if found != expected(case) || compiled.program.is_some() == has_error {
            failures.push(format!(
                "{file}\t{name}\t{}",
                Value::from_iter(found).to_text()
            ));
        }
    }
    assert!(cases.len() >= 100, "only {} cases", cases.len());
    assert!(
        failures.is_empty(),
        "{} cases differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// The message of the error CreateStateMachine answers with, for cases that name it.
#[test]
fn errors_are_composed_into_one_message() {
    let mut checked = 0;
    for (_, case) in cases() {
        if let Some(message) = case.get("create_message").and_then(Value::as_str) {
            let found = crate::definition::invalid_definition_message(&run(&case).diagnostics);
            assert_eq!(found, message, "{}", case.get("name").unwrap());
            checked += 1;
        }
    }
    assert!(checked >= 5, "only {checked} cases give the message");
}

/// The objects of a definition that the table of fields describes: the name of their schema,
/// where they stand, and what they hold.
type Described = (String, String, Object);

fn described(case: &Value) -> Vec<Described> {
    let Ok(definition) = json::parse(&text(case)) else {
        return Vec::new();
    };
    let Some(machine) = definition.as_object() else {
        return Vec::new();
    };
    let mut all = vec![("Machine".to_owned(), String::new(), machine.clone())];
    let states = machine.get("States").and_then(Value::as_object);
    for (name, state) in states.iter().flat_map(|states| states.members()) {
        let place = format!("/States/{name}");
        for (list, schema) in [
            ("Retry", "Retrier"),
            ("Catch", "Catcher"),
            ("Choices", "Rule"),
        ] {
            let elements = state
                .get(list)
                .and_then(Value::as_array)
                .unwrap_or_default();
            for (index, element) in elements.iter().enumerate() {
                if let Some(object) = element.as_object() {
                    let place = format!("{place}/{list}[{index}]");
                    all.push((schema.to_owned(), place, object.clone()));
                }
            }
        }
        let state_type = state.get("Type").and_then(Value::as_str);
        if let (Some(state_type), Some(state)) = (state_type, state.as_object()) {
            all.push((state_type.to_owned(), place, state.clone()));
        }
    }
    all
}

/// Every schema of the table under its name.
fn schemas() -> Vec<(String, &'static Schema)> {
    let parts = [
        ("Machine", &MACHINE),
        ("Retrier", &RETRIER),
        ("Catcher", &CATCHER),
        ("Rule", &RULE),
    ];
    let states = STATE_TYPE_NAMES.iter().filter_map(|name| {
        Some((
            *name,
            StateType::parse(name).expect("a known type").schema()?,
        ))
    });
    parts
        .into_iter()
        .chain(states)
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}

/// Every field of the table has a case that accepts it, unless it is never accepted, and one that
/// refuses a value of it, unless any value is fine.
#[test]
fn every_field_of_the_table_has_its_cases() {
    let mut accepted = BTreeSet::new();
    let mut refused = BTreeSet::new();
    for (_, case) in cases() {
        let expected = expected(&case);
        let is_error = |one: &&Value| one.get("severity").is_none();
        let errors = expected.iter().filter(is_error).collect::<Vec<_>>();
        for (schema, place, object) in described(&case) {
            for field in object.keys() {
                let at = format!("{place}/{field}");
                let is_about = |error: &&Value| {
                    let part = |key| error.get(key).and_then(Value::as_str).unwrap_or_default();
                    let is_named = part("message").contains(&format!("'{field}'"));
                    part("location").starts_with(&at) || part("location") == place && is_named
                };
                if errors.is_empty() {
                    accepted.insert((schema.clone(), field.to_owned()));
                } else if errors.iter().any(is_about) {
                    refused.insert((schema.clone(), field.to_owned()));
                }
            }
        }
    }
    let mut missing = Vec::new();
    for (name, schema) in schemas() {
        for field in schema.fields() {
            let key = (name.clone(), field.name.to_owned());
            let is_never_accepted = matches!(field.kind, Kind::NotServed | Kind::JsonataOnly);
            // A state whose Type is refused is no state of this type.
            let is_never_refused = matches!(field.kind, Kind::Any) || field.name == "Type";
            if !is_never_accepted && !accepted.contains(&key) {
                missing.push(format!("{name}.{}: accepted", field.name));
            }
            if !is_never_refused && !refused.contains(&key) {
                missing.push(format!("{name}.{}: refused", field.name));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "fields without a case:\n{}",
        missing.join("\n")
    );
}

/// Definitions that others have labelled, where they are at hand, as far as they use only what is
/// served: every disagreement is listed with its reason, and nothing else disagrees.
#[test]
fn labelled_definitions_agree() {
    let Some(labelled) = read(ADVISORY) else {
        return;
    };
    let listed = read(&format!("{CASES}/disagreements.json")).expect("the list of disagreements");
    let listed = json::parse(&listed).expect("a JSON text");
    let listed = listed.as_object().expect("file -> reason");
    let labelled = json::parse(&labelled).expect("a JSON text");
    let mut wrong = Vec::new();
    let mut compared = 0;
    for case in labelled.as_array().expect("an array") {
        let part = |key| case.get(key).and_then(Value::as_str).expect("a text");
        let compiled = compile(
            part("definition_text"),
            MachineType::Standard,
            &TestCatalogue,
        );
        let messages = compiled.diagnostics.iter().map(|one| one.message.as_str());
        let messages = messages.collect::<Vec<_>>();
        if messages
            .iter()
            .any(|message| message.starts_with("Lockstep does not support"))
        {
            continue;
        }
        compared += 1;
        let agrees = compiled.program.is_some() == (part("expect") == "valid");
        if agrees == listed.contains_key(part("file")) {
            wrong.push(format!(
                "{} ({}): {messages:?}",
                part("file"),
                part("expect")
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} labels to look at:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        compared >= 60,
        "only {compared} definitions use only what is served"
    );
}
