//! Arguments against signatures.

use super::{Evaluation, Result};
use crate::error::Fault;
use crate::item::{ARRAY, Elements, Item, List};
use crate::meter::Meter;
use crate::syntax::signature::{Count, Parameter, Signature, Type};
use json::{Kind, Value};
use std::rc::Rc;

/// Checks the arguments of a call and completes them: a missing one may be the context value, an
/// array may be given as its only element.
///
/// # Errors
/// T0410, T0411 and T0412.
pub(super) fn validate(
    evaluation: &Evaluation<'_>,
    signature: &Signature,
    arguments: &mut Vec<Item>,
    context: &Item,
) -> Result<()> {
    let parameters = &signature.parameters;
    if fits_one_by_one(parameters, arguments) {
        for (at, (parameter, argument)) in parameters.iter().zip(arguments).enumerate() {
            if parameter.is_array {
                let argument_type = type_of(argument);
                let taken = std::mem::take(argument);
                *argument = array_argument(evaluation, parameter, taken, argument_type, 1, at)?;
            }
        }
        return Ok(());
    }
    let types: Vec<Type> = arguments.iter().map(type_of).collect();
    evaluation.meter.step(types.len() as u64)?;
    let Some(counts) = fit(parameters, &types, true, evaluation.meter)? else {
        return Err(misfit(parameters, &types, evaluation.meter)?);
    };
    let mut valid = Vec::with_capacity(parameters.len());
    let mut at = 0;
    for (parameter, count) in parameters.iter().zip(counts) {
        if count == 0 {
            if parameter.is_context {
                if parameter.types & type_of(context).bit() == 0 {
                    return Err(numbered("T0411", at));
                }
                valid.push(context.clone());
            } else {
                valid.push(arguments.get(at).cloned().unwrap_or_default());
                at += 1;
            }
            continue;
        }
        let first = arguments.get(at).cloned().unwrap_or_default();
        for _ in 0..count {
            let argument_type = types.get(at).copied().unwrap_or(Type::Missing);
            if parameter.is_array {
                let argument = arguments.get(at).cloned().unwrap_or_default();
                let argument =
                    array_argument(evaluation, parameter, argument, argument_type, count, at)?;
                valid.push(argument);
            } else {
                // Of several the reference takes the first for all.
                valid.push(first.clone());
            }
            at += 1;
        }
    }
    *arguments = valid;
    Ok(())
}

/// The common case: as many arguments as parameters, each of its type.
fn fits_one_by_one(parameters: &[Parameter], arguments: &[Item]) -> bool {
    parameters.len() == arguments.len()
        && parameters
            .iter()
            .zip(arguments)
            .all(|(parameter, argument)| {
                parameter.count != Count::Many && parameter.types & type_of(argument).bit() != 0
            })
}

pub(super) fn type_of(item: &Item) -> Type {
    match item {
        Item::Undefined | Item::Tail(_) => Type::Missing,
        Item::Number(_) => Type::Number,
        Item::List(_) => Type::Array,
        Item::Object(_) | Item::Tuples(_) => Type::Object,
        Item::Function(_) => Type::Function,
        Item::Value(value) => type_of_value(value),
    }
}

fn type_of_value(value: &Value) -> Type {
    match value.kind() {
        Kind::Null => Type::Null,
        Kind::Bool => Type::Boolean,
        Kind::Number => Type::Number,
        Kind::String => Type::Text,
        Kind::Array => Type::Array,
        Kind::Object => Type::Object,
    }
}

/// How many arguments each parameter takes; as a regular expression would match. `is_whole`: all
/// of them have to be taken.
fn fit(
    parameters: &[Parameter],
    types: &[Type],
    is_whole: bool,
    meter: &Meter,
) -> Result<Option<Vec<usize>>> {
    let Some((parameter, rest)) = parameters.split_first() else {
        return Ok((!is_whole || types.is_empty()).then(Vec::new));
    };
    let fits = |argument: &&Type| parameter.types & argument.bit() != 0;
    let matching = types.iter().take_while(fits).count();
    let (least, most) = match parameter.count {
        Count::One => (1, 1),
        Count::Optional | Count::Reluctant => (0, 1),
        Count::Many => (1, matching),
    };
    let most = most.min(matching);
    let mut counts: Vec<usize> = (least..=most).collect();
    if parameter.count != Count::Reluctant {
        counts.reverse();
    }
    // It goes back as a regular expression does: the ways multiply with each `+`.
    meter.step(1 + matching as u64)?;
    for count in counts {
        let others = types.get(count..).unwrap_or_default();
        if let Some(mut fitted) = fit(rest, others, is_whole, meter)? {
            fitted.insert(0, count);
            return Ok(Some(fitted));
        }
    }
    Ok(None)
}

/// T0410 for the argument at which the signature fails.
fn misfit(parameters: &[Parameter], types: &[Type], meter: &Meter) -> Result<Fault> {
    let mut good = 0;
    for count in 1..=parameters.len() {
        let first = parameters.get(..count).unwrap_or_default();
        match fit(first, types, false, meter)? {
            Some(counts) => good = counts.iter().sum(),
            None => break,
        }
    }
    Ok(numbered("T0410", good))
}

fn numbered(code: &'static str, at: usize) -> Fault {
    Fault::filled(code, &[("index", &(at + 1).to_string())])
}

/// The argument as the array that a parameter wants. `count`: how many arguments the parameter
/// takes.
fn array_argument(
    evaluation: &Evaluation<'_>,
    parameter: &Parameter,
    argument: Item,
    argument_type: Type,
    count: usize,
    at: usize,
) -> Result<Item> {
    if argument_type == Type::Missing {
        return Ok(Item::Undefined);
    }
    if let Some(subtype) = &parameter.subtype {
        let is_sound = match argument.elements() {
            Some(elements) => {
                evaluation.meter.step(elements.len() as u64)?;
                elements_are(elements, subtype)
            }
            None => count == 1 && subtype.chars().eq([argument_type.letter()]),
        };
        if !is_sound {
            let wanted = plural(subtype).to_owned();
            let inserts = [("index", (at + 1).to_string()), ("type", wanted)];
            let inserts = inserts
                .each_ref()
                .map(|(name, text)| (*name, text.as_str()));
            return Err(Fault::filled("T0412", &inserts));
        }
    }
    if argument_type == Type::Array {
        return Ok(argument);
    }
    Ok(Item::List(Rc::new(List::of(argument, ARRAY))))
}

fn elements_are(elements: Elements<'_>, subtype: &str) -> bool {
    let wanted = subtype.chars().next();
    let is_wanted = |found: Type| Some(found.letter()) == wanted;
    match elements {
        Elements::Values(values) => values.iter().all(|value| is_wanted(type_of_value(value))),
        Elements::Items(items) => items.iter().all(|item| is_wanted(type_of(item))),
    }
}

fn plural(subtype: &str) -> &'static str {
    match subtype {
        "a" => "\"arrays\"",
        "b" => "\"booleans\"",
        "f" => "\"functions\"",
        "n" => "\"numbers\"",
        "o" => "\"objects\"",
        "s" => "\"strings\"",
        _ => "undefined",
    }
}
