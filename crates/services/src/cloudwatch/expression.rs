//! Metric math: from the text of an expression to its tree (CloudWatch user guide, "Using math
//! expressions with CloudWatch metrics").

use std::iter::Peekable;
use std::str::CharIndices;

/// Deeper ones are refused: each step takes some stack.
const DEPTH_MAX: usize = 64;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Number(f64),
    Text(String),
    /// The id of another query.
    Name(String),
    /// `[m1, m2]`
    List(Vec<Expression>),
    /// `SUM(m1)`
    Call(String, Vec<Expression>),
    Negative(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
    Plus,
    Minus,
    Times,
    Divided,
    Power,
}

/// Operators from the loosest to the tightest; of one level the longer spelling first.
const LEVELS: [&[(&str, Operator)]; 5] = [
    &[("OR", Operator::Or), ("||", Operator::Or)],
    &[("AND", Operator::And), ("&&", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Plus), ("-", Operator::Minus)],
    &[("*", Operator::Times), ("/", Operator::Divided)],
];

/// Reads an expression.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    let mut parser = Parser {
        text,
        chars: text.char_indices().peekable(),
        depth: 0,
    };
    let expression = parser.level(0)?;
    parser.skip_spaces();
    match parser.chars.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
    depth: usize,
}

impl<'t> Parser<'t> {
    /// What is not read yet.
    fn rest(&mut self) -> &'t str {
        let at = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
        self.text.get(at..).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        while self
            .chars
            .next_if(|(_, char)| char.is_whitespace())
            .is_some()
        {}
    }

    fn unexpected(&mut self) -> String {
        match self.rest() {
            "" => "it ends too early".to_owned(),
            rest => format!("unexpected `{rest}`"),
        }
    }

    /// Reads `token`, if it is next.
    fn took(&mut self, token: &str) -> bool {
        self.skip_spaces();
        let Some(behind) = self.rest().strip_prefix(token) else {
            return false;
        };
        let is_word = token.bytes().all(|byte| byte.is_ascii_alphabetic());
        if is_word && behind.starts_with(is_of_name) {
            return false;
        }
        for _ in token.chars() {
            self.chars.next();
        }
        true
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        match self.took(token) {
            true => Ok(()),
            false => Err(format!("`{token}` is missing; {}", self.unexpected())),
        }
    }

    /// Operators of one level, from left to right.
    fn level(&mut self, level: usize) -> Result<Expression, String> {
        let Some(operators) = LEVELS.get(level) else {
            return self.power();
        };
        let mut left = self.level(level + 1)?;
        loop {
            let Some((_, operator)) = operators.iter().find(|(token, _)| self.took(token)) else {
                return Ok(left);
            };
            let right = self.level(level + 1)?;
            left = Expression::Binary(*operator, left.into(), right.into());
        }
    }

    fn power(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("it is nested more than {DEPTH_MAX} deep"));
        }
        let expression = if self.took("-") {
            Expression::Negative(self.power()?.into())
        } else {
            let base = self.operand()?;
            match self.took("^") {
                true => Expression::Binary(Operator::Power, base.into(), self.power()?.into()),
                false => base,
            }
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn operand(&mut self) -> Result<Expression, String> {
        self.skip_spaces();
        match self.chars.peek().map(|(_, char)| *char) {
            Some('(') => {
                self.chars.next();
                let inner = self.level(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Some('[') => {
                self.chars.next();
                Ok(Expression::List(self.list("]")?))
            }
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            Some(char) if char.is_ascii_digit() || char == '.' => self.number(),
            Some(char) if char.is_ascii_alphabetic() => {
                let name = self.run(is_of_name).to_owned();
                match self.took("(") {
                    true => Ok(Expression::Call(name, self.list(")")?)),
                    false => Ok(Expression::Name(name)),
                }
            }
            _ => Err(self.unexpected()),
        }
    }

    /// The characters of a kind that come next.
    fn run(&mut self, is_of_kind: fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|char| !is_of_kind(char)).unwrap_or(rest.len());
        let run = rest.get(..length).unwrap_or_default();
        for _ in run.chars() {
            self.chars.next();
        }
        run
    }

    fn number(&mut self) -> Result<Expression, String> {
        let text = self.run(|char| char.is_ascii_digit() || char == '.');
        let number = text
            .parse()
            .map_err(|_| format!("`{text}` is not a number"))?;
        Ok(Expression::Number(number))
    }

    fn quoted(&mut self, quote: char) -> Result<Expression, String> {
        self.chars.next();
        let rest = self.rest();
        let Some((text, _)) = rest.split_once(quote) else {
            return Err(format!("the text `{rest}` does not end"));
        };
        for _ in text.chars() {
            self.chars.next();
        }
        self.chars.next();
        Ok(Expression::Text(text.to_owned()))
    }

    /// Expressions with commas between them, until `end`.
    fn list(&mut self, end: &str) -> Result<Vec<Expression>, String> {
        let mut list = Vec::new();
        if self.took(end) {
            return Ok(list);
        }
        loop {
            list.push(self.level(0)?);
            if !self.took(",") {
                self.expect(end)?;
                return Ok(list);
            }
        }
    }
}

fn is_of_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}
