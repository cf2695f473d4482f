//! The text of log records (recorded; Step Functions developer guide, "Logging using CloudWatch
//! Logs"): one JSON object for an event, whose numbers are texts.

use std::ops::Range;

use asl::event::Event;
use asl::history::{Members, Payload, details, type_name};
use engine::Observed;
use json::write_quoted;

/// A payload is cut to this length, in bytes of UTF-8 (developer guide: "if you escape the input or
/// output ... we truncate ... over 248 KiB").
const PAYLOAD_BYTES_MAX: usize = 248 << 10;

/// Writes the records of a commit, one after the other. What they have in common is escaped once:
/// most events of a commit show the same payload.
pub(super) struct Records<'r> {
    out: &'r mut String,
    seen: &'r Observed,
    include_data: bool,
    /// Whether the next member of an object is its first.
    is_first: bool,
    scratch: &'r mut Scratch,
    /// Where in `out` the payload of the scratch stands, escaped, without its quotes.
    escaped: Range<usize>,
    /// Where in `out` a record ends like all records of the commit.
    ending: Range<usize>,
}

/// Payloads as text, kept for the room they take.
#[derive(Default)]
pub(super) struct Scratch {
    /// The last one that was written, cut.
    payload: String,
    /// One that has no text of its own.
    text: String,
}

impl<'r> Records<'r> {
    /// Appends to `out`, of which nothing may be taken away meanwhile.
    pub(super) fn new(
        out: &'r mut String,
        scratch: &'r mut Scratch,
        seen: &'r Observed,
        include_data: bool,
    ) -> Records<'r> {
        scratch.payload.clear();
        Records {
            out,
            seen,
            include_data,
            is_first: true,
            scratch,
            escaped: 0..0,
            ending: 0..0,
        }
    }

    /// Appends an event's record, and says where `out` ends now; nothing for an internal event.
    pub(super) fn add(&mut self, event: &Event) -> Option<usize> {
        let seen = self.seen;
        let event_type = type_name(&seen.program, &event.kind)?;
        let start = self.out.len();
        self.out.push_str(r#"{"id":""#);
        write_number(self.out, event.id);
        self.out.push_str(r#"","type":""#);
        self.out.push_str(event_type);
        self.out.push_str(r#"","details":{"#);
        self.is_first = true;
        if details(&seen.program, &seen.start, event, self.include_data, self).is_none() {
            self.out.truncate(start);
            return None;
        }
        self.out.push_str(r#"},"previous_event_id":""#);
        write_number(self.out, event.previous);
        self.end();
        Some(self.out.len())
    }

    /// What every record of the commit ends with.
    fn end(&mut self) {
        if !self.ending.is_empty() {
            self.out.extend_from_within(self.ending.clone());
            return;
        }
        let start = self.out.len();
        self.out.push_str(r#"","event_timestamp":""#);
        write_number(self.out, self.seen.time.0);
        self.out.push_str(r#"","execution_arn":"#);
        write_quoted(&self.seen.start.execution_arn, self.out);
        self.out.push_str(r#","redrive_count":""#);
        write_number(self.out, self.seen.redrive_count);
        self.out.push_str(r#""}"#);
        self.ending = start..self.out.len();
    }

    /// What stands before a member's value.
    fn name(&mut self, name: &str) {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(',');
        }
        write_quoted(name, self.out);
        self.out.push(':');
    }

    /// Writes a payload as a string; whether it was cut.
    fn string(&mut self, payload: Payload<'_>) -> bool {
        let Scratch {
            payload: last,
            text,
        } = &mut *self.scratch;
        let whole: &str = match payload {
            Payload::Text(text) => text,
            Payload::Value(value) => match value.as_compact_text() {
                Some(text) => text,
                None => {
                    text.clear();
                    value.write_to(text);
                    text
                }
            },
        };
        let kept = cut(whole);
        if kept == last {
            self.out.push('"');
            self.out.extend_from_within(self.escaped.clone());
            self.out.push('"');
        } else {
            let start = self.out.len() + 1;
            write_quoted(kept, self.out);
            self.escaped = start..self.out.len() - 1;
            last.clear();
            last.push_str(kept);
        }
        kept.len() < whole.len()
    }

    fn truncated(&mut self, name: &str, is_cut: bool) {
        self.name(name);
        self.out.push_str(match is_cut {
            true => r#"{"truncated":true}"#,
            false => r#"{"truncated":false}"#,
        });
    }
}

impl Members for Records<'_> {
    fn text(&mut self, name: &'static str, text: &str) {
        self.name(name);
        write_quoted(text, self.out);
    }

    fn number(&mut self, name: &'static str, number: u64) {
        self.name(name);
        write_number(self.out, number);
    }

    fn payload(&mut self, name: &'static str, details: Option<&'static str>, payload: Payload<'_>) {
        self.name(name);
        let is_cut = self.string(payload);
        if let Some(details) = details {
            self.truncated(details, is_cut);
        }
    }

    fn texts(&mut self, name: &'static str, texts: &mut dyn Iterator<Item = (&str, Payload<'_>)>) {
        self.name(name);
        self.out.push('{');
        self.is_first = true;
        for (name, text) in texts {
            self.name(name);
            match text {
                Payload::Text(text) => write_quoted(text, self.out),
                Payload::Value(value) => write_quoted(&value.to_text(), self.out),
            }
        }
        self.out.push('}');
        self.is_first = false;
    }

    fn is_whole(&mut self, name: &'static str) {
        self.truncated(name, false);
    }
}

/// As much of a payload as a record shows.
fn cut(text: &str) -> &str {
    if text.len() <= PAYLOAD_BYTES_MAX {
        return text;
    }
    let mut ends = (0..=PAYLOAD_BYTES_MAX).rev();
    ends.find_map(|end| text.get(..end)).unwrap_or_default()
}

fn write_number(out: &mut String, number: impl itoa::Integer) {
    out.push_str(itoa::Buffer::new().format(number));
}

#[cfg(test)]
mod tests;
