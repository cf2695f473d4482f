//! The sink that only counts: for values nobody may ever look into.

use super::{ParseError, RawString, Sink, Span, reader};
use crate::{Kind, escape, object};

/// Up to this many names are compared one with another; more are sorted.
const COMPARE_LEN_MAX: usize = 16;

/// What is known of a valid text without a tree.
pub(crate) struct Checked {
    pub(crate) kind: Kind,
    /// The length of the compact text.
    pub(crate) size: usize,
    pub(crate) depth: usize,
    /// Whether the text is the compact text.
    pub(crate) is_compact: bool,
}

/// Checks a text. `None` if only a tree will do: the text is a scalar or repeats a name in an
/// object, so that its size is not the sum of its parts.
pub(crate) fn check(text: &str) -> Result<Option<Checked>, ParseError> {
    let mut names = Names {
        is_canonical: true,
        ..Names::default()
    };
    let read = reader::read(text, &mut names)?;
    let Some(kind) = names.kind.filter(|_| !names.has_repeated) else {
        return Ok(None);
    };
    let size = text.len() - read.white_space - names.saved;
    let is_compact = names.is_canonical && size == text.len();
    Ok(Some(Checked {
        kind,
        size,
        depth: read.depth,
        is_compact,
    }))
}

/// Compact text is the text without white space and with shorter escapes, so only strings need a
/// look; and names, since they may be repeated.
#[derive(Default)]
struct Names {
    /// Of the outermost container.
    kind: Option<Kind>,
    /// Bytes that compact text saves in strings.
    saved: usize,
    is_canonical: bool,
    has_repeated: bool,
    /// Hashes of the names of all open objects.
    hashes: Vec<u64>,
    /// Where the hashes of each open object begin.
    starts: Vec<usize>,
}

impl Names {
    fn note(&mut self, string: &RawString<'_>) {
        if string.has_escapes {
            self.saved += string.text.len() + 2 - string.quoted_len;
            self.is_canonical &= string.is_canonical;
        }
    }
}

/// Equal hashes of different names cost a needless tree, nothing else.
fn has_repeated(hashes: &mut [u64]) -> bool {
    if hashes.len() > COMPARE_LEN_MAX {
        hashes.sort_unstable();
        return hashes.windows(2).any(|pair| pair.first() == pair.last());
    }
    let mut rest = &*hashes;
    while let Some((hash, after)) = rest.split_first() {
        if after.contains(hash) {
            return true;
        }
        rest = after;
    }
    false
}

impl<'t> Sink<'t> for Names {
    fn null(&mut self, _: Span) {}

    fn bool(&mut self, _: bool, _: Span) {}

    fn number(&mut self, _: &'t str, _: Span) {}

    fn string(&mut self, string: RawString<'t>, _: Span) {
        self.note(&string);
    }

    fn open_array(&mut self, _: usize) {
        self.kind.get_or_insert(Kind::Array);
    }

    fn close_array(&mut self, _: usize) {}

    fn open_object(&mut self, _: usize) {
        self.kind.get_or_insert(Kind::Object);
        self.starts.push(self.hashes.len());
    }

    fn key(&mut self, key: RawString<'t>, _: Span) {
        self.note(&key);
        self.hashes.push(if key.has_escapes {
            object::hash(escape::decode(key.text).as_bytes())
        } else {
            object::hash(key.text.as_bytes())
        });
    }

    fn close_object(&mut self, _: usize) {
        let start = self.starts.pop().unwrap_or_default();
        self.has_repeated |= has_repeated(self.hashes.get_mut(start..).unwrap_or_default());
        self.hashes.truncate(start);
    }
}
