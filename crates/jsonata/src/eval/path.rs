//! Paths: steps in turn, each over what the one before yields.

use std::rc::Rc;

use json::{DEPTH_MAX, Value};

use super::flow::{Flow, Gather};
use super::{Evaluation, Result, kept};
use crate::error::Fault;
use crate::frame::Frame;
use crate::item::{Elements, Item};
use crate::program::{Action, Kind, Node, Path, Stage, Step};

impl Evaluation<'_> {
    pub(super) fn path(
        &self,
        path: &Path,
        keep_array: bool,
        input: &Item,
        frame: &Rc<Frame>,
    ) -> Result<Item> {
        if path.is_plain
            && let Some(result) = self.fields(path, input, frame)
        {
            return result;
        }
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
        let last = path.steps.len();
        let mut at = 0;
        let mut flow = Flow::Empty;
        if let Item::Value(value) = input {
            (at, flow) = self.walk(steps, value, last)?;
        }
        if at == 0 {
            let Some(first) = steps.first() else {
                return Ok(Flow::One(input.clone()));
            };
            flow = self.first_step(first, last == 1, input, frame)?;
            at = 1;
        }
        while let Some(rest) = steps.get(at..)
            && let Some(step) = rest.first()
            && !flow.is_empty()
        {
            let mut gone = 0;
            if let Flow::One(Item::Value(value)) = &flow {
                let value = value.clone();
                let walked;
                (gone, walked) = self.walk(rest, &value, last - at)?;
                if gone > 0 {
                    flow = walked;
                }
            }
            if gone == 0 {
                flow = self.step(step, at + 1 == last, &flow, frame)?;
                gone = 1;
            }
            at += gone;
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
            Action::Evaluate(Node {
                kind: Kind::Variable(_) | Kind::Context,
                ..
            })
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
            Action::Evaluate(node) => self.step_over(step, node, is_last, flow.elements(), frame),
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
        if let Some(name) = step.plain_name() {
            return self.names(name, node.keep_array, is_last, elements);
        }
        let mut gather = Gather::new(self);
        match elements {
            Elements::Values(values) => {
                for value in values {
                    let item = Item::Value(value.clone());
                    let found = self.evaluate(node, &item, frame)?;
                    self.gather(&mut gather, step, found, frame)?;
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

    fn filtered(&self, stages: &[Stage], mut flow: Flow, frame: &Rc<Frame>) -> Result<Flow> {
        for stage in stages {
            if let Stage::Filter(filter) = stage {
                flow = self.filter(filter, &flow, frame)?;
            }
        }
        Ok(flow)
    }
}

/// Whether walks through the value may recurse.
pub(crate) fn check_depth(value: &Value) -> Result<()> {
    if value.depth() > DEPTH_MAX {
        return Err(Fault::too_deep());
    }
    Ok(())
}
