//! Policies made of permissions: as few statements as say exactly that.

use std::collections::{BTreeMap, BTreeSet};

use aws::iam::{Context, Policy, Purpose};
use json::{ObjectBuilder, Value};

use super::calls::Privilege;

/// The document that grants these permissions and nothing else. Actions on the same resources are
/// one statement.
pub(super) fn document<'p>(privileges: impl IntoIterator<Item = &'p Privilege>) -> Value {
    let mut by_action: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for privilege in privileges {
        let resources = by_action.entry(&privilege.action).or_default();
        resources.insert(&privilege.resource);
    }
    let mut by_resources: BTreeMap<Vec<&str>, Vec<&str>> = BTreeMap::new();
    for (action, resources) in by_action {
        by_resources
            .entry(narrowed(&resources))
            .or_default()
            .push(action);
    }
    let mut statements: Vec<_> = by_resources
        .into_iter()
        .map(|(resources, actions)| (actions, resources))
        .collect();
    statements.sort();
    let statements = statements.iter().map(|(actions, resources)| {
        Value::from(
            ObjectBuilder::new()
                .add("Effect", "Allow")
                .add("Action", one_or_many(actions))
                .add("Resource", one_or_many(resources))
                .build(),
        )
    });
    ObjectBuilder::new()
        .add("Version", "2012-10-17")
        .add("Statement", statements.collect::<Value>())
        .build()
        .into()
}

/// Without those that another one with wildcards covers.
fn narrowed<'r>(resources: &BTreeSet<&'r str>) -> Vec<&'r str> {
    let is_covered = |resource: &&&str| {
        let mut others = resources.iter().filter(|other| *other != *resource);
        others.any(|other| other.contains('*') && covers_resource(other, resource))
    };
    let kept = resources.iter().filter(|resource| !is_covered(resource));
    kept.copied().collect()
}

fn one_or_many(texts: &[&str]) -> Value {
    match texts {
        [one] => (*one).into(),
        many => many.iter().map(|text| Value::from(*text)).collect(),
    }
}

/// Whether a policy's `Action` entry is about an action, as the evaluator sees it.
pub(super) fn covers_action(entry: &str, action: &str) -> bool {
    let policy = allowing(entry, "*");
    let mut statements = policy.statements().iter();
    statements.any(|statement| statement.matches_action(action))
}

/// Whether a policy's `Resource` entry is about a resource; without the values of variables.
pub(super) fn covers_resource(entry: &str, resource: &str) -> bool {
    covers_resource_in(entry, resource, &Context::new())
}

/// The same, with the values of variables.
pub(super) fn covers_resource_in(entry: &str, resource: &str, context: &Context) -> bool {
    let policy = allowing("*", entry);
    let mut statements = policy.statements().iter();
    statements.any(|statement| statement.matches_resource(resource, context))
}

fn allowing(action: &str, resource: &str) -> Policy {
    let statement = ObjectBuilder::new()
        .add("Effect", "Allow")
        .add("Action", action)
        .add("Resource", resource)
        .build();
    let document = ObjectBuilder::new()
        .add("Version", "2012-10-17")
        .add("Statement", statement)
        .build();
    Policy::kept(&Value::from(document).to_text(), Purpose::Identity)
}

#[cfg(test)]
mod tests;
