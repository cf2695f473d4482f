//! Evaluation: a loop for definite paths, a metered walk for the others.

use std::fmt;

use json::{Value, View};
use jsonata::Meter;

use super::SelectError;
use super::filter::Filter;
use super::token::{self, Found, Miss, Token};

/// Bytes of text that a filter compares or searches in the time of one step.
const BYTES_PER_STEP: usize = 64;

/// Where a definite path leads.
pub(super) enum Reached<'v> {
    Node(&'v Value),
    Made(Value),
}

/// A definite path that leads nowhere: its token `at` missed.
pub(super) struct Lost<'v> {
    pub(super) miss: Miss<'v>,
    at: usize,
}

/// Follows definite tokens; allocates nothing unless several properties make an object.
pub(super) fn definite<'v>(tokens: &'v [Token], root: &'v Value) -> Result<Reached<'v>, Lost<'v>> {
    let mut node = root;
    let last = tokens.len().saturating_sub(1);
    for (at, token) in tokens.iter().enumerate() {
        match token.find(node, at == last) {
            Ok(Found::Member(_, child) | Found::Element(_, child)) => node = child,
            Ok(Found::Made(value)) => return Ok(Reached::Made(value)),
            Err(miss) => return Err(Lost { miss, at }),
        }
    }
    Ok(Reached::Node(node))
}

impl Lost<'_> {
    /// The error, with the path followed so far written out.
    pub(super) fn error(&self, tokens: &[Token], root: &Value) -> SelectError {
        let (followed, rest) = tokens.split_at_checked(self.at).unwrap_or((tokens, &[]));
        let mut place = String::from("$");
        let mut node = root;
        for token in followed {
            let Ok(found) = token.find(node, false) else {
                break;
            };
            let step = match found {
                Found::Member(name, child) => (Step::Member(name), child),
                Found::Element(index, child) => (Step::Element(index), child),
                Found::Made(_) => break,
            };
            place.push_str(&step.0.to_string());
            node = step.1;
        }
        self.miss.error(&place, rest)
    }
}

/// Takes steps: `$..*..*..*` over nested data grows without bound.
pub(super) fn charge(meter: &Meter, steps: usize) -> Result<(), SelectError> {
    Ok(meter.step(u64::try_from(steps).unwrap_or(u64::MAX))?)
}

/// Takes the steps of looking at text.
pub(super) fn charge_bytes(meter: &Meter, bytes: usize) -> Result<(), SelectError> {
    charge(meter, bytes / BYTES_PER_STEP)
}

/// All nodes an indefinite path leads to, in the order of the document.
pub(super) fn indefinite(
    tokens: &[Token],
    root: &Value,
    meter: &Meter,
) -> Result<Vec<Value>, SelectError> {
    let tail_definite_from = tokens
        .iter()
        .rposition(|token| !token.is_definite())
        .map_or(0, |at| at + 1);
    let mut walk = Walk {
        tokens,
        root,
        tail_definite_from,
        swallowing: 0,
        meter,
        results: Vec::new(),
    };
    match walk.apply(0, root, &Trail::ROOT) {
        Ok(()) => Ok(walk.results),
        Err(Stop::Absent(text)) => Err(SelectError::NotFound(text)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

struct Walk<'v> {
    tokens: &'v [Token],
    root: &'v Value,
    /// No token from here on is indefinite.
    tail_definite_from: usize,
    /// How many wildcards over arrays are under way: they pass over what is absent.
    swallowing: u32,
    meter: &'v Meter,
    results: Vec<Value>,
}

/// Why a walk ended early.
enum Stop {
    /// A node is absent; the text is empty while a wildcard passes over it.
    Absent(String),
    Failed(SelectError),
}

impl From<SelectError> for Stop {
    fn from(error: SelectError) -> Stop {
        Stop::Failed(error)
    }
}

/// The way from the root to a node, for messages. It lies on the stack of the walk.
struct Trail<'t> {
    before: Option<&'t Trail<'t>>,
    steps: &'t [Step<'t>],
}

#[derive(Clone, Copy)]
enum Step<'t> {
    Member(&'t str),
    Element(i64),
}

impl<'v> Walk<'v> {
    /// Applies the token `at` and all after it to a node.
    fn apply(&mut self, at: usize, node: &'v Value, trail: &Trail<'_>) -> Result<(), Stop> {
        charge(self.meter, 1)?;
        let Some(token) = self.tokens.get(at) else {
            return self.found(node.clone());
        };
        match token {
            Token::Wildcard => self.wildcard(at, node, trail),
            Token::Scan => self.scan(at, node, trail),
            Token::Filter(filter) => self.filter(at, filter, node, trail),
            Token::Indices(indices) => {
                let indices = indices.iter().map(|index| i64::from(*index));
                self.each_element(at, node, trail, |_| indices)
            }
            Token::SliceFrom(from) => self.each_element(at, node, trail, |len| {
                let from = i64::from(*from);
                (if from < 0 { len + from } else { from }).max(0)..len
            }),
            Token::SliceTo(to) => self.each_element(at, node, trail, |len| {
                let to = i64::from(*to);
                0..(if to < 0 { len + to } else { to }).min(len)
            }),
            // Jayway counts neither bound of these from the end.
            Token::Slice(from, to) => self.each_element(at, node, trail, |len| {
                i64::from(*from)..if len == 0 {
                    i64::MIN
                } else {
                    i64::from(*to).min(len)
                }
            }),
            Token::Properties(names) => {
                charge(self.meter, names.len())?;
                self.definite(at, token, node, trail)
            }
            _ => self.definite(at, token, node, trail),
        }
    }

    fn found(&mut self, value: Value) -> Result<(), Stop> {
        // Twice: while the list grows, the old one is there beside the new one of double the size.
        self.meter
            .make(2 * size_of::<Value>())
            .map_err(SelectError::from)?;
        self.results.push(value);
        Ok(())
    }

    fn definite(
        &mut self,
        at: usize,
        token: &'v Token,
        node: &'v Value,
        trail: &Trail<'_>,
    ) -> Result<(), Stop> {
        let is_leaf = at + 1 == self.tokens.len();
        let (step, child) = match token.find(node, is_leaf) {
            Ok(Found::Member(name, child)) => (Step::Member(name), child),
            Ok(Found::Element(index, child)) => (Step::Element(index), child),
            Ok(Found::Made(value)) => return self.found(value),
            // Between the root and the last indefinite token a missing member is no error.
            Err(Miss::NoMember) if !is_leaf && at <= self.tail_definite_from => return Ok(()),
            Err(miss) => return Err(self.stop(&miss, at, trail)),
        };
        self.apply(at + 1, child, &trail.then(&[step]))
    }

    fn stop(&self, miss: &Miss<'_>, at: usize, trail: &Trail<'_>) -> Stop {
        if miss.is_absence() && self.swallowing > 0 {
            return Stop::Absent(String::new());
        }
        match miss.error(trail, self.tokens.get(at..).unwrap_or_default()) {
            SelectError::NotFound(text) => Stop::Absent(text),
            error => Stop::Failed(error),
        }
    }

    fn wildcard(&mut self, at: usize, node: &'v Value, trail: &Trail<'_>) -> Result<(), Stop> {
        match node.view() {
            View::Object(object) => {
                for (name, child) in object.iter() {
                    self.apply(at + 1, child, &trail.then(&[Step::Member(name)]))?;
                }
            }
            View::Array(elements) => {
                self.swallowing += 1;
                for (index, child) in (0..).zip(elements) {
                    match self.apply(at + 1, child, &trail.then(&[Step::Element(index)])) {
                        Ok(()) | Err(Stop::Absent(_)) => {}
                        Err(stop) => return Err(stop),
                    }
                }
                self.swallowing -= 1;
            }
            _ => {}
        }
        Ok(())
    }

    fn each_element<I: Iterator<Item = i64>>(
        &mut self,
        at: usize,
        node: &'v Value,
        trail: &Trail<'_>,
        indices: impl FnOnce(i64) -> I,
    ) -> Result<(), Stop> {
        let elements = token::elements(node).map_err(|miss| self.stop(&miss, at, trail))?;
        let indices = indices(token::length(elements));
        for index in indices {
            let Ok(Found::Element(_, child)) = token::element(elements, index) else {
                return Err(self.stop(&Miss::OutOfBounds(index), at, trail));
            };
            self.apply(at + 1, child, &trail.then(&[Step::Element(index)]))?;
        }
        Ok(())
    }

    fn filter(
        &mut self,
        at: usize,
        filter: &Filter,
        node: &'v Value,
        trail: &Trail<'_>,
    ) -> Result<(), Stop> {
        match node.view() {
            View::Object(_) => {
                if filter.accepts(node, self.root, self.meter)? {
                    self.apply(at + 1, node, trail)?;
                }
            }
            View::Array(elements) => {
                for (index, child) in (0..).zip(elements) {
                    if filter.accepts(child, self.root, self.meter)? {
                        self.apply(at + 1, child, &trail.then(&[Step::Element(index)]))?;
                    }
                }
            }
            _ => return Err(self.stop(&Miss::NotAContainer(node), at, trail)),
        }
        Ok(())
    }

    /// `..`: the next token is applied to the node and to everything below it, parents first. A
    /// list of open containers takes the place of recursion.
    fn scan(&mut self, at: usize, node: &'v Value, trail: &Trail<'_>) -> Result<(), Stop> {
        let mut open = vec![Children::of(node)];
        let mut steps = Vec::new();
        self.scan_node(at + 1, node, trail)?;
        while let Some(children) = open.last_mut() {
            let Some((step, child)) = children.next() else {
                open.pop();
                steps.pop();
                continue;
            };
            charge(self.meter, 1)?;
            steps.push(step);
            self.scan_node(at + 1, child, &trail.then(&steps))?;
            open.push(Children::of(child));
        }
        Ok(())
    }

    fn scan_node(&mut self, at: usize, node: &'v Value, trail: &Trail<'_>) -> Result<(), Stop> {
        if !self.is_target(at, node)? {
            return Ok(());
        }
        match node.as_array() {
            // Jayway passes over the token and applies the one after it to each element.
            Some(elements) if at + 1 < self.tokens.len() => {
                for (index, child) in (0..).zip(elements) {
                    self.apply(at + 1, child, &trail.then(&[Step::Element(index)]))?;
                }
                Ok(())
            }
            _ => self.apply(at, node, trail),
        }
    }

    /// Whether `..` applies the token `at` to this node.
    fn is_target(&mut self, at: usize, node: &'v Value) -> Result<bool, Stop> {
        let is_container = matches!(node.view(), View::Array(_) | View::Object(_));
        Ok(match self.tokens.get(at) {
            Some(Token::Property(name)) => node.get(name).is_some(),
            Some(Token::Properties(names)) => {
                charge(self.meter, names.len())?;
                names.iter().all(|name| node.get(name).is_some())
            }
            Some(Token::Wildcard) => is_container,
            Some(Token::Filter(filter)) if is_container => {
                filter.accepts(node, self.root, self.meter)?
            }
            Some(Token::Filter(_) | Token::Scan) | None => false,
            Some(_) => node.as_array().is_some(),
        })
    }
}

/// What is left of a container that `..` walks through.
enum Children<'v> {
    Array(std::iter::Enumerate<std::slice::Iter<'v, Value>>),
    Object(json::Iter<'v>),
    None,
}

impl<'v> Children<'v> {
    fn of(node: &'v Value) -> Children<'v> {
        match node.view() {
            View::Array(elements) => Children::Array(elements.iter().enumerate()),
            View::Object(object) => Children::Object(object.iter()),
            _ => Children::None,
        }
    }

    fn next(&mut self) -> Option<(Step<'v>, &'v Value)> {
        match self {
            Children::Array(elements) => elements.next().map(|(index, child)| {
                (
                    Step::Element(i64::try_from(index).unwrap_or(i64::MAX)),
                    child,
                )
            }),
            Children::Object(members) => members
                .next()
                .map(|(name, child)| (Step::Member(name), child)),
            Children::None => None,
        }
    }
}

impl Trail<'_> {
    const ROOT: Trail<'static> = Trail {
        before: None,
        steps: &[],
    };

    fn then<'t>(&'t self, steps: &'t [Step<'t>]) -> Trail<'t> {
        Trail {
            before: Some(self),
            steps,
        }
    }
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As deep as the path has tokens.
        match self.before {
            Some(before) => before.fmt(f)?,
            None => f.write_str("$")?,
        }
        self.steps.iter().try_for_each(|step| step.fmt(f))
    }
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Member(name) => write!(f, "['{name}']"),
            Step::Element(index) => write!(f, "[{index}]"),
        }
    }
}
