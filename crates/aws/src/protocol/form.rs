//! Forms (`application/x-www-form-urlencoded`) and URL queries: reading and writing.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use super::scalar::Mismatch;

/// All but the unreserved characters of RFC 3986.
const RESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Name and value.
pub(super) type Pair<'t> = (Cow<'t, str>, Cow<'t, str>);

/// The pairs of `text` in their order. `+` is a space and `%xx` a byte.
pub(super) fn pairs(text: &[u8]) -> Result<Vec<Pair<'_>>, Mismatch> {
    let pairs = text.split(|b| *b == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            match pair
                .iter()
                .position(|b| *b == b'=')
                .and_then(|at| pair.split_at_checked(at))
            {
                Some((name, value)) => {
                    Ok((decoded(name)?, decoded(value.get(1..).unwrap_or_default())?))
                }
                None => Ok((decoded(pair)?, Cow::Borrowed(""))),
            }
        })
        .collect()
}

fn decoded(text: &[u8]) -> Result<Cow<'_, str>, Mismatch> {
    let utf8 = |_| Mismatch("the form is not UTF-8".to_owned());
    if !text.iter().any(|b| matches!(b, b'+' | b'%')) {
        return Ok(Cow::Borrowed(std::str::from_utf8(text).map_err(utf8)?));
    }
    let spaced: Vec<u8> = text
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    let decoded = percent_decode(&spaced).decode_utf8().map_err(utf8)?;
    Ok(Cow::Owned(decoded.into_owned()))
}

/// Appends `name=value`, encoded, with `&` in front of every pair but the first.
pub(super) fn push(out: &mut String, name: &str, value: &str) {
    if !out.is_empty() {
        out.push('&');
    }
    out.extend(encoded(name));
    out.push('=');
    out.extend(encoded(value));
}

/// `text` percent-encoded for a query, a form or a path segment.
pub(super) fn encoded(text: &str) -> impl Iterator<Item = &str> {
    utf8_percent_encode(text, &RESERVED)
}
