//! State machines in the store: a document for each, and immutable revisions.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use asl::compile::compile;
use asl::definition::MachineType;
use asl::event::Text;
use asl::time::Timestamp;
use aws::ServiceError;
use json::{Object, ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::{Kind, Store};

use super::aliases::Alias;
use super::arn::Machine;
use super::logging::Logging;
use super::tags::Tag;
use super::versions::Version;
use super::{Integrations, States, arn, lost_revision, state_machine_does_not_exist};
use crate::Call;
use crate::call::epoch_seconds;
use crate::documents::{self, Found};

/// A state machine as it is now, with its versions and aliases: they change together or not at all.
/// Part of the store's format.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StateMachine {
    pub name: String,
    pub arn: String,
    pub created_ms: i64,
    pub is_express: bool,
    /// What CreateStateMachine was asked to publish, which a repeated call must repeat.
    pub created_with: Publication,
    /// Number of the current [`Revision`].
    pub definition: u64,
    /// Of the current revision, so that a start need not read it.
    pub role_arn: String,
    /// Of the current revision; absent until the first update that changes something.
    pub revision_id: Option<String>,
    /// By rising numbers.
    pub versions: Vec<Version>,
    /// The number of the latest version, deleted or not.
    pub versions_published: u32,
    /// The oldest first.
    pub aliases: Vec<Alias>,
    /// The number of the latest alias, deleted or not.
    pub aliases_created: u32,
    /// In the order they were first given; keys are unique.
    pub tags: Vec<Tag>,
    /// DeleteStateMachine was called, and executions are open, or were when it was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_deleting: bool,
}

/// `publish` and `versionDescription` of CreateStateMachine and UpdateStateMachine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Publication {
    pub publish: bool,
    pub description: Option<String>,
}

impl StateMachine {
    /// The state machine of an unqualified ARN, if there is one. Blocks while the store reads.
    pub(super) fn of_arn(
        store: &dyn Store,
        arn: &str,
    ) -> Result<Option<StateMachine>, documents::Error> {
        let found = documents::read(store, Kind::StateMachine, &key_of_arn(arn))?;
        Ok(found.map(|found| found.body))
    }

    /// Refuses what is not done to a machine that is being deleted.
    pub(super) fn check_active(&self) -> Result<(), ServiceError> {
        match self.is_deleting {
            true => Err(state_machine_deleting(&self.arn)),
            false => Ok(()),
        }
    }

    pub(super) fn machine_type(&self) -> MachineType {
        match self.is_express {
            true => MachineType::Express,
            false => MachineType::Standard,
        }
    }
}

/// The key of the machine that has this unqualified ARN.
pub(super) fn key_of_arn(arn: &str) -> String {
    let name = arn.rsplit(':').next().unwrap_or_default();
    arn::key_in(engine::arn::account(arn), engine::arn::region(arn), name)
}

/// The text is unverified: it is made like those of its kin.
pub(super) fn state_machine_deleting(arn: &str) -> ServiceError {
    let message = format!("State Machine is being deleted: '{arn}'");
    ServiceError::new("StateMachineDeleting", message)
}

/// `type`, in AWS's word.
pub(super) fn type_name(is_express: bool) -> &'static str {
    match is_express {
        true => "EXPRESS",
        false => "STANDARD",
    }
}

/// What an execution keeps of its state machine to its end. Immutable, numbered by the store, and
/// part of its format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Revision {
    /// The text as it was given, byte for byte.
    pub definition: String,
    pub role_arn: String,
    pub logging: Logging,
    /// Whether its executions are traced.
    #[serde(default)]
    pub tracing: bool,
    /// Absent until the first update that changes something.
    pub revision_id: Option<String>,
    /// When this revision was made.
    pub updated_ms: i64,
}

impl Revision {
    /// The revision of a number. Blocks while the store reads.
    pub(super) fn read(
        store: &dyn Store,
        number: u64,
    ) -> Result<Option<Revision>, documents::Error> {
        let Some(body) = store.definition(number)? else {
            return Ok(None);
        };
        let revision = serde_json::from_slice(&body).map_err(|error| damaged(number, &error))?;
        Ok(Some(revision))
    }

    /// Adds this revision to the store and gives its number. Blocks while the store writes.
    pub(super) fn add(&self, store: &dyn Store) -> Result<u64, documents::Error> {
        let body = serde_json::to_vec(self).map_err(|error| damaged(0, &error))?;
        Ok(store.add_definition(&body)?)
    }

    /// The settings that DescribeStateMachine and DescribeStateMachineForExecution share.
    fn show_settings(&self, shown: &mut ObjectBuilder) {
        shown.add("loggingConfiguration", self.logging.shown());
        let tracing = ObjectBuilder::new().add("enabled", self.tracing).build();
        shown.add("tracingConfiguration", tracing);
        let encryption = ObjectBuilder::new().add("type", "AWS_OWNED_KEY").build();
        shown.add("encryptionConfiguration", encryption);
        if let Some(id) = &self.revision_id {
            shown.add("revisionId", id.as_str());
        }
    }

    /// `variableReferences`: for each state that reads variables, which. Absent when none does
    /// (recorded). They are not stored, so that they are always those of the definition.
    fn variable_references(&self) -> Option<Object> {
        let compiled = compile(&self.definition, MachineType::Standard, &Integrations);
        let references = compiled.program?.variable_references;
        let of_state = |(state, names): &(Text, Vec<Text>)| {
            let names: Value = names.iter().map(|name| Value::from(&**name)).collect();
            (json::Text::from(&**state), names)
        };
        (!references.is_empty()).then(|| references.iter().map(of_state).collect())
    }

    /// `updateDate`.
    pub(super) fn update_date(&self) -> json::Value {
        epoch_seconds(Timestamp(self.updated_ms))
    }
}

fn damaged(number: u64, error: &serde_json::Error) -> documents::Error {
    documents::Error::Damaged {
        key: format!("definition {number}"),
        cause: error.to_string(),
    }
}

impl States {
    /// The state machine of a key, if there is one.
    pub(super) async fn machine(&self, key: &str) -> Result<Option<StateMachine>, ServiceError> {
        let found = self.documents.get::<StateMachine>(Kind::StateMachine, key);
        let Some(Found { revision, body }) = found.await? else {
            return Ok(None);
        };
        if body.is_deleting && self.finish_deletion(key, &body, revision).await? {
            return Ok(None);
        }
        Ok(Some(body))
    }

    /// The ARN of the existing machine that `stateMachineArn` names, which must be unqualified.
    pub(crate) async fn existing_arn(&self, call: &Call) -> Result<String, ServiceError> {
        let machine = self.machine(&existing_key(call)?).await?;
        let machine = machine.ok_or_else(|| {
            state_machine_does_not_exist(call.text("stateMachineArn").unwrap_or_default())
        })?;
        Ok(machine.arn)
    }

    /// A revision that a machine or an execution names.
    pub(super) async fn revision(&self, number: u64) -> Result<Revision, ServiceError> {
        let revision = self
            .documents
            .blocking(move |store| Revision::read(store, number))
            .await?;
        revision.ok_or_else(|| lost_revision(number))
    }

    /// Shows the members that DescribeStateMachine and DescribeStateMachineForExecution share.
    /// `METADATA_ONLY` replaces the definition by an empty one (API reference, "includedData") and
    /// leaves out what is read from it.
    pub(super) async fn show_revision(
        &self,
        revision: Revision,
        call: &Call,
        shown: &mut ObjectBuilder,
    ) -> Result<(), ServiceError> {
        revision.show_settings(shown);
        if call.text("includedData") == Some("METADATA_ONLY") {
            shown.add("definition", "{}");
            return Ok(());
        }
        shown.add("definition", revision.definition.as_str());
        // Compiling takes milliseconds for large definitions.
        let references = self
            .documents
            .blocking(move |_| Ok(revision.variable_references()))
            .await?;
        if let Some(references) = references {
            shown.add("variableReferences", references);
        }
        Ok(())
    }

    pub(super) async fn add_revision(&self, revision: &Arc<Revision>) -> Result<u64, ServiceError> {
        let revision = Arc::clone(revision);
        let adding = self.documents.blocking(move |store| revision.add(store));
        let number = adding.await?;
        self.last_definition.fetch_max(number, Ordering::SeqCst);
        Ok(number)
    }
}

/// The key of the state machine that `stateMachineArn` names, for operations that take unqualified
/// ARNs of existing machines.
pub(super) fn existing_key(call: &Call) -> Result<String, ServiceError> {
    let text = call.required("stateMachineArn")?;
    match arn::machine(call, "stateMachineArn")? {
        Machine::Here(key) => Ok(key),
        // Recorded for UpdateStateMachine of a version.
        Machine::Qualified(..) | Machine::Elsewhere => Err(state_machine_does_not_exist(text)),
        Machine::Labelled => Err(labelled(text)),
    }
}

/// The error for labelled ARNs. Its reason is of the model, its text is ours.
pub(super) fn labelled(arn: &str) -> ServiceError {
    let message = format!("This operation does not support labelled state machine ARNs: '{arn}'");
    ServiceError::new("ValidationException", message)
        .with_field("reason", "API_DOES_NOT_SUPPORT_LABELED_ARNS")
}
