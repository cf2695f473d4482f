//! UpdateStateMachine.

use std::sync::Arc;

use asl::time::Timestamp;
use aws::ServiceError;
use json::ObjectBuilder;
use store::Kind;
use uuid::Uuid;

use super::logging::Logging;
use super::machine::{Publication, Revision, StateMachine, existing_key};
use super::settings;
use super::state_machine::conflict;
use super::{States, arn, state_machine_does_not_exist};
use crate::call::epoch_seconds;
use crate::{Answer, Call};

impl States {
    pub(super) async fn update_state_machine(&self, call: &Call) -> Result<Answer, ServiceError> {
        let key = existing_key(call)?;
        let asked = Change::of(call)?;
        let gives_role = asked.role_arn.is_some();
        let publication = settings::publication(call)?;
        let not_found = || state_machine_does_not_exist(call.text("stateMachineArn").unwrap_or(""));
        let machine = self.machine(&key).await?.ok_or_else(not_found)?;
        machine.check_active()?;
        let current = self.revision(machine.definition).await?;
        let revision = Arc::new(asked.applied_to(&current, call.now));
        let program = self
            .check_definition(&revision, machine.machine_type())
            .await?;
        if gives_role {
            self.pass_role(call, &revision.role_arn, &machine.arn)
                .await?;
        }
        self.check_managed_rule(call, &revision.role_arn, &program)
            .await?;
        let is_new = *revision != current;
        if gives_role || revision.logging != current.logging {
            self.check_logging(call, &revision.logging, &revision.role_arn)
                .await?;
        }
        if !is_new && !publication.publish {
            return Ok(updated(call.now, &revision, None));
        }
        if revision.logging != current.logging {
            self.validate_delivery(call, &revision.logging).await;
        }
        let old = machine.definition;
        let new = match is_new {
            true => self.add_revision(&revision).await?,
            false => old,
        };
        let forgetting = self.cache.forget_afterwards(&machine.arn);
        let (now, versions_max) = (call.now, self.limits.versions_max);
        let (role_arn, id) = (revision.role_arn.clone(), revision.revision_id.clone());
        let change = move |machine: &mut StateMachine| {
            let _until_changed = &forgetting;
            machine.check_active()?;
            if machine.definition != old {
                return Err(conflict(&machine.arn));
            }
            machine.definition = new;
            machine.role_arn.clone_from(&role_arn);
            machine.revision_id.clone_from(&id);
            let Publication {
                publish: true,
                description,
            } = &publication
            else {
                return Ok(None);
            };
            let version = machine.publish(description.as_deref(), now, versions_max)?;
            Ok(Some(machine.version_arn(version.number)))
        };
        let changed = self
            .documents
            .change(Kind::StateMachine, &key, change)
            .await?;
        let version_arn = changed.ok_or_else(not_found)??;
        Ok(updated(now, &revision, version_arn))
    }
}

/// What UpdateStateMachine asks to be changed; `None` stays as it is.
struct Change {
    definition: Option<String>,
    role_arn: Option<String>,
    logging: Option<Logging>,
    tracing: Option<bool>,
}

impl Change {
    fn of(call: &Call) -> Result<Change, ServiceError> {
        settings::check_encryption(call)?;
        let role_arn = call
            .text("roleArn")
            .map(arn::role)
            .transpose()?
            .map(str::to_owned);
        let definition = call
            .text("definition")
            .map(settings::definition)
            .transpose()?
            .map(str::to_owned);
        let logging = Logging::of(call)?;
        let tracing = settings::tracing(call)?;
        // Only the default is served, so it never changes anything.
        let encryption = call.object("encryptionConfiguration");
        let settings = logging.is_some() || tracing.is_some() || encryption.is_some();
        if definition.is_none() && role_arn.is_none() && !settings {
            let message = "Either the definition, the role ARN, the LoggingConfiguration, or the \
                           TracingConfiguration must be specified";
            return Err(ServiceError::new("MissingRequiredParameter", message));
        }
        Ok(Change {
            definition,
            role_arn,
            logging,
            tracing,
        })
    }

    /// The next revision, which has a fresh id; or the current one if nothing would change.
    fn applied_to(self, current: &Revision, now: Timestamp) -> Revision {
        let mut next = current.clone();
        next.definition = self.definition.unwrap_or(next.definition);
        next.role_arn = self.role_arn.unwrap_or(next.role_arn);
        next.logging = self.logging.unwrap_or(next.logging);
        next.tracing = self.tracing.unwrap_or(next.tracing);
        if next != *current {
            next.revision_id = Some(Uuid::new_v4().to_string());
            next.updated_ms = now.0;
        }
        next
    }
}

/// The answer to an update, also to one that changed nothing.
fn updated(now: Timestamp, revision: &Revision, version_arn: Option<String>) -> Answer {
    let mut answer = ObjectBuilder::new();
    answer.add("updateDate", epoch_seconds(now));
    if let Some(id) = &revision.revision_id {
        answer.add("revisionId", id.as_str());
    }
    if let Some(arn) = version_arn {
        answer.add("stateMachineVersionArn", arn);
    }
    (&mut answer).into()
}
