//! Functions on objects.

use std::collections::HashSet;

use json::{ObjectBuilder, Text, Value, View};

use super::higher::Callback;
use super::{take, text_at};
use crate::eval::{Evaluation, Result, object_item};
use crate::item::{ARRAY, Item, SEQUENCE};

pub(super) fn keys(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let subject = take(arguments, 0);
    let mut result = evaluation.list();
    if subject.is_array() {
        let mut seen = HashSet::new();
        add_keys(evaluation, &subject, &mut |name| {
            if !seen.contains(name) {
                evaluation.meter.elements(0, 2)?;
                seen.insert(name.clone());
                result.push(Item::Value(name.clone().into()))?;
            }
            Ok(())
        })?;
        evaluation.meter.refund_elements(seen.len() * 2);
    } else {
        add_keys(evaluation, &subject, &mut |name| {
            result.push(Item::Value(name.clone().into()))
        })?;
    }
    Ok(result.finish(SEQUENCE))
}

fn add_keys(
    evaluation: &Evaluation<'_>,
    item: &Item,
    add: &mut dyn FnMut(&Text) -> Result<()>,
) -> Result<()> {
    evaluation.meter.step(1)?;
    match item {
        Item::Value(value) => match value.view() {
            View::Object(object) => {
                evaluation.meter.step(object.len() as u64)?;
                object.members().iter().try_for_each(|(name, _)| add(name))
            }
            View::Array(elements) => {
                evaluation.check_depth(value)?;
                elements.iter().try_for_each(|element| {
                    add_keys(evaluation, &Item::Value(element.clone()), add)
                })
            }
            _ => Ok(()),
        },
        Item::List(list) => list
            .items
            .iter()
            .try_for_each(|item| add_keys(evaluation, item, add)),
        Item::Object(object) => {
            evaluation.meter.step(object.members.len() as u64)?;
            object.members.iter().try_for_each(|(name, _)| add(name))
        }
        _ => Ok(()),
    }
}

pub(super) fn lookup(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let subject = take(arguments, 0);
    match text_at(arguments, 1) {
        Some(name) => evaluation.lookup(&subject, name),
        None => Ok(Item::Undefined),
    }
}

/// The members of an object, of whichever kind.
fn members(item: &Item) -> Vec<(Text, Item)> {
    match item {
        Item::Value(value) => {
            let members = value.as_object().map_or(&[][..], json::Object::members);
            let shared = |(name, value): &(Text, Value)| (name.clone(), Item::Value(value.clone()));
            members.iter().map(shared).collect()
        }
        Item::Object(object) => object.members.clone(),
        _ => Vec::new(),
    }
}

pub(super) fn spread(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let subject = take(arguments, 0);
    spread_item(evaluation, subject)
}

fn spread_item(evaluation: &Evaluation<'_>, subject: Item) -> Result<Item> {
    evaluation.meter.step(1)?;
    if let Some(elements) = subject.elements() {
        if let Item::Value(value) = &subject {
            evaluation.check_depth(value)?;
        }
        let mut result = evaluation.list();
        for element in elements.iter() {
            result.append(spread_item(evaluation, element)?)?;
        }
        let flags = if elements.len() == 0 { SEQUENCE } else { ARRAY };
        return Ok(result.finish(flags));
    }
    if subject.as_object().is_none() && !matches!(subject, Item::Object(_)) {
        return Ok(subject);
    }
    let mut result = evaluation.list();
    for member in members(&subject) {
        result.push(evaluation.object_of(vec![member])?)?;
    }
    Ok(result.finish(SEQUENCE))
}

/// Of members with the same name the last one counts, in the place of the first.
pub(super) fn merge(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let subject = take(arguments, 0);
    let Some(elements) = subject.elements() else {
        return Ok(Item::Undefined);
    };
    if subject.is_opaque() {
        let mut merged: Vec<(Text, Item)> = Vec::new();
        for item in elements.iter() {
            for (name, item) in members(&item) {
                evaluation.meter.step(merged.len() as u64 / 8 + 1)?;
                match merged.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, place)) => *place = item,
                    None => merged.push((name, item)),
                }
            }
        }
        return evaluation.object_of(merged);
    }
    let mut builder = ObjectBuilder::new();
    for at in 0..elements.len() {
        let members = elements.members(at);
        evaluation.make_object(members.len())?;
        for (name, value) in members {
            builder.add(name, value.clone());
        }
    }
    Ok(object_item(builder.build()))
}

pub(super) fn each(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let subject = take(arguments, 0);
    let function = take(arguments, 1);
    let mut result = evaluation.list();
    if let Item::Function(function) = &function {
        let mut callback = Callback::new(function);
        for (name, item) in members(&subject) {
            let value = callback.call(evaluation, item, Item::Value(name.into()), &subject)?;
            if !value.is_undefined() {
                result.push(evaluation.nested(value)?)?;
            }
        }
    }
    Ok(result.finish(SEQUENCE))
}

pub(super) fn sift(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let subject = take(arguments, 0);
    let function = take(arguments, 1);
    let mut sifted = Vec::new();
    if let Item::Function(function) = &function {
        let mut callback = Callback::new(function);
        for (name, item) in members(&subject) {
            let key = Item::Value(name.clone().into());
            let verdict = callback.call(evaluation, item.clone(), key, &subject)?;
            if evaluation.truth(&verdict)? {
                sifted.push((name, item));
            }
        }
    }
    if sifted.is_empty() {
        return Ok(Item::Undefined);
    }
    evaluation.object_of(sifted)
}
