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

/// An item to be sorted, and the values of the terms that were needed, the first one apart: most
/// clauses have no other.
struct Sortable<T> {
    item: T,
    first: OnceCell<Item>,
    rest: Vec<OnceCell<Item>>,
}

impl<T> Sortable<T> {
    fn new(item: T, terms: usize) -> Sortable<T> {
        Sortable {
            item,
            first: OnceCell::new(),
            rest: (1..terms).map(|_| OnceCell::new()).collect(),
        }
    }

    fn key(&self, term: usize) -> &OnceCell<Item> {
        let rest = term.checked_sub(1).and_then(|at| self.rest.get(at));
        rest.unwrap_or(&self.first)
    }
}

impl Evaluation<'_> {
    /// A flow in the order of a clause; the same flow if there is nothing to order.
    pub(super) fn sorted(&self, sort: &Sort, flow: &Flow, frame: &Rc<Frame>) -> Result<Flow> {
        let elements = flow.elements();
        if elements.len() <= 1 {
            return Ok(elements.get(0).map_or(Flow::Empty, Flow::One));
        }
        let order = self.order(sort, elements.iter(), &|term: &Term, item: &Item| {
            self.evaluate(&term.expression, item, frame)
        })?;
        let mut builder = self.list();
        for item in order {
            builder.push(item)?;
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
        self.order(sort, tuples.into_iter(), &|term: &Term, tuple: &Tuple| {
            let inner = self.tuple_frame(frame, tuple.clone(), slots)?;
            self.evaluate(&term.expression, &tuple.context, &inner)
        })
    }

    fn order<T: Clone>(
        &self,
        sort: &Sort,
        items: impl ExactSizeIterator<Item = T>,
        evaluate: &dyn Fn(&Term, &T) -> Result<Item>,
    ) -> Result<Vec<T>> {
        let terms = sort.terms.len();
        let charged = items.len().saturating_mul(2 + terms);
        self.meter.elements(0, charged)?;
        let items: Vec<Sortable<T>> = items.map(|item| Sortable::new(item, terms)).collect();
        let order = merge_sort(items.len(), &mut |left, right| match (
            items.get(left),
            items.get(right),
        ) {
            (Some(left), Some(right)) => self.is_after(sort, left, right, evaluate),
            _ => Ok(false),
        })?;
        self.meter.refund_elements(charged);
        let sorted = order
            .into_iter()
            .filter_map(|at| Some(items.get(at)?.item.clone()));
        Ok(sorted.collect())
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
            let evaluated = |sortable: &Sortable<T>| {
                if sortable.key(at).get().is_none() {
                    let key = evaluate(term, &sortable.item)?;
                    // Its text is read once for all comparisons.
                    let key = key.as_number().map_or(key, Item::Number);
                    sortable.key(at).get_or_init(|| key);
                }
                Ok::<(), Fault>(())
            };
            evaluated(left)?;
            evaluated(right)?;
            let (Some(left), Some(right)) = (left.key(at).get(), right.key(at).get()) else {
                continue;
            };
            match self.term_order(sort.position, left, right)? {
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
        // What is not a number is after everything, in the reference.
        if let (Item::Number(left), Item::Number(right)) = (left, right) {
            return Ok(left.partial_cmp(right).unwrap_or(Ordering::Greater));
        }
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
            Some(order) => Ok(order.unwrap_or(Ordering::Greater)),
            None => {
                let values = [("value", self.shown(left)), ("value2", self.shown(right))];
                let inserts = values.each_ref().map(|(name, text)| (*name, text.as_str()));
                Err(Fault::filled("T2007", &inserts).with_position(position))
            }
        }
    }
}

/// The positions of so many things in the order they belong in, stably; `is_after` says whether
/// the first of two belongs behind the second.
pub(crate) fn merge_sort(
    len: usize,
    is_after: &mut impl FnMut(usize, usize) -> Result<bool>,
) -> Result<Vec<usize>> {
    let mut order: Vec<usize> = (0..len).collect();
    let mut merged = Vec::with_capacity(len);
    sort_range(&mut order, &mut merged, is_after)?;
    Ok(order)
}

fn sort_range(
    order: &mut [usize],
    merged: &mut Vec<usize>,
    is_after: &mut impl FnMut(usize, usize) -> Result<bool>,
) -> Result<()> {
    if order.len() <= 1 {
        return Ok(());
    }
    let (left, right) = order.split_at_mut(order.len() / 2);
    sort_range(left, merged, is_after)?;
    sort_range(right, merged, is_after)?;
    merged.clear();
    let (mut left, mut right) = (&*left, &*right);
    while let ([first, rest_left @ ..], [second, rest_right @ ..]) = (left, right) {
        if is_after(*first, *second)? {
            merged.push(*second);
            right = rest_right;
        } else {
            merged.push(*first);
            left = rest_left;
        }
    }
    merged.extend_from_slice(left);
    merged.extend_from_slice(right);
    order.copy_from_slice(merged);
    Ok(())
}
