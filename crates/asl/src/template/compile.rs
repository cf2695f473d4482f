//! From the JSON of a template to its parts, or to everything that is wrong with it.

use json::{Object, Value, View};

use super::{Field, Part, Reference, ReferenceError, push_step};
use crate::definition::DIAGNOSTICS_MAX;
use crate::query::{Query, QueryError};
use crate::validate::report::beginning;

/// Something wrong with the template of a JSONPath state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// JSON pointer from the template to the member: `/a/0/k.$`.
    pub pointer: String,
    /// The key as written: `k.$`.
    pub field: String,
    /// The value as written, in compact JSON; a string without its quotes.
    pub text: String,
    pub reason: TemplateProblem,
}

/// The kinds of [`TemplateError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateProblem {
    /// `"k.$": 1`
    NotAString,
    /// `"k.$": "name"`. AWS: `The value for the field 'k.$' must be a valid JSONPath or a valid
    /// intrinsic function call`.
    NotAReference(ReferenceError),
    /// `"k.$"` beside `"k"`
    Duplicate,
}

/// Marks the keys whose values are references.
const SUFFIX: &str = ".$";

/// Compiles the template of a JSONPath state.
pub(super) fn paths(template: &Value) -> Result<Part, Vec<TemplateError>> {
    let mut compiler = Paths::default();
    let part = compiler.part(template);
    if compiler.errors.is_empty() {
        Ok(part)
    } else {
        Err(compiler.errors)
    }
}

/// Compiles the template of a JSONata state.
pub(super) fn queries(template: &Value, field: &str) -> Result<Part, Vec<QueryError>> {
    let mut compiler = Queries {
        pointer: String::new(),
        location: field.to_owned(),
        errors: Vec::new(),
    };
    let part = compiler.part(template);
    if compiler.errors.is_empty() {
        Ok(part)
    } else {
        Err(compiler.errors)
    }
}

/// An object whose members are all constant, and keep their names, is shared as it is.
fn object_part(value: &Value, object: &Object, members: Box<[(json::Text, Part)]>) -> Part {
    let is_constant = members
        .iter()
        .zip(object.keys())
        .all(|((name, part), key)| name == key && matches!(part, Part::Constant(_)));
    if is_constant {
        Part::Constant(value.clone())
    } else {
        Part::Object(members)
    }
}

/// The members in the order AWS makes them in (recorded, 2023 to 2025): what is not filled from a
/// reference comes first, as written, then what is, in the order of a Java `HashMap` of the names.
fn filled_last(mut members: Vec<(json::Text, Part)>) -> Box<[(json::Text, Part)]> {
    let is_filled = |part: &Part| matches!(part, Part::Reference(_));
    let filled = members.iter().filter(|(_, part)| is_filled(part)).count();
    let buckets = java_buckets(filled);
    members.sort_by_cached_key(|(name, part)| {
        is_filled(part).then(|| java_spread_hash(name) & (buckets - 1))
    });
    members.into()
}

/// The size of the table of a `HashMap` that has grown to `len` entries: it doubles from 16 on
/// when more than three quarters of it would be taken.
fn java_buckets(len: usize) -> u32 {
    let mut buckets = 16_u32;
    while len > usize::try_from(buckets / 4 * 3).unwrap_or(usize::MAX) && buckets < 1 << 30 {
        buckets *= 2;
    }
    buckets
}

/// `String.hashCode`, as `HashMap` spreads it.
fn java_spread_hash(text: &str) -> u32 {
    let hash = text.encode_utf16().fold(0_u32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(u32::from(unit))
    });
    hash ^ (hash >> 16)
}

fn array_part(value: &Value, parts: Box<[Part]>) -> Part {
    if parts.iter().all(|part| matches!(part, Part::Constant(_))) {
        Part::Constant(value.clone())
    } else {
        Part::Array(parts)
    }
}

/// Templates nest no deeper than parsed JSON does (`json::DEPTH_MAX`), which bounds the recursion.
#[derive(Default)]
struct Paths {
    pointer: String,
    /// At most one more than is ever shown.
    errors: Vec<TemplateError>,
}

impl Paths {
    fn part(&mut self, value: &Value) -> Part {
        match value.view() {
            View::Object(object) => {
                let members = object.members().iter();
                let members = members.map(|(key, value)| self.member(object, key, value));
                object_part(value, object, filled_last(members.collect()))
            }
            View::Array(elements) => {
                let parts = elements.iter().enumerate();
                let parts =
                    parts.map(|(at, element)| self.at(&at.to_string(), |it| it.part(element)));
                array_part(value, parts.collect())
            }
            _ => Part::Constant(value.clone()),
        }
    }

    fn member(&mut self, object: &Object, key: &json::Text, value: &Value) -> (json::Text, Part) {
        self.at(key, |it| match key.strip_suffix(SUFFIX) {
            None => (key.clone(), it.part(value)),
            Some(name) => {
                if object.contains_key(name) {
                    it.report(key, value, TemplateProblem::Duplicate);
                }
                (json::Text::from(name), it.reference(key, value))
            }
        })
    }

    fn reference(&mut self, key: &str, value: &Value) -> Part {
        let problem = match value.as_str().map(Reference::parse) {
            Some(Ok(reference)) => {
                return Part::Reference(Box::new(Field {
                    name: key.into(),
                    reference,
                }));
            }
            Some(Err(error)) => TemplateProblem::NotAReference(error),
            None => TemplateProblem::NotAString,
        };
        self.report(key, value, problem);
        Part::Constant(Value::null())
    }

    fn report(&mut self, key: &str, value: &Value, reason: TemplateProblem) {
        // Each repeats the pointer, and more than these are shown to nobody.
        if self.errors.len() > DIAGNOSTICS_MAX {
            return;
        }
        let text = value
            .as_str()
            .map_or_else(|| value.to_text(), str::to_owned);
        let pointer = self.pointer.clone();
        self.errors.push(TemplateError {
            pointer,
            field: key.into(),
            text,
            reason,
        });
    }

    /// Works one step further down.
    fn at<T>(&mut self, step: &str, work: impl FnOnce(&mut Paths) -> T) -> T {
        let len = self.pointer.len();
        push_step(&mut self.pointer, step);
        let made = work(self);
        self.pointer.truncate(len);
        made
    }
}

/// Each expression keeps its location, and thousands of them may lie below a name of half a
/// megabyte.
const LOCATION_BYTES_MAX: usize = 1_000;

struct Queries {
    pointer: String,
    /// As AWS names the place: `Arguments/a/b[0]`.
    location: String,
    /// At most one more than is ever shown.
    errors: Vec<QueryError>,
}

impl Queries {
    fn part(&mut self, value: &Value) -> Part {
        match value.view() {
            View::Object(object) => {
                let members = object.members().iter().map(|(key, value)| {
                    let step = format!("/{}", key.as_str());
                    (key.clone(), self.at(key, &step, value))
                });
                object_part(value, object, members.collect())
            }
            View::Array(elements) => {
                let parts = elements
                    .iter()
                    .enumerate()
                    .map(|(at, element)| self.at(&at.to_string(), &format!("[{at}]"), element));
                array_part(value, parts.collect())
            }
            View::String(text) if Query::is_query(text) => self.query(text),
            _ => Part::Constant(value.clone()),
        }
    }

    fn query(&mut self, text: &str) -> Part {
        let location = beginning(&self.location, LOCATION_BYTES_MAX);
        match Query::parse(text, location) {
            Ok(query) => Part::Query(Box::new(query)),
            Err(error) => {
                // More than these are shown to nobody.
                if self.errors.len() <= DIAGNOSTICS_MAX {
                    let pointer = self.pointer.clone();
                    self.errors.push(QueryError { pointer, ..error });
                }
                Part::Constant(Value::null())
            }
        }
    }

    /// Compiles what lies one step further down.
    fn at(&mut self, key: &str, step: &str, value: &Value) -> Part {
        let (pointer_len, location_len) = (self.pointer.len(), self.location.len());
        push_step(&mut self.pointer, key);
        self.location.push_str(step);
        let part = self.part(value);
        self.pointer.truncate(pointer_len);
        self.location.truncate(location_len);
        part
    }
}
