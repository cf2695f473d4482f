//! Aliases of state machines: names for one version, or for two that share the starts.

use asl::time::Timestamp;
use aws::ServiceError;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::Kind;

use super::arn::{Machine, Qualifier};
use super::machine::{StateMachine, labelled};
use super::pages::Pages;
use super::versions::machine_arn;
use super::{States, arn, missing_reference, state_machine_does_not_exist};
use crate::call::epoch_seconds;
use crate::{Answer, Call};

/// An alias. Part of the store's format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Alias {
    /// From 1, in the order they were created.
    pub number: u32,
    pub name: String,
    pub description: Option<String>,
    pub routing: Routing,
    pub created_ms: i64,
    pub updated_ms: i64,
}

/// Where an alias leads: one or two different versions, whose weights add up to 100.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Routing(pub Vec<Share>);

/// A version and its share of the starts, in percent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Share {
    pub version: u32,
    pub weight: u32,
}

impl Routing {
    /// Whether both lead to the same versions by the same shares, in whatever order.
    fn is_same(&self, other: &Routing) -> bool {
        let sorted = |routing: &Routing| {
            let mut shares = routing.0.clone();
            shares.sort();
            shares
        };
        sorted(self) == sorted(other)
    }

    fn leads_to(&self, version: u32) -> bool {
        self.0.iter().any(|share| share.version == version)
    }

    fn shown(&self, machine: &StateMachine) -> Value {
        let share = |share: &Share| {
            ObjectBuilder::new()
                .add("stateMachineVersionArn", machine.version_arn(share.version))
                .add("weight", u64::from(share.weight))
                .build()
                .into()
        };
        self.0.iter().map(share).collect()
    }
}

impl StateMachine {
    pub(super) fn alias(&self, name: &str) -> Option<&Alias> {
        self.aliases.iter().find(|alias| alias.name == name)
    }

    /// The names of the aliases that lead to a version.
    pub(super) fn aliases_of(&self, version: u32) -> Vec<&str> {
        let of_version = self
            .aliases
            .iter()
            .filter(|alias| alias.routing.leads_to(version));
        of_version.map(|alias| &*alias.name).collect()
    }

    pub(super) fn alias_arn(&self, name: &str) -> String {
        format!("{}:{name}", self.arn)
    }

    /// Refuses a routing to versions that are not there.
    fn check_routing(&self, routing: &Routing) -> Result<(), ServiceError> {
        let exists = |share: &Share| self.version(share.version).is_some();
        match routing.0.iter().all(exists) {
            true => Ok(()),
            false => Err(missing_reference()),
        }
    }
}

/// A `routingConfiguration`, and the key of the machine whose versions it names.
struct Routed {
    key: String,
    routing: Routing,
    /// The ARNs as they came, for a message.
    received: String,
}

impl Routed {
    /// Reads a `routingConfiguration`, whose list has one or two elements.
    fn of(call: &Call) -> Result<Routed, ServiceError> {
        let list = call.list("routingConfiguration");
        let text = |item: &Value| {
            let arn = item.get("stateMachineVersionArn").and_then(Value::as_str);
            arn.unwrap_or_default().to_owned()
        };
        let texts: Vec<String> = list.iter().map(text).collect();
        let received = format!("Received: [{}]", texts.join(", "));
        if let [first, second] = &*texts
            && first == second
        {
            let what = "Routing configuration must contain distinct state machine version ARNs.";
            return Err(invalid_routing(what, &received));
        }
        let weights: Vec<i64> = list
            .iter()
            .map(|item| item.get("weight").and_then(Value::as_i64).unwrap_or(0))
            .collect();
        if weights.iter().sum::<i64>() != 100 {
            let weights: Vec<String> = weights.iter().map(i64::to_string).collect();
            let received = format!("Received: [{}]", weights.join(", "));
            let what = "Sum of routing configuration weights must equal 100.";
            return Err(invalid_routing(what, &received));
        }
        let mut keys = Vec::new();
        let mut shares = Vec::new();
        for (text, weight) in texts.iter().zip(weights) {
            let (key, version) = match arn::named_machine(call, text)? {
                Machine::Qualified(key, Qualifier::Version(version)) => (key, version),
                Machine::Elsewhere => return Err(missing_reference()),
                _ => {
                    let what = "Routing configuration must contain state machine version ARNs.";
                    return Err(invalid_routing(what, &received));
                }
            };
            keys.push(key);
            let weight = u32::try_from(weight).unwrap_or_default();
            shares.push(Share { version, weight });
        }
        keys.dedup();
        let [key] = &*keys else {
            let what = "Routing configuration must contain versions of the same state machine.";
            return Err(invalid_routing(what, &received));
        };
        Ok(Routed {
            key: key.clone(),
            routing: Routing(shares),
            received,
        })
    }
}

fn invalid_routing(what: &str, received: &str) -> ServiceError {
    ServiceError::new("ValidationException", format!("{what} {received}"))
        .with_field("reason", "INVALID_ROUTING_CONFIGURATION")
}

impl States {
    /// CreateStateMachineAlias. The same again is the same alias; whatever differs conflicts
    /// (recorded, also for the description alone).
    pub(super) async fn create_state_machine_alias(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let name = call.required("name")?.to_owned();
        let Routed { key, routing, .. } = Routed::of(call)?;
        let description = call.text("description").map(str::to_owned);
        let (now, aliases_max) = (call.now, self.limits.aliases_max);
        let create = move |machine: &mut StateMachine| {
            machine.check_active()?;
            if let Some(alias) = machine.alias(&name) {
                let is_same = alias.description == description && alias.routing.is_same(&routing);
                return match is_same {
                    true => Ok(created(machine, alias)),
                    false => Err(different_alias()),
                };
            }
            machine.check_routing(&routing)?;
            if machine.aliases.len() >= aliases_max {
                return Err(too_many(machine, aliases_max));
            }
            machine.aliases_created += 1;
            let alias = Alias {
                number: machine.aliases_created,
                name: name.clone(),
                description: description.clone(),
                routing: routing.clone(),
                created_ms: now.0,
                updated_ms: now.0,
            };
            let answer = created(machine, &alias);
            machine.aliases.push(alias);
            Ok(answer)
        };
        let done = self
            .documents
            .change(Kind::StateMachine, &key, create)
            .await?;
        done.ok_or_else(missing_reference)?
    }

    pub(super) async fn update_state_machine_alias(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let named = arn::alias(call, "stateMachineAliasArn")?;
        let description = call.text("description").map(str::to_owned);
        let routed = match call.input.get("routingConfiguration") {
            Some(_) => Some(Routed::of(call)?),
            None => None,
        };
        if description.is_none() && routed.is_none() {
            let message = "Either the description or the RoutingConfiguration must be specified";
            return Err(ServiceError::new("ValidationException", message)
                .with_field("reason", "MISSING_REQUIRED_PARAMETER"));
        }
        let (key, name) = named.ok_or_else(missing_reference)?;
        if let Some(routed) = &routed
            && routed.key != key
        {
            let what = "Routing configuration must contain versions of the alias's state machine.";
            return Err(invalid_routing(what, &routed.received));
        }
        let now = call.now;
        let forgetting = self.cache.forget_afterwards(&machine_arn(call, &key));
        // The same again is answered as it was (API reference, "idempotent API").
        let update = move |machine: &mut StateMachine| -> Result<i64, ServiceError> {
            let _until_changed = &forgetting;
            machine.check_active()?;
            if let Some(routed) = &routed {
                machine.check_routing(&routed.routing)?;
            }
            let named = machine.aliases.iter_mut().find(|alias| alias.name == name);
            let alias = named.ok_or_else(missing_reference)?;
            let mut next = alias.clone();
            if let Some(description) = &description {
                next.description = Some(description.clone());
            }
            if let Some(routed) = &routed {
                next.routing = routed.routing.clone();
            }
            if next != *alias {
                next.updated_ms = now.0;
                *alias = next;
            }
            Ok(alias.updated_ms)
        };
        let done = self
            .documents
            .change(Kind::StateMachine, &key, update)
            .await?;
        let updated_ms = done.ok_or_else(missing_reference)??;
        Ok(ObjectBuilder::new()
            .add("updateDate", epoch_seconds(Timestamp(updated_ms)))
            .into())
    }

    pub(super) async fn describe_state_machine_alias(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let text = call.required("stateMachineAliasArn")?;
        let (key, name) =
            arn::alias(call, "stateMachineAliasArn")?.ok_or_else(missing_reference)?;
        let machine = self.machine(&key).await?.ok_or_else(missing_reference)?;
        let alias = machine.alias(&name).ok_or_else(missing_reference)?;
        let mut shown = ObjectBuilder::new();
        shown
            .add("stateMachineAliasArn", text)
            .add("name", alias.name.as_str());
        if let Some(description) = &alias.description {
            shown.add("description", description.as_str());
        }
        shown
            .add("routingConfiguration", alias.routing.shown(&machine))
            .add("creationDate", epoch_seconds(Timestamp(alias.created_ms)))
            .add("updateDate", epoch_seconds(Timestamp(alias.updated_ms)));
        Ok((&mut shown).into())
    }

    /// DeleteStateMachineAlias. One that does not exist is deleted already (recorded).
    pub(super) async fn delete_state_machine_alias(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let Some((key, name)) = arn::alias(call, "stateMachineAliasArn")? else {
            return Ok(Answer::empty());
        };
        let forgetting = self.cache.forget_afterwards(&machine_arn(call, &key));
        let delete = move |machine: &mut StateMachine| {
            let _until_deleted = &forgetting;
            machine.aliases.retain(|alias| alias.name != name);
            Ok::<(), ServiceError>(())
        };
        let deleted = self.documents.change(Kind::StateMachine, &key, delete);
        deleted.await?.unwrap_or(Ok(()))?;
        Ok(Answer::empty())
    }

    /// ListStateMachineAliases: of a machine, or those that lead to one of its versions; the oldest
    /// first (recorded).
    pub(super) async fn list_state_machine_aliases(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let text = call.required("stateMachineArn")?;
        let not_found = || state_machine_does_not_exist(text);
        let (key, version) = match arn::machine(call, "stateMachineArn")? {
            Machine::Here(key) => (key, None),
            Machine::Qualified(key, Qualifier::Version(version)) => (key, Some(version)),
            Machine::Qualified(..) | Machine::Elsewhere => return Err(not_found()),
            Machine::Labelled => return Err(labelled(text)),
        };
        let pages = Pages::of(call, &format!("ListStateMachineAliases {text}"))?;
        let machine = self.machine(&key).await?.ok_or_else(not_found)?;
        machine.check_active()?;
        if version.is_some_and(|version| machine.version(version).is_none()) {
            return Err(missing_reference());
        }
        let is_listed =
            |alias: &&Alias| version.is_none_or(|number| alias.routing.leads_to(number));
        let item = |alias: &Alias| {
            let item = ObjectBuilder::new()
                .add("stateMachineAliasArn", machine.alias_arn(&alias.name))
                .add("creationDate", epoch_seconds(Timestamp(alias.created_ms)))
                .build();
            (alias.number, item.into())
        };
        let items = machine.aliases.iter().filter(is_listed).map(item);
        Ok(pages.oldest_first("stateMachineAliases", items))
    }
}

fn created(machine: &StateMachine, alias: &Alias) -> Answer {
    ObjectBuilder::new()
        .add("stateMachineAliasArn", machine.alias_arn(&alias.name))
        .add("creationDate", epoch_seconds(Timestamp(alias.created_ms)))
        .into()
}

fn different_alias() -> ServiceError {
    let message = "Failed to create alias because an alias with the same name and a different \
                   routing configuration already exists.";
    ServiceError::new("ConflictException", message)
}

fn too_many(machine: &StateMachine, aliases_max: usize) -> ServiceError {
    let message = format!(
        "The state machine '{}' has {aliases_max} aliases, as many as it may; delete some first.",
        machine.arn
    );
    ServiceError::new("ServiceQuotaExceededException", message)
}
