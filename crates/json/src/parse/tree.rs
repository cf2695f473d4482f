//! The sink that builds the value.

use super::{RawString, Sink, Span};
use crate::{Number, Object, Text, Value, escape};

/// Values and names of the containers not yet closed lie on two stacks; a container takes its
/// share when it closes, in a list of exactly its length.
#[derive(Default)]
pub(crate) struct Tree {
    values: Vec<Value>,
    keys: Vec<Text>,
    /// Where the share of each open container begins, on `values`.
    starts: Vec<usize>,
}

impl Tree {
    /// The value of the whole text, once it is read.
    pub(crate) fn finish(mut self) -> Value {
        self.values.pop().unwrap_or_default()
    }

    fn close(&mut self) -> std::vec::Drain<'_, Value> {
        let start = self.starts.pop().unwrap_or_default();
        self.values.drain(start..)
    }
}

/// The text of a string, decoded if need be.
pub(crate) fn text_of(string: RawString<'_>) -> Text {
    if string.has_escapes {
        Text::with_quoted_len(escape::decode(string.text), string.quoted_len)
    } else {
        Text::with_quoted_len(string.text, string.quoted_len)
    }
}

impl<'t> Sink<'t> for Tree {
    fn null(&mut self, _: Span) {
        self.values.push(Value::null());
    }

    fn bool(&mut self, value: bool, _: Span) {
        self.values.push(Value::from_bool(value));
    }

    fn number(&mut self, text: &'t str, _: Span) {
        self.values.push(Number::trusted(text).into());
    }

    fn string(&mut self, string: RawString<'t>, _: Span) {
        self.values.push(text_of(string).into());
    }

    fn open_array(&mut self, _: usize) {
        self.starts.push(self.values.len());
    }

    fn close_array(&mut self, _: usize) {
        let array = self.close().collect();
        self.values.push(array);
    }

    fn open_object(&mut self, _: usize) {
        self.starts.push(self.values.len());
    }

    fn key(&mut self, key: RawString<'t>, _: Span) {
        self.keys.push(text_of(key));
    }

    fn close_object(&mut self, _: usize) {
        let start = self.starts.pop().unwrap_or_default();
        let values = self.values.drain(start..);
        let keys = self
            .keys
            .drain(self.keys.len().saturating_sub(values.len())..);
        let object = Object::from_members(keys.zip(values).collect());
        self.values.push(object.into());
    }
}
