//! TagResource, UntagResource, ListTagsForResource.

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::Kind;

use super::machine::StateMachine;
use super::{States, arn};
use crate::{Answer, Call};

/// Step Functions developer guide, "Quotas related to tagging".
const TAGS_MAX: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tag {
    pub key: String,
    pub value: String,
}

/// The tags of a request.
pub(super) fn of(list: &[Value]) -> Result<Vec<Tag>, ServiceError> {
    let text = |tag: &Value, member| {
        tag.get(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let tag = |item| Tag {
        key: text(item, "key"),
        value: text(item, "value"),
    };
    list.iter().map(|item| checked(tag(item))).collect()
}

/// Developer guide, "Tagging": letters, digits, white space and `_ . : / = + - @`; `aws:` is kept
/// for AWS. The texts are ours.
fn checked(tag: Tag) -> Result<Tag, ServiceError> {
    let allowed = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
    let refusal = if tag.key.is_empty() {
        "Tag keys must not be empty".to_owned()
    } else if tag.key.to_ascii_lowercase().starts_with("aws:") {
        format!(
            "Tag keys that begin with 'aws:' are reserved: '{}'",
            tag.key
        )
    } else if let Some(c) = tag
        .key
        .chars()
        .chain(tag.value.chars())
        .find(|c| !allowed(*c))
    {
        format!(
            "The tag '{}' contains a character that is not allowed: '{c}'",
            tag.key
        )
    } else {
        return Ok(tag);
    };
    Err(ServiceError::new("ValidationException", refusal))
}

/// `tags` with `more` laid over them.
pub(super) fn merged(
    arn: &str,
    mut tags: Vec<Tag>,
    more: Vec<Tag>,
) -> Result<Vec<Tag>, ServiceError> {
    for tag in more {
        match tags.iter_mut().find(|other| other.key == tag.key) {
            Some(other) => *other = tag,
            None => tags.push(tag),
        }
    }
    if tags.len() > TAGS_MAX {
        let message = format!("Too many tags: '{arn}' can have {TAGS_MAX} at most.");
        return Err(ServiceError::new("TooManyTags", message).with_field("resourceName", arn));
    }
    Ok(tags)
}

impl States {
    pub(super) async fn tag_resource(&self, call: &Call) -> Result<Answer, ServiceError> {
        let more = of(call.list("tags"))?;
        self.change_tags(call, move |machine| {
            machine.tags = merged(
                &machine.arn,
                std::mem::take(&mut machine.tags),
                more.clone(),
            )?;
            Ok(())
        })
        .await
    }

    pub(super) async fn untag_resource(&self, call: &Call) -> Result<Answer, ServiceError> {
        let keys = call.list("tagKeys").to_vec();
        self.change_tags(call, move |machine| {
            machine
                .tags
                .retain(|tag| !keys.iter().any(|key| key.as_str() == Some(&*tag.key)));
            Ok(())
        })
        .await
    }

    async fn change_tags(
        &self,
        call: &Call,
        change: impl FnMut(&mut StateMachine) -> Result<(), ServiceError> + Send + 'static,
    ) -> Result<Answer, ServiceError> {
        let key = arn::tagged(call)?.ok_or_else(|| not_found(call))?;
        let changed = self
            .documents
            .change(Kind::StateMachine, &key, change)
            .await?;
        changed.ok_or_else(|| not_found(call))??;
        Ok(Answer::empty())
    }

    pub(super) async fn list_tags_for_resource(&self, call: &Call) -> Result<Answer, ServiceError> {
        let key = arn::tagged(call)?.ok_or_else(|| not_found(call))?;
        let machine = self.machine(&key).await?.ok_or_else(|| not_found(call))?;
        let tags = machine.tags.into_iter().map(|tag| {
            ObjectBuilder::new()
                .add("key", tag.key)
                .add("value", tag.value)
                .build()
                .into()
        });
        Ok(ObjectBuilder::new()
            .add("tags", tags.collect::<Value>())
            .into())
    }
}

fn not_found(call: &Call) -> ServiceError {
    let arn = call.text("resourceArn").unwrap_or_default();
    ServiceError::new("ResourceNotFound", format!("Resource not found: '{arn}'"))
        .with_field("resourceName", arn)
}
