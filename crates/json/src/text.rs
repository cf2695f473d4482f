//! Immutable text of 16 bytes: short text inline, longer text shared.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use crate::escape;

const SHORT_LEN_MAX: usize = 14;

/// Set in `Short::len` if a JSON string of the text needs escapes.
const HAS_ESCAPES: u8 = 0x80;

/// Up to 14 bytes of UTF-8 without an allocation. Bytes beyond the length are zero, so that
/// equality of the whole is equality of the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Short {
    len: u8,
    bytes: [u8; SHORT_LEN_MAX],
}

impl Short {
    #[inline]
    pub(crate) fn new(text: &str, quoted_len: usize) -> Option<Short> {
        if text.len() > SHORT_LEN_MAX {
            return None;
        }
        let flag = if quoted_len == text.len() + 2 {
            0
        } else {
            HAS_ESCAPES
        };
        let len = u8::try_from(text.len()).ok()? | flag;
        let words = short_words(text.as_bytes()).to_le_bytes();
        Some(Short {
            len,
            bytes: *words.first_chunk()?,
        })
    }

    pub(crate) fn len(self) -> usize {
        usize::from(self.len & !HAS_ESCAPES)
    }

    pub(crate) fn has_escapes(self) -> bool {
        self.len & HAS_ESCAPES != 0
    }

    pub(crate) fn quoted_len(&self) -> usize {
        if self.has_escapes() {
            escape::quoted_len(self.as_str())
        } else {
            self.len() + 2
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        // Made from a `str`, so the bytes are UTF-8; checking 14 bytes again is cheaper than an
        // allocation and needs no unsafe code.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// Up to 16 bytes as one word, the first lowest. Loads of a fixed length, put together in
/// registers, are several times faster than a copy of a length known only at run time.
#[inline]
fn short_words(bytes: &[u8]) -> u128 {
    let len = bytes.len();
    if let (Some(head), Some(tail)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        u128::from(u64::from_le_bytes(*head))
            | u128::from(u64::from_le_bytes(*tail)) << (len * 8 - 64)
    } else if let (Some(head), Some(tail)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (head, tail) = (u32::from_le_bytes(*head), u32::from_le_bytes(*tail));
        u128::from(u64::from(head) | u64::from(tail) << (len * 8 - 32))
    } else {
        u128::from(
            bytes
                .iter()
                .rev()
                .fold(0_u32, |word, byte| word << 8 | u32::from(*byte)),
        )
    }
}

/// Text of more than 14 bytes, with its length as a compact JSON string.
pub(crate) struct Long {
    text: Box<str>,
    quoted_len: usize,
}

impl Long {
    #[inline(never)]
    fn new(text: Box<str>, quoted_len: usize) -> Arc<Long> {
        Arc::new(Long { text, quoted_len })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn quoted_len(&self) -> usize {
        self.quoted_len
    }
}

#[derive(Clone)]
pub(crate) enum Repr {
    Short(Short),
    Long(Arc<Long>),
}

/// Immutable text whose clone costs at most a reference count: a member name, or a string on its
/// way into a [`Value`](crate::Value). Dereferences to `str`.
///
/// Up to 14 bytes are held inline.
#[derive(Clone)]
pub struct Text(pub(crate) Repr);

impl Text {
    /// The text as a `str`.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Short(short) => short.as_str(),
            Repr::Long(long) => long.as_str(),
        }
    }

    /// The length in bytes of the text as a compact JSON string, quotes and escapes included.
    pub fn quoted_len(&self) -> usize {
        match &self.0 {
            Repr::Short(short) => short.quoted_len(),
            Repr::Long(long) => long.quoted_len,
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short(short) => short.as_bytes(),
            Repr::Long(long) => long.as_str().as_bytes(),
        }
    }

    pub(crate) fn ptr_eq(&self, other: &Text) -> bool {
        match (&self.0, &other.0) {
            (Repr::Short(left), Repr::Short(right)) => left == right,
            (Repr::Long(left), Repr::Long(right)) => Arc::ptr_eq(left, right),
            _ => false,
        }
    }

    /// The address of the shared text, if it is not inline.
    pub(crate) fn address(&self) -> Option<usize> {
        match &self.0 {
            Repr::Short(_) => None,
            Repr::Long(long) => Some(Arc::as_ptr(long).addr()),
        }
    }

    /// Makes text whose quoted length the caller has already counted.
    #[inline]
    pub(crate) fn with_quoted_len(text: impl AsRef<str> + Into<Box<str>>, len: usize) -> Text {
        match Short::new(text.as_ref(), len) {
            Some(short) => Text(Repr::Short(short)),
            None => Text(Repr::Long(Long::new(text.into(), len))),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text::with_quoted_len(text, escape::quoted_len(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        let quoted_len = escape::quoted_len(&text);
        Text::with_quoted_len(text, quoted_len)
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Text {
        text.clone()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        match (&self.0, &other.0) {
            (Repr::Short(left), Repr::Short(right)) => left == right,
            (Repr::Long(left), Repr::Long(right)) => {
                Arc::ptr_eq(left, right) || left.text == right.text
            }
            // Which form a text takes depends on its length alone.
            _ => false,
        }
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Text) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Text) -> std::cmp::Ordering {
        // Byte order of UTF-8 is the order of `str`.
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Default for Text {
    fn default() -> Text {
        Text::from("")
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), formatter)
    }
}

#[cfg(test)]
mod tests;
