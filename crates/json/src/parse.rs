//! Parsing: one grammar ([`reader`]) that tells a [`Sink`] what it meets.

mod check;
mod digits;
mod error;
mod reader;
mod spanned;
mod tree;

use std::sync::Arc;

pub use error::{ParseError, ParseErrorKind};
pub use spanned::{Document, Duplicate, Span, Step};

pub(crate) use check::Checked;
pub(crate) use digits::number_len;

use crate::Value;
use crate::lazy::Lazy;
use crate::value::Repr;

/// Containers nested deeper than this are refused, as by Jackson.
pub const DEPTH_MAX: usize = 1000;

/// Below this length a tree costs hardly more than a check, and saves the second pass.
const LAZY_LEN_MIN: usize = 1024;

/// Parses one JSON text. Of repeated names in an object the last value wins, in the position of
/// the first.
///
/// # Errors
/// The first place where the text is not JSON, in Jackson's words; also text that nests deeper
/// than [`DEPTH_MAX`] and text after the value.
pub fn parse(text: &str) -> Result<Value, ParseError> {
    let mut tree = tree::Tree::default();
    reader::read(text, &mut tree)?;
    Ok(tree.finish())
}

/// Checks one JSON text and keeps it; the tree is made when somebody looks inside. The value is
/// the same as that of [`parse`], and its size is known at once.
///
/// Once looked into, it holds both text and tree until it is dropped. Short texts, scalars and
/// objects with repeated names are parsed right away.
///
/// # Errors
/// Those of [`parse`].
pub fn parse_lazy(text: Arc<str>) -> Result<Value, ParseError> {
    if text.len() < LAZY_LEN_MIN {
        return parse(&text);
    }
    match check::check(&text)? {
        Some(checked) => Ok(Value(Repr::Lazy(Arc::new(Lazy::new(text, checked))))),
        None => parse(&text),
    }
}

/// Parses one JSON text and keeps where each value and name stands, and which names are repeated.
/// Costs some 50 bytes for each value: meant for definitions.
///
/// # Errors
/// Those of [`parse`].
pub fn parse_spanned(text: &str) -> Result<Document, ParseError> {
    let mut spans = spanned::Spans::default();
    reader::read(text, &mut spans)?;
    Ok(spans.finish(text))
}

/// The contents of a string as they stand between the quotes.
#[derive(Clone, Copy)]
pub(crate) struct RawString<'t> {
    pub(crate) text: &'t str,
    pub(crate) has_escapes: bool,
    /// The length of the string in compact text, quotes included.
    pub(crate) quoted_len: usize,
    /// Whether compact text would write the contents exactly so.
    pub(crate) is_canonical: bool,
}

/// What a text consists of, in the order of the text. Spans are in bytes and include quotes.
pub(crate) trait Sink<'t> {
    fn null(&mut self, span: Span);
    fn bool(&mut self, value: bool, span: Span);
    fn number(&mut self, text: &'t str, span: Span);
    fn string(&mut self, string: RawString<'t>, span: Span);
    fn open_array(&mut self, start: usize);
    fn close_array(&mut self, end: usize);
    fn open_object(&mut self, start: usize);
    fn key(&mut self, key: RawString<'t>, span: Span);
    fn close_object(&mut self, end: usize);
}

#[cfg(test)]
mod tests;
