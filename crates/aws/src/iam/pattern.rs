//! Texts of policies with wildcards and variables, compiled.
//!
//! Sources: the IAM user guide, "IAM JSON policy elements: Resource" (wildcards in the fields of an
//! ARN), "... Action", "... variables and tags", "... condition operators".

use std::borrow::Cow;

use super::{Context, Values};

/// A text of a policy: what it matches depends on the context only if it has variables.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    tokens: Box<[Token]>,
    ignores_case: bool,
}

#[derive(Clone, Debug)]
enum Token {
    Literal(Box<str>),
    Variable(Variable),
    /// `*`: any number of characters.
    Any,
    /// `*` that stays within its field: any number of characters but colons.
    AnyInField,
    /// `?`: one character.
    One,
    /// `?` that stays within its field: one character but a colon.
    OneInField,
}

/// `${key}` or `${key, 'default'}`.
#[derive(Clone, Debug)]
struct Variable {
    key: Box<str>,
    default: Option<Box<str>>,
}

/// What the characters `*` and `?` of a text mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wildcards {
    /// Themselves.
    No,
    /// Any characters.
    Plain,
    /// Those of a Resource: a `*` at the end of a field may go beyond it, all others stay.
    Resource,
    /// Those of an ARN operator: they stay in the first five fields, the sixth has any characters.
    Arn,
}

/// Fields of an ARN.
const FIELDS: usize = 6;

impl Pattern {
    /// An entry of Action: wildcards, case is ignored.
    pub(super) fn action(text: &str) -> Pattern {
        let mut pattern = Pattern::compile(text, Wildcards::Plain, false);
        pattern.ignores_case = true;
        pattern
    }

    /// An entry of Resource. An ARN with fewer than six fields is about all that begins so.
    pub(super) fn resource(text: &str, has_variables: bool) -> Pattern {
        let missing = match text {
            "*" => 0,
            _ => FIELDS.saturating_sub(text.split(':').count()),
        };
        let padded = format!("{text}{}", ":*".repeat(missing));
        Pattern::compile(&padded, Wildcards::Resource, has_variables)
    }

    /// A value of StringEquals: no wildcards.
    pub(super) fn text(text: &str, has_variables: bool) -> Pattern {
        Pattern::compile(text, Wildcards::No, has_variables)
    }

    /// A value of StringLike.
    pub(super) fn like(text: &str, has_variables: bool) -> Pattern {
        Pattern::compile(text, Wildcards::Plain, has_variables)
    }

    /// A value of ArnLike; `None` if it is no ARN and no variable can make it one.
    pub(super) fn arn(text: &str, has_variables: bool) -> Option<Pattern> {
        let pattern = Pattern::compile(text, Wildcards::Arn, has_variables);
        (is_arn(text) || pattern.variables().next().is_some()).then_some(pattern)
    }

    fn compile(text: &str, wildcards: Wildcards, has_variables: bool) -> Pattern {
        let mut tokens = Tokens::default();
        let mut rest = text;
        // Colons before what comes next.
        let mut colons = 0;
        while let Some(c) = rest.chars().next() {
            let is_sixth = colons >= FIELDS - 1;
            let may_vary = has_variables && (wildcards != Wildcards::Resource || is_sixth);
            if may_vary && let Some((token, after)) = variable(rest) {
                tokens.add(token);
                rest = after;
                continue;
            }
            let after = rest.get(c.len_utf8()..).unwrap_or_default();
            rest = match c {
                '*' if wildcards != Wildcards::No => {
                    let after = after.trim_start_matches('*');
                    let is_last = after.is_empty() || after.starts_with(':');
                    tokens.add(match wildcards {
                        Wildcards::Resource if !is_last => Token::AnyInField,
                        Wildcards::Arn if !is_sixth => Token::AnyInField,
                        _ => Token::Any,
                    });
                    after
                }
                '?' if wildcards != Wildcards::No => {
                    tokens.add(match wildcards {
                        Wildcards::Resource => Token::OneInField,
                        Wildcards::Arn if !is_sixth => Token::OneInField,
                        _ => Token::One,
                    });
                    after
                }
                _ => {
                    colons += usize::from(c == ':');
                    tokens.literal.push(c);
                    after
                }
            };
        }
        Pattern {
            tokens: tokens.finish(),
            ignores_case: false,
        }
    }

    /// The keys of its variables.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Variable(variable) => Some(&*variable.key),
            _ => None,
        })
    }

    /// The text it stands for, if it has no wildcards; `None` if a variable is null.
    pub(super) fn resolve<'p>(&'p self, context: &'p Context) -> Option<Cow<'p, str>> {
        match &*self.tokens {
            [] => Some(Cow::Borrowed("")),
            [one] => one.resolve(context).map(Cow::Borrowed),
            many => {
                let parts = many.iter().map(|token| token.resolve(context));
                parts.collect::<Option<String>>().map(Cow::Owned)
            }
        }
    }

    /// Whether the whole of `text` matches. A null variable matches nothing; the characters of a
    /// variable's value are only themselves.
    pub(super) fn matches(&self, text: &str, context: &Context) -> bool {
        let mut place = Place {
            token: 0,
            rest: text,
        };
        let mut retries = Retries::default();
        loop {
            let Some(token) = self.tokens.get(place.token) else {
                if place.rest.is_empty() {
                    return true;
                }
                match retries.next() {
                    Some(again) => place = again,
                    None => return false,
                }
                continue;
            };
            let token_next = place.token + 1;
            if matches!(token, Token::Any) && token_next == self.tokens.len() {
                return true;
            }
            let rest = match token {
                Token::Any => {
                    retries.note(token_next, place.rest);
                    Some(place.rest)
                }
                Token::AnyInField => {
                    retries.note_in_field(token_next, place.rest);
                    Some(place.rest)
                }
                other => other.strip(place.rest, context, self.ignores_case),
            };
            let next = rest.map(|rest| Place {
                token: token_next,
                rest,
            });
            match next.or_else(|| retries.next()) {
                Some(next) => place = next,
                None => return false,
            }
        }
    }
}

/// How far a match has come.
#[derive(Clone, Copy)]
struct Place<'t> {
    token: usize,
    rest: &'t str,
}

/// Where a match goes on when it fails: the last `*` takes one more character. Earlier ones of the
/// same kind need no second chance, as a later one can take whatever they could; a `*` that stays
/// in its field falls back on the last that doesn't.
#[derive(Default)]
struct Retries<'t> {
    any: Option<Place<'t>>,
    in_field: Option<Place<'t>>,
}

impl<'t> Retries<'t> {
    fn note(&mut self, token: usize, rest: &'t str) {
        self.any = Some(Place { token, rest });
        self.in_field = None;
    }

    fn note_in_field(&mut self, token: usize, rest: &'t str) {
        self.in_field = Some(Place { token, rest });
    }

    fn next(&mut self) -> Option<Place<'t>> {
        self.in_field = self.in_field.and_then(|place| longer(place, true));
        if self.in_field.is_none() {
            self.any = self.any.and_then(|place| longer(place, false));
        }
        self.in_field.or(self.any)
    }
}

/// The place after a `*` that takes one more character.
fn longer(place: Place<'_>, in_field: bool) -> Option<Place<'_>> {
    let rest = after_one(place.rest, in_field)?;
    Some(Place { rest, ..place })
}

fn after_one(text: &str, in_field: bool) -> Option<&str> {
    let c = text.chars().next()?;
    (!in_field || c != ':').then(|| text.get(c.len_utf8()..))?
}

impl Token {
    /// What is left of `text` after this token; not for the two kinds of `*`.
    fn strip<'t>(&self, text: &'t str, context: &Context, ignores_case: bool) -> Option<&'t str> {
        match self {
            Token::One => after_one(text, false),
            Token::OneInField => after_one(text, true),
            token => {
                let literal = token.resolve(context)?;
                if !ignores_case {
                    return text.strip_prefix(literal);
                }
                let (start, rest) = text.split_at_checked(literal.len())?;
                start.eq_ignore_ascii_case(literal).then_some(rest)
            }
        }
    }

    fn resolve<'p>(&'p self, context: &'p Context) -> Option<&'p str> {
        match self {
            Token::Literal(text) => Some(text),
            Token::Variable(variable) => variable.resolve(context),
            Token::Any | Token::AnyInField | Token::One | Token::OneInField => None,
        }
    }
}

impl Variable {
    /// Only a key with one value can stand in a text; the default is for a key that is absent.
    fn resolve<'p>(&'p self, context: &'p Context) -> Option<&'p str> {
        match context.get(&self.key) {
            Some(Values::One(value)) => Some(value),
            Some(Values::Many(values)) if !values.is_empty() => None,
            Some(Values::Many(_)) | None => self.default.as_deref(),
        }
    }
}

/// Tokens in the making.
#[derive(Default)]
struct Tokens {
    done: Vec<Token>,
    literal: String,
}

impl Tokens {
    fn add(&mut self, token: Token) {
        // An escaped character is as good as the characters around it.
        if let Token::Literal(text) = &token {
            self.literal.push_str(text);
            return;
        }
        self.flush();
        self.done.push(token);
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            let literal = std::mem::take(&mut self.literal);
            self.done.push(Token::Literal(literal.into()));
        }
    }

    fn finish(mut self) -> Box<[Token]> {
        self.flush();
        self.done.into()
    }
}

/// The variable or the escape `${*}`, `${?}`, `${$}` that `text` begins with, and what follows it.
fn variable(text: &str) -> Option<(Token, &str)> {
    let body = text.strip_prefix("${")?;
    let escape = |c: &'static str| Some((Token::Literal(c.into()), body.get(2..)?));
    match body.get(..2) {
        Some("*}") => return escape("*"),
        Some("?}") => return escape("?"),
        Some("$}") => return escape("$"),
        _ => {}
    }
    let (inside, after) = body.split_once('}')?;
    let Some((key, _)) = inside.split_once(',') else {
        return Some((variable_of(inside, None), after));
    };
    // The default may hold a brace, so it is read from its quotes.
    let quoted = body.get(key.len() + 1..)?.trim_start();
    let (default, after) = quoted.strip_prefix('\'')?.split_once('\'')?;
    let after = after.trim_start().strip_prefix('}')?;
    Some((variable_of(key, Some(default)), after))
}

fn variable_of(key: &str, default: Option<&str>) -> Token {
    Token::Variable(Variable {
        key: key.trim().into(),
        default: default.map(Into::into),
    })
}

/// Whether a text has the six fields of an ARN.
pub(super) fn is_arn(text: &str) -> bool {
    text.starts_with("arn:") && text.split(':').nth(FIELDS - 1).is_some()
}

#[cfg(test)]
mod tests;
