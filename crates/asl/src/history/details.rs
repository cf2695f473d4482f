//! An event's details without the member that holds them in a history, as logs show them.

use json::Object;

use super::{Shown, type_name};
use crate::event::{Event, Start};
use crate::program::Program;

/// The event's `type` and details, as [`render`](super::render) shows them; empty where AWS has
/// none. `None` for an internal event, and for an event of another program.
pub fn details(
    program: &Program,
    start: &Start,
    event: &Event,
    include_data: bool,
) -> Option<(&'static str, Object)> {
    let shown = Shown {
        program,
        start,
        include_data,
        has_previous: event.previous != 0,
    };
    let details = shown.details(&event.kind)?.map(|(_, details)| details);
    let event_type = type_name(program, &event.kind)?;
    Some((event_type, details.unwrap_or_default()))
}
