//! Names and ARNs of groups and streams, and how a call names them.

use aws::{Arn, ServiceError};

use super::directory::GroupId;
use super::{invalid, no_such_group};
use crate::Call;

/// Partition of every ARN this server makes.
const PARTITION: &str = "aws";

/// The key of a group's document. Keys of one account and Region sort as the names do.
pub(crate) fn key(account: &str, region: &str, group: &str) -> String {
    format!("{account}/{region}/{group}")
}

/// The key of a stream's document. It lies under the number of its group, so that a group that is
/// made again has none of those before.
pub(super) fn stream_key(group: GroupId, stream: &str) -> String {
    format!("{:016x}/{stream}", group.0)
}

/// `arn:aws:logs:<region>:<account>:log-group:<name>`, as calls take it. The form with `:*` at the
/// end, which policies and log destinations take, is this one and `:*`.
pub(crate) fn group_arn(account: &str, region: &str, group: &str) -> String {
    let resource = format!("log-group:{group}");
    arn(account, region, resource)
}

/// `arn:aws:logs:<region>:<account>:log-group:<group>:log-stream:<stream>`.
pub(crate) fn stream_arn(account: &str, region: &str, group: &str, stream: &str) -> String {
    let resource = format!("log-group:{group}:log-stream:{stream}");
    arn(account, region, resource)
}

fn arn(account: &str, region: &str, resource: String) -> String {
    let arn = Arn {
        partition: PARTITION.to_owned(),
        service: "logs".to_owned(),
        region: region.to_owned(),
        account: account.to_owned(),
        resource,
    };
    arn.to_string()
}

/// A group as a text names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupName {
    pub account: String,
    pub region: String,
    pub name: String,
}

impl GroupName {
    /// The group of its ARN, with `:*` at the end or without.
    pub(crate) fn of_arn(text: &str) -> Option<GroupName> {
        let (group, rest) = GroupName::read(text)?;
        matches!(rest, None | Some("*")).then_some(group)
    }

    /// The group that a resource of a policy's question is or is in: also of a stream's ARN.
    pub(super) fn of_resource(text: &str) -> Option<GroupName> {
        let (group, rest) = GroupName::read(text)?;
        let is_stream = rest.is_some_and(|rest| rest.starts_with("log-stream:"));
        (is_stream || matches!(rest, None | Some("*"))).then_some(group)
    }

    /// The group of an ARN, and what follows its name.
    fn read(text: &str) -> Option<(GroupName, Option<&str>)> {
        let mut fields = text.splitn(6, ':');
        let (arn, partition, service) = (fields.next()?, fields.next()?, fields.next()?);
        let (region, account, resource) = (fields.next()?, fields.next()?, fields.next()?);
        let named = resource.strip_prefix("log-group:")?;
        let (name, rest) = match named.split_once(':') {
            Some((name, rest)) => (name, Some(rest)),
            None => (named, None),
        };
        let is_group = (arn, partition, service) == ("arn", PARTITION, "logs") && !name.is_empty();
        let group = GroupName {
            account: account.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
        };
        is_group.then_some((group, rest))
    }

    /// A group of the caller's account and Region.
    pub(super) fn here(call: &Call, name: &str) -> GroupName {
        GroupName {
            account: call.account.to_string(),
            region: call.region.to_string(),
            name: name.to_owned(),
        }
    }

    /// The group that an identifier, a name or an ARN, names.
    pub(super) fn of_identifier(call: &Call, text: &str) -> Result<GroupName, ServiceError> {
        if !text.starts_with("arn:") {
            return Ok(GroupName::here(call, text));
        }
        GroupName::of_arn(text).ok_or_else(|| {
            invalid(format!(
                "`{text}` is no ARN of a log group; give `arn:aws:logs:<region>:<account>:\
                 log-group:<name>`"
            ))
        })
    }

    /// The group that a call's `logGroupName` or `logGroupIdentifier` names.
    ///
    /// # Errors
    /// When both or neither is there, or the identifier is an ARN of something else. Whether there
    /// is such a group is not known yet.
    pub(super) fn of(call: &Call) -> Result<GroupName, ServiceError> {
        match (call.text("logGroupName"), call.text("logGroupIdentifier")) {
            (Some(_), Some(_)) => Err(ServiceError::new(
                "ValidationException",
                "LogGroup name and LogGroup ARN are mutually exclusive parameters.",
            )),
            (Some(name), None) => Ok(GroupName::here(call, name)),
            (None, Some(identifier)) => GroupName::of_identifier(call, identifier),
            (None, None) => Err(invalid(
                "Either logGroupName or logGroupIdentifier must be given.",
            )),
        }
    }

    /// The key of its document.
    ///
    /// # Errors
    /// ResourceNotFoundException for a group of another account or Region, which no call reaches.
    pub(super) fn key_for(&self, call: &Call) -> Result<String, ServiceError> {
        let is_here = self.account == *call.account && self.region == *call.region;
        match is_here {
            true => Ok(self.key()),
            false => Err(no_such_group()),
        }
    }

    pub(crate) fn key(&self) -> String {
        key(&self.account, &self.region, &self.name)
    }
}

#[cfg(test)]
mod tests;
