//! Fields: the steps that paths are mostly made of.

use json::{Text, Value, View};

use super::flow::{Flow, Gather};
use super::path::check_depth;
use super::{Evaluation, Result};
use crate::builder::ListBuilder;
use crate::frame::Frame;
use crate::item::{Elements, Item, Members, SEQUENCE};
use crate::program::{Action, Kind, Node, Path, Step};

impl Evaluation<'_> {
    /// The value of a path of nothing but fields, unless there is an array on the way.
    #[inline]
    pub(super) fn fields(&self, path: &Path, input: &Item, frame: &Frame) -> Option<Result<Item>> {
        let (first, rest) = path.steps.split_first()?;
        if let Err(fault) = self.enter_many(path.steps.len()) {
            return Some(Err(fault));
        }
        let Action::Evaluate(node) = &first.action else {
            return None;
        };
        match &node.kind {
            Kind::Variable(variable) => {
                self.with_variable(variable, frame, |item| fields_of(item, rest))?
            }
            Kind::Context => fields_of(input, rest),
            _ => fields_of(input, &path.steps),
        }
    }

    /// The value of a path of nothing but fields of a variable that is bound to this item, unless
    /// there is an array on the way.
    pub(super) fn fields_from(&self, node: &Node, item: &Item) -> Option<Result<Item>> {
        let Kind::Path(path) = &node.kind else {
            return None;
        };
        let (_, rest) = path.steps.split_first().filter(|_| path.is_plain)?;
        let field = fields_of(item, rest)?;
        let entered = self.enter().and_then(|()| {
            self.enter_many(path.steps.len())?;
            self.exit();
            Ok(())
        });
        Some(entered.and(field))
    }

    /// Goes down through fields of objects, which needs no list. Returns how many steps that
    /// were, and where they lead. `left`: how many steps the path has from there.
    pub(super) fn walk(&self, steps: &[Step], from: &Value, left: usize) -> Result<(usize, Flow)> {
        let mut value = from;
        let mut gone = 0;
        for step in steps {
            let (Some(name), View::Object(object)) = (step.plain_name(), value.view()) else {
                break;
            };
            gone += 1;
            match object.get_named(name) {
                Some(found) => value = found,
                None => {
                    self.enter_many(gone)?;
                    return Ok((gone, Flow::Empty));
                }
            }
        }
        if gone == 0 {
            return Ok((0, Flow::Empty));
        }
        self.enter_many(gone)?;
        Ok((gone, self.found(value, gone == left)))
    }

    /// A field as the result of a step over a single item.
    fn found(&self, value: &Value, is_last: bool) -> Flow {
        match value.as_array() {
            Some([]) if !is_last => Flow::Empty,
            Some(_) => Flow::Whole(Item::Value(value.clone())),
            None => Flow::One(Item::Value(value.clone())),
        }
    }

    /// The same field of each element: the step that paths are mostly made of.
    pub(super) fn names(
        &self,
        name: &Text,
        keep_array: bool,
        is_last: bool,
        elements: Elements<'_>,
    ) -> Result<Flow> {
        self.enter()?;
        self.exit();
        match elements {
            Elements::Values(values) => {
                self.names_of(name, keep_array, is_last, values.iter().map(Ok))
            }
            Elements::Items(items) => {
                let parts = items.iter().map(|item| match item {
                    Item::Value(value) => Ok(value),
                    item => Err(item),
                });
                self.names_of(name, keep_array, is_last, parts)
            }
        }
    }

    /// `Err` stands for an item that is no JSON value.
    fn names_of<'v>(
        &self,
        name: &Text,
        keep_array: bool,
        is_last: bool,
        parts: impl Iterator<Item = std::result::Result<&'v Value, &'v Item>>,
    ) -> Result<Flow> {
        let mut count = 0;
        let mut gather = Gather::new(self);
        // Nothing is collected while there is only one.
        let mut only = None;
        for part in parts {
            count += 1;
            let found = match part {
                Ok(value) => match value.view() {
                    View::Object(object) => match object.get_named(name) {
                        Some(found) if only.is_none() && gather.is_empty() => {
                            only = Some(found);
                            continue;
                        }
                        Some(found) => Ok(found),
                        None => continue,
                    },
                    View::Array(_) => Err(self.lookup_value(value, name)?),
                    _ => continue,
                },
                Err(item) => Err(self.lookup(item, name)?),
            };
            if let Some(value) = only.take() {
                gather.add_value(value)?;
            }
            match found {
                Ok(value) => gather.add_value(value)?,
                Err(Item::List(list)) => {
                    let found = self.settle(list, keep_array);
                    Flow::of(found).map_or(Ok(()), |flow| gather.add(flow))?;
                }
                Err(item) => Flow::of(item).map_or(Ok(()), |flow| gather.add(flow))?,
            }
        }
        self.meter.step(count)?;
        match only {
            Some(value) => Ok(self.found(value, is_last)),
            None => gather.finish(is_last),
        }
    }

    /// A field of an object; of an array, that of all its elements.
    pub(crate) fn lookup(&self, input: &Item, name: &str) -> Result<Item> {
        match input {
            Item::Value(value) => self.lookup_value(value, name),
            Item::Object(object) => Ok(self.member(object, name)?.cloned().unwrap_or_default()),
            Item::List(list) => {
                let mut builder = self.list();
                for item in &list.items {
                    self.meter.step(1)?;
                    builder.append(self.lookup(item, name)?)?;
                }
                Ok(builder.finish(SEQUENCE))
            }
            _ => Ok(Item::Undefined),
        }
    }

    /// A member of an object that JSON cannot hold. Those have no index.
    pub(super) fn member<'o>(&self, object: &'o Members, name: &str) -> Result<Option<&'o Item>> {
        self.meter.step(object.members.len() as u64 / 8)?;
        let found = object.members.iter().find(|(other, _)| *other == name);
        Ok(found.map(|(_, item)| item))
    }

    fn lookup_value(&self, value: &Value, name: &str) -> Result<Item> {
        match value.view() {
            View::Object(object) => Ok(object
                .get(name)
                .cloned()
                .map_or(Item::Undefined, Item::Value)),
            View::Array(elements) => {
                check_depth(value)?;
                let mut builder = self.list();
                self.lookup_all(elements, name, &mut builder)?;
                Ok(builder.finish(SEQUENCE))
            }
            _ => Ok(Item::Undefined),
        }
    }

    fn lookup_all(
        &self,
        elements: &[Value],
        name: &str,
        builder: &mut ListBuilder<'_>,
    ) -> Result<()> {
        for element in elements {
            self.meter.step(1)?;
            match element.view() {
                View::Object(object) => {
                    let found = object.get(name);
                    match (found, found.and_then(Value::as_array)) {
                        (_, Some(values)) => builder.extend(Elements::Values(values))?,
                        (Some(value), None) => builder.push(Item::Value(value.clone()))?,
                        (None, None) => {}
                    }
                }
                View::Array(elements) => self.lookup_all(elements, name, builder)?,
                _ => {}
            }
        }
        Ok(())
    }
}

#[inline]
fn fields_of(item: &Item, steps: &[Step]) -> Option<Result<Item>> {
    let Item::Value(value) = item else {
        return None;
    };
    let mut value = value;
    for step in steps {
        match value.view() {
            View::Object(object) => match object.get_named(step.plain_name()?) {
                Some(found) => value = found,
                None => return Some(Ok(Item::Undefined)),
            },
            View::Array(_) => return None,
            _ => return Some(Ok(Item::Undefined)),
        }
    }
    Some(Ok(Item::Value(value.clone())))
}
