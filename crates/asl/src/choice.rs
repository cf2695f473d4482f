//! The conditions of Choice rules.
//!
//! ```
//! use asl::choice::Condition;
//! use asl::template::{Outside, Scope};
//! struct Nothing;
//! impl Outside for Nothing {
//!     fn context(&self) -> json::Value {
//!         json::Value::empty_object()
//!     }
//!     fn variable(&self, _name: &str) -> Option<json::Value> {
//!         None
//!     }
//!     fn random(&self) -> u64 {
//!         4
//!     }
//!     fn now_ms(&self) -> i64 {
//!         0
//!     }
//! }
//! let rule = json::parse(r#"{"Variable":"$.n","NumericGreaterThan":1,"Next":"Big"}"#)?;
//! let condition = Condition::compile(&rule).unwrap();
//! let input = json::parse(r#"{"n":1.5}"#)?;
//! let meter = jsonata::Meter::new(jsonata::Allowance::FULL);
//! assert!(condition.evaluate(&Scope::new(&input, &Nothing, &meter))?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compile;
mod operators;
mod pattern;

use std::cmp::Ordering;

use json::{Kind, Number, Value, View};
use jsonata::Meter;

pub use operators::{Check, Domain, OPERATORS, Operator, Quality, Relation};

use crate::jsonpath::{SelectError, utf16_order};
use crate::template::{Evaluation, Failure, Scope, ValuePath};
use crate::time::Timestamp;
use pattern::Pattern;

/// The compiled condition of a rule.
#[derive(Clone, Debug)]
pub struct Condition(Node);

#[derive(Clone, Debug)]
enum Node {
    And(Box<[Node]>),
    Or(Box<[Node]>),
    Not(Box<Node>),
    Test(Box<(ValuePath, Test)>),
}

/// What is asked of the variable.
#[derive(Clone, Debug)]
enum Test {
    Compare {
        relation: Relation,
        operand: Operand,
    },
    Matches(Pattern),
    Is {
        quality: Quality,
        wanted: bool,
    },
}

#[derive(Clone, Debug)]
enum Operand {
    String(Box<str>),
    Numeric(Number),
    Boolean(bool),
    Timestamp(Instant),
    Path(Domain, ValuePath),
}

/// A problem of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleProblem {
    /// JSON pointer from the rule: `/And/1/Variable`; empty for the rule itself.
    pub pointer: String,
    /// The member at fault of the object at `pointer`, when AWS gives the place of the object.
    pub member: Option<String>,
    pub message: String,
}

impl Condition {
    /// Compiles the condition of one element of `Choices`, or tells everything that is wrong with
    /// it. What else a rule holds (`Next`, `Comment`, `Assign`) is left to the caller.
    pub fn compile(rule: &Value) -> Result<Condition, Vec<RuleProblem>> {
        let mut compiler = compile::Compiler::default();
        match compiler.rule(rule) {
            Some(node) if compiler.problems.is_empty() => Ok(Condition(node)),
            _ => Err(compiler.problems),
        }
    }

    /// Whether the condition holds. `And` and `Or` look no further than they must, so a test for
    /// IsPresent can guard those after it.
    ///
    /// # Errors
    /// [`Failure::Condition`] if a path leads nowhere.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<bool, Failure> {
        self.evaluate_in(&Evaluation::new(scope))
    }

    pub(crate) fn evaluate_in(&self, evaluation: &Evaluation<'_>) -> Result<bool, Failure> {
        self.0.holds(evaluation).map_err(|lost| lost.failure())
    }

    /// The names of the variables it reads, in the order of the rule.
    pub fn references(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.add_references(&mut names);
        names
    }
}

impl Node {
    /// As deep as the rule's JSON.
    fn holds<'n>(&'n self, evaluation: &Evaluation<'_>) -> Result<bool, Lost<'n>> {
        match self {
            Node::And(nodes) => Ok(!any(nodes, false, evaluation)?),
            Node::Or(nodes) => any(nodes, true, evaluation),
            Node::Not(node) => Ok(!node.holds(evaluation)?),
            Node::Test(test) => test.1.holds(&test.0, evaluation),
        }
    }

    fn add_references<'n>(&'n self, names: &mut Vec<&'n str>) {
        match self {
            Node::And(nodes) | Node::Or(nodes) => {
                nodes.iter().for_each(|node| node.add_references(names));
            }
            Node::Not(node) => node.add_references(names),
            Node::Test(test) => {
                names.extend(test.0.references());
                if let Test::Compare {
                    operand: Operand::Path(_, path),
                    ..
                } = &test.1
                {
                    names.extend(path.references());
                }
            }
        }
    }
}

/// Whether any of the nodes is `wanted`.
fn any<'n>(nodes: &'n [Node], wanted: bool, evaluation: &Evaluation<'_>) -> Result<bool, Lost<'n>> {
    for node in nodes {
        if node.holds(evaluation)? == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A path that leads nowhere, or to which the meter did not suffice.
struct Lost<'p> {
    path: &'p ValuePath,
    is_exhausted: bool,
}

impl Lost<'_> {
    #[cold]
    fn failure(&self) -> Failure {
        let path = self.path.text.clone();
        Failure::Condition { path }.exhausted_if(self.is_exhausted)
    }
}

#[inline]
fn select<'p>(path: &'p ValuePath, evaluation: &Evaluation<'_>) -> Result<Value, Lost<'p>> {
    path.select_in(evaluation).map_err(|source| Lost {
        path,
        is_exhausted: source == SelectError::TooExpensive,
    })
}

impl Test {
    fn holds<'n>(
        &'n self,
        variable: &'n ValuePath,
        evaluation: &Evaluation<'_>,
    ) -> Result<bool, Lost<'n>> {
        let selected = select(variable, evaluation);
        if let Test::Is {
            quality: Quality::Present,
            wanted,
        } = self
        {
            return match selected {
                Err(lost) if lost.is_exhausted => Err(lost),
                selected => Ok(selected.is_ok() == *wanted),
            };
        }
        let value = selected?;
        if self.looks_at_all() {
            charge(&value, evaluation.scope.meter).map_err(|_| Lost {
                path: variable,
                is_exhausted: true,
            })?;
        }
        match self {
            Test::Is { quality, wanted } => Ok(is(*quality, &value) == *wanted),
            Test::Matches(pattern) => Ok(value.as_str().is_some_and(|text| pattern.matches(text))),
            // Most tests are these, and need no order.
            Test::Compare {
                relation: Relation::Equals,
                operand: Operand::String(text),
            } => Ok(value.as_str() == Some(text)),
            Test::Compare { relation, operand } => {
                let order = operand.order_of(&value, evaluation)?;
                Ok(order.is_some_and(|order| relation.holds(order)))
            }
        }
    }
}

impl Test {
    /// Whether the test may read all of a long text or number. A comparison with a literal text
    /// reads no more than the literal has, which the definition pays for.
    #[inline]
    fn looks_at_all(&self) -> bool {
        match self {
            Test::Compare { operand, .. } => {
                !matches!(operand, Operand::String(_) | Operand::Boolean(_))
            }
            Test::Matches(_) => true,
            Test::Is { quality, .. } => *quality == Quality::Timestamp,
        }
    }
}

/// Takes a step for each 64 bytes of a text or number that is looked at.
#[inline]
fn charge(value: &Value, meter: &Meter) -> Result<(), jsonata::Error> {
    // Short ones have no node of their own.
    if value.address().is_none() || !matches!(value.kind(), Kind::String | Kind::Number) {
        return Ok(());
    }
    meter.step(u64::try_from(value.size() / 64).unwrap_or(u64::MAX))
}

fn is(quality: Quality, value: &Value) -> bool {
    match (quality, value.view()) {
        (Quality::Present, _)
        | (Quality::Null, View::Null)
        | (Quality::Numeric, View::Number(_))
        | (Quality::String, View::String(_))
        | (Quality::Boolean, View::Bool(_)) => true,
        (Quality::Timestamp, View::String(text)) => instant(text).is_some(),
        _ => false,
    }
}

impl Operand {
    /// How the variable stands to the operand; `None` if either is not of the operator's domain.
    fn order_of<'n>(
        &'n self,
        variable: &Value,
        evaluation: &Evaluation<'_>,
    ) -> Result<Option<Ordering>, Lost<'n>> {
        Ok(match self {
            Operand::String(text) => variable.as_str().map(|value| utf16_order(value, text)),
            Operand::Numeric(number) => variable.as_number().map(|value| value.cmp(number)),
            Operand::Boolean(bool) => variable.as_bool().map(|value| value.cmp(bool)),
            Operand::Timestamp(time) => variable.as_str().and_then(instant).map(|it| it.cmp(time)),
            Operand::Path(domain, path) => order(*domain, variable, &select(path, evaluation)?),
        })
    }
}

fn order(domain: Domain, left: &Value, right: &Value) -> Option<Ordering> {
    Some(match domain {
        Domain::String => utf16_order(left.as_str()?, right.as_str()?),
        Domain::Numeric => left.as_number()?.cmp(right.as_number()?),
        Domain::Boolean => left.as_bool()?.cmp(&right.as_bool()?),
        Domain::Timestamp => instant(left.as_str()?)?.cmp(&instant(right.as_str()?)?),
    })
}

/// A time and the nanoseconds after its millisecond: timestamps compare to the nanosecond.
type Instant = (Timestamp, u32);

fn instant(text: &str) -> Option<Instant> {
    let time = Timestamp::parse_rfc3339(text)?;
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    let digits = fraction
        .chars()
        .map_while(|char| char.to_digit(10))
        .chain(std::iter::repeat(0));
    Some((
        time,
        digits
            .skip(3)
            .take(6)
            .fold(0, |nanos, digit| nanos * 10 + digit),
    ))
}

#[cfg(test)]
mod tests;
