//! Activities: queues of tasks for workers outside.

use std::sync::Arc;

use asl::event::Text;
use asl::time::Timestamp;
use aws::ServiceError;
use engine::ActivityError;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::{Expected, Kind, Store};

use super::pages::Pages;
use super::tags::Tag;
use super::{States, arn, checked_name, engine_error, settings};
use crate::call::epoch_seconds;
use crate::{Answer, Call, documents};

/// An activity. Its tasks are those of executions; nothing of them is here. Part of the store's
/// format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Activity {
    pub name: String,
    pub arn: String,
    pub created_ms: i64,
    pub tags: Vec<Tag>,
}

impl States {
    /// The activity of a key, if there is one.
    pub(super) async fn activity(&self, key: &str) -> Result<Option<Activity>, ServiceError> {
        let found = self.documents.get(Kind::Activity, key).await?;
        Ok(found.map(|found| found.body))
    }

    /// CreateActivity. The same name again is the same activity; tags are not looked at then (API
    /// reference, "idempotent API").
    pub(super) async fn create_activity(&self, call: &Call) -> Result<Answer, ServiceError> {
        let name = checked_name(call.required("name")?)?;
        let (key, arn) = (
            arn::key(call, name),
            arn::made(call, format!("activity:{name}")),
        );
        let tags = self.first_tags(call, &arn)?;
        if let Some(existing) = self.activity(&key).await? {
            return created_before(call, &existing);
        }
        settings::check_encryption(call)?;
        let place = self
            .activities
            .place(&self.documents, arn::key(call, ""))
            .await?;
        let place = place.ok_or_else(|| self.too_many_activities())?;
        let activity = Activity {
            name: name.to_owned(),
            arn,
            created_ms: call.now.0,
            tags,
        };
        let create = move |store: &dyn Store, key: &str| {
            let is_new = documents::create(store, Kind::Activity, key, &activity)?;
            if is_new {
                place.taken();
            }
            Ok((is_new, activity))
        };
        let (is_new, activity) = self.documents.alone(&key, create).await?;
        if is_new {
            return Ok(created(&activity));
        }
        // Somebody created it at the same time.
        let existing = self.activity(&key).await?.unwrap_or(activity);
        created_before(call, &existing)
    }

    fn too_many_activities(&self) -> ServiceError {
        let message = format!(
            "The account has {} activities in this Region, as many as it may.",
            self.activities.max
        );
        ServiceError::new("ActivityLimitExceeded", message)
    }

    async fn existing_activity(&self, call: &Call) -> Result<Activity, ServiceError> {
        let found = match arn::activity(call)? {
            Some(key) => self.activity(&key).await?,
            None => None,
        };
        found.ok_or_else(|| activity_does_not_exist(call.text("activityArn").unwrap_or_default()))
    }

    pub(super) async fn describe_activity(&self, call: &Call) -> Result<Answer, ServiceError> {
        let activity = self.existing_activity(call).await?;
        let encryption = ObjectBuilder::new().add("type", "AWS_OWNED_KEY").build();
        Ok(shown(&activity)
            .add("encryptionConfiguration", encryption)
            .into())
    }

    /// DeleteActivity. One that does not exist is deleted already (recorded).
    pub(super) async fn delete_activity(&self, call: &Call) -> Result<Answer, ServiceError> {
        let Some(key) = arn::activity(call)? else {
            return Ok(Answer::empty());
        };
        let activities = Arc::clone(&self.activities);
        let prefix = arn::key(call, "");
        let (engine, arn) = (
            self.engine.clone(),
            call.required("activityArn")?.to_owned(),
        );
        let delete = move |store: &dyn Store, key: &str| {
            if store.delete_document(Kind::Activity, key, Expected::Any)? {
                activities.deleted(&prefix);
                engine.activity_deleted(&arn);
            }
            Ok(())
        };
        self.documents.alone(&key, delete).await?;
        Ok(Answer::empty())
    }

    pub(super) async fn list_activities(&self, call: &Call) -> Result<Answer, ServiceError> {
        let pages = Pages::of(call, "ListActivities")?;
        let show = |activity: Activity| Value::from(shown(&activity).build());
        pages
            .of_documents(&self.documents, Kind::Activity, "activities", show)
            .await
    }

    /// GetActivityTask: waits for a task; an empty answer when none came.
    pub(super) async fn get_activity_task(&self, call: &Call) -> Result<Answer, ServiceError> {
        let activity = self.existing_activity(call).await?;
        let worker_name = call.text("workerName").map(Text::from);
        let task = self
            .engine
            .activity_task(&activity.arn, worker_name, self.activity_wait)
            .await
            .map_err(|error| match &error {
                ActivityError::TooManyPollers => {
                    ServiceError::new("ActivityWorkerLimitExceeded", error.to_string())
                }
                ActivityError::DoesNotExist(arn) => activity_does_not_exist(arn),
                ActivityError::Engine(error) => engine_error(error),
            })?;
        Ok(match task {
            Some(task) => ObjectBuilder::new()
                .add("taskToken", task.task_token)
                .add("input", task.input.to_text())
                .into(),
            None => Answer::empty(),
        })
    }
}

/// The answer to a repeated CreateActivity. An activity keeps the encryption it was created with.
fn created_before(call: &Call, existing: &Activity) -> Result<Answer, ServiceError> {
    match settings::is_customer_managed(call) {
        false => {
            settings::check_encryption(call)?;
            Ok(created(existing))
        }
        true => {
            let message = format!("Activity Already Exists: '{}'", existing.arn);
            Err(ServiceError::new("ActivityAlreadyExists", message))
        }
    }
}

fn created(activity: &Activity) -> Answer {
    let created_at = epoch_seconds(Timestamp(activity.created_ms));
    ObjectBuilder::new()
        .add("activityArn", activity.arn.as_str())
        .add("creationDate", created_at)
        .into()
}

/// An `ActivityListItem`.
fn shown(activity: &Activity) -> ObjectBuilder {
    let mut shown = ObjectBuilder::new();
    shown
        .add("activityArn", activity.arn.as_str())
        .add("name", activity.name.as_str())
        .add(
            "creationDate",
            epoch_seconds(Timestamp(activity.created_ms)),
        );
    shown
}

fn activity_does_not_exist(arn: &str) -> ServiceError {
    ServiceError::new(
        "ActivityDoesNotExist",
        format!("Activity Does Not Exist: '{arn}'"),
    )
}
