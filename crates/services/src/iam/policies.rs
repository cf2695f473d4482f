//! Policies of roles, users and groups: inline ones, attachments of managed ones, boundaries.

use std::collections::BTreeMap;

use aws::iam::Purpose;
use aws::{Arn, ServiceError};
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};

use super::account::{Account, Entity};
use super::managed_policy::{self, ManagedPolicy};
use super::{document, limit_exceeded, list, no_such_entity};
use crate::{Answer, Call};

/// Managed policies on one role, user or group (IAM quotas).
pub(super) const ATTACHED_MAX: usize = 10;

/// What an entity may do, as far as it says so itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Policies {
    /// Inline policies by name.
    #[serde(rename = "policies", default)]
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached policies, in the order they were attached.
    #[serde(default)]
    pub attached: Vec<String>,
    /// ARN of the managed policy that bounds the others.
    #[serde(rename = "permissions_boundary", default)]
    pub boundary: Option<String>,
}

/// An entity that has policies.
pub(super) trait Holder: Entity {
    /// As messages call it: `role`.
    const WORD: &'static str;
    /// The member that names it: `RoleName`.
    const NAME: &'static str;
    /// Bytes of its inline policies together, white space not counted (IAM quotas).
    const INLINE_BYTES_MAX: usize;
    /// The quota of its attached policies.
    const ATTACHED_QUOTA: &'static str;

    fn name(&self) -> &str;
    fn policies(&self) -> &Policies;
    fn policies_mut(&mut self) -> &mut Policies;

    /// Refuses changes of what only AWS may change.
    fn check_modifiable(&self) -> Result<(), ServiceError> {
        Ok(())
    }
}

/// Put*Policy: overwrites.
pub(super) fn put<H: Holder>(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let name = call.required("PolicyName")?;
    let document = call.required("PolicyDocument")?;
    document::check(document, Purpose::Identity)?;
    account.change(call, |holder: &mut H| {
        holder.check_modifiable()?;
        let inline = &mut holder.policies_mut().inline;
        inline.insert(name.to_owned(), document.to_owned());
        let sizes = inline.values().map(|text| document::counted_bytes(text));
        if sizes.sum::<usize>() > H::INLINE_BYTES_MAX {
            let message = format!(
                "Maximum policy size of {} bytes exceeded for {} {}",
                H::INLINE_BYTES_MAX,
                H::WORD,
                holder.name()
            );
            return Err(ServiceError::new("LimitExceeded", message));
        }
        Ok(())
    })?;
    Ok(Answer::empty())
}

/// Get*Policy.
pub(super) fn get<H: Holder>(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let name = call.required("PolicyName")?;
    let holder = account.named::<H>(call)?;
    let document = holder.policies().inline.get(name);
    let document = document.ok_or_else(|| not_found::<H>(name))?;
    Ok(ObjectBuilder::new()
        .add(H::NAME, holder.name())
        .add("PolicyName", name)
        .add("PolicyDocument", document::url_encoded(document))
        .into())
}

/// Delete*Policy.
pub(super) fn delete<H: Holder>(
    account: &Account<'_>,
    call: &Call,
) -> Result<Answer, ServiceError> {
    let name = call.required("PolicyName")?;
    account.change(call, |holder: &mut H| {
        holder.check_modifiable()?;
        let gone = holder.policies_mut().inline.remove(name);
        gone.map(drop).ok_or_else(|| not_found::<H>(name))
    })?;
    Ok(Answer::empty())
}

/// List*Policies: the names of inline policies.
pub(super) fn list<H: Holder>(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let holder = account.named::<H>(call)?;
    let names = holder.policies().inline.keys();
    let names = names.map(|name| (name.clone(), Value::from(name.as_str())));
    list::answer(call, "policies", "PolicyNames", names.collect())
}

/// Attach*Policy: what is attached already stays so.
pub(super) fn attach<H: Holder>(
    account: &Account<'_>,
    call: &Call,
) -> Result<Answer, ServiceError> {
    let arn = call.required("PolicyArn")?;
    managed_policy::check_arn(arn)?;
    let policy = managed_policy::find(account, arn)?.ok_or_else(|| {
        no_such_entity(format!("Policy {arn} does not exist or is not attachable."))
    })?;
    account.change(call, |holder: &mut H| {
        holder.check_modifiable()?;
        check_attachable(&policy)?;
        let attached = &mut holder.policies_mut().attached;
        if !attached.iter().any(|other| other == arn) {
            attached.push(arn.to_owned());
        }
        match attached.len() > ATTACHED_MAX {
            true => Err(limit_exceeded(H::ATTACHED_QUOTA, ATTACHED_MAX)),
            false => Ok(()),
        }
    })?;
    Ok(Answer::empty())
}

/// Policies of service-linked roles are for those only.
fn check_attachable(policy: &ManagedPolicy) -> Result<(), ServiceError> {
    if policy.is_of_service_linked_roles() {
        let message = "Cannot attach a Service Role Policy to a Customer Role.";
        return Err(ServiceError::new("PolicyNotAttachable", message));
    }
    Ok(())
}

/// Detach*Policy.
pub(super) fn detach<H: Holder>(
    account: &Account<'_>,
    call: &Call,
) -> Result<Answer, ServiceError> {
    let arn = call.required("PolicyArn")?;
    managed_policy::check_arn(arn)?;
    account.change(call, |holder: &mut H| {
        holder.check_modifiable()?;
        let attached = &mut holder.policies_mut().attached;
        let place = attached.iter().position(|other| other == arn);
        let place = place.ok_or_else(|| managed_policy::not_found(arn))?;
        attached.remove(place);
        Ok(())
    })?;
    Ok(Answer::empty())
}

/// ListAttached*Policies.
pub(super) fn list_attached<H: Holder>(
    account: &Account<'_>,
    call: &Call,
) -> Result<Answer, ServiceError> {
    let prefix = call.text("PathPrefix").unwrap_or("/");
    let holder = account.named::<H>(call)?;
    let attached = holder.policies().attached.iter();
    let attached = attached.filter(|arn| path_of(arn).starts_with(prefix));
    let attached = attached.map(|arn| (position(arn), shown(arn))).collect();
    list::answer(call, "attached", "AttachedPolicies", attached)
}

/// `/path/` of `arn:aws:iam::A:policy/path/name`.
fn path_of(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let path = resource.strip_prefix("policy").unwrap_or(resource);
    let end = path.rfind('/').map_or(0, |slash| slash + 1);
    path.get(..end).unwrap_or_default()
}

/// What attached policies are sorted by: the name, then whose policy it is.
fn position(arn: &str) -> String {
    let account = arn.split(':').nth(4).unwrap_or_default();
    format!("{} {account}", name_of(arn))
}

fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

fn shown(arn: &str) -> Value {
    let shown = ObjectBuilder::new()
        .add("PolicyName", name_of(arn))
        .add("PolicyArn", arn)
        .build();
    shown.into()
}

/// Everything attached, as `AttachedManagedPolicies` shows it.
pub(super) fn attached_shown(policies: &Policies) -> Value {
    policies.attached.iter().map(|arn| shown(arn)).collect()
}

/// Inline policies with their documents, as `RolePolicyList` shows them.
pub(super) fn inline_shown(policies: &Policies) -> Value {
    let shown = |(name, text): (&String, &String)| {
        let shown = ObjectBuilder::new()
            .add("PolicyName", name.as_str())
            .add("PolicyDocument", document::url_encoded(text))
            .build();
        Value::from(shown)
    };
    policies.inline.iter().map(shown).collect()
}

/// Put*PermissionsBoundary.
pub(super) fn put_boundary<H: Holder>(
    account: &Account<'_>,
    call: &Call,
) -> Result<Answer, ServiceError> {
    let boundary = boundary_of(account, call)?;
    account.change(call, |holder: &mut H| {
        holder.check_modifiable()?;
        holder.policies_mut().boundary.clone_from(&boundary);
        Ok(())
    })?;
    Ok(Answer::empty())
}

/// Delete*PermissionsBoundary: what has none stays as it is.
pub(super) fn delete_boundary<H: Holder>(
    account: &Account<'_>,
    call: &Call,
) -> Result<Answer, ServiceError> {
    account.change(call, |holder: &mut H| {
        holder.check_modifiable()?;
        holder.policies_mut().boundary = None;
        Ok(())
    })?;
    Ok(Answer::empty())
}

/// The boundary that a call sets, if it sets one.
pub(super) fn boundary_of(
    account: &Account<'_>,
    call: &Call,
) -> Result<Option<String>, ServiceError> {
    let Some(arn) = call.text("PermissionsBoundary") else {
        return Ok(None);
    };
    let is_policy = |arn: Arn| arn.service == "iam" && arn.resource_type() == "policy";
    if !Arn::parse(arn).is_ok_and(is_policy) {
        let message = format!("Value ({arn}) for parameter PermissionsBoundary is invalid.");
        return Err(ServiceError::new("ValidationError", message).with_status(400));
    }
    let policy = managed_policy::find(account, arn)?.ok_or_else(|| {
        no_such_entity(format!(
            "Scope ARN: {arn} does not exist or is not attachable."
        ))
    })?;
    check_attachable(&policy)?;
    Ok(Some(arn.to_owned()))
}

/// `PermissionsBoundary` as roles and users show it.
pub(super) fn add_boundary(shown: &mut ObjectBuilder, policies: &Policies) {
    if let Some(arn) = &policies.boundary {
        let boundary = ObjectBuilder::new()
            .add("PermissionsBoundaryType", "PermissionsBoundaryPolicy")
            .add("PermissionsBoundaryArn", arn.as_str())
            .build();
        shown.add("PermissionsBoundary", boundary);
    }
}

/// Refuses to delete an entity that still has policies.
pub(super) fn check_none(policies: &Policies) -> Result<(), ServiceError> {
    if !policies.attached.is_empty() {
        return Err(super::delete_conflict(
            "Cannot delete entity, must detach all policies first.",
        ));
    }
    if !policies.inline.is_empty() {
        return Err(super::delete_conflict(
            "Cannot delete entity, must delete policies first.",
        ));
    }
    Ok(())
}

fn not_found<H: Holder>(name: &str) -> ServiceError {
    no_such_entity(format!(
        "The {} policy with name {name} cannot be found.",
        H::WORD
    ))
}
