//! Why a setting can't be read, in words of its own: which one, where it stands, what it takes.

use anyhow::{Error, anyhow};
use figment::error::{Actual, Kind};

/// How unlike a setting's name a word may be to be taken for a slip of it.
const SLIP_EDITS_MAX: usize = 3;
/// The setting that may hold secrets: what it is set to is not told.
const SECRET: &str = "otlp_headers";

/// Every trouble with the settings, each on a line. `file` is what the configuration file is called
/// in messages.
pub(super) fn refusal(error: figment::Error, file: Option<&str>) -> Error {
    let lines: Vec<String> = error.into_iter().map(|one| line(&one, file)).collect();
    anyhow!("cannot read the settings: {}", lines.join("\n"))
}

fn line(error: &figment::Error, file: Option<&str>) -> String {
    let path = error.path.join(".");
    let is_of_file = (error.metadata.as_ref()).is_some_and(|it| it.name.starts_with("TOML"));
    let place = match (file, is_of_file) {
        (Some(file), true) => format!("`{path}` in `{file}`"),
        _ => format!("the variable `LOCKSTEP_{}`", path.to_uppercase()),
    };
    match &error.kind {
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            let is_secret = error.path.first().is_some_and(|name| name == SECRET);
            let found = match found {
                Actual::Str(_) if is_secret => "a text".to_owned(),
                other => shown(other),
            };
            let expected = takes(expected);
            format!("{place} is {found}, and it takes {expected}")
        }
        Kind::UnknownField(name, known) => {
            let meant = meant(name, known);
            format!("{place} is no setting; {meant}docs/operations.md lists all")
        }
        Kind::MissingField(name) => format!("{place} lacks `{name}`"),
        // What the standard library says of an address, which is a text in every source.
        Kind::Message(text) if text.contains("socket address") => {
            format!("{place} is not {}", takes("socket address"))
        }
        // What is no TOML says itself where, and so do texts of ours.
        Kind::Message(text) if path.is_empty() => match file {
            Some(file) => format!("`{file}`: {}", without_source(text)),
            None => text.clone(),
        },
        Kind::Message(text) if text.contains('`') => format!("{place}: {text}"),
        other => format!("{place}: {other}"),
    }
}

fn shown(found: &Actual) -> String {
    match found {
        Actual::Bool(value) => format!("`{value}`"),
        Actual::Unsigned(value) => format!("`{value}`"),
        Actual::Signed(value) => format!("`{value}`"),
        Actual::Float(value) => format!("`{value}`"),
        Actual::Str(text) => format!("`\"{text}\"`"),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        other => format!("{other}"),
    }
}

/// What TOML says of a file, without the line of it, which may be of a secret.
fn without_source(text: &str) -> String {
    let is_source = |line: &&str| {
        let number = |c: char| c == ' ' || c.is_ascii_digit();
        line.trim_start_matches(number).starts_with('|')
    };
    let lines: Vec<&str> = text.lines().filter(|line| !is_source(line)).collect();
    lines.join(": ")
}

/// What a type is called by those who set it.
fn takes(expected: &str) -> String {
    match expected {
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "usize" => "a whole number from 0".to_owned(),
        "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "path string" => "a text in quotes".to_owned(),
        "a sequence" => "a list".to_owned(),
        "socket address" => "an address and a port, such as \"127.0.0.1:8083\"".to_owned(),
        other => other.to_owned(),
    }
}

/// The names of variables that are no setting, and look so much like one that a slip is more likely
/// than another's variable, such as Kubernetes's `LOCKSTEP_PORT`: each with what to write.
pub(super) fn slips<'a>(
    variables: impl Iterator<Item = &'a str>,
    known: &[&str],
) -> Vec<(String, String)> {
    let mut slips: Vec<(String, String)> = variables
        .filter_map(|variable| {
            let word = variable.strip_prefix("LOCKSTEP_")?.to_ascii_lowercase();
            let edits = |name: &&&str| strsim::osa_distance(&word, name);
            let name = known.iter().min_by_key(edits)?;
            // In a short name two letters are too many: `PORT` is none of ours.
            let is_slip = (1..=name.len() / 5).contains(&edits(&name));
            is_slip.then(|| {
                let meant = format!("LOCKSTEP_{}", name.to_ascii_uppercase());
                (variable.to_owned(), meant)
            })
        })
        .collect();
    slips.sort_unstable();
    slips
}

/// The setting that a word is most like.
fn meant(word: &str, known: &[&str]) -> String {
    let of = |name: &&&str| strsim::osa_distance(word, name);
    match known.iter().min_by_key(of) {
        Some(name) if of(&name) <= SLIP_EDITS_MAX => format!("did you mean `{name}`? "),
        _ => String::new(),
    }
}
