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
    let mut counts = Counts {
        is_canonical: true,
        ..Counts::default()
    };
    reader::read(text, &mut counts)?;
    let Some(kind) = counts.kind.filter(|_| !counts.has_repeated_name) else {
        return Ok(None);
    };
    let is_compact = counts.is_canonical && counts.size == text.len();
    Ok(Some(Checked {
        kind,
        size: counts.size,
        depth: counts.depth,
        is_compact,
    }))
}

#[derive(Default)]
struct Counts {
    /// Of the outermost container.
    kind: Option<Kind>,
    size: usize,
    depth: usize,
    is_canonical: bool,
    has_repeated_name: bool,
    /// Hashes of the names of all open objects.
    names: Vec<u64>,
    open: Vec<Open>,
}

#[derive(Default)]
struct Open {
    /// Where this object's names begin, on `names`.
    names_from: usize,
    values: usize,
}

impl Counts {
    fn value(&mut self, size: usize) {
        self.size += size;
        if let Some(open) = self.open.last_mut() {
            self.size += usize::from(open.values > 0);
            open.values += 1;
        }
    }

    fn open(&mut self, kind: Kind) {
        self.value(2);
        self.kind.get_or_insert(kind);
        self.open.push(Open {
            names_from: self.names.len(),
            values: 0,
        });
        self.depth = self.depth.max(self.open.len());
    }

    /// Equal hashes of different names cost a needless tree, nothing else.
    fn close_names(&mut self, names_from: usize) {
        let names = self.names.get_mut(names_from..).unwrap_or_default();
        self.has_repeated_name |= if names.len() <= COMPARE_LEN_MAX {
            let mut rest = &*names;
            std::iter::from_fn(|| {
                let (name, after) = rest.split_first()?;
                rest = after;
                Some(after.contains(name))
            })
            .any(|is_repeated| is_repeated)
        } else {
            names.sort_unstable();
            names.windows(2).any(|pair| pair.first() == pair.last())
        };
        self.names.truncate(names_from);
    }
}

impl<'t> Sink<'t> for Counts {
    fn null(&mut self, _: Span) {
        self.value(4);
    }

    fn bool(&mut self, value: bool, _: Span) {
        self.value(5 - usize::from(value));
    }

    fn number(&mut self, text: &'t str, _: Span) {
        self.value(text.len());
    }

    fn string(&mut self, string: RawString<'t>, _: Span) {
        self.is_canonical &= string.is_canonical;
        self.value(string.quoted_len);
    }

    fn open_array(&mut self, _: usize) {
        self.open(Kind::Array);
    }

    fn close_array(&mut self, _: usize) {
        self.open.pop();
    }

    fn open_object(&mut self, _: usize) {
        self.open(Kind::Object);
    }

    fn key(&mut self, key: RawString<'t>, _: Span) {
        self.is_canonical &= key.is_canonical;
        self.size += key.quoted_len + 1;
        let hash = if key.has_escapes {
            object::hash(escape::decode(key.text).as_bytes())
        } else {
            object::hash(key.text.as_bytes())
        };
        self.names.push(hash);
    }

    fn close_object(&mut self, _: usize) {
        let open = self.open.pop().unwrap_or_default();
        self.close_names(open.names_from);
    }
}
