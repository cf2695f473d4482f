//! The commands that add a statement to a policy, one a line, ready to be run in a shell.

use aws::Service;
use aws::iam::PolicyKind;
use json::{ObjectBuilder, Value};

use crate::Services;
use crate::iam::{counted_bytes, inline_bytes_max};
use crate::trail::Denial;

/// Characters of a name that tells which denial led to it; ids are much longer.
const ID_CHARS: usize = 8;

/// A statement that a policy lacks.
pub(super) struct Addition<'a> {
    pub(super) id: &'a str,
    pub(super) denial: &'a Denial,
    pub(super) kind: PolicyKind,
    /// ARN of the entity or resource that has, or is to have, the policy.
    pub(super) to: &'a str,
    /// JSON.
    pub(super) statement: &'a str,
    /// Of the inline policies that the denied role or user has now, as quotas count them.
    pub(super) inline_bytes: usize,
}

impl Addition<'_> {
    /// `None` where no command can do it: a session's policies are given when the session is made,
    /// and AWS's own policies can't be changed.
    pub(super) fn command(&self) -> Option<String> {
        let statement = json::parse(self.statement).ok()?;
        match self.kind {
            PolicyKind::Identity => self.identity_policy(statement),
            PolicyKind::Boundary => self.boundary_version(statement),
            PolicyKind::Trust => self.trust_policy(statement),
            PolicyKind::Resource => self.function_permission(&statement),
            PolicyKind::Session => None,
        }
    }

    /// A policy of its own: nothing that is there is overwritten. An inline one, while the entity
    /// has room for it, and otherwise a managed one.
    fn identity_policy(&self, statement: Value) -> Option<String> {
        let (entity, name) = entity(self.to)?;
        let document = ObjectBuilder::new()
            .add("Version", "2012-10-17")
            .add("Statement", vec![statement])
            .build();
        let document = Value::from(document).to_text();
        let bytes = self.inline_bytes + counted_bytes(&document);
        let policy = self.name("allow");
        let (name, document) = (quoted(name), quoted(&document));
        Some(match inline_bytes_max(entity) >= bytes {
            true => format!(
                "aws iam put-{entity}-policy --{entity}-name {name} --policy-name {} \
                 --policy-document {document}",
                quoted(&policy)
            ),
            false => {
                let (account, _) = self.to.split_once(&format!(":{entity}/"))?;
                format!(
                    "aws iam create-policy --policy-name {} --policy-document {document}\n\
                     aws iam attach-{entity}-policy --{entity}-name {name} --policy-arn {}",
                    quoted(&policy),
                    quoted(&format!("{account}:policy/{policy}"))
                )
            }
        })
    }

    /// A boundary is one managed policy, so it gets a new version.
    fn boundary_version(&self, statement: Value) -> Option<String> {
        let (arn, document) = self.present(statement)?;
        let is_of_aws = arn.split(':').nth(4) == Some("aws");
        (!is_of_aws).then(|| {
            format!(
                "aws iam create-policy-version --policy-arn {} --set-as-default \
                 --policy-document {}",
                quoted(arn),
                quoted(&document)
            )
        })
    }

    fn trust_policy(&self, statement: Value) -> Option<String> {
        let (_, document) = self.present(statement)?;
        let (_, role) = entity(self.to)?;
        Some(format!(
            "aws iam update-assume-role-policy --role-name {} --policy-document {}",
            quoted(role),
            quoted(&document)
        ))
    }

    /// The policy of this kind that was looked at, by its URI, and its document with the statement.
    fn present(&self, statement: Value) -> Option<(&str, String)> {
        let mut policies = self.denial.policies.iter();
        let policy = policies.find(|seen| seen.source.kind == self.kind)?;
        let document = json::parse(&policy.document).ok()?;
        let present = document.get("Statement")?;
        let mut statements = match present.as_array() {
            Some(statements) => statements.to_vec(),
            None => vec![present.clone()],
        };
        statements.push(statement);
        let document = document.with_member("Statement", statements.into());
        Some((&policy.source.uri, document.to_text()))
    }

    /// Functions get their policy one statement at a time.
    fn function_permission(&self, statement: &Value) -> Option<String> {
        let is_function = self.to.split(':').nth(2) == Some("lambda");
        let is_served = Services::facts(Service::Lambda, "AddPermission").is_some();
        if !(is_function && is_served) {
            return None;
        }
        let principal = statement.get("Principal")?;
        let principal = principal
            .get("AWS")
            .or_else(|| principal.get("Service"))
            .unwrap_or(principal);
        let action = statement.get("Action")?.as_str()?;
        Some(format!(
            "aws lambda add-permission --function-name {} --statement-id {} --action {} \
             --principal {}",
            quoted(self.to),
            quoted(&self.name("allow")),
            quoted(action),
            quoted(principal.as_str()?)
        ))
    }

    /// `allow-states-StartExecution-3f2a9c01`.
    fn name(&self, verb: &str) -> String {
        let action = self.denial.need.action.replace(':', "-");
        let id: String = self.id.chars().take(ID_CHARS).collect();
        format!("{verb}-{action}-{id}")
    }
}

/// `role` or `user`, and the name without its path.
pub(super) fn entity(arn: &str) -> Option<(&str, &str)> {
    let resource = arn.splitn(6, ':').nth(5)?;
    let (kind, path) = resource.split_once('/')?;
    matches!(kind, "role" | "user").then(|| (kind, path.rsplit('/').next().unwrap_or(path)))
}

/// One word of a POSIX shell: plain where it can be, else in single quotes.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+=,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests;
