//! A path or an intrinsic function.

use json::Value;

use super::failure::Failure;
use super::path::{ValuePath, ValuePathError};
use super::scope::{Evaluation, Scope};
use crate::event::Text;
use crate::intrinsics::{Call, CallError};
use crate::jsonpath::SelectError;

/// A path or an intrinsic function: what may stand under a key that ends in `.$`, and in ErrorPath
/// and CausePath.
#[derive(Clone, Debug)]
pub enum Reference {
    Path(ValuePath),
    /// `States.Format('{}', $.a)`
    Call(Box<Call>),
}

/// Why a text is not a [`Reference`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error(transparent)]
    Path(#[from] ValuePathError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Reference {
    /// Compiles a path or a call.
    pub fn parse(text: &str) -> Result<Reference, ReferenceError> {
        if Call::is_call(text) {
            return Ok(Reference::Call(Box::new(Call::parse(text)?)));
        }
        Ok(Reference::Path(ValuePath::parse(text)?))
    }

    /// The value. `field` is the field it stands in, as the text of a failure names it: `k.$`,
    /// `ErrorPath`.
    pub fn evaluate(&self, field: &str, scope: &Scope<'_>) -> Result<Value, Failure> {
        self.evaluate_in(field, &Evaluation::new(scope))
    }

    /// As written.
    pub fn text(&self) -> &Text {
        match self {
            Reference::Path(path) => &path.text,
            Reference::Call(call) => call.text(),
        }
    }

    /// The names of the variables it reads, in the order of the text.
    pub fn references(&self) -> Vec<&str> {
        match self {
            Reference::Path(path) => path.references(),
            Reference::Call(call) => call.references(),
        }
    }

    pub(crate) fn evaluate_in(
        &self,
        field: &str,
        evaluation: &Evaluation<'_>,
    ) -> Result<Value, Failure> {
        let path = match self {
            Reference::Call(call) => return call.evaluate_in(evaluation),
            Reference::Path(path) => path,
        };
        path.select_in(evaluation).map_err(|source| {
            let is_exhausted = source == SelectError::TooExpensive;
            let failure = Failure::Field {
                field: field.into(),
                path: path.text.clone(),
                input: evaluation.scope.input.clone(),
                source,
            };
            failure.exhausted_if(is_exhausted)
        })
    }
}
