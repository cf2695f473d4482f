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
use super::layer::{LAYERS_MAX, LayerAddress};
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
    /// What `LayerName` names.
    Layer,
    /// What `LayerName` and `VersionNumber` name.
    LayerVersion,
    /// What `Arn` names.
    LayerVersionArn,
}

/// The operations of [`Lambda::handle`], sorted.
const OPERATIONS: &[(&str, Facts, On)] = &[
    (
        "AddLayerVersionPermission",
        Facts::CHANGES,
        On::LayerVersion,
    ),
    ("AddPermission", Facts::CHANGES, On::Function),
    ("CreateAlias", Facts::CHANGES, On::Function),
    ("CreateFunction", Facts::CHANGES, On::Made),
    ("DeleteAlias", Facts::CHANGES, On::Function),
    ("DeleteFunction", Facts::CHANGES, On::Function),
    ("DeleteFunctionConcurrency", Facts::CHANGES, On::Function),
    (
        "DeleteFunctionEventInvokeConfig",
        Facts::CHANGES,
        On::Function,
    ),
    ("DeleteLayerVersion", Facts::CHANGES, On::LayerVersion),
    ("GetAccountSettings", Facts::READS, On::All),
    ("GetAlias", Facts::READS, On::Function),
    ("GetFunction", Facts::READS, On::Function),
    ("GetFunctionCodeSigningConfig", Facts::READS, On::Function),
    ("GetFunctionConcurrency", Facts::READS, On::Function),
    ("GetFunctionConfiguration", Facts::READS, On::Function),
    ("GetFunctionEventInvokeConfig", Facts::READS, On::Function),
    ("GetFunctionRecursionConfig", Facts::READS, On::Function),
    ("GetLayerVersion", Facts::READS, On::LayerVersion),
    ("GetLayerVersionByArn", Facts::READS, On::LayerVersionArn),
    ("GetLayerVersionPolicy", Facts::READS, On::LayerVersion),
    ("GetPolicy", Facts::READS, On::Function),
    ("GetRuntimeManagementConfig", Facts::READS, On::Function),
    ("Invoke", Facts::CHANGES_DATA, On::Function),
    ("ListAliases", Facts::READS, On::Function),
    ("ListEventSourceMappings", Facts::READS, On::All),
    ("ListFunctionEventInvokeConfigs", Facts::READS, On::Function),
    ("ListFunctions", Facts::READS, On::All),
    ("ListLayerVersions", Facts::READS, On::All),
    ("ListLayers", Facts::READS, On::All),
    ("ListTags", Facts::READS, On::Tagged),
    ("ListVersionsByFunction", Facts::READS, On::Function),
    ("PublishLayerVersion", Facts::CHANGES, On::Layer),
    ("PublishVersion", Facts::CHANGES, On::Function),
    ("PutFunctionConcurrency", Facts::CHANGES, On::Function),
    ("PutFunctionEventInvokeConfig", Facts::CHANGES, On::Function),
    ("PutFunctionRecursionConfig", Facts::CHANGES, On::Function),
    ("PutRuntimeManagementConfig", Facts::CHANGES, On::Function),
    (
        "RemoveLayerVersionPermission",
        Facts::CHANGES,
        On::LayerVersion,
    ),
    ("RemovePermission", Facts::CHANGES, On::Function),
    ("TagResource", Facts::CHANGES, On::Tagged),
    ("UntagResource", Facts::CHANGES, On::Tagged),
    ("UpdateAlias", Facts::CHANGES, On::Function),
    ("UpdateFunctionCode", Facts::CHANGES, On::Function),
    ("UpdateFunctionConfiguration", Facts::CHANGES, On::Function),
    (
        "UpdateFunctionEventInvokeConfig",
        Facts::CHANGES,
        On::Function,
    ),
];

/// The operations whose action has another name.
const ACTIONS: [(&str, &str); 2] = [
    ("GetLayerVersionByArn", "GetLayerVersion"),
    ("Invoke", "InvokeFunction"),
];

fn action(operation: &str) -> String {
    let other = ACTIONS.iter().find(|(name, _)| *name == operation);
    format!("lambda:{}", other.map_or(operation, |(_, action)| action))
}

fn known(operation: &str) -> Option<(Facts, On)> {
    let found = OPERATIONS.binary_search_by_key(&operation, |(name, ..)| name);
    let (_, facts, on) = OPERATIONS.get(found.ok()?)?;
    Some((*facts, *on))
}

impl Lambda {
    /// What is always true of an operation. `None` when it is not served.
    pub(crate) fn facts(operation: &str) -> Option<Facts> {
        known(operation).map(|(facts, _)| facts)
    }

    /// What a call needs, all of it.
    pub(crate) fn needs(operation: &str, call: &Call) -> Vec<Need> {
        let Some((_, on)) = known(operation) else {
            return vec![Need::new(action(operation), "*")];
        };
        let resource: Arc<str> = resource(on, call).into();
        let mut needs = vec![Need::new(action(operation), Arc::clone(&resource))];
        let mut keys = tag_keys(call);
        if !keys.is_empty() && matches!(on, On::Made) {
            needs.push(Need::new("lambda:TagResource", resource));
        }
        if let ("AddPermission", Some(principal)) = (operation, call.text("Principal")) {
            keys.push(("lambda:Principal".into(), Values::One(principal.into())));
        }
        for need in &mut needs {
            need.context.extend(keys.iter().cloned());
        }
        add_layers(call, &mut needs);
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
        On::Layer | On::LayerVersion => return layer(on, call),
        On::LayerVersionArn => "Arn",
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
        _ => address.qualified_arn(),
    }
}

fn layer(on: On, call: &Call) -> String {
    let Ok(address) = LayerAddress::of(call) else {
        return call.text("LayerName").unwrap_or("*").to_owned();
    };
    match (on, call.integer("VersionNumber")) {
        (On::LayerVersion, Some(number)) => format!("{}:{number}", address.arn()),
        _ => address.arn(),
    }
}

/// Whoever gives a function layers may have to choose among some (`lambda:Layer`), and reads them
/// (Lambda guide, "Granting layer access"). One more than there may be is enough: the call is
/// refused.
fn add_layers(call: &Call, needs: &mut Vec<Need>) {
    let layers = call.list("Layers").iter().filter_map(Value::as_str);
    let layers: Vec<Arc<str>> = layers.take(LAYERS_MAX + 1).map(Arc::from).collect();
    if layers.is_empty() {
        return;
    }
    if let Some(first) = needs.first_mut() {
        let layers = Values::Many(layers.clone());
        first.context.push(("lambda:Layer".into(), layers));
    }
    let reads = layers.into_iter();
    needs.extend(reads.map(|layer| Need::new("lambda:GetLayerVersion", layer)));
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
