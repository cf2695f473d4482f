//! The Label of a distributed Map.
//!
//! Which characters it may hold is in the developer guide ("Distributed Map state fields"). The
//! texts, and the form that InvalidDefinition gives them, are those of the recorded cases at hand,
//! which look like an emulator's: AWS's own words are not known.

use crate::validate::message;
use crate::validate::report::beginning;

const CHARS_MAX: usize = 40;
/// Beside control characters and white space.
const FORBIDDEN: &str = r#"?*<>{}[]:;,\|^~$#%&`""#;
/// A refusal quotes the definition. A megabyte of it would help nobody.
const QUOTED_BYTES_MAX: usize = 10_000;

/// What is wrong with a label.
pub(crate) fn problem(label: &str) -> Option<String> {
    if label.is_empty() {
        return Some(message::LABEL_EMPTY.to_owned());
    }
    if label.chars().count() > CHARS_MAX {
        return Some(message::label_too_long(CHARS_MAX));
    }
    let is_forbidden =
        |char: &char| char.is_control() || char.is_whitespace() || FORBIDDEN.contains(*char);
    let found = label.chars().find(is_forbidden)?;
    Some(message::label_character(&escaped(found)))
}

/// A character that may be invisible, as it can be read.
fn escaped(character: char) -> String {
    let code = u32::from(character);
    match character {
        '\t' | '\n' | '\r' | '\\' => character.escape_default().to_string(),
        ' '..='~' => character.to_string(),
        _ if code <= 0xff => format!("\\x{code:02x}"),
        _ => format!("\\u{code:04x}"),
    }
}

/// The message of InvalidDefinition for a label's problem: the text stands in quotes of the kind
/// it does not hold, and in a definition's text.
pub(crate) fn refusal(definition: &str, problem: &str) -> String {
    let escaped = problem.replace('\\', "\\\\");
    let quoted = match (problem.contains('\''), problem.contains('"')) {
        (true, false) => format!("\"{escaped}\""),
        _ => format!("'{}'", escaped.replace('\'', "\\'")),
    };
    let definition = beginning(definition, QUOTED_BYTES_MAX);
    format!("Error=ValueError Args=[{quoted}] in definition '{definition}'.")
}
