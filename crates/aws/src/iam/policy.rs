//! The policy language: a document, compiled once.

use std::sync::Arc;

use super::Context;

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
}

/// A statement of a policy, compiled.
#[derive(Clone, Debug)]
pub struct Statement {
    sid: Option<Arc<str>>,
}

/// A place in a document as SimulatePolicy tells it: both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Policy {
    /// Compiles a document that a caller wants to keep.
    ///
    /// # Errors
    /// [`Malformed`] with AWS's text, checks in AWS's order.
    pub fn parse(document: &str, purpose: Purpose) -> Result<Policy, Malformed> {
        let _ = purpose;
        Ok(Policy {
            document: document.into(),
            statements: Arc::new([]),
        })
    }

    /// Compiles a document that was kept. What an older version let pass and this one doesn't
    /// understand allows nothing and denies: of a statement with an unknown condition operator an
    /// Allow fails and a Deny applies; what is no policy at all denies everything.
    #[must_use]
    pub fn kept(document: &str, purpose: Purpose) -> Policy {
        let _ = purpose;
        Policy {
            document: document.into(),
            statements: Arc::new([]),
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
        self.statements.iter().filter_map(|_| None)
    }

    /// Whether any condition or variable names a key that begins with `prefix` (lower case), as
    /// `aws:resourcetag/`: what is costly to find out is only asked for when it matters.
    #[must_use]
    pub fn names_key(&self, prefix: &str) -> bool {
        let _ = prefix;
        true
    }
}

impl Statement {
    #[must_use]
    pub fn sid(&self) -> Option<&Arc<str>> {
        self.sid.as_ref()
    }

    /// Whether its effect is Deny.
    #[must_use]
    pub fn denies(&self) -> bool {
        false
    }

    /// Action or NotAction, as written.
    #[must_use]
    pub fn actions(&self) -> &[Arc<str>] {
        &[]
    }

    /// Whether [`Statement::actions`] are those it is not about (NotAction).
    #[must_use]
    pub fn is_not_action(&self) -> bool {
        false
    }

    /// Resource or NotResource, as written; empty in a trust policy.
    #[must_use]
    pub fn resources(&self) -> &[Arc<str>] {
        &[]
    }

    /// Whether [`Statement::resources`] are those it is not about (NotResource).
    #[must_use]
    pub fn is_not_resource(&self) -> bool {
        false
    }

    #[must_use]
    pub fn has_conditions(&self) -> bool {
        false
    }

    /// Whether it is about this action, NotAction included.
    #[must_use]
    pub fn matches_action(&self, action: &str) -> bool {
        let _ = action;
        false
    }

    /// Whether it is about this resource (an ARN or `*`), NotResource included; variables are taken
    /// from `context`.
    #[must_use]
    pub fn matches_resource(&self, resource: &str, context: &Context) -> bool {
        let _ = (resource, context);
        false
    }

    /// Where its object begins in the document, and the place after its end.
    #[must_use]
    pub fn span(&self) -> (Position, Position) {
        let place = Position { line: 1, column: 1 };
        (place, place)
    }
}
