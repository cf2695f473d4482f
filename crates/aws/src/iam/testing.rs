//! Cases as data: principals, policies and requests from JSON.

use std::sync::Arc;

use json::Value;

use super::{
    Attached, Context, FederatedUser, Layers, Policy, PolicyKind, Principal, Purpose, Request,
    RoleSession, Source, Tag, Temporary, Values,
};

pub(super) const NOW_MS: i64 = 1_763_640_000_000;

/// The cases of a file of `conformance/iam`.
pub(super) fn cases(text: &str) -> Vec<Value> {
    let parsed = json::parse(text).expect("JSON");
    parsed.as_array().expect("an array").to_vec()
}

pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    let found = value.get(name).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("`{name}` of {value}"))
}

/// A principal by its ARN, `anonymous`, or a service as `states.amazonaws.com@us-east-1`; the id of
/// role `r` is `AROAR`.
pub(super) fn principal(name: &str, role_path: &str, tags: &Arc<[Tag]>) -> Principal {
    let temporary = Temporary {
        issued_ms: NOW_MS - 60_000,
        mfa: false,
    };
    if let Some((name, region)) = name.split_once('@') {
        return Principal::Service {
            name: name.into(),
            region: region.into(),
            acting: super::Acting::default(),
        };
    }
    let fields: Vec<&str> = name.split([':', '/']).collect();
    let account: Arc<str> = fields.get(4).copied().unwrap_or_default().into();
    let last = fields.last().copied().unwrap_or_default();
    let id = |prefix: &str, name: &str| format!("{prefix}{}", name.to_uppercase()).into();
    match *fields.get(5..).unwrap_or_default() {
        [] => Principal::Anonymous,
        ["root"] => Principal::Root {
            account,
            temporary: None,
        },
        ["user", ..] => Principal::User {
            account,
            arn: name.into(),
            id: id("AIDA", last),
            name: last.into(),
            tags: Arc::clone(tags),
            temporary: None,
        },
        ["assumed-role", role, session] => Principal::Role(Arc::new(RoleSession {
            role_arn: format!("arn:aws:iam::{account}:role{role_path}{role}").into(),
            account,
            role_name: role.into(),
            role_id: id("AROA", role),
            session_name: session.into(),
            tags: Arc::clone(tags),
            transitive_tag_keys: Arc::default(),
            source_identity: None,
            federated_provider: None,
            temporary,
        })),
        ["federated-user", user] => Principal::FederatedUser(Arc::new(FederatedUser {
            user_arn: format!("arn:aws:iam::{account}:user/u").into(),
            user_id: "AIDAU".into(),
            account,
            name: user.into(),
            tags: Arc::clone(tags),
            temporary,
        })),
        _ => Principal::Federated {
            provider: name.into(),
            subject: "subject".into(),
        },
    }
}

pub(super) fn tags(value: Option<&Value>) -> Arc<[Tag]> {
    let members = value.and_then(Value::as_object).into_iter().flatten();
    members
        .map(|(key, value)| (key.into(), value.as_str().expect("a text").into()))
        .collect()
}

/// The context a request has: what follows from the principal, and `given`.
pub(super) fn context(principal: &Principal, given: Option<&Value>) -> Context {
    let mut context = Context::new();
    principal.add_to(&mut context, NOW_MS);
    for (key, value) in given.and_then(Value::as_object).into_iter().flatten() {
        context.put(key.into(), values(value));
    }
    context
}

pub(super) fn values(value: &Value) -> Values {
    let text = |value: &Value| Arc::<str>::from(value.as_str().expect("a text"));
    match value.as_array() {
        Some(list) => Values::Many(list.iter().map(text).collect()),
        None => Values::One(text(value)),
    }
}

/// A document as it is, or an array of statements of version 2012-10-17.
pub(super) fn policy(value: &Value, purpose: Purpose) -> Policy {
    let document = match value.as_array() {
        Some(_) => format!(r#"{{"Version":"2012-10-17","Statement":{value}}}"#),
        None => value.to_text(),
    };
    Policy::parse(&document, purpose).unwrap_or_else(|refused| panic!("{refused}: {document}"))
}

/// The policies of a case.
pub(super) struct World {
    pub(super) identity: Vec<Arc<Attached>>,
    pub(super) boundary: Option<Attached>,
    pub(super) session: Option<Vec<Arc<Attached>>>,
    pub(super) resource: Option<Attached>,
}

impl World {
    pub(super) fn of(case: &Value) -> World {
        let attached = |value: &Value, kind, at: usize| Attached {
            policy: policy(value, purpose(kind)),
            source: source(kind, at),
        };
        let all = |value: &Value, kind| -> Vec<Arc<Attached>> {
            let policies = value.as_array().expect("an array").iter();
            let attached = policies
                .enumerate()
                .map(|(at, value)| attached(value, kind, at));
            attached.map(Arc::new).collect()
        };
        let one = |name: &str, kind| case.get(name).map(|value| attached(value, kind, 0));
        let identity = case.get("identity");
        World {
            identity: identity.map_or_else(Vec::new, |v| all(v, PolicyKind::Identity)),
            boundary: one("boundary", PolicyKind::Boundary),
            session: case.get("session").map(|v| all(v, PolicyKind::Session)),
            resource: one("resource_policy", PolicyKind::Resource)
                .or_else(|| one("trust", PolicyKind::Trust)),
        }
    }

    pub(super) fn layers(&self) -> Layers<'_> {
        Layers {
            identity: &self.identity,
            boundary: self.boundary.as_ref(),
            session: self.session.as_deref(),
            resource: self.resource.as_ref(),
        }
    }
}

pub(super) fn purpose(kind: PolicyKind) -> Purpose {
    match kind {
        PolicyKind::Identity | PolicyKind::Boundary => Purpose::Identity,
        PolicyKind::Session => Purpose::Session,
        PolicyKind::Resource => Purpose::Resource,
        PolicyKind::Trust => Purpose::Trust,
    }
}

pub(super) fn source(kind: PolicyKind, at: usize) -> Source {
    Source {
        kind,
        uri: format!("arn:aws:iam::111122223333:policy/{kind:?}{at}").into(),
        managed: true,
        attached_to: format!("the owner of {kind:?}").into(),
    }
}

/// A request of a case; `account` owns the resource, or else the account its ARN names.
pub(super) fn request<'r>(
    asked: &'r Value,
    principal: &'r Principal,
    context: &'r Context,
) -> Request<'r> {
    let resource = text(asked, "resource");
    let named = resource.split(':').nth(4).filter(|id| !id.is_empty());
    Request {
        principal,
        action: text(asked, "action"),
        resource,
        resource_account: asked.get("account").and_then(Value::as_str).or(named),
        context,
    }
}

/// Chance from a seed: SplitMix64.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From 0 to `end` - 1.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a length").max(1);
        usize::try_from(self.draw() % end).expect("a length")
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}
