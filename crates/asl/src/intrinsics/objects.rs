//! JSON in texts, and objects.

use json::{Object, Value};

use super::arguments::{Arguments, Problem, wrong};

/// Merges the members at the top only; those of the second object win (developer guide).
pub(super) fn json_merge(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let (left, right) = (arguments.object(0)?, arguments.object(1)?);
    let is_deep = arguments.value(2)?;
    match is_deep.as_bool() {
        Some(false) => {}
        Some(true) => {
            return Err(Problem::new(
                "argument 3 must be false: only the members at the top can be merged",
            ));
        }
        None => return Err(wrong(2, "false", is_deep)),
    }
    let count = left.len().saturating_add(right.len());
    arguments.step(count)?;
    arguments
        .meter
        .make(count.saturating_mul(size_of::<(json::Text, Value)>()))?;
    let members = left.members().iter().chain(right.members()).cloned();
    Ok(members.collect::<Object>().into())
}

/// A text with nothing in it is `null`, as AWS has it.
pub(super) fn string_to_json(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let text = arguments.text(0)?;
    // The white space of JSON: a form feed is none.
    if text.trim_matches([' ', '\t', '\n', '\r']).is_empty() {
        return Ok(Value::null());
    }
    // A value takes 16 bytes and at least two characters.
    arguments.step(text.len() / 16)?;
    arguments.meter.make(text.len().saturating_mul(8))?;
    json::parse(text).map_err(|error| Problem::new(format_args!("argument 1 is not JSON: {error}")))
}

pub(super) fn json_to_string(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let value = arguments.value(0)?;
    arguments.step(value.size() / 16)?;
    arguments.meter.make(value.size())?;
    Ok(value.to_text().into())
}
