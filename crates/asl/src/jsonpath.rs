//! JSONPath with the semantics of Jayway JsonPath 2.0.0, which Step Functions uses.
//!
//! A path is compiled once into a list of tokens. A definite path names at most one node and is
//! followed without allocating; an indefinite one collects the nodes it leads to, in the order of
//! the document, into an array.
//!
//! ```
//! use asl::jsonpath::Path;
//! let input = json::parse(r#"{"order":{"lines":[{"sku":"a","n":2},{"sku":"b","n":7}]}}"#)?;
//! let meter = jsonata::Meter::new(jsonata::Allowance::FULL);
//! let path = Path::parse("$.order.lines[?(@.n > 5)].sku")?;
//! assert_eq!(path.select(&input, &meter)?.to_text(), r#"["b"]"#);
//! let missing = Path::parse("$.order.id")?.select(&input, &meter);
//! assert_eq!(missing.unwrap_err().to_string(), "No results for path: $['order']['id']");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod filter;
mod parse;
mod place;
mod token;
mod walk;

use std::cmp::Ordering;
use std::sync::Arc;

use json::Value;
use jsonata::Meter;

use crate::event::Text;
use token::Token;
use walk::Reached;

/// A compiled path. A clone is two reference counts.
#[derive(Clone, Debug)]
pub struct Path {
    text: Text,
    tokens: Arc<[Token]>,
    is_definite: bool,
}

/// Why a text is not a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path `{path}` is not valid: {reason}")]
pub struct PathError {
    pub path: String,
    pub reason: String,
}

/// Why a path selects nothing. The messages are Jayway's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The path names a node that is not there: `No results for path: $['x']`.
    #[error("{0}")]
    NotFound(String),
    /// The path does not fit the document: an index into an object, a filter on a number.
    #[error("{0}")]
    Invalid(String),
    /// The meter has no steps or bytes left.
    #[error("the path visits too many nodes; select fewer with each `*`, `..` or filter")]
    TooExpensive,
}

/// Why a value cannot be placed. AWS names the error `States.ResultPathMatchFailure`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("Unable to apply ReferencePath {path} to input {input}")]
pub struct PlaceError {
    pub path: Text,
    pub input: Value,
}

impl From<jsonata::Error> for SelectError {
    /// A meter refuses for one reason only.
    fn from(_: jsonata::Error) -> SelectError {
        SelectError::TooExpensive
    }
}

impl Path {
    /// Compiles a path. It may begin with `$`, with `@`, or with the name of a member of the root;
    /// the States Language allows `$` only, which [`crate::template::ValuePath`] looks after.
    pub fn parse(text: &str) -> Result<Path, PathError> {
        let tokens = parse::tokens(text, parse::Setting::Document).map_err(|reason| PathError {
            path: text.into(),
            reason,
        })?;
        let is_definite = tokens.iter().all(Token::is_definite);
        Ok(Path {
            text: text.into(),
            tokens: tokens.into(),
            is_definite,
        })
    }

    /// Whether the path names at most one node, so that a missing node is an error. An indefinite
    /// path makes an array, which may be empty.
    pub fn is_definite(&self) -> bool {
        self.is_definite
    }

    /// Whether this is a Reference Path of the States Language: names and indices only.
    pub fn is_reference(&self) -> bool {
        self.text.starts_with('$') && self.tokens.iter().all(Token::is_reference)
    }

    /// The path as written.
    pub fn as_text(&self) -> &str {
        &self.text
    }

    /// The node a definite path names, or the array of all nodes an indefinite path leads to.
    /// Nothing of the document is copied. The meter is charged a step for each node visited.
    pub fn select(&self, root: &Value, meter: &Meter) -> Result<Value, SelectError> {
        if !self.is_definite {
            return walk::indefinite(&self.tokens, root, meter).map(Value::from);
        }
        meter.step(1 + u64::try_from(self.tokens.len()).unwrap_or(u64::MAX / 2))?;
        match walk::definite(&self.tokens, root) {
            Ok(Reached::Node(node)) => Ok(node.clone()),
            Ok(Reached::Made(value)) => Ok(value),
            Err(lost) => Err(lost.error(&self.tokens, root)),
        }
    }

    /// The document with `value` at this Reference Path; all other nodes are shared with `root`.
    ///
    /// Objects that are missing on the way are made. An array takes an index it has; no element
    /// is added. Anything else that is in the way, `null` too, is an error.
    pub fn place(&self, root: &Value, value: Value) -> Result<Value, PlaceError> {
        place::place(&self.tokens, root, value).ok_or_else(|| PlaceError {
            path: self.text.clone(),
            input: root.clone(),
        })
    }
}

/// Bytes that are compared at once.
const BLOCK_BYTES: usize = 64;

/// The order of texts in Java, by UTF-16 code unit: U+10000 comes before U+FFFF. What both begin
/// with is compared as bytes, which is many times faster.
#[inline]
pub(crate) fn utf16_order(left: &str, right: &str) -> Ordering {
    if left.len().min(right.len()) < BLOCK_BYTES {
        return left.encode_utf16().cmp(right.encode_utf16());
    }
    long_utf16_order(left, right)
}

fn long_utf16_order(left: &str, right: &str) -> Ordering {
    let blocks = left.as_bytes().chunks_exact(BLOCK_BYTES);
    let same = blocks
        .zip(right.as_bytes().chunks_exact(BLOCK_BYTES))
        .take_while(|(left, right)| left == right)
        .count();
    // What is the same up to a byte has its characters' bounds in common.
    let is_bound = |at: &usize| left.is_char_boundary(*at);
    let start = (0..=same * BLOCK_BYTES).rev().find(is_bound).unwrap_or(0);
    let left = left.get(start..).unwrap_or_default();
    let right = right.get(start..).unwrap_or_default();
    left.encode_utf16().cmp(right.encode_utf16())
}

#[cfg(test)]
mod tests;
