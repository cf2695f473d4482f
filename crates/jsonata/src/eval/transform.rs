//! `|pattern|update,delete|`: a function that changes what the pattern finds within a copy.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use json::{Object, ObjectBuilder, Value, View};

use super::path::check_depth;
use super::{Evaluation, Result};
use crate::error::Fault;
use crate::frame::Frame;
use crate::function::{Function, Transformer};
use crate::item::Item;
use crate::program::{Node, Transform};

/// A copy in which no node is shared, so that each has an address of its own, and what has become
/// of its objects.
struct Copy {
    root: Value,
    /// The container around each container.
    parents: BTreeMap<usize, usize>,
    changed: BTreeMap<usize, Object>,
    /// What contains something changed, or is changed.
    stale: BTreeSet<usize>,
}

impl Evaluation<'_> {
    pub(super) fn transformer(&self, transform: &Arc<Transform>, frame: &Rc<Frame>) -> Item {
        Item::Function(Rc::new(Function::Transformer(Transformer {
            transform: Arc::clone(transform),
            frame: Rc::clone(frame),
        })))
    }

    /// # Errors
    /// T0410 if the subject is neither object nor array; T2011, T2012, T2013.
    pub(super) fn transform(&self, transformer: &Transformer, subject: Item) -> Result<Item> {
        let Transformer { transform, frame } = transformer;
        if subject.is_undefined() {
            return Ok(Item::Undefined);
        }
        let is_container = subject.is_array() || matches!(subject, Item::Object(_));
        if !is_container && subject.as_object().is_none() {
            return Err(Fault::filled("T0410", &[("index", "1")]));
        }
        let subject = match self.variable(&transform.clone, frame) {
            Item::Function(clone) => self.apply_to_items(&clone, &mut vec![subject])?,
            _ => return Err(Fault::at("T2013", transform.position)),
        };
        let subject = self.value_without_functions(&subject)?;
        check_depth(&subject)?;
        let mut copy = Copy {
            root: Value::null(),
            parents: BTreeMap::new(),
            changed: BTreeMap::new(),
            stale: BTreeSet::new(),
        };
        copy.root = self.copied(&subject, &mut copy.parents)?;
        let root = Item::Value(copy.root.clone());
        let matches = self.evaluate(&transform.pattern, &root, frame)?;
        if !matches.is_undefined() {
            for found in super::operator::items_of(&matches).iter() {
                self.change(transform, &found, &mut copy, frame)?;
            }
        }
        Ok(Item::Value(self.current(&copy, &copy.root)?))
    }

    /// A copy of a value, container by container. (Values nest deep, so no level may take much
    /// stack.)
    fn copied(&self, value: &Value, parents: &mut BTreeMap<usize, usize>) -> Result<Value> {
        let mut parts = Vec::new();
        let copy: Value = match value.view() {
            View::Object(object) => {
                self.make_object(object.len())?;
                let mut builder = ObjectBuilder::with_capacity(object.len());
                for (name, value) in object.members() {
                    let value = self.copied(value, parents)?;
                    parts.extend(container(&value));
                    builder.add(name, value);
                }
                builder.build().into()
            }
            View::Array(elements) => {
                self.make_array(elements.len())?;
                let mut values = Vec::with_capacity(elements.len());
                for value in elements {
                    let value = self.copied(value, parents)?;
                    parts.extend(container(&value));
                    values.push(value);
                }
                values.into()
            }
            _ => return Ok(value.clone()),
        };
        if let Some(address) = container(&copy) {
            self.meter.elements(0, parts.len())?;
            for part in parts {
                parents.insert(part, address);
            }
        }
        Ok(copy)
    }

    /// Makes the changes to one thing the pattern found.
    fn change(
        &self,
        transform: &Transform,
        found: &Item,
        copy: &mut Copy,
        frame: &Rc<Frame>,
    ) -> Result<()> {
        let context = self.as_it_is(found, copy)?;
        let update = self.evaluate(&transform.update, &context, frame)?;
        let mut members = copy.members(found);
        if !update.is_undefined() {
            let Some(update) = self.update_members(&update)? else {
                let fault = Fault::of_value("T2011", &self.shown(&update));
                return Err(fault.with_known_position(transform.update.position));
            };
            if let Some(members) = &mut members {
                for (name, value) in update.members() {
                    self.meter.step(1)?;
                    members.insert(name, value.clone());
                }
            }
        }
        if let Some(members) = members {
            self.make_object(members.len())?;
            copy.set(found, members);
        }
        match &transform.delete {
            Some(delete) => self.delete(delete, found, copy, frame),
            None => Ok(()),
        }
    }

    /// Removes members from one thing the pattern found; sees it updated.
    fn delete(
        &self,
        delete: &Node,
        found: &Item,
        copy: &mut Copy,
        frame: &Rc<Frame>,
    ) -> Result<()> {
        let context = self.as_it_is(found, copy)?;
        let names = self.evaluate(delete, &context, frame)?;
        if names.is_undefined() {
            return Ok(());
        }
        let mut members = copy.members(found);
        for name in super::operator::items_of(&names).iter() {
            let Some(name) = name.as_str() else {
                let fault = Fault::of_value("T2012", &self.shown(&names));
                return Err(fault.with_known_position(delete.position));
            };
            if let Some(members) = &mut members {
                self.make_object(members.len())?;
                *members = members.without(name);
            }
        }
        if let Some(members) = members {
            copy.set(found, members);
        }
        Ok(())
    }

    fn as_it_is(&self, found: &Item, copy: &Copy) -> Result<Item> {
        match found {
            Item::Value(value) => Ok(Item::Value(self.current(copy, value)?)),
            found => Ok(found.clone()),
        }
    }

    fn update_members(&self, update: &Item) -> Result<Option<Object>> {
        let value = match update {
            Item::Value(value) => value.clone(),
            Item::Object(_) => self.value_without_functions(update)?,
            _ => return Ok(None),
        };
        Ok(value.as_object().cloned())
    }

    /// A value of the copy as it is now.
    fn current(&self, copy: &Copy, value: &Value) -> Result<Value> {
        let Some(address) = container(value).filter(|address| copy.stale.contains(address)) else {
            return Ok(value.clone());
        };
        self.meter.step(1)?;
        if let View::Array(elements) = value.view() {
            self.make_array(elements.len())?;
            let mut values = Vec::with_capacity(elements.len());
            for value in elements {
                values.push(self.current(copy, value)?);
            }
            return Ok(values.into());
        }
        let object = copy.changed.get(&address).or(value.as_object());
        let members = object.map_or(&[][..], Object::members);
        self.make_object(members.len())?;
        let mut builder = ObjectBuilder::with_capacity(members.len());
        for (name, value) in members {
            builder.add(name, self.current(copy, value)?);
        }
        Ok(builder.build().into())
    }
}

impl Copy {
    /// The members of an object of the copy, changed or not. Their values are those of the copy;
    /// what became of them is looked up when they are needed.
    fn members(&self, found: &Item) -> Option<Object> {
        let Item::Value(value) = found else {
            return None;
        };
        let changed = self.changed.get(&container(value)?);
        changed.or(value.as_object()).cloned()
    }

    /// Changes an object. (Nothing that is not part of the copy ever changes.)
    fn set(&mut self, found: &Item, members: Object) {
        let Some(address) = found.as_value().and_then(container) else {
            return;
        };
        if Some(address) != container(&self.root) && !self.parents.contains_key(&address) {
            return;
        }
        self.changed.insert(address, members);
        let mut next = Some(address);
        while let Some(address) = next.filter(|address| self.stale.insert(*address)) {
            next = self.parents.get(&address).copied();
        }
    }
}

/// The address of an array or object.
fn container(value: &Value) -> Option<usize> {
    match value.view() {
        View::Array(_) | View::Object(_) => value.address(),
        _ => None,
    }
}
