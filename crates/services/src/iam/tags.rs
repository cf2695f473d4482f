//! Tags of IAM entities: keys are unique ignoring case, at most 50.

use std::sync::Arc;

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};

use super::limit_exceeded;

/// IAM user guide, "IAM and AWS STS quotas".
const TAGS_MAX: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tag {
    key: String,
    value: String,
}

/// The tags of a request, which has at most [`TAGS_MAX`]: its model says so.
pub(super) fn of(list: &[Value]) -> Result<Vec<Tag>, ServiceError> {
    let text = |tag: &Value, member| {
        tag.get(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut tags: Vec<Tag> = Vec::new();
    for item in list {
        let tag = Tag {
            key: text(item, "Key"),
            value: text(item, "Value"),
        };
        if tags
            .iter()
            .any(|other| other.key.eq_ignore_ascii_case(&tag.key))
        {
            let message =
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(ServiceError::new("InvalidInput", message));
        }
        tags.push(tag);
    }
    Ok(tags)
}

/// The `tags` of a role with `more` laid over them.
pub(super) fn merged(tags: &[Tag], more: Vec<Tag>) -> Result<Vec<Tag>, ServiceError> {
    let mut merged = tags.to_vec();
    for tag in more {
        match merged
            .iter_mut()
            .find(|other| other.key.eq_ignore_ascii_case(&tag.key))
        {
            Some(other) => *other = tag,
            None => merged.push(tag),
        }
    }
    if merged.len() > TAGS_MAX {
        return Err(limit_exceeded("TagsPerRole", TAGS_MAX));
    }
    Ok(merged)
}

/// `tags` without those keys; keys that are not there don't matter.
pub(super) fn without(tags: &[Tag], keys: &[Value]) -> Vec<Tag> {
    let gone = |tag: &&Tag| {
        !keys
            .iter()
            .filter_map(Value::as_str)
            .any(|key| key.eq_ignore_ascii_case(&tag.key))
    };
    tags.iter().filter(gone).cloned().collect()
}

/// As evaluation sees them.
pub(super) fn pairs(tags: &[Tag]) -> Arc<[aws::iam::Tag]> {
    let pair = |tag: &Tag| (tag.key.as_str().into(), tag.value.as_str().into());
    tags.iter().map(pair).collect()
}

/// As answers list them, sorted by key.
pub(super) fn shown(tags: &[Tag]) -> Vec<(String, Value)> {
    let mut shown: Vec<(String, Value)> =
        tags.iter().map(|tag| (tag.key.clone(), one(tag))).collect();
    shown.sort_by(|a, b| a.0.cmp(&b.0));
    shown
}

fn one(tag: &Tag) -> Value {
    ObjectBuilder::new()
        .add("Key", tag.key.as_str())
        .add("Value", tag.value.as_str())
        .build()
        .into()
}
