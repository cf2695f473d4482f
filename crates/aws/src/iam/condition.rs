//! Conditions: the operators of the policy language.
//!
//! Sources: the IAM user guide, "IAM JSON policy elements: condition operators" and "single-valued
//! vs. multivalued context keys".

mod value;

use std::cmp::Ordering;
use std::sync::Arc;

use json::Number;

use super::pattern::{Pattern, is_arn};
use super::{Context, Values};
pub(super) use value::date_ms;
use value::{Network, binary, number};

/// What is compared, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equals,
    EqualsIgnoreCase,
    Like,
    Number(Relation),
    Date(Relation),
    Bool,
    Binary,
    Address,
    Arn,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// An operator: its name, what it compares, and whether it is the contrary of that.
struct Operator {
    name: &'static str,
    comparison: Comparison,
    is_negated: bool,
}

const fn operator(name: &'static str, comparison: Comparison) -> Operator {
    Operator {
        name,
        comparison,
        is_negated: false,
    }
}

const fn negated(name: &'static str, comparison: Comparison) -> Operator {
    Operator {
        name,
        comparison,
        is_negated: true,
    }
}

/// Every operator there is.
const OPERATORS: [Operator; 27] = [
    operator("StringEquals", Comparison::Equals),
    negated("StringNotEquals", Comparison::Equals),
    operator("StringEqualsIgnoreCase", Comparison::EqualsIgnoreCase),
    negated("StringNotEqualsIgnoreCase", Comparison::EqualsIgnoreCase),
    operator("StringLike", Comparison::Like),
    negated("StringNotLike", Comparison::Like),
    operator("NumericEquals", Comparison::Number(Relation::Equal)),
    negated("NumericNotEquals", Comparison::Number(Relation::Equal)),
    operator("NumericLessThan", Comparison::Number(Relation::Less)),
    operator(
        "NumericLessThanEquals",
        Comparison::Number(Relation::LessOrEqual),
    ),
    operator("NumericGreaterThan", Comparison::Number(Relation::Greater)),
    operator(
        "NumericGreaterThanEquals",
        Comparison::Number(Relation::GreaterOrEqual),
    ),
    operator("DateEquals", Comparison::Date(Relation::Equal)),
    negated("DateNotEquals", Comparison::Date(Relation::Equal)),
    operator("DateLessThan", Comparison::Date(Relation::Less)),
    operator(
        "DateLessThanEquals",
        Comparison::Date(Relation::LessOrEqual),
    ),
    operator("DateGreaterThan", Comparison::Date(Relation::Greater)),
    operator(
        "DateGreaterThanEquals",
        Comparison::Date(Relation::GreaterOrEqual),
    ),
    operator("Bool", Comparison::Bool),
    operator("BinaryEquals", Comparison::Binary),
    operator("IpAddress", Comparison::Address),
    negated("NotIpAddress", Comparison::Address),
    operator("ArnEquals", Comparison::Arn),
    operator("ArnLike", Comparison::Arn),
    negated("ArnNotEquals", Comparison::Arn),
    negated("ArnNotLike", Comparison::Arn),
    operator("Null", Comparison::Null),
];

/// Which of several values of a key must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    /// None is named: the key is meant to have one value.
    One,
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

/// An operator as it is written, with qualifier and suffix.
#[derive(Clone, Copy)]
pub(super) struct Written {
    operator: &'static Operator,
    quantifier: Quantifier,
    if_exists: bool,
}

impl Written {
    /// `None` for what is no operator.
    pub(super) fn parse(text: &str) -> Option<Written> {
        let (quantifier, name) = match text.split_once(':') {
            Some(("ForAllValues", name)) => (Quantifier::All, name),
            Some(("ForAnyValue", name)) => (Quantifier::Any, name),
            Some(_) => return None,
            None => (Quantifier::One, text),
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let operator = OPERATORS.iter().find(|operator| operator.name == name)?;
        // Null asks whether the key exists: it needs no suffix for that, and has none.
        let is_known = !(if_exists && operator.comparison == Comparison::Null);
        is_known.then_some(Written {
            operator,
            quantifier,
            if_exists,
        })
    }

    /// Whether its values are instants.
    pub(super) fn is_date(self) -> bool {
        matches!(self.operator.comparison, Comparison::Date(_))
    }
}

/// One key of one operator, compiled.
#[derive(Debug)]
pub(super) struct Condition {
    key: Arc<str>,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    Compare {
        is_negated: bool,
        quantifier: Quantifier,
        if_exists: bool,
        /// One for each value of the policy.
        tests: Box<[Test]>,
    },
    /// Whether the key may be absent, and whether it may be there.
    Null { absent: bool, present: bool },
}

/// A comparison with one value of a policy.
#[derive(Debug)]
enum Test {
    Equals(Pattern),
    EqualsIgnoreCase(Pattern),
    Like(Pattern),
    Bool(Pattern),
    Arn(Pattern),
    Number(Relation, Number),
    Date(Relation, i128),
    Binary(Vec<u8>),
    Address(Network),
    /// The policy's value can't be read: nothing equals it.
    Never,
}

impl Condition {
    /// Compiles the values of one key; `values` are those of the policy, as text.
    pub(super) fn new(
        written: Written,
        key: &str,
        values: &[&str],
        has_variables: bool,
    ) -> Condition {
        let comparison = written.operator.comparison;
        let says = |text: &str| values.iter().any(|value| value.eq_ignore_ascii_case(text));
        let rule = match comparison {
            Comparison::Null => Rule::Null {
                absent: says("true"),
                present: says("false"),
            },
            _ => Rule::Compare {
                is_negated: written.operator.is_negated,
                quantifier: written.quantifier,
                if_exists: written.if_exists,
                tests: values
                    .iter()
                    .map(|value| Test::new(comparison, value, has_variables))
                    .collect(),
            },
        };
        Condition {
            key: key.into(),
            rule,
        }
    }

    /// The keys it reads: its own and those of its variables.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let tests = match &self.rule {
            Rule::Compare { tests, .. } => &**tests,
            Rule::Null { .. } => &[],
        };
        let patterns = tests.iter().filter_map(Test::pattern);
        std::iter::once(&*self.key).chain(patterns.flat_map(Pattern::variables))
    }

    pub(super) fn holds(&self, context: &Context) -> bool {
        let present = match context.get(&self.key) {
            Some(Values::One(value)) => std::slice::from_ref(value),
            Some(Values::Many(values)) => values,
            None => &[],
        };
        match &self.rule {
            Rule::Null { absent, present: _ } if present.is_empty() => *absent,
            Rule::Null { present, .. } => *present,
            Rule::Compare {
                is_negated,
                quantifier,
                if_exists,
                tests,
            } => {
                if present.is_empty() && *if_exists {
                    return true;
                }
                let matches = |value: &Arc<str>| tests.iter().any(|t| t.matches(value, context));
                let passes = |value: &Arc<str>| matches(value) != *is_negated;
                match quantifier {
                    // Of a key with several values, which is a mistake here: any of them.
                    Quantifier::One => present.iter().any(matches) != *is_negated,
                    Quantifier::Any => present.iter().any(passes),
                    // A key that is only an empty text is as good as absent.
                    Quantifier::All => {
                        present.iter().all(passes) || matches!(present, [only] if only.is_empty())
                    }
                }
            }
        }
    }
}

impl Test {
    fn new(comparison: Comparison, text: &str, has_variables: bool) -> Test {
        let test = match comparison {
            Comparison::Equals => Some(Test::Equals(Pattern::text(text, has_variables))),
            Comparison::EqualsIgnoreCase => {
                Some(Test::EqualsIgnoreCase(Pattern::text(text, has_variables)))
            }
            Comparison::Like => Some(Test::Like(Pattern::like(text, has_variables))),
            Comparison::Bool => Some(Test::Bool(Pattern::text(text, has_variables))),
            Comparison::Arn => Pattern::arn(text, has_variables).map(Test::Arn),
            Comparison::Number(relation) => number(text).map(|n| Test::Number(relation, n)),
            Comparison::Date(relation) => date_ms(text).map(|ms| Test::Date(relation, ms)),
            Comparison::Binary => binary(text).map(Test::Binary),
            Comparison::Address => Network::parse(text).map(Test::Address),
            Comparison::Null => None,
        };
        test.unwrap_or(Test::Never)
    }

    fn pattern(&self) -> Option<&Pattern> {
        match self {
            Test::Equals(pattern)
            | Test::EqualsIgnoreCase(pattern)
            | Test::Like(pattern)
            | Test::Bool(pattern)
            | Test::Arn(pattern) => Some(pattern),
            Test::Number(..) | Test::Date(..) | Test::Binary(_) | Test::Address(_) => None,
            Test::Never => None,
        }
    }

    fn matches(&self, value: &str, context: &Context) -> bool {
        match self {
            Test::Equals(pattern) | Test::Like(pattern) => pattern.matches(value, context),
            Test::EqualsIgnoreCase(pattern) => pattern
                .resolve(context)
                .is_some_and(|text| equal_ignoring_case(&text, value)),
            Test::Bool(pattern) => pattern.resolve(context).is_some_and(|text| {
                let is_bool = ["true", "false"]
                    .iter()
                    .any(|b| text.eq_ignore_ascii_case(b));
                is_bool && text.eq_ignore_ascii_case(value)
            }),
            Test::Arn(pattern) => is_arn(value) && pattern.matches(value, context),
            Test::Number(relation, n) => {
                number(value).is_some_and(|value| relation.holds(value.cmp(n)))
            }
            Test::Date(relation, ms) => {
                date_ms(value).is_some_and(|value| relation.holds(value.cmp(ms)))
            }
            Test::Binary(bytes) => binary(value).is_some_and(|value| value == *bytes),
            Test::Address(network) => network.holds(value),
            Test::Never => false,
        }
    }
}

impl Relation {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Relation::Equal => ordering.is_eq(),
            Relation::Less => ordering.is_lt(),
            Relation::LessOrEqual => ordering.is_le(),
            Relation::Greater => ordering.is_gt(),
            Relation::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

fn equal_ignoring_case(a: &str, b: &str) -> bool {
    let lower = |text: &str| text.to_lowercase();
    a.eq_ignore_ascii_case(b) || (!(a.is_ascii() && b.is_ascii()) && lower(a) == lower(b))
}

#[cfg(test)]
mod tests;
