//! Wait: for a number of seconds or until a time, each literal or from a path.

use super::Context;
use crate::program::{Dynamic, StateKind, Wait, WaitUntil};
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
    let seconds = fields.take_integer("Seconds", "SecondsPath");
    seconds.map(WaitUntil::Seconds).or_else(|| {
        let literal = fields.timestamp("Timestamp").map(Dynamic::Literal);
        literal
            .or_else(|| fields.take_path("TimestampPath").map(Dynamic::Path))
            .map(WaitUntil::Timestamp)
    })
}
