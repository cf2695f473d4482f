//! TagResource, UntagResource, ListTagsForResource.

use aws::ServiceError;
use engine::Engine;
use json::{ObjectBuilder, Value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Kind, Store};

use super::activities::Activity;
use super::arn::Tagged;
use super::machine::StateMachine;
use super::{States, arn, concurrency, resource_not_found};
use crate::{Answer, Call, documents};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tag {
    pub key: String,
    pub value: String,
}

/// The tags of a request.
fn of(list: &[Value]) -> Result<Vec<Tag>, ServiceError> {
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

/// API reference, "tags": Unicode letters, digits, white space (of which tabs and line ends are
/// control characters, like elsewhere in AWS) and `_ . : / = + - @`; `aws:` is kept for AWS. The
/// texts are ours.
fn checked(tag: Tag) -> Result<Tag, ServiceError> {
    let is_space = |c: char| c.is_whitespace() && !c.is_control();
    let allowed = |c: char| c.is_alphanumeric() || is_space(c) || "_.:/=+-@".contains(c);
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

/// `tags` with `more` laid over them. Looked at no further than they may be many.
fn merged(
    arn: &str,
    mut tags: Vec<Tag>,
    more: Vec<Tag>,
    tags_max: usize,
) -> Result<Vec<Tag>, ServiceError> {
    for tag in more {
        let is_full = tags.len() >= tags_max;
        match tags.iter_mut().find(|other| other.key == tag.key) {
            Some(other) => *other = tag,
            None if is_full => {
                let message = format!("Too many tags: '{arn}' can have {tags_max} at most.");
                let error = ServiceError::new("TooManyTags", message);
                return Err(error.with_field("resourceName", arn));
            }
            None => tags.push(tag),
        }
    }
    Ok(tags)
}

/// A document that carries tags.
trait Carrier: Serialize + DeserializeOwned + Send + 'static {
    const KIND: Kind;

    fn arn(&self) -> &str;

    fn tags(&mut self) -> &mut Vec<Tag>;

    /// Refuses tags that it may not have.
    fn check(&self, tags: &[Tag]) -> Result<(), ServiceError>;
}

impl Carrier for StateMachine {
    const KIND: Kind = Kind::StateMachine;

    fn arn(&self) -> &str {
        &self.arn
    }

    fn tags(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }

    fn check(&self, tags: &[Tag]) -> Result<(), ServiceError> {
        concurrency::check(tags, self.is_express)
    }
}

impl Carrier for Activity {
    const KIND: Kind = Kind::Activity;

    fn arn(&self) -> &str {
        &self.arn
    }

    fn tags(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }

    fn check(&self, _tags: &[Tag]) -> Result<(), ServiceError> {
        Ok(())
    }
}

/// What TagResource and UntagResource ask for.
enum Change {
    /// Tags, and how many there may be then.
    Add(Vec<Tag>, usize),
    Remove(Vec<Value>),
}

impl Change {
    fn apply<T: Carrier>(&self, carrier: &mut T) -> Result<(), ServiceError> {
        let mut tags = std::mem::take(carrier.tags());
        match self {
            Change::Add(more, max) => tags = merged(carrier.arn(), tags, more.clone(), *max)?,
            Change::Remove(keys) => {
                tags.retain(|tag| !keys.iter().any(|key| key.as_str() == Some(&*tag.key)));
            }
        }
        carrier.check(&tags)?;
        *carrier.tags() = tags;
        Ok(())
    }
}

impl States {
    /// The tags that something is created with.
    pub(super) fn first_tags(&self, call: &Call, arn: &str) -> Result<Vec<Tag>, ServiceError> {
        merged(
            arn,
            Vec::new(),
            of(call.list("tags"))?,
            self.limits.tags_max,
        )
    }

    pub(super) async fn tag_resource(&self, call: &Call) -> Result<Answer, ServiceError> {
        let more = of(call.list("tags"))?;
        let change = Change::Add(more, self.limits.tags_max);
        self.change_tags(call, change).await
    }

    pub(super) async fn untag_resource(&self, call: &Call) -> Result<Answer, ServiceError> {
        let keys = call.list("tagKeys").to_vec();
        self.change_tags(call, Change::Remove(keys)).await
    }

    async fn change_tags(&self, call: &Call, change: Change) -> Result<Answer, ServiceError> {
        let changed = match arn::tagged(call)? {
            Tagged::Activity(key) => {
                let change = move |activity: &mut Activity| change.apply(activity);
                self.documents.change(Activity::KIND, &key, change).await?
            }
            Tagged::Machine(key) => {
                let forgetting = self.cache.forget_afterwards(call.required("resourceArn")?);
                let engine = self.engine.clone();
                let change = move |store: &dyn Store, key: &str| {
                    let _until_changed = forgetting;
                    change_machine(store, key, &change, &engine)
                };
                self.documents.alone(&key, change).await?
            }
            Tagged::Nothing => None,
        };
        changed.ok_or_else(|| not_found(call))??;
        Ok(Answer::empty())
    }

    pub(super) async fn list_tags_for_resource(&self, call: &Call) -> Result<Answer, ServiceError> {
        let tags = match arn::tagged(call)? {
            Tagged::Machine(key) => self.machine(&key).await?.map(|machine| machine.tags),
            Tagged::Activity(key) => self.activity(&key).await?.map(|activity| activity.tags),
            Tagged::Nothing => None,
        };
        let tags = tags.ok_or_else(|| not_found(call))?;
        let tags = tags.into_iter().map(|tag| {
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

/// Changes the tags of a machine, and its concurrency limit with them.
fn change_machine(
    store: &dyn Store,
    key: &str,
    change: &Change,
    engine: &Engine,
) -> Result<Option<Result<(), ServiceError>>, documents::Error> {
    let change = |machine: &mut StateMachine| {
        let before = concurrency::limit(&machine.tags);
        change.apply(machine)?;
        let after = concurrency::limit(&machine.tags);
        let is_other = before != after && !machine.is_deleting;
        Ok(is_other.then(|| (machine.arn.clone(), after)))
    };
    let changed = documents::change(store, StateMachine::KIND, key, change)?;
    if let Some(Ok(Some((arn, limit)))) = &changed {
        engine.set_concurrency(arn, *limit);
    }
    Ok(changed.map(|changed| changed.map(|_| ())))
}

fn not_found(call: &Call) -> ServiceError {
    resource_not_found(call.text("resourceArn").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_tags_than_there_may_be_are_refused() {
        let tags = |keys: &[&str]| -> Vec<Tag> {
            let tag = |key: &&str| Tag {
                key: (*key).to_owned(),
                value: String::new(),
            };
            keys.iter().map(tag).collect()
        };
        let check = |had: &[&str], more: &[&str], expected: Option<&[&str]>| {
            let merged = merged("arn", tags(had), tags(more), 2);
            assert_eq!(merged.ok(), expected.map(tags), "{had:?} {more:?}");
        };
        check(&[], &["a", "a", "b", "a"], Some(&["a", "b"]));
        check(&["a", "b"], &["b", "a"], Some(&["a", "b"]));
        check(&["a", "b"], &["c"], None);
        check(&["a", "b"], &["a", "c"], None);
        // From when there could be more.
        check(&["a", "b", "c"], &["c"], Some(&["a", "b", "c"]));
        check(&["a", "b", "c"], &["d"], None);
    }
}
