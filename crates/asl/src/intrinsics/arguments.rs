//! What a function is given, and how it says that it cannot work with it.

use std::fmt;

use json::{Kind, Number, Object, Value};
use jsonata::Meter;

use crate::template::Outside;

/// The evaluated arguments of one call. Their number is right.
pub(super) struct Arguments<'a> {
    pub(super) values: Vec<Value>,
    pub(super) outside: &'a dyn Outside,
    pub(super) meter: &'a Meter,
}

/// Why a function has no result.
pub(super) enum Problem {
    /// Our own words: AWS documents none.
    Reason(String),
    /// The meter ran out.
    Exhausted,
}

impl From<jsonata::Error> for Problem {
    /// A meter refuses for one reason only.
    fn from(_: jsonata::Error) -> Problem {
        Problem::Exhausted
    }
}

impl Problem {
    pub(super) fn new(reason: impl fmt::Display) -> Problem {
        Problem::Reason(reason.to_string())
    }
}

impl Arguments<'_> {
    /// The argument `at`, from 0.
    pub(super) fn value(&self, at: usize) -> Result<&Value, Problem> {
        let missing = || Problem::new(format_args!("argument {} is missing", at + 1));
        self.values.get(at).ok_or_else(missing)
    }

    pub(super) fn array(&self, at: usize) -> Result<&[Value], Problem> {
        let value = self.value(at)?;
        value.as_array().ok_or_else(|| wrong(at, "an array", value))
    }

    pub(super) fn object(&self, at: usize) -> Result<&Object, Problem> {
        let value = self.value(at)?;
        value
            .as_object()
            .ok_or_else(|| wrong(at, "an object", value))
    }

    pub(super) fn text(&self, at: usize) -> Result<&str, Problem> {
        let value = self.value(at)?;
        value.as_str().ok_or_else(|| wrong(at, "a string", value))
    }

    pub(super) fn number(&self, at: usize) -> Result<&Number, Problem> {
        let value = self.value(at)?;
        value
            .as_number()
            .ok_or_else(|| wrong(at, "a number", value))
    }

    /// A number rounded to the nearest integer, the higher one if two are as near: AWS rounds
    /// -1.5 to -1 and 1.5 to 2 (recorded).
    pub(super) fn rounded(&self, at: usize) -> Result<i64, Problem> {
        let number = self.number(at)?;
        if let Some(integer) = number.as_i64() {
            return Ok(integer);
        }
        let float = number.as_f64();
        let floor = float.floor();
        let rounded = if float - floor < 0.5 {
            floor
        } else {
            floor + 1.0
        };
        let integer = json::Value::from(rounded).as_i64();
        integer.ok_or_else(|| {
            Problem::new(format_args!(
                "argument {} is out of range: {}",
                at + 1,
                number.as_text()
            ))
        })
    }

    /// Takes a step for each element or character a function looks at.
    pub(super) fn step(&self, count: usize) -> Result<(), Problem> {
        Ok(self.meter.step(u64::try_from(count).unwrap_or(u64::MAX))?)
    }
}

/// The value is not of the type that the argument needs.
pub(super) fn wrong(at: usize, expected: &str, value: &Value) -> Problem {
    let found = match value.kind() {
        Kind::Null => "null",
        Kind::Bool => "a boolean",
        Kind::Number => "a number",
        Kind::String => "a string",
        Kind::Array => "an array",
        Kind::Object => "an object",
    };
    Problem::new(format_args!(
        "argument {} must be {expected}, but is {found}",
        at + 1
    ))
}
