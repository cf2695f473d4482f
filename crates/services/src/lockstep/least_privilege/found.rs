//! What each state needs, as the definition and the executions tell it.

use std::collections::BTreeSet;

use super::calls::Privilege;
use super::definition::{Role, Step};
use super::policy::covers_resource;

/// An action of a state, and on what.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) action: String,
    /// As the definition names them.
    pub(super) literal: BTreeSet<String>,
    /// What is known of those that an execution names: `*`, or a name with `*`.
    pub(super) open: BTreeSet<String>,
    /// What executions named.
    pub(super) seen: BTreeSet<String>,
    /// How many executions called it.
    pub(super) executions: usize,
    /// The last of them.
    execution: usize,
}

/// A step of a state, and the role it is done under.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) name: String,
    pub(super) resource: String,
    pub(super) role: Role,
    /// For a role found at run time, those that executions found.
    pub(super) roles: BTreeSet<String>,
    pub(super) rows: Vec<Row>,
}

/// Every state that calls anything, in the order of the definition.
#[derive(Clone, Debug, Default)]
pub(super) struct Found(pub(super) Vec<State>);

impl Row {
    fn of(action: &str) -> Row {
        Row {
            action: action.to_owned(),
            literal: BTreeSet::new(),
            open: BTreeSet::new(),
            seen: BTreeSet::new(),
            executions: 0,
            execution: 0,
        }
    }

    /// On what the action must be allowed: what an execution named stands for what it will name.
    pub(super) fn resources(&self) -> impl Iterator<Item = (&String, bool)> {
        let is_unknown = self.seen.is_empty();
        let found = match is_unknown {
            true => &self.open,
            false => &self.seen,
        };
        let literal = self.literal.iter().map(|resource| (resource, false));
        literal.chain(found.iter().map(move |resource| (resource, is_unknown)))
    }

    /// Whether the definition leaves to executions what it is done on.
    pub(super) fn is_dynamic(&self) -> bool {
        !self.open.is_empty()
    }

    pub(super) fn privileges(&self) -> impl Iterator<Item = Privilege> {
        self.resources().map(|(resource, is_dynamic)| Privilege {
            action: self.action.clone(),
            resource: resource.clone(),
            is_dynamic,
        })
    }
}

impl State {
    /// The roles it is done under; `*` for one that isn't known.
    pub(super) fn assumed_roles(&self) -> Vec<String> {
        match (&self.role, self.roles.is_empty()) {
            (Role::Own, _) => Vec::new(),
            (Role::Assumed(arn), _) => vec![arn.clone()],
            (Role::Unknown, true) => vec!["*".to_owned()],
            (Role::Unknown, false) => self.roles.iter().cloned().collect(),
        }
    }

    /// What it needs of the state machine's role to get at its own.
    pub(super) fn assuming(&self) -> Vec<Privilege> {
        let is_dynamic = self.role == Role::Unknown && self.roles.is_empty();
        let roles = self.assumed_roles().into_iter();
        roles
            .map(|resource| Privilege {
                action: "sts:AssumeRole".to_owned(),
                resource,
                is_dynamic,
            })
            .collect()
    }
}

impl Found {
    pub(super) fn add_step(&mut self, step: Step, needed: Vec<Privilege>) {
        let mut rows: Vec<Row> = Vec::new();
        for Privilege {
            action,
            resource,
            is_dynamic,
        } in needed
        {
            let at = rows.iter().position(|row| row.action == action);
            let at = at.unwrap_or_else(|| {
                rows.push(Row::of(&action));
                rows.len() - 1
            });
            if let Some(row) = rows.get_mut(at) {
                match is_dynamic {
                    true => row.open.insert(resource),
                    false => row.literal.insert(resource),
                };
            }
        }
        let is_role_needed = step.role != Role::Own;
        if !rows.is_empty() || is_role_needed {
            self.0.push(State {
                name: step.state,
                resource: step.resource,
                role: step.role,
                roles: BTreeSet::new(),
                rows,
            });
        }
    }

    /// Whether the definition has such a state.
    pub(super) fn has(&self, name: &str, resource: &str) -> bool {
        let is_it = |state: &State| state.name == name && state.resource == resource;
        self.0.iter().any(is_it)
    }

    /// What an execution, counted from 1, needed in a state.
    pub(super) fn add_made(
        &mut self,
        name: &str,
        resource: &str,
        role: &Role,
        execution: usize,
        needed: &[Privilege],
    ) {
        let is_it = |state: &&mut State| state.name == name && state.resource == resource;
        let Some(state) = self.0.iter_mut().find(is_it) else {
            return;
        };
        match (&state.role, role) {
            (Role::Unknown, Role::Assumed(arn)) => {
                state.roles.insert(arn.clone());
            }
            (own, made) if own == made => {}
            // The definition had another role for it then.
            _ => return,
        }
        for privilege in needed {
            let of_action = |row: &&mut Row| row.action == privilege.action;
            if let Some(row) = state.rows.iter_mut().find(of_action) {
                row.count(privilege, execution);
            }
        }
    }

    /// What is needed of a role; that of the state machine must also get at the others.
    pub(super) fn of_role(&self, role: &Role) -> BTreeSet<Privilege> {
        let mut needed = BTreeSet::new();
        for state in &self.0 {
            let is_its = match role {
                Role::Own => state.role == Role::Own,
                Role::Assumed(arn) => state.assumed_roles().contains(arn),
                Role::Unknown => false,
            };
            if is_its {
                needed.extend(state.rows.iter().flat_map(Row::privileges));
            }
            if *role == Role::Own {
                needed.extend(state.assuming());
            }
        }
        needed
    }

    /// Every role that a state has of its own.
    pub(super) fn assumed_roles(&self) -> BTreeSet<String> {
        self.0.iter().flat_map(State::assumed_roles).collect()
    }

    /// What a reader of the policy must know.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for state in &self.0 {
            for row in state.rows.iter().filter(|row| row.is_dynamic()) {
                let (name, action) = (&state.name, &row.action);
                notes.push(match row.seen.is_empty() {
                    true => format!(
                        "state `{name}`: on what it calls {action} is known at run time only, and \
                         no execution that was read called it; narrow the `*`"
                    ),
                    false => format!(
                        "state `{name}`: on what it calls {action} is known at run time only; the \
                         policy has what executions used"
                    ),
                });
            }
            if state.role == Role::Unknown {
                let name = &state.name;
                notes.push(format!(
                    "state `{name}`: which role it assumes is known at run time only"
                ));
            }
        }
        notes
    }
}

impl Row {
    /// Counts what an execution did, unless the definition (as it is now) would not do it.
    fn count(&mut self, made: &Privilege, execution: usize) {
        let is_literal = self.literal.contains(&made.resource);
        let mut open = self.open.iter();
        if !is_literal && !open.any(|entry| covers_resource(entry, &made.resource)) {
            return;
        }
        if !is_literal {
            self.seen.insert(of_every_execution(&made.resource));
        }
        if self.execution != execution {
            self.execution = execution;
            self.executions += 1;
        }
    }
}

/// An execution (or Map Run) is another one the next time: what was done on one will be done on any
/// of its state machine. Any other resource is as it was.
fn of_every_execution(resource: &str) -> String {
    let mut parts: Vec<&str> = resource.split(':').collect();
    match parts.as_slice() {
        [
            _,
            _,
            "states",
            _,
            _,
            "execution" | "express" | "mapRun",
            _,
            _,
            ..,
        ] => {
            parts.truncate(7);
            parts.push("*");
            parts.join(":")
        }
        _ => resource.to_owned(),
    }
}
