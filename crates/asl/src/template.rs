//! Payload templates: JSON that is filled at run time.
//!
//! In JSONPath states each key that ends in `.$` is filled from a path or an intrinsic function
//! (Parameters, ResultSelector, ItemSelector, Assign, Credentials); in JSONata states each string
//! `{% ... %}` is (Arguments, Output, Assign, Items, ...).
//!
//! ```
//! use asl::template::{Outside, Scope, Template};
//! struct Nothing;
//! impl Outside for Nothing {
//!     fn context(&self) -> json::Value {
//!         json::Value::empty_object()
//!     }
//!     fn variable(&self, name: &str) -> Option<json::Value> {
//!         (name == "greeting").then(|| "Hello".into())
//!     }
//!     fn random(&self) -> u64 {
//!         4
//!     }
//!     fn now_ms(&self) -> i64 {
//!         0
//!     }
//! }
//! let template = json::parse(
//!     r#"{"fixed":{"size":1},"who.$":"$.name","text.$":"States.Format('{}!', $greeting)"}"#,
//! )?;
//! let template = Template::compile(&template).unwrap();
//! let input = json::parse(r#"{"name":"Ada"}"#)?;
//! let meter = jsonata::Meter::new(jsonata::Allowance::FULL);
//! let made = template.evaluate(&Scope::new(&input, &Nothing, &meter))?;
//! assert_eq!(made.to_text(), r#"{"fixed":{"size":1},"text":"Hello!","who":"Ada"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compile;
mod failure;
mod path;
mod reference;
mod scope;

use json::{Object, Value};

pub use compile::{TemplateError, TemplateProblem};
pub use failure::Failure;
pub(crate) use failure::{is_exhaustion, shown};
pub use path::{Root, VARIABLE_NAME_CHARS_MAX, ValuePath, ValuePathError, is_variable_name};
pub use reference::{Reference, ReferenceError};
pub(crate) use scope::Evaluation;
pub use scope::{Outside, Scope};

use crate::event::Text;
use crate::query::{Query, QueryError};

/// A compiled payload template.
#[derive(Clone, Debug)]
pub struct Template(Part);

#[derive(Clone, Debug)]
enum Part {
    /// Holds no expression at all: shared with every result.
    Constant(Value),
    Reference(Box<Field>),
    Query(Box<Query>),
    Object(Box<[(json::Text, Part)]>),
    Array(Box<[Part]>),
}

/// A member that is filled from a path or an intrinsic function.
#[derive(Clone, Debug)]
struct Field {
    /// The key as written: `k.$`.
    name: Text,
    reference: Reference,
}

impl Template {
    /// Compiles the template of a JSONPath state, or tells everything that is wrong with it.
    pub fn compile(template: &Value) -> Result<Template, Vec<TemplateError>> {
        compile::paths(template).map(Template)
    }

    /// Compiles the template of a JSONata state: a string that begins with `{%` and ends with `%}`
    /// is an expression, wherever it stands; all else is literal, keys that end in `.$` too.
    ///
    /// `field` is AWS's name of the field: `Arguments`, `Output`, `Assign`. The location of an
    /// expression begins with it: `Arguments/a/b[0]`.
    pub fn compile_queries(template: &Value, field: &str) -> Result<Template, Vec<QueryError>> {
        compile::queries(template, field).map(Template)
    }

    /// Fills the template; literals and selected nodes are shared. In JSONata members keep their
    /// order, in JSONPath those that are filled come last, as on AWS.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Failure> {
        self.0.evaluate(&Evaluation::new(scope))
    }

    /// The names of the variables its expressions read, in the order of their evaluation.
    pub fn references(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.each(&mut |part| match part {
            Part::Reference(field) => names.extend(field.reference.references()),
            Part::Query(query) => names.extend(query.references()),
            Part::Constant(_) | Part::Object(_) | Part::Array(_) => {}
        });
        names
    }

    /// Its JSONata expressions in the order of the template.
    pub fn queries(&self) -> Vec<&Query> {
        let mut queries = Vec::new();
        self.0.each(&mut |part| {
            if let Part::Query(query) = part {
                queries.push(&**query);
            }
        });
        queries
    }

    /// Fills the template of a Map's Items: an array, or an object whose members are the items.
    pub fn evaluate_items(&self, scope: &Scope<'_>) -> Result<Value, Failure> {
        match &self.0 {
            Part::Query(query) => query.evaluate_items(scope),
            _ => self.evaluate(scope),
        }
    }

    /// The expression, if the whole template is one: nothing can be told about its value before.
    pub fn as_query(&self) -> Option<&Query> {
        match &self.0 {
            Part::Query(query) => Some(query),
            _ => None,
        }
    }

    /// The value, if it is the same whatever the template is filled from.
    pub fn as_constant(&self) -> Option<&Value> {
        match &self.0 {
            Part::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// Whether its result is an object with this member, as far as can be told beforehand.
    pub(crate) fn has_member(&self, name: &str) -> bool {
        match &self.0 {
            Part::Constant(value) => value.get(name).is_some(),
            Part::Object(members) => members.iter().any(|(key, _)| *key == name),
            Part::Reference(_) | Part::Query(_) | Part::Array(_) => false,
        }
    }

    /// The names of the members of its result, as far as can be told beforehand.
    pub(crate) fn members(&self) -> Vec<&str> {
        match &self.0 {
            Part::Constant(value) => {
                let members = value.as_object().into_iter().flat_map(Object::iter);
                members.map(|(name, _)| name).collect()
            }
            Part::Object(members) => members.iter().map(|(name, _)| &**name).collect(),
            Part::Reference(_) | Part::Query(_) | Part::Array(_) => Vec::new(),
        }
    }

    /// The value of a member that is the same whatever the template is filled from.
    pub(crate) fn literal(&self, name: &str) -> Option<&Value> {
        match &self.0 {
            Part::Constant(value) => value.get(name),
            Part::Object(members) => {
                let (_, part) = members.iter().find(|(key, _)| *key == name)?;
                match part {
                    Part::Constant(value) => Some(value),
                    _ => None,
                }
            }
            Part::Reference(_) | Part::Query(_) | Part::Array(_) => None,
        }
    }
}

/// Templates nest no deeper than parsed JSON does (`json::DEPTH_MAX`), which bounds the recursion.
impl Part {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Result<Value, Failure> {
        match self {
            Part::Constant(value) => Ok(value.clone()),
            Part::Reference(field) => field.reference.evaluate_in(&field.name, evaluation),
            Part::Query(query) => query.evaluate_in(evaluation),
            Part::Array(parts) => parts.iter().map(|part| part.evaluate(evaluation)).collect(),
            Part::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, part)| Ok((name.clone(), part.evaluate(evaluation)?)));
                Ok(members.collect::<Result<Object, _>>()?.into())
            }
        }
    }

    /// Visits this part and all within, in their order.
    fn each<'p>(&'p self, visit: &mut dyn FnMut(&'p Part)) {
        visit(self);
        match self {
            Part::Array(parts) => parts.iter().for_each(|part| part.each(visit)),
            Part::Object(members) => members.iter().for_each(|(_, part)| part.each(visit)),
            Part::Constant(_) | Part::Reference(_) | Part::Query(_) => {}
        }
    }
}

/// Adds a step to a JSON pointer (RFC 6901).
pub(crate) fn push_step(pointer: &mut String, step: &str) {
    pointer.push('/');
    pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
