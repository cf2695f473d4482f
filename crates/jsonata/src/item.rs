//! What an evaluation works on: JSON values as they are, and what JSON has no form for.

use std::rc::Rc;

use json::{Kind, Text, Value};

use crate::function::Function;
use crate::ledger::{Ledger, bytes_freed_with};
use crate::tuple::{Tail, Tuple};

/// A value of the language. 16 bytes; a clone costs at most a reference count.
#[derive(Clone, Debug, Default)]
pub(crate) enum Item {
    #[default]
    Undefined,
    Value(Value),
    /// A number that was calculated; it gets its text when it leaves.
    Number(f64),
    /// An array in the making, or a sequence: the result of a path, which stands for its only item
    /// if it has just one.
    List(Rc<List>),
    /// An object that holds what JSON cannot.
    Object(Rc<Members>),
    Function(Rc<Function>),
    /// The stream of a path with `@`, `#` or `%`.
    Tuples(Rc<Vec<Tuple>>),
    /// A call that the caller of the function has yet to make.
    Tail(Rc<Tail>),
}

const _: () = assert!(size_of::<Item>() == 16);

/// Functions and what holds them nest at most this deep.
pub(crate) const OPAQUE_DEPTH_MAX: usize = 200;

/// An array of items.
#[derive(Debug, Default)]
pub(crate) struct List {
    pub(crate) items: Vec<Item>,
    pub(crate) flags: Flags,
    /// Levels of lists, objects and functions within, itself counted; 0 for a list of nothing but
    /// JSON values and numbers.
    pub(crate) depth: usize,
    /// JSON cannot hold it: there is a function or a number that is not finite within.
    pub(crate) is_opaque: bool,
    /// How many bytes were charged, and who is told when the list goes.
    pub(crate) charged: usize,
    pub(crate) ledger: Option<Ledger>,
}

impl List {
    /// A list of a single item, which is charged to nobody.
    pub(crate) fn of(item: Item, flags: Flags) -> List {
        List {
            is_opaque: item.is_opaque(),
            depth: item.depth_around(),
            items: vec![item],
            flags,
            charged: 0,
            ledger: None,
        }
    }
}

impl Drop for List {
    fn drop(&mut self) {
        if let Some(ledger) = self.ledger.take() {
            let parts: usize = self.items.iter().map(bytes_freed_with).sum();
            ledger.credit(parts + self.charged);
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// The list is a sequence.
    pub(crate) is_sequence: bool,
    /// A sequence that stays one even with a single item.
    pub(crate) keeps_singleton: bool,
    /// Made by an array constructor in a path: a step keeps it as one item.
    pub(crate) is_constructed: bool,
    /// Wraps an input document that is an array.
    pub(crate) is_wrapper: bool,
}

pub(crate) const SEQUENCE: Flags = Flags {
    is_sequence: true,
    keeps_singleton: false,
    is_constructed: false,
    is_wrapper: false,
};

pub(crate) const ARRAY: Flags = Flags {
    is_sequence: false,
    ..SEQUENCE
};

/// The members of an object that holds functions or numbers that are not finite.
#[derive(Debug)]
pub(crate) struct Members {
    pub(crate) members: Vec<(Text, Item)>,
    pub(crate) depth: usize,
}

/// The elements of an array, of whichever kind.
#[derive(Clone, Copy)]
pub(crate) enum Elements<'a> {
    Values(&'a [Value]),
    Items(&'a [Item]),
}

impl<'a> Elements<'a> {
    pub(crate) fn len(self) -> usize {
        match self {
            Elements::Values(values) => values.len(),
            Elements::Items(items) => items.len(),
        }
    }

    pub(crate) fn get(self, at: usize) -> Option<Item> {
        match self {
            Elements::Values(values) => values.get(at).cloned().map(Item::Value),
            Elements::Items(items) => items.get(at).cloned(),
        }
    }

    /// The members of an element that is a JSON object.
    pub(crate) fn members(self, at: usize) -> &'a [(Text, Value)] {
        let value = match self {
            Elements::Values(values) => values.get(at),
            Elements::Items(items) => items.get(at).and_then(Item::as_value),
        };
        let object = value.and_then(Value::as_object);
        object.map_or(&[], json::Object::members)
    }

    /// The elements as numbers; what is none is not a number.
    pub(crate) fn numbers(self) -> impl Iterator<Item = f64> + use<'a> {
        let number_at = move |at| match self {
            Elements::Values(values) => values.get(at).and_then(Value::as_f64),
            Elements::Items(items) => items.get(at).and_then(Item::as_number),
        };
        (0..self.len()).map(move |at| number_at(at).unwrap_or(f64::NAN))
    }

    pub(crate) fn iter(self) -> impl ExactSizeIterator<Item = Item> + use<'a> {
        (0..self.len()).map(move |at| self.get(at).unwrap_or_default())
    }
}

impl Item {
    pub(crate) fn null() -> Item {
        Item::Value(Value::null())
    }

    pub(crate) fn is_undefined(&self) -> bool {
        matches!(self, Item::Undefined)
    }

    pub(crate) fn is_array(&self) -> bool {
        match self {
            Item::Value(value) => value.kind() == Kind::Array,
            Item::List(_) => true,
            _ => false,
        }
    }

    pub(crate) fn elements(&self) -> Option<Elements<'_>> {
        match self {
            Item::Value(value) => value.as_array().map(Elements::Values),
            Item::List(list) => Some(Elements::Items(&list.items)),
            _ => None,
        }
    }

    pub(crate) fn as_value(&self) -> Option<&Value> {
        match self {
            Item::Value(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Item::Value(value) => value.as_str(),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Item::Number(number) => Some(*number),
            Item::Value(value) => value.as_f64(),
            _ => None,
        }
    }

    pub(crate) fn as_function(&self) -> Option<&Rc<Function>> {
        match self {
            Item::Function(function) => Some(function),
            _ => None,
        }
    }

    /// Whether it is an array that a step of a path keeps as one item.
    pub(crate) fn is_constructed(&self) -> bool {
        matches!(self, Item::List(list) if list.flags.is_constructed)
    }

    pub(crate) fn is_sequence(&self) -> bool {
        matches!(self, Item::List(list) if list.flags.is_sequence)
    }

    /// The document itself, if this is the wrapper around it.
    pub(crate) fn unwrapped(&self) -> Item {
        match self {
            Item::List(list) if list.flags.is_wrapper => {
                list.items.first().cloned().unwrap_or_default()
            }
            _ => self.clone(),
        }
    }

    /// Whether JSON cannot hold it.
    pub(crate) fn is_opaque(&self) -> bool {
        match self {
            Item::Undefined | Item::Value(_) => false,
            Item::Number(number) => !number.is_finite(),
            Item::List(list) => list.is_opaque,
            Item::Object(_) | Item::Function(_) | Item::Tuples(_) | Item::Tail(_) => true,
        }
    }

    /// Levels of lists, objects and functions that walks through the item go down.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Item::List(list) => list.depth,
            Item::Object(object) => object.depth,
            Item::Function(function) => function.depth(),
            Item::Tuples(_) | Item::Tail(_) => 1,
            Item::Undefined | Item::Value(_) | Item::Number(_) => 0,
        }
    }

    /// The depth of a list that holds it.
    pub(crate) fn depth_around(&self) -> usize {
        match self {
            Item::List(_) | Item::Object(_) | Item::Function(_) => self.depth() + 1,
            _ => 0,
        }
    }

    /// The members, if it is a JSON object.
    pub(crate) fn as_object(&self) -> Option<&json::Object> {
        match self {
            Item::Value(value) => value.as_object(),
            _ => None,
        }
    }
}

impl From<bool> for Item {
    fn from(value: bool) -> Item {
        Item::Value(value.into())
    }
}

impl From<String> for Item {
    fn from(text: String) -> Item {
        Item::Value(text.into())
    }
}

impl From<&str> for Item {
    fn from(text: &str) -> Item {
        Item::Value(text.into())
    }
}

impl From<f64> for Item {
    fn from(number: f64) -> Item {
        Item::Number(number)
    }
}

impl From<usize> for Item {
    fn from(count: usize) -> Item {
        // Counts of what fits in memory are exact as doubles.
        Item::Number(count as f64)
    }
}
