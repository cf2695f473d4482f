//! Equality of whatever two items hold.

use json::{Value, View};

use super::{Evaluation, Result};
use crate::item::Item;

impl Evaluation<'_> {
    /// Deep equality; objects whatever the order of their members, numbers as doubles.
    pub(crate) fn equal(&self, left: &Item, right: &Item) -> Result<bool> {
        self.meter.step(1)?;
        match (left, right) {
            (Item::Value(left), Item::Value(right)) => return self.equal_values(left, right),
            (Item::Function(left), Item::Function(right)) => {
                return Ok(std::rc::Rc::ptr_eq(left, right));
            }
            _ => {}
        }
        if let (Some(left), Some(right)) = (left.as_number(), right.as_number()) {
            return Ok(left == right);
        }
        if let (Some(left), Some(right)) = (left.elements(), right.elements()) {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (left, right) in left.iter().zip(right.iter()) {
                if !self.equal(&left, &right)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        if let (Item::Object(left), Item::Object(right)) = (left, right) {
            if left.members.len() != right.members.len() {
                return Ok(false);
            }
            for (name, item) in &left.members {
                match self.member(right, name)? {
                    Some(other) if self.equal(item, other)? => {}
                    _ => return Ok(false),
                }
            }
            return Ok(true);
        }
        Ok(false)
    }

    pub(crate) fn equal_values(&self, left: &Value, right: &Value) -> Result<bool> {
        let mut pending = Vec::new();
        let mut next = Some((left, right));
        while let Some((left, right)) = next {
            self.meter.step(1)?;
            if !left.ptr_eq(right) && !self.equal_but_for_parts(left, right, &mut pending)? {
                return Ok(false);
            }
            next = pending.pop();
        }
        Ok(true)
    }

    fn equal_but_for_parts<'a>(
        &self,
        left: &'a Value,
        right: &'a Value,
        pending: &mut Vec<(&'a Value, &'a Value)>,
    ) -> Result<bool> {
        Ok(match (left.view(), right.view()) {
            (View::Null, View::Null) => true,
            (View::Bool(left), View::Bool(right)) => left == right,
            (View::Number(left), View::Number(right)) => left.as_f64() == right.as_f64(),
            (View::String(left), View::String(right)) => {
                self.meter.step(left.len().min(right.len()) as u64 / 64)?;
                left == right
            }
            (View::Array(left), View::Array(right)) => {
                if left.len() == right.len() {
                    self.meter.step(left.len() as u64)?;
                    pending.extend(left.iter().zip(right).rev());
                }
                left.len() == right.len()
            }
            (View::Object(left), View::Object(right)) => {
                if left.len() != right.len() {
                    return Ok(false);
                }
                self.meter.step(left.len() as u64)?;
                for (name, value) in left {
                    match right.get(name) {
                        Some(other) => pending.push((value, other)),
                        None => return Ok(false),
                    }
                }
                true
            }
            _ => false,
        })
    }

    /// Whether both are the same scalar or the same container.
    pub(crate) fn same(&self, left: &Item, right: &Item) -> Result<bool> {
        self.meter.step(1)?;
        Ok(match (left, right) {
            (Item::List(left), Item::List(right)) => std::rc::Rc::ptr_eq(left, right),
            (Item::Object(left), Item::Object(right)) => std::rc::Rc::ptr_eq(left, right),
            (Item::Function(left), Item::Function(right)) => std::rc::Rc::ptr_eq(left, right),
            (Item::Value(left), Item::Value(right)) => match (left.view(), right.view()) {
                (View::Array(_) | View::Object(_), _) => left.ptr_eq(right),
                _ => self.equal_values(left, right)?,
            },
            _ => match (left.as_number(), right.as_number()) {
                (Some(left), Some(right)) => left == right,
                _ => false,
            },
        })
    }
}
