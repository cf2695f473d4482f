//! Values as text (`$string`) and text as values (AWS's `$parse`).

use std::borrow::Cow;

use json::{Number, Value, View};

use super::builder::Builder;
use super::{error, numbers};
use crate::error::Error;
use crate::meter::Meter;

/// `$string` of a value without functions in it: a string as it is, anything else as
/// `JSON.stringify` lays it out, numbers with at most 15 significant digits; `prettify` puts each
/// part on a line of its own, indented by two blanks.
///
/// # Errors
/// D3001 or D1001 for a number beyond the range of doubles; those of the meter. (A value can hold
/// itself many times by sharing; its text then ends with the meter.)
pub(crate) fn string(value: &Value, prettify: bool, meter: &Meter) -> Result<String, Error> {
    let mut writer = Writer {
        out: Builder::new(meter),
        meter,
        prettify,
        number_text: shown_number_text,
    };
    match value.view() {
        View::String(text) => writer.out.push_str(text)?,
        View::Number(number) if !number.as_f64().is_finite() => {
            let message = "Attempting to invoke string function on Infinity or NaN";
            return Err(error("D3001", message));
        }
        _ => writer.write(value)?,
    }
    Ok(writer.out.finish())
}

/// As much of a text as messages show: a cause of AWS holds no more than 32,768 characters.
pub(super) fn start_of(text: &str) -> &str {
    const SHOWN_MAX: usize = 8 * 1024;
    let end = text.char_indices().nth(SHOWN_MAX);
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// A string as `JSON.stringify` writes it, for messages; of a long one the start.
pub(crate) fn quoted(text: &str) -> String {
    let text = start_of(text);
    let mut quoted = String::with_capacity(text.len() + 2);
    let infallible: Result<(), std::convert::Infallible> = write_quoted(text, &mut |piece| {
        quoted.push_str(piece);
        Ok(())
    });
    match infallible {
        Ok(()) => quoted,
    }
}

/// Hands the pieces of the quoted text to `push`.
fn write_quoted<E>(text: &str, push: &mut impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    push("\"")?;
    let mut rest = text;
    while let Some(at) = rest.find(|character| character < ' ' || matches!(character, '"' | '\\')) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        push(plain)?;
        let mut characters = special.chars();
        match characters.next() {
            Some('"') => push("\\\"")?,
            Some('\\') => push("\\\\")?,
            Some('\u{8}') => push("\\b")?,
            Some('\u{c}') => push("\\f")?,
            Some('\n') => push("\\n")?,
            Some('\r') => push("\\r")?,
            Some('\t') => push("\\t")?,
            Some(other) => push(&format!("\\u{:04x}", u32::from(other)))?,
            None => {}
        }
        rest = characters.as_str();
    }
    push(rest)?;
    push("\"")
}

/// A container whose values are being written.
enum Rest<'v> {
    Elements(std::slice::Iter<'v, Value>),
    Members(json::Iter<'v>),
}

struct Open<'v> {
    rest: Rest<'v>,
    is_first: bool,
}

struct Writer<'m> {
    out: Builder<'m>,
    meter: &'m Meter,
    prettify: bool,
    number_text: fn(&Number) -> Result<Cow<'_, str>, Error>,
}

impl Writer<'_> {
    /// A list of open containers takes the place of recursion.
    fn write(&mut self, value: &Value) -> Result<(), Error> {
        let mut open: Vec<Open<'_>> = Vec::new();
        let mut next = Some(value);
        loop {
            if let Some(value) = next {
                self.meter.step(1)?;
                open.extend(self.begin(value)?);
            }
            let depth = open.len();
            let Some(container) = open.last_mut() else {
                return Ok(());
            };
            next = self.advance(container, depth)?;
            if next.is_none() {
                open.pop();
            }
        }
    }

    /// Writes a scalar or an empty container, or the bracket that opens another one.
    fn begin<'v>(&mut self, value: &'v Value) -> Result<Option<Open<'v>>, Error> {
        let rest = match value.view() {
            View::Null => return self.scalar("null"),
            View::Bool(true) => return self.scalar("true"),
            View::Bool(false) => return self.scalar("false"),
            View::Number(number) => {
                // Longer than a few digits means rounding.
                self.meter.step(number.as_text().len() as u64)?;
                return self.scalar(&(self.number_text)(number)?);
            }
            View::String(text) => {
                let out = &mut self.out;
                write_quoted(text, &mut |piece| out.push_str(piece))?;
                return Ok(None);
            }
            View::Array([]) => return self.scalar("[]"),
            View::Object(object) if object.is_empty() => return self.scalar("{}"),
            View::Array(elements) => {
                self.out.push('[')?;
                Rest::Elements(elements.iter())
            }
            View::Object(object) => {
                self.out.push('{')?;
                Rest::Members(object.iter())
            }
        };
        Ok(Some(Open {
            rest,
            is_first: true,
        }))
    }

    fn scalar<'v>(&mut self, text: &str) -> Result<Option<Open<'v>>, Error> {
        self.out.push_str(text)?;
        Ok(None)
    }

    /// Writes what stands before the next value and returns that value, or closes the container.
    fn advance<'v>(
        &mut self,
        container: &mut Open<'v>,
        depth: usize,
    ) -> Result<Option<&'v Value>, Error> {
        let (next, close) = match &mut container.rest {
            Rest::Elements(elements) => (elements.next().map(|value| (None, value)), ']'),
            Rest::Members(members) => (members.next().map(|(key, value)| (Some(key), value)), '}'),
        };
        let Some((key, value)) = next else {
            self.new_line(depth - 1)?;
            self.out.push(close)?;
            return Ok(None);
        };
        if !std::mem::take(&mut container.is_first) {
            self.out.push(',')?;
        }
        self.new_line(depth)?;
        if let Some(key) = key {
            let out = &mut self.out;
            write_quoted(key, &mut |piece| out.push_str(piece))?;
            self.out.push_str(if self.prettify { ": " } else { ":" })?;
        }
        Ok(Some(value))
    }

    fn new_line(&mut self, depth: usize) -> Result<(), Error> {
        if !self.prettify {
            return Ok(());
        }
        self.out.push('\n')?;
        for _ in 0..depth {
            self.out.push_str("  ")?;
        }
        Ok(())
    }
}

/// AWS's `$parse`: one JSON text, nothing else. Members keep their order; numbers stay as written
/// if a double or an `i64` holds them, others become the nearest double.
///
/// # Errors
/// D3137 `Invalid JSON` for text that is empty, broken or followed by more, for repeated names and
/// for numbers beyond the range of doubles; those of the meter.
pub(crate) fn parse(text: &str, meter: &Meter) -> Result<Value, Error> {
    // What a value takes in the tree; and what it takes besides while places are known.
    const NODE_BYTES: usize = 64;
    const PLACE_BYTES: usize = 112;
    let is_border = |byte: &u8| matches!(byte, b',' | b'[' | b'{' | b':');
    let count = 1 + text.bytes().filter(|byte| is_border(byte)).count();
    meter.step(count as u64)?;
    meter.make(count * (NODE_BYTES + PLACE_BYTES) + text.len() * 2)?;
    let document = json::parse_spanned(text).map_err(|_| invalid_json())?;
    if !document.duplicates.is_empty() {
        return Err(invalid_json());
    }
    let root = document.root.clone();
    drop(document);
    meter.refund(count * PLACE_BYTES + text.len());
    with_exact_numbers(root, meter)
}

fn invalid_json() -> Error {
    error("D3137", "Invalid JSON")
}

/// Replaces the numbers that no double or `i64` holds, which are rare: then the value is written
/// with others in their place and read again.
fn with_exact_numbers(root: Value, meter: &Meter) -> Result<Value, Error> {
    let mut pending = vec![&root];
    let mut is_exact = true;
    while let Some(value) = pending.pop() {
        match value.view() {
            View::Number(number) => is_exact &= parsed_number_text(number)? == number.as_text(),
            View::Array(elements) => pending.extend(elements),
            View::Object(object) => pending.extend(object.values()),
            _ => {}
        }
    }
    if is_exact {
        return Ok(root);
    }
    let mut writer = Writer {
        out: Builder::new(meter),
        meter,
        prettify: false,
        number_text: parsed_number_text,
    };
    writer.write(&root)?;
    let text = writer.out.finish();
    let rounded = json::parse(&text).map_err(|_| invalid_json());
    meter.refund(text.len());
    rounded
}

/// The text a number keeps when it is parsed.
fn parsed_number_text(number: &Number) -> Result<Cow<'_, str>, Error> {
    let text = number.as_text();
    if number.as_i64().is_some() {
        return Ok(text.into());
    }
    let nearest = Number::from_f64(number.as_f64()).ok_or_else(invalid_json)?;
    if nearest == *number {
        return Ok(text.into());
    }
    Ok(nearest.as_text().to_owned().into())
}

/// The text `$string` shows of a number.
fn shown_number_text(number: &Number) -> Result<Cow<'_, str>, Error> {
    let text = number.as_text();
    let is_plain = text.len() <= 15 && text != "-0" && !text.contains(['.', 'e', 'E']);
    if is_plain {
        return Ok(text.into());
    }
    let value = number.as_f64();
    if value.is_finite() {
        Ok(numbers::string_text_of(value).into())
    } else {
        Err(error("D1001", "Number out of range: null"))
    }
}

#[cfg(test)]
mod tests;
