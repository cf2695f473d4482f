//! The policy language: a document, compiled once.

mod principals;
mod statement;
mod syntax;

use std::sync::Arc;

use json::{Document, Value};

pub(super) use principals::Named;
pub use statement::Statement;

/// What a document is for; it decides which members it must and may not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Says what an identity may do: inline and managed policies, boundaries.
    Identity,
    /// Narrows a session.
    Session,
    /// Says who may assume a role.
    Trust,
    /// Says who may use a resource, as a function.
    Resource,
}

/// A document that IAM would not keep; the text is AWS's (code MalformedPolicyDocument).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

/// A policy document, compiled.
#[derive(Clone, Debug)]
pub struct Policy {
    document: Arc<str>,
    statements: Arc<[Statement]>,
    keys: Arc<[Arc<str>]>,
    has_variables: bool,
}

/// A place in a document as SimulatePolicy tells it: both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// The version from which on `${...}` is a variable.
const VERSION: &str = "2012-10-17";

impl Policy {
    /// Compiles a document that a caller wants to keep.
    ///
    /// ```
    /// use aws::iam::{Policy, Purpose};
    ///
    /// let document = r#"{"Version": "2012-10-17", "Statement": {
    ///     "Effect": "Allow", "Action": "states:*"}}"#;
    /// let refused = Policy::parse(document, Purpose::Identity).unwrap_err();
    /// assert_eq!(refused.to_string(), "Policy statement must contain resources.");
    /// ```
    ///
    /// # Errors
    /// [`Malformed`] with AWS's text, checks in AWS's order.
    pub fn parse(document: &str, purpose: Purpose) -> Result<Policy, Malformed> {
        let parsed = syntax::check(document, purpose).map_err(Malformed)?;
        Ok(Policy::compile(&parsed, purpose))
    }

    /// Compiles a document that was kept. What an older version let pass and this one doesn't
    /// understand allows nothing and denies: of a statement with an unknown condition operator an
    /// Allow fails and a Deny applies; what is no policy at all denies everything.
    #[must_use]
    pub fn kept(document: &str, purpose: Purpose) -> Policy {
        // A value without members is a statement that can't be read, which denies everything.
        match json::parse_spanned(document).or_else(|_| json::parse_spanned("null")) {
            Ok(parsed) => Policy {
                document: document.into(),
                ..Policy::compile(&parsed, purpose)
            },
            Err(_) => Policy::new(document, Vec::new(), false),
        }
    }

    fn compile(parsed: &Document, purpose: Purpose) -> Policy {
        let top = &parsed.root;
        let has_variables = top.get("Version").and_then(Value::as_str) == Some(VERSION);
        let listed = top.get("Statement").and_then(Value::as_array);
        let elements = match (listed, top.get("Statement")) {
            (Some(list), _) => list,
            (None, Some(one)) => std::slice::from_ref(one),
            (None, None) => std::slice::from_ref(top),
        };
        let span = |at: usize| {
            let mut path = vec!["Statement".into()];
            path.extend(listed.map(|_| at.into()));
            let span = parsed
                .span(&path)
                .unwrap_or(json::Span { start: 0, end: 0 });
            let position = |offset| {
                let (line, column) = parsed.line_column(offset);
                Position { line, column }
            };
            (position(span.start), position(span.end))
        };
        let compiled = elements
            .iter()
            .enumerate()
            .map(|(at, element)| Statement::compile(element, purpose, has_variables, span(at)));
        Policy::new(parsed.text(), compiled.collect(), has_variables)
    }

    fn new(document: &str, statements: Vec<Statement>, has_variables: bool) -> Policy {
        let keys = statements.iter().flat_map(Statement::keys);
        Policy {
            document: document.into(),
            keys: keys.map(Into::into).collect(),
            statements: statements.into(),
            has_variables,
        }
    }

    /// The document as it was written.
    #[must_use]
    pub fn document(&self) -> &Arc<str> {
        &self.document
    }

    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Every condition key that a condition or a variable names, as written; some more than once.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| &**key)
    }

    /// Whether any condition or variable names a key that begins with `prefix`, whatever the case,
    /// as `aws:resourcetag/`: what is costly to find out is only asked for when it matters.
    #[must_use]
    pub fn names_key(&self, prefix: &str) -> bool {
        let starts = |key: &str| {
            key.get(..prefix.len())
                .is_some_and(|k| k.eq_ignore_ascii_case(prefix))
        };
        self.keys().any(starts)
    }

    /// Whether `${...}` is a variable in it, which it is from version 2012-10-17 on.
    pub(super) fn has_variables(&self) -> bool {
        self.has_variables
    }
}

#[cfg(test)]
mod tests;
