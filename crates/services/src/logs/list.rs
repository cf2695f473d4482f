//! DescribeLogGroups and ListLogGroups.

use aws::ServiceError;
use json::{Object, ObjectBuilder, Value};

use super::directory::{Class, LogGroup};
use super::names::{self, GroupName};
use super::pages::Page;
use super::{Logs, invalid, not_served};
use crate::documents::Error;
use crate::{Answer, Call};

/// Groups read at once.
const READ_AT_ONCE: usize = 1_000;
/// Groups read for one page: what is chosen by more than its beginning may be far between. A page
/// then has few or none, and a token that goes on.
pub(super) const READ_MAX: usize = 20_000;

/// The groups of a page, and the last of them where there are more.
type Listed = (Vec<LogGroup>, Option<String>);

/// Which groups a call asks for, beside the beginning of their names.
struct Chosen {
    parts: Vec<Part>,
    class: Option<Class>,
}

/// `^aws` or `aws` of a pattern: the beginning of a name, or any part of it.
struct Part {
    text: String,
    is_at_start: bool,
}

impl Chosen {
    fn is_everything(&self) -> bool {
        self.parts.is_empty() && self.class.is_none()
    }

    fn has(&self, group: &LogGroup) -> bool {
        let is_named = |part: &Part| match part.is_at_start {
            true => group.name.starts_with(&part.text),
            false => group.name.contains(&part.text),
        };
        let is_named = self.parts.is_empty() || self.parts.iter().any(is_named);
        is_named && self.class.is_none_or(|class| class == group.class)
    }
}

impl Part {
    fn anywhere(text: &str) -> Part {
        Part {
            text: text.to_owned(),
            is_at_start: false,
        }
    }

    fn of_pattern(text: &str) -> Part {
        let start = text.strip_prefix('^');
        Part {
            text: start.unwrap_or(text).to_owned(),
            is_at_start: start.is_some(),
        }
    }
}

impl Logs {
    pub(super) async fn describe_log_groups(&self, call: &Call) -> Result<Answer, ServiceError> {
        let (prefix, pattern) = (
            call.text("logGroupNamePrefix"),
            call.text("logGroupNamePattern"),
        );
        if prefix.is_some() && pattern.is_some() {
            return Err(invalid(
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
            ));
        }
        let class = Class::of(call)?;
        let page = Page::of(call, "limit")?;
        let identifiers = call.list("logGroupIdentifiers");
        let (groups, next) = if is_elsewhere(call) {
            Listed::default()
        } else if identifiers.is_empty() {
            let parts = pattern.map(Part::anywhere).into_iter().collect();
            let chosen = Chosen { parts, class };
            self.scan(call, &page, prefix.unwrap_or(""), &chosen)
                .await?
        } else {
            if prefix.is_some() || pattern.is_some() || class.is_some() {
                return Err(invalid(
                    "logGroupIdentifiers can't be combined with a prefix, a pattern or a class.",
                ));
            }
            self.identified(call, &page, identifiers).await?
        };
        let ids: Vec<_> = groups.iter().map(|group| group.id.into()).collect();
        let bytes = self
            .kept
            .run(move |events| events.stored_bytes(&ids).map_err(Error::from));
        let bytes = bytes.await?;
        let shown = groups.iter().zip(bytes);
        let shown: Value = shown
            .map(|(group, bytes)| described(call, group, bytes))
            .collect();
        Ok(page.answer("logGroups", shown, next))
    }

    pub(super) async fn list_log_groups(&self, call: &Call) -> Result<Answer, ServiceError> {
        for member in ["dataSources", "fieldIndexNames", "logGroupTags"] {
            if !call.list(member).is_empty() {
                return Err(not_served(member));
            }
        }
        let pattern = call.text("logGroupNamePattern");
        let parts = pattern.into_iter().flat_map(|pattern| pattern.split('|'));
        let chosen = Chosen {
            parts: parts.map(Part::of_pattern).collect(),
            class: Class::of(call)?,
        };
        let page = Page::of(call, "limit")?;
        let (groups, next) = match is_elsewhere(call) {
            true => Listed::default(),
            false => self.scan(call, &page, "", &chosen).await?,
        };
        let shown: Value = groups.iter().map(|group| listed(call, group)).collect();
        Ok(page.answer("logGroups", shown, next))
    }

    /// The groups of a page, and where the next one begins.
    async fn scan(
        &self,
        call: &Call,
        page: &Page<'_>,
        prefix: &str,
        chosen: &Chosen,
    ) -> Result<Listed, ServiceError> {
        let key = |name: &str| names::key(&call.account, &call.region, name);
        let prefix = key(prefix);
        let mut after = page.after.as_deref().map(key);
        let mut found: Vec<LogGroup> = Vec::new();
        let mut read = 0;
        let at_once = match chosen.is_everything() {
            true => page.items_max + 1,
            false => READ_AT_ONCE,
        };
        loop {
            let after_now = after.as_deref();
            let groups = self.directory.groups(&prefix, after_now, at_once).await?;
            let Some((last, name)) = groups
                .last()
                .map(|(key, it)| (key.clone(), it.name.clone()))
            else {
                return Ok((found, None));
            };
            read += groups.len();
            for (_, group) in groups.into_iter().filter(|(_, group)| chosen.has(group)) {
                if found.len() == page.items_max {
                    let next = found.last().map(|group| group.name.clone());
                    return Ok((found, next));
                }
                found.push(group);
            }
            if read >= READ_MAX {
                return Ok((found, Some(name)));
            }
            after = Some(last);
        }
    }

    /// The same of the groups of this account and Region that a list names.
    async fn identified(
        &self,
        call: &Call,
        page: &Page<'_>,
        identifiers: &[Value],
    ) -> Result<Listed, ServiceError> {
        let mut wanted = Vec::new();
        for identifier in identifiers.iter().filter_map(Value::as_str) {
            let named = GroupName::of_identifier(call, identifier)?;
            if let Ok(key) = named.key_for(call) {
                wanted.push(key);
            }
        }
        wanted.sort();
        wanted.dedup();
        let mut found = Vec::new();
        for key in wanted {
            if let Some(group) = self.directory.group(&key).await?
                && page.after.as_ref().is_none_or(|after| group.name > *after)
            {
                found.push(group);
            }
        }
        let next = page.cut(&mut found, |group| group.name.clone());
        Ok((found, next))
    }
}

/// Whether only groups of other accounts are asked for, of which none are linked here.
fn is_elsewhere(call: &Call) -> bool {
    let accounts = call.list("accountIdentifiers");
    let is_own = |account: &Value| account.as_str() == Some(&call.account);
    call.flag("includeLinkedAccounts") == Some(true)
        && !accounts.is_empty()
        && !accounts.iter().any(is_own)
}

fn described(call: &Call, group: &LogGroup, stored_bytes: u64) -> Value {
    let arn = names::group_arn(&call.account, &call.region, &group.name);
    let mut shown = ObjectBuilder::new();
    shown
        .add("logGroupName", group.name.as_str())
        .add("creationTime", group.created_ms);
    if let Some(days) = group.retention_days {
        shown.add("retentionInDays", i64::from(days));
    }
    shown
        .add("metricFilterCount", 0)
        .add("arn", format!("{arn}:*"))
        .add(
            "storedBytes",
            i64::try_from(stored_bytes).unwrap_or(i64::MAX),
        )
        .add("logGroupClass", group.class.name())
        .add("logGroupArn", arn)
        .add("deletionProtectionEnabled", group.is_protected);
    shown.build().into()
}

fn listed(call: &Call, group: &LogGroup) -> Value {
    let arn = names::group_arn(&call.account, &call.region, &group.name);
    let shown: Object = ObjectBuilder::new()
        .add("logGroupName", group.name.as_str())
        .add("logGroupArn", arn)
        .add("logGroupClass", group.class.name())
        .build();
    shown.into()
}
