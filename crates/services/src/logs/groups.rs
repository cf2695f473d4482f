//! The operations that make, change and delete groups.

use aws::ServiceError;

use super::directory::{Class, Gone, LogGroup, MadeGroup};
use super::names::{self, GroupName};
use super::{Logs, invalid, no_such_group, not_served, tags};
use crate::documents::Error;
use crate::{Answer, Call};

/// How many days a group may keep its events (API reference, "retentionInDays").
const RETENTIONS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// How long groups of the class DELIVERY keep their events, which can't be changed.
const DELIVERY_DAYS: u32 = 2;

impl Class {
    pub(super) fn of(call: &Call) -> Result<Option<Class>, ServiceError> {
        Ok(match call.text("logGroupClass") {
            None => None,
            Some("STANDARD") => Some(Class::Standard),
            Some("INFREQUENT_ACCESS") => Some(Class::InfrequentAccess),
            Some("DELIVERY") => Some(Class::Delivery),
            Some(other) => return Err(not_served(&format!("the logGroupClass {other}"))),
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Class::Standard => "STANDARD",
            Class::InfrequentAccess => "INFREQUENT_ACCESS",
            Class::Delivery => "DELIVERY",
        }
    }
}

impl Logs {
    pub(super) async fn create_log_group(&self, call: &Call) -> Result<Answer, ServiceError> {
        let name = call.required("logGroupName")?;
        if name
            .get(..4)
            .is_some_and(|it| it.eq_ignore_ascii_case("aws/"))
        {
            return Err(invalid(
                "Log groups starting with AWS/ are reserved for AWS.",
            ));
        }
        if call.text("kmsKeyId").is_some() {
            return Err(not_served("kmsKeyId"));
        }
        let class = Class::of(call)?.unwrap_or_default();
        let group = LogGroup {
            class,
            retention_days: (class == Class::Delivery).then_some(DELIVERY_DAYS),
            is_protected: call.flag("deletionProtectionEnabled") == Some(true),
            tags: tags::of(call)?,
            ..LogGroup::new(name, call.now)
        };
        let key = names::key(&call.account, &call.region, name);
        match self.directory.make_group(&key, group).await? {
            MadeGroup::Done => Ok(Answer::empty()),
            MadeGroup::Exists => Err(ServiceError::new(
                "ResourceAlreadyExistsException",
                "The specified log group already exists",
            )),
            MadeGroup::Full => Err(super::limit_exceeded()),
        }
    }

    pub(super) async fn delete_log_group(&self, call: &Call) -> Result<Answer, ServiceError> {
        let key = GroupName::here(call, call.required("logGroupName")?).key();
        let may = |group: &LogGroup| match group.is_protected {
            true => Err(ServiceError::new(
                "ValidationException",
                format!(
                    "The log group {} is protected from deletion; end that with \
                     PutLogGroupDeletionProtection first.",
                    group.name
                ),
            )),
            false => Ok(()),
        };
        let deleted = self.directory.delete_group(&key, may).await?;
        let gone = deleted.ok_or_else(no_such_group)??;
        self.drop_events(gone).await?;
        Ok(Answer::empty())
    }

    pub(super) async fn put_retention_policy(&self, call: &Call) -> Result<Answer, ServiceError> {
        let asked = call.integer("retentionInDays").unwrap_or_default();
        let days = RETENTIONS.iter().find(|days| i64::from(**days) == asked);
        let Some(days) = days.copied() else {
            let all: Vec<String> = RETENTIONS.iter().map(u32::to_string).collect();
            return Err(invalid(format!(
                "1 validation error detected: Value '{asked}' at 'retentionInDays' failed to \
                 satisfy constraint: Member must satisfy enum value set: [{}]",
                all.join(", ")
            )));
        };
        self.change_retention(call, Some(days)).await
    }

    pub(super) async fn delete_retention_policy(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        self.change_retention(call, None).await
    }

    async fn change_retention(
        &self,
        call: &Call,
        days: Option<u32>,
    ) -> Result<Answer, ServiceError> {
        let key = GroupName::here(call, call.required("logGroupName")?).key();
        self.change(&key, move |group| {
            if group.class == Class::Delivery {
                return Err(invalid(format!(
                    "A log group of the class DELIVERY keeps its events for {DELIVERY_DAYS} days, \
                     which can't be changed."
                )));
            }
            group.retention_days = days;
            Ok(())
        })
        .await
    }

    pub(super) async fn put_log_group_deletion_protection(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let named = GroupName::of_identifier(call, call.required("logGroupIdentifier")?)?;
        let is_protected = call.flag("deletionProtectionEnabled") == Some(true);
        self.change(&named.key_for(call)?, move |group| {
            group.is_protected = is_protected;
            Ok(())
        })
        .await
    }

    /// Changes the group of a key.
    pub(super) async fn change(
        &self,
        key: &str,
        change: impl FnMut(&mut LogGroup) -> Result<(), ServiceError> + Send + 'static,
    ) -> Result<Answer, ServiceError> {
        let changed = self.directory.change_group(key, change).await?;
        changed.ok_or_else(no_such_group)??;
        Ok(Answer::empty())
    }

    /// The group of a key, or AWS's error.
    pub(super) async fn group(&self, key: &str) -> Result<LogGroup, ServiceError> {
        let found = self.directory.group(key).await?;
        found.ok_or_else(no_such_group)
    }

    /// Drops the events of a group or a stream whose document is gone.
    pub(super) async fn drop_events(&self, gone: Gone) -> Result<(), Error> {
        let (group, stream) = (gone.group.into(), gone.stream().map(Into::into));
        self.kept
            .run(move |events| match stream {
                Some(stream) => events.drop_stream(group, stream).map_err(Error::from),
                None => events.drop_group(group).map_err(Error::from),
            })
            .await?;
        self.directory.forget(gone).await
    }

    /// Finishes deletions that a crash cut off.
    pub(crate) async fn finish_deletions(&self) -> Result<(), Error> {
        for gone in self.directory.unfinished().await? {
            self.drop_events(gone).await?;
        }
        Ok(())
    }
}
