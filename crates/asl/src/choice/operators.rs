//! The comparison operators of Choice rules, as a table.

use std::cmp::Ordering;

/// One operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The field of the rule: `StringEqualsPath`.
    pub name: &'static str,
    pub check: Check,
    /// Whether the field holds a path to the operand (`...Path`) instead of the operand.
    pub takes_path: bool,
}

/// What an operator asks of the variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The operand is of the domain. A variable that is not makes the test false.
    Compare(Domain, Relation),
    /// The operand is a pattern with wildcards.
    StringMatches,
    /// The operand is `true` or `false`.
    Is(Quality),
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    String,
    Numeric,
    Boolean,
    Timestamp,
}

/// How the variable must stand to the operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Equals,
    LessThan,
    GreaterThan,
    LessThanEquals,
    GreaterThanEquals,
}

/// What the `Is...` operators ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    Null,
    Present,
    Numeric,
    String,
    Boolean,
    Timestamp,
}

impl Relation {
    /// Whether the relation holds for a variable that is this much to its operand.
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Relation::Equals => order.is_eq(),
            Relation::LessThan => order.is_lt(),
            Relation::GreaterThan => order.is_gt(),
            Relation::LessThanEquals => order.is_le(),
            Relation::GreaterThanEquals => order.is_ge(),
        }
    }
}

impl Operator {
    /// The operator of a field; `None` if the field is none.
    pub(super) fn named(name: &str) -> Option<&'static Operator> {
        OPERATORS.iter().find(|operator| operator.name == name)
    }
}

const fn plain(name: &'static str, domain: Domain, relation: Relation) -> Operator {
    Operator {
        name,
        check: Check::Compare(domain, relation),
        takes_path: false,
    }
}

const fn path(name: &'static str, domain: Domain, relation: Relation) -> Operator {
    Operator {
        name,
        check: Check::Compare(domain, relation),
        takes_path: true,
    }
}

const fn is(name: &'static str, quality: Quality) -> Operator {
    Operator {
        name,
        check: Check::Is(quality),
        takes_path: false,
    }
}

/// Every operator of the States Language.
pub const OPERATORS: [Operator; 39] = {
    use Domain::{Boolean, Numeric, String, Timestamp};
    use Relation::{Equals, GreaterThan, GreaterThanEquals, LessThan, LessThanEquals};
    [
        plain("StringEquals", String, Equals),
        plain("StringLessThan", String, LessThan),
        plain("StringGreaterThan", String, GreaterThan),
        plain("StringLessThanEquals", String, LessThanEquals),
        plain("StringGreaterThanEquals", String, GreaterThanEquals),
        path("StringEqualsPath", String, Equals),
        path("StringLessThanPath", String, LessThan),
        path("StringGreaterThanPath", String, GreaterThan),
        path("StringLessThanEqualsPath", String, LessThanEquals),
        path("StringGreaterThanEqualsPath", String, GreaterThanEquals),
        Operator {
            name: "StringMatches",
            check: Check::StringMatches,
            takes_path: false,
        },
        plain("NumericEquals", Numeric, Equals),
        plain("NumericLessThan", Numeric, LessThan),
        plain("NumericGreaterThan", Numeric, GreaterThan),
        plain("NumericLessThanEquals", Numeric, LessThanEquals),
        plain("NumericGreaterThanEquals", Numeric, GreaterThanEquals),
        path("NumericEqualsPath", Numeric, Equals),
        path("NumericLessThanPath", Numeric, LessThan),
        path("NumericGreaterThanPath", Numeric, GreaterThan),
        path("NumericLessThanEqualsPath", Numeric, LessThanEquals),
        path("NumericGreaterThanEqualsPath", Numeric, GreaterThanEquals),
        plain("BooleanEquals", Boolean, Equals),
        path("BooleanEqualsPath", Boolean, Equals),
        plain("TimestampEquals", Timestamp, Equals),
        plain("TimestampLessThan", Timestamp, LessThan),
        plain("TimestampGreaterThan", Timestamp, GreaterThan),
        plain("TimestampLessThanEquals", Timestamp, LessThanEquals),
        plain("TimestampGreaterThanEquals", Timestamp, GreaterThanEquals),
        path("TimestampEqualsPath", Timestamp, Equals),
        path("TimestampLessThanPath", Timestamp, LessThan),
        path("TimestampGreaterThanPath", Timestamp, GreaterThan),
        path("TimestampLessThanEqualsPath", Timestamp, LessThanEquals),
        path(
            "TimestampGreaterThanEqualsPath",
            Timestamp,
            GreaterThanEquals,
        ),
        is("IsNull", Quality::Null),
        is("IsPresent", Quality::Present),
        is("IsNumeric", Quality::Numeric),
        is("IsString", Quality::String),
        is("IsBoolean", Quality::Boolean),
        is("IsTimestamp", Quality::Timestamp),
    ]
};
