//! Resource policies of an account: who else may write to its logs. They are kept and shown; no
//! call here is made by anyone they could let in.

use aws::ServiceError;
use aws::iam::{Policy, Purpose};
use json::{ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::{Kind, Store};

use super::pages::Page;
use super::{Logs, invalid, limit_exceeded, not_found, not_served};
use crate::documents::{self, Error};
use crate::{Answer, Call};

/// Policies of an account in a Region (CloudWatch Logs user guide, "CloudWatch Logs quotas").
const POLICIES_MAX: usize = 10;
/// API reference, "policyDocument": of an account; those of a resource may be longer.
const DOCUMENT_CHARACTERS_MAX: usize = 5_120;
/// The API gives no bound; this is that of other names.
const NAME_CHARACTERS_MAX: usize = 512;

/// A resource policy. Part of the store's format.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ResourcePolicy {
    name: String,
    /// As it was sent.
    document: String,
    updated_ms: i64,
}

impl ResourcePolicy {
    fn shown(&self) -> Value {
        ObjectBuilder::new()
            .add("policyName", self.name.as_str())
            .add("policyDocument", self.document.as_str())
            .add("lastUpdatedTime", self.updated_ms)
            .add("policyScope", "ACCOUNT")
            .build()
            .into()
    }
}

/// How the keys of an account's policies begin.
fn prefix(call: &Call) -> String {
    format!("logs/{}/{}/", call.account, call.region)
}

/// The name of a policy of the account.
fn name(call: &Call) -> Result<&str, ServiceError> {
    for member in ["resourceArn", "expectedRevisionId"] {
        if call.text(member).is_some() {
            return Err(not_served(member));
        }
    }
    let name = call.text("policyName").unwrap_or_default();
    match (1..=NAME_CHARACTERS_MAX).contains(&name.chars().count()) {
        true => Ok(name),
        false => Err(invalid(format!(
            "policyName has 1 to {NAME_CHARACTERS_MAX} characters"
        ))),
    }
}

/// The document of a policy, which says who may do what with which resource.
fn document(call: &Call) -> Result<&str, ServiceError> {
    let document = call.text("policyDocument").unwrap_or_default();
    if document.chars().count() > DOCUMENT_CHARACTERS_MAX {
        return Err(invalid(format!(
            "1 validation error detected: Value '{document}' at 'policyDocument' failed to satisfy \
             constraint: Member must have length less than or equal to {DOCUMENT_CHARACTERS_MAX}"
        )));
    }
    match Policy::parse(document, Purpose::Resource) {
        Ok(_) => Ok(document),
        Err(malformed) => Err(invalid(malformed.to_string())),
    }
}

impl Logs {
    pub(super) async fn put_resource_policy(&self, call: &Call) -> Result<Answer, ServiceError> {
        let policy = ResourcePolicy {
            name: name(call)?.to_owned(),
            document: document(call)?.to_owned(),
            updated_ms: call.now.0,
        };
        let shown = policy.shown();
        let put = move |store: &dyn Store, prefix: &str| put(store, prefix, &policy);
        match self.directory.documents.alone(&prefix(call), put).await? {
            true => Ok(ObjectBuilder::new().add("resourcePolicy", shown).into()),
            false => Err(limit_exceeded()),
        }
    }

    pub(super) async fn describe_resource_policies(
        &self,
        call: &Call,
    ) -> Result<Answer, ServiceError> {
        let page = Page::of(call, "limit")?;
        let is_of_resources =
            call.text("policyScope") == Some("RESOURCE") || call.text("resourceArn").is_some();
        let mut policies: Vec<(String, ResourcePolicy)> = Vec::new();
        if !is_of_resources {
            let after = page.after.as_deref();
            let documents = &self.directory.documents;
            policies = documents
                .list(Kind::ResourcePolicy, &prefix(call), after, POLICIES_MAX)
                .await?;
        }
        let next = page.cut(&mut policies, |(key, _)| key.clone());
        let shown: Value = policies.iter().map(|(_, policy)| policy.shown()).collect();
        Ok(page.answer("resourcePolicies", shown, next))
    }

    pub(super) async fn delete_resource_policy(&self, call: &Call) -> Result<Answer, ServiceError> {
        let name = name(call)?;
        let key = prefix(call) + name;
        let documents = &self.directory.documents;
        let delete = |store: &dyn Store, key: &str| {
            let found = documents::read::<ResourcePolicy>(store, Kind::ResourcePolicy, key)?;
            match found {
                Some(found) => documents::delete(store, Kind::ResourcePolicy, key, found.revision),
                None => Ok(false),
            }
        };
        match documents.alone(&key, delete).await? {
            true => Ok(Answer::empty()),
            false => Err(not_found(format!(
                "Policy with name [{name}] does not exist."
            ))),
        }
    }
}

/// Puts a policy. `false` when it would be one too many.
fn put(store: &dyn Store, prefix: &str, policy: &ResourcePolicy) -> Result<bool, Error> {
    let key = format!("{prefix}{}", policy.name);
    let replace = |found: &mut ResourcePolicy| {
        found.clone_from(policy);
        Ok::<_, Error>(())
    };
    if documents::change(store, Kind::ResourcePolicy, &key, replace)?.is_some() {
        return Ok(true);
    }
    let found = store.list_documents(Kind::ResourcePolicy, prefix, None, POLICIES_MAX)?;
    if found.len() >= POLICIES_MAX {
        return Ok(false);
    }
    documents::create(store, Kind::ResourcePolicy, &key, policy)
}
