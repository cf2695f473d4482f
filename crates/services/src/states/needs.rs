//! What a call needs to be allowed, and what is always true of an operation.
//!
//! Source: the service authorization reference, "Actions, resources, and condition keys for AWS
//! Step Functions".

use std::collections::BTreeMap;
use std::sync::Arc;

use asl::token;
use aws::arn::States as Named;
use aws::iam::{Tag, Values};
use aws::{Arn, ServiceError};
use json::Value;

use super::{States, arn};
use crate::Call;
use crate::access::{Facts, Need};

/// What an operation is done on.
#[derive(Clone, Copy)]
enum On {
    /// No resource: `*`.
    All,
    /// The ARN that a member has.
    Named(&'static str),
    /// The state machine that a member names, with a qualifier or without.
    Machine(&'static str),
    /// The state machines whose versions an alias leads to, and those of its own ARN.
    Routing,
    /// All of a kind: `activity` or `stateMachine`.
    Every(&'static str),
    /// What is made: `activity` or `stateMachine`.
    Made(&'static str),
    /// The Task whose token is sent.
    Token,
}

/// The operations of [`States::handle`], sorted.
const OPERATIONS: &[(&str, Facts, On)] = &[
    ("CreateActivity", Facts::CHANGES, On::Made("activity")),
    (
        "CreateStateMachine",
        Facts::CHANGES,
        On::Made("stateMachine"),
    ),
    ("CreateStateMachineAlias", Facts::CHANGES, On::Routing),
    ("DeleteActivity", Facts::CHANGES, On::Named(ACTIVITY)),
    ("DeleteStateMachine", Facts::CHANGES, On::Machine(MACHINE)),
    (
        "DeleteStateMachineAlias",
        Facts::CHANGES,
        On::Machine(ALIAS),
    ),
    (
        "DeleteStateMachineVersion",
        Facts::CHANGES,
        On::Machine("stateMachineVersionArn"),
    ),
    ("DescribeActivity", Facts::READS, On::Named(ACTIVITY)),
    ("DescribeExecution", Facts::READS_DATA, On::Named(EXECUTION)),
    ("DescribeMapRun", Facts::READS_DATA, On::Named(MAP_RUN)),
    ("DescribeStateMachine", Facts::READS, On::Machine(MACHINE)),
    (
        "DescribeStateMachineAlias",
        Facts::READS,
        On::Machine(ALIAS),
    ),
    (
        "DescribeStateMachineForExecution",
        Facts::READS_DATA,
        On::Named(EXECUTION),
    ),
    ("GetActivityTask", Facts::CHANGES_DATA, On::Named(ACTIVITY)),
    (
        "GetExecutionHistory",
        Facts::READS_DATA,
        On::Named(EXECUTION),
    ),
    ("ListActivities", Facts::READS, On::Every("activity")),
    ("ListExecutions", Facts::READS_DATA, On::Machine(MACHINE)),
    ("ListMapRuns", Facts::READS_DATA, On::Named(EXECUTION)),
    (
        "ListStateMachineAliases",
        Facts::READS,
        On::Machine(MACHINE),
    ),
    (
        "ListStateMachineVersions",
        Facts::READS,
        On::Machine(MACHINE),
    ),
    ("ListStateMachines", Facts::READS, On::Every("stateMachine")),
    ("ListTagsForResource", Facts::READS, On::Named(TAGGED)),
    (
        "PublishStateMachineVersion",
        Facts::CHANGES,
        On::Machine(MACHINE),
    ),
    (
        "RedriveExecution",
        Facts::CHANGES_DATA,
        On::Named(EXECUTION),
    ),
    ("SendTaskFailure", Facts::CHANGES_DATA, On::Token),
    ("SendTaskHeartbeat", Facts::CHANGES_DATA, On::Token),
    ("SendTaskSuccess", Facts::CHANGES_DATA, On::Token),
    ("StartExecution", Facts::CHANGES_DATA, On::Machine(MACHINE)),
    (
        "StartSyncExecution",
        Facts::CHANGES_DATA,
        On::Machine(MACHINE),
    ),
    ("StopExecution", Facts::CHANGES_DATA, On::Named(EXECUTION)),
    ("TagResource", Facts::CHANGES, On::Named(TAGGED)),
    ("TestState", Facts::CHANGES_DATA, On::All),
    ("UntagResource", Facts::CHANGES, On::Named(TAGGED)),
    ("UpdateMapRun", Facts::CHANGES, On::Named(MAP_RUN)),
    ("UpdateStateMachine", Facts::CHANGES, On::Machine(MACHINE)),
    ("UpdateStateMachineAlias", Facts::CHANGES, On::Routing),
    ("ValidateStateMachineDefinition", Facts::READS, On::All),
];

const ACTIVITY: &str = "activityArn";
const ALIAS: &str = "stateMachineAliasArn";
const EXECUTION: &str = "executionArn";
const MACHINE: &str = "stateMachineArn";
const MAP_RUN: &str = "mapRunArn";
const TAGGED: &str = "resourceArn";

fn known(operation: &str) -> Option<(Facts, On)> {
    let found = OPERATIONS.binary_search_by_key(&operation, |(name, ..)| name);
    let (_, facts, on) = OPERATIONS.get(found.ok()?)?;
    Some((*facts, *on))
}

impl States {
    /// What is always true of an operation. `None` when it is not served.
    pub(crate) fn facts(operation: &str) -> Option<Facts> {
        known(operation).map(|(facts, _)| facts)
    }

    /// What a call needs, all of it.
    pub(crate) fn needs(&self, operation: &str, call: &Call) -> Vec<Need> {
        let on = known(operation).map_or(On::All, |(_, on)| on);
        let mut needs = resources(on, call);
        for need in &mut needs {
            need.action = format!("states:{operation}").into();
        }
        let also = |action: &'static str| {
            let resource = needs.first().map_or("*", |need| &*need.resource);
            Need::new(action, resource)
        };
        let mut more = Vec::new();
        if call.flag("publish") == Some(true) {
            more.push(also("states:PublishStateMachineVersion"));
        }
        if call.flag("revealSecrets") == Some(true) {
            more.push(also("states:RevealSecrets"));
        }
        let tags = self.tag_keys(call);
        if !tags.is_empty() && matches!(on, On::Made(_)) {
            more.push(also("states:TagResource"));
        }
        needs.append(&mut more);
        for need in &mut needs {
            need.context.extend(tags.iter().cloned());
        }
        needs
    }

    /// `aws:RequestTag/...` and `aws:TagKeys` of a call that brings or takes tags. One tag more
    /// than there may be is enough: the call is refused.
    fn tag_keys(&self, call: &Call) -> Vec<(Arc<str>, Values)> {
        let text = |tag: &Value, member| tag.get(member).and_then(Value::as_str).map(Arc::from);
        // Of two tags with the same key the last one counts.
        let tags: BTreeMap<Arc<str>, Arc<str>> = call
            .list("tags")
            .iter()
            .filter_map(|tag| Some((text(tag, "key")?, text(tag, "value").unwrap_or_default())))
            .collect();
        let tags = tags.into_iter().take(self.limits.tags_max + 1);
        let mut keys: Vec<Arc<str>> = Vec::new();
        let mut context: Vec<(Arc<str>, Values)> = Vec::new();
        for (key, value) in tags {
            let name = format!("aws:RequestTag/{key}").into();
            context.push((name, Values::One(value)));
            keys.push(key);
        }
        let removed = call.list("tagKeys").iter().filter_map(Value::as_str);
        keys.extend(removed.map(Arc::from));
        if !keys.is_empty() {
            context.push(("aws:TagKeys".into(), Values::Many(keys)));
        }
        context
    }

    /// The tags of a resource of this service. `None` when it does not exist or carries none.
    pub(crate) async fn tags_of(&self, text: &str) -> Result<Option<Vec<Tag>>, ServiceError> {
        let Ok(arn) = Arn::parse(text) else {
            return Ok(None);
        };
        let key = |name| arn::key_in(&arn.account, &arn.region, name);
        let tags = match Named::of(&arn) {
            Ok(Named::StateMachine { name }) => self.machine(&key(name)).await?.map(|it| it.tags),
            Ok(Named::Activity { name }) => self.activity(&key(name)).await?.map(|it| it.tags),
            _ => None,
        };
        let shared = |tags: Vec<super::tags::Tag>| {
            let tag = |tag: super::tags::Tag| (tag.key.into(), tag.value.into());
            tags.into_iter().map(tag).collect()
        };
        Ok(tags.map(shared))
    }
}

/// The resources of a call, as needs whose action is not said yet. A text that is no ARN stands for
/// itself, so that whoever may do everything learns what is wrong with it.
fn resources(on: On, call: &Call) -> Vec<Need> {
    let need = |resource: &str| Need::new("", resource);
    match on {
        On::All => vec![need("*")],
        On::Named(member) => vec![need(call.text(member).unwrap_or("*"))],
        On::Machine(member) => {
            // ListExecutions has one or the other.
            let machine = call.text(member).map(|text| machines([text]));
            machine.unwrap_or_else(|| vec![need(call.text(MAP_RUN).unwrap_or("*"))])
        }
        On::Routing => {
            let of_version = |item: &Value| {
                let version = item.get("stateMachineVersionArn");
                version.and_then(Value::as_str).map(str::to_owned)
            };
            let versions = call.list("routingConfiguration").iter();
            let versions: Vec<String> = versions.filter_map(of_version).collect();
            let named = call.text(ALIAS).into_iter();
            let mut needs = machines(named.chain(versions.iter().map(|version| &**version)));
            if let (Some(name), Some(need)) = (call.text("name"), needs.first_mut()) {
                add_qualifier(need, name);
            }
            if needs.is_empty() {
                needs.push(need("*"));
            }
            needs
        }
        On::Every(kind) => vec![need(&arn::made(call, format!("{kind}:*")))],
        On::Made(kind) => {
            let name = call.text("name").unwrap_or("*");
            vec![need(&arn::made(call, format!("{kind}:{name}")))]
        }
        On::Token => vec![need(task(call).as_deref().unwrap_or("*"))],
    }
}

/// The state machines that texts name. Developer guide, "Authorization for versions and aliases":
/// "Step Functions uses the state machine's ARN instead of using the version ARN or alias ARN"; the
/// qualifier is a condition key.
fn machines<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    for text in texts {
        let qualifier = engine::arn::qualifier(text);
        let suffix = qualifier.map_or(0, |qualifier| qualifier.len() + 1);
        let machine = text.get(..text.len() - suffix).unwrap_or(text);
        let known = needs.iter().position(|need| *need.resource == *machine);
        let at = known.unwrap_or(needs.len());
        if known.is_none() {
            needs.push(Need::new("", machine));
        }
        if let (Some(need), Some(qualifier)) = (needs.get_mut(at), qualifier) {
            add_qualifier(need, qualifier);
        }
    }
    needs
}

fn add_qualifier(need: &mut Need, qualifier: &str) {
    let named = need
        .context
        .iter_mut()
        .find_map(|(_, values)| match values {
            Values::Many(values) => Some(values),
            Values::One(_) => None,
        });
    match named {
        Some(values) => values.push(qualifier.into()),
        None => {
            let values = Values::Many(vec![qualifier.into()]);
            let key = "states:StateMachineQualifier".into();
            need.context.push((key, values));
        }
    }
}

/// The activity whose task the token of a call is for, or the state machine of its execution.
/// `None` for what is no token here.
fn task(call: &Call) -> Option<Arc<str>> {
    let token = token::read(call.text("taskToken")?)?;
    let execution_arn = &token.execution_arn;
    let is_here = engine::arn::account(execution_arn) == &*call.account
        && engine::arn::region(execution_arn) == &*call.region;
    if !is_here {
        return None;
    }
    let standard = || engine::arn::read_execution(execution_arn).map(|read| read.machine_arn);
    let express = || engine::arn::read_express(execution_arn).map(|read| read.machine_arn);
    let machine = || standard().or_else(express).map(Arc::from);
    token.activity_arn.clone().or_else(machine)
}

#[cfg(test)]
mod tests;
