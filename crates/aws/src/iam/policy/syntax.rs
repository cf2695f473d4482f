//! What a document must look like to be kept: IAM's checks in IAM's order, in its words.
//!
//! Sources: IAM's answers as an emulator's tests hold them; "Grammar of the IAM JSON policy
//! language". Each check goes through all statements before the next one is made.

use json::{Document, Object, Value};

use super::statement::{entries, scalars, texts};
use super::{Purpose, VERSION};
use crate::iam::condition::{Written, date_ms};

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";
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
const PRINCIPAL_KINDS: &[&str] = &["AWS", "Service", "Federated", "CanonicalUser"];
/// Of each pair a statement has at most one.
const PAIRS: &[(&str, &str)] = &[
    ("Principal", "NotPrincipal"),
    ("Action", "NotAction"),
    ("Resource", "NotResource"),
];
const TRUST_ACTIONS: &[&str] = &[
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:tagsession",
    "sts:setsourceidentity",
    "sts:setcontext",
];

/// What is wrong, in AWS's words.
type Check = Result<(), String>;

/// The document, if IAM would keep it.
pub(super) fn check(document: &str, purpose: Purpose) -> Result<Document, String> {
    let refused = || SYNTAX.to_owned();
    let allowed = |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FF}');
    if !document.chars().all(allowed) {
        return Err(refused());
    }
    let parsed = json::parse_spanned(document).map_err(|_| refused())?;
    let top = parsed.root.as_object().ok_or_else(refused)?;
    let statements = statements(top).ok_or_else(refused)?;
    if !parsed.duplicates.is_empty() || !statements.iter().all(|one| is_shaped(one)) {
        return Err(refused());
    }
    version(top, purpose)?;
    for one in &statements {
        legacy(one, purpose)?;
    }
    sids(&statements, purpose)?;
    for one in &statements {
        has_actions(one)?;
    }
    if purpose != Purpose::Trust {
        each(&statements, "Resource", "NotResource", resource)?;
    }
    each(&statements, "Action", "NotAction", action)?;
    for one in &statements {
        match purpose {
            Purpose::Identity | Purpose::Session => identity(one)?,
            Purpose::Resource => {
                has_resources(one)?;
                has_principal(one)?;
            }
            Purpose::Trust => trust(one)?,
        }
    }
    Ok(parsed)
}

/// The statements of a document whose top level is as it must be.
fn statements(top: &Object) -> Option<Vec<&Object>> {
    let is_text = |name: &str| top.get(name).is_none_or(|value| value.as_str().is_some());
    if has_unknown(top, TOP_LEVEL) || !is_text("Version") || !is_text("Id") {
        return None;
    }
    let value = top.get("Statement")?;
    let elements = match value.as_array() {
        Some(list) => list,
        None => std::slice::from_ref(value),
    };
    let statements: Option<Vec<&Object>> = elements.iter().map(Value::as_object).collect();
    statements.filter(|statements| !statements.is_empty())
}

fn has_unknown(object: &Object, known: &[&str]) -> bool {
    object.keys().any(|key| !known.contains(&key))
}

/// Whether a statement's members are known, of the right types, and one of each pair.
fn is_shaped(statement: &Object) -> bool {
    let is_effect = |value: &Value| {
        let effect = value.as_str().unwrap_or_default();
        ["Allow", "Deny"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(effect))
    };
    let is_member = |(name, value): (&str, &Value)| match name {
        "Sid" => value.as_str().is_some(),
        "Effect" => is_effect(value),
        "Principal" | "NotPrincipal" => is_principal(value),
        "Condition" => is_condition(value),
        _ => texts(value).is_some(),
    };
    let has_both =
        |(one, other): &(&str, &str)| statement.contains_key(one) && statement.contains_key(other);
    !has_unknown(statement, STATEMENT)
        && statement.contains_key("Effect")
        && statement
            .iter()
            .all(|(name, value)| is_member((name, value)))
        && !PAIRS.iter().any(has_both)
}

fn is_principal(value: &Value) -> bool {
    let has_known_kinds = match value.as_object() {
        Some(kinds) => !kinds.is_empty() && !has_unknown(kinds, PRINCIPAL_KINDS),
        None => true,
    };
    has_known_kinds && entries(value).is_some()
}

fn is_condition(value: &Value) -> bool {
    let is_operator = |(name, keys): (&str, &Value)| {
        let are_texts = |keys: &Object| keys.values().all(|values| scalars(values).is_some());
        Written::parse(name).is_some() && keys.as_object().is_some_and(are_texts)
    };
    let operators = value.as_object();
    operators.is_some_and(|all| all.iter().all(|(name, keys)| is_operator((name, keys))))
}

fn version(top: &Object, purpose: Purpose) -> Check {
    match top.get("Version").and_then(Value::as_str) {
        Some(VERSION) => Ok(()),
        Some("2008-10-17") | None if purpose != Purpose::Identity => Ok(()),
        Some("2008-10-17") | None => {
            Err("Policy document must be version 2012-10-17 or greater.".to_owned())
        }
        Some(_) => Err(SYNTAX.to_owned()),
    }
}

/// What IAM's older parser refuses.
fn legacy(statement: &Object, purpose: Purpose) -> Check {
    let effect = statement.get("Effect").and_then(Value::as_str);
    let resources = listed(statement, "Resource", "NotResource");
    let is_read = matches!(effect, Some("Allow" | "Deny"))
        && dates_are_read(statement)
        && (purpose == Purpose::Trust || !resources.into_iter().any(is_broken_arn));
    is_read.then_some(()).ok_or_else(|| LEGACY.to_owned())
}

fn dates_are_read(statement: &Object) -> bool {
    let operators = statement.get("Condition").and_then(Value::as_object);
    let mut dates = operators
        .into_iter()
        .flatten()
        .filter(|(name, _)| Written::parse(name).is_some_and(Written::is_date));
    dates.all(|(_, keys)| {
        let mut values = keys.as_object().into_iter().flat_map(Object::values);
        values.all(|values| {
            let mut values = scalars(values).into_iter().flatten();
            values.all(|value| date_ms(value).is_some())
        })
    })
}

/// An ARN without a service, or too short and with an empty field.
fn is_broken_arn(resource: &str) -> bool {
    let fields = resource.split(':').count();
    (fields < 6 && resource.contains("::")) || resource.split(':').nth(2) == Some("")
}

fn sids(statements: &[&Object], purpose: Purpose) -> Check {
    let sids: Vec<&str> = statements
        .iter()
        .filter_map(|one| one.get("Sid")?.as_str())
        .filter(|sid| !sid.is_empty())
        .collect();
    let repeated = |(at, sid): (usize, &&str)| sids.iter().skip(at + 1).any(|other| other == sid);
    if sids.iter().enumerate().any(repeated) {
        return Err("Statement IDs (SID) in a single policy must be unique.".to_owned());
    }
    let plain = |sid: &&str| sid.bytes().all(|b| b.is_ascii_alphanumeric());
    // Services name the statements of their resources as they like.
    if purpose != Purpose::Resource && !sids.iter().all(plain) {
        return Err(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the \
             regular expression [0-9A-Za-z]*"
                .to_owned(),
        );
    }
    Ok(())
}

/// The texts of the one of two members that is there.
fn listed<'s>(statement: &'s Object, name: &str, negated_name: &str) -> Vec<&'s str> {
    let value = statement.get(name).or_else(|| statement.get(negated_name));
    value.and_then(texts).unwrap_or_default()
}

fn each(
    statements: &[&Object],
    name: &str,
    negated_name: &str,
    check: impl Fn(&str) -> Check,
) -> Check {
    let mut all = statements
        .iter()
        .flat_map(|one| listed(one, name, negated_name));
    all.try_for_each(check)
}

fn has_actions(statement: &Object) -> Check {
    let is_there = !listed(statement, "Action", "NotAction").is_empty();
    present(is_there, "Policy statement must contain actions.")
}

fn has_resources(statement: &Object) -> Check {
    let is_there = !listed(statement, "Resource", "NotResource").is_empty();
    present(is_there, "Policy statement must contain resources.")
}

fn present(is_there: bool, text: &str) -> Check {
    is_there.then_some(()).ok_or_else(|| text.to_owned())
}

fn resource(text: &str) -> Check {
    if text == "*" {
        return Ok(());
    }
    let mut fields = text.split(':');
    if fields.next() != Some("arn") || !text.contains(':') {
        return Err(format!("Resource {text} must be in ARN format or \"*\"."));
    }
    let (_partition, vendor, region) = (fields.next(), fields.next(), fields.next());
    if vendor.is_none_or(|vendor| vendor.contains(['*', '?'])) {
        let text = "Resource vendor must be fully qualified and cannot contain regexes.";
        return Err(text.to_owned());
    }
    if vendor == Some("iam") && region != Some("") {
        return Err(format!(
            "IAM resource {text} cannot contain region information."
        ));
    }
    Ok(())
}

fn action(text: &str) -> Check {
    let (vendor, name) = match text.split_once(':') {
        _ if text == "*" => return Ok(()),
        Some(parts) => parts,
        None => {
            return Err(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
                    .to_owned(),
            );
        }
    };
    if name.contains(':') {
        return Err("Actions/Condition can contain only one colon.".to_owned());
    }
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    if vendor != "*" && !vendor.bytes().all(is_plain) {
        return Err(format!("Vendor {vendor} is not valid"));
    }
    Ok(())
}

fn identity(statement: &Object) -> Check {
    has_resources(statement)?;
    let names_principal = has_either(statement, "Principal", "NotPrincipal");
    present(
        !names_principal,
        "Policy document should not specify a principal.",
    )
}

fn has_either(statement: &Object, one: &str, other: &str) -> bool {
    statement.contains_key(one) || statement.contains_key(other)
}

fn has_principal(statement: &Object) -> Check {
    let names_principal = has_either(statement, "Principal", "NotPrincipal");
    present(names_principal, "Missing required field Principal")?;
    let value = statement
        .get("Principal")
        .or_else(|| statement.get("NotPrincipal"));
    let mut entries = value.and_then(entries).unwrap_or_default().into_iter();
    entries.try_for_each(|(kind, text)| {
        let kind_shown = match kind {
            "Service" => "SERVICE",
            "Federated" => "FEDERATED",
            other => other,
        };
        let refused = || format!("Invalid principal in policy: \"{kind_shown}\":\"{text}\"");
        names_somebody(kind, text).then_some(()).ok_or_else(refused)
    })
}

/// Whether an entry is of a form that can name somebody; who exists is the directory's to say.
fn names_somebody(kind: &str, text: &str) -> bool {
    match kind {
        _ if text == "*" => kind == "AWS",
        _ if text.contains(['*', '?']) => false,
        "AWS" => is_aws_principal(text),
        // Services have names of several domains, all of them with dots.
        "Service" => text.split('.').count() > 1 && text.split('.').all(|part| !part.is_empty()),
        _ => !text.is_empty(),
    }
}

fn is_aws_principal(text: &str) -> bool {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    let is_id = |text: &str| {
        let is_upper = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        (text.starts_with("AIDA") || text.starts_with("AROA")) && text.bytes().all(is_upper)
    };
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", _, service, "", account, resource] = *fields else {
        return is_account(text) || is_id(text);
    };
    let parts: Vec<&str> = resource.split('/').collect();
    let is_known = match (service, &*parts) {
        ("iam", ["root"]) => true,
        ("iam", ["user" | "role", names @ ..]) => !names.is_empty(),
        ("sts", ["assumed-role", _, _] | ["federated-user", _]) => true,
        _ => false,
    };
    is_account(account) && is_known && parts.iter().all(|part| !part.is_empty())
}

fn trust(statement: &Object) -> Check {
    let names_resource = has_either(statement, "Resource", "NotResource");
    present(!names_resource, "Has prohibited field Resource.")?;
    let names_principal = has_either(statement, "Principal", "NotPrincipal");
    present(names_principal, "Missing required field Principal")?;
    let known = |action: &str| TRUST_ACTIONS.contains(&action.to_ascii_lowercase().as_str());
    let actions = listed(statement, "Action", "NotAction");
    present(
        actions.into_iter().all(known),
        "Trust Policy statement actions can only be sts:AssumeRole, sts:AssumeRoleWithSAML,  and \
         sts:AssumeRoleWithWebIdentity",
    )?;
    has_principal(statement)
}
