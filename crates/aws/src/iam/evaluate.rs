//! Whether a request is allowed, and why not.

mod denial;
mod explain;
mod remedy;

use std::sync::Arc;

use super::policy::Named;
use super::{Context, Policy, Principal, Statement};

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
///
/// ```
/// use std::sync::Arc;
///
/// use aws::iam::{
///     Attached, Context, Effect, Layers, Policy, PolicyKind, Principal, Purpose, Request, Source,
///     evaluate,
/// };
///
/// let document = r#"{"Version": "2012-10-17", "Statement": {
///     "Effect": "Allow", "Action": "states:Start*", "Resource": "*"}}"#;
/// let ann: Arc<str> = "arn:aws:iam::111122223333:user/ann".into();
/// let attached = Attached {
///     policy: Policy::parse(document, Purpose::Identity)?,
///     source: Source {
///         kind: PolicyKind::Identity,
///         uri: format!("{ann}#policy/start").into(),
///         managed: false,
///         attached_to: Arc::clone(&ann),
///     },
/// };
/// let principal = Principal::User {
///     account: "111122223333".into(),
///     arn: ann,
///     id: "AIDAEXAMPLE".into(),
///     name: "ann".into(),
///     tags: Arc::default(),
///     temporary: None,
/// };
/// let mut context = Context::new();
/// principal.add_to(&mut context, 1_700_000_000_000);
/// let request = |action| Request {
///     principal: &principal,
///     action,
///     resource: "arn:aws:states:us-east-1:111122223333:stateMachine:m",
///     resource_account: Some("111122223333"),
///     context: &context,
/// };
/// let identity = [Arc::new(attached)];
/// let layers = Layers { identity: &identity, ..Layers::default() };
/// let decide = |action| evaluate::decide(&request(action), &layers).effect;
/// assert_eq!(decide("states:StartExecution"), Effect::Allow);
/// assert_eq!(decide("states:StopExecution"), Effect::ImplicitDeny);
/// # Ok::<(), aws::iam::Malformed>(())
/// ```
#[must_use]
pub fn decide(request: &Request<'_>, layers: &Layers<'_>) -> Decision {
    Verdicts::of(request, layers).decision(request)
}

/// Decides as [`decide`] does, and says how it came to that.
#[must_use]
pub fn explain(request: &Request<'_>, layers: &Layers<'_>) -> Explanation {
    explain::explain(request, layers)
}

/// The text of a denial as AWS words it, without an authorization id.
#[must_use]
pub fn denial(request: &Request<'_>, layers: &Layers<'_>, decision: Decision) -> String {
    denial::text(request, layers, decision)
}

impl Request<'_> {
    /// Whether the resource belongs to the caller's account, or to none.
    fn is_in_own_account(&self) -> bool {
        match (self.principal.account(), self.resource_account) {
            (Some(own), Some(owner)) => **own == *owner || self.resource == "*",
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// Whether everything is allowed that nothing denies: the root user in its own account.
    fn is_by_owner(&self) -> bool {
        matches!(self.principal, Principal::Root { .. }) && self.is_in_own_account()
    }

    /// Whether the caller has policies of its own. Services, anonymous callers and those whom an
    /// identity provider vouches for have only what a resource grants them.
    fn has_identity(&self) -> bool {
        self.principal.account().is_some()
    }

    fn is_about(&self, statement: &Statement) -> bool {
        statement.matches_action(self.action)
            && statement.matches_resource(self.resource, self.context)
            && statement.conditions_hold(self.context)
    }
}

impl PolicyKind {
    fn of_resource(layers: &Layers<'_>) -> PolicyKind {
        let resource = layers.resource.map(|attached| attached.source.kind);
        resource.unwrap_or(PolicyKind::Resource)
    }
}

/// What the policies of one layer say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Nothing,
    Allows,
    Denies,
}

impl Verdict {
    fn of<'p>(request: &Request<'_>, policies: impl Iterator<Item = &'p Attached>) -> Verdict {
        let mut verdict = Verdict::Nothing;
        for statement in policies.flat_map(|attached| attached.policy.statements()) {
            // A second Allow changes nothing.
            let matters = verdict == Verdict::Nothing || statement.denies();
            if matters && request.is_about(statement) {
                if statement.denies() {
                    return Verdict::Denies;
                }
                verdict = Verdict::Allows;
            }
        }
        verdict
    }
}

/// What every layer says.
struct Verdicts {
    /// The kind of the resource's policy.
    resource_kind: PolicyKind,
    resource_denies: bool,
    /// By which names the resource's policy allows the caller.
    resource_allows: Named,
    /// Of a root user: all. `Nothing` for who has no policies.
    identity: Verdict,
    boundary: Option<Verdict>,
    session: Option<Verdict>,
}

impl Verdicts {
    fn of(request: &Request<'_>, layers: &Layers<'_>) -> Verdicts {
        let (resource_denies, resource_allows) = of_resource(request, layers);
        let one = |attached| Verdict::of(request, std::iter::once(attached));
        let all = |policies: &[Arc<Attached>]| {
            Verdict::of(request, policies.iter().map(|attached| &**attached))
        };
        let mut verdicts = Verdicts {
            resource_kind: PolicyKind::of_resource(layers),
            resource_denies,
            resource_allows,
            identity: Verdict::Nothing,
            boundary: None,
            session: None,
        };
        if request.has_identity() {
            verdicts.identity = all(layers.identity);
            verdicts.boundary = layers.boundary.map(one);
            verdicts.session = layers.session.map(all);
        }
        match request.principal {
            Principal::Root { .. } if verdicts.identity == Verdict::Nothing => {
                verdicts.identity = Verdict::Allows;
            }
            // What its user may do is only handed on through a policy of the session.
            Principal::FederatedUser(_) => {
                verdicts.session = verdicts.session.or(Some(Verdict::Nothing));
            }
            _ => {}
        }
        verdicts
    }

    /// The layer that denies, if one does. Of several the first is named.
    fn denies(&self) -> Option<PolicyKind> {
        let denies = |verdict: Option<Verdict>| verdict == Some(Verdict::Denies);
        if self.resource_denies {
            Some(self.resource_kind)
        } else if denies(self.boundary) {
            Some(PolicyKind::Boundary)
        } else if denies(self.session) {
            Some(PolicyKind::Session)
        } else if self.identity == Verdict::Denies {
            Some(PolicyKind::Identity)
        } else {
            None
        }
    }

    fn decision(&self, request: &Request<'_>) -> Decision {
        if let Some(kind) = self.denies() {
            return Decision {
                effect: Effect::ExplicitDeny,
                kind,
            };
        }
        match Missing::of(self, request).first(self.resource_kind) {
            Some(kind) => Decision {
                effect: Effect::ImplicitDeny,
                kind,
            },
            None => Decision {
                effect: Effect::Allow,
                kind: self.allowed_by(request),
            },
        }
    }

    /// The kind of policy to which an allowed request owes it.
    fn allowed_by(&self, request: &Request<'_>) -> PolicyKind {
        let is_own = request.is_in_own_account();
        let allows = self.resource_allows;
        if !request.is_by_owner() && (!is_own || allows.itself || allows.origin) {
            self.resource_kind
        } else {
            PolicyKind::Identity
        }
    }
}

/// Whether the resource's policy denies the caller, and by which names it allows it.
fn of_resource(request: &Request<'_>, layers: &Layers<'_>) -> (bool, Named) {
    let mut allows = Named::default();
    let policy = layers.resource.map(|attached| &attached.policy);
    for statement in policy.into_iter().flat_map(Policy::statements) {
        let named = statement.named(request.principal, layers.boundary.is_some());
        let named = named.unwrap_or_default();
        if named.is_any() && request.is_about(statement) {
            if statement.denies() {
                return (true, allows);
            }
            allows = allows | named;
        }
    }
    (false, allows)
}

/// The layers that would have to allow a request that nothing denies, and don't.
///
/// Sources: "Policy evaluation logic", "Cross-account policy evaluation logic", "Evaluating
/// identity-based policies with resource-based policies" and "Session policies" in the IAM user
/// guide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Missing {
    resource: bool,
    boundary: bool,
    session: bool,
    identity: bool,
}

impl Missing {
    fn of(verdicts: &Verdicts, request: &Request<'_>) -> Missing {
        let allows = verdicts.resource_allows;
        if request.is_by_owner() {
            return Missing::default();
        }
        if !request.has_identity() {
            return Missing {
                resource: !allows.is_any(),
                ..Missing::default()
            };
        }
        let is_own = request.is_in_own_account();
        if is_own && allows.itself {
            // What a resource grants the caller itself, nothing else limits but a Deny.
            return Missing::default();
        }
        let lacks = |verdict: Option<Verdict>| verdict == Some(Verdict::Nothing);
        // An account always needs its own word for others; in the same account only a role's trust
        // policy can't be replaced by a policy of the caller.
        let needs_resource = !is_own || verdicts.resource_kind == PolicyKind::Trust;
        Missing {
            resource: needs_resource && !allows.is_any(),
            boundary: lacks(verdicts.boundary),
            session: lacks(verdicts.session),
            identity: verdicts.identity == Verdict::Nothing && !(is_own && allows.origin),
        }
    }

    /// The layer a denial names.
    fn first(self, resource_kind: PolicyKind) -> Option<PolicyKind> {
        let layers = [
            (self.resource, resource_kind),
            (self.boundary, PolicyKind::Boundary),
            (self.session, PolicyKind::Session),
            (self.identity, PolicyKind::Identity),
        ];
        let mut missing = layers.into_iter().filter(|(is_missing, _)| *is_missing);
        missing.next().map(|(_, kind)| kind)
    }
}

#[cfg(test)]
mod tests;
