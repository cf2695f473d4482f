//! Functions on numbers, and on moments as numbers.

use super::{number_at, take, text_at};
use crate::eval::{Evaluation, Result};
use crate::item::Item;
use crate::text::{additions, datetime, format_number as format, integers, numbers};

fn of_number(arguments: &[Item], function: impl FnOnce(f64) -> f64) -> Item {
    number_at(arguments, 0).map_or(Item::Undefined, |number| Item::Number(function(number)))
}

pub(super) fn floor(_: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    Ok(of_number(arguments, f64::floor))
}

pub(super) fn ceil(_: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    Ok(of_number(arguments, f64::ceil))
}

pub(super) fn abs(_: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    Ok(of_number(arguments, f64::abs))
}

pub(super) fn round(_: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let precision = number_at(arguments, 1);
    Ok(of_number(arguments, |number| {
        numbers::round(number, precision)
    }))
}

pub(super) fn sqrt(_: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    match number_at(arguments, 0) {
        Some(number) => Ok(Item::Number(numbers::sqrt(number)?)),
        None => Ok(Item::Undefined),
    }
}

pub(super) fn power(_: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    match number_at(arguments, 0) {
        // Without an exponent the reference raises to what is not a number.
        Some(base) => {
            let exponent = number_at(arguments, 1).unwrap_or(f64::NAN);
            Ok(Item::Number(numbers::power(base, exponent)?))
        }
        None => Ok(Item::Undefined),
    }
}

pub(super) fn number(_: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let item = take(arguments, 0);
    if let Some(text) = item.as_str() {
        return Ok(Item::Number(numbers::number_of_text(text)?));
    }
    Ok(match item.as_value().and_then(json::Value::as_bool) {
        Some(truth) => Item::Number(f64::from(u8::from(truth))),
        None => item,
    })
}

/// AWS's takes a seed.
pub(super) fn random(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    Ok(Item::Number(match number_at(arguments, 0) {
        Some(seed) => additions::random_of_seed(seed),
        None => additions::random_of_bits(evaluation.environment.random()),
    }))
}

pub(super) fn format_number(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let options = arguments.get(2).and_then(Item::as_object);
    match (number_at(arguments, 0), text_at(arguments, 1)) {
        (Some(number), Some(picture)) => {
            Ok(format::format_number(number, picture, options, evaluation.meter)?.into())
        }
        _ => Ok(Item::Undefined),
    }
}

pub(super) fn format_base(_: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    match number_at(arguments, 0) {
        Some(number) => Ok(numbers::format_base(number, number_at(arguments, 1))?.into()),
        None => Ok(Item::Undefined),
    }
}

pub(super) fn format_integer(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    match (number_at(arguments, 0), text_at(arguments, 1)) {
        (Some(number), Some(picture)) => {
            Ok(integers::format_integer(number, picture, evaluation.meter)?.into())
        }
        _ => Ok(Item::Undefined),
    }
}

pub(super) fn parse_integer(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    match (text_at(arguments, 0), text_at(arguments, 1)) {
        (Some(text), Some(picture)) => {
            let number = integers::parse_integer(text, picture, evaluation.meter)?;
            Ok(Item::Number(number))
        }
        _ => Ok(Item::Undefined),
    }
}

pub(super) fn to_millis(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let Some(text) = text_at(arguments, 0) else {
        return Ok(Item::Undefined);
    };
    let picture = text_at(arguments, 1);
    let now_ms = evaluation.environment.now_ms();
    let millis = datetime::to_millis(text, picture, now_ms, evaluation.meter)?;
    Ok(millis.map_or(Item::Undefined, Item::Number))
}

pub(super) fn from_millis(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    match number_at(arguments, 0) {
        Some(millis) => moment(
            evaluation,
            millis,
            text_at(arguments, 1),
            text_at(arguments, 2),
        ),
        None => Ok(Item::Undefined),
    }
}

pub(super) fn now(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let millis = now_ms(evaluation);
    moment(
        evaluation,
        millis,
        text_at(arguments, 0),
        text_at(arguments, 1),
    )
}

fn moment(
    evaluation: &Evaluation<'_>,
    millis: f64,
    picture: Option<&str>,
    timezone: Option<&str>,
) -> Result<Item> {
    Ok(datetime::from_millis(millis, picture, timezone, evaluation.meter)?.into())
}

pub(super) fn millis(evaluation: &Evaluation<'_>, _: &mut [Item]) -> Result<Item> {
    Ok(Item::Number(now_ms(evaluation)))
}

/// Exact for every moment of the calendar.
fn now_ms(evaluation: &Evaluation<'_>) -> f64 {
    evaluation.environment.now_ms() as f64
}
