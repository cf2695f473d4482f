//! The canonical request: what both sides hash.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::{Place, payload_hash};
use crate::door::Request;

/// All but the unreserved characters of RFC 3986.
const RESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The same for paths, where the slash stands.
const RESERVED_IN_PATH: AsciiSet = RESERVED.remove(b'/');

/// `text` percent-encoded as signatures want it: upper-case hex, a space as `%20`.
pub(super) fn encoded(text: &[u8]) -> Cow<'_, str> {
    percent_encode(text, &RESERVED).into()
}

/// The canonical request over the headers `signed_headers` (lower case). `place`: the
/// signature is in the query.
pub(super) fn request(
    request: &Request,
    is_s3: bool,
    signed_headers: &[impl AsRef<str>],
    place: Place,
) -> String {
    let mut out = String::with_capacity(512);
    out.push_str(request.method.as_str());
    out.push('\n');
    push_path(&mut out, request.path(), is_s3);
    out.push('\n');
    push_query(&mut out, request.query(), place);
    out.push('\n');
    for name in signed_headers {
        push_header(&mut out, request, name.as_ref());
    }
    out.push('\n');
    for (index, name) in signed_headers.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ";" });
        out.push_str(name.as_ref());
    }
    out.push('\n');
    out.push_str(&payload_hash(request, is_s3, place));
    out
}

fn push_path(out: &mut String, path: &str, is_s3: bool) {
    if path.is_empty() {
        out.push('/');
    } else if is_s3 {
        // S3 signs the path encoded once: decoding first makes every spelling of the client the
        // same.
        let decoded: Cow<'_, [u8]> = percent_decode_str(path).into();
        out.extend(percent_encode(&decoded, &RESERVED_IN_PATH));
    } else {
        out.extend(percent_encode(
            normalised(path).as_bytes(),
            &RESERVED_IN_PATH,
        ));
    }
}

/// `path` without empty and dot segments (RFC 3986, section 5.2.4). Almost every path is so
/// already.
fn normalised(path: &str) -> Cow<'_, str> {
    if !path.contains("//") && !path.contains("/.") {
        return Cow::Borrowed(path);
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let is_folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    let slash = if is_folder && !segments.is_empty() {
        "/"
    } else {
        ""
    };
    Cow::Owned(format!("/{}{slash}", segments.join("/")))
}

/// The query decoded and encoded anew, sorted by name and then by value. A signature in the query
/// is not part of what it signs.
fn push_query(out: &mut String, query: &str, place: Place) {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = pairs
        .filter(|(name, _)| place == Place::Header || *name != "X-Amz-Signature")
        .map(|(name, value)| (recoded(name), recoded(value)))
        .collect();
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "&" });
        out.push_str(name);
        out.push('=');
        out.push_str(value);
    }
}

fn recoded(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    {
        return Cow::Borrowed(text);
    }
    let decoded: Cow<'_, [u8]> = percent_decode_str(text).into();
    Cow::Owned(encoded(&decoded).into_owned())
}

/// `name:value`, with the values of a repeated header joined by commas, trimmed, and inner white
/// space folded to one space.
fn push_header(out: &mut String, request: &Request, name: &str) {
    out.push_str(name);
    out.push(':');
    for (index, value) in request.headers.get_all(name).iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        let text = String::from_utf8_lossy(value.as_bytes());
        for (index, word) in text.split_ascii_whitespace().enumerate() {
            out.push_str(if index == 0 { "" } else { " " });
            out.push_str(word);
        }
    }
    out.push('\n');
}
