//! CreateStateMachine, DescribeStateMachine, ListStateMachines.

use std::sync::Arc;

use asl::compile::compile;
use asl::definition::{MachineType, invalid_definition_message};
use asl::program::Program;
use asl::time::Timestamp;
use aws::ServiceError;
use json::{ObjectBuilder, Value};
use serde::Deserialize;
use store::{Kind, Store};

use super::arn::{self, Machine, Qualifier};
use super::concurrency;
use super::logging::Logging;
use super::machine::{Revision, StateMachine, type_name};
use super::pages::Pages;
use super::settings;
use super::{Integrations, States, checked_name, state_machine_does_not_exist};
use crate::call::epoch_seconds;
use crate::{Answer, Call, documents};

impl States {
    pub(super) async fn create_state_machine(&self, call: &Call) -> Result<Answer, ServiceError> {
        let name = checked_name(call.required("name")?)?;
        let role_arn = arn::role(call.required("roleArn")?)?;
        let publication = settings::publication(call)?;
        settings::check_encryption(call)?;
        let is_express = call.text("type") == Some("EXPRESS");
        let arn = arn::made(call, format!("stateMachine:{name}"));
        let tags = self.first_tags(call, &arn)?;
        concurrency::check(&tags, is_express)?;
        let revision = Arc::new(Revision {
            definition: settings::definition(call.required("definition")?)?.to_owned(),
            role_arn: role_arn.to_owned(),
            logging: Logging::of(call)?.unwrap_or_default(),
            tracing: settings::tracing(call)?.unwrap_or_default(),
            revision_id: None,
            updated_ms: call.now.0,
        });
        let mut machine = StateMachine {
            name: name.to_owned(),
            arn,
            created_ms: call.now.0,
            is_express,
            created_with: publication,
            definition: 0,
            role_arn: role_arn.to_owned(),
            revision_id: None,
            versions: Vec::new(),
            versions_published: 0,
            aliases: Vec::new(),
            aliases_created: 0,
            tags,
            is_deleting: false,
        };
        self.check(call, &machine, &revision).await?;
        let key = arn::key(call, name);
        if let Some(existing) = self.machine(&key).await? {
            return self.created_before(&existing, &machine, &revision).await;
        }
        let place = self
            .machines
            .place(&self.documents, arn::key(call, ""))
            .await?;
        let place = place.ok_or_else(|| self.too_many_machines())?;
        self.validate_delivery(call, &revision.logging).await;
        machine.definition = self.add_revision(&revision).await?;
        if machine.created_with.publish {
            let description = machine.created_with.description.clone();
            machine.publish(description.as_deref(), call.now, self.limits.versions_max)?;
        }
        let machine = Arc::new(machine);
        let (new, engine) = (Arc::clone(&machine), self.engine.clone());
        let create = move |store: &dyn Store, key: &str| {
            if !documents::create(store, Kind::StateMachine, key, &*new)? {
                return Ok(None);
            }
            place.taken();
            // Executions of a machine of that name may still be there, and wait under its limit.
            engine.set_concurrency(&new.arn, concurrency::limit(&new.tags));
            engine.machine_created(&new.arn);
            Ok(Some(created(&new)))
        };
        if let Some(created) = self.documents.alone(&key, create).await? {
            return Ok(created);
        }
        // Somebody created it at the same time; if it is gone again, the caller has to choose.
        match self.machine(&key).await? {
            Some(existing) => self.created_before(&existing, &machine, &revision).await,
            None => Err(conflict(&machine.arn)),
        }
    }

    /// Refuses a machine whose definition does not compile, or whose role will not do.
    async fn check(
        &self,
        call: &Call,
        machine: &StateMachine,
        revision: &Arc<Revision>,
    ) -> Result<(), ServiceError> {
        let program = self
            .check_definition(revision, machine.machine_type())
            .await?;
        let role_arn = &machine.role_arn;
        self.pass_role(call, role_arn, &machine.arn).await?;
        self.check_managed_rule(call, role_arn, &program).await?;
        self.check_logging(call, &revision.logging, role_arn).await
    }

    /// The answer to a repeated CreateStateMachine: role and tags may differ and are not applied,
    /// nothing else may (API reference, "idempotent API").
    async fn created_before(
        &self,
        existing: &StateMachine,
        asked: &StateMachine,
        revision: &Revision,
    ) -> Result<Answer, ServiceError> {
        existing.check_active()?;
        let current = self.revision(existing.definition).await?;
        if current.definition == revision.definition
            && current.logging == revision.logging
            && current.tracing == revision.tracing
            && existing.is_express == asked.is_express
            && existing.created_with == asked.created_with
        {
            return Ok(created(existing));
        }
        let message = format!("State Machine Already Exists: '{}'", existing.arn);
        Err(ServiceError::new("StateMachineAlreadyExists", message))
    }

    /// Compiles a definition, or refuses it. Compiling takes milliseconds for large ones, so
    /// it is no work for a thread that runs futures.
    pub(super) async fn check_definition(
        &self,
        revision: &Arc<Revision>,
        machine_type: MachineType,
    ) -> Result<Program, ServiceError> {
        let compiling = Arc::clone(revision);
        let work = move || compile(&compiling.definition, machine_type, &Integrations);
        let compiled = self.documents.blocking(move |_| Ok(work())).await?;
        compiled.program.ok_or_else(|| {
            let message = invalid_definition_message(&revision.definition, &compiled.diagnostics);
            ServiceError::new("InvalidDefinition", message)
        })
    }

    fn too_many_machines(&self) -> ServiceError {
        let message = format!(
            "The account has {} state machines in this Region, as many as it may.",
            self.machines.max
        );
        ServiceError::new("StateMachineLimitExceeded", message)
    }

    /// DescribeStateMachine of a machine or one of its versions, shown as it was published.
    pub(super) async fn describe_state_machine(&self, call: &Call) -> Result<Answer, ServiceError> {
        let text = call.required("stateMachineArn")?;
        let not_found = || state_machine_does_not_exist(text);
        let (key, number) = match arn::machine(call, "stateMachineArn")? {
            Machine::Here(key) => (key, None),
            Machine::Qualified(key, Qualifier::Version(number)) => (key, Some(number)),
            // Labelled ARNs are taken here, but there is no distributed Map that would make one.
            Machine::Qualified(..) | Machine::Elsewhere | Machine::Labelled => {
                return Err(not_found());
            }
        };
        let machine = self.machine(&key).await?.ok_or_else(not_found)?;
        let version = match number {
            Some(number) => Some(machine.version(number).ok_or_else(not_found)?),
            None => None,
        };
        let definition = version.map_or(machine.definition, |version| version.definition);
        let created_ms = version.map_or(machine.created_ms, |version| version.created_ms);
        let revision = self.revision(definition).await?;
        let status = match machine.is_deleting {
            true => "DELETING",
            false => "ACTIVE",
        };
        let mut shown = ObjectBuilder::new();
        shown
            .add("stateMachineArn", text)
            .add("name", machine.name.as_str())
            .add("status", status)
            .add("roleArn", revision.role_arn.as_str())
            .add("type", type_name(machine.is_express))
            .add("creationDate", epoch_seconds(Timestamp(created_ms)));
        if let Some(description) = version.and_then(|version| version.description.as_deref()) {
            shown.add("description", description);
        }
        self.show_revision(revision, call, &mut shown).await?;
        Ok((&mut shown).into())
    }

    pub(super) async fn list_state_machines(&self, call: &Call) -> Result<Answer, ServiceError> {
        let pages = Pages::of(call, "ListStateMachines")?;
        let show = |machine: Listed| machine.shown();
        pages
            .of_documents(&self.documents, Kind::StateMachine, "stateMachines", show)
            .await
    }
}

fn created(machine: &StateMachine) -> Answer {
    let mut answer = ObjectBuilder::new();
    answer
        .add("stateMachineArn", machine.arn.as_str())
        .add("creationDate", epoch_seconds(Timestamp(machine.created_ms)));
    if machine.created_with.publish {
        // Also when the call is repeated after that version was deleted: the answer is the same.
        answer.add("stateMachineVersionArn", machine.version_arn(1));
    }
    (&mut answer).into()
}

/// What a list reads of a [`StateMachine`], which may have a thousand versions.
#[derive(Deserialize)]
struct Listed {
    name: String,
    arn: String,
    created_ms: i64,
    is_express: bool,
}

impl Listed {
    fn shown(&self) -> Value {
        ObjectBuilder::new()
            .add("stateMachineArn", self.arn.as_str())
            .add("name", self.name.as_str())
            .add("type", type_name(self.is_express))
            .add("creationDate", epoch_seconds(Timestamp(self.created_ms)))
            .build()
            .into()
    }
}

pub(super) fn conflict(arn: &str) -> ServiceError {
    let message = format!("The state machine '{arn}' was changed at the same time; try again.");
    ServiceError::new("ConflictException", message)
}
