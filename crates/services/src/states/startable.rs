//! What StartExecution needs of a state machine: a start from memory reads no document.

use std::sync::Arc;

use asl::event::Text;
use aws::ServiceError;
use json::{Object, Value};

use super::aliases::{Alias, Share};
use super::arn::{Machine, Qualifier};
use super::machine::{StateMachine, labelled};
use super::tags::Tag;
use super::versions::Version;
use super::{States, arn, concurrency, state_machine_does_not_exist, type_not_supported};
use crate::Call;

/// What an execution takes from the state machine, version or alias that it is started by.
#[derive(Debug, PartialEq)]
pub(crate) struct Startable {
    /// Unqualified.
    pub arn: Text,
    pub name: Text,
    pub is_express: bool,
    /// Standard executions that may run at a time; `None` for any number.
    pub concurrency_max: Option<u32>,
    pub alias_arn: Option<Text>,
    /// By key; `None` without any.
    pub tags: Option<Value>,
    target: Target,
    /// The other version of an alias that has two.
    other: Option<Target>,
    /// The first one's share of the starts, in percent.
    weight: u32,
}

/// The revision that an execution runs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Absent for the current revision, started without a qualifier.
    pub version_arn: Option<Text>,
    pub role_arn: Text,
    pub definition: u64,
    /// Whether a trace begins with it (`tracingConfiguration`).
    pub is_traced: bool,
}

impl Startable {
    /// What a machine, or what its qualifier names, is started with. `None` for a version or an
    /// alias that it has not.
    fn of(machine: &StateMachine, qualifier: Option<&Qualifier>) -> Option<Startable> {
        let current = || Target {
            version_arn: None,
            role_arn: machine.role_arn.as_str().into(),
            definition: machine.definition,
            is_traced: false,
        };
        let of_share = |share: &Share| Some(Target::of(machine, machine.version(share.version)?));
        let (alias, target, other): (Option<&Alias>, _, _) = match qualifier {
            None => (None, current(), None),
            Some(Qualifier::Version(number)) => {
                (None, Target::of(machine, machine.version(*number)?), None)
            }
            Some(Qualifier::Alias(name)) => {
                let alias = machine.alias(name)?;
                let mut targets = alias.routing.0.iter().filter_map(of_share);
                (Some(alias), targets.next()?, targets.next())
            }
        };
        let weight = alias.and_then(|alias| alias.routing.0.first());
        Some(Startable {
            arn: machine.arn.as_str().into(),
            name: machine.name.as_str().into(),
            is_express: machine.is_express,
            concurrency_max: concurrency::limit(&machine.tags),
            alias_arn: alias.map(|alias| machine.alias_arn(&alias.name).into()),
            tags: tags(&machine.tags),
            target,
            other,
            weight: weight.map_or(100, |share| share.weight),
        })
    }

    /// Refuses what is not done to Standard state machines.
    pub(super) fn check_express(&self) -> Result<(), ServiceError> {
        match self.is_express {
            true => Ok(()),
            false => Err(type_not_supported()),
        }
    }

    /// Both, or the only one.
    fn targets(&mut self) -> impl Iterator<Item = &mut Target> {
        std::iter::once(&mut self.target).chain(&mut self.other)
    }

    /// The revision of one start: of an alias with two versions by their weights, `drawn` being a
    /// number from 0 to 99.
    pub(super) fn target(&self, drawn: impl FnOnce() -> u32) -> &Target {
        match &self.other {
            Some(other) if drawn() >= self.weight => other,
            _ => &self.target,
        }
    }
}

/// Tags as one object.
fn tags(tags: &[Tag]) -> Option<Value> {
    let members = tags.iter().map(|tag| (&*tag.key, Value::from(&*tag.value)));
    (!tags.is_empty()).then(|| members.collect::<Object>().into())
}

impl Target {
    fn of(machine: &StateMachine, version: &Version) -> Target {
        Target {
            version_arn: Some(machine.version_arn(version.number).into()),
            role_arn: version.role_arn.as_str().into(),
            definition: version.definition,
            is_traced: false,
        }
    }
}

impl States {
    /// What an execution of the machine, version or alias that `stateMachineArn` names starts with:
    /// from memory, unless it was changed or is asked for the first time. Refuses a machine that is
    /// being deleted, but not to an attempt, which may have its child already; the engine knows.
    pub(super) async fn startable(&self, call: &Call) -> Result<Arc<Startable>, ServiceError> {
        let check = |machine: &StateMachine| match call.attempt {
            None => machine.check_active(),
            Some(_) => Ok(()),
        };
        self.checked_startable(call, check).await
    }

    /// The same, for whoever starts nothing: also of a machine that is being deleted.
    pub(super) async fn listable(&self, call: &Call) -> Result<Arc<Startable>, ServiceError> {
        self.checked_startable(call, |_| Ok(())).await
    }

    async fn checked_startable(
        &self,
        call: &Call,
        check: impl Fn(&StateMachine) -> Result<(), ServiceError>,
    ) -> Result<Arc<Startable>, ServiceError> {
        let text = call.required("stateMachineArn")?;
        let not_found = || state_machine_does_not_exist(text);
        if let Some(machine) = self.cache.get(text) {
            let is_here = engine::arn::account(text) == &*call.account
                && engine::arn::region(text) == &*call.region;
            return match is_here {
                true => Ok(machine),
                false => Err(not_found()),
            };
        }
        let (key, qualifier) = match arn::machine(call, "stateMachineArn")? {
            Machine::Here(key) => (key, None),
            Machine::Qualified(key, qualifier) => (key, Some(qualifier)),
            Machine::Elsewhere => return Err(not_found()),
            Machine::Labelled => return Err(labelled(text)),
        };
        let age = self.cache.age();
        let machine = self.machine(&key).await?.ok_or_else(not_found)?;
        check(&machine)?;
        // Of a machine that is being deleted versions and aliases are gone, but an attempt finds
        // the child that it started by one.
        let is_again = machine.is_deleting && call.attempt.is_some();
        let qualifier = qualifier.filter(|_| !is_again);
        let mut startable = Startable::of(&machine, qualifier.as_ref()).ok_or_else(not_found)?;
        for target in startable.targets() {
            target.is_traced = self.revision(target.definition).await?.tracing;
        }
        let startable = Arc::new(startable);
        if !machine.is_deleting {
            self.cache.keep(age, text, &startable);
        }
        Ok(startable)
    }

    /// Whether a call names an Express state machine, or a version or an alias of one.
    pub(crate) async fn names_express(&self, call: &Call) -> bool {
        let machine = self.listable(call).await;
        machine.is_ok_and(|machine| machine.is_express)
    }

    /// What a call names, if it is of an Express state machine.
    pub(crate) async fn express_listable(
        &self,
        call: &Call,
    ) -> Result<Arc<Startable>, ServiceError> {
        let machine = self.listable(call).await?;
        machine.check_express()?;
        Ok(machine)
    }
}

#[cfg(test)]
pub(super) mod tests;
