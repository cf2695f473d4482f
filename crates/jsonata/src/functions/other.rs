//! Functions on values of any type, and those that end the evaluation.

use json::Kind;

use super::{take, text_at};
use crate::error::Error;
use crate::eval::{Evaluation, Result};
use crate::item::Item;
use crate::text::{additions, serialise};

/// The reference passes functions on as Javascript functions, which are false.
fn truth(evaluation: &Evaluation<'_>, item: &Item) -> Result<Item> {
    match item {
        Item::Undefined => Ok(Item::Undefined),
        Item::Function(_) => Ok(false.into()),
        item => Ok(evaluation.truth(item)?.into()),
    }
}

pub(super) fn boolean(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    truth(evaluation, &take(arguments, 0))
}

pub(super) fn not(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let truth = truth(evaluation, &take(arguments, 0))?;
    let truth = truth.as_value().and_then(json::Value::as_bool);
    Ok(truth.map_or(Item::Undefined, |truth| (!truth).into()))
}

pub(super) fn exists(_: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    Ok((!take(arguments, 0).is_undefined()).into())
}

pub(super) fn type_name(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let item = take(arguments, 0);
    let name = match &item {
        Item::Undefined | Item::Tail(_) => return Ok(Item::Undefined),
        Item::Number(_) => match evaluation.numeric(&item)? {
            Some(_) => "number",
            // What is not a number is none of the others either.
            None => "object",
        },
        Item::List(_) | Item::Tuples(_) => "array",
        Item::Function(_) => "function",
        Item::Object(_) => "object",
        Item::Value(value) => match value.kind() {
            Kind::Null => "null",
            Kind::Bool => "boolean",
            Kind::Number => "number",
            Kind::String => "string",
            Kind::Array => "array",
            Kind::Object => "object",
        },
    };
    Ok(name.into())
}

fn thrown(code: &'static str, message: Option<&str>, default: &str) -> Error {
    let message = message
        .filter(|message| !message.is_empty())
        .unwrap_or(default);
    Error {
        code,
        message: message.to_owned(),
        position: None,
        token: None,
        limit: None,
    }
}

pub(super) fn error(_: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let message = text_at(arguments, 0);
    Err(thrown("D3137", message, "$error() function evaluated").into())
}

pub(super) fn assert(_: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let condition = arguments.first().and_then(Item::as_value);
    if condition.and_then(json::Value::as_bool) == Some(true) {
        return Ok(Item::Undefined);
    }
    let message = text_at(arguments, 1);
    Err(thrown("D3141", message, "$assert() statement failed").into())
}

/// Values do not change, so a copy is the value itself.
pub(super) fn clone(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let item = take(arguments, 0);
    if item.is_opaque() {
        return Ok(Item::Value(evaluation.value_without_functions(&item)?));
    }
    Ok(item)
}

pub(super) fn uuid(evaluation: &Evaluation<'_>, _: &mut [Item]) -> Result<Item> {
    let random = || evaluation.environment.random();
    Ok(additions::uuid(random(), random()).into())
}

pub(super) fn parse(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    match text_at(arguments, 0) {
        Some(text) => Ok(Item::Value(serialise::parse(text, evaluation.meter)?)),
        None => Ok(Item::Undefined),
    }
}
