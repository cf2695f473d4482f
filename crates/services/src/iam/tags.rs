//! Tags of IAM entities: keys are unique ignoring case, at most 50.

use std::sync::Arc;

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};

use super::account::{Account, Entity};
use super::{limit_exceeded, list};
use crate::{Answer, Call};

/// IAM user guide, "IAM and AWS STS quotas".
const TAGS_MAX: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tag {
    key: String,
    value: String,
}

/// An entity that has tags.
pub(super) trait Tagged: Entity {
    /// The quota of its tags: `TagsPerRole`.
    const QUOTA: &'static str;

    fn tags(&self) -> &[Tag];
    fn tags_mut(&mut self) -> &mut Vec<Tag>;
}

/// Tag*: lays the tags of the call over those the entity has.
pub(super) fn tag<T: Tagged>(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let more = of(call)?;
    account.change(call, |entity: &mut T| {
        let merged = merged(entity.tags(), more.clone());
        if merged.len() > TAGS_MAX {
            return Err(limit_exceeded(T::QUOTA, TAGS_MAX));
        }
        *entity.tags_mut() = merged;
        Ok(())
    })?;
    Ok(Answer::empty())
}

/// Untag*: keys that are not there don't matter.
pub(super) fn untag<T: Tagged>(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let gone = |tag: &Tag| {
        let mut keys = call.list("TagKeys").iter().filter_map(Value::as_str);
        keys.any(|key| is_same(key, &tag.key))
    };
    account.change(call, |entity: &mut T| {
        entity.tags_mut().retain(|tag| !gone(tag));
        Ok(())
    })?;
    Ok(Answer::empty())
}

/// List*Tags.
pub(super) fn list<T: Tagged>(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let entity = account.named::<T>(call)?;
    let tags = sorted(entity.tags()).into_iter().enumerate();
    // By place, not by key: one of 128 characters may not fit into a marker.
    let tags = tags.map(|(at, tag)| (format!("{at:02}"), one(tag)));
    list::answer(call, "tags", "Tags", tags.collect())
}

/// The tags of a request, which has at most [`TAGS_MAX`]: its model says so.
pub(super) fn of(call: &Call) -> Result<Vec<Tag>, ServiceError> {
    let text = |tag: &Value, member| {
        let text = tag.get(member).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let mut tags: Vec<Tag> = Vec::new();
    for item in call.list("Tags") {
        let tag = Tag {
            key: text(item, "Key"),
            value: text(item, "Value"),
        };
        if tags.iter().any(|other| is_same(&other.key, &tag.key)) {
            let message =
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(ServiceError::new("InvalidInput", message));
        }
        tags.push(tag);
    }
    Ok(tags)
}

fn is_same(key: &str, other: &str) -> bool {
    key.eq_ignore_ascii_case(other)
}

/// `tags` with `more` laid over them.
fn merged(tags: &[Tag], more: Vec<Tag>) -> Vec<Tag> {
    let mut merged = tags.to_vec();
    for tag in more {
        match merged
            .iter_mut()
            .find(|other| is_same(&other.key, &tag.key))
        {
            Some(other) => *other = tag,
            None => merged.push(tag),
        }
    }
    merged
}

/// As evaluation sees them.
pub(super) fn pairs(tags: &[Tag]) -> Arc<[aws::iam::Tag]> {
    let pair = |tag: &Tag| (tag.key.as_str().into(), tag.value.as_str().into());
    tags.iter().map(pair).collect()
}

fn sorted(tags: &[Tag]) -> Vec<&Tag> {
    let mut sorted: Vec<&Tag> = tags.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    sorted
}

fn one(tag: &Tag) -> Value {
    ObjectBuilder::new()
        .add("Key", tag.key.as_str())
        .add("Value", tag.value.as_str())
        .build()
        .into()
}

/// `Tags` as entities show them: nothing when there are none.
pub(super) fn add(shown: &mut ObjectBuilder, tags: &[Tag]) {
    if !tags.is_empty() {
        shown.add("Tags", sorted(tags).into_iter().map(one).collect::<Value>());
    }
}
