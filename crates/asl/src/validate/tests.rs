//! Cases are data: `conformance/definitions/*.json`, each a definition and what there is to say
//! about it. `definition` is compiled as compact text, `lines` as they stand.

use std::collections::BTreeSet;

use json::{Object, Value};

use crate::compile::compile;
use crate::definition::testing::TestCatalogue;
use crate::definition::{Compiled, Diagnostic, MachineType, Severity};
use crate::validate::schema::{Field, Kind, Language};
use crate::validate::schemas;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/definitions");
const ADVISORY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/conformance/definitions/validity.json"
);
const RECORDINGS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/conformance/aws/cases"
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
            let found = crate::definition::invalid_definition_message(
                &text(&case),
                &run(&case).diagnostics,
            );
            assert_eq!(found, message, "{}", case.get("name").unwrap());
            checked += 1;
        }
    }
    assert!(checked >= 5, "only {checked} cases give the message");
}

/// An object of a definition that the table of fields describes.
struct Described {
    /// The name of its schema.
    schema: &'static str,
    language: Language,
    place: String,
    object: Object,
}

/// All such objects of a case.
fn described(case: &Value) -> Vec<Described> {
    let definition = json::parse(&text(case)).ok();
    let mut all = Vec::new();
    if let Some(machine) = definition.as_ref().and_then(Value::as_object) {
        let language = machine.get("QueryLanguage").and_then(Value::as_str);
        let language = language.and_then(Language::parse);
        let language = language.unwrap_or(Language::JsonPath);
        body("Machine", language, String::new(), machine, &mut all);
    }
    all
}

/// A body whose states follow the machine's language.
fn body(
    schema: &'static str,
    machine: Language,
    place: String,
    object: &Object,
    all: &mut Vec<Described>,
) {
    let states = object.get("States").and_then(Value::as_object);
    for (name, state) in states.iter().flat_map(|states| states.members()) {
        if let Some(state) = state.as_object() {
            described_state(machine, &format!("{place}/States/{name}"), state, all);
        }
    }
    if let Some(config) = object.get("ProcessorConfig").and_then(Value::as_object) {
        all.push(Described {
            schema: "ProcessorConfig",
            language: machine,
            place: format!("{place}/ProcessorConfig"),
            object: config.clone(),
        });
    }
    all.push(Described {
        schema,
        language: machine,
        place,
        object: object.clone(),
    });
}

fn described_state(machine: Language, place: &str, state: &Object, all: &mut Vec<Described>) {
    let text = |name: &str| state.get(name).and_then(Value::as_str);
    let language = text("QueryLanguage").and_then(Language::parse);
    let language = language.unwrap_or(machine);
    for (list, schema) in [
        ("Retry", "Retrier"),
        ("Catch", "Catcher"),
        ("Choices", "Rule"),
        ("Branches", "Branch"),
    ] {
        let elements = state
            .get(list)
            .and_then(Value::as_array)
            .unwrap_or_default();
        for (index, element) in elements.iter().enumerate() {
            let place = format!("{place}/{list}[{index}]");
            match element.as_object() {
                Some(object) if schema == "Branch" => body(schema, machine, place, object, all),
                Some(object) => all.push(Described {
                    schema,
                    language,
                    place,
                    object: object.clone(),
                }),
                None => {}
            }
        }
    }
    for name in ["ItemProcessor", "Iterator"] {
        if let Some(object) = state.get(name).and_then(Value::as_object) {
            let place = format!("{place}/{name}");
            body("ItemProcessor", machine, place, object, all);
        }
    }
    for (name, schema, inner) in [
        ("ItemReader", "ItemReader", Some("ReaderConfig")),
        ("ItemBatcher", "ItemBatcher", None),
        ("ResultWriter", "ResultWriter", Some("WriterConfig")),
    ] {
        let part = state.get(name);
        let inner = inner
            .and_then(|inner| Some((inner, format!("{place}/{name}/{inner}"), part?.get(inner)?)));
        let part = part.map(|part| (schema, format!("{place}/{name}"), part));
        let parts = part.into_iter().chain(inner);
        all.extend(parts.filter_map(|(schema, place, part)| {
            Some(Described {
                schema,
                language,
                place,
                object: part.as_object()?.clone(),
            })
        }));
    }
    let schemas = schemas();
    let known = schemas.iter().find(|(name, _)| Some(*name) == text("Type"));
    all.extend(known.map(|(schema, _)| Described {
        schema,
        language,
        place: place.to_owned(),
        object: state.clone(),
    }));
}

/// Field `name` of an object of the schema, in a language.
type Key = (&'static str, Language, String);

/// The fields that occur in accepted definitions, and those whose value a definition is refused
/// for.
fn judged() -> (BTreeSet<Key>, BTreeSet<Key>) {
    let (mut accepted, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for (_, case) in cases() {
        let expected = expected(&case);
        let is_error = |one: &&Value| one.get("severity").is_none();
        let errors = expected.iter().filter(is_error).collect::<Vec<_>>();
        for one in described(&case) {
            for field in one.object.keys() {
                let at = format!("{}/{field}", one.place);
                let is_about = |error: &&Value| {
                    let part = |key| error.get(key).and_then(Value::as_str).unwrap_or_default();
                    let is_named = part("message").contains(&format!("'{field}'"));
                    let is_here = part("location") == one.place
                        || part("location") == "/" && one.place.is_empty();
                    part("location").starts_with(&at) || is_here && is_named
                };
                let key = (one.schema, one.language, field.to_owned());
                if errors.is_empty() {
                    accepted.insert(key);
                } else if errors.iter().any(is_about) {
                    refused.insert(key);
                }
            }
        }
    }
    (accepted, refused)
}

/// Every field of the table has cases in each of its languages: one that accepts it, and one that refuses a value of it, unless any value is fine. In the other
/// language it is refused.
#[test]
fn every_field_of_the_table_has_its_cases() {
    let (accepted, refused) = judged();
    let mut missing = Vec::new();
    for (schema, table) in schemas() {
        for language in [Language::JsonPath, Language::Jsonata] {
            for field in table.fields() {
                let key = (schema, language, field.name.to_owned());
                let is_own = field.is_of(language);
                if is_own && !accepted.contains(&key) {
                    missing.push(format!("{schema}.{} {language:?}: accepted", field.name));
                }
                let wants_refusal = !is_own || can_be_refused(field, language);
                if wants_refusal && !refused.contains(&key) {
                    missing.push(format!("{schema}.{} {language:?}: refused", field.name));
                }
            }
        }
    }
    assert!(
        missing.is_empty(),
        "fields without a case:\n{}",
        missing.join("\n")
    );
}

/// A field that is read alike in both languages needs one refusal only, in JSONPath.
fn can_be_refused(field: &Field, language: Language) -> bool {
    let is_dynamic = matches!(
        field.kind,
        Kind::DynamicText
            | Kind::DynamicInteger { .. }
            | Kind::Percentage
            | Kind::Template
            | Kind::Assign
            | Kind::Items
            | Kind::Timestamp
            | Kind::Condition
            | Kind::Credentials
    );
    // A state whose Type is refused is no state of this type.
    let is_never = matches!(field.kind, Kind::Any) || field.name == "Type";
    !is_never && (is_dynamic || language == Language::JsonPath)
}

/// The texts of `message.rs`: what stands between quotes, with `{}` for what is filled in.
fn texts_of_messages() -> Vec<String> {
    let source = include_str!("message.rs");
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n");
    let mut texts = Vec::new();
    let mut rest = code.as_str();
    while let Some((_, after)) = rest.split_once('"') {
        let mut text = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next().expect("a text ends") {
                (at, '"') => break at,
                (_, '\\') => match characters.next().expect("an escape") {
                    (_, '\n') => {
                        let is_indent = |(_, next): &(usize, char)| next.is_whitespace();
                        let mut ahead = characters.clone();
                        while ahead.next().as_ref().is_some_and(is_indent) {
                            characters.next();
                        }
                    }
                    (_, escaped) => text.push(escaped),
                },
                (_, character) => text.push(character),
            }
        };
        texts.push(text);
        rest = after.get(end + 1..).expect("a quote is one byte");
    }
    texts
}

/// The parts of a text that do not depend on what is filled in.
fn fixed_parts(text: &str) -> Vec<String> {
    let plain = text.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let restored = |part: &str| part.replace('\u{1}', "{").replace('\u{2}', "}");
    let mut parts = plain.split('{');
    let first = parts.next().map(restored);
    let others = parts.filter_map(|part| Some(restored(part.split_once('}')?.1)));
    first.into_iter().chain(others).collect()
}

/// Whether all parts occur, one after the other.
fn contains_in_order(text: &str, parts: &[String]) -> bool {
    let mut rest = text;
    parts.iter().all(|part| {
        let found = rest.split_once(part.as_str());
        rest = found.map_or("", |(_, after)| after);
        found.is_some()
    })
}

/// Every text and every code has a case.
#[test]
fn every_message_has_a_case() {
    let cases = cases();
    let said = cases.iter().flat_map(|(_, case)| expected(case));
    let said = said
        .flat_map(|one| {
            ["code", "message"].map(|key| {
                let part = one.get(key).and_then(Value::as_str);
                part.unwrap_or_default().to_owned()
            })
        })
        .collect::<BTreeSet<_>>();
    let texts = texts_of_messages();
    assert!(texts.len() >= 60, "only {} texts were found", texts.len());
    let missing = texts.iter().filter(|text| {
        let parts = fixed_parts(text);
        !said.iter().any(|said| contains_in_order(said, &parts))
    });
    let missing = missing.map(String::as_str).collect::<Vec<_>>();
    assert!(
        missing.is_empty(),
        "texts without a case:\n{}",
        missing.join("\n")
    );
}

/// Definitions that AWS accepted or refused in recordings, where they are at hand, as far as the
/// resources they use are known here.
#[test]
fn recorded_definitions_agree() {
    let Ok(files) = std::fs::read_dir(RECORDINGS) else {
        return;
    };
    let mut wrong = Vec::new();
    let mut compared = BTreeSet::new();
    for file in files {
        let file = file
            .expect("a readable folder")
            .path()
            .display()
            .to_string();
        let recording = json::parse(&read(&file).expect("a readable file")).expect("a JSON text");
        let steps = recording.get("steps").and_then(Value::as_array);
        for step in steps.expect("a recording has steps") {
            let part =
                |value: &Value, key| value.get(key).and_then(Value::as_str).map(str::to_owned);
            let params = step.get("params").cloned().unwrap_or_else(Value::null);
            let is_create = part(step, "op").is_some_and(|op| op == "CreateStateMachine");
            let Some(definition) = part(&params, "definition").filter(|_| is_create) else {
                continue;
            };
            let wants_error = match part(step, "expect_error").as_deref() {
                None => false,
                Some("InvalidDefinition") => true,
                // Something else was wrong with the call.
                Some(_) => continue,
            };
            let machine = match part(&params, "type").as_deref() {
                Some("EXPRESS") => MachineType::Express,
                _ => MachineType::Standard,
            };
            let compiled = compile(&filled(&definition), machine, &TestCatalogue);
            let is_unknown = |one: &Diagnostic| {
                one.message.starts_with("Lockstep does not support")
                    || one.message.starts_with("The resource provided")
            };
            if compiled.diagnostics.iter().any(is_unknown) {
                continue;
            }
            if compiled.program.is_none() != wants_error {
                wrong.push(format!("{file}: {definition}\n{:?}", compiled.diagnostics));
            }
            compared.insert(definition);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared.len() >= 100, "only {} compared", compared.len());
}

/// A recorded definition with what the recording fills in: the ARNs of functions.
fn filled(definition: &str) -> String {
    let mut text = String::new();
    let mut rest = definition;
    while let Some((before, after)) = rest.split_once("${") {
        let (_, after) = after.split_once('}').expect("a placeholder is closed");
        text.push_str(before);
        text.push_str("arn:aws:lambda:us-east-1:111122223333:function:f");
        rest = after;
    }
    text + rest
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
