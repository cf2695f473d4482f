//! Expressions and their data: the official suite where it lies beside the checkout, and our own
//! cases.

use std::fs;
use std::path::{Path, PathBuf};

use json::Value;

/// An expression of a case.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) expression: String,
    /// `None`: undefined.
    pub(super) data: Option<Value>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Expressions, in an order that does not depend on the machine: those of the suite, which never
/// change, or our own without it; both if `everything` is wanted. Whether the suite is there.
pub(super) fn all(everything: bool) -> (Vec<Source>, bool) {
    let mut all = official(&root().join("../shared/conformance/jsonata"));
    if all.is_empty() {
        println!("note: the official suite is absent; fewer mutants, of our own cases");
    }
    let has_suite = !all.is_empty();
    if !has_suite || everything {
        let files = files(&root().join("conformance/jsonata"));
        all.extend(files.iter().flat_map(|path| own(path)));
    }
    assert!(all.len() > 50, "{} expressions", all.len());
    (all, has_suite)
}

fn own(path: &Path) -> Vec<Source> {
    let cases = read(path);
    let case = |case: &Value| {
        Some(Source {
            expression: case.get("expression")?.as_str()?.to_owned(),
            data: case.get("input").cloned(),
        })
    };
    let cases = cases.as_array().unwrap_or_default().iter();
    cases.filter_map(case).collect()
}

fn official(suite: &Path) -> Vec<Source> {
    let mut all = Vec::new();
    for group in files(&suite.join("groups")) {
        for path in files(&group) {
            if path.extension().is_some_and(|it| it == "json") {
                let case = read(&path);
                let cases = case.as_array().unwrap_or(std::slice::from_ref(&case));
                all.extend(
                    cases
                        .iter()
                        .filter_map(|case| official_case(suite, &group, case)),
                );
            }
        }
    }
    all
}

fn official_case(suite: &Path, group: &Path, case: &Value) -> Option<Source> {
    let text = |name: &str| case.get(name).and_then(Value::as_str);
    let expression = match (text("expr"), text("expr-file")) {
        (Some(expression), _) => expression.to_owned(),
        (None, file) => fs::read_to_string(group.join(file?)).ok()?,
    };
    let dataset = text("dataset").map(|name| suite.join(format!("datasets/{name}.json")));
    let data = case.get("data").cloned();
    let data = data.or_else(|| Some(read(&dataset?)));
    let bindings = case.get("bindings").and_then(Value::as_object);
    // What a case binds stands in front, so that both sides bind it alike.
    let bound: String = bindings
        .into_iter()
        .flat_map(|bindings| bindings.iter())
        .map(|(name, value)| format!("${name} := {value}; "))
        .collect();
    let expression = match bound.is_empty() {
        true => expression,
        false => format!("({bound}{expression})"),
    };
    Some(Source { expression, data })
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    json::parse(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// What a folder holds, in order; nothing if there is none.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
