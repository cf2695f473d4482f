//! An event's details without the member that holds them in a history, as logs show them; and what
//! takes their members.

use json::{ObjectBuilder, Value};

use super::{Shown, type_name};
use crate::event::{Event, Start};
use crate::program::Program;

/// What is shown as JSON text.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'p> {
    /// The text itself.
    Text(&'p str),
    /// Its compact text.
    Value(&'p Value),
}

impl Payload<'_> {
    fn to_text(self) -> String {
        match self {
            Payload::Text(text) => text.to_owned(),
            Payload::Value(value) => value.to_text(),
        }
    }
}

/// Takes the members of an event's details, in the order they are shown: a history makes an object
/// of them, a log writes them as text.
pub trait Members {
    fn text(&mut self, name: &'static str, text: &str);

    fn number(&mut self, name: &'static str, number: u64);

    /// A payload, and the member that says whether it was cut, if there is one.
    fn payload(&mut self, name: &'static str, details: Option<&'static str>, payload: Payload<'_>);

    /// An object of texts.
    fn texts(&mut self, name: &'static str, texts: &mut dyn Iterator<Item = (&str, Payload<'_>)>);

    /// The member that says that what it stands beside was not cut.
    fn is_whole(&mut self, name: &'static str);
}

impl Members for ObjectBuilder {
    fn text(&mut self, name: &'static str, text: &str) {
        self.add(name, text);
    }

    fn number(&mut self, name: &'static str, number: u64) {
        self.add(name, number);
    }

    fn payload(&mut self, name: &'static str, details: Option<&'static str>, payload: Payload<'_>) {
        self.add(name, payload.to_text());
        if let Some(details) = details {
            self.is_whole(details);
        }
    }

    fn texts(&mut self, name: &'static str, texts: &mut dyn Iterator<Item = (&str, Payload<'_>)>) {
        let mut members = ObjectBuilder::new();
        for (name, text) in texts {
            members.add(name, text.to_text());
        }
        self.add(name, members.build());
    }

    fn is_whole(&mut self, name: &'static str) {
        self.add(name, ObjectBuilder::new().add("truncated", false).build());
    }
}

/// Writes the event's details as [`render`](super::render) shows them, nothing where AWS has none,
/// and says the event's `type`. `None` for an internal event, and for an event of another program:
/// of that, some members may have been written.
pub fn details(
    program: &Program,
    start: &Start,
    event: &Event,
    include_data: bool,
    out: &mut dyn Members,
) -> Option<&'static str> {
    let shown = Shown {
        program,
        start,
        include_data,
        has_previous: event.previous != 0,
    };
    shown.details(&event.kind, out)?;
    type_name(program, &event.kind)
}
