//! Regular expressions of patterns: a small part of the usual syntax, matched in linear time.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use super::Invalid;

/// Literal characters beside letters and digits (user guide, "Supported regular expression
/// syntax").
const LITERALS: &str = ":_#=@/;,-";
const OPERATORS: &str = "^$?[]{}|*+.";
/// Bytes that a compiled expression may have: repetitions of repetitions end here. At worst each
/// byte of a message takes a step for every hundred of them.
const COMPILED_BYTES_MAX: usize = 64 * 1024;
/// The same for what is kept of a match under way.
const CACHE_BYTES_MAX: usize = 256 * 1024;

/// A regular expression that may match anywhere in a text.
#[derive(Clone, Debug)]
pub(super) struct Regex(regex::Regex);

impl Regex {
    /// Reads what stands between two `%`.
    pub(super) fn parse(text: &str) -> Result<Regex, Invalid> {
        let invalid = |reason: String| Invalid::new(format!("`%{text}%` {reason}"));
        let translated = translate(text).map_err(invalid)?;
        let compiled = regex::RegexBuilder::new(&translated)
            .size_limit(COMPILED_BYTES_MAX)
            .dfa_size_limit(CACHE_BYTES_MAX)
            .build();
        match compiled {
            Ok(regex) => Ok(Regex(regex)),
            Err(regex::Error::CompiledTooBig(_)) => {
                Err(invalid("repeats too much to be matched".to_owned()))
            }
            Err(_) => Err(invalid("is no regular expression".to_owned())),
        }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// The same expression in the crate's syntax: classes are of ASCII, `$` is also right before a line
/// feed at the end, as most messages of programs have one.
fn translate(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    let mut is_in_class = false;
    if chars.peek().is_none() {
        return Err("is empty".to_owned());
    }
    while let Some(next) = chars.next() {
        match next {
            '\\' => escape(&mut chars, &mut out)?,
            '$' if !is_in_class => out.push_str(r"(?:\n?\z)"),
            // Two of them are an operator of the crate's own in a class.
            '-' if is_in_class && chars.peek() == Some(&'-') => {
                return Err("has `--` in a class; write `\\-`".to_owned());
            }
            '[' if is_in_class => return Err("has a class in a class; write `\\[`".to_owned()),
            _ if next.is_ascii_alphanumeric()
                || LITERALS.contains(next)
                || OPERATORS.contains(next) =>
            {
                is_in_class = (is_in_class || next == '[') && next != ']';
                out.push(next);
            }
            _ => {
                return Err(format!(
                    "has `{next}`; only letters, digits, `{LITERALS}` and `{OPERATORS}\\` may \
                     stand in a regular expression"
                ));
            }
        }
    }
    Ok(out)
}

/// What follows a backslash.
fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), String> {
    let escaped = chars.next().ok_or("ends in a backslash")?;
    match escaped {
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        's' => out.push_str(r"[ \t\n\x0b\f\r]"),
        'S' => out.push_str(r"[^ \t\n\x0b\f\r]"),
        'x' => {
            let digits: String = chars.by_ref().take(2).collect();
            let code = u8::from_str_radix(&digits, 16).ok();
            let code = code.filter(|code| digits.len() == 2 && code.is_ascii());
            let code = code.ok_or("has `\\x` without two hexadecimal digits of ASCII")?;
            let _ = write!(out, "\\x{code:02x}");
        }
        _ if escaped.is_ascii_punctuation() => {
            let _ = write!(out, "\\x{:02x}", u32::from(escaped));
        }
        _ => return Err(format!("has `\\{escaped}`, which means nothing")),
    }
    Ok(())
}
