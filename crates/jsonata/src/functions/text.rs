//! Functions on strings.

use super::{number_at, take, text_at};
use crate::error::Fault;
use crate::eval::{Evaluation, Result, text_of_number};
use crate::item::Item;
use crate::meter::Meter;
use crate::text::{encode, hash as digest, serialise, strings};

pub(super) fn string(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let prettify = arguments
        .get(1)
        .and_then(Item::as_value)
        .and_then(json::Value::as_bool);
    let item = take(arguments, 0);
    Ok(match item.unwrapped() {
        Item::Undefined => Item::Undefined,
        Item::Function(_) => "".into(),
        Item::Number(number) => text_of_number(number)?.into(),
        Item::Value(value) if value.as_str().is_some() => Item::Value(value),
        item => {
            let value = evaluation.value_without_functions(&item)?;
            serialise::string(&value, prettify.unwrap_or(false), evaluation.meter)?.into()
        }
    })
}

/// Applies a function to the first argument, if it is text.
fn of_text(
    evaluation: &Evaluation<'_>,
    arguments: &[Item],
    function: impl FnOnce(&str, &Meter) -> std::result::Result<String, crate::Error>,
) -> Result<Item> {
    match text_at(arguments, 0) {
        Some(text) => Ok(function(text, evaluation.meter)?.into()),
        None => Ok(Item::Undefined),
    }
}

pub(super) fn lowercase(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    of_text(evaluation, arguments, strings::lowercase)
}

pub(super) fn uppercase(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    of_text(evaluation, arguments, strings::uppercase)
}

pub(super) fn trim(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    of_text(evaluation, arguments, strings::trim)
}

pub(super) fn base64_encode(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    of_text(evaluation, arguments, encode::base64_encode)
}

pub(super) fn base64_decode(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    of_text(evaluation, arguments, encode::base64_decode)
}

pub(super) fn encode_url(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    of_text(evaluation, arguments, encode::encode_url)
}

pub(super) fn encode_url_component(
    evaluation: &Evaluation<'_>,
    arguments: &mut [Item],
) -> Result<Item> {
    of_text(evaluation, arguments, encode::encode_url_component)
}

pub(super) fn decode_url(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    of_text(evaluation, arguments, encode::decode_url)
}

pub(super) fn decode_url_component(
    evaluation: &Evaluation<'_>,
    arguments: &mut [Item],
) -> Result<Item> {
    of_text(evaluation, arguments, encode::decode_url_component)
}

pub(super) fn length(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    match text_at(arguments, 0) {
        Some(text) => Ok(strings::length(text, evaluation.meter)?.into()),
        None => Ok(Item::Undefined),
    }
}

pub(super) fn substring(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    // Without a start, Javascript takes all, or of a length nothing.
    let length = number_at(arguments, 2);
    let (start, length) = match number_at(arguments, 1) {
        Some(start) => (start, length),
        None => (0.0, length.map(|_| 0.0)),
    };
    of_text(evaluation, arguments, |text, meter| {
        strings::substring(text, start, length, meter)
    })
}

pub(super) fn substring_before(
    evaluation: &Evaluation<'_>,
    arguments: &mut [Item],
) -> Result<Item> {
    part(evaluation, arguments, strings::substring_before)
}

pub(super) fn substring_after(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    part(evaluation, arguments, strings::substring_after)
}

fn part(
    evaluation: &Evaluation<'_>,
    arguments: &[Item],
    cut: for<'t> fn(&'t str, &str) -> &'t str,
) -> Result<Item> {
    // What is missing, Javascript looks for as the word.
    let chars = text_at(arguments, 1).unwrap_or("undefined");
    of_text(evaluation, arguments, |text, meter| {
        meter.step(1 + text.len() as u64 / 64)?;
        let part = cut(text, chars);
        meter.make(part.len())?;
        Ok(part.to_owned())
    })
}

pub(super) fn pad(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let width = number_at(arguments, 1).unwrap_or(0.0);
    let with = text_at(arguments, 2);
    of_text(evaluation, arguments, |text, meter| {
        strings::pad(text, width, with, meter)
    })
}

pub(super) fn join(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let array = take(arguments, 0);
    let separator = text_at(arguments, 1).unwrap_or("");
    let joined = match &array {
        Item::Value(value) => {
            let parts = value.as_array().unwrap_or_default().iter();
            strings::join(
                parts.filter_map(json::Value::as_str),
                separator,
                evaluation.meter,
            )?
        }
        Item::List(list) => {
            let parts = list.items.iter().filter_map(Item::as_str);
            strings::join(parts, separator, evaluation.meter)?
        }
        _ => return Ok(Item::Undefined),
    };
    Ok(joined.into())
}

/// AWS's.
pub(super) fn hash(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    match (text_at(arguments, 0), text_at(arguments, 1)) {
        (Some(text), Some(algorithm)) => {
            let hash = digest::hash(text, algorithm, evaluation.meter).map_err(Fault::from)?;
            Ok(hash.into())
        }
        _ => Ok(Item::Undefined),
    }
}
