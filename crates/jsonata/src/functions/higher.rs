//! Functions that take functions.

use std::rc::Rc;

use super::take;
use crate::error::Fault;
use crate::eval::{Evaluation, Result};
use crate::function::Function;
use crate::item::{Item, SEQUENCE};

/// A function to be called for each part of something: with the part, and, if it takes more, with
/// the place of the part and the whole.
pub(super) struct Callback<'f> {
    function: &'f Rc<Function>,
    arity: usize,
    arguments: Vec<Item>,
}

impl<'f> Callback<'f> {
    pub(super) fn new(function: &'f Rc<Function>) -> Callback<'f> {
        Callback {
            function,
            arity: function.arity(),
            arguments: Vec::with_capacity(4),
        }
    }

    pub(super) fn call(
        &mut self,
        evaluation: &Evaluation<'_>,
        part: Item,
        place: impl Into<Item>,
        whole: &Item,
    ) -> Result<Item> {
        self.arguments.clear();
        self.arguments.push(part);
        if self.arity >= 2 {
            self.arguments.push(place.into());
        }
        if self.arity >= 3 {
            self.arguments.push(whole.clone());
        }
        evaluation.meter.step(1)?;
        evaluation.apply_to_items(self.function, &mut self.arguments)
    }
}

pub(super) fn map(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let array = take(arguments, 0);
    let function = take(arguments, 1);
    let (Some(elements), Item::Function(function)) = (array.elements(), &function) else {
        return Ok(Item::Undefined);
    };
    let mut callback = Callback::new(function);
    let mut result = evaluation.list();
    for (at, item) in elements.iter().enumerate() {
        let mapped = callback.call(evaluation, item, at, &array)?;
        if !mapped.is_undefined() {
            result.push(evaluation.nested(mapped)?)?;
        }
    }
    Ok(result.finish(SEQUENCE))
}

pub(super) fn filter(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let array = take(arguments, 0);
    let function = take(arguments, 1);
    let (Some(elements), Item::Function(function)) = (array.elements(), &function) else {
        return Ok(Item::Undefined);
    };
    let mut callback = Callback::new(function);
    let mut result = evaluation.list();
    for (at, item) in elements.iter().enumerate() {
        let verdict = callback.call(evaluation, item.clone(), at, &array)?;
        if evaluation.truth(&verdict)? {
            result.push(item)?;
        }
    }
    Ok(result.finish(SEQUENCE))
}

pub(super) fn single(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let array = take(arguments, 0);
    let function = take(arguments, 1);
    let Some(elements) = array.elements() else {
        return Ok(Item::Undefined);
    };
    let mut callback = function.as_function().map(Callback::new);
    let mut found = None;
    for (at, item) in elements.iter().enumerate() {
        let is_match = match &mut callback {
            Some(callback) => {
                let verdict = callback.call(evaluation, item.clone(), at, &array)?;
                evaluation.truth(&verdict)?
            }
            None => true,
        };
        if is_match && found.replace(item).is_some() {
            return Err(Fault::new("D3138"));
        }
    }
    found.ok_or_else(|| Fault::new("D3139"))
}

pub(super) fn reduce(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let array = take(arguments, 0);
    let function = take(arguments, 1);
    let initial = take(arguments, 2);
    let (Some(elements), Item::Function(function)) = (array.elements(), &function) else {
        return Ok(Item::Undefined);
    };
    let arity = function.arity();
    if arity < 2 {
        return Err(Fault::new("D3050"));
    }
    let mut items = elements.iter().enumerate();
    let mut result = initial;
    if result.is_undefined()
        && let Some((_, first)) = items.next()
    {
        result = first;
    }
    let mut given = Vec::with_capacity(4);
    for (at, item) in items {
        evaluation.meter.step(1)?;
        given.clear();
        given.extend([result, item]);
        if arity >= 3 {
            given.push(at.into());
        }
        if arity >= 4 {
            given.push(array.clone());
        }
        result = evaluation.apply_to_items(function, &mut given)?;
    }
    Ok(result)
}
