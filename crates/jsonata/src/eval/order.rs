//! `^(...)` and the merge sort of the reference, which compares the same pairs in the same order.

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::rc::Rc;

use super::flow::Flow;
use super::{Evaluation, Result};
use crate::error::Fault;
use crate::frame::Frame;
use crate::item::{ARRAY, Item};
use crate::program::{Sort, Term};
use crate::tuple::Tuple;

/// An item to be sorted, what it is evaluated in, and the values of the terms that were needed.
struct Sortable<T> {
    item: T,
    keys: Vec<OnceCell<Item>>,
}

impl<T> Sortable<T> {
    fn new(item: T, terms: usize) -> Sortable<T> {
        Sortable {
            item,
            keys: (0..terms).map(|_| OnceCell::new()).collect(),
        }
    }
}

impl Evaluation<'_> {
    /// A flow in the order of a clause; the same flow if there is nothing to order.
    pub(super) fn sorted(&self, sort: &Sort, flow: &Flow, frame: &Rc<Frame>) -> Result<Flow> {
        let elements = flow.elements();
        if elements.len() <= 1 {
            return Ok(elements.get(0).map_or(Flow::Empty, Flow::One));
        }
        let terms = sort.terms.len();
        self.meter.elements(0, elements.len().saturating_mul(1 + terms))?;
        let items = elements.iter().map(|item| Sortable::new(item, terms)).collect();
        let sorted = merge_sort(items, &mut |left: &Sortable<Item>, right: &Sortable<Item>| {
            self.is_after(sort, left, right, &|term: &Term, item: &Item| {
                self.evaluate(&term.expression, item, frame)
            })
        })?;
        self.meter.refund_elements(sorted.len().saturating_mul(1 + terms));
        let mut builder = self.list();
        for sortable in sorted {
            builder.push(sortable.item)?;
        }
        Ok(Flow::Whole(builder.finish(ARRAY)))
    }

    pub(super) fn sorted_tuples(
        &self,
        sort: &Sort,
        tuples: Vec<Tuple>,
        slots: usize,
        frame: &Rc<Frame>,
    ) -> Result<Vec<Tuple>> {
        let terms = sort.terms.len();
        self.meter.elements(0, tuples.len().saturating_mul(1 + terms))?;
        let items = tuples.into_iter().map(|tuple| Sortable::new(tuple, terms)).collect();
        let sorted = merge_sort(items, &mut |left: &Sortable<Tuple>, right: &Sortable<Tuple>| {
            self.is_after(sort, left, right, &|term: &Term, tuple: &Tuple| {
                let inner = Frame::of_tuple(frame, tuple.clone(), slots);
                self.evaluate(&term.expression, &tuple.context, &inner)
            })
        })?;
        Ok(sorted.into_iter().map(|sortable| sortable.item).collect())
    }

    /// Whether `left` belongs behind `right`.
    fn is_after<T>(
        &self,
        sort: &Sort,
        left: &Sortable<T>,
        right: &Sortable<T>,
        evaluate: &dyn Fn(&Term, &T) -> Result<Item>,
    ) -> Result<bool> {
        self.meter.step(1)?;
        for (at, term) in sort.terms.iter().enumerate() {
            let key = |sortable: &Sortable<T>| {
                let Some(cell) = sortable.keys.get(at) else {
                    return Ok(Item::Undefined);
                };
                if let Some(key) = cell.get() {
                    return Ok(key.clone());
                }
                let key = evaluate(term, &sortable.item)?;
                Ok::<Item, Fault>(cell.get_or_init(|| key).clone())
            };
            let (left, right) = (key(left)?, key(right)?);
            match self.term_order(sort.position, &left, &right)? {
                Ordering::Equal => {}
                // What is undefined comes last, whatever the direction.
                order if left.is_undefined() || right.is_undefined() => return Ok(order.is_gt()),
                order if term.descending => return Ok(order.is_lt()),
                order => return Ok(order.is_gt()),
            }
        }
        Ok(false)
    }

    fn term_order(&self, position: usize, left: &Item, right: &Item) -> Result<Ordering> {
        match (left.is_undefined(), right.is_undefined()) {
            (true, true) => return Ok(Ordering::Equal),
            (true, false) => return Ok(Ordering::Greater),
            (false, true) => return Ok(Ordering::Less),
            (false, false) => {}
        }
        let is_sortable = |item: &Item| item.as_str().is_some() || item.as_number().is_some();
        if !is_sortable(left) || !is_sortable(right) {
            return Err(Fault::new("T2008").with_position(position));
        }
        match self.compare(left, right)? {
            // What is not a number is after everything, in the reference.
            Some(order) => Ok(order.unwrap_or(Ordering::Greater)),
            None => {
                let values = [("value", self.shown(left)), ("value2", self.shown(right))];
                let inserts = values.each_ref().map(|(name, text)| (*name, text.as_str()));
                Err(Fault::filled("T2007", &inserts).with_position(position))
            }
        }
    }
}

/// Sorts stably; `is_after` says whether the first of two belongs behind the second.
pub(crate) fn merge_sort<T>(
    mut items: Vec<T>,
    is_after: &mut dyn FnMut(&T, &T) -> Result<bool>,
) -> Result<Vec<T>> {
    if items.len() <= 1 {
        return Ok(items);
    }
    let right = items.split_off(items.len() / 2);
    let mut left = merge_sort(items, is_after)?.into_iter().peekable();
    let mut right = merge_sort(right, is_after)?.into_iter().peekable();
    let mut merged = Vec::with_capacity(left.len() + right.len());
    while let (Some(first), Some(second)) = (left.peek(), right.peek()) {
        if is_after(first, second)? {
            merged.extend(right.next());
        } else {
            merged.extend(left.next());
        }
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}
