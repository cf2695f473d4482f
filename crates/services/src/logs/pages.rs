//! Pages of lists.

use aws::ServiceError;
use json::{ObjectBuilder, Value};

use super::invalid;
use crate::{Answer, Call, page};

/// Entries of a list when the caller does not say (API reference, "limit").
const ITEMS_DEFAULT: usize = 50;

/// A page of a list, as a call asks for it.
pub(super) struct Page<'a> {
    call: &'a Call,
    /// Everything that must be the same in the call for the next page.
    request: String,
    pub items_max: usize,
    /// What the page before ended with.
    pub after: Option<String>,
}

impl<'a> Page<'a> {
    /// The page that a call asks for; `limit` is the member that says how long it may be.
    ///
    /// # Errors
    /// For a token that is malformed, of another request, or a day old.
    pub(super) fn of(call: &'a Call, limit: &str) -> Result<Page<'a>, ServiceError> {
        let members = call.input.as_object().into_iter().flatten();
        let mut chosen: Vec<String> = members
            .filter(|(name, _)| *name != "nextToken" && *name != limit)
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        chosen.sort();
        let request = [call.operation, &call.account, &call.region].join(" ");
        let request = format!("{request} {}", chosen.join(" "));
        let after = match call.text("nextToken") {
            None => None,
            Some(token) => Some(
                page::position(&request, token, call.now)
                    .ok_or_else(|| invalid("The specified nextToken is invalid."))?,
            ),
        };
        let asked = call.integer(limit);
        let asked = asked.and_then(|asked| usize::try_from(asked).ok());
        Ok(Page {
            call,
            request,
            items_max: asked.unwrap_or(ITEMS_DEFAULT),
            after,
        })
    }

    /// Leaves as many as the page may have, and says where the next one begins.
    pub(super) fn cut<T>(
        &self,
        items: &mut Vec<T>,
        position: impl Fn(&T) -> String,
    ) -> Option<String> {
        let is_cut = items.len() > self.items_max;
        items.truncate(self.items_max);
        items.last().filter(|_| is_cut).map(position)
    }

    pub(super) fn answer(
        &self,
        member: &'static str,
        items: Value,
        next: Option<String>,
    ) -> Answer {
        let mut answer = ObjectBuilder::new();
        answer.add(member, items);
        if let Some(next) = next {
            answer.add(
                "nextToken",
                page::token(&self.request, &next, self.call.now),
            );
        }
        (&mut answer).into()
    }
}
