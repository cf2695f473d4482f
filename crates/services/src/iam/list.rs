//! Pages of lists that are in memory.

use aws::ServiceError;
use json::{ObjectBuilder, Value};

use crate::{Answer, Call, page};

/// Entries of a list when the caller does not say (IAM API reference, "MaxItems").
const PAGE_ITEMS_DEFAULT: i64 = 100;

/// A page of a list, and where the next one begins.
pub(super) struct Page<T> {
    pub items: Vec<T>,
    marker: Option<String>,
}

impl<T> Page<T> {
    /// Adds `IsTruncated`, which every list has, and `Marker`.
    pub(super) fn add_end(self, answer: &mut ObjectBuilder) {
        answer.add("IsTruncated", self.marker.is_some());
        if let Some(marker) = self.marker {
            answer.add("Marker", marker);
        }
    }
}

/// The page that a call asks for; `items` are the entries by what they are sorted by.
pub(super) fn page<T>(
    call: &Call,
    operation: &str,
    mut items: Vec<(String, T)>,
) -> Result<Page<T>, ServiceError> {
    items.sort_by(|a, b| a.0.cmp(&b.0));
    let request = format!("{operation} {} {}", call.account, chosen(call));
    let after = match call.text("Marker") {
        None => None,
        Some(marker) => Some(page::position(&request, marker, call.now).ok_or_else(|| {
            ServiceError::new("ValidationError", "Invalid Marker.").with_status(400)
        })?),
    };
    let limit = call.integer("MaxItems").unwrap_or(PAGE_ITEMS_DEFAULT);
    let limit = usize::try_from(limit).unwrap_or(1);
    let mut rest = items
        .into_iter()
        .filter(|(position, _)| after.as_ref().is_none_or(|after| position > after));
    let mut last = String::new();
    let mut shown = Vec::new();
    for (position, item) in rest.by_ref().take(limit) {
        last = position;
        shown.push(item);
    }
    let more = rest.next().is_some();
    Ok(Page {
        items: shown,
        marker: more.then(|| page::token(&request, &last, call.now)),
    })
}

/// A list of one sort of entries, under `member`.
pub(super) fn answer(
    call: &Call,
    operation: &str,
    member: &'static str,
    items: Vec<(String, Value)>,
) -> Result<Answer, ServiceError> {
    let mut page = page(call, operation, items)?;
    let mut answer = ObjectBuilder::new();
    answer.add(member, std::mem::take(&mut page.items));
    page.add_end(&mut answer);
    Ok((&mut answer).into())
}

/// What the list is chosen by: the members of the call but for the page's own, and those that say
/// what holds without them.
fn chosen(call: &Call) -> String {
    let members = call.input.as_object();
    let chosen = members.into_iter().flat_map(|members| members.iter());
    let chosen = chosen.filter(|(name, value)| {
        let is_default =
            value.as_bool() == Some(false) || matches!(value.as_str(), Some("All" | "/"));
        !["Marker", "MaxItems"].contains(name) && !is_default
    });
    let mut chosen: Vec<String> = chosen
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    chosen.sort();
    chosen.join(" ")
}
