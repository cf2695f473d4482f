//! What a definition is judged by and what comes of it: diagnostics with AWS's codes, messages and
//! locations, and the [`Program`] when none of them is an error.

use crate::program::{Program, Resource};
use crate::validate::{label, message};

/// Most diagnostics kept for one definition. ValidateStateMachineDefinition has the same maximum.
pub const DIAGNOSTICS_MAX: usize = 100;

/// AWS's `severity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The definition is refused.
    Error,
    /// The definition is accepted, and probably not what its author meant.
    Warning,
}

impl Severity {
    /// The word in the answer of ValidateStateMachineDefinition.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
        }
    }
}

/// A piece of the definition's text: byte offsets, and the line and column (from 1, in characters)
/// of its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
    pub line: usize,
    pub column: usize,
}

/// One thing to say about a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// AWS's code, for example `SCHEMA_VALIDATION_FAILED`.
    pub code: &'static str,
    pub message: String,
    /// `/States/Name/Field`; `None` when the whole workflow is meant.
    pub location: Option<String>,
    /// Where the text says so; `None` when no part of the text does.
    pub span: Option<Span>,
}

/// The `type` of a state machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MachineType {
    #[default]
    Standard,
    Express,
}

/// Knows what a Task's `Resource` stands for.
pub trait Catalogue {
    /// `resource` is the field as written.
    fn resolve(&self, resource: &str) -> Resolved;

    /// The members that `Parameters` of a Task with this `Resource` can have; `None` when they are
    /// free, or not all are known.
    fn parameters(&self, _resource: &str) -> Option<Vec<Parameter>> {
        None
    }
    /// Those among them that a call cannot be made without, as far as they are known.
    fn required_parameters(&self, _resource: &str) -> Vec<&'static str> {
        Vec::new()
    }
}

/// A member that `Parameters` can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    pub name: &'static str,
    /// What it may be when it is a literal; empty when anything.
    pub values: &'static [&'static str],
}

/// What a [`Catalogue`] says about a `Resource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// Whether a call can be made is another matter: AWS has it.
    Task(Resource),
    /// Not a resource of AWS.
    Unknown,
}

/// What became of a definition.
#[derive(Debug)]
pub struct Compiled {
    /// `None` when a diagnostic is an error.
    pub program: Option<Program>,
    /// Errors in the order they were found, then warnings; at most [`DIAGNOSTICS_MAX`].
    pub diagnostics: Vec<Diagnostic>,
    /// There was more to say than [`DIAGNOSTICS_MAX`] diagnostics.
    pub truncated: bool,
}

/// The message of the error `InvalidDefinition`, as CreateStateMachine and UpdateStateMachine give
/// it for a definition's text: every error, joined with commas. Warnings have no part in it.
///
/// A JSON error already ends with its place; other errors without a place end in `at null`.
pub fn invalid_definition_message(definition: &str, diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .collect::<Vec<_>>();
    if let [only] = errors.as_slice()
        && only.code == message::INVALID_LABEL
    {
        return label::refusal(definition, &only.message);
    }
    let errors = errors.into_iter().map(composed).collect::<Vec<_>>();
    format!("Invalid State Machine Definition: '{}'", errors.join(", "))
}

fn composed(diagnostic: &Diagnostic) -> String {
    let Diagnostic {
        code,
        message,
        location,
        ..
    } = diagnostic;
    if *code == "INVALID_JSON_DESCRIPTION" {
        return format!("{code}: {message}");
    }
    format!(
        "{code}: {message} at {}",
        location.as_deref().unwrap_or("null")
    )
}

#[cfg(test)]
pub(crate) mod testing;
