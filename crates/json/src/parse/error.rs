//! What can be wrong with a text, in the words of Jackson 2.15, which AWS passes on to callers.

use std::fmt::Write as _;

/// Why a text is not JSON, and where. `Display` writes [`ParseError::message`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// The byte offset of the offending text; the length of the text if it ends too early.
    pub offset: usize,
    /// The line, from 1, as Jackson reports it.
    pub line: usize,
    /// The column in UTF-16 units, from 1, as Jackson reports it: that of the place up to which
    /// it has read, which for an unexpected character is the column after it.
    pub column: usize,
    source_description: Box<str>,
}

impl ParseError {
    pub(crate) fn new(kind: ParseErrorKind, offset: usize, after: usize, text: &str) -> ParseError {
        let (line, column) = match kind {
            // Jackson has not begun to count.
            ParseErrorKind::Empty => (1, 0),
            _ => Place::of(offset, text).until(after, text),
        };
        let source_description = describe_source(text).into();
        ParseError {
            kind,
            offset,
            line,
            column,
            source_description,
        }
    }

    /// What is wrong, as Jackson says it, without the place: the detail of AWS's
    /// `InvalidExecutionInput`.
    pub fn message(&self) -> String {
        self.kind.to_string()
    }

    /// The place, as Jackson says it: `[Source: (String)"{..."; line: 1, column: 4]`.
    pub fn location(&self) -> String {
        locate(&self.source_description, self.line, self.column)
    }

    /// Message and place on two lines: the message of AWS's `INVALID_JSON_DESCRIPTION`.
    pub fn located_message(&self) -> String {
        format!("{}\n at {}", self.kind, self.location())
    }
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Nothing but white space.
    #[error("No content to map due to end-of-input")]
    Empty,
    /// `nope`
    #[error("Unrecognized token '{0}': was expecting {VALUE_LIST}")]
    UnrecognizedToken(String),
    /// `NaN`, `-Infinity`
    #[error(
        "Non-standard token '{0}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"
    )]
    NonStandardToken(&'static str),
    /// `{'a'`, `[1 2]`, `{"a" 1}`
    #[error("Unexpected character ({}): {expected}", describe(*.character))]
    UnexpectedCharacter { character: char, expected: String },
    /// `-x`, `1.x`
    #[error("Unexpected character ({}) in numeric value: {expected}", describe(*.character))]
    UnexpectedNumberCharacter {
        character: char,
        expected: &'static str,
    },
    /// `01`
    #[error("Invalid numeric value: Leading zeroes not allowed")]
    LeadingZeroes,
    /// A control character between tokens.
    #[error(
        "Illegal character ({}): only regular white space (\\r, \\n, \\t) is \
         allowed between tokens",
        describe(*.0)
    )]
    IllegalSpace(char),
    /// A control character, say a line break, within a string.
    #[error(
        "Illegal unquoted character ({}): has to be escaped using backslash to be \
         included in {place}",
        describe(*.character)
    )]
    IllegalUnquoted {
        character: char,
        place: &'static str,
    },
    /// `"\x"`
    #[error("Unrecognized character escape {}", describe(*.0))]
    UnrecognizedEscape(char),
    /// `"abc`, `{"a":`; holds what follows `Unexpected end-of-input`.
    #[error("Unexpected end-of-input{0}")]
    UnexpectedEnd(String),
    /// `[1}`
    #[error("Unexpected close marker '{marker}': expected '{expected}' (for {container})")]
    UnexpectedCloseMarker {
        marker: char,
        expected: char,
        container: String,
    },
    /// `{} {}`
    #[error(
        "Trailing token (of type {0}) found after value (bound as \
         `com.fasterxml.jackson.databind.JsonNode`): not allowed as per \
         `DeserializationFeature.FAIL_ON_TRAILING_TOKENS`"
    )]
    TrailingToken(&'static str),
    /// Containers nested deeper than [`DEPTH_MAX`](crate::DEPTH_MAX).
    #[error(
        "Document nesting depth ({0}) exceeds the maximum allowed ({max}, \
         from `StreamReadConstraints.getMaxNestingDepth()`)",
        max = crate::DEPTH_MAX
    )]
    TooDeep(usize),
}

pub(crate) const VALUE_LIST: &str =
    "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/// A character as Jackson shows it. Jackson sees UTF-16 units; of a character that needs two it
/// shows the first, which no text can hold, so `?` stands for it as in Java's own encoders.
fn describe(character: char) -> String {
    let mut units = [0; 2];
    let unit = character
        .encode_utf16(&mut units)
        .first()
        .copied()
        .unwrap_or_default();
    let shown = if units.last() == Some(&0) {
        character
    } else {
        '?'
    };
    match unit {
        _ if character.is_control() => format!("(CTRL-CHAR, code {unit})"),
        256.. => format!("'{shown}' (code {unit} / 0x{unit:x})"),
        _ => format!("'{shown}' (code {unit})"),
    }
}

/// A line, from 1, and where it begins.
pub(crate) struct Place {
    line: usize,
    line_start: usize,
}

impl Place {
    /// The line of a byte offset. Lines end with `\n`, `\r` or `\r\n`.
    pub(crate) fn of(offset: usize, text: &str) -> Place {
        let before = text.as_bytes().get(..offset).unwrap_or_default();
        let mut place = Place {
            line: 1,
            line_start: 0,
        };
        for (at, byte) in before.iter().enumerate() {
            let ends_line = match byte {
                b'\n' => true,
                b'\r' => before.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends_line {
                place = Place {
                    line: place.line + 1,
                    line_start: at + 1,
                };
            }
        }
        place
    }

    /// Line and column of another offset in the same line.
    pub(crate) fn until(&self, offset: usize, text: &str) -> (usize, usize) {
        let before = text.get(self.line_start..offset).unwrap_or_default();
        (self.line, before.encode_utf16().count() + 1)
    }
}

fn locate(source_description: &str, line: usize, column: usize) -> String {
    format!("[Source: {source_description}; line: {line}, column: {column}]")
}

/// The place of the bracket at `offset`, which Jackson names where a container is not closed.
pub(crate) fn locate_bracket(offset: usize, text: &str) -> String {
    let (line, column) = Place::of(offset, text).until(offset, text);
    locate(&describe_source(text), line, column)
}

/// The place Jackson names for the document as a whole.
pub(crate) fn locate_root(text: &str) -> String {
    locate(&describe_source(text), 1, 0)
}

/// `(String)"..."`, with at most 500 UTF-16 units of the text, control characters escaped.
fn describe_source(text: &str) -> String {
    const LEN_MAX: usize = 500;
    let mut described = String::from("(String)\"");
    let mut shown = 0;
    for character in text.chars() {
        shown += character.len_utf16();
        if shown > LEN_MAX {
            break;
        }
        if character.is_control() && !matches!(character, '\r' | '\n') {
            // Writing to a string does not fail.
            let _ = write!(described, "\\u{:04X}", u32::from(character));
        } else {
            described.push(character);
        }
    }
    described.push('"');
    if shown > LEN_MAX {
        let cut = text.encode_utf16().count() - LEN_MAX;
        let _ = write!(described, "[truncated {cut} chars]");
    }
    described
}
