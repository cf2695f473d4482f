//! Paths of a definition: into the input, the context object or a variable.

use json::Value;

use super::failure::Failure;
use super::scope::{Evaluation, Scope};
use crate::event::Text;
use crate::jsonpath::{Path, PathError, SelectError};

/// Characters of a variable's name (developer guide, "Passing data between states with variables").
pub const VARIABLE_NAME_CHARS_MAX: usize = 80;

/// What a path starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// `$`
    Input,
    /// `$$`
    Context,
    /// `$name`
    Variable(Text),
}

/// A path into the input (`$.a`), the context object (`$$.Execution.Id`) or a variable
/// (`$name.a[0]`).
#[derive(Clone, Debug)]
pub struct ValuePath {
    pub root: Root,
    /// From the root: `$.a[0]`, whatever the root is.
    pub path: Path,
    /// As written.
    pub text: Text,
}

/// Why a text is not a [`ValuePath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValuePathError {
    /// `name`, `States.UUID()`
    #[error("`{0}` is not a path; a path begins with `$`")]
    NotAPath(String),
    /// `$.a[`
    #[error(transparent)]
    Path(#[from] PathError),
}

/// Whether a variable may have the name: at most 80 characters, the first of which begins a
/// Unicode identifier (`_` does not) and the others continue one. (Developer guide)
pub fn is_variable_name(name: &str) -> bool {
    variable_name(name) == Some(name) && name.chars().count() <= VARIABLE_NAME_CHARS_MAX
}

/// The name of a variable that the text begins with.
fn variable_name(text: &str) -> Option<&str> {
    let mut chars = text.char_indices();
    chars
        .next()
        .filter(|(_, first)| unicode_ident::is_xid_start(*first))?;
    let end = chars.find(|(_, char)| !unicode_ident::is_xid_continue(*char));
    text.get(..end.map_or(text.len(), |(at, _)| at))
}

impl ValuePath {
    /// Compiles `$...`, `$$...` or `$name...`.
    pub fn parse(text: &str) -> Result<ValuePath, ValuePathError> {
        let not_a_path = || ValuePathError::NotAPath(text.into());
        let after = text.strip_prefix('$').ok_or_else(not_a_path)?;
        let (root, steps) = match (after.strip_prefix('$'), variable_name(after)) {
            (Some(steps), _) => (Root::Context, steps),
            (None, Some(name)) => {
                let steps = after.strip_prefix(name).unwrap_or_default();
                (Root::Variable(name.into()), steps)
            }
            (None, None) => (Root::Input, after),
        };
        let whole = |error| PathError {
            path: text.into(),
            ..error
        };
        Ok(ValuePath {
            root,
            path: Path::parse(&format!("${steps}")).map_err(whole)?,
            text: text.into(),
        })
    }

    /// The node the path names, or the array of the nodes an indefinite path leads to. For fields
    /// that have their own text for a path that leads nowhere.
    ///
    /// # Errors
    /// [`SelectError::TooExpensive`] tells that the meter ran out, not that nothing is there.
    pub fn select(&self, scope: &Scope<'_>) -> Result<Value, SelectError> {
        self.select_in(&Evaluation::new(scope))
    }

    /// The value of InputPath, OutputPath and the other fields that hold a path.
    ///
    /// # Errors
    /// [`Failure::Path`]: `Invalid path '$.x' : No results for path: $['x']`.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Failure> {
        self.select(scope).map_err(|source| {
            let is_exhausted = source == SelectError::TooExpensive;
            let failure = Failure::Path {
                path: self.text.clone(),
                source,
            };
            failure.exhausted_if(is_exhausted)
        })
    }

    /// The names of the variables the path reads: one or none.
    pub fn references(&self) -> Vec<&str> {
        match &self.root {
            Root::Variable(name) => vec![name],
            Root::Input | Root::Context => Vec::new(),
        }
    }

    /// Most paths start from the input, and are followed at once.
    #[inline]
    pub(crate) fn select_in(&self, evaluation: &Evaluation<'_>) -> Result<Value, SelectError> {
        let scope = evaluation.scope;
        if matches!(self.root, Root::Input) {
            return self.path.select(scope.input, scope.meter);
        }
        self.select_elsewhere(evaluation)
    }

    #[inline(never)]
    fn select_elsewhere(&self, evaluation: &Evaluation<'_>) -> Result<Value, SelectError> {
        let scope = evaluation.scope;
        match &self.root {
            Root::Input => self.path.select(scope.input, scope.meter),
            Root::Context => self.path.select(evaluation.context(), scope.meter),
            Root::Variable(name) => {
                let value = scope.outside.variable(name);
                let missing = || SelectError::NotFound(format!("No results for path: $['{name}']"));
                self.path.select(&value.ok_or_else(missing)?, scope.meter)
            }
        }
    }
}
