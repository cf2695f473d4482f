//! From items to JSON values: what leaves the evaluation, and what is put into an object or an
//! array.

use std::rc::Rc;

use json::{Object, ObjectBuilder, Text, Value};

use super::{Evaluation, Result};
use crate::Outcome;
use crate::error::Fault;
use crate::item::{ARRAY, Item, List, Members, OPAQUE_DEPTH_MAX};
use crate::ledger::{ARRAY_BYTES, MEMBER_BYTES, OBJECT_BYTES};
use crate::text::numbers::{integer_of, number_of, text_of};

/// Beyond this, not every integer is a double of its own.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// A calculated number as JSON; what is not finite becomes text, as on AWS.
pub(crate) fn value_of(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < EXACT_MAX {
        return Value::from(integer_of(number));
    }
    number_of(number).map_or_else(|| Value::from(text_of(number)), Value::from)
}

impl Evaluation<'_> {
    pub(super) fn leave_with(&self, item: Item) -> Result<Outcome> {
        if item.is_undefined() {
            return Ok(Outcome::Undefined);
        }
        let value = self.value(item)?;
        Ok(value.map_or(Outcome::Function, Outcome::Value))
    }

    /// The item as JSON; `None` if it is a function or holds one. Undefined becomes null.
    pub(crate) fn value(&self, item: Item) -> Result<Option<Value>> {
        Ok(match item {
            Item::Value(value) => Some(value),
            Item::Number(number) => Some(value_of(number)),
            Item::Undefined => Some(Value::null()),
            Item::List(list) => self.array_value(list)?,
            Item::Object(object) => {
                let mut builder = ObjectBuilder::with_capacity(object.members.len());
                for (name, item) in &object.members {
                    match self.value(item.clone())? {
                        Some(value) => builder.add(name, value),
                        None => return Ok(None),
                    };
                }
                self.make_object(object.members.len())?;
                Some(builder.build().into())
            }
            Item::Tuples(tuples) => {
                self.meter.elements(0, tuples.len())?;
                let contexts = tuples.iter().map(|tuple| self.value(tuple.context.clone()));
                let values: Result<Option<Vec<Value>>> = contexts.collect();
                values?.map(Value::from)
            }
            Item::Function(_) | Item::Tail(_) => None,
        })
    }

    fn array_value(&self, list: Rc<List>) -> Result<Option<Value>> {
        let len = list.items.len();
        self.make_array(len)?;
        let mut values = Vec::with_capacity(len);
        match Rc::try_unwrap(list) {
            Ok(mut list) => {
                for item in std::mem::take(&mut list.items) {
                    match self.value(item)? {
                        Some(value) => values.push(value),
                        None => return Ok(None),
                    }
                }
            }
            Err(list) => {
                for item in &list.items {
                    match self.value(item.clone())? {
                        Some(value) => values.push(value),
                        None => return Ok(None),
                    }
                }
            }
        }
        Ok(Some(values.into()))
    }

    /// The item as JSON, functions in it as empty text: how the reference writes them.
    pub(crate) fn value_without_functions(&self, item: &Item) -> Result<Value> {
        if !item.is_opaque() {
            let value = self.value(item.clone())?;
            return Ok(value.unwrap_or_default());
        }
        Ok(match item {
            Item::List(list) => {
                self.make_array(list.items.len())?;
                let items = list.items.iter();
                let values: Result<Vec<Value>> = items
                    .map(|item| self.value_without_functions(item))
                    .collect();
                values?.into()
            }
            Item::Object(object) => {
                self.make_object(object.members.len())?;
                let mut builder = ObjectBuilder::with_capacity(object.members.len());
                for (name, item) in &object.members {
                    builder.add(name, self.value_without_functions(item)?);
                }
                builder.build().into()
            }
            Item::Number(_) => return Err(Fault::of_value("D1001", "null")),
            _ => "".into(),
        })
    }

    /// An item as an element of an array: a list becomes a JSON array if that says as much.
    pub(crate) fn nested(&self, item: Item) -> Result<Item> {
        match item {
            Item::List(list) if list.flags == ARRAY && !list.is_opaque => {
                Ok(self.array_value(list)?.map_or(Item::Undefined, Item::Value))
            }
            item => Ok(item),
        }
    }

    /// An object of members with different names.
    pub(crate) fn object_of(&self, members: Vec<(Text, Item)>) -> Result<Item> {
        self.make_object(members.len())?;
        if members.iter().any(|(_, item)| item.is_opaque()) {
            let depths = members.iter().map(|(_, item)| item.depth());
            let depth = depths.max().unwrap_or(0) + 1;
            if depth > OPAQUE_DEPTH_MAX {
                return Err(Fault::too_deep());
            }
            return Ok(Item::Object(Rc::new(Members { members, depth })));
        }
        let mut values = ObjectBuilder::with_capacity(members.len());
        for (name, item) in members {
            values.add(name, self.value(item)?.unwrap_or_default());
        }
        Ok(object(values.build()))
    }

    /// Takes what an array of so many elements costs.
    pub(crate) fn make_array(&self, elements: usize) -> Result<()> {
        self.ledger.settle(self.meter);
        self.meter.make(ARRAY_BYTES)?;
        Ok(self.meter.elements(0, elements)?)
    }

    /// Takes what an object of so many members costs.
    pub(crate) fn make_object(&self, members: usize) -> Result<()> {
        self.ledger.settle(self.meter);
        self.meter.step(members as u64)?;
        let bytes = members
            .saturating_mul(MEMBER_BYTES)
            .saturating_add(OBJECT_BYTES);
        Ok(self.meter.make(bytes)?)
    }

    /// An item as messages show it.
    pub(crate) fn shown(&self, item: &Item) -> String {
        match item {
            Item::Undefined | Item::Function(_) => "undefined".to_owned(),
            Item::Number(number) if !number.is_finite() => "null".to_owned(),
            item => match self.value_without_functions(item) {
                Ok(value) => crate::error::insert(&value),
                Err(_) => "...".to_owned(),
            },
        }
    }
}

pub(crate) fn object(object: Object) -> Item {
    Item::Value(object.into())
}
