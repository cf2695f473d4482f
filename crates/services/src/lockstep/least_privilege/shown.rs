//! The answer of GetLeastPrivilege.

use json::{Object, ObjectBuilder, Value};

use super::calls::Privilege;
use super::definition::Role;
use super::found::{Row, State};
use super::role::Unused;
use super::{Findings, policy};
use crate::Answer;

impl Findings {
    pub(super) fn answer(&self) -> Answer {
        let states = self.states.0.iter().map(state).collect::<Value>();
        let own = self.states.of_role(&Role::Own);
        let roles = self.states.assumed_roles().into_iter().map(|arn| {
            let needed = self.states.of_role(&Role::Assumed(arn.clone()));
            let shown = ObjectBuilder::new()
                .add("roleArn", arn)
                .add("policyDocument", policy::document(&needed).to_text())
                .build();
            Value::from(shown)
        });
        let unused = self.unused.iter().map(|unused| self.unused(unused));
        let executions = u64::try_from(self.executions_read).unwrap_or(u64::MAX);
        ObjectBuilder::new()
            .add("stateMachineArn", self.machine.arn.as_str())
            .add("roleArn", self.machine.role_arn.as_str())
            .add("executionsRead", executions)
            .add("isComplete", self.is_complete)
            .add("states", states)
            .add("policyDocument", policy::document(&own).to_text())
            .add("assumedRoles", roles.collect::<Value>())
            .add(
                "missing",
                self.missing.iter().map(missing).collect::<Value>(),
            )
            .add("unused", unused.collect::<Value>())
            .add("notes", texts(&self.notes))
            .into()
    }

    fn unused(&self, unused: &Unused) -> Value {
        let index = u64::try_from(unused.statement).unwrap_or(u64::MAX);
        let mut shown = ObjectBuilder::new();
        shown.add("policy", &*unused.policy).add("statement", index);
        if let Some(sid) = &unused.sid {
            shown.add("sid", &**sid);
        }
        shown
            .add("text", self.text_of(unused).unwrap_or_default())
            .add("unusedActions", texts(&unused.actions))
            .add("unusedResources", texts(&unused.resources))
            .add("usedActions", texts(&unused.used_actions))
            .add("usedResources", texts(&unused.used_resources));
        shown.build().into()
    }

    fn text_of(&self, unused: &Unused) -> Option<String> {
        let role = self.role.as_ref()?;
        let mut policies = role.policies.iter();
        let attached = policies.find(|attached| attached.source.uri == unused.policy)?;
        crate::lockstep::explain::text_of(attached.policy.document(), unused.statement)
    }
}

fn texts(texts: &[String]) -> Value {
    texts
        .iter()
        .map(|text| Value::from(text.as_str()))
        .collect()
}

fn state(state: &State) -> Value {
    let rows: Value = state
        .rows
        .iter()
        .map(|row| Value::from(shown(row)))
        .collect();
    let mut shown = ObjectBuilder::new();
    shown
        .add("name", state.name.as_str())
        .add("resource", state.resource.as_str());
    if state.role == Role::Own {
        shown.add("privileges", rows);
    } else {
        shown
            .add("privileges", vec![Value::from(assuming(state))])
            .add("assumedRoleArns", texts(&state.assumed_roles()))
            .add("assumedRolePrivileges", rows);
    }
    shown.build().into()
}

/// What gets a state at the role of its own.
fn assuming(state: &State) -> Object {
    let source = match state.roles.is_empty() {
        true => "DEFINITION",
        false => "EXECUTIONS",
    };
    ObjectBuilder::new()
        .add("action", "sts:AssumeRole")
        .add("resources", texts(&state.assumed_roles()))
        .add("sources", vec![Value::from(source)])
        .add("isDynamic", state.role == Role::Unknown)
        .build()
}

fn shown(row: &Row) -> Object {
    let mut sources = Vec::new();
    if !row.literal.is_empty() || row.seen.is_empty() {
        sources.push(Value::from("DEFINITION"));
    }
    if row.executions > 0 {
        sources.push("EXECUTIONS".into());
    }
    let resources = row
        .resources()
        .map(|(resource, _)| Value::from(resource.as_str()));
    let executions = u64::try_from(row.executions).unwrap_or(u64::MAX);
    ObjectBuilder::new()
        .add("action", row.action.as_str())
        .add("resources", resources.collect::<Value>())
        .add("sources", sources)
        .add("executions", executions)
        .add("isDynamic", row.is_dynamic())
        .build()
}

fn missing(lacking: &Privilege) -> Value {
    ObjectBuilder::new()
        .add("action", lacking.action.as_str())
        .add("resource", lacking.resource.as_str())
        .build()
        .into()
}
