//! Conditions: variables, absent and empty keys, and values that are not of the operator's type.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws::time;

use crate::judge::case::{Case, Condition, KeyValues};

/// No value of any case.
const NEVER: &str = "\u{2}never";

type Context = Vec<(String, KeyValues)>;

fn values_of<'c>(context: &'c Context, key: &str) -> Option<&'c KeyValues> {
    let known = context.iter().find(|(it, _)| it.eq_ignore_ascii_case(key));
    known.map(|(_, values)| values)
}

/// Changes every condition of documents in which variables are (`true`) or are not.
fn each(
    case: &mut Case,
    mut change: impl FnMut(&mut Condition, &mut Context, bool) -> bool,
) -> bool {
    let mut context = std::mem::take(&mut case.context);
    let mut changed = false;
    for document in case.documents() {
        let has_variables = document.version == Some("2012-10-17");
        for statement in &mut document.statements {
            for condition in &mut statement.conditions {
                changed |= change(condition, &mut context, has_variables);
            }
        }
    }
    case.context = context;
    changed
}

/// Removes the conditions that are true of this request.
fn drop_true(case: &mut Case, is_true: impl Fn(&Condition, &Context) -> bool) -> bool {
    let context = std::mem::take(&mut case.context);
    let mut changed = false;
    for statement in case.statements() {
        let before = statement.conditions.len();
        statement.conditions.retain(|it| !is_true(it, &context));
        changed |= statement.conditions.len() < before;
    }
    case.context = context;
    changed
}

/// Gives a condition a key of its own with values changed from those of its key.
fn own_key(
    condition: &mut Condition,
    context: &mut Context,
    purpose: &str,
    change: impl Fn(&str) -> Option<String>,
) -> bool {
    let Some(known) = values_of(context, &condition.key) else {
        return false;
    };
    let new = match known {
        KeyValues::One(value) => change(value).map(KeyValues::One),
        KeyValues::Many(values) => {
            let values: Vec<String> = values.iter().filter_map(|it| change(it)).collect();
            (!values.is_empty()).then_some(KeyValues::Many(values))
        }
    };
    let is_same = match (known, &new) {
        (KeyValues::One(old), Some(KeyValues::One(new))) => old == new,
        (KeyValues::Many(old), Some(KeyValues::Many(new))) => old == new,
        _ => false,
    };
    if is_same {
        return false;
    }
    condition.key = format!("{purpose}/{}", condition.key);
    if let Some(new) = new
        && values_of(context, &condition.key).is_none()
    {
        context.push((condition.key.clone(), new));
    }
    true
}

impl Condition {
    /// Without qualifier and suffix.
    fn base(&self) -> &str {
        let base = self.operator.rsplit(':').next().unwrap_or_default();
        base.strip_suffix("IfExists").unwrap_or(base)
    }

    fn qualifier(&self) -> &str {
        self.operator
            .split_once(':')
            .map_or("", |(qualifier, _)| qualifier)
    }

    fn has_if_exists(&self) -> bool {
        self.operator.ends_with("IfExists")
    }

    fn negates(&self) -> bool {
        self.base().contains("Not")
    }
}

/// A variable that stands in a text: where it begins, where it ends, its key, its default.
fn variables(text: &str) -> Vec<(usize, usize, String, Option<String>)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text
        .get(from..)
        .and_then(|it| it.find("${"))
        .map(|at| from + at)
    {
        let Some(end) = text
            .get(start..)
            .and_then(|it| it.find('}'))
            .map(|at| start + at)
        else {
            break;
        };
        let inner = text.get(start + 2..end).unwrap_or_default();
        let (key, default) = match inner.split_once(',') {
            Some((key, default)) => (key, Some(default.trim().trim_matches('\'').to_owned())),
            None => (inner, None),
        };
        if !["*", "?", "$"].contains(&key) {
            found.push((start, end + 1, key.trim().to_owned(), default));
        }
        from = end + 1;
    }
    found
}

/// Texts in which variables count: entries of resources, and values of text and ARN conditions.
fn texts(
    case: &mut Case,
    mut change: impl FnMut(&mut String, Option<&Condition>, &Context, bool) -> bool,
) -> bool {
    let context = std::mem::take(&mut case.context);
    let mut changed = false;
    for document in case.documents() {
        let has_variables = document.version == Some("2012-10-17");
        for statement in &mut document.statements {
            for entry in statement.resource.iter_mut().flat_map(|it| &mut it.entries) {
                changed |= change(entry, None, &context, has_variables);
            }
            for condition in &mut statement.conditions {
                let about = condition.clone();
                for value in &mut condition.values {
                    changed |= change(value, Some(&about), &context, has_variables);
                }
            }
        }
    }
    case.context = context;
    changed
}

/// `${` is text in a policy of 2008: it is written otherwise everywhere.
pub(super) fn version(case: &mut Case) -> bool {
    let hidden = |text: &mut String| *text = text.replace("${", "\u{1}{");
    let changed = texts(case, |text, _, _, has_variables| {
        let is_text = !has_variables && text.contains("${");
        if is_text {
            hidden(text);
        }
        is_text
    });
    if changed {
        for (_, values) in &mut case.context {
            match values {
                KeyValues::One(value) => hidden(value),
                KeyValues::Many(values) => values.iter_mut().for_each(hidden),
            }
        }
    }
    changed
}

/// A variable whose value is the empty text is replaced by it.
pub(super) fn empty_variables(case: &mut Case) -> bool {
    texts(case, |text, _, context, has_variables| {
        let mut changed = false;
        for (start, end, key, _) in variables(text).into_iter().rev().filter(|_| has_variables) {
            if matches!(values_of(context, &key), Some(KeyValues::One(value)) if value.is_empty()) {
                text.replace_range(start..end, "");
                changed = true;
            }
        }
        changed
    })
}

/// What names a key without one value matches nothing, so a negated condition with it holds; the
/// default is for a key that is absent only.
pub(super) fn unresolved(case: &mut Case) -> bool {
    texts(case, |text, condition, context, has_variables| {
        let is_typed =
            |it: &Condition| it.base().starts_with("String") || it.base().starts_with("Arn");
        if !has_variables || !condition.is_none_or(is_typed) {
            return false;
        }
        let is_unresolved =
            variables(text)
                .iter()
                .any(|(_, _, key, default)| match values_of(context, key) {
                    Some(KeyValues::One(_)) => false,
                    Some(KeyValues::Many(_)) => true,
                    None => default.is_none(),
                });
        if is_unresolved {
            let is_arn = condition.is_none_or(|it| it.base().starts_with("Arn"));
            *text = if is_arn {
                "arn:aws:never:::never".into()
            } else {
                NEVER.into()
            };
        }
        is_unresolved
    })
}

/// A variable may stand in any field of an ARN: what it stands for is written out.
pub(super) fn in_arns(case: &mut Case) -> bool {
    texts(case, |text, condition, context, has_variables| {
        let is_arn = condition.is_some_and(|it| it.base().starts_with("Arn"));
        let mut changed = false;
        for (start, end, key, _) in variables(text).into_iter().rev() {
            if let Some(KeyValues::One(value)) = values_of(context, &key)
                && is_arn
                && has_variables
            {
                text.replace_range(start..end, value);
                changed = true;
            }
        }
        changed
    })
}

/// `${*}`, `${?}` and `${$}` are characters for the operators without wildcards, too.
pub(super) fn literals(case: &mut Case) -> bool {
    each(case, |condition, _, has_variables| {
        if !has_variables
            || !condition.base().contains("Equals")
            || !condition.base().starts_with("String")
        {
            return false;
        }
        let mut changed = false;
        for value in &mut condition.values {
            let new = value.replace("${*}", "*").replace("${?}", "?");
            changed |= new != *value;
            *value = new;
        }
        changed
    })
}

/// A key that has no value at all is absent.
pub(super) fn empty_keys(case: &mut Case) -> bool {
    let before = case.context.len();
    let is_empty = |values: &KeyValues| matches!(values, KeyValues::Many(all) if all.is_empty());
    case.context.retain(|(_, values)| !is_empty(values));
    case.context.len() < before
}

/// ForAllValues holds for the empty text.
pub(super) fn for_all_of_empty(case: &mut Case) -> bool {
    each(case, |condition, context, _| {
        condition.qualifier() == "ForAllValues"
            && own_key(condition, context, "nonempty", |value| {
                (!value.is_empty()).then(|| value.to_owned())
            })
    })
}

/// With `IfExists` a condition on an absent key holds, also one with a qualifier.
pub(super) fn if_exists(case: &mut Case) -> bool {
    drop_true(case, |condition, context| {
        condition.has_if_exists() && values_of(context, &condition.key).is_none()
    })
}

/// A condition without qualifier on a key with several values: any value, any of the policy's;
/// negated, the contrary.
pub(super) fn unqualified(case: &mut Case) -> bool {
    each(case, |condition, context, _| {
        let is_many = matches!(values_of(context, &condition.key), Some(KeyValues::Many(_)));
        if !is_many || !condition.qualifier().is_empty() || condition.base() == "Null" {
            return false;
        }
        let qualifier = if condition.negates() {
            "ForAllValues"
        } else {
            "ForAnyValue"
        };
        condition.operator = format!("{qualifier}:{}", condition.operator);
        true
    })
}

fn seconds_of(text: &str) -> Option<i64> {
    text.parse()
        .ok()
        .filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

/// `20260301T120000Z` with its separators.
fn iso(seconds: i64) -> String {
    let compact = time::amz_date(seconds.saturating_mul(1000));
    let part = |from: usize, to: usize| compact.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(9, 11),
        part(11, 13),
        part(13, 15)
    )
}

/// Seconds since 1970 are a date like any other.
pub(super) fn seconds(case: &mut Case) -> bool {
    each(case, |condition, context, _| {
        if !condition.base().starts_with("Date") {
            return false;
        }
        let dated = |text: &str| seconds_of(text).map_or_else(|| text.to_owned(), iso);
        let mut changed = own_key(condition, context, "dated", |value| Some(dated(value)));
        for value in &mut condition.values {
            let new = dated(value);
            changed |= new != *value;
            *value = new;
        }
        changed
    })
}

/// What can't be read as the operator's type equals nothing: a number so odd that no other is
/// like it, one for the request and one for policies. Where an order is asked for it is no number.
pub(super) fn unreadable(case: &mut Case) -> bool {
    each(case, |condition, context, _| {
        let base = condition.base().to_owned();
        let is_equality = base.ends_with("Equals") && !base.contains("Than");
        let (is_readable, [of_request, of_policy]): (fn(&str) -> bool, _) = match &*base {
            _ if base.starts_with("Numeric") && is_equality => {
                (is_number, ["987654321", "987654322"])
            }
            _ if base.starts_with("Numeric") => (is_number, ["no number"; 2]),
            _ if base.starts_with("Date") && is_equality => (is_date, ["1901-01-01", "1902-01-01"]),
            _ if base.starts_with("Date") => (is_date, ["no date"; 2]),
            _ if base.ends_with("IpAddress") => (is_address, ["198.51.100.1", "203.0.113.1/32"]),
            _ if base.starts_with("Arn") => (
                is_arn,
                ["arn:aws:never:::of-request", "arn:aws:never:::of-policy"],
            ),
            _ if base.starts_with("Binary") => (is_binary, ["never", "ever"]),
            _ => return false,
        };
        let read = |text: &str, otherwise: &str| match is_readable(text) {
            true if base.starts_with("Numeric") => plain_number(text),
            true => text.to_owned(),
            false => otherwise.to_owned(),
        };
        let mut changed = own_key(condition, context, of_request, |value| {
            Some(read(value, of_request))
        });
        for value in &mut condition.values {
            let new = read(value, of_policy);
            changed |= new != *value;
            *value = new;
        }
        changed
    })
}

fn is_number(text: &str) -> bool {
    let is_of_number = |b: u8| b.is_ascii_digit() || b"+-.eE".contains(&b);
    text.bytes().all(is_of_number) && text.parse::<f64>().is_ok()
}

/// Without an exponent, which the judge doesn't read.
fn plain_number(text: &str) -> String {
    let number = text.parse().ok().filter(|_| text.contains(['e', 'E']));
    number.map_or_else(|| text.to_owned(), |number: f64| number.to_string())
}

fn is_date(text: &str) -> bool {
    seconds_of(text).is_some() || text.len() >= 7 && text.as_bytes().get(4) == Some(&b'-')
}

fn is_address(text: &str) -> bool {
    let address = text.split('/').next().unwrap_or_default();
    address.parse::<IpAddr>().is_ok()
}

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:") && text.split(':').count() >= 6
}

fn is_binary(text: &str) -> bool {
    text.len().is_multiple_of(4)
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
}

/// Addresses in full: an address alone is a network of one, a network of all is two halves, and
/// one of version 6 has all its digits.
pub(super) fn addresses(case: &mut Case) -> bool {
    each(case, |condition, context, _| {
        if !condition.base().ends_with("IpAddress") {
            return false;
        }
        let plain = |text: &str| {
            let address = text.parse().map(full);
            Some(address.unwrap_or_else(|_| text.to_owned()))
        };
        let mut changed = own_key(condition, context, "full", plain);
        let new: Vec<String> = condition
            .values
            .iter()
            .flat_map(|it| networks(it))
            .collect();
        changed |= new != condition.values;
        condition.values = new;
        changed
    })
}

fn full(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => full_6(address),
    }
}

fn full_6(address: Ipv6Addr) -> String {
    let segments = address.segments().map(|segment| format!("{segment:04x}"));
    segments.join(":")
}

fn networks(text: &str) -> Vec<String> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    match (address.parse::<IpAddr>(), length) {
        (Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), Some("0")) => {
            vec!["0.0.0.0/1".into(), "128.0.0.0/1".into()]
        }
        (Ok(address @ IpAddr::V4(_)), None) => vec![format!("{}/32", full(address))],
        (Ok(address @ IpAddr::V6(_)), None) => vec![format!("{}/128", full(address))],
        (Ok(address), Some(length)) => vec![format!("{}/{length}", full(address))],
        (Err(_), _) => vec![text.to_owned()],
    }
}
