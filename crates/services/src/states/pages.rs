//! Pages of lists.

use aws::ServiceError;
use json::{ObjectBuilder, Value};
use serde::de::DeserializeOwned;
use store::Kind;

use super::{arn, invalid_token};
use crate::documents::Documents;
use crate::{Answer, Call, page};

/// Entries of a list when the caller does not say, or says 0 (Step Functions API reference,
/// "maxResults").
const ITEMS_DEFAULT: usize = 100;

/// `maxResults`, 0 standing for the default.
pub(crate) fn items_max(call: &Call) -> usize {
    let asked = call
        .integer("maxResults")
        .and_then(|asked| usize::try_from(asked).ok());
    asked.filter(|asked| *asked > 0).unwrap_or(ITEMS_DEFAULT)
}

/// A page of a list, as a call asks for it.
pub(super) struct Pages<'a> {
    call: &'a Call,
    /// Everything that must be the same in the call for the next page.
    request: String,
    items_max: usize,
    /// What the page before ended with.
    after: Option<String>,
}

impl<'a> Pages<'a> {
    /// The page that a call asks for. `request` names the operation and what it lists.
    ///
    /// # Errors
    /// InvalidToken for a token that is malformed, of another request, or a day old.
    pub(super) fn of(call: &'a Call, request: &str) -> Result<Pages<'a>, ServiceError> {
        let request = format!("{} {} {request}", call.account, call.region);
        let after = match call.text("nextToken") {
            Some(token) => {
                let position = page::position(&request, token, call.now);
                Some(position.ok_or_else(invalid_token)?)
            }
            None => None,
        };
        Ok(Pages {
            call,
            request,
            items_max: items_max(call),
            after,
        })
    }

    /// The answer with the documents of a kind in the caller's account and Region.
    pub(super) async fn of_documents<T: DeserializeOwned + Send + 'static>(
        &self,
        documents: &Documents,
        kind: Kind,
        member: &'static str,
        show: impl Fn(T) -> Value,
    ) -> Result<Answer, ServiceError> {
        let prefix = arn::key(self.call, "");
        // One more than asked for tells whether there is a next page.
        let found = documents
            .list::<T>(kind, &prefix, self.after.as_deref(), self.items_max + 1)
            .await?;
        let items = found.into_iter().map(|(key, body)| (key, show(body)));
        Ok(self.answer(member, items))
    }

    /// The answer with `items` that follow the page before, each with its position.
    pub(super) fn answer(
        &self,
        member: &'static str,
        items: impl Iterator<Item = (String, Value)>,
    ) -> Answer {
        let mut items = items.peekable();
        let mut last = None;
        let mut shown = Vec::new();
        while shown.len() < self.items_max
            && let Some((position, item)) = items.next()
        {
            last = Some(position);
            shown.push(item);
        }
        let mut answer = ObjectBuilder::new();
        answer.add(member, shown);
        if let (Some(_), Some(last)) = (items.peek(), last) {
            let token = page::token(&self.request, &last, self.call.now);
            answer.add("nextToken", token);
        }
        (&mut answer).into()
    }

    /// The answer of a list that is all there, its numbers falling.
    pub(super) fn newest_first(
        &self,
        member: &'static str,
        items: impl Iterator<Item = (u32, Value)>,
    ) -> Answer {
        let after = self.after_number();
        let items = items.filter(|(number, _)| after.is_none_or(|after| *number < after));
        self.answer(member, items.map(positioned))
    }

    /// The answer of a list that is all there, its numbers rising.
    pub(super) fn oldest_first(
        &self,
        member: &'static str,
        items: impl Iterator<Item = (u32, Value)>,
    ) -> Answer {
        let after = self.after_number();
        let items = items.filter(|(number, _)| after.is_none_or(|after| *number > after));
        self.answer(member, items.map(positioned))
    }

    fn after_number(&self) -> Option<u32> {
        self.after.as_ref().and_then(|after| after.parse().ok())
    }
}

fn positioned((number, item): (u32, Value)) -> (String, Value) {
    (number.to_string(), item)
}
