//! Why an evaluation has no value, for every kind of expression.

use json::Value;
use jsonata::Limit;

use crate::event::Text;
use crate::jsonpath::SelectError;

/// Why an expression has no value. `Display` is AWS's text, without `An error occurred while
/// executing the state ...`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// A path of InputPath, OutputPath or another field that holds a path leads nowhere.
    #[error("Invalid path '{path}' : {source}")]
    Path {
        /// As written.
        path: Text,
        source: SelectError,
    },
    /// A path of a payload template, ErrorPath or CausePath leads nowhere.
    #[error(
        "The JSONPath '{path}' specified for the field '{field}' could not be found in the input \
         '{}'",
        shown(input)
    )]
    Field {
        /// The key as written: `k.$`.
        field: Text,
        /// As written.
        path: Text,
        /// What `$` stood for.
        input: Value,
        source: SelectError,
    },
    /// A path of a Choice rule leads nowhere.
    #[error(
        "Invalid path '{path}': The choice state's condition path references an invalid value."
    )]
    Condition {
        /// As written.
        path: Text,
    },
    /// A path among the arguments of an intrinsic function leads nowhere.
    #[error(
        "The function '{call}' had the following error: The JsonPath argument for the field \
         '{path}' could not be found in the input '{}'",
        shown(input)
    )]
    Argument {
        /// As written.
        call: Text,
        path: Text,
        input: Value,
        source: SelectError,
    },
    /// An intrinsic function cannot work with its arguments.
    #[error("The function '{call}' had the following error: {reason}")]
    Intrinsic {
        /// As written.
        call: Text,
        reason: String,
    },
    /// A JSONata expression.
    #[error("The JSONata expression '{expression}' specified for the field '{location}' {problem}")]
    Query {
        /// Between `{%` and `%}`.
        expression: Text,
        /// `Arguments/Payload`
        location: Text,
        /// `returned nothing (undefined).`
        problem: String,
    },
    /// The value of a JSONata expression is of the right type, but its field cannot take it.
    #[error("{text}")]
    Value { location: Text, text: String },
    /// The meter ran out. Under the full allowance it is the failure within.
    #[error("{0}")]
    Exhausted(Box<Failure>),
}

impl Failure {
    /// The error's name: `States.Runtime`, `States.IntrinsicFailure` or
    /// `States.QueryEvaluationError`.
    pub fn error(&self) -> &'static str {
        match self {
            Failure::Path { .. }
            | Failure::Field { .. }
            | Failure::Condition { .. }
            | Failure::Argument { .. } => "States.Runtime",
            Failure::Intrinsic { .. } => "States.IntrinsicFailure",
            Failure::Query { .. } | Failure::Value { .. } => "States.QueryEvaluationError",
            Failure::Exhausted(failure) => failure.error(),
        }
    }

    /// Where the JSONata expression stands: `Arguments/Payload`. EvaluationFailed shows it.
    pub fn location(&self) -> Option<&Text> {
        match self {
            Failure::Query { location, .. } | Failure::Value { location, .. } => Some(location),
            Failure::Exhausted(failure) => failure.location(),
            _ => None,
        }
    }

    /// Whether a larger allowance might have brought a value.
    pub fn is_exhaustion(&self) -> bool {
        matches!(self, Failure::Exhausted(_))
    }

    pub(crate) fn exhausted_if(self, is_exhausted: bool) -> Failure {
        if is_exhausted {
            Failure::Exhausted(Box::new(self))
        } else {
            self
        }
    }
}

/// Every payload is shown, and cut to what a cause holds; what is larger is not.
const SHOWN_BYTES_MAX: usize = 1 << 20;

/// The compact text of what a path or an expression made. It is not written out if it is larger
/// than any payload, and perhaps than memory: such values share their parts.
pub(crate) fn shown(value: &Value) -> String {
    match value.size() {
        size if size > SHOWN_BYTES_MAX => format!("({size} bytes)"),
        _ => value.to_text(),
    }
}

/// Whether more steps or bytes would have helped. Nesting has the same limit under every
/// allowance.
pub(crate) fn is_exhaustion(limit: Option<Limit>) -> bool {
    matches!(limit, Some(Limit::Steps | Limit::Bytes))
}
