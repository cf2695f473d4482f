//! Numbers and their texts, as ECMAScript has them.

use std::fmt::Write as _;

use json::Number;

use super::{error, serialise};
use crate::error::Error;

/// The text of a number: `1`, `0.1`, `1e+21`, `1e-7`, `NaN`, `-Infinity`; `0` for negative zero.
pub(crate) fn text_of(value: f64) -> String {
    const PLAIN_MAX: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < PLAIN_MAX {
        return integer_of(value).to_string();
    }
    match number_of(value) {
        Some(number) => number.as_text().to_owned(),
        None if value.is_nan() => "NaN".to_owned(),
        None if value > 0.0 => "Infinity".to_owned(),
        None => "-Infinity".to_owned(),
    }
}

/// The text of a number as `$string` shows it: with at most 15 significant digits, so that
/// `0.1 + 0.2` is `0.3`; `null` if it is not finite then, as the largest ones are not.
pub(crate) fn string_text_of(value: f64) -> String {
    message_text_of(at_precision_15(value))
}

/// The number as JSON; `None` if it is not finite.
pub(crate) fn number_of(value: f64) -> Option<Number> {
    Number::from_f64(value)
}

/// A number as the reference puts it into messages: what is not finite has no JSON.
pub(super) fn message_text_of(value: f64) -> String {
    if value.is_finite() {
        text_of(value)
    } else {
        "null".to_owned()
    }
}

/// The whole part, 0 for what is negative or no number, at most `usize::MAX`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "INVARIANT: a cast from a float saturates, and turns NaN into 0"
)]
pub(crate) fn count_of(value: f64) -> usize {
    value as usize
}

/// The whole part; 0 for what is no number, the nearest `i64` for what is out of range.
#[expect(
    clippy::cast_possible_truncation,
    reason = "INVARIANT: a cast from a float saturates, and turns NaN into 0"
)]
pub(crate) fn integer_of(value: f64) -> i64 {
    value as i64
}

/// `Number(value.toPrecision(15))` of ECMAScript.
fn at_precision_15(value: f64) -> f64 {
    // Integers below 10^15 have no sixteenth digit.
    let has_few_digits = value.abs() < 1e15 && value.fract() == 0.0;
    if has_few_digits || !value.is_finite() {
        return value;
    }
    let magnitude = format!("{:.14e}", value.abs());
    let rounded = match tie(value.abs()) {
        Some(upper) => upper,
        None => magnitude.parse().unwrap_or(value),
    };
    rounded.copysign(value)
}

/// The upper neighbour of 15 digits, if the positive `value` is exactly between two of them: where
/// ECMAScript goes up, Rust goes to the even one.
fn tie(value: f64) -> Option<f64> {
    let sixteen = format!("{value:.15e}");
    let (mantissa, exponent) = sixteen.split_once('e')?;
    let lower = mantissa.strip_suffix('5')?;
    // A double has at most 767 significant digits; most are told apart by a few more.
    let is_exact = |digits: usize| {
        let long = format!("{value:.digits$e}");
        long.strip_prefix(mantissa)
            .and_then(|rest| rest.split_once('e'))
            .is_some_and(|(rest, _)| rest.bytes().all(|digit| digit == b'0'))
    };
    if !is_exact(40) || !is_exact(770) {
        return None;
    }
    let digits: u64 = lower.replace('.', "").parse().ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    format!("{}e{}", digits + 1, exponent - 14).parse().ok()
}

/// `$number` of a string. The reference's second pattern is not anchored as a whole, so a text
/// such as `0x1z` passes it and becomes NaN.
///
/// # Errors
/// D3030 for what is neither a JSON number in range nor hexadecimal, octal or binary digits.
pub(crate) fn number_of_text(text: &str) -> Result<f64, Error> {
    if let Some(value) = decimal_value(text).filter(|value| value.is_finite()) {
        return Ok(value);
    }
    if has_radix_digits(text) {
        return Ok(radix_value(text.trim()).unwrap_or(f64::NAN));
    }
    let quoted = serialise::quoted(text);
    Err(error(
        "D3030",
        format!("Unable to cast value to a number: {quoted}"),
    ))
}

/// The value of `-?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)?`.
fn decimal_value(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (
            mantissa,
            exponent.strip_prefix(['+', '-']).unwrap_or(exponent),
        ),
        None => (unsigned, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if [whole, fraction, exponent].into_iter().all(is_digits) {
        text.parse().ok()
    } else {
        None
    }
}

/// Whether the text matches `^(0[xX][0-9A-Fa-f]+)|(0[oO][0-7]+)|(0[bB][0-1]+)$`: hexadecimal at the
/// start, octal anywhere, binary at the end.
fn has_radix_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_prefix = |at: usize, letter: u8, radix: u32| {
        bytes.get(at) == Some(&b'0')
            && bytes.get(at + 1).map(u8::to_ascii_lowercase) == Some(letter)
            && bytes
                .get(at + 2)
                .is_some_and(|digit| char::from(*digit).is_digit(radix))
    };
    let binary_end = text.trim_end_matches(['0', '1']).len();
    let is_binary = match bytes.get(binary_end.wrapping_sub(1)) {
        // The 0 before the `b` is still there, for `b` is no digit.
        Some(b'b' | b'B') => binary_end >= 2 && is_prefix(binary_end - 2, b'b', 2),
        _ => false,
    };
    is_prefix(0, b'x', 16) || (0..bytes.len()).any(|at| is_prefix(at, b'o', 8)) || is_binary
}

/// The value of `0x..`, `0o..` or `0b..`, rounded once.
fn radix_value(text: &str) -> Option<f64> {
    let (prefix, digits) = text.split_at_checked(2)?;
    let (radix, bits) = match prefix {
        "0x" | "0X" => (16, 4),
        "0o" | "0O" => (8, 3),
        "0b" | "0B" => (2, 1),
        _ => return None,
    };
    // The top 120 bits decide, if the last of them remembers whether anything follows.
    let mut top = 0_u128;
    let mut dropped_bits = 0_i32;
    for character in digits.chars() {
        let digit = u128::from(character.to_digit(radix)?);
        if top >> 120 == 0 {
            top = top << bits | digit;
        } else {
            top |= u128::from(digit != 0);
            dropped_bits = dropped_bits.saturating_add(bits);
        }
    }
    Some(top as f64 * 2_f64.powi(dropped_bits))
}

/// `parseInt` of ECMAScript: as many digits as there are, hexadecimal ones behind `0x`; NaN if
/// there are none.
pub(super) fn parse_int(text: &str) -> f64 {
    let text = text.trim_start();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let len_of = |text: &str, radix: u32| {
        text.chars()
            .take_while(|digit| digit.is_digit(radix))
            .count()
    };
    let hexadecimal = digits.strip_prefix("0x").or(digits.strip_prefix("0X"));
    let magnitude = match hexadecimal.map(|hexadecimal| len_of(hexadecimal, 16)) {
        Some(len @ 1..) => digits.get(..len + 2).and_then(radix_value),
        Some(0) => None,
        None => digits
            .get(..len_of(digits, 10))
            .and_then(|digits| digits.parse().ok()),
    };
    magnitude.map_or(f64::NAN, |magnitude: f64| sign * magnitude)
}

/// `$round`: half to even, after `precision` decimal places (before the point if negative).
pub(crate) fn round(value: f64, precision: Option<f64>) -> f64 {
    let precision = precision.unwrap_or(0.0);
    if precision == 0.0 {
        return positive_zero(half_to_even(value));
    }
    // Shifting the text and not the number: a product with a power of ten would not be exact.
    let shifted = half_to_even(shift(value, precision));
    positive_zero(shift(shifted, -precision))
}

/// `value * 10^places` by way of its text.
fn shift(value: f64, places: f64) -> f64 {
    if places.fract() != 0.0 || !value.is_finite() {
        return f64::NAN;
    }
    let text = text_of(value);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: f64 = exponent.parse().unwrap_or(0.0);
    // Beyond this every double is zero or infinite.
    let exponent = integer_of((exponent + places).clamp(-2000.0, 2000.0));
    format!("{mantissa}e{exponent}").parse().unwrap_or(f64::NAN)
}

fn half_to_even(value: f64) -> f64 {
    value.round_ties_even()
}

fn positive_zero(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value }
}

/// `$power`.
///
/// # Errors
/// D3061 if the result is not finite.
pub(crate) fn power(base: f64, exponent: f64) -> Result<f64, Error> {
    let result = base.powf(exponent);
    if result.is_finite() {
        return Ok(result);
    }
    let message = format!(
        "The power function has resulted in a value that cannot be represented as a JSON number: \
         base={}, exponent={}",
        message_text_of(base),
        message_text_of(exponent)
    );
    Err(error("D3061", message))
}

/// `$sqrt`.
///
/// # Errors
/// D3060 for a negative number.
pub(crate) fn sqrt(value: f64) -> Result<f64, Error> {
    if value < 0.0 {
        let value = message_text_of(value);
        let message = format!("The sqrt function cannot be applied to a negative number: {value}");
        return Err(error("D3060", message));
    }
    Ok(value.sqrt())
}

/// `$formatBase`: the rounded number in digits of a base, 10 if there is none.
///
/// # Errors
/// D3100 for a radix that is not between 2 and 36.
pub(crate) fn format_base(value: f64, radix: Option<f64>) -> Result<String, Error> {
    let value = round(value, None);
    let radix = radix.map_or(10.0, |radix| round(radix, None));
    if !(2.0..=36.0).contains(&radix) {
        let given = message_text_of(radix);
        let message = format!(
            "The radix of the formatBase function must be between 2 and 36.  It was given {given}"
        );
        return Err(error("D3100", message));
    }
    if radix == 10.0 || !value.is_finite() {
        return Ok(text_of(value));
    }
    Ok(digits_in_base(value, radix))
}

/// The digits of an integer. Beyond 2^53 a double stands for many integers, and engines differ in
/// which one they show: here digits that make no difference are zeros.
fn digits_in_base(value: f64, radix: f64) -> String {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let base = u32::try_from(count_of(radix)).unwrap_or(10);
    let mut reversed = Vec::new();
    let mut rest = value.abs();
    while rest >= EXACT_MAX {
        rest /= radix;
        reversed.push('0');
    }
    loop {
        let digit = rest % radix;
        let index = u32::try_from(count_of(digit)).unwrap_or(0);
        reversed.push(char::from_digit(index, base).unwrap_or('0'));
        rest = (rest - digit) / radix;
        if rest <= 0.0 {
            break;
        }
    }
    let mut text = String::new();
    if value < 0.0 {
        text.push('-');
    }
    text.extend(reversed.iter().rev());
    text
}

/// `toFixed` of a number that is not negative.
///
/// # Errors
/// For more than 100 places, as ECMAScript does.
pub(super) fn to_fixed(value: f64, places: usize) -> Result<String, Error> {
    if places > 100 {
        let message = "toFixed() digits argument must be between 0 and 100";
        return Err(error("", message));
    }
    if value >= 1e21 {
        return Ok(text_of(value));
    }
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write!(text, "{value:.places$}");
    Ok(text)
}

#[cfg(test)]
mod tests;
