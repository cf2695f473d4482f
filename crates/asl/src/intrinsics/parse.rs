//! From the text of a call to its parts; an error is the reason.

use json::{Number, Value};

use super::call::{Argument, Invocation};
use super::{Function, text};
use crate::template::ValuePath;

/// Calls within calls, the outermost counted (developer guide: "You can nest up to 10 intrinsic
/// functions").
pub(super) const NESTING_MAX: usize = 10;

/// Where the first argument is a text with placeholders, its escapes are read with them.
const FORMAT: &str = "States.Format";

/// Parses `States.Name(...)`, with nothing after it but white space.
pub(super) fn call(text: &str) -> Result<Invocation, String> {
    let mut parser = Parser { rest: text };
    let invocation = parser.call(1)?;
    parser.skip_space();
    if parser.rest.is_empty() {
        Ok(invocation)
    } else {
        Err(format!("`{}` follows the closing bracket", parser.rest))
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl<'t> Parser<'t> {
    fn call(&mut self, nesting: usize) -> Result<Invocation, String> {
        if nesting > NESTING_MAX {
            return Err(format!("more than {NESTING_MAX} calls are nested"));
        }
        let name = self.take_until(|char| !char.is_ascii_alphanumeric() && char != '.');
        let unknown = || format!("there is no intrinsic function `{name}`");
        let function = Function::named(name).ok_or_else(unknown)?;
        self.skip_space();
        if !self.take('(') {
            return Err(format!("`(` is expected after `{name}`"));
        }
        let arguments = self.arguments(function, nesting)?;
        let (min, max) = (function.arguments_min, function.arguments_max);
        let count = arguments.len();
        if !(min..=max).contains(&count) {
            let wanted = match (min, max) {
                (min, usize::MAX) => format!("at least {min}"),
                (min, max) if min == max => min.to_string(),
                (min, max) => format!("{min} to {max}"),
            };
            return Err(format!(
                "`{name}` takes {wanted} arguments, but {count} are given"
            ));
        }
        Ok(Invocation {
            function,
            arguments: arguments.into(),
        })
    }

    /// What stands between the brackets, and the closing one.
    fn arguments(&mut self, function: &Function, nesting: usize) -> Result<Vec<Argument>, String> {
        let mut arguments = Vec::new();
        self.skip_space();
        if self.take(')') {
            return Ok(arguments);
        }
        loop {
            let is_format = function.name == FORMAT && arguments.is_empty();
            arguments.push(self.argument(is_format, nesting)?);
            self.skip_space();
            if self.take(')') {
                return Ok(arguments);
            }
            if !self.take(',') {
                return Err(match self.rest.chars().next() {
                    Some(char) => format!("`,` or `)` is expected instead of `{char}`"),
                    None => "the closing `)` is missing".to_owned(),
                });
            }
            self.skip_space();
        }
    }

    fn argument(&mut self, is_format: bool, nesting: usize) -> Result<Argument, String> {
        match self.rest.chars().next() {
            Some('\'') => self.literal(is_format).map(Argument::Literal),
            Some('$') => self.path().map(Argument::Path),
            Some('S') => self.call(nesting + 1).map(Argument::Call),
            Some(_) => self.word().map(Argument::Literal),
            None => Err("an argument is missing".to_owned()),
        }
    }

    /// `'...'`, in which `\` stands before `'`, `{`, `}` and `\` only. The first argument of
    /// States.Format keeps its escapes.
    fn literal(&mut self, is_format: bool) -> Result<Value, String> {
        self.take('\'');
        let body = self.rest;
        let mut unescaped = String::new();
        let mut chars = body.char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '\'' => {
                    let (raw, after) = body.split_at_checked(at).unwrap_or((body, ""));
                    self.rest = after;
                    self.take('\'');
                    if is_format {
                        text::check_format(raw)?;
                        return Ok(raw.into());
                    }
                    return Ok(unescaped.into());
                }
                '\\' => match chars.next() {
                    Some((_, escaped)) if text::is_escapable(escaped) => unescaped.push(escaped),
                    _ => {
                        return Err("`\\` must be followed by `'`, `{`, `}` or `\\`".to_owned());
                    }
                },
                _ => unescaped.push(char),
            }
        }
        Err("the closing `'` is missing".to_owned())
    }

    /// A path ends before a comma, a bracket or white space that is not within its own brackets.
    fn path(&mut self) -> Result<ValuePath, String> {
        let (mut depth, mut is_quoted) = (0_usize, false);
        let text = self.take_until(|char| {
            match char {
                '\'' if depth > 0 => is_quoted = !is_quoted,
                _ if is_quoted => {}
                '[' | '(' => depth += 1,
                ']' | ')' if depth > 0 => depth -= 1,
                ',' | ')' => return depth == 0,
                char if char.is_whitespace() => return depth == 0,
                _ => {}
            }
            false
        });
        ValuePath::parse(text).map_err(|error| error.to_string())
    }

    /// `null`, `true`, `false` or a number.
    fn word(&mut self) -> Result<Value, String> {
        let word = self.take_until(|char| matches!(char, ',' | ')') || char.is_whitespace());
        match word {
            "" => Err("an argument is missing".to_owned()),
            "null" => Ok(Value::null()),
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => word.parse::<Number>().map(Value::from).map_err(|_| {
                format!(
                    "`{word}` is no argument; write a path, a call, a number, `null`, `true`, \
                     `false` or `'text'`"
                )
            }),
        }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, char: char) -> bool {
        match self.rest.strip_prefix(char) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The text up to the first character that is an end, or all.
    fn take_until(&mut self, is_end: impl FnMut(char) -> bool) -> &'t str {
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }
}
