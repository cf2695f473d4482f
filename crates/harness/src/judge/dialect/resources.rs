//! Resources: `*` and `?` between colons, types, case.

use crate::judge::case::{Case, Element};

/// Changes every entry of every (Not)Resource; says whether any is another now.
fn entries(case: &mut Case, mut change: impl FnMut(&str) -> Vec<String>) -> bool {
    let mut changed = false;
    for statement in case.statements() {
        let Some(Element { entries, .. }) = &mut statement.resource else {
            continue;
        };
        let new: Vec<String> = entries.iter().flat_map(|it| change(it)).collect();
        changed |= new != *entries;
        *entries = new;
    }
    changed
}

/// The five fields before the resource's own, and that one.
fn split(arn: &str) -> Option<(&str, &str)> {
    let (end, _) = arn.match_indices(':').nth(4)?;
    arn.split_at_checked(end + 1)
}

/// An ARN with fewer than six fields has `*` for those that are missing.
pub(super) fn short(case: &mut Case) -> bool {
    entries(case, |entry| {
        let missing = 6_usize.saturating_sub(entry.split(':').count());
        let missing = if entry == "*" { 0 } else { missing };
        vec![format!("{entry}{}", ":*".repeat(missing))]
    })
}

/// A `*` at the end of a field reaches over the colons that follow: every number of them is
/// written out.
pub(super) fn crossing(case: &mut Case) -> bool {
    entries(case, |entry| {
        let mut all = vec![String::new()];
        let count = entry.split(':').count();
        for (index, field) in entry.split(':').enumerate() {
            let is_last = index + 1 == count;
            let reaches = field.ends_with('*') && !is_last && (2..5).contains(&index);
            let separator = if is_last { "" } else { ":" };
            let over = if reaches { 0..5 } else { 0..1 };
            all = all
                .iter()
                .flat_map(|front| {
                    over.clone()
                        .map(move |over| format!("{front}{field}{}{separator}", ":*".repeat(over)))
                })
                .collect();
        }
        all
    })
}

/// The type, up to the first `:` or `/`, is taken literally: both get one more, so that the
/// wildcard stands behind it.
pub(super) fn types(case: &mut Case) -> bool {
    let typed = |arn: &str| match split(arn) {
        Some((front, resource)) => format!("{front}type/{resource}"),
        None => arn.to_owned(),
    };
    let Some((_, own)) = split(&case.resource) else {
        return false;
    };
    let own = own.to_owned();
    let own_type = own
        .find([':', '/'])
        .map_or("", |end| own.get(..=end).unwrap_or(""));
    let mut is_needed = false;
    for statement in case.statements() {
        let entries = statement.resource.iter().flat_map(|it| &it.entries);
        for (_, resource) in entries.filter_map(|it| split(it)) {
            let front = resource.get(..own_type.len()).unwrap_or("");
            let end = resource.find([':', '/']).map_or(0, |end| end + 1);
            let kind = resource.get(..end).unwrap_or("");
            is_needed |= front != own_type || kind.contains(['*', '?', '$']);
        }
    }
    if is_needed {
        case.resource = typed(&case.resource);
        entries(case, |entry| vec![typed(entry)]);
    }
    is_needed
}

/// A wildcard matches colons as any other character: ours is asked with no colon there.
pub(super) fn within(case: &mut Case) -> bool {
    let Some((front, resource)) = split(&case.resource) else {
        return false;
    };
    case.resource = format!("{front}{}", resource.replace(':', "/"));
    // What reaches over colons has to be written out before they are gone.
    short(case);
    crossing(case);
    entries(case, |entry| {
        vec![match split(entry) {
            // A colon in a variable's name isn't one of the resource.
            Some((front, resource)) => {
                let parts = resource
                    .split_inclusive('}')
                    .map(|part| match part.split_once("${") {
                        Some((text, name)) => format!("{}${{{name}", text.replace(':', "/")),
                        None => part.replace(':', "/"),
                    });
                format!("{front}{}", parts.collect::<String>())
            }
            None => entry.to_owned(),
        }]
    })
}

/// Fields before the resource are compared without regard to case.
pub(super) fn fields(case: &mut Case) -> bool {
    entries(case, |entry| {
        vec![match split(entry) {
            Some((front, resource)) => format!("{}{resource}", front.to_ascii_lowercase()),
            None => entry.to_ascii_lowercase(),
        }]
    })
}
