//! Values as compact text.

use crate::text::{self, Short};
use crate::value::Repr;
use crate::{Text, Value, View, escape};

/// Reserve no more than this at once: the size of a value that holds another many times over by
/// sharing can exceed the memory there is.
const RESERVE_MAX: usize = 64 << 20;

/// A container whose values are being written.
struct Open<'a> {
    rest: Rest<'a>,
    is_first: bool,
}

enum Rest<'a> {
    Elements(std::slice::Iter<'a, Value>),
    Members(std::slice::Iter<'a, (Text, Value)>),
}

/// Appends the compact text of `value`. A list of open containers takes the place of recursion.
pub(crate) fn write(value: &Value, out: &mut String) {
    out.reserve(value.size().min(RESERVE_MAX));
    let mut open = Vec::new();
    let mut next = Some(value);
    loop {
        if let Some(value) = next {
            open.extend(begin(value, out));
        }
        let Some(container) = open.last_mut() else {
            break;
        };
        next = container.advance(out);
        if next.is_none() {
            open.pop();
        }
    }
}

/// Writes a scalar or lazy text whole, or the bracket that opens a container.
fn begin<'a>(value: &'a Value, out: &mut String) -> Option<Open<'a>> {
    if let Some(text) = value.as_compact_text() {
        out.push_str(text);
        return None;
    }
    if let Repr::Short(short) = &value.0 {
        write_short(short, out);
        return None;
    }
    let rest = match value.view() {
        View::Null => return push(out, "null"),
        View::Bool(true) => return push(out, "true"),
        View::Bool(false) => return push(out, "false"),
        View::Number(number) => return push(out, number.as_text()),
        View::String(text) => {
            escape::write_quoted(text, out);
            return None;
        }
        View::Array(elements) => {
            out.push('[');
            Rest::Elements(elements.iter())
        }
        View::Object(object) => {
            out.push('{');
            Rest::Members(object.members().iter())
        }
    };
    Some(Open {
        rest,
        is_first: true,
    })
}

/// Short text knows whether it needs escapes at all.
fn write_short(short: &Short, out: &mut String) {
    if short.has_escapes() {
        escape::write_quoted(short.as_str(), out);
    } else {
        out.push('"');
        out.push_str(short.as_str());
        out.push('"');
    }
}

fn push<'a>(out: &mut String, text: &str) -> Option<Open<'a>> {
    out.push_str(text);
    None
}

impl<'a> Open<'a> {
    /// Writes what stands before the next value and returns that value, or closes the container.
    fn advance(&mut self, out: &mut String) -> Option<&'a Value> {
        let comma = if std::mem::take(&mut self.is_first) {
            ""
        } else {
            ","
        };
        match &mut self.rest {
            Rest::Elements(elements) => {
                let element = elements.next();
                out.push_str(if element.is_some() { comma } else { "]" });
                element
            }
            Rest::Members(members) => {
                let member = members.next();
                out.push_str(if member.is_some() { comma } else { "}" });
                let (key, value) = member?;
                match &key.0 {
                    text::Repr::Short(short) => write_short(short, out),
                    text::Repr::Long(long) => escape::write_quoted(long.as_str(), out),
                }
                out.push(':');
                Some(value)
            }
        }
    }
}
