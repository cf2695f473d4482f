//! `$sort`.

use std::cmp::Ordering;
use std::rc::Rc;

use super::take;
use crate::error::Fault;
use crate::eval::{Evaluation, Result, compare_text, holds, merge_sort};
use crate::function::{Closure, Function};
use crate::item::{ARRAY, Item};
use crate::program::Comparison;

pub(super) fn sort(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let array = take(arguments, 0);
    let Some(elements) = array.elements().filter(|elements| elements.len() > 1) else {
        return Ok(array);
    };
    let len = elements.len();
    let items: Vec<Item> = elements.iter().collect();
    // The copies, and their positions twice.
    evaluation.meter.elements(0, len.saturating_mul(2))?;
    let order = match arguments.get(1) {
        Some(Item::Function(comparator)) => match comparison_of(comparator) {
            Some((closure, comparison)) => {
                by_fields(evaluation, &items, comparator, closure, comparison)?
            }
            None => {
                let mut given = Vec::with_capacity(2);
                merge_sort(len, &mut |left, right| {
                    evaluation.meter.step(1)?;
                    given.clear();
                    given.extend(items.get(left).cloned());
                    given.extend(items.get(right).cloned());
                    let verdict = evaluation.apply_to_items(comparator, &mut given)?;
                    evaluation.truth_in_javascript(&verdict)
                })?
            }
        },
        _ => natural_order(evaluation, &items)?,
    };
    evaluation.meter.refund_elements(len.saturating_mul(2));
    let mut builder = evaluation.list();
    for at in order {
        builder.push(items.get(at).cloned().unwrap_or_default())?;
    }
    Ok(builder.finish(ARRAY))
}

/// The order of numbers or of strings.
///
/// # Errors
/// D3070 if there is anything else, or some of both.
fn natural_order(evaluation: &Evaluation<'_>, items: &[Item]) -> Result<Vec<usize>> {
    let numbers: Option<Vec<f64>> = items.iter().map(Item::as_number).collect();
    if let Some(numbers) = numbers {
        return merge_sort(items.len(), &mut |left, right| {
            evaluation.meter.step(1)?;
            Ok(numbers.get(left) > numbers.get(right))
        });
    }
    let texts: Option<Vec<&str>> = items.iter().map(Item::as_str).collect();
    let Some(texts) = texts else {
        return Err(Fault::new("D3070"));
    };
    merge_sort(items.len(), &mut |left, right| {
        let (Some(left), Some(right)) = (texts.get(left), texts.get(right)) else {
            return Ok(false);
        };
        evaluation
            .meter
            .step(1 + left.len().min(right.len()) as u64 / 64)?;
        Ok(compare_text(left, right) == Ordering::Greater)
    })
}

/// The comparison that a function is, if it is nothing else.
fn comparison_of(function: &Function) -> Option<(&Closure, Comparison)> {
    match function {
        Function::Closure(closure) if closure.lambda.signature.is_none() => {
            Some((closure, closure.lambda.comparison?))
        }
        _ => None,
    }
}

/// The order by a function that compares the same fields of two elements: they are looked up once
/// for each element. Where they do not compare, the function itself is called, for its error.
fn by_fields(
    evaluation: &Evaluation<'_>,
    items: &[Item],
    function: &Rc<Function>,
    closure: &Closure,
    comparison: Comparison,
) -> Result<Vec<usize>> {
    evaluation.meter.elements(0, items.len())?;
    let keys = items.iter();
    let keys = keys.map(|item| evaluation.compared_field(closure, item));
    let keys = keys.collect::<Result<Vec<Item>>>()?;
    let numbers: Option<Vec<f64>> = keys.iter().map(Item::as_number).collect();
    let order = match numbers {
        Some(numbers) => merge_sort(items.len(), &mut |left, right| {
            evaluation.meter.step(1)?;
            let (left, right) = comparison.sides(left, right);
            let ordering = numbers.get(left).partial_cmp(&numbers.get(right));
            Ok(holds(comparison.operator, ordering))
        }),
        None => {
            let mut given = Vec::with_capacity(2);
            merge_sort(items.len(), &mut |left, right| {
                evaluation.meter.step(1)?;
                let (first, second) = comparison.sides(left, right);
                if let (Some(first), Some(second)) = (keys.get(first), keys.get(second))
                    && let Ok(verdict) = evaluation.comparison(comparison.operator, first, second)
                {
                    return evaluation.truth_in_javascript(&verdict);
                }
                given.clear();
                given.extend(items.get(left).cloned());
                given.extend(items.get(right).cloned());
                let verdict = evaluation.apply_to_items(function, &mut given)?;
                evaluation.truth_in_javascript(&verdict)
            })
        }
    };
    evaluation.meter.refund_elements(items.len());
    order
}
