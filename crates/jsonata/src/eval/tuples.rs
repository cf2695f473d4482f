//! Paths whose steps bind variables (`@`, `#`) or keep parents (`%`): what flows is tuples.

use std::rc::Rc;

use super::filter::element_at;
use super::flow::Flow;
use super::group::Groups;
use super::{Evaluation, Result, kept};
use crate::frame::Frame;
use crate::item::{ARRAY, Elements, Item, SEQUENCE};
use crate::program::{Action, Filter, Group, Node, Path, Stage, Step, Tail};
use crate::tuple::Tuple;

/// What a tuple and a variable bound in it take, in elements of lists.
const TUPLE_ELEMENTS: usize = 5;

impl Evaluation<'_> {
    pub(super) fn tuple_path(&self, path: &Path, input: &Item, frame: &Rc<Frame>) -> Result<Item> {
        let from = path.tuples_from.unwrap_or(0);
        let (plain, binding) = path
            .steps
            .split_at_checked(from)
            .unwrap_or((&path.steps, &[]));
        let mut flow = if plain.is_empty() {
            self.start(path, input)
        } else {
            self.steps(path, plain, input, frame)?
        };
        if !plain.is_empty() && flow.is_empty() {
            return match &path.group {
                Some(group) => self.group_tuples(group, Vec::new(), path.tuple_slots, frame),
                None => Ok(Item::Undefined),
            };
        }
        let mut tuples = None;
        let mut made = 0;
        for (at, step) in binding.iter().enumerate() {
            if plain.is_empty()
                && at == 0
                && step.is_whole
                && let Action::Evaluate(node) = &step.action
            {
                let array = self.evaluate(node, &flow.into_item(), frame)?;
                flow = Flow::of(array).unwrap_or(Flow::Empty);
                continue;
            }
            let next = self.tuple_step(step, tuples, &flow, path.tuple_slots, frame)?;
            made += next.len();
            tuples = Some(self.tuple_stages(&step.stages, next, path.tuple_slots, frame)?);
        }
        let tuples = tuples.unwrap_or_else(|| flow.elements().iter().map(Tuple::of).collect());
        if path.is_tuple && path.group.is_none() {
            return Ok(Item::Tuples(Rc::new(tuples)));
        }
        let result = match &path.group {
            Some(group) => self.group_tuples(group, tuples, path.tuple_slots, frame),
            None => self.contexts(path, tuples),
        };
        self.meter.refund_elements(made * TUPLE_ELEMENTS);
        result
    }

    /// The context values of tuples: all that is left of them at the end of a path.
    fn contexts(&self, path: &Path, tuples: Vec<Tuple>) -> Result<Item> {
        let mut builder = self.list();
        for tuple in tuples {
            builder.push(tuple.context)?;
        }
        match builder.finish(SEQUENCE) {
            Item::List(list) if path.keep_singleton && list.items.len() == 1 => {
                Ok(kept(list.items.first().cloned().unwrap_or_default()))
            }
            list => Ok(list),
        }
    }

    fn start(&self, path: &Path, input: &Item) -> Flow {
        let first = path.steps.first().map(|step| &step.action);
        let is_absolute = matches!(first, Some(Action::Evaluate(node)) if node.is_variable());
        match input.is_array() && !is_absolute {
            true => Flow::Whole(input.clone()),
            false => Flow::One(input.clone()),
        }
    }

    fn tuple_step(
        &self,
        step: &Step,
        tuples: Option<Vec<Tuple>>,
        flow: &Flow,
        slots: usize,
        frame: &Rc<Frame>,
    ) -> Result<Vec<Tuple>> {
        Ok(match &step.action {
            Action::Sort(sort) => match tuples {
                Some(tuples) => self.sorted_tuples(sort, tuples, slots, frame)?,
                None => {
                    let inner = self.tuple_frame(frame, Tuple::default(), slots)?;
                    let sorted = self.sorted(sort, flow, &inner)?;
                    let number = |(at, item): (usize, Item)| {
                        let mut tuple = Tuple::of(item);
                        if let Some(label) = step.index {
                            tuple.bind(label, at.into());
                        }
                        tuple
                    };
                    sorted.elements().iter().enumerate().map(number).collect()
                }
            },
            Action::Evaluate(node) => {
                let tuples = match tuples {
                    Some(tuples) => tuples,
                    None => flow.elements().iter().map(Tuple::of).collect(),
                };
                let mut result = Vec::new();
                for tuple in &tuples {
                    self.extend_tuples(step, node, tuple, slots, frame, &mut result)?;
                }
                result
            }
        })
    }

    /// Adds the tuples that a step makes of one.
    fn extend_tuples(
        &self,
        step: &Step,
        node: &Node,
        tuple: &Tuple,
        slots: usize,
        frame: &Rc<Frame>,
        result: &mut Vec<Tuple>,
    ) -> Result<()> {
        let inner = self.tuple_frame(frame, tuple.clone(), slots)?;
        let found = self.evaluate(node, &tuple.context, &inner)?;
        if let Item::Tuples(found) = found {
            for other in found.iter() {
                self.meter.elements(result.len(), TUPLE_ELEMENTS)?;
                let mut next = tuple.clone();
                next.assign(other);
                result.push(next);
            }
            return Ok(());
        }
        if found.is_undefined() {
            return Ok(());
        }
        for (at, item) in super::operator::items_of(&found).iter().enumerate() {
            self.meter.elements(result.len(), TUPLE_ELEMENTS)?;
            let mut next = tuple.clone();
            match step.focus {
                Some(label) => next.bind(label, item),
                None => next.context = item,
            }
            if let Some(label) = step.index {
                next.bind(label, at.into());
            }
            if let Some(label) = step.ancestor {
                next.bind(label, tuple.context.clone());
            }
            result.push(next);
        }
        Ok(())
    }

    fn tuple_stages(
        &self,
        stages: &[Stage],
        mut tuples: Vec<Tuple>,
        slots: usize,
        frame: &Rc<Frame>,
    ) -> Result<Vec<Tuple>> {
        for stage in stages {
            match stage {
                Stage::Filter(filter) => {
                    tuples = self.filter_tuples(filter, tuples, slots, frame)?;
                }
                Stage::Index(label) => {
                    for (at, tuple) in tuples.iter_mut().enumerate() {
                        tuple.bind(*label, at.into());
                    }
                }
            }
        }
        Ok(tuples)
    }

    fn filter_tuples(
        &self,
        filter: &Filter,
        tuples: Vec<Tuple>,
        slots: usize,
        frame: &Rc<Frame>,
    ) -> Result<Vec<Tuple>> {
        let len = tuples.len();
        let mut result = Vec::new();
        match filter {
            Filter::At(number) => {
                // Only to have the position counted as everywhere.
                let positions: Vec<Item> = (0..len).map(Item::from).collect();
                let found = element_at(Elements::Items(&positions), *number);
                let at = found.and_then(|item| item.as_number());
                let at = at.map(crate::text::numbers::count_of);
                result.extend(at.and_then(|at| tuples.into_iter().nth(at)));
            }
            Filter::Predicate(predicate) => {
                for (at, tuple) in tuples.into_iter().enumerate() {
                    let inner = self.tuple_frame(frame, tuple.clone(), slots)?;
                    let verdict = self.evaluate(predicate, &tuple.context, &inner)?;
                    let count = self.selections(&verdict, at, len)?;
                    for _ in 1..count {
                        self.meter.elements(result.len(), TUPLE_ELEMENTS)?;
                        result.push(tuple.clone());
                    }
                    if count > 0 {
                        result.push(tuple);
                    }
                }
            }
        }
        Ok(result)
    }

    /// The filters and the grouping behind a block whose value is tuples.
    pub(super) fn tuple_tail(&self, tail: &Tail, result: Item, frame: &Rc<Frame>) -> Result<Item> {
        let (is_tuple, mut tuples) = match result {
            Item::Tuples(tuples) => (true, Rc::unwrap_or_clone(tuples)),
            item => {
                let flow = Flow::of(item).unwrap_or(Flow::Empty);
                (false, flow.elements().iter().map(Tuple::of).collect())
            }
        };
        for filter in &tail.filters {
            tuples = self.filter_tuples(filter, tuples, tail.tuple_slots, frame)?;
        }
        match &tail.group {
            Some(group) => self.group_tuples(group, tuples, tail.tuple_slots, frame),
            None if is_tuple => Ok(Item::Tuples(Rc::new(tuples))),
            None => {
                let mut builder = self.list();
                for tuple in tuples {
                    builder.push(tuple.context)?;
                }
                Ok(builder.finish(SEQUENCE))
            }
        }
    }

    fn group_tuples(
        &self,
        group: &Group,
        mut tuples: Vec<Tuple>,
        slots: usize,
        frame: &Rc<Frame>,
    ) -> Result<Item> {
        if tuples.is_empty() {
            tuples.push(Tuple::default());
        }
        let mut groups = Groups::new();
        for tuple in tuples {
            let inner = self.tuple_frame(frame, tuple.clone(), slots)?;
            for (at, pair) in group.pairs.iter().enumerate() {
                let key = self.key(pair, group.position, &tuple.context, &inner)?;
                if let Some(key) = key {
                    groups.add((key, at), tuple.clone(), group.position, self.meter)?;
                }
            }
        }
        let mut members = Vec::with_capacity(groups.entries.len());
        for entry in groups.entries {
            let tuple = self.merged(entry.items)?;
            let context = tuple.context.clone();
            let inner = self.tuple_frame(frame, tuple, slots)?;
            if let Some(pair) = group.pairs.get(entry.pair) {
                let value = self.evaluate(&pair.value, &context, &inner)?;
                if !value.is_undefined() {
                    members.push((entry.key, value));
                }
            }
        }
        self.meter.refund_elements(groups.charged);
        self.object_of(members)
    }

    /// The tuples of a group as one: each of its parts has the parts of all of them appended.
    fn merged(&self, mut tuples: Vec<Tuple>) -> Result<Tuple> {
        if tuples.len() == 1 {
            return Ok(tuples.pop().unwrap_or_default());
        }
        let contexts = tuples.iter().map(|tuple| tuple.context.clone());
        let mut merged = Tuple::of(self.appended(contexts)?);
        let mut labels: Vec<usize> = tuples.iter().flat_map(Tuple::labels).collect();
        labels.sort_unstable();
        labels.dedup();
        for label in labels {
            let items = tuples.iter().filter_map(|tuple| tuple.get(label).cloned());
            merged.bind(label, self.appended(items)?);
        }
        Ok(merged)
    }

    fn appended(&self, items: impl Iterator<Item = Item>) -> Result<Item> {
        let items: Vec<Item> = items.filter(|item| !item.is_undefined()).collect();
        if items.len() < 2 {
            return Ok(items.into_iter().next().unwrap_or_default());
        }
        let mut builder = self.list();
        for item in items {
            match item.elements() {
                Some(elements) => builder.extend(elements)?,
                None => builder.push(item)?,
            }
        }
        Ok(builder.finish(ARRAY))
    }
}
