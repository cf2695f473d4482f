//! The integrations of the form `aws-sdk:<service>:<action>`, in the spelling of AWS's SDK for
//! Java 2.

use std::borrow::Cow;
use std::sync::LazyLock;

use json::{Text, Value};

use super::{Pattern, TaskResource};
use crate::model::{Model, Operation};
use crate::models::Embedded;

/// Every service that AWS has: its name in resources, and in errors.
static NAMES: LazyLock<Value> = LazyLock::new(|| {
    // A test reads the file, so an unreadable one can only be a broken build: then no service is
    // known.
    json::parse(include_str!("../../../../models/services.json")).unwrap_or_default()
});

/// A service as AWS's SDK for Java names it.
#[derive(Debug, Clone, Copy)]
pub struct SdkService {
    /// In resources: `cloudwatchlogs`.
    pub id: &'static str,
    /// In names of errors: `CloudWatchLogs`.
    pub name: &'static str,
    /// Its model, where this build has one.
    pub embedded: Option<&'static Embedded>,
}

impl PartialEq for SdkService {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for SdkService {}

impl SdkService {
    /// The service named `id` in resources.
    #[must_use]
    pub fn find(id: &str) -> Option<SdkService> {
        let names: &'static [(Text, Value)] = LazyLock::force(&NAMES).as_object()?.members();
        let at = names.binary_search_by(|(name, _)| name.as_str().cmp(id));
        let (id, name) = names.get(at.ok()?)?;
        Some(SdkService {
            id: id.as_str(),
            name: name.as_str()?,
            embedded: Embedded::of_sdk_id(id.as_str()),
        })
    }

    /// The operation that `action` names; `None` where there is no model.
    pub(super) fn operation(&self, action: &str) -> Option<(&'static Model, &'static Operation)> {
        let model = self.embedded?.model().ok()?;
        let mut operations = model.operations().iter();
        let operation = operations.find(|operation| {
            operation.name.eq_ignore_ascii_case(action) && decapitalised(&operation.name) == action
        })?;
        Some((model, operation))
    }
}

/// `call` is what follows `aws-sdk:`. The action is looked up where there is a model; where there
/// is none, any word will do.
pub(super) fn resolve(call: &str) -> Option<TaskResource> {
    let (service, call) = call.split_once(':')?;
    let (action, pattern) = Pattern::split(call)?;
    if matches!(pattern, Pattern::Sync | Pattern::Sync2) {
        return None;
    }
    let service = SdkService::find(service)?;
    let is_known = match service.embedded {
        Some(_) => service.operation(action).is_some(),
        None => is_word(action),
    };
    is_known.then(|| TaskResource::Sdk {
        service,
        action: action.into(),
        pattern,
    })
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// A name as a method of a Java class: a leading run of capitals becomes small but for the one that
/// begins the next word (`DBInstance` is `dbInstance`).
fn decapitalised(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut chars = name.chars().peekable();
    let mut is_leading = true;
    let mut after = name.chars().skip(2);
    while let Some(c) = chars.next() {
        out.push(if is_leading {
            c.to_ascii_lowercase()
        } else {
            c
        });
        let next_begins_word = after.next().is_some_and(|c| c.is_ascii_lowercase());
        let next_is_capital = chars.peek().is_some_and(char::is_ascii_uppercase);
        is_leading &= next_is_capital && !next_begins_word;
    }
    out
}

/// A member as `Parameters` and results spell it.
pub(super) fn member_name(member: &str) -> Cow<'_, str> {
    // `equals` is a method that every Java object has already.
    if member == "equals" {
        return Cow::Borrowed("EqualsValue");
    }
    let name = decapitalised(member);
    match super::capitalised(&name) {
        same if same == member => Cow::Borrowed(member),
        other => Cow::Owned(other.into_owned()),
    }
}
