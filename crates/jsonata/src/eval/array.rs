//! Array constructors.

use std::rc::Rc;

use super::{Evaluation, Result};
use crate::frame::Frame;
use crate::item::{ARRAY, Flags, Item};
use crate::program::{Array, Kind};

impl Evaluation<'_> {
    pub(super) fn array(&self, array: &Array, input: &Item, frame: &Rc<Frame>) -> Result<Item> {
        let mut builder = self.list();
        for node in &array.items {
            let item = self.evaluate(node, input, frame)?;
            match (&node.kind, item) {
                (_, Item::Undefined) => {}
                // An array within stays an array, what else yields one is flattened.
                (Kind::Array(_), item) => builder.push(self.nested(item)?)?,
                (_, item) => builder.append(item)?,
            }
        }
        Ok(builder.finish(Flags {
            is_constructed: array.is_constructed,
            ..ARRAY
        }))
    }
}
