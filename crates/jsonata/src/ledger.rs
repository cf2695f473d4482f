//! What is alive: whoever owns something that was charged gives it back when it goes.

use std::cell::Cell;
use std::rc::Rc;

use json::{Value, View};

use crate::item::Item;
use crate::meter::Meter;

/// What a list in the making takes besides its elements.
pub(crate) const LIST_BYTES: usize = 128;

/// What an array takes besides its elements.
pub(crate) const ARRAY_BYTES: usize = 96;

/// What an object takes, and each of its members.
pub(crate) const OBJECT_BYTES: usize = 128;
pub(crate) const MEMBER_BYTES: usize = 40;

/// Bytes that were freed and that the meter has not been told of yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Rc<Cell<usize>>);

impl Ledger {
    #[inline]
    pub(crate) fn credit(&self, bytes: usize) {
        self.0.set(self.0.get().saturating_add(bytes));
    }

    /// Tells the meter.
    #[inline]
    pub(crate) fn settle(&self, meter: &Meter) {
        if self.0.get() > 0 {
            meter.refund(self.0.take());
        }
    }
}

/// Bytes that were charged for something, given back with it.
#[derive(Debug)]
pub(crate) struct Charge {
    bytes: usize,
    ledger: Ledger,
}

impl Charge {
    pub(crate) fn new(bytes: usize, ledger: &Ledger) -> Charge {
        Charge {
            bytes,
            ledger: ledger.clone(),
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.ledger.credit(self.bytes);
    }
}

/// What goes with a handle: never more than was charged for it. (Parts of a value that go with it
/// are not counted; that would be a walk.)
#[inline]
pub(crate) fn bytes_freed_with(item: &Item) -> usize {
    match item {
        Item::Value(value) if value.is_only_handle() => node_bytes(value),
        _ => 0,
    }
}

fn node_bytes(value: &Value) -> usize {
    match value.view() {
        View::String(text) => text.len(),
        View::Array(elements) => ARRAY_BYTES + size_of_val(elements),
        View::Object(object) => OBJECT_BYTES + MEMBER_BYTES * object.len(),
        _ => 0,
    }
}
