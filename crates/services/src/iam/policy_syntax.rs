//! What a policy document must look like to be kept. Texts and their order: IAM as observed.

use aws::ServiceError;
use json::{Object, Value};

/// What a document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Says what an identity may do.
    Identity,
    /// Says who may assume a role.
    Trust,
}

const SYNTAX: &str = "Syntax errors in policy.";
const TOP_LEVEL: &[&str] = &["Version", "Id", "Statement"];
const STATEMENT: &[&str] = &[
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];
const TRUST_ACTIONS: &[&str] = &[
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:tagsession",
    "sts:setsourceidentity",
    "sts:setcontext",
];

/// Refuses a document IAM would not keep, with IAM's text.
pub(super) fn check(document: &str, purpose: Purpose) -> Result<(), ServiceError> {
    problem(document, purpose).map_or(Ok(()), |text| {
        Err(ServiceError::new("MalformedPolicyDocument", text))
    })
}

fn problem(document: &str, purpose: Purpose) -> Option<String> {
    let Ok(document) = json::parse(document) else {
        return Some(SYNTAX.to_owned());
    };
    let Some(top) = document.as_object() else {
        return Some(SYNTAX.to_owned());
    };
    if has_unknown(top, TOP_LEVEL) {
        return Some(SYNTAX.to_owned());
    }
    let version = top
        .get("Version")
        .map(|version| version.as_str().unwrap_or_default());
    match version {
        Some("2012-10-17") => {}
        Some("2008-10-17") | None if purpose == Purpose::Trust => {}
        Some("2008-10-17") | None => {
            return Some("Policy document must be version 2012-10-17 or greater.".to_owned());
        }
        Some(_) => return Some(SYNTAX.to_owned()),
    }
    let statements = match top.get("Statement") {
        Some(one) if one.as_object().is_some() => std::slice::from_ref(one),
        Some(many) => many.as_array().unwrap_or_default(),
        None => &[],
    };
    if statements.is_empty() {
        return Some(SYNTAX.to_owned());
    }
    if let Some(text) = sids(statements) {
        return Some(text.to_owned());
    }
    statements.iter().find_map(|one| statement(one, purpose))
}

fn has_unknown(object: &Object, known: &[&str]) -> bool {
    object.keys().any(|key| !known.contains(&key))
}

fn sids(statements: &[Value]) -> Option<&'static str> {
    let sids: Vec<&str> = statements
        .iter()
        .filter_map(|one| one.get("Sid")?.as_str())
        .filter(|s| !s.is_empty())
        .collect();
    let repeated = |(at, sid): (usize, &&str)| sids.iter().skip(at + 1).any(|other| other == sid);
    if sids.iter().enumerate().any(repeated) {
        return Some("Statement IDs (SID) in a single policy must be unique.");
    }
    let plain = |sid: &&str| sid.bytes().all(|b| b.is_ascii_alphanumeric());
    (!sids.iter().all(plain)).then_some(
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular \
         expression [0-9A-Za-z]*",
    )
}

fn statement(statement: &Value, purpose: Purpose) -> Option<String> {
    let Some(members) = statement.as_object() else {
        return Some(SYNTAX.to_owned());
    };
    if has_unknown(members, STATEMENT) || !is_list_or_text(members) {
        return Some(SYNTAX.to_owned());
    }
    match members.get("Effect").and_then(Value::as_str) {
        Some("Allow" | "Deny") => {}
        Some(other) if ["allow", "deny"].contains(&other.to_ascii_lowercase().as_str()) => {
            return Some("The policy failed legacy parsing".to_owned());
        }
        _ => return Some(SYNTAX.to_owned()),
    }
    let actions = match exactly_one(members, "Action", "NotAction") {
        Ok(actions) => actions,
        Err(true) => return Some(SYNTAX.to_owned()),
        Err(false) => return Some("Policy statement must contain actions.".to_owned()),
    };
    if let Some(text) = texts(actions).into_iter().find_map(action) {
        return Some(text.to_owned());
    }
    match purpose {
        Purpose::Identity => identity(members),
        Purpose::Trust => trust(members, actions),
    }
}

fn identity(members: &Object) -> Option<String> {
    if members.contains_key("Principal") || members.contains_key("NotPrincipal") {
        return Some("Policy document should not specify a principal.".to_owned());
    }
    let resources = match exactly_one(members, "Resource", "NotResource") {
        Ok(resources) => resources,
        Err(true) => return Some(SYNTAX.to_owned()),
        Err(false) => return Some("Policy statement must contain resources.".to_owned()),
    };
    texts(resources)
        .into_iter()
        .find(|resource| *resource != "*" && !resource.starts_with("arn:"))
        .map(|resource| format!("Resource {resource} must be in ARN format or \"*\"."))
}

fn trust(members: &Object, actions: &Value) -> Option<String> {
    if members.contains_key("Resource") || members.contains_key("NotResource") {
        return Some("Has prohibited field Resource.".to_owned());
    }
    if !members.contains_key("Principal") && !members.contains_key("NotPrincipal") {
        return Some("Missing required field Principal".to_owned());
    }
    let known = |action: &str| TRUST_ACTIONS.contains(&action.to_ascii_lowercase().as_str());
    (!texts(actions).into_iter().all(known)).then(|| {
        "Trust Policy statement actions can only be sts:AssumeRole, sts:AssumeRoleWithSAML,  and \
         sts:AssumeRoleWithWebIdentity"
            .to_owned()
    })
}

/// The one of two members that is there; `Err(true)` for both, `Err(false)` for none.
fn exactly_one<'m>(members: &'m Object, one: &str, other: &str) -> Result<&'m Value, bool> {
    match (members.get(one), members.get(other)) {
        (Some(value), None) | (None, Some(value)) => Ok(value),
        (Some(_), Some(_)) => Err(true),
        (None, None) => Err(false),
    }
}

fn action(action: &str) -> Option<&'static str> {
    match action.matches(':').count() {
        _ if action == "*" => None,
        0 => Some("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        1 => None,
        _ => Some("Actions/Condition can contain only one colon."),
    }
}

/// A string or the strings of an array.
fn texts(value: &Value) -> Vec<&str> {
    match value.as_array() {
        Some(list) => list.iter().filter_map(Value::as_str).collect(),
        None => value.as_str().into_iter().collect(),
    }
}

/// Whether actions and resources are strings or arrays of strings.
fn is_list_or_text(members: &Object) -> bool {
    ["Action", "NotAction", "Resource", "NotResource"]
        .iter()
        .all(|name| match members.get(name) {
            None => true,
            Some(value) => match value.as_array() {
                Some(list) => list.iter().all(|item| item.as_str().is_some()),
                None => value.as_str().is_some(),
            },
        })
}
