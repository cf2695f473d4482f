//! A compiled call, and its evaluation.

use json::Value;

use super::Function;
use super::arguments::{Arguments, Problem};
use super::parse;
use crate::event::Text;
use crate::jsonpath::SelectError;
use crate::template::{Evaluation, Failure, ValuePath};

/// A call of an intrinsic function, with the calls among its arguments.
#[derive(Clone, Debug)]
pub struct Call {
    text: Text,
    invocation: Invocation,
}

#[derive(Clone, Debug)]
pub(super) struct Invocation {
    pub(super) function: &'static Function,
    pub(super) arguments: Box<[Argument]>,
}

#[derive(Clone, Debug)]
pub(super) enum Argument {
    Literal(Value),
    Path(ValuePath),
    /// As deep as `parse::NESTING_MAX`.
    Call(Invocation),
}

/// Why a text is not a [`Call`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call `{call}` is not valid: {reason}")]
pub struct CallError {
    /// As written.
    pub call: String,
    /// What is wrong, and where.
    pub reason: String,
}

impl Call {
    /// Whether a text is meant as a call: it begins with `States.` and has a bracket.
    pub fn is_call(text: &str) -> bool {
        text.starts_with("States.") && text.contains('(')
    }

    /// Compiles `States.Name(...)`.
    ///
    /// # Errors
    /// Syntax, a name that is no function's, a number of arguments that the function does not
    /// take, a placeholder of `States.Format` that is not closed, too many nested calls.
    pub fn parse(text: &str) -> Result<Call, CallError> {
        match parse::call(text) {
            Ok(invocation) => Ok(Call {
                text: text.into(),
                invocation,
            }),
            Err(reason) => Err(CallError {
                call: text.to_owned(),
                reason,
            }),
        }
    }

    /// As written.
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// The names of the variables among the arguments, in the order of the text.
    pub fn references(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.invocation.add_references(&mut names);
        names
    }

    pub(crate) fn evaluate_in(&self, evaluation: &Evaluation<'_>) -> Result<Value, Failure> {
        self.invocation
            .evaluate(evaluation)
            .map_err(|stop| self.failure(stop, evaluation))
    }

    fn failure(&self, stop: Stop, evaluation: &Evaluation<'_>) -> Failure {
        let call = self.text.clone();
        match stop {
            Stop::Problem(Problem::Reason(reason)) => Failure::Intrinsic { call, reason },
            Stop::Problem(Problem::Exhausted) => {
                let reason = "the call takes too many steps or too much memory; work on less data"
                    .to_owned();
                Failure::Intrinsic { call, reason }.exhausted_if(true)
            }
            Stop::Path(path, source) => {
                let is_exhausted = source == SelectError::TooExpensive;
                let failure = Failure::Argument {
                    call,
                    path,
                    input: evaluation.scope.input.clone(),
                    source,
                };
                failure.exhausted_if(is_exhausted)
            }
        }
    }
}

/// Why a call has no value.
enum Stop {
    Path(Text, SelectError),
    Problem(Problem),
}

impl Invocation {
    fn add_references<'i>(&'i self, names: &mut Vec<&'i str>) {
        for argument in &self.arguments {
            match argument {
                Argument::Literal(_) => {}
                Argument::Path(path) => names.extend(path.references()),
                Argument::Call(invocation) => invocation.add_references(names),
            }
        }
    }

    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Result<Value, Stop> {
        let values = self
            .arguments
            .iter()
            .map(|argument| argument.evaluate(evaluation))
            .collect::<Result<Vec<_>, Stop>>()?;
        let arguments = Arguments {
            values,
            outside: evaluation.scope.outside,
            meter: evaluation.scope.meter,
        };
        let outcome = arguments
            .step(1 + arguments.values.len())
            .and_then(|()| (self.function.run)(&arguments));
        outcome.map_err(Stop::Problem)
    }
}

impl Argument {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Result<Value, Stop> {
        match self {
            Argument::Literal(value) => Ok(value.clone()),
            Argument::Call(invocation) => invocation.evaluate(evaluation),
            Argument::Path(path) => path
                .select_in(evaluation)
                .map_err(|source| Stop::Path(path.text.clone(), source)),
        }
    }
}
