//! Functions that make texts or take them apart.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use json::{Value, View};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::arguments::{Arguments, Problem};

/// The longest text that is encoded, decoded or hashed (developer guide).
const TEXT_CHARS_MAX: usize = 10_000;

/// Padding may be left out, as Java's decoder allows.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A text of at most 10,000 characters.
fn short_text<'a>(arguments: &'a Arguments<'_>) -> Result<&'a str, Problem> {
    let text = arguments.text(0)?;
    let is_short = text.len() <= TEXT_CHARS_MAX || text.chars().count() <= TEXT_CHARS_MAX;
    arguments.meter.make(text.len().saturating_mul(2))?;
    if is_short {
        Ok(text)
    } else {
        Err(Problem::new(format_args!(
            "argument 1 has more than {TEXT_CHARS_MAX} characters"
        )))
    }
}

pub(super) fn base64_encode(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    Ok(BASE64.encode(short_text(arguments)?).into())
}

/// What is no UTF-8 becomes U+FFFD, as in Java.
pub(super) fn base64_decode(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let decoded = BASE64
        .decode(short_text(arguments)?)
        .map_err(|_| Problem::new("argument 1 is not Base64"))?;
    Ok(String::from_utf8_lossy(&decoded).into_owned().into())
}

pub(super) fn hash(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let data = short_text(arguments)?.as_bytes();
    let digest = match arguments.text(1)? {
        "MD5" => hex::encode(Md5::digest(data)),
        "SHA-1" => hex::encode(Sha1::digest(data)),
        "SHA-256" => hex::encode(Sha256::digest(data)),
        "SHA-384" => hex::encode(Sha384::digest(data)),
        "SHA-512" => hex::encode(Sha512::digest(data)),
        other => {
            return Err(Problem::new(format_args!(
                "the algorithm '{other}' is not one of MD5, SHA-1, SHA-256, SHA-384, SHA-512"
            )));
        }
    };
    Ok(digest.into())
}

/// Each character of the second text separates; empty pieces are dropped.
pub(super) fn split(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let (text, separators) = (arguments.text(0)?, arguments.text(1)?);
    arguments.step(separators.len() / 16)?;
    let mut separators: Vec<char> = separators.chars().collect();
    separators.sort_unstable();
    let is_separator = |char: char| separators.binary_search(&char).is_ok();
    let mut pieces = Vec::new();
    arguments.step(text.len() / 16)?;
    for piece in text.split(is_separator).filter(|piece| !piece.is_empty()) {
        arguments.meter.step(1)?;
        arguments.meter.make(size_of::<Value>() + piece.len())?;
        pieces.push(Value::from(piece));
    }
    Ok(pieces.into())
}

/// `{}` stands for the next argument: a string as it is, anything else as Java shows it.
pub(super) fn format(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let template = arguments.text(0)?;
    let mut given = arguments.values.iter();
    given.next();
    let placeholders = pieces(template).filter(|piece| matches!(piece, Piece::Placeholder));
    arguments.step(template.len() / 16)?;
    arguments.meter.make(template.len())?;
    let (wanted, count) = (placeholders.count(), given.len());
    if wanted != count {
        return Err(Problem::new(format_args!(
            "the text has {wanted} placeholders, but {count} arguments are given"
        )));
    }
    let mut text = String::with_capacity(template.len());
    for piece in pieces(template) {
        match piece {
            Piece::Char(char) => text.push(char),
            Piece::Placeholder => {
                let Some(value) = given.next() else { break };
                // `=` takes no more than `:`, and `, ` one byte more than `,`.
                arguments.meter.make(value.size().saturating_mul(2))?;
                push_shown(value, &mut text);
            }
        }
    }
    Ok(text.into())
}

/// Writes a value as Java's maps and lists show themselves: `{Id=a, Name=b}`, `[1, 2]` (recorded).
/// As deep as JSON nests.
fn push_shown(value: &Value, text: &mut String) {
    match value.view() {
        View::Null => text.push_str("null"),
        View::Bool(value) => text.push_str(if value { "true" } else { "false" }),
        View::Number(number) => text.push_str(number.as_text()),
        View::String(string) => text.push_str(string),
        View::Array(elements) => {
            let mut before = "[";
            for element in elements {
                text.push_str(before);
                push_shown(element, text);
                before = ", ";
            }
            text.push_str(if elements.is_empty() { "[]" } else { "]" });
        }
        View::Object(members) => {
            let mut before = "{";
            for (name, member) in members.iter() {
                text.push_str(before);
                text.push_str(name);
                text.push('=');
                push_shown(member, text);
                before = ", ";
            }
            text.push_str(if members.is_empty() { "{}" } else { "}" });
        }
    }
}

/// The characters that `\` may stand before.
pub(super) fn is_escapable(char: char) -> bool {
    matches!(char, '\'' | '{' | '}' | '\\')
}

/// A piece of the first argument of States.Format.
enum Piece {
    Char(char),
    Placeholder,
}

/// A `\` that escapes nothing, and a brace that is no placeholder, stand for themselves: a text of
/// the input may hold them.
fn pieces(template: &str) -> impl Iterator<Item = Piece> {
    let mut chars = template.chars().peekable();
    std::iter::from_fn(move || {
        Some(match chars.next()? {
            '\\' => Piece::Char(chars.next_if(|next| is_escapable(*next)).unwrap_or('\\')),
            '{' if chars.next_if_eq(&'}').is_some() => Piece::Placeholder,
            char => Piece::Char(char),
        })
    })
}

/// Refuses what a literal must not hold: a brace that is neither escaped nor of a placeholder.
pub(super) fn check_format(template: &str) -> Result<(), String> {
    let mut chars = template.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => {
                chars.next();
            }
            '{' if chars.next() != Some('}') => {
                return Err("`{` must be followed by `}`, or written `\\{`".to_owned());
            }
            '}' => return Err("`}` must follow `{`, or be written `\\}`".to_owned()),
            _ => {}
        }
    }
    Ok(())
}
