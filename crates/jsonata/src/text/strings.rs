//! The functions on strings without patterns. Positions and lengths count characters (Unicode code
//! points), as the reference does.

use json::Value;

use super::builder::{Builder, UNITS_MAX};
use super::numbers::count_of;
use super::{error, steps_to_read};
use crate::error::{Error, Limit};
use crate::meter::Meter;

/// Bytes of a [`Value`] in an array, besides what its text takes.
const ELEMENT_BYTES: usize = size_of::<Value>();

/// A text longer than this has a node of its own besides the element.
const INLINE_BYTES: usize = 14;
const NODE_BYTES: usize = 48;

/// `$length`.
///
/// # Errors
/// Those of the meter, as everywhere here.
pub(crate) fn length(text: &str, meter: &Meter) -> Result<usize, Error> {
    meter.step(steps_to_read(text))?;
    Ok(text.chars().count())
}

/// `$substring`: a negative start counts from the end; fractions are cut off.
///
/// # Errors
/// Those of the meter.
pub(crate) fn substring(
    text: &str,
    start: f64,
    length: Option<f64>,
    meter: &Meter,
) -> Result<String, Error> {
    let count = self::length(text, meter)? as f64;
    let start = if count + start < 0.0 { 0.0 } else { start };
    let end = match length {
        Some(length) if length <= 0.0 => return Ok(String::new()),
        Some(length) if start >= 0.0 => start + length,
        Some(length) => count + start + length,
        None => count,
    };
    // From here on it is `Array.slice`.
    let place = |position: f64| {
        let position = position.trunc();
        count_of(if position < 0.0 {
            count + position
        } else {
            position
        })
    };
    let (start, end) = (place(start), place(end));
    let rest = skip_characters(text, start);
    let after = skip_characters(rest, end.saturating_sub(start));
    let mut builder = Builder::new(meter);
    builder.push_str(rest.strip_suffix(after).unwrap_or(rest))?;
    Ok(builder.finish())
}

/// The text behind its first `count` characters.
fn skip_characters(text: &str, count: usize) -> &str {
    let offset = if text.is_ascii() {
        Some(count)
    } else {
        text.char_indices().nth(count).map(|(offset, _)| offset)
    };
    offset.and_then(|offset| text.get(offset..)).unwrap_or("")
}

/// `$substringBefore`: the whole text if `chars` is not in it.
pub(crate) fn substring_before<'t>(text: &'t str, chars: &str) -> &'t str {
    text.split_once(chars).map_or(text, |(before, _)| before)
}

/// `$substringAfter`: the whole text if `chars` is not in it.
pub(crate) fn substring_after<'t>(text: &'t str, chars: &str) -> &'t str {
    text.split_once(chars).map_or(text, |(_, after)| after)
}

/// `$uppercase`, by the rules of Unicode whatever the language.
///
/// # Errors
/// Those of the meter.
pub(crate) fn uppercase(text: &str, meter: &Meter) -> Result<String, Error> {
    with_new_case(text, str::to_uppercase, meter)
}

/// `$lowercase`, by the rules of Unicode whatever the language.
///
/// # Errors
/// Those of the meter.
pub(crate) fn lowercase(text: &str, meter: &Meter) -> Result<String, Error> {
    with_new_case(text, str::to_lowercase, meter)
}

fn with_new_case(
    text: &str,
    change: impl Fn(&str) -> String,
    meter: &Meter,
) -> Result<String, Error> {
    // A character of two bytes can become three of two bytes each (U+0390).
    let bytes_max = text.len().saturating_mul(3);
    meter.make(bytes_max)?;
    let changed = change(text);
    if super::builder::utf16_len(&changed) > UNITS_MAX {
        return Err(Error::limit(Limit::Bytes));
    }
    meter.refund(bytes_max.saturating_sub(changed.len()));
    Ok(changed)
}

/// `$trim`: runs of blanks, tabs and line ends become one blank, none at the ends.
///
/// # Errors
/// Those of the meter.
pub(crate) fn trim(text: &str, meter: &Meter) -> Result<String, Error> {
    let mut builder = Builder::with_capacity(meter, text.len())?;
    let words = text.split([' ', '\t', '\n', '\r']);
    for (at, word) in words.filter(|word| !word.is_empty()).enumerate() {
        if at > 0 {
            builder.push(' ')?;
        }
        builder.push_str(word)?;
    }
    Ok(builder.finish())
}

/// `$pad`: fills up to `width` characters with `with` (a blank if that is empty), behind the text,
/// or before it if the width is negative.
///
/// # Errors
/// Those of the meter: a width beyond the longest string is refused before anything is made.
pub(crate) fn pad(
    text: &str,
    width: f64,
    with: Option<&str>,
    meter: &Meter,
) -> Result<String, Error> {
    let wanted = count_of(width.abs());
    let missing = wanted.saturating_sub(length(text, meter)?);
    if missing > UNITS_MAX {
        return Err(Error::limit(Limit::Bytes));
    }
    let with = with.filter(|with| !with.is_empty()).unwrap_or(" ");
    let mut builder = Builder::with_capacity(meter, text.len().saturating_add(missing))?;
    if width > 0.0 {
        builder.push_str(text)?;
    }
    let mut left = missing;
    let pattern_len = length(with, meter)?;
    while left >= pattern_len {
        builder.push_str(with)?;
        left -= pattern_len;
        meter.step(1)?;
    }
    let rest = skip_characters(with, left);
    builder.push_str(with.strip_suffix(rest).unwrap_or(with))?;
    if width <= 0.0 {
        builder.push_str(text)?;
    }
    Ok(builder.finish())
}

/// `$contains` with a string.
///
/// # Errors
/// Those of the meter.
pub(crate) fn contains(text: &str, token: &str, meter: &Meter) -> Result<bool, Error> {
    meter.step(steps_to_read(text))?;
    Ok(text.contains(token))
}

/// `$split` with a string. An empty separator separates all characters.
///
/// # Errors
/// D3020 for a negative limit; those of the meter.
pub(crate) fn split(
    text: &str,
    separator: &str,
    limit: Option<f64>,
    meter: &Meter,
) -> Result<Vec<Value>, Error> {
    check_split_limit(limit)?;
    let count_max = limit.map_or(usize::MAX, count_of);
    let mut parts = Parts::new(meter);
    if separator.is_empty() {
        for character in text.chars().take(count_max) {
            parts.push(character.encode_utf8(&mut [0; 4]))?;
        }
    } else {
        meter.step(steps_to_read(text))?;
        for part in text.split(separator).take(count_max) {
            parts.push(part)?;
        }
    }
    Ok(parts.finish())
}

/// `$join`.
///
/// # Errors
/// Those of the meter.
pub(crate) fn join<'t>(
    parts: impl IntoIterator<Item = &'t str>,
    separator: &str,
    meter: &Meter,
) -> Result<String, Error> {
    let mut builder = Builder::new(meter);
    for (at, part) in parts.into_iter().enumerate() {
        meter.step(1)?;
        if at > 0 {
            builder.push_str(separator)?;
        }
        builder.push_str(part)?;
    }
    Ok(builder.finish())
}

/// `$replace` of a string by a string, as often as `limit` says.
///
/// # Errors
/// D3010 for an empty pattern, D3011 for a negative limit; those of the meter.
pub(crate) fn replace(
    text: &str,
    pattern: &str,
    replacement: &str,
    limit: Option<f64>,
    meter: &Meter,
) -> Result<String, Error> {
    if pattern.is_empty() {
        let message = "Second argument of replace function cannot be an empty string";
        return Err(error("D3010", message));
    }
    check_replace_limit(limit)?;
    meter.step(steps_to_read(text))?;
    let mut builder = Builder::new(meter);
    let mut rest = text;
    let mut count = 0.0;
    while is_below(count, limit)
        && let Some((before, after)) = rest.split_once(pattern)
    {
        meter.step(1)?;
        builder.push_str(before)?;
        builder.push_str(replacement)?;
        rest = after;
        count += 1.0;
    }
    builder.push_str(rest)?;
    Ok(builder.finish())
}

/// Whether the limit, a number that need not be whole, allows one more.
pub(super) fn is_below(count: f64, limit: Option<f64>) -> bool {
    limit.is_none_or(|limit| count < limit)
}

/// The limit of `$split`.
///
/// # Errors
/// D3020 if it is negative.
pub(crate) fn check_split_limit(limit: Option<f64>) -> Result<(), Error> {
    check_limit(limit, "D3020", "Third argument of split function")
}

/// The limit of `$replace`.
///
/// # Errors
/// D3011 if it is negative.
pub(crate) fn check_replace_limit(limit: Option<f64>) -> Result<(), Error> {
    check_limit(limit, "D3011", "Fourth argument of replace function")
}

/// The limit of `$match`.
///
/// # Errors
/// D3040 if it is negative.
pub(crate) fn check_match_limit(limit: Option<f64>) -> Result<(), Error> {
    check_limit(limit, "D3040", "Third argument of match function")
}

fn check_limit(limit: Option<f64>, code: &'static str, what: &str) -> Result<(), Error> {
    match limit {
        Some(limit) if limit < 0.0 => {
            let message = format!("{what} must evaluate to a positive number");
            Err(error(code, message))
        }
        _ => Ok(()),
    }
}

/// An array of strings in the making.
pub(super) struct Parts<'m> {
    meter: &'m Meter,
    values: Vec<Value>,
}

impl<'m> Parts<'m> {
    pub(super) fn new(meter: &'m Meter) -> Parts<'m> {
        Parts {
            meter,
            values: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, part: &str) -> Result<(), Error> {
        self.meter.step(1)?;
        self.meter.make(string_bytes(part))?;
        self.values.push(part.into());
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<Value> {
        self.values
    }
}

/// What an array element that is this string takes.
pub(crate) fn string_bytes(text: &str) -> usize {
    if text.len() <= INLINE_BYTES {
        ELEMENT_BYTES
    } else {
        ELEMENT_BYTES + NODE_BYTES + text.len()
    }
}

#[cfg(test)]
mod tests;
