//! Wait: for a number of seconds or until a time, each literal, from a path or from
//! an expression.

use super::Context;
use crate::program::{StateKind, Wait, WaitUntil};
use crate::validate::fields::Fields;
use crate::validate::place::Place;

pub(super) fn compile(
    fields: &mut Fields<'_>,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) -> Option<StateKind> {
    let until = until(fields);
    let next = context.next(fields, place);
    Some(StateKind::Wait(Box::new(Wait {
        until: until?,
        next,
    })))
}

/// `None` when the field is missing or not what it must be, which has been reported.
fn until(fields: &mut Fields<'_>) -> Option<WaitUntil> {
    if let Some(seconds) = fields.take_integer("Seconds", "SecondsPath") {
        return Some(WaitUntil::Seconds(seconds));
    }
    let time = fields.take_timestamp("Timestamp", "TimestampPath");
    time.map(WaitUntil::Timestamp)
}
