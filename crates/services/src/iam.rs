//! Identity and Access Management: roles and managed policies, as far as deploying functions and
//! state machines needs them. Policies are checked for their syntax and kept; this version does
//! not evaluate them.

pub mod directory;
mod managed_policy;
pub(crate) mod needs;
mod policy_syntax;
mod role;
mod role_policy;
mod tags;

use std::sync::Arc;

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use uuid::Uuid;

use self::directory::Directory;
use crate::documents::Documents;
use crate::{Answer, Call, Foundations, page};

/// IAM of every account of the server.
pub struct Iam {
    documents: Documents,
    directory: Arc<Directory>,
}

/// Entries of a list when the caller does not say (IAM API reference, "MaxItems").
const PAGE_ITEMS_DEFAULT: i64 = 100;

impl Iam {
    pub(crate) fn new(foundations: &Foundations) -> Iam {
        Iam {
            documents: Documents::new(foundations.store.clone()),
            directory: Arc::clone(&foundations.identity.directory),
        }
    }

    /// Runs one operation. `None` when it is not served.
    pub(crate) async fn handle(
        &self,
        operation: &str,
        call: &Call,
    ) -> Option<Result<Answer, ServiceError>> {
        if let Some(error) = violation(call) {
            return is_served(operation).then_some(Err(error));
        }
        let answer = match operation {
            "CreateRole" => self.create_role(call).await,
            "GetRole" => self.get_role(call).await,
            "ListRoles" => self.list_roles(call).await,
            "UpdateRole" => self.update_role(call).await,
            "UpdateRoleDescription" => self.update_role_description(call).await,
            "UpdateAssumeRolePolicy" => self.update_assume_role_policy(call).await,
            "DeleteRole" => self.delete_role(call).await,
            "TagRole" => self.tag_role(call).await,
            "UntagRole" => self.untag_role(call).await,
            "ListRoleTags" => self.list_role_tags(call).await,
            "ListInstanceProfilesForRole" => self.list_instance_profiles_for_role(call).await,
            "PutRolePolicy" => self.put_role_policy(call).await,
            "GetRolePolicy" => self.get_role_policy(call).await,
            "DeleteRolePolicy" => self.delete_role_policy(call).await,
            "ListRolePolicies" => self.list_role_policies(call).await,
            "AttachRolePolicy" => self.attach_role_policy(call).await,
            "DetachRolePolicy" => self.detach_role_policy(call).await,
            "ListAttachedRolePolicies" => self.list_attached_role_policies(call).await,
            "CreatePolicy" => self.create_policy(call).await,
            "GetPolicy" => self.get_policy(call).await,
            "GetPolicyVersion" => self.get_policy_version(call).await,
            "CreatePolicyVersion" => self.create_policy_version(call).await,
            "DeletePolicyVersion" => self.delete_policy_version(call).await,
            "ListPolicyVersions" => self.list_policy_versions(call).await,
            "DeletePolicy" => self.delete_policy(call).await,
            "ListPolicies" => self.list_policies(call).await,
            _ => return None,
        };
        self.directory.changed();
        Some(answer)
    }
}

/// The operations of [`Iam::handle`].
const SERVED: &[&str] = &[
    "AttachRolePolicy",
    "CreatePolicy",
    "CreatePolicyVersion",
    "CreateRole",
    "DeletePolicy",
    "DeletePolicyVersion",
    "DeleteRole",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "GetPolicy",
    "GetPolicyVersion",
    "GetRole",
    "GetRolePolicy",
    "ListAttachedRolePolicies",
    "ListInstanceProfilesForRole",
    "ListPolicies",
    "ListPolicyVersions",
    "ListRolePolicies",
    "ListRoleTags",
    "ListRoles",
    "PutRolePolicy",
    "TagRole",
    "UntagRole",
    "UpdateAssumeRolePolicy",
    "UpdateRole",
    "UpdateRoleDescription",
];

fn is_served(operation: &str) -> bool {
    SERVED.binary_search(&operation).is_ok()
}

fn violation(call: &Call) -> Option<ServiceError> {
    let model = aws::Service::Iam.model().ok()?;
    ServiceError::violations(model, &call.violations)
}

fn no_such_entity(message: String) -> ServiceError {
    ServiceError::new("NoSuchEntity", message)
}

fn entity_already_exists(message: String) -> ServiceError {
    ServiceError::new("EntityAlreadyExists", message)
}

fn delete_conflict(what: &str) -> ServiceError {
    ServiceError::new("DeleteConflict", what)
}

fn limit_exceeded(quota: &str, limit: usize) -> ServiceError {
    ServiceError::new(
        "LimitExceeded",
        format!("Cannot exceed quota for {quota}: {limit}"),
    )
}

/// A unique id as AWS forms them: a prefix for the kind (`AROA`, `ANPA`) and 17 of `A-Z2-7`.
fn unique_id(prefix: &str) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = Uuid::new_v4().as_u128();
    let letters = (0..17_u32).filter_map(|at| {
        let index = usize::try_from(bits >> (at * 5 + 20) & 31).ok()?;
        ALPHABET.get(index).map(|letter| char::from(*letter))
    });
    prefix.chars().chain(letters).collect()
}

/// Policy documents travel URL-encoded in answers (RFC 3986: a space is `%20`).
fn url_encoded(document: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(document, ENCODED).to_string()
}

/// One page of a list that is in memory: `items` are its entries by the name they are sorted by.
fn paged(
    call: &Call,
    operation: &str,
    member: &'static str,
    items: Vec<(String, Value)>,
) -> Result<Answer, ServiceError> {
    let scope = call
        .text("RoleName")
        .or_else(|| call.text("PolicyArn"))
        .unwrap_or_default();
    let prefix = call.text("PathPrefix").unwrap_or_default();
    // What else ListPolicies chooses by; with what stands for a member that is left out.
    let whose = call.text("Scope").unwrap_or("All");
    let only_attached = call.flag("OnlyAttached").unwrap_or(false);
    let request = format!(
        "{operation} {} {scope} {prefix} {whose} {only_attached}",
        call.account
    );
    let after = match call.text("Marker") {
        None => None,
        Some(marker) => Some(page::position(&request, marker, call.now).ok_or_else(|| {
            ServiceError::new("ValidationError", "Invalid Marker.").with_status(400)
        })?),
    };
    let limit = call.integer("MaxItems").unwrap_or(PAGE_ITEMS_DEFAULT);
    let limit = usize::try_from(limit).unwrap_or(1);
    let mut rest = items
        .into_iter()
        .filter(|(name, _)| after.as_ref().is_none_or(|after| name > after));
    let mut last = String::new();
    let mut shown = Vec::new();
    for (name, item) in rest.by_ref().take(limit) {
        last = name;
        shown.push(item);
    }
    let mut answer = ObjectBuilder::new();
    answer.add(member, shown);
    let more = rest.next().is_some();
    answer.add("IsTruncated", more);
    if more {
        answer.add("Marker", page::token(&request, &last, call.now));
    }
    Ok((&mut answer).into())
}

#[cfg(test)]
mod tests;
