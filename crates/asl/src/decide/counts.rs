//! The numbers that a Map's fields give, literally, from a path or by an expression.

use json::Value;

use super::data::Data;
use super::step::Fault;
use crate::event::Text;
use crate::program::{Dynamic, Tolerance};
use crate::template::shown;

/// ToleratedFailureCount; 0 when absent.
pub(super) fn tolerated_count(
    tolerance: &Tolerance,
    input: &Value,
    data: &Data<'_>,
) -> Result<u64, Fault> {
    let count = tolerance.count.as_ref();
    count.map_or(Ok(0), |it| {
        self::count(it, "ToleratedFailureCount", input, data)
    })
}

/// ToleratedFailurePercentage; 0 when absent. A path may lead to a number or to the text of one.
pub(super) fn tolerated_percentage(
    tolerance: &Tolerance,
    input: &Value,
    data: &Data<'_>,
) -> Result<f64, Fault> {
    let path = match &tolerance.percentage {
        None => return Ok(0.0),
        Some(Dynamic::Literal(percentage)) => return Ok(*percentage),
        Some(Dynamic::Query(query)) => return Ok(query.evaluate_percentage(&data.scope(input))?),
        Some(Dynamic::Path(path)) => path,
    };
    let found = data.select(path, input)?;
    let of_text = || found.as_str()?.parse::<f64>().ok();
    let not_a_float = || refers_to("ToleratedFailurePercentage", &found, "float", &path.text);
    let number = found.as_f64().or_else(of_text).ok_or_else(not_a_float)?;
    if !(0.0..=100.0).contains(&number) {
        let text = "ToleratedFailurePercentage must be between 0 and 100.";
        return Err(Fault::runtime(text));
    }
    Ok(number)
}

/// A number that is no less than 0, of `field` or its `...Path`.
pub(super) fn count(
    number: &Dynamic<u64>,
    field: &str,
    input: &Value,
    data: &Data<'_>,
) -> Result<u64, Fault> {
    let number = whole_number(number, field, input, data)?;
    u64::try_from(number).map_err(|_| Fault::runtime(format!("{field} cannot be negative.")))
}

/// MaxConcurrency; 0 is no limit. AWS words its refusal otherwise than those of [`count`].
pub(super) fn concurrency(
    number: &Dynamic<u64>,
    input: &Value,
    data: &Data<'_>,
) -> Result<u64, Fault> {
    let number = whole_number(number, "MaxConcurrency", input, data)?;
    u64::try_from(number).map_err(|_| {
        Fault::runtime(format!(
            "Expected non-negative integer for MaxConcurrency, got '{number}' instead."
        ))
    })
}

/// A whole number. A path may lead to an integer or to the text of one.
pub(super) fn whole_number(
    number: &Dynamic<u64>,
    field: &str,
    input: &Value,
    data: &Data<'_>,
) -> Result<i64, Fault> {
    let saturated = |number| i64::try_from(number).unwrap_or(i64::MAX);
    let path = match number {
        Dynamic::Literal(number) => return Ok(saturated(*number)),
        Dynamic::Query(query) => {
            let number = query.evaluate_integer(&data.scope(input), 0..=u64::MAX)?;
            return Ok(saturated(number));
        }
        Dynamic::Path(path) => path,
    };
    let found = data.select(path, input)?;
    let of_text = || found.as_str()?.parse::<i64>().ok();
    let number = found.as_i64().or_else(of_text);
    number.ok_or_else(|| refers_to(field, &found, "integer", &path.text))
}

fn refers_to(field: &str, found: &Value, kind: &str, path: &Text) -> Fault {
    let value = found.as_str().map_or_else(|| shown(found), str::to_owned);
    Fault::runtime(format!(
        "The {field}Path field refers to value \"{value}\" which is not a valid {kind}: {path}"
    ))
}
