//! Functions that make one number of an array.

use super::take;
use crate::eval::{Evaluation, Result};
use crate::item::Item;

/// The numbers of an array; `None` if it is undefined.
fn fold(
    evaluation: &Evaluation<'_>,
    arguments: &mut [Item],
    start: f64,
    combine: impl Fn(f64, f64) -> f64,
) -> Result<Option<(f64, usize)>> {
    let array = take(arguments, 0);
    let Some(elements) = array.elements() else {
        return Ok(None);
    };
    evaluation.meter.step(elements.len() as u64)?;
    let result = elements.numbers().fold(start, combine);
    Ok(Some((result, elements.len())))
}

pub(super) fn sum(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let sum = fold(evaluation, arguments, 0.0, |sum, number| sum + number)?;
    Ok(sum.map_or(Item::Undefined, |(sum, _)| Item::Number(sum)))
}

pub(super) fn count(_: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let array = take(arguments, 0);
    Ok(array.elements().map_or(0, |elements| elements.len()).into())
}

pub(super) fn average(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    Ok(
        match fold(evaluation, arguments, 0.0, |sum, number| sum + number)? {
            Some((sum, count)) if count > 0 => Item::Number(sum / count as f64),
            _ => Item::Undefined,
        },
    )
}

pub(super) fn max(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    extreme(evaluation, arguments, f64::NEG_INFINITY, |left, right| {
        left < right
    })
}

pub(super) fn min(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    extreme(evaluation, arguments, f64::INFINITY, |left, right| {
        left > right
    })
}

fn extreme(
    evaluation: &Evaluation<'_>,
    arguments: &mut [Item],
    start: f64,
    is_better: fn(f64, f64) -> bool,
) -> Result<Item> {
    let better = |best: f64, number: f64| {
        if number.is_nan() || is_better(best, number) {
            number
        } else {
            best
        }
    };
    Ok(match fold(evaluation, arguments, start, better)? {
        Some((best, count)) if count > 0 => Item::Number(best),
        _ => Item::Undefined,
    })
}
