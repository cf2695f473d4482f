//! Tags of groups, in the old form (by the group's name) and the new one (by its ARN): one store.

use std::collections::BTreeMap;

use aws::{Arn, ServiceError};
use json::{Object, ObjectBuilder, Value};

use super::directory::LogGroup;
use super::names::GroupName;
use super::{Logs, invalid, not_found};
use crate::{Answer, Call};

/// CloudWatch Logs user guide, "Tag log groups".
pub(super) const TAGS_MAX: usize = 50;

type Tags = BTreeMap<String, String>;

/// The tags that a call brings. Their characters are the model's business.
pub(super) fn of(call: &Call) -> Result<Tags, ServiceError> {
    let given = call.object("tags").into_iter().flat_map(Object::iter);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tags: Tags = given
        .map(|(key, value)| (key.to_owned(), text(value)))
        .collect();
    let is_reserved = |key: &String| {
        key.get(..4)
            .is_some_and(|it| it.eq_ignore_ascii_case("aws:"))
    };
    match tags.keys().any(is_reserved) {
        true => Err(invalid(
            "aws: prefixed tag key names are not allowed for external use.",
        )),
        false => Ok(tags),
    }
}

/// The key of the group whose tags a call of the new form is about.
fn tagged(call: &Call) -> Result<String, ServiceError> {
    let text = call.required("resourceArn")?;
    match (GroupName::of_arn(text), Arn::parse(text)) {
        (Some(group), _) => group.key_for(call),
        (None, Ok(arn)) if arn.service == "logs" => {
            Err(not_found("The specified resource does not exist."))
        }
        (None, _) => Err(invalid(format!("`{text}` is no ARN of a resource of Logs"))),
    }
}

fn named(call: &Call) -> Result<String, ServiceError> {
    Ok(GroupName::here(call, call.required("logGroupName")?).key())
}

fn shown(group: &LogGroup) -> Answer {
    let tags = group.tags.iter();
    let tags: Object = tags
        .map(|(key, value)| (key.as_str(), Value::from(value.as_str())))
        .collect();
    ObjectBuilder::new().add("tags", tags).into()
}

impl Logs {
    pub(super) async fn list_tags_log_group(&self, call: &Call) -> Result<Answer, ServiceError> {
        Ok(shown(&self.group(&named(call)?).await?))
    }

    pub(super) async fn list_tags_for_resource(&self, call: &Call) -> Result<Answer, ServiceError> {
        Ok(shown(&self.group(&tagged(call)?).await?))
    }

    pub(super) async fn tag_log_group(&self, call: &Call) -> Result<Answer, ServiceError> {
        let text = format!("A log group can have no more than {TAGS_MAX} tags.");
        self.add_tags(&named(call)?, of(call)?, invalid(text)).await
    }

    pub(super) async fn tag_resource(&self, call: &Call) -> Result<Answer, ServiceError> {
        let text = format!("A resource can have no more than {TAGS_MAX} tags.");
        let too_many = ServiceError::new("TooManyTagsException", text)
            .with_field("resourceName", call.required("resourceArn")?);
        self.add_tags(&tagged(call)?, of(call)?, too_many).await
    }

    pub(super) async fn untag_log_group(&self, call: &Call) -> Result<Answer, ServiceError> {
        self.remove_tags(&named(call)?, call.list("tags")).await
    }

    pub(super) async fn untag_resource(&self, call: &Call) -> Result<Answer, ServiceError> {
        self.remove_tags(&tagged(call)?, call.list("tagKeys")).await
    }

    async fn add_tags(
        &self,
        key: &str,
        more: Tags,
        too_many: ServiceError,
    ) -> Result<Answer, ServiceError> {
        self.change(key, move |group| {
            group.tags.extend(more.clone());
            match group.tags.len() > TAGS_MAX {
                true => Err(too_many.clone()),
                false => Ok(()),
            }
        })
        .await
    }

    async fn remove_tags(&self, key: &str, keys: &[Value]) -> Result<Answer, ServiceError> {
        let keys = keys.to_vec();
        self.change(key, move |group| {
            for key in keys.iter().filter_map(Value::as_str) {
                group.tags.remove(key);
            }
            Ok(())
        })
        .await
    }
}
