//! Denials as lines: a version, the secret of the id, and compressed JSON. The documents of the
//! policies are most of it, and repeat themselves.

use std::sync::Arc;

use aws::iam::evaluate::{Matched, Remedy};
use aws::iam::{
    Check, CheckKind, Context, Decision, Effect, Explanation, PolicyKind, Source, Values,
};
use json::{ObjectBuilder, Value};
use lz4_flex::block::{compress_prepend_size, decompress_size_prepended};

use super::{Denial, Seen};
use crate::access::Need;

/// Raised when later builds couldn't read the JSON any more.
const VERSION: u8 = 1;

/// More than any denial has; checked before it is unpacked.
const BYTES_MAX: u32 = 64 << 20;

const POLICY_KINDS: [(PolicyKind, &str); 5] = [
    (PolicyKind::Identity, "identity"),
    (PolicyKind::Resource, "resource"),
    (PolicyKind::Trust, "trust"),
    (PolicyKind::Boundary, "boundary"),
    (PolicyKind::Session, "session"),
];

const CHECK_KINDS: [(CheckKind, &str); 4] = [
    (CheckKind::Resource, "resource"),
    (CheckKind::Principal, "principal"),
    (CheckKind::PermissionsBoundary, "boundary"),
    (CheckKind::Session, "session"),
];

const EFFECTS: [(Effect, &str); 3] = [
    (Effect::Allow, "allow"),
    (Effect::ExplicitDeny, "explicitDeny"),
    (Effect::ImplicitDeny, "implicitDeny"),
];

/// The bytes of a line.
pub(super) fn encode(denial: &Denial, secret: u64) -> Vec<u8> {
    let packed = compress_prepend_size(shown(denial).to_text().as_bytes());
    let mut bytes = Vec::with_capacity(1 + 8 + packed.len());
    bytes.push(VERSION);
    bytes.extend(secret.to_le_bytes());
    bytes.extend(packed);
    bytes
}

/// The secret and the denial of a line; `None` when another build wrote it.
pub(super) fn decode(bytes: &[u8], account: &str, region: &str) -> Option<(u64, Denial)> {
    let (version, rest) = bytes.split_first()?;
    let (secret, packed) = rest.split_first_chunk::<8>()?;
    let size = u32::from_le_bytes(*packed.first_chunk()?);
    if *version != VERSION || size > BYTES_MAX {
        return None;
    }
    let text = String::from_utf8(decompress_size_prepended(packed).ok()?).ok()?;
    let denial = read(&json::parse(&text).ok()?, account, region)?;
    Some((u64::from_le_bytes(*secret), denial))
}

fn shown(denial: &Denial) -> Value {
    let Denial {
        account: _,
        region: _,
        time_ms,
        caller_arn,
        request_id,
        operation,
        need,
        context,
        explanation,
        policies,
    } = denial;
    let Explanation {
        decision,
        checks,
        remedies,
    } = explanation;
    let needed = need.context.iter().map(|(key, values)| (&**key, values));
    ObjectBuilder::new()
        .add("timeMs", *time_ms)
        .add("callerArn", &**caller_arn)
        .add("requestId", &**request_id)
        .add("operation", &**operation)
        .add("action", &*need.action)
        .add("resource", &*need.resource)
        .add("needed", keys(needed))
        .add("context", keys(context.iter()))
        .add("effect", name(&EFFECTS, decision.effect))
        .add("kind", name(&POLICY_KINDS, decision.kind))
        .add("checks", checks.iter().map(check).collect::<Value>())
        .add("remedies", remedies.iter().map(remedy).collect::<Value>())
        .add("policies", policies.iter().map(policy).collect::<Value>())
        .build()
        .into()
}

fn keys<'c>(keys: impl Iterator<Item = (&'c str, &'c Values)>) -> Value {
    let pair = |(key, values): (&str, &Values)| -> Value {
        let values = match values {
            Values::One(value) => Value::from(&**value),
            Values::Many(values) => values.iter().map(|value| Value::from(&**value)).collect(),
        };
        [Value::from(key), values].into_iter().collect()
    };
    keys.map(pair).collect()
}

fn check(check: &Check) -> Value {
    let mut shown = ObjectBuilder::new();
    shown.add("kind", name(&CHECK_KINDS, check.kind));
    if let Some(effect) = check.effect {
        shown.add("effect", name(&EFFECTS, effect));
    }
    let matched = check.matched.iter().map(matched);
    shown.add("matched", matched.collect::<Value>());
    shown.build().into()
}

fn matched(matched: &Matched) -> Value {
    let mut shown = ObjectBuilder::new();
    shown
        .add("policy", &*matched.policy)
        .add("statement", matched.statement as u64)
        .add("denies", matched.denies);
    if let Some(sid) = &matched.sid {
        shown.add("sid", &**sid);
    }
    shown.build().into()
}

fn remedy(remedy: &Remedy) -> Value {
    let mut shown = ObjectBuilder::new();
    match remedy {
        Remedy::Add {
            kind,
            to,
            statement,
        } => shown
            .add("kind", name(&POLICY_KINDS, *kind))
            .add("to", &**to)
            .add("statement", statement.as_str()),
        Remedy::Narrow(denying) => shown.add("narrow", matched(denying)),
    };
    shown.build().into()
}

fn policy(seen: &Seen) -> Value {
    ObjectBuilder::new()
        .add("kind", name(&POLICY_KINDS, seen.source.kind))
        .add("uri", &*seen.source.uri)
        .add("managed", seen.source.managed)
        .add("attachedTo", &*seen.source.attached_to)
        .add("document", &*seen.document)
        .build()
        .into()
}

fn name<T: Copy + PartialEq>(names: &[(T, &'static str)], value: T) -> &'static str {
    let known = names.iter().find(|(known, _)| *known == value);
    known.map_or("", |(_, name)| name)
}

fn read(value: &Value, account: &str, region: &str) -> Option<Denial> {
    let mut context = Context::new();
    for (key, values) in read_keys(value.get("context")?)? {
        context.put(key, values);
    }
    let action = text(value, "action")?.to_string();
    Some(Denial {
        account: account.into(),
        region: region.into(),
        time_ms: value.get("timeMs")?.as_i64()?,
        caller_arn: text(value, "callerArn")?,
        request_id: text(value, "requestId")?,
        operation: text(value, "operation")?,
        need: Need {
            context: read_keys(value.get("needed")?)?,
            ..Need::new(action, text(value, "resource")?)
        },
        context,
        explanation: Explanation {
            decision: Decision {
                effect: named(&EFFECTS, value, "effect")?,
                kind: named(&POLICY_KINDS, value, "kind")?,
            },
            checks: list(value, "checks", read_check)?,
            remedies: list(value, "remedies", read_remedy)?,
        },
        policies: list(value, "policies", read_policy)?,
    })
}

fn read_keys(value: &Value) -> Option<Vec<(Arc<str>, Values)>> {
    let pair = |pair: &Value| {
        let key = pair.index(0)?.as_str()?.into();
        let values = pair.index(1)?;
        let one = |value: &Value| value.as_str().map(Arc::from);
        let values = match values.as_array() {
            Some(many) => Values::Many(many.iter().map(one).collect::<Option<_>>()?),
            None => Values::One(one(values)?),
        };
        Some((key, values))
    };
    value.as_array()?.iter().map(pair).collect()
}

fn read_check(value: &Value) -> Option<Check> {
    Some(Check {
        kind: named(&CHECK_KINDS, value, "kind")?,
        effect: match value.get("effect") {
            None => None,
            Some(_) => Some(named(&EFFECTS, value, "effect")?),
        },
        matched: list(value, "matched", read_matched)?,
    })
}

fn read_matched(value: &Value) -> Option<Matched> {
    Some(Matched {
        policy: text(value, "policy")?,
        statement: usize::try_from(value.get("statement")?.as_i64()?).ok()?,
        sid: text(value, "sid"),
        denies: value.get("denies")?.as_bool()?,
    })
}

fn read_remedy(value: &Value) -> Option<Remedy> {
    if let Some(denying) = value.get("narrow") {
        return Some(Remedy::Narrow(read_matched(denying)?));
    }
    Some(Remedy::Add {
        kind: named(&POLICY_KINDS, value, "kind")?,
        to: text(value, "to")?,
        statement: text(value, "statement")?.to_string(),
    })
}

fn read_policy(value: &Value) -> Option<Seen> {
    Some(Seen {
        source: Source {
            kind: named(&POLICY_KINDS, value, "kind")?,
            uri: text(value, "uri")?,
            managed: value.get("managed")?.as_bool()?,
            attached_to: text(value, "attachedTo")?,
        },
        document: text(value, "document")?,
    })
}

fn text(value: &Value, name: &str) -> Option<Arc<str>> {
    value.get(name)?.as_str().map(Arc::from)
}

fn list<T>(value: &Value, name: &str, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.get(name)?.as_array()?.iter().map(read).collect()
}

fn named<T: Copy>(names: &[(T, &'static str)], value: &Value, member: &str) -> Option<T> {
    let name = value.get(member)?.as_str()?;
    let known = names.iter().find(|(_, known)| *known == name);
    known.map(|(value, _)| *value)
}

#[cfg(test)]
impl Denial {
    /// The denial whose line has this JSON.
    pub(crate) fn from_json(value: &Value, account: &str, region: &str) -> Option<Denial> {
        read(value, account, region)
    }
}
