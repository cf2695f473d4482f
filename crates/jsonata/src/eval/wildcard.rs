//! `*` and `**`.

use json::{Value, View};

use super::path::check_depth;
use super::{Evaluation, Result};
use crate::builder::ListBuilder;
use crate::item::{ARRAY, Item, SEQUENCE};

impl Evaluation<'_> {
    /// All fields. Once there is an array among them the result is no sequence any more.
    pub(super) fn wildcard(&self, input: &Item) -> Result<Item> {
        let mut builder = self.list();
        let mut flags = SEQUENCE;
        let mut add = |item: Item| {
            if item.is_array() {
                flags = ARRAY;
                self.flatten(&item, &mut builder)
            } else {
                builder.push(item)
            }
        };
        match input.unwrapped() {
            Item::Value(value) => match value.view() {
                View::Object(object) => {
                    for value in object.values() {
                        add(Item::Value(value.clone()))?;
                    }
                }
                View::Array(elements) => {
                    for value in elements {
                        add(Item::Value(value.clone()))?;
                    }
                }
                _ => {}
            },
            Item::List(list) => list.items.iter().try_for_each(|item| add(item.clone()))?,
            Item::Object(object) => {
                for (_, item) in &object.members {
                    add(item.clone())?;
                }
            }
            _ => {}
        }
        Ok(builder.finish(flags))
    }

    /// Adds what is in an array and the arrays within it.
    fn flatten(&self, item: &Item, builder: &mut ListBuilder<'_>) -> Result<()> {
        if let Item::Value(value) = item {
            check_depth(value)?;
        }
        let Some(elements) = item.elements() else {
            return builder.push(item.clone());
        };
        for element in elements.iter() {
            self.meter.step(1)?;
            self.flatten(&element, builder)?;
        }
        Ok(())
    }

    /// The item and all that is in it, but no arrays.
    pub(super) fn descendants(&self, input: &Item) -> Result<Item> {
        if input.is_undefined() {
            return Ok(Item::Undefined);
        }
        let mut builder = self.list();
        self.descend(input, &mut builder)?;
        match builder.len() {
            1 => Ok(builder.into_only_item()),
            _ => Ok(builder.finish(SEQUENCE)),
        }
    }

    fn descend(&self, item: &Item, builder: &mut ListBuilder<'_>) -> Result<()> {
        match item {
            Item::Value(value) => {
                check_depth(value)?;
                self.descend_value(value, builder)
            }
            Item::List(list) => {
                for item in &list.items {
                    self.meter.step(1)?;
                    self.descend(item, builder)?;
                }
                Ok(())
            }
            Item::Object(object) => {
                builder.push(item.clone())?;
                for (_, item) in &object.members {
                    self.descend(item, builder)?;
                }
                Ok(())
            }
            _ => builder.push(item.clone()),
        }
    }

    fn descend_value(&self, value: &Value, builder: &mut ListBuilder<'_>) -> Result<()> {
        match value.view() {
            View::Array(elements) => {
                for element in elements {
                    self.meter.step(1)?;
                    self.descend_value(element, builder)?;
                }
                Ok(())
            }
            View::Object(object) => {
                builder.push(Item::Value(value.clone()))?;
                for value in object.values() {
                    self.descend_value(value, builder)?;
                }
                Ok(())
            }
            _ => builder.push(Item::Value(value.clone())),
        }
    }
}
