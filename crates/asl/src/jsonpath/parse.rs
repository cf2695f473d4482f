//! From a path's text to its tokens.
//!
//! What Jayway 2.0.0 reads as something else than it says (`$.it's` as `$.it`, `["a1"]` as `[1]`)
//! is refused here.

use std::borrow::Cow;

use json::Text;

use super::filter::Filter;
use super::token::Token;

/// A filter is evaluated for each node, and a walk recurses once for each token: this many bound
/// its stack. Definite paths are walked in a loop and have no such bound.
pub(super) const INDEFINITE_TOKENS_MAX: usize = 128;

/// Where a path stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    Document,
    /// Within `[?(...)]`, where a path must be definite.
    Filter,
}

/// The tokens after `$` or `@`; the error is the reason.
pub(super) fn tokens(path: &str, setting: Setting) -> Result<Vec<Token>, String> {
    let path = trim(path);
    if path.ends_with("..") {
        return Err("a path can not end with a scan".into());
    }
    let mut tokens = Vec::new();
    let after_root = after_root(path)?;
    let mut rest = &*after_root;
    while let Some((token, after)) = next_token(rest, setting)? {
        tokens.extend(token);
        rest = after;
    }
    let is_definite = tokens.iter().all(Token::is_definite);
    if !is_definite && setting == Setting::Filter {
        return Err(format!("the predicate path `{path}` is not definite"));
    }
    if !is_definite && tokens.len() > INDEFINITE_TOKENS_MAX {
        return Err(format!(
            "it has more than {INDEFINITE_TOKENS_MAX} steps and is not definite"
        ));
    }
    Ok(tokens)
}

/// White space as Java's `String.trim` sees it.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|char| char <= ' ')
}

/// A path without a root is a path from `$`.
fn after_root(path: &str) -> Result<Cow<'_, str>, String> {
    let Some(rest) = path.strip_prefix(['$', '@']) else {
        return if path.is_empty() {
            Err("it is empty".into())
        } else {
            Ok(Cow::Owned(format!(".{path}")))
        };
    };
    if rest.is_empty() || rest.starts_with(['.', '[']) {
        Ok(Cow::Borrowed(rest))
    } else {
        Err("the root must be followed by `.` or `[`".into())
    }
}

type Step<'p> = (Option<Token>, &'p str);

/// The next token, if the text makes one, and the text after it; `None` at the end.
fn next_token(rest: &str, setting: Setting) -> Result<Option<Step<'_>>, String> {
    let Some(first) = rest.chars().next() else {
        return Ok(None);
    };
    let step = match first {
        ' ' => return Err("space not allowed in path; write `['a b']`".into()),
        '$' => return Err("`$` stands within the path; write `['$']`".into()),
        '[' => {
            let (component, after) = split(rest, bracket_len(rest));
            (Some(component_token(component, setting)?), after)
        }
        '*' => (Some(Token::Wildcard), split(rest, 1).1),
        '.' => {
            let after = split(rest, 1).1;
            match after.chars().next() {
                None => return Err("it ends with `.`".into()),
                Some('.') => (Some(Token::Scan), split(after, 1).1),
                // `.['name']` is `['name']`.
                Some('[' | ' ') => (None, after),
                Some(_) => named(after)?,
            }
        }
        _ => named(rest)?,
    };
    Ok(Some(step))
}

fn named(rest: &str) -> Result<Step<'_>, String> {
    let (name, after) = split(rest, rest.find(['.', '[', ' ']).unwrap_or(rest.len()));
    if name.contains(['\'', ']']) {
        return Err(format!("`{name}` holds a quote or a bracket"));
    }
    let token = if name == "*" {
        Token::Wildcard
    } else {
        Token::Property(name.into())
    };
    Ok((Some(token), after))
}

/// Splits where an ASCII character was found.
fn split(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// The length of `[...]` with its nested brackets, or of all if it is not closed.
fn bracket_len(rest: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' if depth == 1 => return at + 1,
            b']' => depth -= 1,
            _ => {}
        }
    }
    rest.len()
}

fn component_token(component: &str, setting: Setting) -> Result<Token, String> {
    let unclear = || format!("could not analyze path component `{component}`");
    let inner = component
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'));
    let inner = inner.map(trim).ok_or_else(unclear)?;
    match inner.chars().next().ok_or_else(unclear)? {
        '*' if component == "[*]" => Ok(Token::Wildcard),
        '?' if setting == Setting::Filter => Err("a filter can not hold another one".into()),
        '?' => Ok(Token::Filter(Filter::parse(inner)?)),
        '\'' => properties(inner).ok_or_else(unclear),
        '(' => from_end(inner).ok_or_else(unclear),
        '0'..='9' | ':' | '-' => numbers(inner).ok_or_else(unclear),
        _ => Err(unclear()),
    }
}

/// `'a'` or `'a','b'`; there are no escapes.
fn properties(inner: &str) -> Option<Token> {
    // Pieces alternate between what is outside and what is inside of quotes.
    let pieces: Vec<&str> = inner.split('\'').collect();
    let outside = || pieces.iter().step_by(2);
    let is_list = outside().all(|piece| piece.chars().all(|char| matches!(char, ' ' | ',')));
    let is_closed = pieces.len() % 2 == 1;
    let names: Box<[Text]> = pieces
        .iter()
        .skip(1)
        .step_by(2)
        .map(|name| Text::from(*name))
        .collect();
    // Jayway ends the list at the first bracket, quoted or not.
    if !is_list || !is_closed || inner.contains(']') {
        return None;
    }
    match &*names {
        [name] => Some(Token::Property(name.as_str().into())),
        _ => Some(Token::Properties(names)),
    }
}

/// `(@.length-1)` or `(@.size()-1)`
fn from_end(inner: &str) -> Option<Token> {
    let inner = inner.strip_prefix('(')?.strip_suffix(')')?;
    let plain: String = inner.chars().filter(|char| *char != ' ').collect();
    let (function, offset) = plain.split_at_checked(plain.find('-')?)?;
    let is_size = matches!(function, "@.length" | "@.length()" | "@.size" | "@.size()");
    is_size.then_some(Token::FromEnd(offset.parse().ok()?))
}

/// `1`, `1,2`, `1:`, `:2`, `1:2`; the step of `1:2:3` counts for nothing, as in Jayway.
fn numbers(inner: &str) -> Option<Token> {
    let plain: String = inner.chars().filter(|char| *char != ' ').collect();
    if plain.contains('+') {
        return None;
    }
    let mut bounds = plain.split(':');
    let (first, second) = (bounds.next()?, bounds.next());
    let Some(second) = second else {
        return indices(&plain);
    };
    let step = bounds.next().unwrap_or_default();
    if !step.is_empty() && step.parse::<i32>().is_err() || bounds.next().is_some() {
        return None;
    }
    match (first, second) {
        ("", to) => Some(Token::SliceTo(to.parse().ok()?)),
        (from, "") => Some(Token::SliceFrom(from.parse().ok()?)),
        (from, to) => Some(Token::Slice(from.parse().ok()?, to.parse().ok()?)),
    }
}

fn indices(plain: &str) -> Option<Token> {
    let listed = plain.strip_suffix(',').unwrap_or(plain);
    let indices: Vec<i32> = listed
        .split(',')
        .map(|index| index.parse().ok())
        .collect::<Option<_>>()?;
    match indices.as_slice() {
        [index] => Some(Token::Index(*index)),
        _ => Some(Token::Indices(indices.into())),
    }
}
