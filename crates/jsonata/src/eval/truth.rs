//! Truth: what counts as true.

use json::{Value, View};

use super::path::check_depth;
use super::{Evaluation, Result};
use crate::error::Fault;
use crate::item::Item;

impl Evaluation<'_> {
    /// Whether an item counts as true; undefined does not.
    ///
    /// # Errors
    /// D1001 for an infinite number; those of the meter.
    pub(crate) fn truth(&self, item: &Item) -> Result<bool> {
        match item {
            Item::Value(value) => self.truth_of_value(value),
            Item::Number(number) if number.is_infinite() => Err(Fault::of_value("D1001", "null")),
            Item::Number(number) => Ok(*number != 0.0 && !number.is_nan()),
            Item::List(list) => {
                for item in &list.items {
                    self.meter.step(1)?;
                    if self.truth(item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Item::Object(object) => Ok(!object.members.is_empty()),
            Item::Function(function) => Ok(!function.is_native()),
            Item::Tuples(tuples) => Ok(!tuples.is_empty()),
            Item::Undefined | Item::Tail(_) => Ok(false),
        }
    }

    /// Whether Javascript takes an item for true: arrays and objects always are.
    pub(crate) fn truth_in_javascript(&self, item: &Item) -> Result<bool> {
        Ok(match item {
            Item::Undefined => false,
            Item::Value(value) => match value.view() {
                View::Array(_) | View::Object(_) => true,
                _ => self.truth_of_value(value)?,
            },
            Item::Number(number) => *number != 0.0 && !number.is_nan(),
            _ => true,
        })
    }

    fn truth_of_value(&self, value: &Value) -> Result<bool> {
        match value.view() {
            View::Bool(truth) => Ok(truth),
            View::Null => Ok(false),
            View::String(text) => Ok(!text.is_empty()),
            View::Number(number) => self.truth(&Item::Number(number.as_f64())),
            View::Object(object) => Ok(!object.is_empty()),
            View::Array(elements) => {
                check_depth(value)?;
                for element in elements {
                    self.meter.step(1)?;
                    if self.truth_of_value(element)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}
