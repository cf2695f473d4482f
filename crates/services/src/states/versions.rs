//! Versions of state machines: PublishStateMachineVersion, ListStateMachineVersions,
//! DeleteStateMachineVersion, and `publish` of CreateStateMachine and UpdateStateMachine.

use asl::time::Timestamp;
use aws::ServiceError;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::Kind;

use super::arn::Machine;
use super::machine::{StateMachine, existing_key, labelled};
use super::pages::Pages;
use super::{States, arn, state_machine_does_not_exist};
use crate::call::epoch_seconds;
use crate::{Answer, Call};

/// A revision under a number. Part of the store's format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    /// From 1; never given again, also when the version is deleted.
    pub number: u32,
    /// Number of the revision it froze.
    pub definition: u64,
    /// Of that revision, so that a start need not read it.
    pub role_arn: String,
    pub created_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl StateMachine {
    /// The ARN of one of its versions.
    pub(super) fn version_arn(&self, number: u32) -> String {
        format!("{}:{number}", self.arn)
    }

    pub(super) fn version(&self, number: u32) -> Option<&Version> {
        let at = self
            .versions
            .binary_search_by_key(&number, |version| version.number);
        self.versions.get(at.ok()?)
    }

    /// The version of the current revision, if it was published.
    pub(super) fn current_version(&self) -> Option<&Version> {
        let is_current = |version: &&Version| version.definition == self.definition;
        self.versions.iter().rev().find(is_current)
    }

    /// Publishes the current revision, unless it is published already: then its version is answered
    /// as it is (API reference, "idempotent API"; recorded).
    pub(super) fn publish(
        &mut self,
        description: Option<&str>,
        now: Timestamp,
        versions_max: usize,
    ) -> Result<Version, ServiceError> {
        if let Some(version) = self.current_version() {
            return Ok(version.clone());
        }
        if self.versions.len() >= versions_max {
            let message = format!(
                "The state machine '{}' has {versions_max} versions, as many as it may; delete \
                 some first.",
                self.arn
            );
            return Err(ServiceError::new("ServiceQuotaExceededException", message));
        }
        self.versions_published += 1;
        let version = Version {
            number: self.versions_published,
            definition: self.definition,
            role_arn: self.role_arn.clone(),
            created_ms: now.0,
            description: description.map(str::to_owned),
        };
        self.versions.push(version.clone());
        Ok(version)
    }

    /// Refuses a `revisionId` that is not the current one.
    fn check_revision(&self, asked: Option<&str>) -> Result<(), ServiceError> {
        let current = self.revision_id.as_deref().unwrap_or(INITIAL);
        match asked {
            Some(asked) if asked != current => Err(ServiceError::new(
                "ConflictException",
                format!(
                    "Failed to publish the State Machine version for revision {asked}. The current \
                     State Machine revision is {current}."
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// The name of the revision that a machine was created with, which has no id (API reference of
/// PublishStateMachineVersion).
const INITIAL: &str = "INITIAL";

impl States {
    pub(super) async fn publish_state_machine_version(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let key = existing_key(call)?;
        let (now, versions_max) = (call.now, self.limits.versions_max);
        let revision_id = call.text("revisionId").map(str::to_owned);
        let description = call.text("description").map(str::to_owned);
        let publish = move |machine: &mut StateMachine| -> Result<_, ServiceError> {
            machine.check_active()?;
            machine.check_revision(revision_id.as_deref())?;
            let version = machine.publish(description.as_deref(), now, versions_max)?;
            Ok((machine.version_arn(version.number), version.created_ms))
        };
        let published = self
            .documents
            .change(Kind::StateMachine, &key, publish)
            .await?;
        let not_found = || state_machine_does_not_exist(call.text("stateMachineArn").unwrap_or(""));
        let (arn, created_ms) = published.ok_or_else(not_found)??;
        Ok(ObjectBuilder::new()
            .add("creationDate", epoch_seconds(Timestamp(created_ms)))
            .add("stateMachineVersionArn", arn)
            .into())
    }

    /// ListStateMachineVersions, the newest first. AWS does not say whether the state machine
    /// exists (its model has no such error here).
    pub(super) async fn list_state_machine_versions(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let text = call.required("stateMachineArn")?;
        let machine = match arn::machine(call, "stateMachineArn")? {
            Machine::Here(key) => self.machine(&key).await?,
            Machine::Qualified(..) | Machine::Elsewhere => None,
            Machine::Labelled => return Err(labelled(text)),
        };
        let pages = Pages::of(call, &format!("ListStateMachineVersions {text}"))?;
        let item = |machine: &StateMachine, version: &Version| {
            let item = ObjectBuilder::new()
                .add(
                    "stateMachineVersionArn",
                    machine.version_arn(version.number),
                )
                .add("creationDate", epoch_seconds(Timestamp(version.created_ms)))
                .build();
            (version.number, Value::from(item))
        };
        let items = machine.iter().flat_map(|machine| {
            let newest_first = machine.versions.iter().rev();
            newest_first.map(move |version| item(machine, version))
        });
        Ok(pages.newest_first("stateMachineVersions", items))
    }

    /// DeleteStateMachineVersion. One that does not exist is deleted already (recorded).
    pub(super) async fn delete_state_machine_version(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let Some((key, number)) = arn::version(call, "stateMachineVersionArn")? else {
            return Ok(Answer::empty());
        };
        let forgetting = self.cache.forget_afterwards(&machine_arn(call, &key));
        let delete = move |machine: &mut StateMachine| {
            let _until_deleted = &forgetting;
            let names = machine.aliases_of(number);
            if !names.is_empty() {
                let message = format!(
                    "Version to be deleted must not be referenced by an alias. Current list of \
                     aliases referencing this version: [{}]",
                    names.join(", ")
                );
                return Err(ServiceError::new("ConflictException", message));
            }
            machine.versions.retain(|version| version.number != number);
            Ok(())
        };
        let deleted = self.documents.change(Kind::StateMachine, &key, delete);
        deleted.await?.unwrap_or(Ok(()))?;
        Ok(Answer::empty())
    }
}

/// The unqualified ARN of the machine that has this key in the call's account and Region.
pub(super) fn machine_arn(call: &Call, key: &str) -> String {
    let name = key.rsplit('/').next().unwrap_or_default();
    arn::made(call, format!("stateMachine:{name}"))
}
