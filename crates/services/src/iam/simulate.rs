//! SimulateCustomPolicy and SimulatePrincipalPolicy: the evaluator of real calls, asked for others.
//!
//! Source: the IAM API reference of both. Condition keys that a principal always has are filled in;
//! all others are missing unless ContextEntries gives them. Trust policies are not simulated, as on
//! AWS.

mod shown;

use std::sync::Arc;

use aws::iam::{
    Attached, Context, Policy, PolicyKind, Principal, Purpose, RoleSession, Source, Temporary,
    Values,
};
use aws::{Arn, ServiceError};
use json::Value;

use super::account::Account;
use super::directory::load;
use super::{list, no_such_entity};
use crate::{Answer, Call};

/// Pairs of an action and a resource, of which a page shows a thousand at most. All are listed for
/// every page.
const EVALUATIONS_MAX: usize = 100_000;

/// What the simulated caller has.
#[derive(Default)]
struct Policies {
    identity: Vec<Arc<Attached>>,
    boundary: Option<Arc<Attached>>,
}

/// One simulation: everything but the action and the resource.
struct Simulation {
    principal: Principal,
    policies: Policies,
    /// The policy that every resource is taken to have.
    resource: Option<Attached>,
    /// Who owns the resources whose ARN does not say.
    owner: Arc<str>,
    context: Context,
}

/// SimulateCustomPolicy: only the policies that the call holds.
pub(super) fn custom(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let caller = caller(account, call)?;
    if caller.is_none() && call.text("ResourcePolicy").is_some() {
        return Err(invalid("CallerArn is required with ResourcePolicy."));
    }
    let mut context = Context::new();
    let principal = match caller {
        Some(user) => {
            user.add_to(&mut context, call.now.0);
            user
        }
        None => somebody(account),
    };
    simulate(call, principal, Policies::default(), context)
}

/// SimulatePrincipalPolicy: those of a user with its groups, of a group or of a role, and those
/// that the call holds.
pub(super) fn principal(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let source = call.required("PolicySourceArn")?;
    let (entity, mut policies) = entity(account, call, source)?;
    exclude(call, &mut policies);
    let principal = match (caller(account, call)?, entity) {
        (Some(caller), _) => caller,
        (None, Some(user @ Principal::User { .. })) => user,
        (None, _) if call.text("ResourcePolicy").is_some() => {
            let message = "CallerArn is required with ResourcePolicy unless PolicySourceArn is \
                           the ARN of a user.";
            return Err(invalid(message));
        }
        (None, Some(role)) => role,
        (None, None) => somebody(account),
    };
    let mut context = Context::new();
    principal.add_to(&mut context, call.now.0);
    simulate(call, principal, policies, context)
}

fn simulate(
    call: &Call,
    principal: Principal,
    mut policies: Policies,
    mut context: Context,
) -> Result<Answer, ServiceError> {
    let given = given(call, "PolicyInputList", PolicyKind::Identity)?;
    policies.identity.extend(given.into_iter().map(Arc::new));
    let boundary = self::given(
        call,
        "PermissionsBoundaryPolicyInputList",
        PolicyKind::Boundary,
    )?;
    match boundary.len() {
        0 => {}
        1 => policies.boundary = boundary.into_iter().next().map(Arc::new),
        _ => return Err(invalid("There can be only one permissions boundary.")),
    }
    let resource = call.text("ResourcePolicy");
    let resource = resource.map(|text| attached(text, "ResourcePolicy.1", PolicyKind::Resource));
    add_entries(call, &mut context)?;
    let simulation = Simulation {
        owner: owner(call, &principal)?,
        principal,
        policies,
        resource: resource.transpose()?,
        context,
    };
    let (actions, resources) = (actions(call)?, resources(call)?);
    if actions.len().saturating_mul(resources.len()) > EVALUATIONS_MAX {
        return Err(invalid(format!(
            "A simulation has at most {EVALUATIONS_MAX} pairs of an action and a resource."
        )));
    }
    let mut asked = Vec::new();
    for action in actions {
        for resource in &resources {
            asked.push((format!("{:09}", asked.len()), (action, *resource)));
        }
    }
    let mut page = list::page(call, call.operation, asked)?;
    let results = std::mem::take(&mut page.items).into_iter();
    let results = results.map(|(action, resource)| simulation.result(action, resource));
    Ok(shown::answer(results.collect(), page))
}

/// The members of a list that are text.
fn texts<'c>(call: &'c Call, member: &str) -> impl Iterator<Item = &'c str> {
    call.list(member).iter().filter_map(Value::as_str)
}

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidInput", message.into())
}

/// The policies of a list in the call, named after their place in it.
fn given(call: &Call, member: &str, kind: PolicyKind) -> Result<Vec<Attached>, ServiceError> {
    let documents = texts(call, member).zip(1..);
    documents
        .map(|(text, number)| attached(text, &format!("{member}.{number}"), kind))
        .collect()
}

fn attached(text: &str, name: &str, kind: PolicyKind) -> Result<Attached, ServiceError> {
    let purpose = match kind {
        PolicyKind::Resource => Purpose::Resource,
        _ => Purpose::Identity,
    };
    let policy = Policy::parse(text, purpose);
    let policy = policy.map_err(|malformed| invalid(malformed.to_string()))?;
    let source = Source {
        kind,
        uri: name.into(),
        managed: false,
        attached_to: "".into(),
    };
    Ok(Attached { policy, source })
}

/// The actions, each of which must be one action.
fn actions(call: &Call) -> Result<Vec<&str>, ServiceError> {
    let is_action = |text: &str| {
        let parts = text.split_once(':');
        parts.is_some_and(|(service, name)| !service.is_empty() && !name.is_empty())
            && !text.contains(['*', '?'])
    };
    let checked = texts(call, "ActionNames").map(|text| match is_action(text) {
        true => Ok(text),
        false => Err(invalid(format!("Invalid Action: {text}"))),
    });
    checked.collect()
}

/// The resources; without any, every action is on `*`.
fn resources(call: &Call) -> Result<Vec<&str>, ServiceError> {
    let checked = texts(call, "ResourceArns").map(|text| {
        if text == "*" || Arn::parse(text).is_ok() {
            Ok(text)
        } else {
            Err(invalid(format!("ARN {text} is not valid.")))
        }
    });
    let mut resources = checked.collect::<Result<Vec<_>, _>>()?;
    if resources.is_empty() {
        resources.push("*");
    }
    Ok(resources)
}

/// The account of `ResourceOwner`; otherwise that of the caller.
fn owner(call: &Call, principal: &Principal) -> Result<Arc<str>, ServiceError> {
    let own = || {
        principal
            .account()
            .map_or_else(|| Arc::clone(&call.account), Arc::clone)
    };
    let Some(text) = call.text("ResourceOwner") else {
        return Ok(own());
    };
    match Arn::parse(text) {
        Ok(arn) if !arn.account.is_empty() => Ok(arn.account.into()),
        _ => Err(invalid(format!("ARN {text} is not valid."))),
    }
}

/// A key that is given here counts, also one that the principal has.
fn add_entries(call: &Call, context: &mut Context) -> Result<(), ServiceError> {
    for entry in call.list("ContextEntries") {
        let text = |member: &str| entry.get(member).and_then(Value::as_str);
        let Some(name) = text("ContextKeyName") else {
            return Err(invalid("A context entry has no ContextKeyName."));
        };
        let values = entry.get("ContextKeyValues").and_then(Value::as_array);
        let values = values.unwrap_or_default().iter().filter_map(Value::as_str);
        let mut values: Vec<Arc<str>> = values.map(Arc::from).collect();
        let is_list = text("ContextKeyType").is_some_and(|kind| kind.ends_with("List"));
        let values = match (is_list, values.len()) {
            (false, 1) => Values::One(values.swap_remove(0)),
            _ => Values::Many(values),
        };
        context.put(name.into(), values);
    }
    Ok(())
}

/// The user of `CallerArn`, which need not exist.
fn caller(account: &Account<'_>, call: &Call) -> Result<Option<Principal>, ServiceError> {
    let Some(text) = call.text("CallerArn") else {
        return Ok(None);
    };
    let arn = Arn::parse(text).map_err(|_| invalid(format!("ARN {text} is not valid.")))?;
    if arn.service != "iam" || arn.resource_type() != "user" {
        let message = format!("CallerArn must be the ARN of an IAM user, which {text} is not.");
        return Err(invalid(message));
    }
    let name = arn.resource.rsplit('/').next().unwrap_or_default();
    let known = match arn.account == account.id {
        true => load::user(account.store, account.id, name)?,
        false => None,
    };
    let known = known.filter(|user| *user.arn == *text);
    Ok(Some(Principal::User {
        account: arn.account.as_str().into(),
        arn: text.into(),
        id: known
            .as_ref()
            .map_or_else(|| "".into(), |user| Arc::clone(&user.id)),
        name: name.into(),
        tags: known.map(|user| user.tags).unwrap_or_default(),
        temporary: None,
    }))
}

/// A caller of the account of whom nothing is known.
fn somebody(account: &Account<'_>) -> Principal {
    Principal::User {
        account: account.id.into(),
        arn: "".into(),
        id: "".into(),
        name: "".into(),
        tags: Arc::default(),
        temporary: None,
    }
}

/// The entity with its policies; a group is no principal.
fn entity(
    account: &Account<'_>,
    call: &Call,
    text: &str,
) -> Result<(Option<Principal>, Policies), ServiceError> {
    let invalid = || invalid(format!("ARN {text} is not valid."));
    let arn = Arn::parse(text).map_err(|_| invalid())?;
    let missing = || no_such_entity(format!("The entity {text} cannot be found."));
    let name = arn.resource.rsplit('/').next().unwrap_or_default();
    let (store, own) = (account.store, account.id);
    if arn.service != "iam" {
        return Err(invalid());
    }
    if arn.account != own {
        return Err(missing());
    }
    match arn.resource_type() {
        "user" => {
            let user = load::user(store, own, name)?;
            let user = user.filter(|user| *user.arn == *text).ok_or_else(missing)?;
            let policies = Policies {
                identity: user.policies.to_vec(),
                boundary: user.boundary,
            };
            let principal = Principal::User {
                account: user.account,
                arn: user.arn,
                id: user.id,
                name: user.name,
                tags: user.tags,
                temporary: None,
            };
            Ok((Some(principal), policies))
        }
        "group" => {
            let policies = Policies {
                identity: load::group_policies(store, own, text)?.ok_or_else(missing)?,
                boundary: None,
            };
            Ok((None, policies))
        }
        "role" => {
            let role = load::role(store, own, name)?;
            let role = role.filter(|role| *role.arn == *text).ok_or_else(missing)?;
            let policies = Policies {
                identity: role.policies.to_vec(),
                boundary: role.boundary,
            };
            let session = RoleSession {
                account: role.account,
                role_arn: role.arn,
                role_name: role.name,
                role_id: role.id,
                session_name: "simulated".into(),
                tags: role.tags,
                transitive_tag_keys: Arc::default(),
                source_identity: None,
                federated_provider: None,
                temporary: Temporary {
                    issued_ms: call.now.0,
                    mfa: false,
                },
            };
            Ok((Some(Principal::Role(Arc::new(session))), policies))
        }
        _ => Err(invalid()),
    }
}

/// Takes out what PolicyExclusionList names.
fn exclude(call: &Call, policies: &mut Policies) {
    for excluded in call.list("PolicyExclusionList") {
        let text = |member: &str| excluded.get(member).and_then(Value::as_str);
        let kind = text("PolicyType");
        if kind == Some("permission-boundary") {
            policies.boundary = None;
        }
        let arn = text("PolicyArn");
        let inline = excluded.get("InlinePolicyIdentifier");
        policies.identity.retain(|attached| {
            let source = &attached.source;
            let is_of_kind = match kind {
                Some("inline") => !source.managed,
                Some("aws-managed") => source.managed && is_of_aws(source),
                Some("user-managed") => source.managed && !is_of_aws(source),
                _ => false,
            };
            let is_it = arn.is_some_and(|arn| source.managed && *source.uri == *arn);
            !(is_of_kind || is_it || inline.is_some_and(|inline| is_inline(source, inline)))
        });
        let is_boundary = |attached: &Arc<Attached>| arn == Some(&*attached.source.uri);
        if policies.boundary.as_ref().is_some_and(is_boundary) {
            policies.boundary = None;
        }
    }
}

fn is_of_aws(source: &Source) -> bool {
    source.uri.split(':').nth(4) == Some("aws")
}

/// Whether an inline policy is the one that an InlinePolicyIdentifier names.
fn is_inline(source: &Source, named: &Value) -> bool {
    let text = |member: &str| named.get(member).and_then(Value::as_str);
    let Some((arn, name)) = source.uri.split_once("#policy/") else {
        return false;
    };
    let Some((_, entity)) = arn.rsplit_once(':') else {
        return false;
    };
    text("PolicyName") == Some(name)
        && text("AttachmentType") == entity.split('/').next()
        && text("AttachmentName") == entity.rsplit('/').next()
}

#[cfg(test)]
mod tests;
