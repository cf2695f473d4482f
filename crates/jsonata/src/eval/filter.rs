//! Filters: positions and predicates.

use std::rc::Rc;

use super::flow::Flow;
use super::{Evaluation, Result};
use crate::error::Fault;
use crate::frame::Frame;
use crate::item::{Elements, Item, SEQUENCE};
use crate::program::{Filter, Node, Tail};
use crate::text::numbers::count_of;

impl Evaluation<'_> {
    /// The filters and the grouping behind a node that is no path.
    pub(super) fn tail(
        &self,
        tail: &Tail,
        is_tuple: bool,
        mut result: Item,
        frame: &Rc<Frame>,
    ) -> Result<Item> {
        if is_tuple {
            return self.tuple_tail(tail, result, frame);
        }
        for filter in &tail.filters {
            let flow = Flow::of(result).unwrap_or(Flow::One(Item::Undefined));
            result = self.filter(filter, &flow, frame)?.into_item();
        }
        match &tail.group {
            Some(group) => self.group_flow(group, Flow::of(result).unwrap_or(Flow::Empty), frame),
            None => Ok(result),
        }
    }

    /// What of a flow passes a filter.
    pub(super) fn filter(&self, filter: &Filter, flow: &Flow, frame: &Rc<Frame>) -> Result<Flow> {
        match filter {
            Filter::At(position) => Ok(match element_at(flow.elements(), *position) {
                None | Some(Item::Undefined) => Flow::Empty,
                Some(item) if item.is_array() => match item {
                    Item::List(list) if list.flags.is_sequence => Flow::Sequence(list),
                    item => Flow::Whole(item),
                },
                Some(item) => Flow::One(item),
            }),
            Filter::Predicate(predicate) => self.matching(predicate, flow.elements(), frame),
        }
    }

    fn matching(
        &self,
        predicate: &Node,
        elements: Elements<'_>,
        frame: &Rc<Frame>,
    ) -> Result<Flow> {
        let len = elements.len();
        let mut found = Flow::Empty;
        let mut builder = None;
        let mut add = |item: Item| {
            match (&mut builder, &found) {
                (None, Flow::Empty) => found = Flow::One(item),
                (None, _) => {
                    let mut list = self.list();
                    if let Flow::One(first) = std::mem::replace(&mut found, Flow::Empty) {
                        list.push(first)?;
                    }
                    list.push(item)?;
                    builder = Some(list);
                }
                (Some(list), _) => list.push(item)?,
            }
            Ok::<(), Fault>(())
        };
        for (at, item) in elements.iter().enumerate() {
            let verdict = self.evaluate(predicate, &item, frame)?;
            let count = self.selections(&verdict, at, len)?;
            if !item.is_undefined() {
                (0..count).try_for_each(|_| add(item.clone()))?;
            }
        }
        Ok(match builder {
            Some(list) => Flow::Sequence(list.finish_list(SEQUENCE)),
            None => found,
        })
    }

    /// How many times the value of a predicate selects the item at a position.
    pub(super) fn selections(&self, verdict: &Item, at: usize, len: usize) -> Result<usize> {
        let is_here = |number: f64| position_of(number, len) == Some(at);
        if let Some(number) = self.numeric(verdict)? {
            return Ok(usize::from(is_here(number)));
        }
        let Some(elements) = verdict.elements() else {
            return Ok(usize::from(self.truth(verdict)?));
        };
        let mut count = 0;
        for element in elements.iter() {
            self.meter.step(1)?;
            match self.numeric(&element)? {
                Some(number) => count += usize::from(is_here(number)),
                None => return Ok(usize::from(self.truth(verdict)?)),
            }
        }
        Ok(count)
    }

    /// The number, if it is one that counts as such.
    ///
    /// # Errors
    /// D1001 if it is infinite.
    #[inline]
    pub(crate) fn numeric(&self, item: &Item) -> Result<Option<f64>> {
        match item.as_number() {
            Some(number) if number.is_finite() => Ok(Some(number)),
            Some(number) if number.is_infinite() => Err(Fault::of_value("D1001", "null")),
            _ => Ok(None),
        }
    }
}

/// The position a number means in an array: rounded down, from the end if it is negative.
fn position_of(number: f64, len: usize) -> Option<usize> {
    let position = number.floor();
    let position = if position < 0.0 {
        len as f64 + position
    } else {
        position
    };
    (position >= 0.0).then(|| count_of(position))
}

pub(super) fn element_at(elements: Elements<'_>, number: f64) -> Option<Item> {
    elements.get(position_of(number, elements.len())?)
}
