//! The official suite lies outside the repository. `TESTSUITE.md` there says what cases look like.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Allowance, Bindings, Meter, Outcome, Value, compile, repository, same, with_stack};

/// The cases that are not meant to pass, with the reasons.
const REFUSED: &str = include_str!("refused.txt");

#[test]
fn the_official_suite_passes() {
    with_stack(run);
}

fn run() {
    let folder = repository("../shared/conformance/jsonata");
    if !folder.is_dir() {
        assert!(
            std::env::var_os("CI").is_none(),
            "the official suite is missing"
        );
        println!("the official suite is not there, so it was not run");
        return;
    }
    let datasets = datasets(&folder.join("datasets"));
    let refused: Vec<&str> = REFUSED
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| !name.starts_with('#'))
        .collect();
    let mut count = 0;
    let mut failures = Vec::new();
    for (name, case) in cases(&folder.join("groups")) {
        count += 1;
        let verdict = check(&case, &datasets);
        match (verdict, refused.contains(&name.as_str())) {
            (Ok(()), true) => failures.push(format!("{name}: refused, but passes")),
            (Err(difference), false) => failures.push(format!("{name}: {difference}")),
            _ => {}
        }
    }
    assert_eq!(count, 1625, "the suite is not complete");
    let failed = failures.len();
    assert!(
        failures.is_empty(),
        "{failed} of {count}:\n{}",
        failures.join("\n")
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "the suite is data outside the repository"
)]
fn read_text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn read(path: &Path) -> Value {
    json::parse(&read_text(path)).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

fn datasets(folder: &Path) -> BTreeMap<String, Value> {
    files(folder)
        .iter()
        .map(|path| (stem(path), read(path)))
        .collect()
}

/// All cases, named `group/file` or `group/file:index`.
fn cases(folder: &Path) -> Vec<(String, Value)> {
    let mut cases = Vec::new();
    for group in files(folder) {
        for file in files(&group) {
            if file.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let name = format!("{}/{}", stem(&group), stem(&file));
            let with_text = |case: &Value| match case.get("expr-file").and_then(Value::as_str) {
                Some(other) => {
                    let text = read_text(&group.join(other));
                    case.with_member("expr", text.into())
                }
                None => case.clone(),
            };
            let content = read(&file);
            match content.as_array() {
                Some(several) => {
                    for (at, case) in several.iter().enumerate() {
                        cases.push((format!("{name}:{at}"), with_text(case)));
                    }
                }
                None => cases.push((name, with_text(&content))),
            }
        }
    }
    cases
}

/// What a case allows. Some go beyond what AWS does; those without limits get plenty.
fn allowance(case: &Value) -> Allowance {
    let depth = case.get("depth").and_then(Value::as_i64);
    Allowance {
        // A step for each 50 nanoseconds of the limit.
        steps: case
            .get("timelimit")
            .and_then(Value::as_i64)
            .map_or(200_000_000, |limit| limit.unsigned_abs() * 20_000),
        bytes: 1 << 30,
        depth: depth.map_or(500, |depth| u32::try_from(depth).unwrap()),
    }
}

fn check(case: &Value, datasets: &BTreeMap<String, Value>) -> Result<(), String> {
    let source = case.get("expr").and_then(Value::as_str).unwrap_or_default();
    let input = match (
        case.get("data"),
        case.get("dataset").and_then(Value::as_str),
    ) {
        (Some(data), _) => Some(data),
        (None, Some(name)) => Some(&datasets[name]),
        (None, None) => None,
    };
    let bindings = Bindings::new(case.get("bindings").cloned().unwrap_or_default());
    let meter = Meter::new(allowance(case));
    let outcome =
        compile(source).and_then(|expression| expression.evaluate(input, &bindings, &meter));
    let described = case.get("error");
    let member = |name| {
        described
            .and_then(|error| error.get(name))
            .or_else(|| case.get(name))
    };
    match (member("code").and_then(Value::as_str), outcome) {
        (Some(code), Err(error)) => {
            let token = member("token").and_then(Value::as_str);
            let message = described
                .and_then(|error| error.get("message"))
                .and_then(Value::as_str);
            let is_same = code == error.code
                && token.is_none_or(|token| error.token.as_deref() == Some(token))
                && message.is_none_or(|message| message == error.message);
            if is_same {
                return Ok(());
            }
            Err(format!(
                "{source}\n    expected {code} {token:?} {message:?}, got {error:?}"
            ))
        }
        (Some(code), Ok(outcome)) => Err(format!("{source}\n    expected {code}, got {outcome:?}")),
        (None, Err(error)) => Err(format!("{source}\n    {error:?}")),
        (None, Ok(outcome)) => match (case.get("result"), outcome) {
            (None, Outcome::Undefined) => Ok(()),
            (Some(result), Outcome::Value(value))
                if same(result, &value, case.get("unordered").is_some()) =>
            {
                Ok(())
            }
            (result, outcome) => Err(format!(
                "{source}\n    expected {result:?}\n    got      {outcome:?}"
            )),
        },
    }
}
