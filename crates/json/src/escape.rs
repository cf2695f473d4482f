//! Strings as JSON text: finding what needs a look, decoding escapes, writing canonical escapes.

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Marks the high bit of the bytes that are `"`, `\` or a control character. A borrow may mark
/// bytes above a true match, so only the lowest mark is to be believed.
fn marks(word: u64) -> u64 {
    let quote = word ^ (LOW_BITS * 0x22);
    let backslash = word ^ (LOW_BITS * 0x5c);
    let quotes = quote.wrapping_sub(LOW_BITS) & !quote;
    let backslashes = backslash.wrapping_sub(LOW_BITS) & !backslash;
    let controls = word.wrapping_sub(LOW_BITS * 0x20) & !word;
    (quotes | backslashes | controls) & HIGH_BITS
}

/// The number of bytes before the first `"`, `\` or control character.
#[inline]
pub(crate) fn plain_prefix(bytes: &[u8]) -> usize {
    // Most strings end within the first sixteen bytes.
    for at in [0, 8] {
        let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) else {
            return at + plain_tail(bytes.get(at..).unwrap_or_default());
        };
        let found = marks(u64::from_le_bytes(*word));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
    }
    16 + plain_run(bytes.get(16..).unwrap_or_default())
}

fn plain_run(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<32>();
    // Whole blocks first: the compiler turns the four words of a block into vector code.
    let plain_blocks = blocks.iter().take_while(|block| {
        let (words, _) = block.as_chunks::<8>();
        words
            .iter()
            .fold(0, |seen, word| seen | marks(u64::from_le_bytes(*word)))
            == 0
    });
    let mut at = plain_blocks.count() * 32;
    let (words, rest) = bytes.get(at..).unwrap_or_default().as_chunks::<8>();
    for word in words {
        let found = marks(u64::from_le_bytes(*word));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + plain_tail(rest)
}

fn plain_tail(bytes: &[u8]) -> usize {
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    bytes.iter().position(special).unwrap_or(bytes.len())
}

/// The length in bytes of `character` inside a compact JSON string.
pub(crate) fn canonical_len(character: char) -> usize {
    match character {
        '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
        '\0'..='\u{1f}' => 6,
        _ => character.len_utf8(),
    }
}

/// The length of `text` as a compact JSON string, quotes included.
pub(crate) fn quoted_len(text: &str) -> usize {
    let mut rest = text.as_bytes();
    let mut escapes = 0;
    loop {
        rest = rest.get(plain_prefix(rest)..).unwrap_or_default();
        let Some((special, after)) = rest.split_first() else {
            return text.len() + escapes + 2;
        };
        escapes += canonical_len(char::from(*special)) - 1;
        rest = after;
    }
}

/// Appends `text` as a JSON string the way Jackson writes it: only `"`, `\` and control
/// characters are escaped, the latter by letter or as `\u00XX` with upper-case digits.
///
/// ```
/// let mut out = String::new();
/// json::write_quoted("a\n\u{1f}\"", &mut out);
/// assert_eq!(out, r#""a\n\u001F\"""#);
/// ```
pub fn write_quoted(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at(plain_prefix(rest.as_bytes()));
        out.push_str(plain);
        let mut characters = special.chars();
        let Some(character) = characters.next() else {
            break;
        };
        write_escape(character, out);
        rest = characters.as_str();
    }
    out.push('"');
}

fn write_escape(character: char, out: &mut String) {
    let letter = match character {
        '"' => '"',
        '\\' => '\\',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{c}' => 'f',
        '\r' => 'r',
        _ => {
            out.push_str(if character < '\u{10}' {
                "\\u000"
            } else {
                "\\u001"
            });
            let digit = char::from_digit(u32::from(character) & 0xf, 16).unwrap_or('0');
            out.push(digit.to_ascii_uppercase());
            return;
        }
    };
    out.push('\\');
    out.push(letter);
}

/// What is wrong with an escape, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EscapeError {
    /// The text ends within the escape.
    End,
    /// The byte at this offset cannot follow the backslash.
    Unknown(usize),
    /// The byte at this offset is no hexadecimal digit.
    NotHex(usize),
}

/// One decoded escape (a surrogate pair counts as one) and the offset after it.
pub(crate) struct Escape {
    pub(crate) character: char,
    pub(crate) end: usize,
}

/// Decodes the escape whose backslash is at `at`. A lone surrogate becomes U+FFFD, since a Rust
/// string cannot hold it.
pub(crate) fn decode_escape(bytes: &[u8], at: usize) -> Result<Escape, EscapeError> {
    let letter = bytes.get(at + 1).ok_or(EscapeError::End)?;
    let character = match letter {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return decode_unicode(bytes, at),
        _ => return Err(EscapeError::Unknown(at + 1)),
    };
    Ok(Escape {
        character,
        end: at + 2,
    })
}

/// Whether this letter behind a backslash stands for a character that compact text escapes by the
/// same letter.
#[inline]
pub(crate) fn is_plain_letter(letter: Option<&u8>) -> bool {
    matches!(
        letter,
        Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't')
    )
}

/// Whether compact text would write the decoded escape, whose backslash is at `at`, just so.
pub(crate) fn is_canonical(bytes: &[u8], at: usize, escape: &Escape) -> bool {
    let written = bytes.get(at + 1..escape.end).unwrap_or_default();
    match written.split_first() {
        Some((b'u', digits)) => {
            canonical_len(escape.character) == 6 && !digits.iter().any(u8::is_ascii_lowercase)
        }
        Some((letter, _)) => *letter != b'/',
        None => false,
    }
}

fn decode_unicode(bytes: &[u8], at: usize) -> Result<Escape, EscapeError> {
    let first = hex_unit(bytes, at + 2)?;
    let end = at + 6;
    let is_high = (0xd800..0xdc00).contains(&first);
    if is_high && bytes.get(end..end + 2) == Some(b"\\u") {
        let second = hex_unit(bytes, end + 2)?;
        if (0xdc00..0xe000).contains(&second) {
            let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            return Ok(Escape {
                character,
                end: end + 6,
            });
        }
    }
    let character = char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER);
    Ok(Escape { character, end })
}

fn hex_unit(bytes: &[u8], start: usize) -> Result<u32, EscapeError> {
    (start..start + 4).try_fold(0, |unit, at| {
        let byte = bytes.get(at).ok_or(EscapeError::End)?;
        let digit = char::from(*byte)
            .to_digit(16)
            .ok_or(EscapeError::NotHex(at))?;
        Ok(unit << 4 | digit)
    })
}

/// Decodes the contents of a JSON string whose escapes are known to be valid.
pub(crate) fn decode(raw: &str) -> String {
    let mut decoded = String::with_capacity(raw.len());
    let mut rest = raw;
    loop {
        // What is special within a valid string is the backslash of an escape.
        let (plain, escaped) = rest.split_at(plain_prefix(rest.as_bytes()));
        decoded.push_str(plain);
        if let Some(after) = escaped.strip_prefix("\\\"") {
            decoded.push('"');
            rest = after;
            continue;
        }
        let Ok(escape) = decode_escape(escaped.as_bytes(), 0) else {
            return decoded;
        };
        decoded.push(escape.character);
        rest = escaped.get(escape.end..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests;
