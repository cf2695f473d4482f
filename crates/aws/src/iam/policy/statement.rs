//! One statement, compiled.

use std::sync::Arc;

use json::{Object, Value, View};

use super::principals::{Named, Principals};
use super::{Position, Purpose};
use crate::iam::condition::{Condition, Written};
use crate::iam::pattern::Pattern;
use crate::iam::{Context, Principal};

/// A statement of a policy, compiled.
#[derive(Debug)]
pub struct Statement {
    sid: Option<Arc<str>>,
    denies: bool,
    actions: Entries,
    /// `None` in a trust policy, which is the role's own.
    resources: Option<Entries>,
    /// `None` in the policy of an identity or a session.
    principals: Option<Principals>,
    conditions: Box<[Condition]>,
    /// Whether all of it could be read. If not, it allows nothing; as a Deny it applies as if the
    /// rest weren't there.
    is_understood: bool,
    span: (Position, Position),
}

/// Action or NotAction, Resource or NotResource.
#[derive(Debug)]
struct Entries {
    texts: Box<[Arc<str>]>,
    patterns: Box<[Pattern]>,
    is_negated: bool,
}

impl Statement {
    /// Compiles one element of `Statement`. What can't be read is noted, not refused.
    pub(super) fn compile(
        value: &Value,
        purpose: Purpose,
        has_variables: bool,
        span: (Position, Position),
    ) -> Statement {
        let empty = Object::new();
        let members = value.as_object().unwrap_or(&empty);
        let effect = members.get("Effect").and_then(Value::as_str);
        let actions = Entries::compile(members, "Action", "NotAction", Pattern::action);
        let resources = (purpose != Purpose::Trust).then(|| {
            Entries::compile(members, "Resource", "NotResource", |text| {
                Pattern::resource(text, has_variables)
            })
        });
        let principals =
            matches!(purpose, Purpose::Trust | Purpose::Resource).then(|| principals(members));
        let (conditions, are_known) = conditions(members.get("Condition"), has_variables);
        let is_understood = matches!(effect, Some("Allow" | "Deny"))
            && actions.is_some()
            && !matches!(resources, Some(None))
            && !matches!(principals, Some(None))
            && are_known;
        Statement {
            sid: members.get("Sid").and_then(Value::as_str).map(Into::into),
            denies: effect != Some("Allow"),
            actions: actions.unwrap_or_else(Entries::all),
            resources: resources.map(|resources| resources.unwrap_or_else(Entries::all)),
            principals: principals.map(|found| found.unwrap_or_else(Principals::everyone)),
            conditions,
            is_understood,
            span,
        }
    }

    #[must_use]
    pub fn sid(&self) -> Option<&Arc<str>> {
        self.sid.as_ref()
    }

    /// Whether its effect is Deny.
    #[must_use]
    pub fn denies(&self) -> bool {
        self.denies
    }

    /// Action or NotAction, as written.
    #[must_use]
    pub fn actions(&self) -> &[Arc<str>] {
        &self.actions.texts
    }

    /// Whether [`Statement::actions`] are those it is not about (NotAction).
    #[must_use]
    pub fn is_not_action(&self) -> bool {
        self.actions.is_negated
    }

    /// Resource or NotResource, as written; empty in a trust policy.
    #[must_use]
    pub fn resources(&self) -> &[Arc<str>] {
        match &self.resources {
            Some(resources) => &resources.texts,
            None => &[],
        }
    }

    /// Whether [`Statement::resources`] are those it is not about (NotResource).
    #[must_use]
    pub fn is_not_resource(&self) -> bool {
        matches!(&self.resources, Some(resources) if resources.is_negated)
    }

    #[must_use]
    pub fn has_conditions(&self) -> bool {
        !self.conditions.is_empty()
    }

    /// Where its object begins in the document, and the place after its end.
    #[must_use]
    pub fn span(&self) -> (Position, Position) {
        self.span
    }

    /// Whether it is about this action, NotAction included.
    #[must_use]
    pub fn matches_action(&self, action: &str) -> bool {
        let context = const { &Context::new() };
        self.actions.matches(action, context)
    }

    /// Whether it is about this resource (an ARN or `*`), NotResource included; variables are taken
    /// from `context`.
    #[must_use]
    pub fn matches_resource(&self, resource: &str, context: &Context) -> bool {
        let mut resources = self.resources.iter();
        resources.all(|entries| entries.matches(resource, context))
    }

    /// Whether all its conditions hold.
    #[must_use]
    pub fn conditions_hold(&self, context: &Context) -> bool {
        (self.is_understood || self.denies)
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(context))
    }

    /// By which of its names it means a principal, which may have a permissions boundary; `None`
    /// if it says nothing of principals.
    pub(in crate::iam) fn named(&self, principal: &Principal, is_bounded: bool) -> Option<Named> {
        let principals = self.principals.as_ref()?;
        Some(principals.named(principal, self.denies, is_bounded))
    }

    /// The condition keys it names.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let resources = self.resources.iter().flat_map(|entries| &entries.patterns);
        let conditions = self.conditions.iter().flat_map(Condition::keys);
        resources.flat_map(Pattern::variables).chain(conditions)
    }
}

impl Entries {
    /// Those of the two members that is there; `None` if it can't be read.
    fn compile(
        members: &Object,
        name: &str,
        negated_name: &str,
        pattern: impl Fn(&str) -> Pattern,
    ) -> Option<Entries> {
        let (value, is_negated) = match (members.get(name), members.get(negated_name)) {
            (Some(value), None) => (value, false),
            (None, Some(value)) => (value, true),
            _ => return None,
        };
        let texts = texts(value)?;
        Some(Entries {
            patterns: texts.iter().map(|text| pattern(text)).collect(),
            texts: texts.into_iter().map(Into::into).collect(),
            is_negated,
        })
    }

    /// All there is.
    fn all() -> Entries {
        Entries {
            texts: Box::new(["*".into()]),
            patterns: Box::new([Pattern::action("*")]),
            is_negated: false,
        }
    }

    fn matches(&self, text: &str, context: &Context) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| pattern.matches(text, context)) != self.is_negated
    }
}

fn principals(members: &Object) -> Option<Principals> {
    let (value, is_negated) = match (members.get("Principal"), members.get("NotPrincipal")) {
        (Some(value), None) => (value, false),
        (None, Some(value)) => (value, true),
        _ => return None,
    };
    Some(Principals::new(entries(value)?.into_iter(), is_negated))
}

/// The entries of a Principal: the kind and the text of each; `None` if it can't be read.
pub(super) fn entries(value: &Value) -> Option<Vec<(&str, &str)>> {
    if value.as_str() == Some("*") {
        return Some(vec![("AWS", "*")]);
    }
    let mut entries = Vec::new();
    for (kind, value) in value.as_object()? {
        entries.extend(texts(value)?.into_iter().map(|text| (kind, text)));
    }
    Some(entries)
}

/// A text or the texts of an array; `None` for anything else.
pub(super) fn texts(value: &Value) -> Option<Vec<&str>> {
    match value.as_array() {
        Some(list) => list.iter().map(Value::as_str).collect(),
        None => value.as_str().map(|text| vec![text]),
    }
}

/// The conditions that can be read, and whether those are all.
fn conditions(value: Option<&Value>, has_variables: bool) -> (Box<[Condition]>, bool) {
    let Some(value) = value else {
        return (Box::default(), true);
    };
    let mut conditions = Vec::new();
    let mut are_known = true;
    for (operator, keys) in value.as_object().into_iter().flatten() {
        let written = Written::parse(operator);
        for (key, values) in keys.as_object().into_iter().flatten() {
            match (written, scalars(values)) {
                (Some(written), Some(values)) => {
                    conditions.push(Condition::new(written, key, &values, has_variables));
                }
                _ => are_known = false,
            }
        }
        are_known &= written.is_some() && keys.as_object().is_some();
    }
    (conditions.into(), are_known && value.as_object().is_some())
}

/// The texts of a scalar or of an array of scalars; `None` for anything else.
pub(super) fn scalars(value: &Value) -> Option<Vec<&str>> {
    fn text(value: &Value) -> Option<&str> {
        match value.view() {
            View::String(text) => Some(text),
            View::Bool(flag) => Some(if flag { "true" } else { "false" }),
            View::Number(number) => Some(number.as_text()),
            View::Null | View::Array(_) | View::Object(_) => None,
        }
    }
    match value.as_array() {
        Some(list) => list.iter().map(text).collect(),
        None => text(value).map(|text| vec![text]),
    }
}
