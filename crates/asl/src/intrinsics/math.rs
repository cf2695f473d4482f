//! Numbers, and chance.

use json::Value;

use super::arguments::{Arguments, Problem};
use crate::context::Chance;

/// Both numbers and their sum are 32-bit integers (developer guide: -2147483648 to 2147483647).
pub(super) fn add(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let sum = integer(arguments, 0)? + integer(arguments, 1)?;
    match i32::try_from(sum) {
        Ok(sum) => Ok(sum.into()),
        Err(_) => Err(Problem::new(format_args!("the sum {sum} is out of range"))),
    }
}

/// An integer from `start` up to `end`, which is excluded; the same one for the same seed.
pub(super) fn random(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let (start, end) = (arguments.rounded(0)?, arguments.rounded(1)?);
    if start >= end {
        return Err(Problem::new(format_args!(
            "the end {end} must be greater than the start {start}"
        )));
    }
    let bits = match arguments.values.len() {
        3 => Chance::new(arguments.rounded(2)?.cast_unsigned()).draw(),
        _ => arguments.outside.random(),
    };
    // The high half of the product is as uniform as anybody can see.
    let offset = (u128::from(bits) * u128::from(start.abs_diff(end))) >> 64;
    let offset = u64::try_from(offset).unwrap_or_default();
    Ok(start.wrapping_add_unsigned(offset).into())
}

/// A version 4 UUID (RFC 9562).
pub(super) fn uuid(arguments: &Arguments<'_>) -> Result<Value, Problem> {
    let outside = arguments.outside;
    let bits = (u128::from(outside.random()) << 64) | u128::from(outside.random());
    let version = 0x4_u128 << 76;
    let variant = 0b10_u128 << 62;
    let bits = bits & !(0xF_u128 << 76) & !(0b11_u128 << 62) | version | variant;
    let digits = format!("{bits:032x}");
    let mut text = String::with_capacity(36);
    for (at, digit) in digits.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    Ok(text.into())
}

/// A 32-bit integer, rounded.
fn integer(arguments: &Arguments<'_>, at: usize) -> Result<i64, Problem> {
    let integer = arguments.rounded(at)?;
    match i32::try_from(integer) {
        Ok(_) => Ok(integer),
        Err(_) => Err(Problem::new(format_args!(
            "argument {} is out of range: {integer}",
            at + 1
        ))),
    }
}
