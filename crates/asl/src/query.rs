//! JSONata expressions in a definition: `{% ... %}`.
//!
//! The texts of failures are those recorded on AWS.

use std::ops::RangeInclusive;

use json::{Kind, ObjectBuilder, Value};
use jsonata::{Environment, Expression, Outcome, References};

use crate::event::Text;
use crate::template::{Evaluation, Failure, Scope, is_exhaustion, shown};
use crate::time::Timestamp;

/// The variable that holds what the state works on.
pub const STATES: &str = "states";

/// One compiled expression and the field it stands in.
#[derive(Clone, Debug)]
pub struct Query {
    /// Between `{%` and `%}`, without white space around it.
    pub source: Text,
    /// AWS's name of the field: `Arguments/Payload`, `Assign/x`, `Items`.
    pub location: Text,
    expression: Expression,
    /// The members of `$states` it may look at: the others are not made.
    members: Box<[Member]>,
}

/// Why a text is not a [`Query`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct QueryError {
    /// JSON pointer from the template to the string; empty for the value of a field.
    pub pointer: String,
    /// AWS's name of the place: `Arguments/Payload`.
    pub location: Text,
    /// Between `{%` and `%}`.
    pub expression: Text,
    /// Positions count from the start of `expression`.
    pub reason: Box<jsonata::Error>,
}

/// A member of `$states`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Input,
    Result,
    ErrorOutput,
    Context,
}

impl Member {
    const ALL: [Member; 4] = [
        Member::Input,
        Member::Result,
        Member::ErrorOutput,
        Member::Context,
    ];

    fn name(self) -> &'static str {
        match self {
            Member::Input => "input",
            Member::Result => "result",
            Member::ErrorOutput => "errorOutput",
            Member::Context => "context",
        }
    }
}

impl Query {
    /// Whether a string is an expression: it begins with `{%` and ends with `%}`, exactly.
    pub fn is_query(text: &str) -> bool {
        inner(text).is_some()
    }

    /// Compiles `{% ... %}`. `location` is AWS's name of the field.
    pub fn parse(text: &str, location: &str) -> Result<Query, QueryError> {
        let source = Text::from(inner(text).unwrap_or(text).trim());
        let location = Text::from(location);
        match jsonata::compile(&source) {
            Ok(expression) => Ok(Query {
                members: members(expression.references()),
                source,
                location,
                expression,
            }),
            Err(reason) => Err(QueryError {
                pointer: String::new(),
                location,
                expression: source,
                reason: Box::new(reason),
            }),
        }
    }

    /// The value, of any type.
    ///
    /// # Errors
    /// [`Failure::Query`] if the expression throws, or returns nothing or a function.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Failure> {
        self.evaluate_in(&Evaluation::new(scope))
    }

    /// The value of a field that takes a whole number: Seconds, TimeoutSeconds, MaxConcurrency.
    pub fn evaluate_integer(
        &self,
        scope: &Scope<'_>,
        range: RangeInclusive<u64>,
    ) -> Result<u64, Failure> {
        let value = self.evaluate_kind(scope, Kind::Number)?;
        let Some(integer) = value.as_i64() else {
            return Err(self.unexpected("integer", &value));
        };
        let in_range = u64::try_from(integer).ok();
        in_range
            .filter(|integer| range.contains(integer))
            .ok_or_else(|| {
                let wanted = match range.end() {
                    &u64::MAX => format!("that is at least {}", range.start()),
                    end => format!("from {} to {end}", range.start()),
                };
                self.failure(format!(
                    "returned an unexpected result. Expected an integer {wanted}, but was \
                     {integer}."
                ))
            })
    }

    /// The value of ToleratedFailurePercentage.
    pub fn evaluate_percentage(&self, scope: &Scope<'_>) -> Result<f64, Failure> {
        let value = self.evaluate_kind(scope, Kind::Number)?;
        let in_range = |number: &f64| (0.0..=100.0).contains(number);
        value.as_f64().filter(in_range).ok_or_else(|| {
            self.failure(format!(
                "returned an unexpected result. Expected a number from 0 to 100, but was {value}."
            ))
        })
    }

    /// The value of a field that takes an instant: Timestamp.
    pub fn evaluate_timestamp(&self, scope: &Scope<'_>) -> Result<Timestamp, Failure> {
        let value = self.evaluate_kind(scope, Kind::String)?;
        let text = value.as_str().unwrap_or_default();
        Timestamp::parse_rfc3339(text).ok_or_else(|| Failure::Value {
            location: self.location.clone(),
            text: format!(
                "The {} field cannot be parsed as an ISO-8601 extended offset date-time format \
                 string: {text}",
                self.location
            ),
        })
    }

    /// The value of a field that takes a string: Error, Cause.
    pub fn evaluate_text(&self, scope: &Scope<'_>) -> Result<Text, Failure> {
        let value = self.evaluate_kind(scope, Kind::String)?;
        Ok(value.as_str().unwrap_or_default().into())
    }

    /// The value of a Condition.
    pub fn evaluate_boolean(&self, scope: &Scope<'_>) -> Result<bool, Failure> {
        let value = self.evaluate_kind(scope, Kind::Bool)?;
        Ok(value.as_bool() == Some(true))
    }

    /// The value of Items: an array, or an object whose members are the items.
    pub fn evaluate_items(&self, scope: &Scope<'_>) -> Result<Value, Failure> {
        let value = self.evaluate(scope)?;
        match value.kind() {
            Kind::Array | Kind::Object => Ok(value),
            _ => Err(self.unexpected(kind_name(Kind::Array), &value)),
        }
    }

    /// The names of the variables it reads, in the order of the text; `$states` is none of them.
    pub fn references(&self) -> Vec<&str> {
        let variables = &self.analysis().variables;
        let names = variables.iter().map(|variable| variable.name.as_str());
        names.filter(|name| *name != STATES).collect()
    }

    /// Everything it names that is not bound within it: misuse of `$states`, of `$` and of field
    /// names is seen there.
    pub fn analysis(&self) -> &References {
        self.expression.references()
    }

    pub(crate) fn evaluate_in(&self, evaluation: &Evaluation<'_>) -> Result<Value, Failure> {
        let surroundings = Surroundings {
            query: self,
            evaluation,
        };
        let meter = evaluation.scope.meter;
        match self.expression.evaluate(None, &surroundings, meter) {
            Ok(Outcome::Value(value)) => Ok(value),
            Ok(Outcome::Undefined) => Err(self.failure("returned nothing (undefined).")),
            Ok(Outcome::Function) => Err(self.failure("returned an unsupported result type.")),
            Err(error) => {
                // The reference's code stands before the text; what has none follows a colon.
                let sign = if error.code.is_empty() { ':' } else { '.' };
                let problem = format!("threw an error during evaluation{sign} {error}");
                Err(self
                    .failure(problem)
                    .exhausted_if(is_exhaustion(error.limit)))
            }
        }
    }

    fn evaluate_kind(&self, scope: &Scope<'_>, kind: Kind) -> Result<Value, Failure> {
        let value = self.evaluate(scope)?;
        if value.kind() == kind {
            Ok(value)
        } else {
            Err(self.unexpected(kind_name(kind), &value))
        }
    }

    fn unexpected(&self, expected: &str, value: &Value) -> Failure {
        let kind = kind_name(value.kind());
        let value = shown(value);
        self.failure(format!(
            "returned an unexpected result type. Expected '{expected}', but was '{kind}' for \
             value: {value}"
        ))
    }

    fn failure(&self, problem: impl Into<String>) -> Failure {
        Failure::Query {
            expression: self.source.clone(),
            location: self.location.clone(),
            problem: problem.into(),
        }
    }
}

fn inner(text: &str) -> Option<&str> {
    text.strip_prefix("{%")?.strip_suffix("%}")
}

/// The members of `$states` that are named directly after it, or all if one use names none.
fn members(references: &References) -> Box<[Member]> {
    let variables = references.variables.iter();
    let uses: Vec<Option<&str>> = variables
        .filter(|variable| variable.name == STATES)
        .map(|variable| variable.members.first().map(String::as_str))
        .collect();
    let is_used = |member: &Member| {
        uses.iter()
            .any(|name| name.is_none_or(|name| name == member.name()))
    };
    Member::ALL.into_iter().filter(is_used).collect()
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Bool => "boolean",
        Kind::Number => "number",
        Kind::String => "string",
        Kind::Array => "array",
        Kind::Object => "object",
    }
}

/// What an expression sees.
struct Surroundings<'e> {
    query: &'e Query,
    evaluation: &'e Evaluation<'e>,
}

impl Surroundings<'_> {
    fn states(&self) -> Value {
        let scope = self.evaluation.scope;
        let mut states = ObjectBuilder::new();
        for member in &self.query.members {
            let value = match member {
                Member::Input => Some(scope.input),
                Member::Result => scope.result,
                Member::ErrorOutput => scope.error_output,
                Member::Context => Some(self.evaluation.context()),
            };
            if let Some(value) = value {
                states.add(member.name(), value.clone());
            }
        }
        states.build().into()
    }
}

impl Environment for Surroundings<'_> {
    fn variable(&self, name: &str) -> Option<Value> {
        if name == STATES {
            return Some(self.states());
        }
        self.evaluation.scope.outside.variable(name)
    }

    fn now_ms(&self) -> i64 {
        self.evaluation.scope.outside.now_ms()
    }

    fn random(&self) -> u64 {
        self.evaluation.scope.outside.random()
    }
}

#[cfg(test)]
mod tests;
