//! Tags of a session.

use std::sync::Arc;

use aws::ServiceError;
use aws::iam::Values;
use json::Value;

/// As the token keeps them.
pub(super) type Tag = (String, String);

/// The tags of a request, as they stand there.
pub(super) fn of(list: &[Value]) -> Vec<Tag> {
    let text = |tag: &Value, member| tag.get(member).and_then(Value::as_str).map(str::to_owned);
    list.iter()
        .filter_map(|tag| Some((text(tag, "Key")?, text(tag, "Value")?)))
        .collect()
}

/// The condition keys of session tags that a request asks for.
pub(super) fn keys(tags: &[Tag], transitive: Vec<Arc<str>>) -> Vec<(Arc<str>, Values)> {
    let mut keys: Vec<(Arc<str>, Values)> = Vec::new();
    for (key, value) in tags {
        let value = Values::One(value.as_str().into());
        keys.push((format!("aws:RequestTag/{key}").into(), value));
    }
    if !tags.is_empty() {
        let names = tags.iter().map(|(key, _)| key.as_str().into()).collect();
        keys.push(("aws:TagKeys".into(), Values::Many(names)));
    }
    if !transitive.is_empty() {
        keys.push(("sts:TransitiveTagKeys".into(), Values::Many(transitive)));
    }
    keys
}

/// The tags of a new session and those of their keys that are transitive.
pub(super) struct Checked {
    pub(super) tags: Vec<Tag>,
    pub(super) transitive: Vec<String>,
}

/// What a session gets that asks for `tags`, of which `transitive` go on to the sessions made from
/// it, where the caller's session hands `inherited` tags on.
///
/// # Errors
/// InvalidParameterValue; the first three texts are those of AWS.
pub(super) fn checked(
    tags: Vec<Tag>,
    transitive: Vec<String>,
    inherited: Vec<Tag>,
) -> Result<Checked, ServiceError> {
    let has = |tags: &[Tag], key: &str| tags.iter().any(|(k, _)| k.eq_ignore_ascii_case(key));
    for (at, (key, _)) in (1..).zip(&tags) {
        if has(tags.get(at..).unwrap_or_default(), key) {
            return refused(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            );
        }
    }
    if transitive.iter().any(|key| !has(&tags, key)) {
        return refused("The specified transitive tag key must be included in the requested tags.");
    }
    // A tag that is handed on can't be set anew, transitive or not.
    if tags.iter().any(|(key, _)| has(&inherited, key)) {
        return refused(
            "One of the specified transitive tag keys can't be set because it conflicts with a \
             transitive tag key from the calling session.",
        );
    }
    if tags.iter().any(|(key, _)| is_reserved(key)) {
        return refused("tag keys that begin with `aws:` are reserved: choose another key");
    }
    let handed_on = inherited.iter().map(|(key, _)| key.clone());
    Ok(Checked {
        transitive: handed_on.chain(transitive).collect(),
        tags: inherited.into_iter().chain(tags).collect(),
    })
}

fn is_reserved(key: &str) -> bool {
    key.get(..4)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
}

fn refused(message: &str) -> Result<Checked, ServiceError> {
    Err(ServiceError::new("InvalidParameterValue", message))
}
