//! Paths: steps in turn, each over what the one before yields.

use std::rc::Rc;

use json::{DEPTH_MAX, Text, Value, View};

use super::flow::{Flow, Gather};
use super::{Evaluation, Result, kept};
use crate::builder::ListBuilder;
use crate::error::Fault;
use crate::frame::Frame;
use crate::item::{Elements, Item, SEQUENCE};
use crate::program::{Action, Kind, Node, Path, Stage, Step};

impl Evaluation<'_> {
    pub(super) fn path(
        &self,
        path: &Path,
        keep_array: bool,
        input: &Item,
        frame: &Rc<Frame>,
    ) -> Result<Item> {
        if path.tuples_from.is_some() {
            return self.tuple_path(path, input, frame);
        }
        let flow = self.steps(path, &path.steps, input, frame)?;
        let keeps = path.keep_singleton || keep_array;
        if let Some(group) = &path.group {
            return self.group_flow(group, flow, frame);
        }
        Ok(match flow {
            Flow::Empty => Item::Undefined,
            Flow::One(item) if keeps => kept(item),
            Flow::One(item) => item,
            Flow::Whole(item) if path.keep_singleton && item.is_constructed() => kept(item),
            Flow::Whole(item) => item,
            Flow::Sequence(list) if keeps && list.items.len() == 1 => {
                kept(list.items.first().cloned().unwrap_or_default())
            }
            Flow::Sequence(list) => Item::List(list),
        })
    }

    /// Goes through steps that make no tuples, from the start of a path.
    pub(super) fn steps(
        &self,
        path: &Path,
        steps: &[Step],
        input: &Item,
        frame: &Rc<Frame>,
    ) -> Result<Flow> {
        let Some((first, rest)) = steps.split_first() else {
            return Ok(Flow::One(input.clone()));
        };
        let is_last = path.steps.len() == 1;
        let mut flow = self.first_step(first, is_last, input, frame)?;
        for (at, step) in rest.iter().enumerate() {
            if flow.is_empty() {
                break;
            }
            flow = self.step(step, at + 2 == path.steps.len(), &flow, frame)?;
        }
        Ok(flow)
    }

    fn first_step(
        &self,
        step: &Step,
        is_last: bool,
        input: &Item,
        frame: &Rc<Frame>,
    ) -> Result<Flow> {
        let is_absolute = matches!(
            &step.action,
            Action::Evaluate(Node { kind: Kind::Variable(_) | Kind::Context, .. })
        );
        let elements = match input.elements() {
            Some(elements) if !is_absolute => elements,
            _ => Elements::Items(std::slice::from_ref(input)),
        };
        match &step.action {
            Action::Evaluate(node) if step.is_whole => {
                let sequence = if input.is_array() && !is_absolute {
                    input.clone()
                } else {
                    Flow::One(input.clone()).into_item()
                };
                let array = self.evaluate(node, &sequence, frame)?;
                Ok(Flow::of(array).unwrap_or(Flow::Empty))
            }
            Action::Evaluate(node) => self.step_over(step, node, is_last, elements, frame),
            Action::Sort(_) => {
                let flow = match elements {
                    Elements::Items([_]) if !input.is_array() => Flow::One(input.clone()),
                    _ => Flow::Whole(input.clone()),
                };
                self.step(step, is_last, &flow, frame)
            }
        }
    }

    fn step(&self, step: &Step, is_last: bool, flow: &Flow, frame: &Rc<Frame>) -> Result<Flow> {
        match &step.action {
            Action::Evaluate(node) => {
                self.step_over(step, node, is_last, flow.elements(), frame)
            }
            Action::Sort(sort) => {
                let sorted = self.sorted(sort, flow, frame)?;
                self.filtered(&step.stages, sorted, frame)
            }
        }
    }

    fn step_over(
        &self,
        step: &Step,
        node: &Node,
        is_last: bool,
        elements: Elements<'_>,
        frame: &Rc<Frame>,
    ) -> Result<Flow> {
        let mut gather = Gather::new(self);
        match elements {
            Elements::Values(values) => {
                if let Kind::Name(name) = &node.kind
                    && node.tail.is_none()
                {
                    for value in values {
                        let found = self.name(name, node.keep_array, value)?;
                        self.gather(&mut gather, step, found, frame)?;
                    }
                } else {
                    for value in values {
                        let item = Item::Value(value.clone());
                        let found = self.evaluate(node, &item, frame)?;
                        self.gather(&mut gather, step, found, frame)?;
                    }
                }
            }
            Elements::Items(items) => {
                for item in items {
                    let found = self.evaluate(node, item, frame)?;
                    self.gather(&mut gather, step, found, frame)?;
                }
            }
        }
        gather.finish(is_last)
    }

    #[inline]
    fn gather(
        &self,
        gather: &mut Gather<'_>,
        step: &Step,
        found: Item,
        frame: &Rc<Frame>,
    ) -> Result<()> {
        if step.stages.is_empty() {
            return match Flow::of(found) {
                Some(flow) => gather.add(flow),
                None => Ok(()),
            };
        }
        // A filter looks at undefined, too.
        let flow = Flow::of(found).unwrap_or(Flow::One(Item::Undefined));
        gather.add(self.filtered(&step.stages, flow, frame)?)
    }

    pub(super) fn filtered(
        &self,
        stages: &[Stage],
        mut flow: Flow,
        frame: &Rc<Frame>,
    ) -> Result<Flow> {
        for stage in stages {
            if let Stage::Filter(filter) = stage {
                flow = self.filter(filter, &flow, frame)?;
            }
        }
        Ok(flow)
    }

    /// A field of a value, as an evaluated node.
    #[inline]
    fn name(&self, name: &Text, keep_array: bool, value: &Value) -> Result<Item> {
        self.enter()?;
        let found = match value.view() {
            View::Object(object) => object.get(name).map_or(Item::Undefined, |value| {
                Item::Value(value.clone())
            }),
            View::Array(_) => self.lookup_value(value, name)?,
            _ => Item::Undefined,
        };
        self.exit();
        match found {
            Item::List(list) => Ok(self.settle(list, keep_array)),
            found => Ok(found),
        }
    }

    /// A field of an object; of an array, that of all its elements.
    pub(crate) fn lookup(&self, input: &Item, name: &str) -> Result<Item> {
        match input {
            Item::Value(value) => self.lookup_value(value, name),
            Item::Object(object) => Ok(object.get(name).cloned().unwrap_or_default()),
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

    fn lookup_value(&self, value: &Value, name: &str) -> Result<Item> {
        match value.view() {
            View::Object(object) => Ok(object.get(name).cloned().map_or(Item::Undefined, Item::Value)),
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
                View::Object(object) => match object.get(name) {
                    Some(value) => match value.as_array() {
                        Some(values) => builder.extend(Elements::Values(values))?,
                        None => builder.push(Item::Value(value.clone()))?,
                    },
                    None => {}
                },
                View::Array(elements) => self.lookup_all(elements, name, builder)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether walks through the value may recurse.
pub(crate) fn check_depth(value: &Value) -> Result<()> {
    if value.depth() > DEPTH_MAX {
        return Err(Fault::too_deep());
    }
    Ok(())
}
