//! The tokens of a compiled path, and how one that names a single node is applied.

use std::fmt;

use json::{Object, Text, Value, View};

use super::SelectError;
use super::filter::Filter;

/// One step of a path.
#[derive(Clone, Debug)]
pub(super) enum Token {
    /// `.name` or `['name']`; a `str` so that each lookup need not make one.
    Property(Box<str>),
    /// `['a','b']`: an object of those that are there.
    Properties(Box<[Text]>),
    /// `[1]`; a negative index is outside of every array.
    Index(i32),
    /// `[(@.length-1)]`, held as -1.
    FromEnd(i32),
    /// `[0,2]`
    Indices(Box<[i32]>),
    /// `[1:]`, `[-1:]`
    SliceFrom(i32),
    /// `[:2]`
    SliceTo(i32),
    /// `[1:3]`
    Slice(i32, i32),
    /// `*` or `[*]`
    Wildcard,
    /// `..`
    Scan,
    /// `[?(...)]`
    Filter(Filter),
}

/// What a definite token leads to.
pub(super) enum Found<'v> {
    Member(&'v str, &'v Value),
    Element(i64, &'v Value),
    /// Several properties make a new object.
    Made(Value),
}

/// Why a definite token leads nowhere.
pub(super) enum Miss<'v> {
    NotAnObject,
    NoMember,
    PropertiesWithinPath,
    NullArray,
    NotAnArray(&'v Value),
    OutOfBounds(i64),
    NotAContainer(&'v Value),
}

impl Token {
    /// Whether the token can lead to one node only.
    pub(super) fn is_definite(&self) -> bool {
        matches!(
            self,
            Token::Property(_) | Token::Properties(_) | Token::Index(_) | Token::FromEnd(_)
        )
    }

    /// Whether a Reference Path may have the token.
    pub(super) fn is_reference(&self) -> bool {
        matches!(self, Token::Property(_)) || matches!(self, Token::Index(0..))
    }

    /// Applies a definite token. `is_leaf`: no token follows. Indefinite ones find nothing.
    pub(super) fn find<'v>(
        &'v self,
        node: &'v Value,
        is_leaf: bool,
    ) -> Result<Found<'v>, Miss<'v>> {
        match self {
            Token::Property(name) => {
                let object = node.as_object().ok_or(Miss::NotAnObject)?;
                let child = object.get(name).ok_or(Miss::NoMember)?;
                Ok(Found::Member(name, child))
            }
            Token::Properties(names) => {
                let object = node.as_object().ok_or(Miss::NotAnObject)?;
                if is_leaf {
                    Ok(Found::Made(pick(object, names)))
                } else {
                    Err(Miss::PropertiesWithinPath)
                }
            }
            Token::Index(index) => element(elements(node)?, i64::from(*index)),
            Token::FromEnd(offset) => {
                let elements = elements(node)?;
                element(elements, length(elements) + i64::from(*offset))
            }
            _ => Err(Miss::NoMember),
        }
    }
}

/// The elements of an array; anything else is a miss, `null` a milder one.
pub(super) fn elements(node: &Value) -> Result<&[Value], Miss<'_>> {
    match node.view() {
        View::Array(elements) => Ok(elements),
        View::Null => Err(Miss::NullArray),
        _ => Err(Miss::NotAnArray(node)),
    }
}

pub(super) fn element(elements: &[Value], index: i64) -> Result<Found<'_>, Miss<'_>> {
    let at = usize::try_from(index).ok();
    let element = at
        .and_then(|at| elements.get(at))
        .ok_or(Miss::OutOfBounds(index))?;
    Ok(Found::Element(index, element))
}

pub(super) fn length(elements: &[Value]) -> i64 {
    i64::try_from(elements.len()).unwrap_or(i64::MAX)
}

fn pick(object: &Object, names: &[Text]) -> Value {
    let there = |name: &Text| object.get(name).map(|value| (name.clone(), value.clone()));
    names.iter().filter_map(there).collect::<Object>().into()
}

impl Miss<'_> {
    /// The error Jayway gives when the first of the tokens `rest` misses at `place`.
    pub(super) fn error(&self, place: &dyn fmt::Display, rest: &[Token]) -> SelectError {
        let fragment = Fragments(rest.get(..1).unwrap_or_default());
        let text = match self {
            Miss::NotAnObject => format!("Property {fragment} not found in path {place}"),
            Miss::NoMember if rest.len() > 1 => {
                format!("Missing property in path {place}{fragment}")
            }
            Miss::NoMember => format!("No results for path: {place}{fragment}"),
            Miss::NullArray => format!("The path {place} is null"),
            Miss::OutOfBounds(index) => {
                format!("Index out of bounds when evaluating path {place}[{index}]")
            }
            Miss::PropertiesWithinPath => {
                let text = "Multi properties can only be used as path leafs: ";
                return SelectError::Invalid(format!("{text}{place}{fragment}"));
            }
            Miss::NotAnArray(node) => {
                let filter = format!("Filter: {} can only be applied to arrays.", Fragments(rest));
                return SelectError::Invalid(format!("{filter} Current context is: {node}"));
            }
            Miss::NotAContainer(node) => {
                let filter = format!(
                    "Filter: {} can not be applied to primitives.",
                    Fragments(rest)
                );
                return SelectError::Invalid(format!("{filter} Current context is: {node}"));
            }
        };
        SelectError::NotFound(text)
    }

    /// Whether Jayway counts the miss as an absent node and not as a misuse of the path.
    pub(super) fn is_absence(&self) -> bool {
        match self {
            Miss::NotAnObject | Miss::NoMember | Miss::NullArray | Miss::OutOfBounds(_) => true,
            Miss::PropertiesWithinPath | Miss::NotAnArray(_) | Miss::NotAContainer(_) => false,
        }
    }
}

/// Tokens as Jayway writes them in its messages.
pub(super) struct Fragments<'p>(pub(super) &'p [Token]);

impl fmt::Display for Fragments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for token in self.0 {
            match token {
                Token::Property(name) => write!(f, "['{name}']")?,
                Token::Properties(names) => write!(f, "['{}']", joined(names, "', '"))?,
                Token::Index(index) => write!(f, "[{index}]")?,
                Token::FromEnd(offset) => write!(f, "[@.size(){offset}]")?,
                Token::Indices(indices) => write!(f, "[{}]", joined(indices, ","))?,
                Token::SliceFrom(from) => write!(f, "[{from}:]")?,
                Token::SliceTo(to) => write!(f, "[:{to}]")?,
                Token::Slice(from, to) => write!(f, "[{from}:{to}]")?,
                Token::Wildcard => f.write_str("[*]")?,
                Token::Scan => f.write_str("..")?,
                Token::Filter(_) => f.write_str("[?]")?,
            }
        }
        Ok(())
    }
}

fn joined<T: fmt::Display>(items: &[T], separator: &str) -> String {
    items
        .iter()
        .map(T::to_string)
        .collect::<Vec<_>>()
        .join(separator)
}
