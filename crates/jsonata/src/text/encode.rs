//! Base64 and the escapes of URLs.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::builder::Builder;
use super::serialise::quoted;
use super::{error, steps_to_read};
use crate::error::Error;
use crate::meter::Meter;

/// Takes text with and without padding and does not mind bits left over, as Node's `Buffer`.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What `encodeURIComponent` leaves as it is besides letters and digits: `-_.!~*'()`.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// What has a meaning in a URL: `encodeURI` leaves it as it is, `decodeURI` leaves its escapes.
const RESERVED: &[u8] = b";/?:@&=+$,#";

const URL: &AsciiSet = &COMPONENT
    .remove(b';')
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b',')
    .remove(b'#');

/// `$base64encode`: like `btoa` it takes characters for bytes; of a character beyond U+00FF it
/// takes the low byte of each UTF-16 unit, as the reference does with Node's `Buffer`.
///
/// # Errors
/// Those of the meter.
pub(crate) fn base64_encode(text: &str, meter: &Meter) -> Result<String, Error> {
    meter.step(steps_to_read(text))?;
    // The bytes and their digits.
    meter.make(text.len() * 3)?;
    let bytes: Vec<u8> = text
        .encode_utf16()
        .map(|unit| unit.to_le_bytes()[0])
        .collect();
    let mut builder = Builder::with_capacity(meter, bytes.len().div_ceil(3) * 4)?;
    builder.push_str(&base64::engine::general_purpose::STANDARD.encode(bytes))?;
    meter.refund(text.len() * 3);
    Ok(builder.finish())
}

/// `$base64decode`: each byte becomes the character of that number, like `atob`. Characters that
/// are not of the alphabet (nor of that for URLs) are skipped; the first `=` ends the text.
///
/// # Errors
/// Those of the meter.
pub(crate) fn base64_decode(text: &str, meter: &Meter) -> Result<String, Error> {
    meter.step(steps_to_read(text))?;
    meter.make(text.len() * 2)?;
    let significant = text.bytes().take_while(|byte| *byte != b'=');
    let mut digits: Vec<u8> = significant
        .filter_map(|byte| match byte {
            b'-' => Some(b'+'),
            b'_' => Some(b'/'),
            b'+' | b'/' => Some(byte),
            _ => byte.is_ascii_alphanumeric().then_some(byte),
        })
        .collect();
    // A single digit left over is too little for a byte.
    if digits.len() % 4 == 1 {
        digits.pop();
    }
    let bytes = LENIENT.decode(digits).unwrap_or_default();
    let mut builder = Builder::with_capacity(meter, bytes.len())?;
    for byte in bytes {
        builder.push(char::from(byte))?;
    }
    meter.refund(text.len() * 2);
    Ok(builder.finish())
}

/// `$encodeUrl`.
///
/// # Errors
/// D3140 for text that holds U+FFFD: it is what half of a surrogate pair, which the reference
/// refuses, becomes in a Rust string. Those of the meter.
pub(crate) fn encode_url(text: &str, meter: &Meter) -> Result<String, Error> {
    encode(text, URL, "encodeUrl", meter)
}

/// `$encodeUrlComponent`.
///
/// # Errors
/// Those of [`encode_url`].
pub(crate) fn encode_url_component(text: &str, meter: &Meter) -> Result<String, Error> {
    encode(text, COMPONENT, "encodeUrlComponent", meter)
}

fn encode(
    text: &str,
    set: &'static AsciiSet,
    function: &str,
    meter: &Meter,
) -> Result<String, Error> {
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err(malformed(text, function));
    }
    let mut builder = Builder::with_capacity(meter, text.len())?;
    for piece in utf8_percent_encode(text, set) {
        builder.push_str(piece)?;
    }
    Ok(builder.finish())
}

/// `$decodeUrl`: leaves the escapes of `;/?:@&=+$,#` as they are.
///
/// # Errors
/// D3140 for a `%` without two digits behind it and for escapes that are not UTF-8; those of the
/// meter.
pub(crate) fn decode_url(text: &str, meter: &Meter) -> Result<String, Error> {
    decode(text, RESERVED, "decodeUrl", meter)
}

/// `$decodeUrlComponent`.
///
/// # Errors
/// Those of [`decode_url`].
pub(crate) fn decode_url_component(text: &str, meter: &Meter) -> Result<String, Error> {
    decode(text, b"", "decodeUrlComponent", meter)
}

fn decode(text: &str, kept: &[u8], function: &str, meter: &Meter) -> Result<String, Error> {
    let mut builder = Builder::with_capacity(meter, text.len())?;
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('%') {
        builder.push_str(plain)?;
        let escape = decode_escape(escaped).ok_or_else(|| malformed(text, function))?;
        let is_kept = kept
            .iter()
            .any(|byte| char::from(*byte) == escape.character);
        let (written, after) = escaped
            .split_at_checked(escape.len)
            .unwrap_or((escaped, ""));
        if is_kept {
            builder.push('%')?;
            builder.push_str(written)?;
        } else {
            builder.push(escape.character)?;
        }
        rest = after;
    }
    builder.push_str(rest)?;
    Ok(builder.finish())
}

struct Escape {
    character: char,
    /// The length of what stands behind the first `%`.
    len: usize,
}

/// The character whose escapes stand at the start of `text`, without their first `%`.
fn decode_escape(text: &str) -> Option<Escape> {
    let mut bytes = [0; 4];
    let first = hex_byte(text.as_bytes().get(..2)?)?;
    let count = match first {
        0..0x80 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf8 => 4,
        _ => return None,
    };
    for (at, byte) in bytes.iter_mut().take(count).enumerate() {
        let start = at * 3;
        if at > 0 && text.as_bytes().get(start - 1) != Some(&b'%') {
            return None;
        }
        *byte = hex_byte(text.as_bytes().get(start..start + 2)?)?;
    }
    let character = str::from_utf8(bytes.get(..count)?).ok()?.chars().next()?;
    Some(Escape {
        character,
        len: count * 3 - 1,
    })
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let mut byte = [0];
    hex::decode_to_slice(digits, &mut byte).ok()?;
    Some(byte[0])
}

fn malformed(text: &str, function: &str) -> Error {
    let message = format!("Malformed URL passed to ${function}(): {}", quoted(text));
    error("D3140", message)
}

#[cfg(test)]
mod tests;
