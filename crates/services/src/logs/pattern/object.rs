//! Tests of a message that is JSON: `{ $.level = "ERROR" && $.items[0].price > 10 }`.

use json::{Value, View};

use super::Invalid;
use super::compare::Comparison;
use super::expression::Expression;
use super::fields::too_many_regexes;
use super::scan::{Scan, is_name};

/// Regular expressions in one pattern (user guide, "Filter pattern syntax").
pub(super) const REGEXES_MAX: usize = 2;

#[derive(Clone, Debug)]
pub(super) struct Object(Expression<Test>);

/// What must be true of what a selector leads to.
#[derive(Clone, Debug)]
struct Test {
    selector: Selector,
    condition: Condition,
}

#[derive(Clone, Debug)]
enum Condition {
    Compares(Comparison),
    /// `IS NULL`.
    IsNull,
    /// `IS TRUE`, `IS FALSE`.
    Is(bool),
    Exists,
    NotExists,
}

/// `$.a[0]["b c"]`.
#[derive(Clone, Debug)]
struct Selector {
    /// As it is written.
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Member(String),
    Element(usize),
    AnyElement,
}

impl Object {
    pub(super) fn parse(scan: &mut Scan<'_>) -> Result<Object, Invalid> {
        scan.expect("{")?;
        let expression = Expression::parse(scan, &mut Test::parse)?;
        scan.expect("}")?;
        let has_regex = |test: &&Test| match &test.condition {
            Condition::Compares(comparison) => comparison.has_regex(),
            _ => false,
        };
        match expression.tests().into_iter().filter(has_regex).count() > REGEXES_MAX {
            true => Err(too_many_regexes()),
            false => Ok(Object(expression)),
        }
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let read = read(message);
        read.is_some_and(|value| self.0.holds(&|test| test.holds(&value)))
    }

    /// What its selectors lead to, as far as that is there and no object or list.
    pub(super) fn extract(&self, message: &str) -> Vec<(String, String)> {
        let Some(value) = read(message) else {
            return Vec::new();
        };
        let found = |test: &Test| {
            let mut text = None;
            test.selector.any(&value, &mut |value| {
                text = scalar(value);
                text.is_some()
            });
            Some((test.selector.text.clone(), text?))
        };
        self.0.tests().into_iter().filter_map(found).collect()
    }
}

/// A message that is an object or a list. Most that are not are known by their first character.
fn read(message: &str) -> Option<Value> {
    let message = message.trim();
    let may_be = message.starts_with(['{', '[']);
    may_be.then(|| json::parse(message).ok()).flatten()
}

/// The text of a value that has no others in it.
fn scalar(value: &Value) -> Option<String> {
    match value.view() {
        View::String(text) => Some(text.to_owned()),
        View::Object(_) | View::Array(_) => None,
        _ => Some(value.to_text()),
    }
}

impl Test {
    fn parse(scan: &mut Scan<'_>) -> Result<Test, Invalid> {
        let selector = Selector::parse(scan)?;
        let condition = match Comparison::parse(scan, ends)? {
            Some(comparison) => Condition::Compares(comparison),
            None => Condition::parse(scan)?,
        };
        Ok(Test {
            selector,
            condition,
        })
    }

    fn holds(&self, message: &Value) -> bool {
        let any = |holds: &dyn Fn(&Value) -> bool| self.selector.any(message, &mut |it| holds(it));
        match &self.condition {
            Condition::Exists => any(&|_| true),
            Condition::NotExists => !any(&|_| true),
            Condition::IsNull => any(&Value::is_null),
            Condition::Is(wanted) => any(&|value| value.as_bool() == Some(*wanted)),
            Condition::Compares(comparison) => any(&|value| match value.view() {
                View::String(text) => comparison.holds(text),
                View::Number(number) => comparison.holds(number.as_text()),
                View::Bool(_) => comparison.holds(&value.to_text()),
                // `= *` is how older patterns ask whether there is anything; null is nothing.
                View::Null | View::Object(_) | View::Array(_) => false,
            }),
        }
    }
}

/// Where a value without quotes ends.
fn ends(next: char) -> bool {
    next.is_whitespace() || matches!(next, ')' | '}' | '&' | '|')
}

impl Condition {
    fn parse(scan: &mut Scan<'_>) -> Result<Condition, Invalid> {
        let wanted = "a comparison, `IS` or `NOT EXISTS` belongs";
        if scan.eat_word("IS") {
            for (word, condition) in [
                ("NULL", Condition::IsNull),
                ("TRUE", Condition::Is(true)),
                ("FALSE", Condition::Is(false)),
            ] {
                if scan.eat_word(word) {
                    return Ok(condition);
                }
            }
            return Err(scan.unexpected("`NULL`, `TRUE` or `FALSE` belongs"));
        }
        let is_negated = scan.eat_word("NOT");
        match (is_negated, scan.eat_word("EXISTS")) {
            (true, true) => Ok(Condition::NotExists),
            (false, true) => Ok(Condition::Exists),
            (true, false) => Err(scan.unexpected("`EXISTS` belongs")),
            (false, false) => Err(scan.unexpected(wanted)),
        }
    }
}

impl Selector {
    fn parse(scan: &mut Scan<'_>) -> Result<Selector, Invalid> {
        scan.peek();
        let before = scan.clone();
        scan.expect("$")?;
        let mut steps = Vec::new();
        loop {
            if scan.eat_here(".") {
                let name = scan.take_while(|next| is_name(next) || next == '-');
                if name.is_empty() {
                    return Err(scan.unexpected("the name of a member belongs"));
                }
                steps.push(Step::Member(name.to_owned()));
            } else if scan.eat_here("[") {
                steps.push(Step::bracketed(scan)?);
                scan.expect("]")?;
            } else if steps.is_empty() {
                return Err(scan.unexpected("`.` and the name of a member belong"));
            } else {
                let text = scan.taken_since(&before).to_owned();
                return Ok(Selector { text, steps });
            }
        }
    }

    /// Whether anything that it leads to is wanted.
    fn any(&self, message: &Value, wanted: &mut dyn FnMut(&Value) -> bool) -> bool {
        any(message, &self.steps, wanted)
    }
}

fn any(value: &Value, steps: &[Step], wanted: &mut dyn FnMut(&Value) -> bool) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return wanted(value);
    };
    let next = match step {
        Step::Member(name) => value.get(name),
        Step::Element(at) => value.index(*at),
        Step::AnyElement => {
            let mut elements = value.as_array().unwrap_or_default().iter();
            return elements.any(|element| any(element, rest, wanted));
        }
    };
    next.is_some_and(|next| any(next, rest, wanted))
}

impl Step {
    /// What stands in brackets.
    fn bracketed(scan: &mut Scan<'_>) -> Result<Step, Invalid> {
        match scan.peek() {
            Some('"') => return Ok(Step::Member(scan.between('"', true)?)),
            Some('*') => {
                scan.eat("*");
                return Ok(Step::AnyElement);
            }
            _ => {}
        }
        let digits = scan.take_while(|next| next.is_ascii_digit());
        let number = digits.parse().map(Step::Element);
        number.map_err(|_| scan.unexpected("the number of an element belongs"))
    }
}
