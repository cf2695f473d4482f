//! Functions on arrays.

use super::{number_at, take};
use crate::eval::{Evaluation, Result};
use crate::item::{ARRAY, Item, SEQUENCE};
use crate::text::additions;

pub(super) fn append(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let (first, second) = (take(arguments, 0), take(arguments, 1));
    if first.is_undefined() || second.is_undefined() {
        return Ok(if first.is_undefined() { second } else { first });
    }
    let mut builder = evaluation.list();
    builder.append(first)?;
    match second.elements() {
        Some(elements) => builder.extend(elements)?,
        None => builder.push(second)?,
    }
    Ok(builder.finish(ARRAY))
}

pub(super) fn reverse(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let array = take(arguments, 0);
    match array.elements() {
        Some(elements) if elements.len() > 1 => {
            let mut items = evaluation.list();
            for at in (0..elements.len()).rev() {
                items.push(elements.get(at).unwrap_or_default())?;
            }
            Ok(items.finish(ARRAY))
        }
        _ => Ok(array),
    }
}

/// The shuffle of the reference, 'inside-out'.
pub(super) fn shuffle(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let array = take(arguments, 0);
    let Some(elements) = array.elements().filter(|elements| elements.len() > 1) else {
        return Ok(array);
    };
    evaluation.meter.elements(0, elements.len())?;
    let mut shuffled: Vec<Item> = Vec::with_capacity(elements.len());
    for (at, item) in elements.iter().enumerate() {
        let bits = u128::from(evaluation.environment.random());
        // A place from 0 to `at`: the high half of the product.
        let place = usize::try_from((bits * (at as u128 + 1)) >> 64).unwrap_or(at);
        shuffled.push(item);
        shuffled.swap(place, at);
    }
    let mut builder = evaluation.list();
    evaluation.meter.refund_elements(shuffled.len());
    for item in shuffled {
        builder.push(item)?;
    }
    Ok(builder.finish(ARRAY))
}

pub(super) fn zip(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let len_of = |item: &Item| item.elements().map_or(0, |elements| elements.len());
    let len = arguments.iter().map(len_of).min().unwrap_or(0);
    let mut result = evaluation.list();
    for at in 0..len {
        let mut row = evaluation.list();
        for array in &*arguments {
            let item = array.elements().and_then(|elements| elements.get(at));
            row.push(item.unwrap_or_default())?;
        }
        result.push(evaluation.nested(row.finish(ARRAY))?)?;
    }
    Ok(result.finish(ARRAY))
}

/// AWS's: the array in chunks.
pub(super) fn partition(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let size = number_at(arguments, 1);
    let array = take(arguments, 0);
    let Some(elements) = array.elements() else {
        return Ok(Item::Undefined);
    };
    let Some(size) = additions::partition_size(elements.len(), size)? else {
        return Ok(Item::Undefined);
    };
    let mut result = evaluation.list();
    let mut chunk = evaluation.list();
    for item in elements.iter() {
        chunk.push(item)?;
        if chunk.len() == size {
            let full = std::mem::replace(&mut chunk, evaluation.list());
            result.push(evaluation.nested(full.finish(ARRAY))?)?;
        }
    }
    if chunk.len() > 0 {
        result.push(evaluation.nested(chunk.finish(ARRAY))?)?;
    }
    Ok(result.finish(ARRAY))
}

/// AWS's: numbers from one to another.
pub(super) fn range(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let (Some(first), Some(last)) = (number_at(arguments, 0), number_at(arguments, 1)) else {
        return Ok(Item::Undefined);
    };
    let Some(range) = additions::range(first, last, number_at(arguments, 2)) else {
        return Ok(Item::Undefined);
    };
    let mut builder = evaluation.list();
    builder.extend_numbers(range.count, |at| range.element(at))?;
    Ok(builder.finish(SEQUENCE))
}
