//! Whether a mocked result could be the answer of the API that a Task calls: what TestState checks
//! unless told otherwise.
//!
//! ```
//! use aws::integrations::{Resolution, resolve};
//! use aws::mock::{Mode, check};
//!
//! let Resolution::Task(task) = resolve("arn:aws:states:::events:putEvents") else {
//!     panic!("AWS has it");
//! };
//! let result = json::parse(r#"{"FailedEntryCount": "0"}"#)?;
//! let problem = check(&task, &result, Mode::Strict).unwrap_err();
//! assert_eq!(problem.to_string(), "Field 'FailedEntryCount' must be a number");
//! # Ok::<(), json::ParseError>(())
//! ```
//!
//! Recorded: fields that the API does not have are let through, timestamps are strings, and a field
//! within a list is named without its place.

use json::{Value, View};

use crate::integrations::{Pattern, TaskResource};
use crate::model::{Constraints, Kind, Model, Shape, ShapeId, Structure};

/// `fieldValidationMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Required fields must be there, and those that are there must be as the API has them.
    Strict,
    /// Those that are there must be as the API has them.
    Present,
    /// Nothing is checked.
    None,
}

/// Why a result is not one of the API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("Required field '{0}' is missing")]
    Missing(String),
    /// `must be a string`, `is not an expected value`, ...
    #[error("Field '{0}' {1}")]
    Field(String, &'static str),
    /// The whole result.
    #[error("Mocked result must be a JSON object.")]
    NotAnObject,
}

/// Checks a mocked result. What comes from elsewhere than the API, a function's own result or that
/// of a task token, is not checked, nor is what this build has no model of.
///
/// # Errors
/// The first [`Problem`] found: of each object its missing fields before its wrong ones.
pub fn check(task: &TaskResource, result: &Value, mode: Mode) -> Result<(), Problem> {
    let shape = match task.pattern() {
        _ if mode == Mode::None => None,
        Pattern::WaitForTaskToken => None,
        _ => task.response_shape(),
    };
    let Some((model, shape)) = shape else {
        return Ok(());
    };
    let Some(structure) = model.structure(shape) else {
        return Ok(());
    };
    if !matches!(result.view(), View::Object(_)) {
        return Err(Problem::NotAnObject);
    }
    let check = Check { task, model, mode };
    check.object(structure, result)
}

/// One check of one result.
struct Check<'c> {
    task: &'c TaskResource,
    model: &'c Model,
    mode: Mode,
}

/// The recursion ends with the value, which nests no deeper than JSON is parsed.
impl Check<'_> {
    fn object(&self, structure: &Structure, value: &Value) -> Result<(), Problem> {
        if self.mode == Mode::Strict {
            for member in structure.members.iter().filter(|member| member.required) {
                let name = self.task.member_name(member.name.as_str());
                if value.get(&name).is_none_or(Value::is_null) {
                    return Err(Problem::Missing(name.into_owned()));
                }
            }
        }
        for member in &structure.members {
            let name = self.task.member_name(member.name.as_str());
            match value.get(&name) {
                Some(field) if !field.is_null() && !is_free(self.task, &name) => {
                    self.field(&name, member.reference.shape, field)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn field(&self, name: &str, shape: ShapeId, value: &Value) -> Result<(), Problem> {
        let shape = self.model.shape(shape);
        let wrong = |how: &'static str| Err(Problem::Field(name.to_owned(), how));
        match (&shape.kind, value.view()) {
            (Kind::Structure(structure), View::Object(_)) => self.object(structure, value),
            (Kind::List { member, .. }, View::Array(elements)) => elements
                .iter()
                .try_for_each(|element| self.field(name, member.shape, element)),
            (Kind::Map { value: member, .. }, View::Object(members)) => members
                .values()
                .try_for_each(|value| self.field(name, member.shape, value)),
            (Kind::Document, _) => Ok(()),
            (Kind::Structure(_) | Kind::Map { .. }, _) => wrong("must be an object"),
            (Kind::List { .. }, _) => wrong("must be an array"),
            (Kind::String, View::String(text)) => string(shape, text).map_or(Ok(()), wrong),
            (Kind::Blob | Kind::Timestamp, View::String(_)) => Ok(()),
            (Kind::String | Kind::Blob | Kind::Timestamp, _) => wrong("must be a string"),
            (Kind::Boolean, View::Bool(_)) => Ok(()),
            (Kind::Boolean, _) => wrong("must be a boolean"),
            (Kind::Integer | Kind::Long | Kind::Float | Kind::Double, View::Number(number)) => {
                range(&shape.constraints, number.as_f64()).map_or(Ok(()), wrong)
            }
            (Kind::Integer | Kind::Long | Kind::Float | Kind::Double, _) => {
                wrong("must be a number")
            }
        }
    }
}

/// What the optimised integrations turn into JSON, which the API has as text.
fn is_free(task: &TaskResource, name: &str) -> bool {
    match task {
        TaskResource::LambdaInvoke { .. } => name == "Payload",
        TaskResource::Optimised {
            service: "states",
            pattern: Pattern::Sync2,
            ..
        } => matches!(name, "Input" | "Output"),
        _ => false,
    }
}

fn string(shape: &Shape, text: &str) -> Option<&'static str> {
    let Constraints {
        min, max, choices, ..
    } = &shape.constraints;
    if !choices.is_empty() && !choices.iter().any(|choice| **choice == *text) {
        return Some("is not an expected value");
    }
    let length = length(text);
    if min.is_some_and(|min| length < min) {
        return Some("is smaller than the minimum length");
    }
    max.is_some_and(|max| length > max)
        .then_some("exceeds the maximum length")
}

fn range(constraints: &Constraints, number: f64) -> Option<&'static str> {
    if constraints.min.is_some_and(|min| number < min) {
        return Some("is less than the minimum value");
    }
    let is_above = constraints.max.is_some_and(|max| number > max);
    is_above.then_some("exceeds the maximum value")
}

/// Characters, as bounds count them.
fn length(text: &str) -> f64 {
    let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    f64::from(characters)
}

#[cfg(test)]
mod tests;
