//! `$distinct`, by a table of hashes: the reference compares each element with all before it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use json::{Value, View};

use super::take;
use crate::eval::{Evaluation, Result};
use crate::item::{ARRAY, Flags, Item, SEQUENCE};

pub(super) fn distinct(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let array = take(arguments, 0);
    let Some(elements) = array.elements().filter(|elements| elements.len() > 1) else {
        return Ok(array);
    };
    let mut result: Vec<Item> = Vec::new();
    let mut builder = evaluation.list();
    let mut seen: HashMap<u64, Vec<usize>> = HashMap::new();
    for item in elements.iter() {
        let mut hasher = DefaultHasher::new();
        hash(evaluation, &item, &mut hasher)?;
        let alike = seen.entry(hasher.finish()).or_default();
        let mut is_new = true;
        for at in &*alike {
            if let Some(other) = result.get(*at)
                && evaluation.equal(&item, other)?
            {
                is_new = false;
                break;
            }
        }
        if is_new {
            // The table takes about as much again as the list.
            evaluation.meter.elements(0, 2)?;
            alike.push(result.len());
            result.push(item.clone());
            builder.push(item)?;
        }
    }
    evaluation.meter.refund_elements(result.len() * 2);
    let flags: Flags = if array.is_sequence() { SEQUENCE } else { ARRAY };
    Ok(builder.finish(flags))
}

/// Items that are equal have equal hashes.
fn hash(evaluation: &Evaluation<'_>, item: &Item, hasher: &mut DefaultHasher) -> Result<()> {
    evaluation.meter.step(1)?;
    match item {
        Item::Value(value) => hash_value(evaluation, value, hasher),
        Item::List(list) => {
            2_u8.hash(hasher);
            list.items.len().hash(hasher);
            list.items
                .iter()
                .try_for_each(|item| hash(evaluation, item, hasher))
        }
        item => {
            hash_number(item.as_number().unwrap_or_default(), hasher);
            Ok(())
        }
    }
}

fn hash_number(number: f64, hasher: &mut DefaultHasher) {
    // Both zeros are equal.
    (number + 0.0).to_bits().hash(hasher);
}

fn hash_value(
    evaluation: &Evaluation<'_>,
    value: &Value,
    hasher: &mut DefaultHasher,
) -> Result<()> {
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
        evaluation.meter.step(1)?;
        match value.view() {
            View::Null => 0_u8.hash(hasher),
            View::Bool(truth) => truth.hash(hasher),
            View::Number(number) => hash_number(number.as_f64(), hasher),
            View::String(text) => {
                evaluation.meter.step(text.len() as u64 / 64)?;
                text.hash(hasher);
            }
            View::Array(elements) => {
                2_u8.hash(hasher);
                elements.len().hash(hasher);
                evaluation.meter.step(elements.len() as u64)?;
                pending.extend(elements.iter().rev());
            }
            // The order of members does not count, so only their number does.
            View::Object(object) => {
                3_u8.hash(hasher);
                object.len().hash(hasher);
                let mut names: Vec<&str> = object.keys().collect();
                evaluation.meter.step(names.len() as u64)?;
                names.sort_unstable();
                for name in names {
                    name.hash(hasher);
                    pending.extend(object.get(name));
                }
            }
        }
    }
    Ok(())
}
