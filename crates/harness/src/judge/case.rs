//! A case: who asks for what, under which policies; as text for either evaluator.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use aws::iam::{
    Acting, Attached, Context, Decision, Explanation, Layers, Policy, PolicyKind, Principal,
    Purpose, Request, RoleSession, Source, Temporary, evaluate,
};
use json::Value;

/// When the sessions of all cases were made: 2026-01-01T00:00:00Z.
const ISSUED_MS: i64 = 1_767_225_600_000;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Asker {
    Anonymous,
    User {
        account: String,
        /// With its leading slash, as `/` or `/team/`.
        path: String,
        name: String,
    },
    Session {
        account: String,
        path: String,
        role: String,
        session: String,
    },
    Service {
        name: String,
    },
}

/// A condition: operator (with qualifier and suffix), key, values.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub(crate) operator: String,
    pub(crate) key: String,
    pub(crate) values: Vec<String>,
}

/// An element that exists in two forms, as `Action` and `NotAction`.
#[derive(Clone, Debug)]
pub(crate) struct Element<T> {
    pub(crate) not: bool,
    pub(crate) entries: Vec<T>,
}

#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) allows: bool,
    /// Pairs of a kind (`AWS`, `Service`) and a value.
    pub(crate) principal: Option<Element<(String, String)>>,
    pub(crate) action: Element<String>,
    pub(crate) resource: Option<Element<String>>,
    pub(crate) conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) version: Option<&'static str>,
    pub(crate) statements: Vec<Statement>,
    /// JSON text of statements that follow the others.
    pub(crate) more: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum KeyValues {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) asker: Asker,
    pub(crate) action: String,
    pub(crate) resource: String,
    /// Of the resource; the asker's for `*`.
    pub(crate) account: String,
    pub(crate) context: Vec<(String, KeyValues)>,
    pub(crate) identity: Vec<Document>,
    pub(crate) boundary: Option<Document>,
    pub(crate) session: Option<Vec<Document>>,
    /// The trust policy if the action assumes a role.
    pub(crate) resource_policy: Option<Document>,
}

impl Asker {
    pub(crate) fn account(&self) -> Option<&str> {
        match self {
            Asker::User { account, .. } | Asker::Session { account, .. } => Some(account),
            Asker::Anonymous | Asker::Service { .. } => None,
        }
    }

    /// Of a session its session's ARN; of a service its name.
    pub(crate) fn arn(&self) -> Option<String> {
        match self {
            Asker::Anonymous => None,
            Asker::User {
                account,
                path,
                name,
            } => Some(format!("arn:aws:iam::{account}:user{path}{name}")),
            Asker::Session {
                account,
                role,
                session,
                ..
            } => Some(format!(
                "arn:aws:sts::{account}:assumed-role/{role}/{session}"
            )),
            Asker::Service { name } => Some(name.clone()),
        }
    }

    /// Of a session its role's; `aws:PrincipalArn`.
    pub(crate) fn entity_arn(&self) -> Option<String> {
        match self {
            Asker::Session {
                account,
                path,
                role,
                ..
            } => Some(format!("arn:aws:iam::{account}:role{path}{role}")),
            _ => self.arn(),
        }
    }

    fn principal(&self) -> Principal {
        match self {
            Asker::Anonymous => Principal::Anonymous,
            Asker::User { account, name, .. } => Principal::User {
                account: account.as_str().into(),
                arn: self.arn().unwrap_or_default().into(),
                id: format!("AIDA{}", id_of(name)).into(),
                name: name.as_str().into(),
                tags: Arc::from([]),
                temporary: None,
            },
            Asker::Session {
                account,
                role,
                session,
                ..
            } => Principal::Role(Arc::new(RoleSession {
                account: account.as_str().into(),
                role_arn: self.entity_arn().unwrap_or_default().into(),
                role_name: role.as_str().into(),
                role_id: format!("AROA{}", id_of(role)).into(),
                session_name: session.as_str().into(),
                tags: Arc::from([]),
                transitive_tag_keys: Arc::from([]),
                source_identity: None,
                federated_provider: None,
                temporary: Temporary {
                    issued_ms: ISSUED_MS,
                    mfa: false,
                },
            })),
            Asker::Service { name } => Principal::Service {
                name: name.as_str().into(),
                region: "us-east-1".into(),
                acting: Acting::default(),
            },
        }
    }
}

/// The seventeen characters after the prefix of an id.
pub(crate) fn id_of(name: &str) -> String {
    format!("{:X<17.17}", name.to_ascii_uppercase())
}

fn quoted(text: &str) -> String {
    Value::from(text).to_text()
}

/// One value alone, several as an array: both forms get used.
fn one_or_many(values: &[String]) -> String {
    match values {
        [value] => quoted(value),
        values => {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            format!("[{}]", values.join(","))
        }
    }
}

impl Element<String> {
    fn write(&self, name: &str) -> String {
        let not = if self.not { "Not" } else { "" };
        format!("\"{not}{name}\":{}", one_or_many(&self.entries))
    }
}

impl Element<(String, String)> {
    fn write(&self) -> String {
        let not = if self.not { "Not" } else { "" };
        if let [(kind, value)] = self.entries.as_slice()
            && kind == "*"
        {
            return format!("\"{not}Principal\":{}", quoted(value));
        }
        let mut kinds: Vec<&str> = self.entries.iter().map(|(kind, _)| kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let members: Vec<String> = kinds
            .iter()
            .map(|kind| {
                let of_kind = self.entries.iter().filter(|(k, _)| k == kind);
                let values: Vec<String> = of_kind.map(|(_, value)| value.clone()).collect();
                format!("{}:{}", quoted(kind), one_or_many(&values))
            })
            .collect();
        format!("\"{not}Principal\":{{{}}}", members.join(","))
    }
}

impl Statement {
    pub(crate) fn write(&self) -> String {
        let effect = if self.allows { "Allow" } else { "Deny" };
        let mut members = vec![format!("\"Effect\":\"{effect}\"")];
        members.extend(
            self.principal
                .as_ref()
                .map(Element::<(String, String)>::write),
        );
        members.push(self.action.write("Action"));
        members.extend(self.resource.as_ref().map(|it| it.write("Resource")));
        if !self.conditions.is_empty() {
            members.push(format!("\"Condition\":{}", conditions(&self.conditions)));
        }
        format!("{{{}}}", members.join(","))
    }
}

/// `{operator:{key:values}}`, keys of one operator together.
fn conditions(all: &[Condition]) -> String {
    let mut operators: Vec<&str> = all.iter().map(|it| it.operator.as_str()).collect();
    operators.sort_unstable();
    operators.dedup();
    let blocks: Vec<String> = operators
        .iter()
        .map(|operator| {
            let of_it = all.iter().filter(|it| it.operator == *operator);
            let keys: Vec<String> = of_it
                .map(|it| format!("{}:{}", quoted(&it.key), one_or_many(&it.values)))
                .collect();
            format!("{}:{{{}}}", quoted(operator), keys.join(","))
        })
        .collect();
    format!("{{{}}}", blocks.join(","))
}

impl Document {
    pub(crate) fn write(&self) -> String {
        let version = self.version.map_or(String::new(), |version| {
            format!("\"Version\":{},", quoted(version))
        });
        let statements = self.statements.iter().map(Statement::write);
        let statements: Vec<String> = statements.chain(self.more.iter().cloned()).collect();
        match statements.as_slice() {
            [only] => format!("{{{version}\"Statement\":{only}}}"),
            all => format!("{{{version}\"Statement\":[{}]}}", all.join(",")),
        }
    }

    fn compile(&self, purpose: Purpose) -> Result<Policy> {
        let text = self.write();
        Policy::parse(&text, purpose).with_context(|| format!("the policy {text} is refused"))
    }
}

impl Case {
    pub(crate) fn assumes_role(&self) -> bool {
        self.action.eq_ignore_ascii_case("sts:AssumeRole")
    }

    /// Every document, to look at or to change.
    pub(crate) fn documents(&mut self) -> impl Iterator<Item = &mut Document> {
        let session = self.session.iter_mut().flatten();
        let others = self.boundary.iter_mut().chain(&mut self.resource_policy);
        self.identity.iter_mut().chain(session).chain(others)
    }

    pub(crate) fn statements(&mut self) -> impl Iterator<Item = &mut Statement> {
        self.documents().flat_map(|it| &mut it.statements)
    }

    /// The case as `tests/js/judge.mjs` reads it.
    pub(crate) fn write(&self) -> String {
        let context: Vec<String> = self
            .context
            .iter()
            .map(|(key, values)| match values {
                KeyValues::One(value) => format!("{}:{}", quoted(key), quoted(value)),
                KeyValues::Many(values) => {
                    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                    format!("{}:[{}]", quoted(key), values.join(","))
                }
            })
            .collect();
        let identity: Vec<String> = self.identity.iter().map(Document::write).collect();
        // What it calls the session policy is all of them.
        let session = self.session.as_ref().map(|all| Document {
            version: Some("2012-10-17"),
            statements: all.iter().flat_map(|it| it.statements.clone()).collect(),
            more: Vec::new(),
        });
        let or_null = |document: Option<&Document>| document.map_or("null".into(), Document::write);
        format!(
            "{{\"principal\":{},\"action\":{},\"resource\":{},\"account\":{},\"context\":{{{}}},\
             \"identity\":[{}],\"boundary\":{},\"session\":{},\"resourcePolicy\":{}}}",
            self.asker.arn().map_or("null".into(), |arn| quoted(&arn)),
            quoted(&self.action),
            quoted(&self.resource),
            quoted(&self.account),
            context.join(","),
            identity.join(","),
            or_null(self.boundary.as_ref()),
            or_null(session.as_ref()),
            or_null(self.resource_policy.as_ref()),
        )
    }

    /// What our evaluator makes of it.
    pub(crate) fn decide(&self) -> Result<Decision> {
        self.ask(evaluate::decide)
    }

    /// The same with its reasons.
    pub(crate) fn explain(&self) -> Result<Explanation> {
        self.ask(evaluate::explain)
    }

    fn ask<T>(&self, of: impl FnOnce(&Request<'_>, &Layers<'_>) -> T) -> Result<T> {
        let principal = self.asker.principal();
        let mut context = Context::new();
        for (key, values) in &self.context {
            match values {
                KeyValues::One(value) => context.set(key.as_str(), value.as_str()),
                KeyValues::Many(values) => {
                    let values = values.iter().map(|value| value.as_str().into()).collect();
                    context.set_many(key.as_str(), values);
                }
            }
        }
        let many = |documents: &[Document], kind, purpose| -> Result<Vec<Arc<Attached>>> {
            let documents = documents.iter().enumerate();
            documents
                .map(|(number, it)| Ok(Arc::new(self.attached(it, (kind, number), purpose)?)))
                .collect()
        };
        let identity = many(&self.identity, PolicyKind::Identity, Purpose::Identity)?;
        let session = self.session.as_ref();
        let session = session.map(|all| many(all, PolicyKind::Session, Purpose::Session));
        let session = session.transpose()?;
        let boundary = self.boundary.as_ref();
        let boundary = boundary
            .map(|it| self.attached(it, (PolicyKind::Boundary, 0), Purpose::Identity))
            .transpose()?;
        let (kind, purpose) = match self.assumes_role() {
            true => (PolicyKind::Trust, Purpose::Trust),
            false => (PolicyKind::Resource, Purpose::Resource),
        };
        let resource = self.resource_policy.as_ref();
        let resource = resource
            .map(|it| self.attached(it, (kind, 0), purpose))
            .transpose()?;
        let request = Request {
            principal: &principal,
            action: &self.action,
            resource: &self.resource,
            resource_account: (self.resource != "*").then_some(&*self.account),
            context: &context,
        };
        let layers = Layers {
            identity: &identity,
            boundary: boundary.as_ref(),
            session: session.as_deref(),
            resource: resource.as_ref(),
        };
        Ok(of(&request, &layers))
    }

    fn attached(
        &self,
        document: &Document,
        (kind, number): (PolicyKind, usize),
        purpose: Purpose,
    ) -> Result<Attached> {
        let attached_to = match kind {
            PolicyKind::Resource | PolicyKind::Trust => self.resource.clone(),
            _ => self.asker.entity_arn().unwrap_or_default(),
        };
        Ok(Attached {
            policy: document.compile(purpose)?,
            source: Source {
                kind,
                uri: format!("{attached_to}#{kind:?}/{number}").into(),
                managed: false,
                attached_to: attached_to.into(),
            },
        })
    }
}
