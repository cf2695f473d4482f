//! What a role has beside what it needs, and what it lacks.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws::iam::policy::Statement;
use aws::iam::{Attached, Context};

use super::calls::Privilege;
use super::policy::{covers_action, covers_resource_in};

/// What a statement of a role's policies grants that nobody uses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unused {
    pub(super) policy: Arc<str>,
    /// From 0.
    pub(super) statement: usize,
    pub(super) sid: Option<Arc<str>>,
    /// Entries that no call needs.
    pub(super) actions: Vec<String>,
    pub(super) resources: Vec<String>,
    /// What is used of entries that grant more: empty when the statement has none.
    pub(super) used_actions: Vec<String>,
    pub(super) used_resources: Vec<String>,
}

/// The statements that grant more than is needed. What a condition asks for is taken to hold: a
/// statement that is used under it counts as used.
pub(super) fn unused(
    policies: &[Arc<Attached>],
    needed: &BTreeSet<Privilege>,
    context: &Context,
) -> Vec<Unused> {
    let statements = policies.iter().flat_map(|attached| {
        let statements = attached.policy.statements().iter().enumerate();
        statements.map(move |(index, statement)| (attached, index, statement))
    });
    let granting = statements.filter(|(_, _, statement)| !statement.denies());
    let found = granting.filter_map(|(attached, index, statement)| {
        let unused = of_statement(statement, needed, context);
        let is_tight = unused.actions.is_empty()
            && unused.resources.is_empty()
            && unused.used_actions.is_empty()
            && unused.used_resources.is_empty();
        (!is_tight).then(|| Unused {
            policy: Arc::clone(&attached.source.uri),
            statement: index,
            sid: statement.sid().cloned(),
            ..unused
        })
    });
    found.collect()
}

fn of_statement(statement: &Statement, needed: &BTreeSet<Privilege>, context: &Context) -> Unused {
    // What is done on something unknown may be done on anything that the statement is about.
    let on = |privilege: &Privilege| {
        privilege.is_dynamic || statement.matches_resource(&privilege.resource, context)
    };
    let used: Vec<&Privilege> = needed
        .iter()
        .filter(|privilege| statement.matches_action(&privilege.action) && on(privilege))
        .collect();
    let actions = entries(statement.actions(), statement.is_not_action(), |entry| {
        used.iter()
            .any(|privilege| covers_action(entry, &privilege.action))
    });
    let resources = entries(
        statement.resources(),
        statement.is_not_resource(),
        |entry| {
            used.iter().any(|privilege| {
                privilege.is_dynamic || covers_resource_in(entry, &privilege.resource, context)
            })
        },
    );
    let of_used = |is_wide, member: fn(&Privilege) -> &String| -> Vec<String> {
        let texts: BTreeSet<&String> = used.iter().map(|privilege| member(privilege)).collect();
        match is_wide {
            true => texts.into_iter().cloned().collect(),
            false => Vec::new(),
        }
    };
    Unused {
        policy: "".into(),
        statement: 0,
        sid: None,
        used_actions: of_used(actions.is_wide, |privilege| &privilege.action),
        // Resources that are the statement's own entries say nothing new.
        used_resources: of_used(resources.is_wide, |privilege| &privilege.resource)
            .into_iter()
            .filter(|used| !statement.resources().iter().any(|entry| **entry == **used))
            .collect(),
        actions: actions.unused,
        resources: resources.unused,
    }
}

struct Entries {
    unused: Vec<String>,
    /// Whether an entry that is used grants more than what uses it.
    is_wide: bool,
}

fn entries(entries: &[Arc<str>], is_not: bool, is_used: impl Fn(&str) -> bool) -> Entries {
    if is_not {
        // It grants everything but its entries: there is no entry to strike out.
        return Entries {
            unused: Vec::new(),
            is_wide: true,
        };
    }
    let (used, unused): (Vec<&Arc<str>>, _) = entries.iter().partition(|entry| is_used(entry));
    Entries {
        unused: unused.iter().map(ToString::to_string).collect(),
        is_wide: used.iter().any(|entry| entry.contains(['*', '?'])),
    }
}
