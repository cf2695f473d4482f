//! The text of a log record (recorded; Step Functions developer guide, "Logging using CloudWatch
//! Logs"): one JSON object for an event, whose numbers are texts.

use std::fmt::Write as _;

use asl::event::Event;
use asl::history::details;
use engine::Observed;
use json::{Object, ObjectBuilder, Value};

/// A payload is cut to this length, in bytes of UTF-8 (developer guide: "if you escape the input or
/// output ... we truncate ... over 248 KiB").
const PAYLOAD_BYTES_MAX: usize = 248 << 10;

/// Members of details that hold payloads, each with the one that says whether it was cut.
const PAYLOADS: [(&str, Option<&str>); 3] = [
    ("input", Some("inputDetails")),
    ("output", Some("outputDetails")),
    ("parameters", None),
];

/// Appends an event's record; nothing for an internal event.
pub(super) fn write(out: &mut String, seen: &Observed, event: &Event, include_data: bool) {
    let details = details(&seen.program, &seen.start, event, include_data);
    let Some((event_type, details)) = details else {
        return;
    };
    let details = Value::from(cut(details));
    out.reserve(details.size() + 320);
    // Writing to a text does not fail.
    let _ = write!(
        out,
        r#"{{"id":"{}","type":"{event_type}","details":"#,
        event.id
    );
    details.write_to(out);
    let _ = write!(
        out,
        r#","previous_event_id":"{}","event_timestamp":"{}","execution_arn":"#,
        event.previous, seen.time.0
    );
    Value::from(&*seen.start.execution_arn).write_to(out);
    let _ = write!(out, r#","redrive_count":"{}"}}"#, seen.redrive_count);
}

/// Cuts payloads that are too long, and says so beside them.
fn cut(mut details: Object) -> Object {
    for (member, beside) in PAYLOADS {
        let text = details.get(member).and_then(Value::as_str);
        let Some(text) = text.filter(|text| text.len() > PAYLOAD_BYTES_MAX) else {
            continue;
        };
        let mut ends = (0..=PAYLOAD_BYTES_MAX).rev();
        let kept = ends.find_map(|end| text.get(..end)).unwrap_or_default();
        let kept = Value::from(kept);
        details.insert(member, kept);
        if let Some(beside) = beside {
            let truncated = ObjectBuilder::new().add("truncated", true).build();
            details.insert(beside, truncated.into());
        }
    }
    details
}

#[cfg(test)]
mod tests;
