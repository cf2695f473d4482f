//! Walks the tables of the language and of the APIs: what stands in them occurs in a case, or in
//! the table "No case yet" of `docs/differences-from-aws.md`; never in both.

mod api;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use asl::choice::OPERATORS;
use asl::decide::Refusal;
use asl::definition::{Catalogue as _, Resolved};
use asl::history::EVENT_TYPES;
use asl::limits::Limits;
use asl::run::NotRedrivable;
use asl::time::Timestamp;
use asl::validate::{ERROR_NAMES, FieldName};
use aws::Service;
use json::Value;
use services::states::Integrations;

use crate::cases;

/// A row of the table "No case yet".
struct Row {
    area: String,
    /// Names separated by commas; `*` stands for any text.
    names: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/differences-from-aws.md")).unwrap();
    let (_, section) = text
        .split_once("\n## No case yet\n")
        .expect("the section `No case yet`");
    let section = section.split("\n## ").next().unwrap();
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1);
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect());
    cells
        .map(|cells: Vec<&str>| {
            assert!(
                cells.len() == 3 && cells.iter().all(|cell| !cell.is_empty()),
                "{cells:?}"
            );
            let names = cells[1]
                .split(',')
                .map(|name| name.trim().trim_matches('`').to_owned());
            Row {
                area: cells[0].to_owned(),
                names: names.collect(),
            }
        })
        .collect()
}

fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

#[test]
fn patterns() {
    for (pattern, name, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("*b", "ab", true),
        ("a*b*c", "a-b-b-c", true),
        ("*Group*", "ListGroupsForUser", true),
        ("ab*b", "ab", false),
    ] {
        assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
    }
}

/// Every name, and whether it has a case.
type Names = BTreeMap<String, bool>;

fn check(area: &str, names: &Names) {
    assert!(!names.is_empty(), "{area}");
    let rows = rows();
    let patterns: Vec<&str> = rows
        .iter()
        .filter(|row| row.area == area)
        .flat_map(|row| row.names.iter().map(String::as_str))
        .collect();
    let mut problems = Vec::new();
    for (name, has_case) in names {
        let exempted = patterns.iter().find(|pattern| matches(pattern, name));
        match (has_case, exempted) {
            (true, Some(pattern)) => problems.push(format!("`{name}` has a case; `{pattern}`")),
            (false, None) => problems.push(format!("`{name}` has none")),
            _ => {}
        }
    }
    for pattern in patterns
        .iter()
        .filter(|it| !names.keys().any(|name| matches(it, name)))
    {
        problems.push(format!("`{pattern}` stands in the table and names nothing"));
    }
    assert!(problems.is_empty(), "{area}:\n{}", problems.join("\n"));
    let covered = names.values().filter(|has_case| **has_case).count();
    println!("{area}: {covered} of {} have a case", names.len());
}

/// Every expected line of every case.
fn lines() -> Vec<String> {
    let files = cases::files();
    let blocks = files
        .iter()
        .flat_map(|(_, file)| &file.cases)
        .flat_map(|case| &case.blocks);
    blocks.flat_map(|block| block.expected.clone()).collect()
}

fn definitions() -> Vec<Value> {
    let files = cases::files();
    let cases = files.iter().flat_map(|(_, file)| &file.cases);
    cases
        .map(|case| json::parse(&case.definition).unwrap())
        .collect()
}

#[test]
fn every_event_type_has_a_case() {
    let model = Service::States.model().unwrap();
    let event = cases::shape_of_events(model);
    let kind = model
        .structure(event)
        .unwrap()
        .member("type")
        .expect("HistoryEvent has a type");
    let choices = &model.shape(kind.reference.shape).constraints.choices;
    let seen: BTreeSet<String> = lines()
        .iter()
        .filter_map(|line| Some(line.split_once('<')?.1.split(' ').nth(1)?.to_owned()))
        .collect();
    let names = choices
        .iter()
        .map(|name| (name.to_string(), seen.contains(&**name)))
        .collect();
    check("event type", &names);
    for ours in EVENT_TYPES {
        assert!(names.contains_key(ours), "`{ours}` is none of AWS's");
        assert!(seen.contains(ours), "`{ours}` can happen, so it has a case");
    }
}

#[test]
fn every_refusal_has_a_case() {
    // Whoever adds a variant is led here by the compiler.
    let name = |refusal: Refusal| match refusal {
        Refusal::NotRunning
        | Refusal::NotAwaited
        | Refusal::NotDue
        | Refusal::AlreadyStarted
        | Refusal::NotYielded
        | Refusal::NotQueued
        | Refusal::TooHeavy
        | Refusal::ForeignProgram => format!("{refusal:?}"),
        Refusal::NotRedrivable(why) => why.to_string(),
        Refusal::AlreadyRedriven { .. } => "AlreadyRedriven".to_owned(),
    };
    let all = [
        Refusal::NotRunning,
        Refusal::NotAwaited,
        Refusal::NotDue,
        Refusal::AlreadyStarted,
        Refusal::NotYielded,
        Refusal::NotQueued,
        Refusal::NotRedrivable(NotRedrivable::Running),
        Refusal::NotRedrivable(NotRedrivable::Succeeded),
        Refusal::NotRedrivable(NotRedrivable::EventLimit),
        Refusal::NotRedrivable(NotRedrivable::TooOld),
        Refusal::NotRedrivable(NotRedrivable::PeriodExceeded),
        Refusal::AlreadyRedriven { at: Timestamp(0) },
        Refusal::TooHeavy,
        Refusal::ForeignProgram,
    ];
    let lines = lines();
    let has_case = |name: &String| {
        let refused = format!("refused: {name}");
        lines.iter().any(|line| line.starts_with(&refused))
    };
    check(
        "refusal",
        &all.into_iter()
            .map(name)
            .map(|it| (it.clone(), has_case(&it)))
            .collect(),
    );
}

#[test]
fn every_internal_event_has_a_case() {
    // Whoever adds a variant is led here by the compiler: what is not internal has a type.
    let lines = lines();
    let names = [
        "ExecutionDeadline",
        "WaitUntil",
        "RetryAt",
        "Yielded",
        "BranchStarted",
        "BranchSucceeded",
        "BranchesCut",
        "Queued",
        "Admitted",
        "JobCancelled",
        "TaskServed",
    ];
    let has_case = |name: &str| {
        lines
            .iter()
            .any(|line| line.starts_with(&format!(". {name}")))
    };
    let names = names.map(|name| (name.to_owned(), has_case(name)));
    check("internal event", &names.into_iter().collect());
}

#[test]
fn every_limit_has_a_case() {
    // Whoever adds a limit is led here by the compiler.
    let Limits {
        payload_bytes_max: _,
        history_events_max: _,
        map_concurrency_max: _,
        variables_bytes_max: _,
        transitions_per_decision_max: _,
    } = Limits::default();
    let heads = texts_in("conformance/cases", "txt");
    let set = [
        "payload_bytes_max",
        "history_events_max",
        "map_concurrency_max",
        "variables_bytes_max",
        "transitions_per_decision_max",
        "allowance",
    ];
    let mut names: Names = set
        .iter()
        .map(|name| ((*name).to_owned(), heads.contains(&format!("\n{name} "))))
        .collect();
    let texts = lines().join("\n");
    for (name, text) in [
        ("JSONata steps", "Expression evaluation timeout"),
        (
            "JSONata bytes",
            "Expression evaluation memory limit exceeded",
        ),
        ("JSONata depth", "Stack overflow error"),
    ] {
        names.insert(name.to_owned(), texts.contains(text));
    }
    check("limit", &names);
}

#[test]
fn every_field_has_a_case() {
    let mut seen = Seen::default();
    definitions().iter().for_each(|it| seen.definition(it));
    let judged = judged_definitions();
    let mut names = Names::new();
    for FieldName {
        object,
        name,
        language,
        is_served,
    } in asl::validate::fields()
    {
        // A field of both languages means something in each.
        let languages = language.map_or(&LANGUAGES[..], |one| {
            let at = LANGUAGES.iter().position(|it| *it == one).unwrap();
            &LANGUAGES[at..=at]
        });
        for language in languages {
            let has_case = match is_served {
                true => seen.has(object, name, language),
                // One that is refused can only occur where definitions are refused.
                false => judged.contains(&format!("\"{name}\"")),
            };
            names.insert(format!("{object}.{name} {language}"), has_case);
        }
    }
    check("field", &names);
}

const LANGUAGES: [&str; 2] = ["JSONPath", "JSONata"];

/// Objects and their members in definitions, by query language.
#[derive(Default)]
struct Seen(BTreeSet<(String, String, String)>);

impl Seen {
    fn has(&self, object: &str, name: &str, language: &str) -> bool {
        let key = (object.to_owned(), name.to_owned(), language.to_owned());
        self.0.contains(&key)
    }

    fn definition(&mut self, definition: &Value) {
        let language = text_of(definition, "QueryLanguage").unwrap_or(LANGUAGES[0]);
        self.note("Machine", definition, language);
        self.states(definition, language);
    }

    /// The states of a body. Bodies within follow the machine's language.
    fn states(&mut self, body: &Value, machine: &str) {
        let states = body.get("States").and_then(Value::as_object);
        for state in states.expect("a body has states").values() {
            let language = text_of(state, "QueryLanguage").unwrap_or(machine);
            self.note(text_of(state, "Type").unwrap(), state, language);
            for (list, object) in [
                ("Retry", "Retrier"),
                ("Catch", "Catcher"),
                ("Choices", "Rule"),
                ("Branches", "Branch"),
            ] {
                let elements = state.get(list).and_then(Value::as_array);
                for element in elements.unwrap_or_default() {
                    let of = if object == "Branch" {
                        machine
                    } else {
                        language
                    };
                    self.note(object, element, of);
                    if object == "Branch" {
                        self.states(element, machine);
                    }
                }
            }
            for processor in ["ItemProcessor", "Iterator"] {
                let Some(body) = state.get(processor) else {
                    continue;
                };
                self.note("ItemProcessor", body, machine);
                if let Some(config) = body.get("ProcessorConfig") {
                    self.note("ProcessorConfig", config, machine);
                }
                self.states(body, machine);
            }
        }
    }

    fn note(&mut self, object: &str, value: &Value, language: &str) {
        let members = value.as_object().expect("an object").keys();
        let key = |name: &str| (object.to_owned(), name.to_owned(), language.to_owned());
        self.0.extend(members.map(key));
    }
}

fn text_of<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// How the cases end whose definition has a text.
fn ends(text: &str) -> (bool, bool) {
    let files = cases::files();
    let cases = files.iter().flat_map(|(_, file)| &file.cases);
    let with = cases.filter(|case| case.definition.contains(text));
    let mut found = (false, false);
    for block in with.flat_map(|case| &case.blocks) {
        let has = |what: &str| block.expected.iter().any(|line| line.contains(what));
        found.0 |= has("= SUCCEEDED");
        // A failure names the function, not only its state.
        found.1 |= has(text.trim_end_matches('(')) && has("States.IntrinsicFailure");
        found.1 |= has(&format!("'{text}")) && has("= FAILED");
    }
    found
}

#[test]
fn every_intrinsic_function_has_cases() {
    let mut names = Names::new();
    for function in &asl::intrinsics::FUNCTIONS {
        let (succeeds, fails) = ends(&format!("{}(", function.name));
        names.insert(format!("{} succeeds", function.name), succeeds);
        names.insert(format!("{} fails", function.name), fails);
    }
    check("intrinsic function", &names);
}

/// The functions AWS added to JSONata (developer guide, "Transforming data with JSONata"), and the
/// one it took away. Those of JSONata itself are judged by its own suite.
#[test]
fn every_function_added_to_jsonata_has_a_case() {
    let texts: String = definitions().iter().map(Value::to_text).collect();
    let names = [
        "partition",
        "range",
        "hash",
        "random",
        "uuid",
        "parse",
        "eval",
    ];
    let has_case = |name: &str| texts.contains(&format!("${name}("));
    let names = names.map(|name| (name.to_owned(), has_case(name)));
    check("JSONata function", &names.into_iter().collect());
}

/// The codes stand where the texts do.
#[test]
fn every_code_of_a_diagnostic_has_a_case() {
    let source = fs::read_to_string(root().join("crates/asl/src/validate/message.rs")).unwrap();
    let judged = judged_definitions();
    let constants = source.lines().filter_map(|line| {
        let (_, value) = line
            .strip_prefix("pub(crate) const ")?
            .split_once(": &str = \"")?;
        value.strip_suffix("\";")
    });
    let is_code = |text: &&str| {
        text.chars()
            .all(|char| char.is_ascii_uppercase() || char == '_')
    };
    let codes = constants.filter(is_code);
    let names = codes.map(|code| (code.to_owned(), judged.contains(&format!("\"{code}\""))));
    check("diagnostic", &names.collect());
}

fn judged_definitions() -> String {
    texts_in("conformance/definitions", "json")
}

/// The files of a folder, one after the other.
fn texts_in(folder: &str, extension: &str) -> String {
    let entries = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{folder}");
    paths
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn every_choice_operator_has_a_case() {
    let texts: String = definitions().iter().map(Value::to_text).collect();
    let operators = OPERATORS
        .iter()
        .map(|operator| operator.name)
        .chain(["And", "Or", "Not"]);
    let has_case = |name: &str| texts.contains(&format!("\"{name}\":"));
    check(
        "operator",
        &operators
            .map(|name| (name.to_owned(), has_case(name)))
            .collect(),
    );
}

#[test]
fn every_error_name_has_a_case() {
    let texts: String = definitions()
        .iter()
        .map(Value::to_text)
        .chain(lines())
        .collect();
    let has_case = |name: &str| texts.contains(&format!("\"{name}\""));
    let names = ERROR_NAMES
        .iter()
        .map(|name| ((*name).to_owned(), has_case(name)));
    check("error", &names.collect());
}

/// The resources are AWS's: each that is served runs in a case.
#[test]
fn every_served_resource_has_a_case() {
    let texts: String = definitions().iter().map(Value::to_text).collect();
    for resource in [
        "arn:aws:lambda:us-east-1:123456789012:function:f",
        "arn:aws:states:::lambda:invoke",
        "arn:aws:states:::lambda:invoke.waitForTaskToken",
    ] {
        assert!(
            matches!(Integrations.resolve(resource), Resolved::Task(_)),
            "{resource}"
        );
        assert!(texts.contains(&format!("\"{resource}\"")), "{resource}");
    }
}

/// The service's module, where an operation that is served has an arm.
fn module(service: Service) -> (&'static str, Option<&'static str>) {
    match service {
        Service::States => ("states", Some("states.rs")),
        Service::Iam => ("iam", Some("iam.rs")),
        Service::Sts => ("sts", Some("sts.rs")),
        Service::Lambda => ("lambda", Some("lambda.rs")),
        Service::Lockstep => ("lockstep", Some("lockstep.rs")),
        Service::Logs => ("logs", Some("logs.rs")),
        Service::CloudTrail => ("cloudtrail", Some("cloudtrail.rs")),
        Service::CloudWatch => ("cloudwatch", Some("cloudwatch.rs")),
        Service::IamToolbox => ("iam-toolbox", Some("iam_toolbox.rs")),
    }
}

#[test]
fn every_operation_has_a_case() {
    let cases = texts_in("conformance/api", "json") + &texts_in("tests/e2e", "py");
    let mut names = Names::new();
    for service in Service::ALL {
        let (name, module) = module(service);
        let source = module.map_or_else(String::new, |module| {
            fs::read_to_string(root().join("crates/services/src").join(module)).unwrap()
        });
        for operation in service.model().unwrap().operations() {
            let spelled = &*operation.name;
            let is_served = source.contains(&format!("\"{spelled}\" =>"));
            let occurs = [
                format!("\"{spelled}\""),
                snake_case(spelled),
                kebab_case(spelled),
            ]
            .iter()
            .any(|spelling| cases.contains(spelling.as_str()));
            names.insert(format!("{name}:{spelled}"), is_served && occurs);
        }
    }
    check("operation", &names);
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (at, char) in name.char_indices() {
        if char.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(char.to_lowercase());
    }
    snake
}

fn kebab_case(name: &str) -> String {
    snake_case(name).replace('_', "-")
}
