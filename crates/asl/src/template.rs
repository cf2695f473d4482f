//! Payload templates: JSON in which each key that ends in `.$` is filled from a path.
//!
//! Used by Parameters, ResultSelector and Credentials. `$` is what the state makes the template
//! from, `$$` the context object.
//!
//! ```
//! use asl::template::{Outside, Scope, Template};
//! struct Nothing;
//! impl Outside for Nothing {
//!     fn context(&self) -> json::Value {
//!         json::Value::empty_object()
//!     }
//!     fn variable(&self, _name: &str) -> Option<json::Value> {
//!         None
//!     }
//!     fn random(&self) -> u64 {
//!         4
//!     }
//!     fn now_ms(&self) -> i64 {
//!         0
//!     }
//! }
//! let template = json::parse(r#"{"fixed":{"size":1},"who.$":"$.name"}"#)?;
//! let template = Template::compile(&template).unwrap();
//! let input = json::parse(r#"{"name":"Ada"}"#)?;
//! let made = template.evaluate(&Scope::new(&input, &Nothing))?;
//! assert_eq!(made.to_text(), r#"{"fixed":{"size":1},"who":"Ada"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use json::{Object, Value, View};

use crate::definition::DIAGNOSTICS_MAX;
use crate::event::Text;
use crate::jsonpath::{Path, PathError, SelectError};

/// The intrinsic functions of the States Language (developer guide, "Intrinsic functions").
pub const INTRINSIC_FUNCTIONS: [&str; 18] = [
    "States.Array",
    "States.ArrayContains",
    "States.ArrayGetItem",
    "States.ArrayLength",
    "States.ArrayPartition",
    "States.ArrayRange",
    "States.ArrayUnique",
    "States.Base64Decode",
    "States.Base64Encode",
    "States.Format",
    "States.Hash",
    "States.JsonMerge",
    "States.JsonToString",
    "States.MathAdd",
    "States.MathRandom",
    "States.StringSplit",
    "States.StringToJson",
    "States.UUID",
];

/// What a path starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// `$`
    Input,
    /// `$$`
    Context,
}

/// A path into the input (`$.a`) or into the context object (`$$.Execution.Id`).
#[derive(Clone, Debug)]
pub struct ValuePath {
    pub root: Root,
    /// Without the second `$` of a path into the context object.
    pub path: Path,
    /// As written.
    pub text: Text,
}

/// Why a text is not a [`ValuePath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValuePathError {
    /// `name`
    #[error("`{0}` is not a path; a path begins with `$`")]
    NotAPath(String),
    /// `$name.a`; holds `name`. Variables are not served yet.
    #[error("the variable `${0}` is used, and variables are not supported yet")]
    Variable(String),
    /// `States.Format('{}', $.a)`. Intrinsic functions are not served yet. `known`: the States
    /// Language has a function of that name.
    #[error("`{name}` is called, and intrinsic functions are not supported yet")]
    Intrinsic { name: String, known: bool },
    /// `$.a[`
    #[error(transparent)]
    Path(#[from] PathError),
}

/// What paths, intrinsic functions and JSONata expressions of one field see.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// `$`, or `$states.input`.
    pub input: &'a Value,
    /// `$states.result`, where the field has one.
    pub result: Option<&'a Value>,
    /// `$states.errorOutput`, in a catcher.
    pub error_output: Option<&'a Value>,
    pub outside: &'a dyn Outside,
}

impl<'a> Scope<'a> {
    /// What a field sees that has neither a result nor an error output.
    pub fn new(input: &'a Value, outside: &'a dyn Outside) -> Scope<'a> {
        Scope {
            input,
            result: None,
            error_output: None,
            outside,
        }
    }
}

/// What an expression may ask for beyond the value it works on. Each is made only when asked.
pub trait Outside {
    /// `$$`, or `$states.context`.
    fn context(&self) -> Value;

    /// The value of `$name` on entry of the state; `None` if nothing was assigned.
    fn variable(&self, name: &str) -> Option<Value>;

    /// 64 uniform bits, others each time.
    fn random(&self) -> u64;

    /// Milliseconds since the epoch, the same throughout a decision.
    fn now_ms(&self) -> i64;
}

impl ValuePath {
    /// Compiles `$...` or `$$...`.
    pub fn parse(text: &str) -> Result<ValuePath, ValuePathError> {
        if let Some((name, _)) = text.split_once('(')
            && name.starts_with("States.")
        {
            let known = INTRINSIC_FUNCTIONS.contains(&name);
            return Err(ValuePathError::Intrinsic {
                name: name.into(),
                known,
            });
        }
        let not_a_path = || ValuePathError::NotAPath(text.into());
        let after = text.strip_prefix('$').ok_or_else(not_a_path)?;
        let (root, path) = match after.strip_prefix('$') {
            Some(_) => (Root::Context, after),
            None => (Root::Input, text),
        };
        let steps = path.strip_prefix('$').unwrap_or_default();
        let is_name = |char: char| char.is_alphanumeric() || char == '_';
        if root == Root::Input && steps.starts_with(is_name) {
            let name = steps
                .split(|char| !is_name(char))
                .next()
                .unwrap_or_default();
            return Err(ValuePathError::Variable(name.into()));
        }
        Ok(ValuePath {
            root,
            path: Path::parse(path)?,
            text: text.into(),
        })
    }

    /// The node the path names, or the array of the nodes an indefinite path leads to.
    pub fn select(&self, scope: &Scope<'_>) -> Result<Value, SelectError> {
        match self.root {
            Root::Input => self.path.select(scope.input),
            Root::Context => self.path.select(&scope.outside.context()),
        }
    }
}

/// A path or an intrinsic function: what may stand under a key that ends in `.$`.
#[derive(Clone, Debug)]
pub enum Reference {
    Path(ValuePath),
}

impl Reference {
    /// The value.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, SelectError> {
        match self {
            Reference::Path(path) => path.select(scope),
        }
    }

    /// As written.
    pub fn text(&self) -> &Text {
        match self {
            Reference::Path(path) => &path.text,
        }
    }
}

/// A compiled payload template.
#[derive(Clone, Debug)]
pub struct Template(Part);

#[derive(Clone, Debug)]
enum Part {
    /// Holds no path at all: shared with every result.
    Constant(Value),
    Path(Box<Field>),
    Object(Box<[(json::Text, Part)]>),
    Array(Box<[Part]>),
}

/// A member that is filled from a path.
#[derive(Clone, Debug)]
struct Field {
    /// The key as written: `k.$`.
    name: Text,
    path: ValuePath,
}

/// Something wrong with a template.
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
    /// `"k.$": 1` or `"k.$": "name"`. AWS: `The value for the field 'k.$' must be a valid JSONPath
    /// or a valid intrinsic function call`.
    NotAPath,
    /// `"k.$"` beside `"k"`
    Duplicate,
    /// `"k.$": "$name"`. Variables are not served yet.
    Variable { name: String },
    /// `"k.$": "States.Format(...)"`. Intrinsic functions are not served yet. `known`: the States
    /// Language has a function of that name.
    Intrinsic { name: String, known: bool },
}

/// A path of a template that leads nowhere. The message is AWS's.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "The JSONPath '{path}' specified for the field '{field}' could not be found in the input \
     '{input}'"
)]
pub struct TemplateFailure {
    /// The key as written: `k.$`.
    pub field: Text,
    /// The path as written.
    pub path: Text,
    /// What `$` stood for.
    pub input: Value,
    pub source: SelectError,
}

/// Marks the keys whose values are paths.
const SUFFIX: &str = ".$";

impl Template {
    /// Compiles a template, or tells everything that is wrong with it.
    pub fn compile(template: &Value) -> Result<Template, Vec<TemplateError>> {
        let mut compiler = Compiler::default();
        let part = compiler.part(template);
        if compiler.errors.is_empty() {
            Ok(Template(part))
        } else {
            Err(compiler.errors)
        }
    }

    /// Fills the template. Members keep their order; literals and selected nodes are shared.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, TemplateFailure> {
        Evaluation {
            scope,
            context: None,
        }
        .part(&self.0)
    }

    /// Whether its result is an object with this member, as far as can be told beforehand.
    pub(crate) fn has_member(&self, name: &str) -> bool {
        match &self.0 {
            Part::Constant(value) => value.get(name).is_some(),
            Part::Object(members) => members.iter().any(|(key, _)| *key == name),
            Part::Path(_) | Part::Array(_) => false,
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
            Part::Path(_) | Part::Array(_) => Vec::new(),
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
                    Part::Path(_) | Part::Array(_) | Part::Object(_) => None,
                }
            }
            Part::Path(_) | Part::Array(_) => None,
        }
    }
}

/// Templates nest no deeper than parsed JSON does (`json::DEPTH_MAX`), which bounds the recursion.
#[derive(Default)]
struct Compiler {
    pointer: String,
    /// At most one more than is ever shown.
    errors: Vec<TemplateError>,
}

impl Compiler {
    fn part(&mut self, value: &Value) -> Part {
        match value.view() {
            View::Object(object) => {
                let members = object.members().iter();
                let members = members.map(|(key, value)| self.member(object, key, value));
                let members: Box<[_]> = members.collect();
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
            View::Array(elements) => {
                let parts = elements.iter().enumerate();
                let parts =
                    parts.map(|(at, element)| self.at(&at.to_string(), |it| it.part(element)));
                let parts: Box<[_]> = parts.collect();
                let is_constant = parts.iter().all(|part| matches!(part, Part::Constant(_)));
                if is_constant {
                    Part::Constant(value.clone())
                } else {
                    Part::Array(parts)
                }
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
                (json::Text::from(name), it.path(key, value))
            }
        })
    }

    fn path(&mut self, key: &str, value: &Value) -> Part {
        let text = value.as_str().unwrap_or_default();
        let problem = match ValuePath::parse(text) {
            Ok(path) => {
                return Part::Path(Box::new(Field {
                    name: key.into(),
                    path,
                }));
            }
            Err(ValuePathError::Variable(name)) => TemplateProblem::Variable { name },
            Err(ValuePathError::Intrinsic { name, known }) => {
                TemplateProblem::Intrinsic { name, known }
            }
            Err(ValuePathError::NotAPath(_) | ValuePathError::Path(_)) => TemplateProblem::NotAPath,
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
    fn at<T>(&mut self, step: &str, work: impl FnOnce(&mut Compiler) -> T) -> T {
        let len = self.pointer.len();
        push_step(&mut self.pointer, step);
        let made = work(self);
        self.pointer.truncate(len);
        made
    }
}

/// Adds a step to a JSON pointer (RFC 6901).
pub(crate) fn push_step(pointer: &mut String, step: &str) {
    pointer.push('/');
    pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
}

struct Evaluation<'a> {
    scope: &'a Scope<'a>,
    /// Built for the first path that needs it.
    context: Option<Value>,
}

impl Evaluation<'_> {
    fn part(&mut self, part: &Part) -> Result<Value, TemplateFailure> {
        match part {
            Part::Constant(value) => Ok(value.clone()),
            Part::Path(field) => self.field(field),
            Part::Array(parts) => parts.iter().map(|part| self.part(part)).collect(),
            Part::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, part)| Ok((name.clone(), self.part(part)?)));
                Ok(members.collect::<Result<Object, _>>()?.into())
            }
        }
    }

    fn field(&mut self, field: &Field) -> Result<Value, TemplateFailure> {
        let Field { name, path } = field;
        let root = match path.root {
            Root::Input => self.scope.input,
            Root::Context => self
                .context
                .get_or_insert_with(|| self.scope.outside.context()),
        };
        path.path.select(root).map_err(|source| TemplateFailure {
            field: name.clone(),
            path: path.text.clone(),
            input: self.scope.input.clone(),
            source,
        })
    }
}

#[cfg(test)]
mod tests;
