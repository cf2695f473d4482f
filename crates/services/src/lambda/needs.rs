//! What a call needs to be allowed, and what is always true of an operation.
//!
//! Source: the service authorization reference, "Actions, resources, and condition keys for AWS
//! Lambda".

use std::sync::Arc;

use aws::iam::{Tag, Values};
use aws::{Arn, ServiceError};
use json::{Object, Value};
use store::Kind;

use super::Lambda;
use super::address::Address;
use super::function::Function;
use super::tags::TAGS_MAX;
use crate::Call;
use crate::access::{Facts, Need};

/// What an operation is done on.
#[derive(Clone, Copy)]
enum On {
    /// No resource: `*`.
    All,
    /// What `FunctionName` and `Qualifier` name.
    Function,
    /// The function that is made, which can only be in the caller's account.
    Made,
    /// What `Resource` names.
    Tagged,
}

/// The operations of [`Lambda::handle`], sorted, and the action each needs.
const OPERATIONS: &[(&str, &str, Facts, On)] = &[
    (
        "CreateFunction",
        "lambda:CreateFunction",
        Facts::CHANGES,
        On::Made,
    ),
    (
        "DeleteFunction",
        "lambda:DeleteFunction",
        Facts::CHANGES,
        On::Function,
    ),
    (
        "GetFunction",
        "lambda:GetFunction",
        Facts::READS,
        On::Function,
    ),
    (
        "GetFunctionCodeSigningConfig",
        "lambda:GetFunctionCodeSigningConfig",
        Facts::READS,
        On::Function,
    ),
    (
        "GetFunctionConfiguration",
        "lambda:GetFunctionConfiguration",
        Facts::READS,
        On::Function,
    ),
    (
        "Invoke",
        "lambda:InvokeFunction",
        Facts::CHANGES_DATA,
        On::Function,
    ),
    (
        "ListFunctions",
        "lambda:ListFunctions",
        Facts::READS,
        On::All,
    ),
    ("ListTags", "lambda:ListTags", Facts::READS, On::Tagged),
    (
        "ListVersionsByFunction",
        "lambda:ListVersionsByFunction",
        Facts::READS,
        On::Function,
    ),
    (
        "TagResource",
        "lambda:TagResource",
        Facts::CHANGES,
        On::Tagged,
    ),
    (
        "UntagResource",
        "lambda:UntagResource",
        Facts::CHANGES,
        On::Tagged,
    ),
    (
        "UpdateFunctionCode",
        "lambda:UpdateFunctionCode",
        Facts::CHANGES,
        On::Function,
    ),
    (
        "UpdateFunctionConfiguration",
        "lambda:UpdateFunctionConfiguration",
        Facts::CHANGES,
        On::Function,
    ),
];

fn known(operation: &str) -> Option<(&'static str, Facts, On)> {
    let found = OPERATIONS.binary_search_by_key(&operation, |(name, ..)| name);
    let (_, action, facts, on) = OPERATIONS.get(found.ok()?)?;
    Some((action, *facts, *on))
}

impl Lambda {
    /// What is always true of an operation. `None` when it is not served.
    pub(crate) fn facts(operation: &str) -> Option<Facts> {
        known(operation).map(|(_, facts, _)| facts)
    }

    /// What a call needs, all of it.
    pub(crate) fn needs(operation: &str, call: &Call) -> Vec<Need> {
        let Some((action, _, on)) = known(operation) else {
            return vec![Need::new(format!("lambda:{operation}"), "*")];
        };
        let resource: Arc<str> = resource(on, call).into();
        let mut needs = vec![Need::new(action, Arc::clone(&resource))];
        let tags = tag_keys(call);
        if !tags.is_empty() && matches!(on, On::Made) {
            needs.push(Need::new("lambda:TagResource", resource));
        }
        for need in &mut needs {
            need.context.extend(tags.iter().cloned());
        }
        needs
    }

    /// The tags of a function. `None` when it does not exist.
    pub(crate) async fn tags_of(&self, arn: &str) -> Result<Option<Vec<Tag>>, ServiceError> {
        let arn = Arn::parse(arn).ok();
        let named = arn.as_ref().and_then(|arn| {
            let (name, _) = arn.function_name_and_qualifier()?;
            Some(format!("{}/{}/{name}", arn.account, arn.region))
        });
        let Some(key) = named else { return Ok(None) };
        let found = self.documents.get::<Function>(Kind::Function, &key).await?;
        let shared = |(key, value): (String, String)| (key.into(), value.into());
        Ok(found.map(|found| found.body.tags.into_iter().map(shared).collect()))
    }
}

/// The resource of a call. A text that names no function stands for itself, so that whoever may do
/// everything learns what is wrong with it.
fn resource(on: On, call: &Call) -> String {
    let member = match on {
        On::All => return "*".to_owned(),
        On::Function | On::Made => "FunctionName",
        On::Tagged => "Resource",
    };
    let Some(text) = call.text(member) else {
        return "*".to_owned();
    };
    let Ok(mut address) = Address::parse(text, call) else {
        return text.to_owned();
    };
    match on {
        On::Made => {
            address.account = call.account.to_string();
            address.arn()
        }
        On::Function => {
            let qualifier = || call.text("Qualifier").map(str::to_owned);
            address.qualifier = address.qualifier.or_else(qualifier);
            address.qualified_arn()
        }
        On::Tagged | On::All => address.qualified_arn(),
    }
}

/// `aws:RequestTag/...` and `aws:TagKeys` of a call that brings or takes tags. One tag more than
/// there may be is enough: the call is refused.
fn tag_keys(call: &Call) -> Vec<(Arc<str>, Values)> {
    let given = call.object("Tags").into_iter().flat_map(Object::iter);
    let mut keys: Vec<Arc<str>> = Vec::new();
    let mut context: Vec<(Arc<str>, Values)> = Vec::new();
    for (key, value) in given.take(TAGS_MAX + 1) {
        let name = format!("aws:RequestTag/{key}").into();
        let value = value.as_str().unwrap_or_default().into();
        context.push((name, Values::One(value)));
        keys.push(key.into());
    }
    let removed = call.list("TagKeys").iter().filter_map(Value::as_str);
    keys.extend(removed.map(Arc::from));
    if !keys.is_empty() {
        context.push(("aws:TagKeys".into(), Values::Many(keys)));
    }
    context
}

#[cfg(test)]
mod tests;
