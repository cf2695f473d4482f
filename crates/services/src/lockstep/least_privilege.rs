//! GetLeastPrivilege: what a state machine's role must be allowed, from its definition and from
//! what its executions really called, and what it is allowed beyond.

mod calls;
mod definition;
mod executions;
mod found;
mod policy;
mod role;
mod shown;
mod unserved;

use std::collections::BTreeSet;
use std::sync::Arc;

use aws::arn::States as Named;
use aws::iam::{Context, Principal, RoleSession, Temporary};
use aws::integrations::{Resolution, resolve};
use aws::{Arn, ServiceError};
use engine::ListQuery;
use json::Value;

use self::calls::{Calls, Privilege};
use self::definition::{Role, Template, Work, steps};
use self::executions::{EXECUTIONS_DEFAULT, Histories, Made};
use self::found::Found;
use super::Lockstep;
use crate::access::Need;
use crate::iam::directory::RoleEntry;
use crate::states::arn;
use crate::{Answer, Call, Services};

/// A state machine, version or alias that is looked at.
struct Machine {
    /// Unqualified.
    arn: String,
    role_arn: String,
    is_express: bool,
    definition: Value,
}

/// What was found out.
struct Findings {
    machine: Machine,
    executions_read: usize,
    is_complete: bool,
    states: Found,
    missing: Vec<Privilege>,
    unused: Vec<role::Unused>,
    notes: Vec<String>,
    /// Compiled policies of the role, for the texts of statements.
    role: Option<Arc<RoleEntry>>,
}

impl Lockstep {
    /// GetLeastPrivilege. Reads at most [`EXECUTIONS_DEFAULT`] executions unless it is asked for
    /// more, the newest first.
    pub(super) async fn get_least_privilege(
        &self,
        call: &Call,
        services: &Services,
    ) -> Result<Answer, ServiceError> {
        let machine = self.looked_at(call).await?;
        let calls = Calls {
            services,
            call,
            machine_arn: &machine.arn,
        };
        let mut states = Found::default();
        for step in steps(&machine.definition) {
            let needed = calls.of(&step.work, &step.parameters).await?;
            states.add_step(step, needed);
        }
        let mut histories = self.histories(call, &machine).await?;
        while let Some((execution, made)) = histories.next().await? {
            for made in made {
                add_made(&calls, &mut states, execution, made).await?;
            }
        }
        let (executions_read, is_complete) = (histories.executions_read, histories.is_complete);
        drop(histories);
        let role = self.role(call, &machine.role_arn).await?;
        let needed = states.of_role(&Role::Own);
        let (mut missing, mut unused, mut notes) = (Vec::new(), Vec::new(), states.notes());
        match &role {
            Some(entry) => {
                missing = lacking(services, call, &machine.role_arn, &needed).await?;
                unused = role::unused(&entry.policies, &needed, &context(entry, call));
            }
            None => notes.push(format!(
                "the role `{}` does not exist, so nothing is said about what it has",
                machine.role_arn
            )),
        }
        let findings = Findings {
            machine,
            executions_read,
            is_complete,
            states,
            missing,
            unused,
            notes,
            role,
        };
        Ok(findings.answer())
    }

    async fn looked_at(&self, call: &Call) -> Result<Machine, ServiceError> {
        let described = self.states.handle("DescribeStateMachine", call).await;
        let not_served = || ServiceError::new("InternalFailure", "state machines can't be read");
        let described = described.ok_or_else(not_served)??.members;
        let text = |member| described.get(member).and_then(Value::as_str);
        let arn = text("stateMachineArn").unwrap_or_default();
        let definition = json::parse(text("definition").unwrap_or_default());
        // What was taken as a definition is JSON, so only damage leads here.
        let definition = definition.map_err(|error| {
            let message = format!("the definition of `{arn}` in the store is damaged: {error}");
            ServiceError::new("InternalFailure", message).with_status(500)
        })?;
        Ok(Machine {
            arn: unqualified(arn),
            role_arn: text("roleArn").unwrap_or_default().to_owned(),
            is_express: text("type") == Some("EXPRESS"),
            definition,
        })
    }

    async fn histories(
        &self,
        call: &Call,
        machine: &Machine,
    ) -> Result<Histories<'_>, ServiceError> {
        let (version, alias) = arn::qualifiers(call)?;
        let query = ListQuery {
            state_machine_arn: machine.arn.as_str().into(),
            version,
            alias,
            ..ListQuery::default()
        };
        let asked = call.integer("maxExecutions");
        let max = asked.and_then(|max| usize::try_from(max).ok());
        let max = max.unwrap_or(EXECUTIONS_DEFAULT);
        Histories::of(&self.states, query, machine.is_express, max).await
    }

    async fn role(
        &self,
        call: &Call,
        role_arn: &str,
    ) -> Result<Option<Arc<RoleEntry>>, ServiceError> {
        let arn = Arn::parse(role_arn).ok();
        let name = arn.as_ref().and_then(Arn::role_path_and_name);
        match name {
            Some((_, name)) => Ok(self.directory.role(&call.account, name).await?),
            None => Ok(None),
        }
    }
}

/// What a Task of an execution called. Calls that the definition does not make (any more) say
/// nothing about what it needs.
async fn add_made(
    calls: &Calls<'_>,
    states: &mut Found,
    execution: usize,
    made: Made,
) -> Result<(), ServiceError> {
    if !states.has(&made.state, &made.resource) {
        return Ok(());
    }
    let Resolution::Task(task) = resolve(&made.resource) else {
        return Ok(());
    };
    let parameters = Template::Constant(made.parameters);
    let needed = calls.of(&Work::Task(task), &parameters).await?;
    states.add_made(&made.state, &made.resource, &made.role, execution, &needed);
    Ok(())
}

/// Those that the role would be denied as it is. What is done on something unknown is not asked.
async fn lacking(
    services: &Services,
    call: &Call,
    role_arn: &str,
    needed: &BTreeSet<Privilege>,
) -> Result<Vec<Privilege>, ServiceError> {
    let mut lacking = Vec::new();
    for privilege in needed.iter().filter(|privilege| !privilege.is_dynamic) {
        let need = Need::new(privilege.action.clone(), privilege.resource.as_str());
        let access = &services.identity().access;
        if !access.role_may(call, role_arn, &need).await? {
            lacking.push(privilege.clone());
        }
    }
    Ok(lacking)
}

/// The condition keys that a session of the role always has, for the variables of its policies.
fn context(role: &RoleEntry, call: &Call) -> Context {
    let session = RoleSession {
        account: role.account.clone(),
        role_arn: role.arn.clone(),
        role_name: role.name.clone(),
        role_id: role.id.clone(),
        session_name: "".into(),
        tags: role.tags.clone(),
        transitive_tag_keys: Arc::default(),
        source_identity: None,
        federated_provider: None,
        temporary: Temporary {
            issued_ms: call.now.0,
            mfa: false,
        },
    };
    let mut context = Context::new();
    Principal::Role(Arc::new(session)).add_to(&mut context, call.now.0);
    context.set("aws:RequestedRegion", &*call.region);
    context
}

/// A state machine's ARN without a version or an alias.
fn unqualified(arn: &str) -> String {
    let parsed = Arn::parse(arn).ok();
    let name = parsed.as_ref().and_then(|arn| match Named::of(arn).ok()? {
        Named::Version { name, .. } | Named::Alias { name, .. } => Some(name),
        _ => None,
    });
    match (&parsed, name) {
        (Some(arn), Some(name)) => arn.sibling(format!("stateMachine:{name}")).to_string(),
        _ => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests;
