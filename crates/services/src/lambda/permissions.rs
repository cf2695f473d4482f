//! Resource policies: who may use a function, a version, an alias or a layer version beside those
//! whom their own policies allow it.
//!
//! Each of them has a policy of its own, a document whose key is its ARN. The statements of
//! AddPermission only allow: a policy of this kind never takes anything away.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws::ServiceError;
use aws::iam::{Attached, Policy, PolicyKind, Purpose, Source};
use json::{Object, ObjectBuilder, Value};
use serde::{Deserialize, Serialize};
use store::{Kind, Store};
use uuid::Uuid;

use super::address::{Address, LATEST};
use super::function::find;
use super::{Lambda, invalid, missing, not_found};
use crate::documents::{self, Found};
use crate::iam::trust::{Principals, with_ids};
use crate::seal::Seal;
use crate::{Answer, Call};

/// Bytes of a policy (Lambda guide, "Quotas": "Function resource-based policy: 20 KB").
const POLICY_BYTES_MAX: usize = 20_480;
/// How often a change is tried again when somebody else changed the policy in between.
const CHANGE_ATTEMPTS_MAX: usize = 16;
/// Policies of one function that are deleted at once.
const FORGOTTEN_PAGE: usize = 100;

/// The policy of a resource. Part of the store's format.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct ResourcePolicy {
    revision_id: String,
    /// In the order they were added.
    statements: Vec<Permission>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Permission {
    sid: String,
    /// As JSON text.
    statement: String,
    /// The ids of the users and roles it names, by their ARNs.
    ids: BTreeMap<String, String>,
}

/// A statement that a caller wants to add.
pub(super) struct Grant {
    pub sid: String,
    pub action: String,
    /// A service, an account, the ARN of an entity, or `*`.
    pub principal: String,
    /// `Condition`; empty for none.
    pub condition: Object,
    /// The revision that the policy must still have.
    pub revision_id: Option<String>,
}

impl ResourcePolicy {
    /// The document. Its members stand in AWS's order.
    fn document(&self, statement: impl Fn(&Permission) -> String) -> String {
        let statements: Vec<String> = self.statements.iter().map(statement).collect();
        format!(
            r#"{{"Version":"2012-10-17","Id":"default","Statement":[{}]}}"#,
            statements.join(",")
        )
    }

    fn check_revision(&self, expected: Option<&str>) -> Result<(), ServiceError> {
        if expected.is_none_or(|expected| expected == self.revision_id) {
            return Ok(());
        }
        let message = "The Revision Id provided does not match the latest Revision Id. Call the \
                       GetPolicy API to retrieve the latest Revision Id";
        Err(user_error("PreconditionFailedException", message))
    }

    fn add(&mut self, permission: Permission) -> Result<(), ServiceError> {
        if self.has(&permission.sid) {
            let message = format!(
                "The statement id ({}) provided already exists. Please provide a new statement id, \
                 or remove the existing statement.",
                permission.sid
            );
            return Err(user_error("ResourceConflictException", message));
        }
        self.statements.push(permission);
        let size = self
            .document(|permission| permission.statement.clone())
            .len();
        if size > POLICY_BYTES_MAX {
            let message = format!(
                "The final policy size ({size}) is bigger than the limit ({POLICY_BYTES_MAX})."
            );
            return Err(user_error("PolicyLengthExceededException", message));
        }
        Ok(())
    }

    fn remove(&mut self, sid: &str) -> Result<(), ServiceError> {
        if !self.has(sid) {
            return Err(missing(format!(
                "Statement {sid} is not found in resource policy."
            )));
        }
        self.statements.retain(|permission| permission.sid != sid);
        Ok(())
    }

    fn has(&self, sid: &str) -> bool {
        self.statements
            .iter()
            .any(|permission| permission.sid == sid)
    }
}

impl Grant {
    /// The statement on a resource, as JSON.
    fn statement(&self, arn: &str) -> Result<String, ServiceError> {
        let mut statement = ObjectBuilder::new();
        statement
            .add("Sid", self.sid.as_str())
            .add("Effect", "Allow")
            .add("Principal", principal(&self.principal)?)
            .add("Action", self.action.as_str())
            .add("Resource", arn);
        if !self.condition.is_empty() {
            statement.add("Condition", self.condition.clone());
        }
        Ok(Value::from(statement.build()).to_text())
    }
}

/// `Principal` of a statement.
fn principal(text: &str) -> Result<Value, ServiceError> {
    let one = |kind: &str, text: &str| ObjectBuilder::new().add(kind, text).build().into();
    let is_account = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    let is_service = text.ends_with(".amazonaws.com") || text.ends_with(".amazonaws.com.cn");
    match text {
        "*" => Ok("*".into()),
        _ if is_account => Ok(one("AWS", &format!("arn:aws:iam::{text}:root"))),
        _ if text.starts_with("arn:") => Ok(one("AWS", text)),
        _ if is_service => Ok(one("Service", text)),
        _ => Err(invalid_principal()),
    }
}

fn invalid_principal() -> ServiceError {
    invalid("The provided principal was invalid. Please check the principal and try again.")
}

fn user_error(code: &'static str, message: impl Into<String>) -> ServiceError {
    ServiceError::new(code, message).with_field("Type", "User")
}

/// `Condition` of AddPermission: what narrows the principal.
fn condition(call: &Call) -> Object {
    let operators = [
        (
            "StringEquals",
            &[
                ("SourceAccount", "AWS:SourceAccount"),
                ("PrincipalOrgID", "aws:PrincipalOrgID"),
                ("EventSourceToken", "lambda:EventSourceToken"),
                ("FunctionUrlAuthType", "lambda:FunctionUrlAuthType"),
            ][..],
        ),
        ("ArnLike", &[("SourceArn", "AWS:SourceArn")][..]),
    ];
    let mut condition = ObjectBuilder::new();
    for (operator, members) in operators {
        let given = |(member, key): &(&str, &'static str)| Some((*key, call.text(member)?));
        let keys: Vec<(&str, &str)> = members.iter().filter_map(given).collect();
        if !keys.is_empty() {
            let keys = keys.into_iter().map(|(key, text)| (key, Value::from(text)));
            condition.add(operator, keys.collect::<Object>());
        }
    }
    if let Some(flag) = call.flag("InvokedViaFunctionUrl") {
        let text = if flag { "true" } else { "false" };
        let key = ObjectBuilder::new()
            .add("lambda:InvokedViaFunctionUrl", text)
            .build();
        condition.add("Bool", key);
    }
    condition.build()
}

/// Changes and shows policies, where it may block.
pub(super) struct Keeper {
    seal: Arc<Seal>,
    /// Whether users and roles have to exist that a policy names.
    knows_principals: bool,
}

/// The policy of one resource.
pub(super) struct Kept<'k> {
    store: &'k dyn Store,
    arn: &'k str,
    keeper: &'k Keeper,
}

impl Keeper {
    /// That of a resource, whose existence is the caller's to check.
    pub(super) fn of<'k>(&'k self, store: &'k dyn Store, arn: &'k str) -> Kept<'k> {
        Kept {
            store,
            arn,
            keeper: self,
        }
    }
}

impl Kept<'_> {
    /// Adds a statement. Gives it, and the policy's new revision id.
    pub(super) fn grant(&self, grant: &Grant) -> Result<(String, String), ServiceError> {
        let statement = grant.statement(self.arn)?;
        let ids = match self.keeper.knows_principals {
            true => self
                .principals()
                .ids(&in_document(&statement))
                .map_err(|_| invalid_principal())?,
            false => BTreeMap::new(),
        };
        let permission = Permission {
            sid: grant.sid.clone(),
            statement: statement.clone(),
            ids,
        };
        let revision_id = self.change(|policy| {
            policy.check_revision(grant.revision_id.as_deref())?;
            policy.add(permission.clone())
        })?;
        Ok((statement, revision_id))
    }

    /// Takes a statement out. A policy without statements is none.
    pub(super) fn revoke(&self, sid: &str, revision_id: Option<&str>) -> Result<(), ServiceError> {
        self.change(|policy| {
            if policy.statements.is_empty() {
                return Err(missing("No policy is associated with the given resource."));
            }
            policy.check_revision(revision_id)?;
            policy.remove(sid)
        })?;
        Ok(())
    }

    /// `Policy` and `RevisionId`.
    pub(super) fn shown(&self) -> Result<Answer, ServiceError> {
        let Some(found) = self.read()? else {
            return Err(missing("The resource you requested does not exist."));
        };
        let mut policy = found.body;
        for permission in &mut policy.statements {
            let document = in_document(&permission.statement);
            let shown = self.principals().shown(&document, &permission.ids)?;
            permission.statement = out_of_document(&shown).to_owned();
        }
        let document = policy.document(|permission| permission.statement.clone());
        Ok(ObjectBuilder::new()
            .add("Policy", document)
            .add("RevisionId", policy.revision_id)
            .into())
    }

    fn principals(&self) -> Principals<'_> {
        Principals {
            store: self.store,
            seal: &self.keeper.seal,
            account: engine::arn::account(self.arn),
        }
    }

    fn read(&self) -> Result<Option<Found<ResourcePolicy>>, documents::Error> {
        documents::read(self.store, Kind::ResourcePolicy, self.arn)
    }

    /// Changes the policy, which may be none yet; gives its new revision id.
    fn change(
        &self,
        change: impl Fn(&mut ResourcePolicy) -> Result<(), ServiceError>,
    ) -> Result<String, ServiceError> {
        for _ in 0..CHANGE_ATTEMPTS_MAX {
            let found = self.read()?;
            let revision = found.as_ref().map(|found| found.revision);
            let mut policy = found.map(|found| found.body).unwrap_or_default();
            change(&mut policy)?;
            policy.revision_id = Uuid::new_v4().to_string();
            if self.put(&policy, revision)? {
                return Ok(policy.revision_id);
            }
        }
        Err(documents::Error::Contended(self.arn.to_owned()).into())
    }

    /// Keeps the policy, or deletes it when it has no statement any more. `false` when it changed
    /// since it was read at a revision.
    fn put(
        &self,
        policy: &ResourcePolicy,
        revision: Option<u64>,
    ) -> Result<bool, documents::Error> {
        let (store, kind) = (self.store, Kind::ResourcePolicy);
        match revision {
            None => documents::create(store, kind, self.arn, policy),
            Some(revision) if policy.statements.is_empty() => {
                documents::delete(store, kind, self.arn, revision)
            }
            Some(revision) => documents::replace(store, kind, self.arn, policy, revision),
        }
    }
}

fn check_exists(store: &dyn Store, address: &Address) -> Result<(), ServiceError> {
    let found = find(store, address, 1.0)?;
    found.map_or_else(|| Err(not_found(&address.qualified_arn())), |_| Ok(()))
}

impl Lambda {
    pub(super) async fn add_permission(&self, call: &Call) -> Result<Answer, ServiceError> {
        let address = Address::of(call)?;
        refuse_latest(&address)?;
        let grant = Grant {
            sid: call.required("StatementId")?.to_owned(),
            action: call.required("Action")?.to_owned(),
            principal: call.required("Principal")?.to_owned(),
            condition: condition(call),
            revision_id: call.text("RevisionId").map(str::to_owned),
        };
        let (at, keeper) = (address.clone(), self.policy_keeper());
        let added = self.alone(&address, move |store| {
            check_exists(store, &at)?;
            keeper.of(store, &at.qualified_arn()).grant(&grant)
        });
        let (statement, _) = added.await?;
        Ok(ObjectBuilder::new().add("Statement", statement).into())
    }

    pub(super) async fn remove_permission(&self, call: &Call) -> Result<Answer, ServiceError> {
        let address = Address::of(call)?;
        refuse_latest(&address)?;
        let (at, keeper) = (address.clone(), self.policy_keeper());
        let sid = call.required("StatementId")?.to_owned();
        let revision_id = call.text("RevisionId").map(str::to_owned);
        let removed = self.alone(&address, move |store| {
            let arn = at.qualified_arn();
            if find(store, &at, 1.0)?.is_none() {
                return Err(missing(format!("No policy found for: {arn}")));
            }
            keeper.of(store, &arn).revoke(&sid, revision_id.as_deref())
        });
        removed.await?;
        Ok(Answer::empty())
    }

    pub(super) async fn get_policy(&self, call: &Call) -> Result<Answer, ServiceError> {
        let (address, keeper) = (Address::of(call)?, self.policy_keeper());
        let shown = self.documents.blocking(move |store| {
            let shown = || {
                check_exists(store, &address)?;
                let arn = address.qualified_arn();
                keeper.of(store, policy_key(&arn)).shown()
            };
            Ok(shown())
        });
        shown.await?
    }

    /// What changes and shows policies.
    pub(super) fn policy_keeper(&self) -> Keeper {
        Keeper {
            seal: Arc::clone(&self.seal),
            knows_principals: self.access.roles_are_enforced(),
        }
    }

    /// The policy of a function, a version, an alias (their ARN with its qualifier) or a layer
    /// version, as it is evaluated. `None` for one that has none. It allows, and never denies.
    pub(crate) async fn policy_of(
        &self,
        arn: &str,
    ) -> Result<Option<Arc<Attached>>, documents::Error> {
        let key = policy_key(arn);
        let found = self
            .documents
            .get::<ResourcePolicy>(Kind::ResourcePolicy, key);
        let Some(found) = found.await? else {
            return Ok(None);
        };
        let evaluated = |permission: &Permission| {
            let document = in_document(&permission.statement);
            out_of_document(&with_ids(&document, &permission.ids)).to_owned()
        };
        let document = found.body.document(evaluated);
        Ok(Some(Arc::new(Attached {
            policy: Policy::kept(&document, Purpose::Resource),
            source: Source {
                kind: PolicyKind::Resource,
                uri: format!("{key}#policy").into(),
                managed: false,
                attached_to: key.into(),
            },
        })))
    }
}

/// Deletes the policy of what is deleted: for a function those of its versions and aliases too.
/// Whoever makes another one of the same name must not find them. Blocks while the store writes.
pub(super) fn forget(store: &dyn Store, arn: &str) -> Result<(), documents::Error> {
    delete(store, arn)?;
    let prefix = format!("{arn}:");
    loop {
        let page = store.list_documents(Kind::ResourcePolicy, &prefix, None, FORGOTTEN_PAGE)?;
        for (key, _) in &page {
            delete(store, key)?;
        }
        if page.len() < FORGOTTEN_PAGE {
            return Ok(());
        }
    }
}

fn delete(store: &dyn Store, arn: &str) -> Result<(), documents::Error> {
    store.delete_document(Kind::ResourcePolicy, arn, store::Expected::Any)?;
    Ok(())
}

/// The key of the policy that bears on an ARN: `$LATEST` has that of its function.
fn policy_key(arn: &str) -> &str {
    let latest = arn
        .strip_suffix(LATEST)
        .and_then(|arn| arn.strip_suffix(':'));
    latest.unwrap_or(arn)
}

const BEFORE_STATEMENT: &str = r#"{"Statement":"#;

/// A statement as a policy, which is what has principals.
fn in_document(statement: &str) -> String {
    format!("{BEFORE_STATEMENT}{statement}}}")
}

fn out_of_document(document: &str) -> &str {
    let statement = document.strip_prefix(BEFORE_STATEMENT);
    let statement = statement.and_then(|rest| rest.strip_suffix('}'));
    statement.unwrap_or(document)
}

fn refuse_latest(address: &Address) -> Result<(), ServiceError> {
    match address.qualifier.as_deref() {
        Some(LATEST) => Err(invalid(
            "We currently do not support adding policies for $LATEST.",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
