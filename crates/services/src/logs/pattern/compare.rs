//! Comparisons of one value: `= 4*`, `!= "x y"`, `>= 10e-3`, `= %re%`.

use super::Invalid;
use super::regex::Regex;
use super::scan::Scan;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The longer ones first.
const OPERATORS: [(&str, Operator); 6] = [
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// An operator and what stands right of it.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    operator: Operator,
    operand: Operand,
}

#[derive(Clone, Debug)]
enum Operand {
    /// Also as it is written, for values that are no numbers.
    Number(Number, String),
    Text(Wildcard),
    Regex(Regex),
}

/// Text with a star at an end or at both; one in the middle stands for itself.
#[derive(Clone, Debug)]
struct Wildcard {
    text: String,
    may_begin_earlier: bool,
    may_end_later: bool,
}

/// A number that may be too large for a float to tell it from its neighbours.
#[derive(Clone, Copy, Debug)]
enum Number {
    Whole(i128),
    Float(f64),
}

impl Comparison {
    /// Reads a comparison, if an operator comes next. A bare operand ends where `ends`.
    pub(super) fn parse(
        scan: &mut Scan<'_>,
        ends: impl Fn(char) -> bool,
    ) -> Result<Option<Comparison>, Invalid> {
        let found = OPERATORS.iter().find(|(text, _)| scan.eat(text));
        let Some((_, operator)) = found else {
            return Ok(None);
        };
        let operand = match scan.peek() {
            Some('"') => Operand::Text(Wildcard::new(&scan.between('"', true)?)),
            Some('%') => Operand::Regex(Regex::parse(&scan.between('%', false)?)?),
            _ => match scan.take_while(|next| !ends(next)) {
                "" => return Err(scan.unexpected("a value belongs")),
                text if text.starts_with(['=', '!', '<', '>']) => {
                    return Err(Invalid::new(format!(
                        "`{text}` begins as an operator; quote it"
                    )));
                }
                text => match Number::parse(text) {
                    Some(number) => Operand::Number(number, text.to_owned()),
                    None => Operand::Text(Wildcard::new(text)),
                },
            },
        };
        let is_order = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if is_order && !matches!(operand, Operand::Number(..)) {
            return Err(Invalid::new("only a number can be smaller or larger"));
        }
        Ok(Some(Comparison {
            operator: *operator,
            operand,
        }))
    }

    pub(super) fn has_regex(&self) -> bool {
        matches!(self.operand, Operand::Regex(_))
    }

    /// Whether it holds of a value, given as its text.
    pub(super) fn holds(&self, value: &str) -> bool {
        match self.operator {
            Operator::Equal => self.operand.equals(value),
            Operator::NotEqual => !self.operand.equals(value),
            operator => match (&self.operand, Number::parse(value)) {
                (Operand::Number(number, _), Some(value)) => value.stands(operator, *number),
                _ => false,
            },
        }
    }
}

impl Operand {
    fn equals(&self, value: &str) -> bool {
        match self {
            Operand::Number(number, text) => match Number::parse(value) {
                Some(value) => value.stands(Operator::Equal, *number),
                None => value == text,
            },
            Operand::Text(wildcard) => wildcard.matches(value),
            Operand::Regex(regex) => regex.matches(value),
        }
    }
}

impl Wildcard {
    fn new(text: &str) -> Wildcard {
        let rest = text.strip_prefix('*');
        let may_begin_earlier = rest.is_some();
        let rest = rest.unwrap_or(text);
        let inner = rest.strip_suffix('*');
        Wildcard {
            text: inner.unwrap_or(rest).to_owned(),
            may_begin_earlier,
            may_end_later: inner.is_some(),
        }
    }

    fn matches(&self, value: &str) -> bool {
        let text = self.text.as_str();
        match (self.may_begin_earlier, self.may_end_later) {
            (false, false) => value == text,
            (true, false) => value.ends_with(text),
            (false, true) => value.starts_with(text),
            (true, true) => value.contains(text),
        }
    }
}

impl Number {
    /// A number as JSON has it, also with a sign `+` and digits on one side of the point only.
    fn parse(text: &str) -> Option<Number> {
        let is_numeric =
            |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E');
        if !text.bytes().all(is_numeric) {
            return None;
        }
        if let Ok(whole) = text.parse() {
            return Some(Number::Whole(whole));
        }
        text.parse().ok().map(Number::Float)
    }

    /// Whether `self operator other`.
    fn stands(self, operator: Operator, other: Number) -> bool {
        let order = match (self, other) {
            (Number::Whole(one), Number::Whole(other)) => Some(one.cmp(&other)),
            (one, other) => one.float().partial_cmp(&other.float()),
        };
        order.is_some_and(|order| match operator {
            Operator::Equal => order.is_eq(),
            Operator::NotEqual => order.is_ne(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
        })
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a fraction beside it is no more exact"
    )]
    fn float(self) -> f64 {
        match self {
            Number::Whole(whole) => whole as f64,
            Number::Float(float) => float,
        }
    }
}
