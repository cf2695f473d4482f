//! The grammar. It follows the order of Jackson's checks, so that a text with several faults is
//! refused for the same one. Nesting is a list, not recursion.

use super::digits::{NumberFault, scan_number, short_integer_len};
use super::error::{self, VALUE_LIST};
use super::{DEPTH_MAX, ParseError, ParseErrorKind as Kind, RawString, Sink, Span};
use crate::escape::{self, EscapeError};

/// What the reader itself learns about a text.
pub(crate) struct Read {
    /// Bytes of white space between the tokens.
    pub(crate) white_space: usize,
    /// How deep containers nest.
    pub(crate) depth: usize,
}

/// Reads a whole text and tells `sink` what it meets.
pub(crate) fn read<'t>(text: &'t str, sink: &mut impl Sink<'t>) -> Result<Read, ParseError> {
    let read = Read {
        white_space: 0,
        depth: 0,
    };
    let bytes = text.as_bytes();
    let mut reader = Reader {
        text,
        bytes,
        at: 0,
        open: Vec::new(),
        is_first: false,
        read,
    };
    reader.document(sink).map_err(|fault| *fault)?;
    Ok(reader.read)
}

/// Boxed, so that what goes right fits into registers.
type Fault = Box<ParseError>;

/// An open container.
#[derive(Clone, Copy)]
struct Open {
    is_object: bool,
    start: usize,
}

impl Open {
    fn name(self) -> &'static str {
        if self.is_object { "Object" } else { "Array" }
    }
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    open: Vec<Open>,
    /// Whether the innermost container has just been opened.
    is_first: bool,
    read: Read,
}

impl<'t> Reader<'t> {
    fn document(&mut self, sink: &mut impl Sink<'t>) -> Result<(), Fault> {
        let Some(first) = self.peek()? else {
            return Err(self.end(Kind::Empty));
        };
        if matches!(first, b']' | b'}') {
            return Err(self.unexpected_close(first));
        }
        self.value(first, sink)?;
        while let Some(open) = self.open.last() {
            if open.is_object {
                self.object_step(sink)?;
            } else {
                self.array_step(sink)?;
            }
        }
        match self.peek()? {
            None => Ok(()),
            Some(byte) => Err(self.trailing(byte, sink)),
        }
    }

    /// Reads one element with the comma before it, or the closing bracket.
    fn array_step(&mut self, sink: &mut impl Sink<'t>) -> Result<(), Fault> {
        let byte = self.peek()?.ok_or_else(|| self.unclosed())?;
        match byte {
            b']' => {
                self.close();
                sink.close_array(self.at);
                Ok(())
            }
            b'}' => Err(self.unexpected_close(byte)),
            _ => {
                let byte = self.skip_comma(byte)?;
                self.value(byte, sink)
            }
        }
    }

    /// Reads one member with the comma before it, or the closing bracket.
    fn object_step(&mut self, sink: &mut impl Sink<'t>) -> Result<(), Fault> {
        let byte = self.peek()?.ok_or_else(|| self.unclosed())?;
        match byte {
            b'}' => {
                self.close();
                sink.close_object(self.at);
                return Ok(());
            }
            b']' => return Err(self.unexpected_close(byte)),
            _ => {}
        }
        if self.skip_comma(byte)? != b'"' {
            return Err(self.unexpected("was expecting double-quote to start field name"));
        }
        let start = self.at;
        let key = self.string(&IN_NAME)?;
        sink.key(key, self.span_from(start));
        match self.peek()? {
            Some(b':') => self.at += 1,
            Some(_) => {
                let expected = "was expecting a colon to separate field name and value";
                return Err(self.unexpected(expected));
            }
            None => return Err(self.end_between()),
        }
        let byte = self.peek()?.ok_or_else(|| self.end_between())?;
        self.value(byte, sink)
    }

    /// Skips the comma before all but the first entry; returns the first byte of the entry.
    fn skip_comma(&mut self, byte: u8) -> Result<u8, Fault> {
        if std::mem::take(&mut self.is_first) {
            return Ok(byte);
        }
        if byte != b',' {
            let name = self.container_name();
            let expected = format!("was expecting comma to separate {name} entries");
            return Err(self.unexpected(&expected));
        }
        self.at += 1;
        self.peek()?.ok_or_else(|| self.end_between())
    }

    /// Reads a scalar, or the bracket that opens a container. `byte` is the one at `self.at`.
    fn value(&mut self, byte: u8, sink: &mut impl Sink<'t>) -> Result<(), Fault> {
        let start = self.at;
        match byte {
            b'"' => {
                let string = self.string(&IN_STRING)?;
                sink.string(string, self.span_from(start));
            }
            b'{' => {
                self.open(true)?;
                sink.open_object(start);
            }
            b'[' => {
                self.open(false)?;
                sink.open_array(start);
            }
            b'-' | b'0'..=b'9' => {
                let text = self.number()?;
                sink.number(text, self.span_from(start));
            }
            b't' => {
                self.literal("true")?;
                sink.bool(true, self.span_from(start));
            }
            b'f' => {
                self.literal("false")?;
                sink.bool(false, self.span_from(start));
            }
            b'n' => {
                self.literal("null")?;
                sink.null(self.span_from(start));
            }
            _ => return Err(self.odd_value(byte)),
        }
        Ok(())
    }

    fn open(&mut self, is_object: bool) -> Result<(), Fault> {
        if self.open.len() == DEPTH_MAX {
            return Err(self.fail(Kind::TooDeep(DEPTH_MAX + 1), self.at, self.at + 1));
        }
        self.open.push(Open {
            is_object,
            start: self.at,
        });
        self.read.depth = self.read.depth.max(self.open.len());
        self.is_first = true;
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) {
        self.open.pop();
        self.is_first = false;
        self.at += 1;
    }

    /// Skips white space; returns the byte at `self.at`, without taking it.
    #[inline]
    fn peek(&mut self) -> Result<Option<u8>, Fault> {
        match self.bytes.get(self.at) {
            Some(byte) if *byte > b' ' && *byte != b'/' => Ok(Some(*byte)),
            _ => self.skip_space(),
        }
    }

    fn skip_space(&mut self) -> Result<Option<u8>, Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let is_space = |byte: &&u8| matches!(**byte, b' ' | b'\n' | b'\r' | b'\t');
        let len = rest.iter().take_while(is_space).count();
        self.at += len;
        self.read.white_space += len;
        match rest.get(len) {
            Some(byte @ 0..=0x1f) => {
                let kind = Kind::IllegalSpace(char::from(*byte));
                Err(self.fail(kind, self.at, self.at + 1))
            }
            Some(b'/') => Err(self.unexpected(COMMENT)),
            other => Ok(other.copied()),
        }
    }

    fn string(&mut self, place: &StringPlace) -> Result<RawString<'t>, Fault> {
        let start = self.at + 1;
        let mut at = start;
        let (mut escaped_len, mut canonical_len, mut is_canonical) = (0, 0, true);
        loop {
            at += escape::plain_prefix(self.bytes.get(at..).unwrap_or_default());
            match self.bytes.get(at) {
                Some(b'"') => break,
                // JSON within JSON is full of these, and compact text writes them just so.
                Some(b'\\') if escape::is_plain_letter(self.bytes.get(at + 1)) => {
                    escaped_len += 2;
                    canonical_len += 2;
                    at += 2;
                }
                Some(b'\\') => {
                    let escape = escape::decode_escape(self.bytes, at)
                        .map_err(|error| self.bad_escape(error))?;
                    escaped_len += escape.end - at;
                    canonical_len += escape::canonical_len(escape.character);
                    is_canonical &= escape::is_canonical(self.bytes, at, &escape);
                    at = escape.end;
                }
                Some(control) => {
                    let character = char::from(*control);
                    let kind = Kind::IllegalUnquoted {
                        character,
                        place: place.name,
                    };
                    return Err(self.fail(kind, at, at + 1));
                }
                None => return Err(self.end(Kind::UnexpectedEnd(place.end.to_owned()))),
            }
        }
        self.at = at + 1;
        let text = self.text.get(start..at).unwrap_or_default();
        let quoted_len = text.len() - escaped_len + canonical_len + 2;
        Ok(RawString {
            text,
            has_escapes: escaped_len > 0,
            quoted_len,
            is_canonical,
        })
    }

    fn number(&mut self) -> Result<&'t str, Fault> {
        let start = self.at;
        let bytes = self.bytes.get(start..).unwrap_or_default();
        let len = match short_integer_len(bytes) {
            Some(len) => len,
            None => scan_number(bytes).map_err(|fault| self.bad_number(start, fault))?,
        };
        self.at += len;
        let is_apart = matches!(
            self.bytes.get(self.at),
            None | Some(b' ' | b'\t' | b'\r' | b'\n')
        );
        if self.open.is_empty() && !is_apart {
            return Err(self.unexpected("Expected space separating root-level values"));
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn literal(&mut self, literal: &'static str) -> Result<(), Fault> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let after = rest.strip_prefix(literal).ok_or_else(|| self.bad_token())?;
        if after.starts_with(|next| next >= '0' && is_identifier_part(next)) {
            return Err(self.bad_token());
        }
        self.at += literal.len();
        Ok(())
    }

    fn span_from(&self, start: usize) -> Span {
        Span {
            start,
            end: self.at,
        }
    }
}

/// Where a string stands, for errors.
struct StringPlace {
    name: &'static str,
    end: &'static str,
}

const IN_STRING: StringPlace = StringPlace {
    name: "string value",
    end: ": was expecting closing quote for a string value",
};
const IN_NAME: StringPlace = StringPlace {
    name: "name",
    end: " in field name",
};

const COMMENT: &str = "maybe a (non-standard) comment? (not recognized as one since Feature \
                       'ALLOW_COMMENTS' not enabled for parser)";

/// Java's `Character.isJavaIdentifierStart`, for which Jackson searches to show a whole word. The
/// categories differ in rare letters only.
fn is_identifier_start(character: char) -> bool {
    let is_currency = matches!(character, '$' | '¢'..='¥' | '\u{20a0}'..='\u{20cf}');
    let is_connector = matches!(character, '_' | '\u{203f}' | '\u{2040}');
    let is_in_plane = u32::from(character) <= 0xffff;
    is_in_plane && (character.is_alphabetic() || is_currency || is_connector)
}

/// Java's `Character.isJavaIdentifierPart`, likewise.
fn is_identifier_part(character: char) -> bool {
    let is_ignorable = matches!(
        character,
        '\0'..='\u{8}' | '\u{e}'..='\u{1b}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{feff}'
    );
    let is_mark = matches!(character, '\u{300}'..='\u{36f}');
    let is_digit = character.is_ascii_digit() || (character.is_numeric() && character > '\u{ff}');
    is_identifier_start(character) || is_digit || is_mark || is_ignorable
}

/// The errors, kept out of the way of what goes right.
impl<'t> Reader<'t> {
    /// `after` is the offset up to which Jackson has read when it gives up.
    #[cold]
    fn fail(&self, kind: Kind, offset: usize, after: usize) -> Fault {
        Box::new(ParseError::new(kind, offset, after, self.text))
    }

    #[cold]
    fn end(&self, kind: Kind) -> Fault {
        self.fail(kind, self.text.len(), self.text.len())
    }

    /// The text ends between a comma or name and what should follow it.
    #[cold]
    fn end_between(&self) -> Fault {
        let name = self.container_name();
        self.end(Kind::UnexpectedEnd(format!(
            " within/between {name} entries"
        )))
    }

    fn container_name(&self) -> &'static str {
        self.open.last().map_or("root", |open| open.name())
    }

    #[cold]
    fn unclosed(&self) -> Fault {
        let Some(open) = self.open.last() else {
            return self.end(Kind::Empty);
        };
        let start = error::locate_bracket(open.start, self.text);
        let name = open.name();
        self.end(Kind::UnexpectedEnd(format!(
            ": expected close marker for {name} (start marker at {start})"
        )))
    }

    #[cold]
    fn unexpected_close(&self, marker: u8) -> Fault {
        let expected = if marker == b']' { '}' } else { ']' };
        let container = match self.open.last() {
            None => format!("root starting at {}", error::locate_root(self.text)),
            Some(open) => {
                let start = error::locate_bracket(open.start, self.text);
                format!("{} starting at {start}", open.name())
            }
        };
        let marker = char::from(marker);
        let kind = Kind::UnexpectedCloseMarker {
            marker,
            expected,
            container,
        };
        self.fail(kind, self.at, self.at + 1)
    }

    fn character_at(&self, at: usize) -> Option<char> {
        self.text.get(at..).and_then(|rest| rest.chars().next())
    }

    /// The character at `self.at` is not the one expected.
    #[cold]
    fn unexpected(&self, expected: &str) -> Fault {
        self.unexpected_at(self.at, expected)
    }

    #[cold]
    fn unexpected_at(&self, at: usize, expected: &str) -> Fault {
        let character = self.character_at(at).unwrap_or(char::REPLACEMENT_CHARACTER);
        let kind = Kind::UnexpectedCharacter {
            character,
            expected: expected.to_owned(),
        };
        self.fail(kind, at, at + character.len_utf8())
    }

    #[cold]
    fn bad_escape(&self, error: EscapeError) -> Fault {
        match error {
            EscapeError::End => self.end(Kind::UnexpectedEnd(
                " in character escape sequence".to_owned(),
            )),
            EscapeError::Unknown(at) => {
                let character = self.character_at(at).unwrap_or(char::REPLACEMENT_CHARACTER);
                let after = at + character.len_utf8();
                self.fail(Kind::UnrecognizedEscape(character), at, after)
            }
            EscapeError::NotHex(at) => {
                self.unexpected_at(at, "expected a hex-digit for character escape sequence")
            }
        }
    }

    #[cold]
    fn bad_number(&self, start: usize, fault: NumberFault) -> Fault {
        match fault {
            NumberFault::LeadingZeroes(at) => {
                self.fail(Kind::LeadingZeroes, start + at, start + at)
            }
            NumberFault::NoDigit { at, expected, end } => match self.character_at(start + at) {
                None => self.end(Kind::UnexpectedEnd(end.to_owned())),
                // Only after a minus sign can the first digit be missing.
                Some('I') if at == 1 => self.infinity("-Infinity"),
                Some(character) => {
                    let kind = Kind::UnexpectedNumberCharacter {
                        character,
                        expected,
                    };
                    self.fail(kind, start + at, start + at + character.len_utf8())
                }
            },
        }
    }

    /// No value begins with `byte`, the one at `self.at`.
    #[cold]
    fn odd_value(&self, byte: u8) -> Fault {
        let rest = self.text.get(self.at..).unwrap_or_default();
        match byte {
            b'N' if is_token(rest, "NaN") => self.non_standard("NaN"),
            b'I' if is_token(rest, "Infinity") => self.non_standard("Infinity"),
            b'+' => self.plus_sign(),
            _ if rest.starts_with(is_identifier_start) => self.bad_token(),
            _ => self.unexpected(&format!("expected a valid value {VALUE_LIST}")),
        }
    }

    #[cold]
    fn plus_sign(&self) -> Fault {
        match self.character_at(self.at + 1) {
            None => self.end(Kind::UnexpectedEnd(" in a Number value".to_owned())),
            Some('I') => self.infinity("+Infinity"),
            Some(next) => {
                let expected = "JSON spec does not allow numbers to have plus signs: enable \
                                `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow";
                let kind = Kind::UnexpectedNumberCharacter {
                    character: '+',
                    expected,
                };
                self.fail(kind, self.at, self.at + 1 + next.len_utf8())
            }
        }
    }

    /// A sign followed by `I`.
    #[cold]
    fn infinity(&self, token: &'static str) -> Fault {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if is_token(rest, token) {
            self.non_standard(token)
        } else {
            self.bad_token()
        }
    }

    #[cold]
    fn non_standard(&self, token: &'static str) -> Fault {
        self.fail(
            Kind::NonStandardToken(token),
            self.at,
            self.at + token.len(),
        )
    }

    /// Something like a word stands at `self.at`.
    #[cold]
    fn bad_token(&self) -> Fault {
        const LEN_MAX: usize = 256;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut characters = rest.chars();
        let mut token = String::from_iter(characters.next());
        let parts = characters.take_while(|next| is_identifier_part(*next));
        token.extend(parts.take(LEN_MAX - 1));
        let after = self.at + token.len();
        if token.chars().count() == LEN_MAX {
            token.push_str("...");
        }
        self.fail(Kind::UnrecognizedToken(token), self.at, after)
    }

    /// Something follows the value of the text: Jackson reads the next token and refuses it.
    #[cold]
    fn trailing(&mut self, byte: u8, sink: &mut impl Sink<'t>) -> Fault {
        if matches!(byte, b']' | b'}') {
            return self.unexpected_close(byte);
        }
        let start = self.at;
        if let Err(error) = self.value(byte, sink) {
            return error;
        }
        let token = self.text.get(start..self.at).unwrap_or_default();
        let name = match byte {
            b'{' => "START_OBJECT",
            b'[' => "START_ARRAY",
            b'"' => "VALUE_STRING",
            b't' => "VALUE_TRUE",
            b'f' => "VALUE_FALSE",
            b'n' => "VALUE_NULL",
            _ if token.contains(['.', 'e', 'E']) => "VALUE_NUMBER_FLOAT",
            _ => "VALUE_NUMBER_INT",
        };
        self.fail(Kind::TrailingToken(name), start, self.at)
    }
}

/// Whether the text begins with exactly this word.
fn is_token(text: &str, token: &str) -> bool {
    let after = text.strip_prefix(token);
    after.is_some_and(|after| !after.starts_with(|next| next >= '0' && is_identifier_part(next)))
}
