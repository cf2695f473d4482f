//! The value itself: 16 bytes, shared by reference count, looked at through [`View`].

use std::fmt;
use std::sync::Arc;

use crate::lazy::Lazy;
use crate::node::ArrayNode;
use crate::text::{self, Long, Short};
use crate::write;
use crate::{Number, Object, Text};

/// A JSON value. A clone is a copy of 16 bytes and at most one reference count.
///
/// Equality is that of JSON: numbers by their numeric value (`0 == 0.0`), objects whatever the
/// order of members. `Debug` and `Display` write the compact text.
#[derive(Clone, Default)]
pub struct Value(pub(crate) Repr);

#[derive(Clone, Default)]
pub(crate) enum Repr {
    #[default]
    Null,
    Bool(bool),
    Number(Number),
    Short(Short),
    Long(Arc<Long>),
    Array(Arc<ArrayNode>),
    Object(Object),
    Lazy(Arc<Lazy>),
}

// Arrays of values are walked all the time; the size is worth a check.
const _: () = assert!(size_of::<Value>() == 16);

/// What a value is, borrowed.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    Null,
    Bool(bool),
    Number(&'a Number),
    String(&'a str),
    Array(&'a [Value]),
    Object(&'a Object),
}

/// The six kinds of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl Value {
    /// `null`.
    pub const fn null() -> Value {
        Value(Repr::Null)
    }

    /// `true` or `false`.
    pub const fn from_bool(value: bool) -> Value {
        Value(Repr::Bool(value))
    }

    /// `{}`.
    pub fn empty_object() -> Value {
        Object::new().into()
    }

    /// `[]`.
    pub fn empty_array() -> Value {
        Vec::new().into()
    }

    /// What the value is. The first look at a lazy value parses its text.
    #[inline]
    pub fn view(&self) -> View<'_> {
        match &self.0 {
            Repr::Null => View::Null,
            Repr::Bool(value) => View::Bool(*value),
            Repr::Number(number) => View::Number(number),
            Repr::Short(short) => View::String(short.as_str()),
            Repr::Long(long) => View::String(long.as_str()),
            Repr::Array(node) => View::Array(&node.elements),
            Repr::Object(object) => View::Object(object),
            Repr::Lazy(lazy) => lazy.tree().view(),
        }
    }

    /// The kind of value; parses nothing.
    #[inline]
    pub fn kind(&self) -> Kind {
        match &self.0 {
            Repr::Null => Kind::Null,
            Repr::Bool(_) => Kind::Bool,
            Repr::Number(_) => Kind::Number,
            Repr::Short(_) | Repr::Long(_) => Kind::String,
            Repr::Array(_) => Kind::Array,
            Repr::Object(_) => Kind::Object,
            Repr::Lazy(lazy) => lazy.kind(),
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.0, Repr::Null)
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Repr::Bool(value) = self.0 {
            Some(value)
        } else {
            None
        }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<&Number> {
        if let Repr::Number(number) = &self.0 {
            Some(number)
        } else {
            None
        }
    }

    /// The number, if it is an integer in range, however written (`1.0`, `1e3`).
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(Number::as_i64)
    }

    /// The nearest double, if it is a number.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number().map(Number::as_f64)
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Repr::Short(short) => Some(short.as_str()),
            Repr::Long(long) => Some(long.as_str()),
            _ => None,
        }
    }

    /// The string as shared text, if it is one; copies no long text.
    pub fn to_shared_text(&self) -> Option<Text> {
        match &self.0 {
            Repr::Short(short) => Some(Text(text::Repr::Short(*short))),
            Repr::Long(long) => Some(Text(text::Repr::Long(Arc::clone(long)))),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    #[inline]
    pub fn as_array(&self) -> Option<&[Value]> {
        match &self.0 {
            Repr::Array(node) => Some(&node.elements),
            Repr::Lazy(lazy) => lazy.tree().as_array(),
            _ => None,
        }
    }

    /// The members, if it is an object.
    #[inline]
    pub fn as_object(&self) -> Option<&Object> {
        match &self.0 {
            Repr::Object(object) => Some(object),
            Repr::Lazy(lazy) => lazy.tree().as_object(),
            _ => None,
        }
    }

    /// The value of the member `key`, if it is an object that has one.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object().and_then(|object| object.get(key))
    }

    /// The element at `at`, if it is an array that has one.
    pub fn index(&self, at: usize) -> Option<&Value> {
        self.as_array().and_then(|elements| elements.get(at))
    }

    /// The length in bytes of the compact text; O(1), exact. (A value that holds another many
    /// times over by sharing can be larger than any memory: check the size before you write it.)
    #[inline]
    pub fn size(&self) -> usize {
        match &self.0 {
            Repr::Null => 4,
            Repr::Bool(value) => 5 - usize::from(*value),
            Repr::Number(number) => number.text_len(),
            Repr::Short(short) => short.quoted_len(),
            Repr::Long(long) => long.quoted_len(),
            Repr::Array(node) => node.size,
            Repr::Object(object) => object.0.size,
            Repr::Lazy(lazy) => lazy.size(),
        }
    }

    /// How deep containers nest: 0 for a scalar, 1 for `[]`, 2 for `{"a":[]}`; O(1). Texts
    /// deeper than [`DEPTH_MAX`](crate::DEPTH_MAX) cannot be parsed again.
    pub fn depth(&self) -> usize {
        match &self.0 {
            Repr::Array(node) => node.depth,
            Repr::Object(object) => object.0.depth,
            Repr::Lazy(lazy) => lazy.depth(),
            _ => 0,
        }
    }

    /// Appends the compact text.
    pub fn write_to(&self, out: &mut String) {
        write::write(self, out);
    }

    /// The compact text.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write_to(&mut text);
        text
    }

    /// The text of a value that was read lazily, if that text is compact already. An encoder may
    /// keep it as it is; it parses nothing.
    #[inline]
    pub fn as_compact_text(&self) -> Option<&Arc<str>> {
        if let Repr::Lazy(lazy) = &self.0 {
            lazy.compact_text()
        } else {
            None
        }
    }

    /// Whether the value was read lazily and nobody has looked inside: what it holds is shared
    /// with nothing yet.
    #[inline]
    pub fn is_unread(&self) -> bool {
        matches!(&self.0, Repr::Lazy(lazy) if lazy.is_unread())
    }

    /// Whether both are the same node in memory, or scalars without a node and of the same text.
    /// O(1). Values that are `ptr_eq` are equal and have the same text; the converse need not hold.
    #[inline]
    pub fn ptr_eq(&self, other: &Value) -> bool {
        match (&self.0, &other.0) {
            (Repr::Null, Repr::Null) => true,
            (Repr::Bool(left), Repr::Bool(right)) => left == right,
            (Repr::Number(left), Repr::Number(right)) => left.0.ptr_eq(&right.0),
            (Repr::Short(left), Repr::Short(right)) => left == right,
            (Repr::Long(left), Repr::Long(right)) => Arc::ptr_eq(left, right),
            (Repr::Array(left), Repr::Array(right)) => Arc::ptr_eq(left, right),
            (Repr::Object(left), Repr::Object(right)) => left.ptr_eq(right),
            (Repr::Lazy(left), Repr::Lazy(right)) => Arc::ptr_eq(left, right),
            _ => false,
        }
    }

    /// The address of the node, if the value has one: a key for tables of nodes already seen. It
    /// names this node as long as a clone of the value is kept. Equal addresses mean `ptr_eq`.
    pub fn address(&self) -> Option<usize> {
        match &self.0 {
            Repr::Long(long) => Some(Arc::as_ptr(long).addr()),
            Repr::Array(node) => Some(Arc::as_ptr(node).addr()),
            Repr::Object(object) => Some(Arc::as_ptr(&object.0).addr()),
            Repr::Lazy(lazy) => Some(Arc::as_ptr(lazy).addr()),
            Repr::Number(number) => number.0.address(),
            Repr::Null | Repr::Bool(_) | Repr::Short(_) => None,
        }
    }

    /// Whether this is the only handle to a node, so that the node goes with it. Who counts what
    /// is alive asks before dropping a value.
    #[inline]
    pub fn is_only_handle(&self) -> bool {
        match &self.0 {
            Repr::Long(long) => Arc::strong_count(long) == 1,
            Repr::Array(node) => Arc::strong_count(node) == 1,
            Repr::Object(object) => Arc::strong_count(&object.0) == 1,
            Repr::Lazy(lazy) => Arc::strong_count(lazy) == 1,
            Repr::Null | Repr::Bool(_) | Repr::Number(_) | Repr::Short(_) => false,
        }
    }

    /// The object with one member set: in its place if it is there, else appended. If this is no
    /// object, an object of that one member. Shares all other values.
    #[must_use]
    pub fn with_member(&self, key: &str, value: Value) -> Value {
        match self.as_object() {
            Some(object) => object.with(key, value).into(),
            None => Object::from_iter([(key, value)]).into(),
        }
    }

    /// The array with one element replaced; `None` if this is no array or has no such element.
    /// Shares all other elements.
    pub fn with_element(&self, at: usize, value: Value) -> Option<Value> {
        let mut elements = self.as_array()?.to_vec();
        *elements.get_mut(at)? = value;
        Some(elements.into())
    }

    /// The elements, without a copy if this is the only handle to the array; otherwise, and if
    /// it is no array, `Err` gives the value back.
    pub fn into_elements(self) -> Result<Vec<Value>, Value> {
        match self.0 {
            Repr::Array(node) => match Arc::try_unwrap(node) {
                Ok(mut node) => Ok(std::mem::take(&mut node.elements)),
                Err(shared) => Err(Value(Repr::Array(shared))),
            },
            other => Err(Value(other)),
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        let mut pending = Vec::new();
        let mut next = Some((self, other));
        while let Some((left, right)) = next {
            if !left.ptr_eq(right) && !equal_but_for_parts(left, right, &mut pending) {
                return false;
            }
            next = pending.pop();
        }
        true
    }
}

/// Compares everything but the values within, which it adds to `pending`.
fn equal_but_for_parts<'a>(
    left: &'a Value,
    right: &'a Value,
    pending: &mut Vec<(&'a Value, &'a Value)>,
) -> bool {
    match (left.view(), right.view()) {
        (View::Null, View::Null) => true,
        (View::Bool(left), View::Bool(right)) => left == right,
        (View::Number(left), View::Number(right)) => left == right,
        (View::String(left), View::String(right)) => left == right,
        (View::Array(left), View::Array(right)) => {
            pending.extend(left.iter().zip(right));
            left.len() == right.len()
        }
        (View::Object(left), View::Object(right)) => {
            left.len() == right.len() && pair_members(left, right, pending)
        }
        _ => false,
    }
}

fn pair_members<'a>(
    left: &'a Object,
    right: &'a Object,
    pending: &mut Vec<(&'a Value, &'a Value)>,
) -> bool {
    left.members()
        .iter()
        .zip(right.members())
        .all(|((key, value), (other_key, other))| {
            // Members mostly come in the same order; only otherwise is a search needed.
            let partner = if key == other_key {
                Some(other)
            } else {
                right.get(key)
            };
            pending.extend(partner.map(|partner| (value, partner)));
            partner.is_some()
        })
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_text())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_text())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::from_bool(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Value {
        Number::from_i64(i64::from(value)).into()
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Number::from_i64(value).into()
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Value {
        Number::from_u64(value).into()
    }
}

/// Infinities and NaN become `null`, as in ECMAScript.
impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Number::from_f64(value).map_or(Value::null(), Value::from)
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Value {
        Value(Repr::Number(number))
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Value {
        match text.0 {
            text::Repr::Short(short) => Value(Repr::Short(short)),
            text::Repr::Long(long) => Value(Repr::Long(long)),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Text::from(text).into()
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Text::from(text).into()
    }
}

impl From<Vec<Value>> for Value {
    fn from(elements: Vec<Value>) -> Value {
        Value(Repr::Array(Arc::new(ArrayNode::new(elements))))
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Value {
        Value(Repr::Object(object))
    }
}

/// `None` becomes `null`.
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::null(), Into::into)
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(elements: I) -> Value {
        Value::from(Vec::from_iter(elements))
    }
}

#[cfg(test)]
mod tests;
