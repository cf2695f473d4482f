//! CreateStateMachine, DescribeStateMachine, UpdateStateMachine, DeleteStateMachine,
//! ListStateMachines.

use std::sync::Arc;

use asl::compile::compile;
use asl::definition::{MachineType, invalid_definition_message};
use asl::time::Timestamp;
use aws::{Arn, ServiceError};
use json::{ObjectBuilder, Value};
use store::{Expected, Kind};
use uuid::Uuid;

use super::arn::{self, Machine};
use super::machine::{Revision, StateMachine, existing_key, labelled};
use super::settings::{self, Logging};
use super::tags;
use super::{
    Integrations, States, checked_name, invalid_token, page_items, state_machine_does_not_exist,
};
use crate::call::epoch_seconds;
use crate::{Answer, Call, page};

impl States {
    pub(super) async fn create_state_machine(&self, call: &Call) -> Result<Answer, ServiceError> {
        let name = checked_name(call.required("name")?)?;
        let role_arn = arn::role(call.required("roleArn")?)?;
        settings::check_type(call)?;
        settings::check(call)?;
        let arn = Arn::states(
            arn::PARTITION,
            &call.region,
            &call.account,
            format!("stateMachine:{name}"),
        );
        let arn = arn.to_string();
        let tags = tags::merged(&arn, Vec::new(), tags::of(call.list("tags"))?)?;
        let revision = Arc::new(Revision {
            definition: call.required("definition")?.to_owned(),
            role_arn: role_arn.to_owned(),
            logging: Logging::of(call)?.unwrap_or_default(),
            revision_id: None,
            updated_ms: call.now.0,
        });
        self.check_definition(&revision).await?;
        let key = arn::key(call, name);
        if let Some(machine) = self.machine(&key).await? {
            return self.created_before(&machine, &revision).await;
        }
        let machine = StateMachine {
            name: name.to_owned(),
            arn,
            created_ms: call.now.0,
            definition: self.add_revision(&revision).await?,
            role_arn: role_arn.to_owned(),
            tags,
        };
        if self
            .documents
            .create(Kind::StateMachine, &key, &machine)
            .await?
        {
            return Ok(created(&machine));
        }
        // Somebody created it at the same time; if it is gone again, the caller has to choose.
        match self.machine(&key).await? {
            Some(machine) => self.created_before(&machine, &revision).await,
            None => Err(conflict(&machine.arn)),
        }
    }

    /// The answer to a repeated CreateStateMachine: role and tags may differ and are not applied,
    /// nothing else may (API reference, "idempotent API").
    async fn created_before(
        &self,
        machine: &StateMachine,
        asked: &Revision,
    ) -> Result<Answer, ServiceError> {
        let current = self.revision(machine.definition).await?;
        if current.definition == asked.definition && current.logging == asked.logging {
            return Ok(created(machine));
        }
        let message = format!("State Machine Already Exists: '{}'", machine.arn);
        Err(ServiceError::new("StateMachineAlreadyExists", message))
    }

    /// Refuses a definition that does not compile. Compiling takes milliseconds for large ones, so
    /// it is no work for a thread that runs futures.
    async fn check_definition(&self, revision: &Arc<Revision>) -> Result<(), ServiceError> {
        let revision = Arc::clone(revision);
        let work = move || compile(&revision.definition, MachineType::Standard, &Integrations);
        let compiled = self.documents.blocking(move |_| Ok(work())).await?;
        match compiled.program {
            Some(_) => Ok(()),
            None => {
                let message = invalid_definition_message(&compiled.diagnostics);
                Err(ServiceError::new("InvalidDefinition", message))
            }
        }
    }

    pub(super) async fn describe_state_machine(&self, call: &Call) -> Result<Answer, ServiceError> {
        let text = call.required("stateMachineArn")?;
        let not_found = || state_machine_does_not_exist(text);
        // Labelled ARNs are taken here, but there is no distributed Map that would make one.
        let Machine::Here(key) = arn::machine(call, "stateMachineArn")? else {
            return Err(not_found());
        };
        let machine = self.machine(&key).await?.ok_or_else(not_found)?;
        let revision = self.revision(machine.definition).await?;
        let mut shown = ObjectBuilder::new();
        shown
            .add("stateMachineArn", machine.arn)
            .add("name", machine.name)
            .add("status", "ACTIVE")
            .add("roleArn", revision.role_arn.as_str())
            .add("type", "STANDARD")
            .add("creationDate", epoch_seconds(Timestamp(machine.created_ms)));
        self.show_revision(revision, call, &mut shown).await?;
        Ok((&mut shown).into())
    }

    pub(super) async fn update_state_machine(&self, call: &Call) -> Result<Answer, ServiceError> {
        let key = existing_key(call)?;
        let asked = Change::of(call)?;
        let not_found = || state_machine_does_not_exist(call.text("stateMachineArn").unwrap_or(""));
        let machine = self.machine(&key).await?.ok_or_else(not_found)?;
        let current = self.revision(machine.definition).await?;
        let revision = Arc::new(asked.applied_to(&current, call.now));
        self.check_definition(&revision).await?;
        if *revision == current {
            return Ok(updated(call.now, &current));
        }
        let (old, new) = (machine.definition, self.add_revision(&revision).await?);
        let role_arn = revision.role_arn.clone();
        let forgetting = self.cache.forget_afterwards(&machine.arn);
        let change = move |machine: &mut StateMachine| {
            let _until_changed = &forgetting;
            if machine.definition != old {
                return Err(conflict(&machine.arn));
            }
            machine.definition = new;
            machine.role_arn.clone_from(&role_arn);
            Ok(())
        };
        let changed = self
            .documents
            .change(Kind::StateMachine, &key, change)
            .await?;
        changed.ok_or_else(not_found)??;
        Ok(updated(call.now, &revision))
    }

    /// DeleteStateMachine. Executions under way go on with the revision they started with.
    pub(super) async fn delete_state_machine(&self, call: &Call) -> Result<Answer, ServiceError> {
        let text = call.required("stateMachineArn")?;
        let key = match arn::machine(call, "stateMachineArn")? {
            Machine::Here(key) => key,
            Machine::Nowhere => return Ok(Answer::empty()),
            Machine::Labelled => return Err(labelled(text)),
        };
        let forgetting = self.cache.forget_afterwards(text);
        self.documents
            .blocking(move |store| {
                let _until_deleted = forgetting;
                Ok(store.delete_document(Kind::StateMachine, &key, Expected::Any)?)
            })
            .await?;
        Ok(Answer::empty())
    }

    pub(super) async fn list_state_machines(&self, call: &Call) -> Result<Answer, ServiceError> {
        let prefix = arn::key(call, "");
        let request = format!("ListStateMachines {prefix}");
        let after = call
            .text("nextToken")
            .map(|token| page::position(&request, token, call.now).ok_or_else(invalid_token));
        let after = after.transpose()?;
        let items = page_items(call);
        // One more than asked for tells whether there is a next page.
        let mut found = self
            .documents
            .list::<StateMachine>(Kind::StateMachine, &prefix, after.as_deref(), items + 1)
            .await?;
        let more = found.len() > items;
        found.truncate(items);
        let last = found
            .last()
            .map(|(key, _)| page::token(&request, key, call.now));
        let machines = found.into_iter().map(|(_, machine)| listed(machine));
        let mut answer = ObjectBuilder::new();
        answer.add("stateMachines", machines.collect::<Value>());
        if let Some(token) = last.filter(|_| more) {
            answer.add("nextToken", token);
        }
        Ok((&mut answer).into())
    }
}

/// What UpdateStateMachine asks to be changed; `None` stays as it is.
struct Change {
    definition: Option<String>,
    role_arn: Option<String>,
    logging: Option<Logging>,
}

impl Change {
    fn of(call: &Call) -> Result<Change, ServiceError> {
        settings::check(call)?;
        let role_arn = call
            .text("roleArn")
            .map(arn::role)
            .transpose()?
            .map(str::to_owned);
        let definition = call.text("definition").map(str::to_owned);
        let logging = Logging::of(call)?;
        let is_given = |member| call.object(member).is_some();
        // Of these two only the default is served, so they never change anything.
        let defaults = is_given("tracingConfiguration") || is_given("encryptionConfiguration");
        if definition.is_none() && role_arn.is_none() && logging.is_none() && !defaults {
            let message = "Either the definition, the role ARN, the LoggingConfiguration, or the \
                           TracingConfiguration must be specified";
            return Err(ServiceError::new("MissingRequiredParameter", message));
        }
        Ok(Change {
            definition,
            role_arn,
            logging,
        })
    }

    /// The next revision, which has a fresh id; or the current one if nothing would change.
    fn applied_to(self, current: &Revision, now: Timestamp) -> Revision {
        let mut next = current.clone();
        next.definition = self.definition.unwrap_or(next.definition);
        next.role_arn = self.role_arn.unwrap_or(next.role_arn);
        next.logging = self.logging.unwrap_or(next.logging);
        if next != *current {
            next.revision_id = Some(Uuid::new_v4().to_string());
            next.updated_ms = now.0;
        }
        next
    }
}

fn created(machine: &StateMachine) -> Answer {
    ObjectBuilder::new()
        .add("stateMachineArn", machine.arn.as_str())
        .add("creationDate", epoch_seconds(Timestamp(machine.created_ms)))
        .into()
}

/// The answer to an update, also to one that changed nothing.
fn updated(now: Timestamp, revision: &Revision) -> Answer {
    let mut answer = ObjectBuilder::new();
    answer.add("updateDate", epoch_seconds(now));
    if let Some(id) = &revision.revision_id {
        answer.add("revisionId", id.as_str());
    }
    (&mut answer).into()
}

fn listed(machine: StateMachine) -> Value {
    ObjectBuilder::new()
        .add("stateMachineArn", machine.arn)
        .add("name", machine.name)
        .add("type", "STANDARD")
        .add("creationDate", epoch_seconds(Timestamp(machine.created_ms)))
        .build()
        .into()
}

fn conflict(arn: &str) -> ServiceError {
    let message = format!("The state machine '{arn}' was changed at the same time; try again.");
    ServiceError::new("ConflictException", message)
}
