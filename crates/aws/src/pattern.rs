//! Patterns of the models: Java regular expressions that a value must match as a whole.
//!
//! They are compiled at their first use and kept with their shape, so that calls which meet none
//! pay nothing.

use std::fmt;
use std::sync::{LazyLock, OnceLock};

use regex::Regex;

/// A pattern of a model.
pub struct Pattern {
    text: Box<str>,
    matcher: OnceLock<Matcher>,
}

enum Matcher {
    Regex(Regex),
    /// Written by hand where the pattern looks around, which linear-time expressions can't.
    Check(fn(&str) -> bool),
    /// This build can't check it. The tests see to it that no embedded model has such a pattern.
    Unchecked,
}

impl Pattern {
    #[must_use]
    pub fn new(text: &str) -> Self {
        Pattern {
            text: text.into(),
            matcher: OnceLock::new(),
        }
    }

    /// The pattern as the model and AWS's messages spell it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `value` matches.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match self.matcher.get_or_init(|| Matcher::of(&self.text)) {
            Matcher::Regex(regex) => regex.is_match(value),
            Matcher::Check(check) => check(value),
            Matcher::Unchecked => true,
        }
    }

    #[cfg(test)]
    pub(crate) fn is_checked(&self) -> bool {
        !matches!(Matcher::of(&self.text), Matcher::Unchecked)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.text)
    }
}

impl Matcher {
    fn of(java: &str) -> Matcher {
        match LOOKING_AROUND.iter().find(|(pattern, _)| *pattern == java) {
            Some((_, check)) => Matcher::Check(*check),
            None => Regex::new(&translated(java)).map_or(Matcher::Unchecked, Matcher::Regex),
        }
    }
}

/// Java's pattern in the syntax of the crate `regex`, anchored at both ends. The classes `\w \d \s`
/// are ASCII in Java, and a dot stops at every line terminator.
fn translated(java: &str) -> String {
    let mut out = String::from(r"\A(?:");
    let mut class_depth = 0_u32;
    let mut chars = java.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('w') => out.push_str("[0-9A-Za-z_]"),
                Some('d') => out.push_str("[0-9]"),
                Some('s') => out.push_str(r"[\t\n\x0B\f\r ]"),
                Some('S') => out.push_str(r"[^\t\n\x0B\f\r ]"),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            '.' if class_depth == 0 => out.push_str(r"[^\n\r\u0085\u2028\u2029]"),
            '[' => {
                class_depth += 1;
                out.push(c);
            }
            ']' => {
                class_depth = class_depth.saturating_sub(1);
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out.push_str(r")\z");
    out
}

type Check = (&'static str, fn(&str) -> bool);

/// Patterns that look ahead or behind, each with a check that accepts the same texts.
const LOOKING_AROUND: [Check; 7] = [
    // Step Functions: alias names.
    (r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$", |text| {
        is_word(text, "_-.") && !text.bytes().all(|b| b.is_ascii_digit())
    }),
    // Lambda: alias names.
    (r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)", |text| {
        is_word(text, "-_") && !is_digits(text)
    }),
    (r"((?!^\d+$)^[0-9a-zA-Z-_]+$)", |text| {
        is_word(text, "-_") && !is_digits(text)
    }),
    // Lambda: functions that have a URL, with an alias or none.
    (
        concat!(
            r"(arn:(aws[a-zA-Z-]*)?:lambda:)?",
            r"((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?",
            r"(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:((?!\d+$)[0-9a-zA-Z-_]+))?"
        ),
        |text| {
            UNQUALIFIED.matches(text)
                || text.rsplit_once(':').is_some_and(|(function, alias)| {
                    is_word(alias, "-_") && !is_digits(alias) && UNQUALIFIED.matches(function)
                })
        },
    ),
    // Logs: bucket-like names.
    (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", |text| {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (3..=63).contains(&text.len())
            && text.bytes().all(allowed)
            && !text.contains("--")
            && !text.starts_with('-')
            && !text.ends_with('-')
    }),
    // Logs: names that end in no dot.
    (r"[0-9A-Za-z\.\-_]*(?<!\.)", |text| {
        (text.is_empty() || is_word(text, ".-_")) && !text.ends_with('.')
    }),
    // Logs: field names that are not the system's.
    (r"(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)", |text| {
        let first = text.bytes().next();
        !text.starts_with("system.")
            && first.is_some_and(|b| b == b'_' || b.is_ascii_alphanumeric())
            && !text.contains('$')
    }),
];

/// A function's name or ARN without a version or alias.
static UNQUALIFIED: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(concat!(
        r"(arn:(aws[a-zA-Z-]*)?:lambda:)?",
        r"((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?",
        r"(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})"
    ))
});

/// One or more ASCII letters, digits and characters of `others`.
fn is_word(text: &str, others: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests;
