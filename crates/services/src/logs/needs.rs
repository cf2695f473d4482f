//! What a call needs to be allowed, and what is always true of an operation.
//!
//! Source: the service authorization reference, "Actions, resources, and condition keys for Amazon
//! CloudWatch Logs". How the resource of a group is written is what denials of AWS show:
//! `...:log-group:<name>:log-stream:`, which a policy for `...:log-group:<name>:*` matches; the tag
//! operations of the new form take the ARN as it is (user guide, "ARNs").

use std::sync::Arc;

use aws::ServiceError;
use aws::iam::{Tag, Values};
use json::{Object, Value};

use super::Logs;
use super::names::{self, GroupName};
use super::tags::TAGS_MAX;
use crate::Call;
use crate::access::{Facts, Need};

/// What an operation is done on.
#[derive(Clone, Copy)]
enum On {
    /// No resource: `*`.
    All,
    /// The groups of the account and Region.
    Groups,
    /// The group that `logGroupName` or `logGroupIdentifier` names; all of them without.
    Group,
    /// The group that is made.
    Made,
    /// The stream that `logStreamName` names in it.
    Stream,
    /// What `resourceArn` names.
    Tagged,
}

/// The operations of [`Logs::handle`], sorted.
const OPERATIONS: &[(&str, Facts, On)] = &[
    ("CreateLogGroup", Facts::CHANGES, On::Made),
    ("CreateLogStream", Facts::CHANGES, On::Stream),
    ("DeleteLogGroup", Facts::CHANGES, On::Group),
    ("DeleteLogStream", Facts::CHANGES, On::Stream),
    ("DeleteResourcePolicy", Facts::CHANGES, On::All),
    ("DeleteRetentionPolicy", Facts::CHANGES, On::Group),
    ("DescribeAccountPolicies", Facts::READS, On::All),
    ("DescribeDeliveries", Facts::READS, On::All),
    ("DescribeDeliveryDestinations", Facts::READS, On::All),
    ("DescribeDeliverySources", Facts::READS, On::All),
    ("DescribeDestinations", Facts::READS, On::All),
    ("DescribeExportTasks", Facts::READS, On::All),
    ("DescribeLogGroups", Facts::READS, On::Groups),
    ("DescribeLogStreams", Facts::READS, On::Group),
    ("DescribeMetricFilters", Facts::READS, On::Group),
    ("DescribeQueries", Facts::READS, On::All),
    ("DescribeQueryDefinitions", Facts::READS, On::All),
    ("DescribeResourcePolicies", Facts::READS, On::All),
    ("DescribeSubscriptionFilters", Facts::READS, On::Group),
    ("FilterLogEvents", Facts::READS_DATA, On::Group),
    ("GetLogEvents", Facts::READS_DATA, On::Stream),
    ("ListLogGroups", Facts::READS, On::Groups),
    ("ListTagsForResource", Facts::READS, On::Tagged),
    ("ListTagsLogGroup", Facts::READS, On::Group),
    ("PutLogEvents", Facts::CHANGES_DATA, On::Stream),
    ("PutLogGroupDeletionProtection", Facts::CHANGES, On::Group),
    ("PutResourcePolicy", Facts::CHANGES, On::All),
    ("PutRetentionPolicy", Facts::CHANGES, On::Group),
    ("TagLogGroup", Facts::CHANGES, On::Group),
    ("TagResource", Facts::CHANGES, On::Tagged),
    ("TestMetricFilter", Facts::READS, On::All),
    ("UntagLogGroup", Facts::CHANGES, On::Group),
    ("UntagResource", Facts::CHANGES, On::Tagged),
];

fn known(operation: &str) -> Option<(Facts, On)> {
    let found = OPERATIONS.binary_search_by_key(&operation, |(name, ..)| name);
    let (_, facts, on) = OPERATIONS.get(found.ok()?)?;
    Some((*facts, *on))
}

impl Logs {
    /// What is always true of an operation. `None` when it is not served.
    pub(crate) fn facts(operation: &str) -> Option<Facts> {
        known(operation).map(|(facts, _)| facts)
    }

    /// What a call needs, all of it.
    pub(crate) fn needs(operation: &str, call: &Call) -> Vec<Need> {
        let on = known(operation).map_or(On::All, |(_, on)| on);
        let mut needs = vec![Need::new(format!("logs:{operation}"), resource(on, call))];
        let tags = tag_keys(call);
        if let (On::Made, Some(name), false) = (on, call.text("logGroupName"), tags.is_empty()) {
            let arn = names::group_arn(&call.account, &call.region, name);
            needs.push(Need::new("logs:TagResource", arn));
        }
        for need in &mut needs {
            need.context.extend(tags.iter().cloned());
        }
        needs
    }

    /// The tags of the group that a resource is or is in. `None` when there is no such group.
    pub(crate) async fn tags_of(&self, resource: &str) -> Result<Option<Vec<Tag>>, ServiceError> {
        let Some(named) = GroupName::of_resource(resource) else {
            return Ok(None);
        };
        let group = self.directory.group(&named.key()).await?;
        let shared = |(key, value): (String, String)| (key.into(), value.into());
        Ok(group.map(|group| group.tags.into_iter().map(shared).collect()))
    }
}

/// The resource of a call. A text that names nothing stands for itself, so that whoever may do
/// everything learns what is wrong with it.
fn resource(on: On, call: &Call) -> String {
    let group = || -> Result<GroupName, String> {
        let named = call
            .text("logGroupName")
            .or(call.text("logGroupIdentifier"));
        let text = named.unwrap_or_default();
        GroupName::of_identifier(call, text).map_err(|_| text.to_owned())
    };
    let stream = |group: GroupName, stream: &str| {
        names::stream_arn(&group.account, &group.region, &group.name, stream)
    };
    match on {
        On::All => "*".to_owned(),
        On::Groups => stream(GroupName::here(call, ""), ""),
        On::Group | On::Made => match group() {
            Ok(group) => stream(group, ""),
            Err(text) => text,
        },
        On::Stream => match group() {
            Ok(group) => stream(group, call.text("logStreamName").unwrap_or_default()),
            Err(text) => text,
        },
        On::Tagged => call.text("resourceArn").unwrap_or("*").to_owned(),
    }
}

/// `aws:RequestTag/...` and `aws:TagKeys` of a call that brings or takes tags. One tag more than
/// there may be is enough: the call is refused.
fn tag_keys(call: &Call) -> Vec<(Arc<str>, Values)> {
    let given = call.object("tags").into_iter().flat_map(Object::iter);
    let mut keys: Vec<Arc<str>> = Vec::new();
    let mut context: Vec<(Arc<str>, Values)> = Vec::new();
    for (key, value) in given.take(TAGS_MAX + 1) {
        let name = format!("aws:RequestTag/{key}").into();
        let value = value.as_str().unwrap_or_default().into();
        context.push((name, Values::One(value)));
        keys.push(key.into());
    }
    // UntagLogGroup has keys under `tags`, UntagResource under `tagKeys`.
    let removed = call.list("tags").iter().chain(call.list("tagKeys"));
    let removed = removed.filter_map(Value::as_str).take(TAGS_MAX + 1);
    keys.extend(removed.map(Arc::from));
    if !keys.is_empty() {
        context.push(("aws:TagKeys".into(), Values::Many(keys)));
    }
    context
}

#[cfg(test)]
mod tests;
