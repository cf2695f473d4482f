//! Pages of Lambda's lists: `Marker`, `MaxItems`, `NextMarker`.

use asl::time::Timestamp;
use aws::ServiceError;
use json::{ObjectBuilder, Value};

use super::invalid;
use crate::{Answer, Call, page};

/// Items of a page when the caller does not say, and at most (Lambda API, ListFunctions and
/// ListVersionsByFunction: "returns a maximum of 50 items in each response, even if you set the
/// number higher").
const PAGE_ITEMS_MAX: usize = 50;

/// Which page of a list a call asks for.
pub(super) struct Pages {
    /// The list: a marker of another one is refused.
    request: String,
    now: Timestamp,
    /// The position of the last item of the page before.
    pub after: Option<String>,
    /// Items of the page.
    pub limit: usize,
}

impl Pages {
    /// The page of a list within `scope`.
    pub(super) fn of(call: &Call, scope: &str) -> Result<Pages, ServiceError> {
        let request = format!("{} {scope}", call.operation);
        let marker = call.text("Marker").filter(|marker| !marker.is_empty());
        let after = match marker {
            None => None,
            Some(marker) => Some(
                page::position(&request, marker, call.now)
                    .ok_or_else(|| invalid("The Marker is not one of this list, or too old."))?,
            ),
        };
        let limit = call
            .integer("MaxItems")
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(PAGE_ITEMS_MAX);
        Ok(Pages {
            request,
            now: call.now,
            after,
            limit: limit.clamp(1, PAGE_ITEMS_MAX),
        })
    }

    pub(super) fn is_first(&self) -> bool {
        self.after.is_none()
    }

    /// The answer with one page in a member. There are more pages if there are more items than it
    /// holds; each comes with its position.
    pub(super) fn answer<T>(
        &self,
        member: &'static str,
        mut items: Vec<(String, T)>,
        shown: impl Fn(&T) -> Value,
    ) -> Answer {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let mut answer = ObjectBuilder::new();
        if let Some((last, _)) = items.last().filter(|_| more) {
            answer.add("NextMarker", page::token(&self.request, last, self.now));
        }
        let shown: Value = items.iter().map(|(_, item)| shown(item)).collect();
        answer.add(member, shown);
        (&mut answer).into()
    }
}
