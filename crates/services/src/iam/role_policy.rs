//! Policies of roles: inline ones, and attachments of managed ones.

use aws::{Arn, ServiceError};
use json::{ObjectBuilder, Value};

use super::policy_syntax::{self, Purpose};
use super::{Iam, limit_exceeded, no_such_entity, url_encoded};
use crate::{Answer, Call};

/// Bytes of a role's inline policies together, white space not counted (IAM quotas).
const INLINE_BYTES_MAX: usize = 10_240;
/// Managed policies on one role (IAM quotas).
const ATTACHED_MAX: usize = 10;

impl Iam {
    pub(super) async fn put_role_policy(&self, call: &Call) -> Result<Answer, ServiceError> {
        let name = call.required("PolicyName")?.to_owned();
        let document = call.required("PolicyDocument")?.to_owned();
        policy_syntax::check(&document, Purpose::Identity)?;
        self.change_role(call, move |role| {
            role.policies.insert(name.clone(), document.clone());
            let counted = |text: &String| text.chars().filter(|c| !c.is_whitespace()).count();
            if role.policies.values().map(counted).sum::<usize>() > INLINE_BYTES_MAX {
                let message = format!(
                    "Maximum policy size of {INLINE_BYTES_MAX} bytes exceeded for role {}",
                    role.name
                );
                return Err(ServiceError::new("LimitExceeded", message));
            }
            Ok(())
        })
        .await?;
        Ok(Answer::empty())
    }

    pub(super) async fn get_role_policy(&self, call: &Call) -> Result<Answer, ServiceError> {
        let name = call.required("PolicyName")?;
        let role = self.role(call).await?.body;
        let document = role.policies.get(name).ok_or_else(|| not_found(name))?;
        Ok(ObjectBuilder::new()
            .add("RoleName", role.name.as_str())
            .add("PolicyName", name)
            .add("PolicyDocument", url_encoded(document))
            .into())
    }

    pub(super) async fn delete_role_policy(&self, call: &Call) -> Result<Answer, ServiceError> {
        let name = call.required("PolicyName")?.to_owned();
        self.change_role(call, move |role| {
            role.policies
                .remove(&name)
                .map(drop)
                .ok_or_else(|| not_found(&name))
        })
        .await?;
        Ok(Answer::empty())
    }

    pub(super) async fn list_role_policies(&self, call: &Call) -> Result<Answer, ServiceError> {
        let role = self.role(call).await?.body;
        let names = role
            .policies
            .into_keys()
            .map(|name| (name.clone(), Value::from(name)));
        super::paged(call, "ListRolePolicies", "PolicyNames", names.collect())
    }

    pub(super) async fn attach_role_policy(&self, call: &Call) -> Result<Answer, ServiceError> {
        let arn = call.required("PolicyArn")?.to_owned();
        self.check_attachable(call, &arn).await?;
        self.change_role(call, move |role| {
            if !role.attached.contains(&arn) {
                role.attached.push(arn.clone());
            }
            if role.attached.len() > ATTACHED_MAX {
                return Err(limit_exceeded("PoliciesPerRole", ATTACHED_MAX));
            }
            Ok(())
        })
        .await?;
        Ok(Answer::empty())
    }

    pub(super) async fn detach_role_policy(&self, call: &Call) -> Result<Answer, ServiceError> {
        let arn = call.required("PolicyArn")?.to_owned();
        self.change_role(call, move |role| {
            let place = role.attached.iter().position(|other| *other == arn);
            let place =
                place.ok_or_else(|| no_such_entity(format!("Policy {arn} was not found.")))?;
            role.attached.remove(place);
            Ok(())
        })
        .await?;
        Ok(Answer::empty())
    }

    pub(super) async fn list_attached_role_policies(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let role = self.role(call).await?.body;
        let mut attached: Vec<(String, Value)> = role
            .attached
            .into_iter()
            .map(|arn| {
                let name = arn.rsplit('/').next().unwrap_or_default();
                let shown = ObjectBuilder::new()
                    .add("PolicyName", name)
                    .add("PolicyArn", arn.as_str())
                    .build();
                (arn, shown.into())
            })
            .collect();
        attached.sort_by(|a, b| a.0.cmp(&b.0));
        super::paged(
            call,
            "ListAttachedRolePolicies",
            "AttachedPolicies",
            attached,
        )
    }

    /// A policy of this account must exist. Those of AWS are taken by their ARN: their documents
    /// come with the evaluation of policies.
    async fn check_attachable(&self, call: &Call, arn: &str) -> Result<(), ServiceError> {
        let parsed = Arn::parse(arn)
            .map_err(|_| ServiceError::new("InvalidInput", format!("ARN {arn} is not valid.")))?;
        if parsed.service == "iam" && parsed.account == "aws" {
            return Ok(());
        }
        if self.managed_policy(call, arn).await?.is_none() {
            let message = format!("Policy {arn} does not exist or is not attachable.");
            return Err(no_such_entity(message));
        }
        Ok(())
    }
}

fn not_found(name: &str) -> ServiceError {
    no_such_entity(format!("The role policy with name {name} cannot be found."))
}
