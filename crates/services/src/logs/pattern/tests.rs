//! `conformance/filter-patterns/*.json`: a pattern with messages that it `matches`, with such that
//! it does `not`, with what it `extracts` of messages, or with the `error` it is refused with.
//! `unverified` says what of a case AWS's documents leave open.

use json::Value;

use super::*;

fn cases() -> Vec<Value> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../conformance/filter-patterns"
    );
    let mut cases = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let read = json::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        cases.extend_from_slice(read.as_array().unwrap());
    }
    cases
}

/// What is wrong with a case, and how many messages it has.
fn check(case: &Value) -> (Vec<String>, usize) {
    let text = case.get("pattern").and_then(Value::as_str).unwrap();
    let pattern = match (Pattern::parse(text), case.get("error")) {
        (Ok(pattern), None) => pattern,
        (Err(invalid), Some(expected)) => {
            let expected = expected.as_str().unwrap();
            let reason = &invalid.0;
            let (start, end) = expected.split_once('*').unwrap_or((expected, ""));
            let is_whole = expected.contains('*') || reason == expected;
            let fits = is_whole && reason.starts_with(start) && reason.ends_with(end);
            let problem = (!fits).then(|| format!("{text}: {reason}"));
            return (problem.into_iter().collect(), 1);
        }
        (parsed, _) => return (vec![format!("{text}: {parsed:?}")], 1),
    };
    let messages = |member| {
        case.get(member)
            .and_then(Value::as_array)
            .unwrap_or_default()
    };
    let mut problems = Vec::new();
    let mut count = 0;
    for (member, expected) in [("matches", true), ("not", false)] {
        for message in messages(member) {
            let message = message.as_str().unwrap();
            count += 1;
            if pattern.matches(message) != expected {
                problems.push(format!("{text} {member} {message}"));
            }
            assert_eq!(pattern.extract(message).is_some(), pattern.matches(message));
        }
    }
    for (message, expected) in case
        .get("extracts")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        count += 1;
        let extracted = pattern.extract(message).unwrap_or_default();
        let extracted = extracted
            .into_iter()
            .map(|(key, value)| (key, value.into()));
        let extracted: json::Object = extracted.collect();
        let expected = expected.as_object().unwrap();
        let is_same = extracted.len() == expected.len()
            && expected
                .iter()
                .all(|(key, value)| extracted.get(key) == Some(value));
        if !is_same {
            problems.push(format!("{text} extracts {}", Value::from(extracted)));
        }
    }
    (problems, count)
}

#[test]
fn patterns() {
    let checked: Vec<_> = cases().iter().map(check).collect();
    let count: usize = checked.iter().map(|(_, count)| count).sum();
    let problems: Vec<String> = checked.into_iter().flat_map(|(it, _)| it).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(count >= 100, "{count}");
}

#[test]
fn a_pattern_has_an_end() {
    assert!(Pattern::parse(&"é".repeat(1_024)).is_ok());
    let invalid = Pattern::parse(&"a".repeat(1_025)).unwrap_err();
    let expected = "Invalid filter pattern: it is longer than 1024 characters";
    assert_eq!(invalid.to_string(), expected);
}

/// A message that is made to take long takes no longer than others.
#[test]
fn hostile_messages() {
    let fields = Pattern::parse("[a, ..., z]").unwrap();
    assert!(fields.matches(&"[ \" ".repeat(200_000)));
    let regex = Pattern::parse("%a*a*a*a*a*b$%").unwrap();
    assert!(!regex.matches(&"a".repeat(20_000)));
    let deep = Pattern::parse("{ $.a = 1 }").unwrap();
    assert!(!deep.matches(&"[".repeat(1_000_000)));
}
