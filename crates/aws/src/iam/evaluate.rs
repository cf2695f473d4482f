//! Whether a request is allowed, and why not.

use std::sync::Arc;

use super::{Context, Policy, Principal};

/// The kinds of policies, as denials and `iam-toolbox` name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    /// `identity-based policy`
    Identity,
    /// `resource-based policy`
    Resource,
    /// `role trust policy`
    Trust,
    /// `permissions boundary`
    Boundary,
    /// `session policy`
    Session,
}

/// Where a policy comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub kind: PolicyKind,
    /// Names the policy: a managed one by its ARN, an inline one as
    /// `arn:aws:iam::A:role/R#policy/NAME`, a trust policy as `arn:aws:iam::A:role/R#trust`, a
    /// resource's as `ARN#policy`, a session's as `ARN-OF-THE-SESSION#policy`.
    pub uri: Arc<str>,
    /// Whether it is a managed policy, with an ARN of its own.
    pub managed: bool,
    /// ARN of the entity or resource that has it.
    pub attached_to: Arc<str>,
}

/// A policy and where it comes from.
#[derive(Clone, Debug)]
pub struct Attached {
    pub policy: Policy,
    pub source: Source,
}

/// The policies that bear on a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layers<'p> {
    /// Of the user and its groups, or of the role.
    pub identity: &'p [Arc<Attached>],
    pub boundary: Option<&'p Attached>,
    /// Of the session, if it has any: together they narrow it.
    pub session: Option<&'p [Arc<Attached>]>,
    /// Of the resource; a role's is its trust policy.
    pub resource: Option<&'p Attached>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    pub principal: &'r Principal,
    /// `states:StartExecution`.
    pub action: &'r str,
    /// An ARN, or `*` for an action without a resource.
    pub resource: &'r str,
    /// The account that owns the resource; `None` for `*`.
    pub resource_account: Option<&'r str>,
    pub context: &'r Context,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Allow,
    ExplicitDeny,
    ImplicitDeny,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub effect: Effect,
    /// The kind of policy that denied, or did not allow; of an allowed request, that allowed.
    pub kind: PolicyKind,
}

/// What one layer of policies had to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub kind: CheckKind,
    /// `None`: it had no say (NO_IMPACT).
    pub effect: Option<Effect>,
    /// The statements that matched: the policy's URI, the statement's index and Sid, whether it
    /// denies.
    pub matched: Vec<Matched>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckKind {
    Resource,
    Principal,
    PermissionsBoundary,
    Session,
}

/// A statement that applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    pub policy: Arc<str>,
    /// From 0.
    pub statement: usize,
    pub sid: Option<Arc<str>>,
    pub denies: bool,
}

/// A decision with everything that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub decision: Decision,
    pub checks: Vec<Check>,
    /// What would have to change for the request to be allowed, smallest first thing first; empty
    /// if it is allowed.
    pub remedies: Vec<Remedy>,
}

/// One change towards an allowed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A statement (JSON text) that has to be added to a policy of this kind of `to` (an ARN).
    Add {
        kind: PolicyKind,
        to: Arc<str>,
        statement: String,
    },
    /// A statement that denies has to go, or to become narrower.
    Narrow(Matched),
}

/// Decides: microseconds, no allocation that an ordinary policy doesn't need.
#[must_use]
pub fn decide(request: &Request<'_>, layers: &Layers<'_>) -> Decision {
    let _ = (request, layers);
    Decision {
        effect: Effect::ImplicitDeny,
        kind: PolicyKind::Identity,
    }
}

/// Decides as [`decide`] does, and says how it came to that.
#[must_use]
pub fn explain(request: &Request<'_>, layers: &Layers<'_>) -> Explanation {
    Explanation {
        decision: decide(request, layers),
        checks: Vec::new(),
        remedies: Vec::new(),
    }
}

/// The text of a denial as AWS words it, without an authorization id.
#[must_use]
pub fn denial(request: &Request<'_>, layers: &Layers<'_>, decision: Decision) -> String {
    let _ = (layers, decision);
    format!(
        "User: {} is not authorized to perform: {} on resource: {}",
        request.principal.arn(),
        request.action,
        request.resource
    )
}
