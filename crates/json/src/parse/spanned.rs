//! Values with the places they were written at, for definitions.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use super::error::Place;
use super::tree::{Tree, text_of};
use super::{RawString, Sink};
use crate::{Text, Value};

/// A range of bytes of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The offset of the first byte.
    pub start: usize,
    /// The offset after the last byte.
    pub end: usize,
}

/// One step of a path from the root to a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Into the member of an object.
    Key(Text),
    /// Into the element of an array, from 0.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Step {
        Step::Key(key.into())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Step {
        Step::Index(index)
    }
}

/// The name or the index.
impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Key(key) => fmt::Display::fmt(key, formatter),
            Step::Index(index) => fmt::Display::fmt(index, formatter),
        }
    }
}

/// A name that an object has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The path to the object.
    pub path: Vec<Step>,
    /// The repeated name.
    pub key: Text,
    /// Where the name is repeated, quotes included.
    pub span: Span,
}

/// Beyond so many repeated names, only those near the root are noted: the path of each costs its
/// depth, and a hostile text repeats a hundred thousand names a thousand levels deep.
const DUPLICATES_MAX: usize = 1_000;
const SHALLOW: usize = 4;

/// A parsed text with the places of its values.
///
/// ```
/// let document = json::parse_spanned("{\n  \"a\": [1, 2]\n}").unwrap();
/// let span = document.span(&["a".into(), 1.into()]).unwrap();
/// assert_eq!(&document.text()[span.start..span.end], "2");
/// assert_eq!(document.line_column(span.start), (2, 12));
/// ```
#[derive(Debug)]
pub struct Document {
    /// The value.
    pub root: Value,
    /// Repeated names, in the order of the text; after a thousand of them not all are noted.
    pub duplicates: Vec<Duplicate>,
    text: Box<str>,
    nodes: Vec<Node>,
    children: Vec<usize>,
}

#[derive(Debug)]
struct Node {
    origin: Origin,
    span: Span,
    /// The numbers of the nodes within, as a range of `Document::children`.
    children: Range<usize>,
}

/// How a value is reached from the container around it; nothing for the root.
#[derive(Debug, Default)]
struct Origin {
    step: Option<Step>,
    key_span: Option<Span>,
}

impl Document {
    /// The text that was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the value at `path` stands. Of repeated names the last is meant, as in `root`.
    pub fn span(&self, path: &[Step]) -> Option<Span> {
        self.find(path).map(|node| node.span)
    }

    /// Where the name of the member at `path` stands, quotes included.
    pub fn key_span(&self, path: &[Step]) -> Option<Span> {
        self.find(path).and_then(|node| node.origin.key_span)
    }

    /// Line and column, both from 1, of a byte offset. Columns count UTF-16 units, as editors and
    /// Jackson do.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        Place::of(offset, &self.text).until(offset, &self.text)
    }

    fn find(&self, path: &[Step]) -> Option<&Node> {
        // Values are numbered when they end, so the root is the last.
        path.iter().try_fold(self.nodes.last()?, |node, step| {
            let children = self.children.get(node.children.clone())?;
            let mut nodes = children
                .iter()
                .rev()
                .filter_map(|number| self.nodes.get(*number));
            nodes.find(|child| child.origin.step.as_ref() == Some(step))
        })
    }
}

/// The sink that builds a [`Document`].
#[derive(Default)]
pub(crate) struct Spans {
    tree: Tree,
    nodes: Vec<Node>,
    children: Vec<usize>,
    /// Numbers of finished values in containers not yet closed.
    pending: Vec<usize>,
    open: Vec<Open>,
    key: Option<(Text, Span)>,
    duplicates: Vec<Duplicate>,
}

struct Open {
    origin: Origin,
    start: usize,
    pending_from: usize,
    is_array: bool,
}

impl Spans {
    pub(crate) fn finish(mut self, text: &str) -> Document {
        self.duplicates.sort_by_key(|duplicate| duplicate.span);
        Document {
            root: self.tree.finish(),
            duplicates: self.duplicates,
            text: text.into(),
            nodes: self.nodes,
            children: self.children,
        }
    }

    fn origin(&mut self) -> Origin {
        if let Some((key, span)) = self.key.take() {
            return Origin {
                step: Some(Step::Key(key)),
                key_span: Some(span),
            };
        }
        let array = self.open.last().filter(|open| open.is_array);
        let index = array.map(|open| self.pending.len() - open.pending_from);
        Origin {
            step: index.map(Step::Index),
            key_span: None,
        }
    }

    fn add(&mut self, origin: Origin, span: Span, children: Range<usize>) {
        self.pending.push(self.nodes.len());
        self.nodes.push(Node {
            origin,
            span,
            children,
        });
    }

    fn scalar(&mut self, span: Span) {
        let origin = self.origin();
        self.add(origin, span, 0..0);
    }

    fn open(&mut self, start: usize, is_array: bool) {
        let origin = self.origin();
        self.open.push(Open {
            origin,
            start,
            pending_from: self.pending.len(),
            is_array,
        });
    }

    fn close(&mut self, end: usize) {
        let Some(open) = self.open.pop() else { return };
        let first = self.children.len();
        self.children
            .extend(self.pending.drain(open.pending_from..));
        let span = Span {
            start: open.start,
            end,
        };
        self.add(open.origin, span, first..self.children.len());
    }

    /// Notes the repeated names of the object about to close.
    fn note_duplicates(&mut self) {
        let pending_from = self.open.last().map_or(0, |open| open.pending_from);
        let members = self.pending.get(pending_from..).unwrap_or_default();
        let origins = members.iter().filter_map(|number| self.nodes.get(*number));
        let mut seen = BTreeSet::new();
        for Node { origin, .. } in origins {
            let (Some(Step::Key(key)), Some(span)) = (&origin.step, origin.key_span) else {
                continue;
            };
            let is_kept = self.duplicates.len() < DUPLICATES_MAX || self.open.len() <= SHALLOW;
            if !seen.insert(key) && is_kept {
                let steps = self.open.iter().filter_map(|open| open.origin.step.clone());
                let duplicate = Duplicate {
                    path: steps.collect(),
                    key: key.clone(),
                    span,
                };
                self.duplicates.push(duplicate);
            }
        }
    }
}

impl<'t> Sink<'t> for Spans {
    fn null(&mut self, span: Span) {
        self.scalar(span);
        self.tree.null(span);
    }

    fn bool(&mut self, value: bool, span: Span) {
        self.scalar(span);
        self.tree.bool(value, span);
    }

    fn number(&mut self, text: &'t str, span: Span) {
        self.scalar(span);
        self.tree.number(text, span);
    }

    fn string(&mut self, string: RawString<'t>, span: Span) {
        self.scalar(span);
        self.tree.string(string, span);
    }

    fn open_array(&mut self, start: usize) {
        self.open(start, true);
        self.tree.open_array(start);
    }

    fn close_array(&mut self, end: usize) {
        self.close(end);
        self.tree.close_array(end);
    }

    fn open_object(&mut self, start: usize) {
        self.open(start, false);
        self.tree.open_object(start);
    }

    fn key(&mut self, key: RawString<'t>, span: Span) {
        self.key = Some((text_of(key), span));
        self.tree.key(key, span);
    }

    fn close_object(&mut self, end: usize) {
        self.note_duplicates();
        self.close(end);
        self.tree.close_object(end);
    }
}
