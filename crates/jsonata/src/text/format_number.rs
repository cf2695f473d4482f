//! `$formatNumber`: the pictures of XPath's `format-number`, analysed and filled in the way of the
//! reference.

mod picture;

use json::Object;

use self::picture::{Picture, Symbols, analyse};
use super::builder::Builder;
use super::error;
use super::numbers::{self, to_fixed};
use crate::error::Error;
use crate::meter::Meter;

/// `$formatNumber`: the number in the form of a picture such as `#,##0.00`, `01%` or `0.0e0`, with
/// a second one behind `;` for negative numbers. `options` replace the characters of pictures
/// (`decimal-separator`, `zero-digit` and so on).
///
/// # Errors
/// D3080 to D3093 for pictures, D1001 for a number that is not finite; for an option that is not
/// text, or longer than the one character it has to be, and for more than 100 decimal places, as
/// ECMAScript does; those of the meter.
pub(crate) fn format_number(
    value: f64,
    picture: &str,
    options: Option<&Object>,
    meter: &Meter,
) -> Result<String, Error> {
    // Each check of a picture walks all of it.
    meter.step(16 * (1 + picture.len() as u64))?;
    let picture_bytes = picture.len().saturating_mul(32);
    meter.make(picture_bytes)?;
    let symbols = Symbols::with_options(options)?;
    let pictures = analyse(picture, &symbols)?;
    if !value.is_finite() {
        return Err(error("D1001", "Number out of range: null"));
    }
    let (picture, sign) = match (value < 0.0, &pictures.negative) {
        (false, _) => (&pictures.positive, ""),
        (true, Some(negative)) => (negative, ""),
        (true, None) => (&pictures.positive, symbols.minus.as_str()),
    };
    let mut out = Builder::new(meter);
    out.push_str(sign)?;
    out.push_str(&picture.prefix)?;
    let (mantissa, exponent) = scaled(value.abs() * picture.factor, picture);
    for character in mantissa_text(mantissa, picture, &symbols, meter)? {
        out.push(character)?;
    }
    if let Some(exponent) = exponent {
        push_exponent(exponent, picture, &symbols, &mut out)?;
    }
    out.push_str(&picture.suffix)?;
    meter.refund(picture_bytes);
    Ok(out.finish())
}

/// Mantissa and exponent, if the picture has one. (The reference never comes to an end with zero
/// and with numbers below it.)
fn scaled(magnitude: f64, picture: &Picture) -> (f64, Option<i32>) {
    if picture.exponent_size_min == 0 {
        return (magnitude, None);
    }
    let power = |exponent: i64| format!("1e{exponent}").parse().unwrap_or(f64::INFINITY);
    let scaling = i64::try_from(picture.scaling).unwrap_or(i64::MAX);
    let (least, greatest): (f64, f64) = (power(scaling - 1), power(scaling));
    let mut mantissa = magnitude;
    let mut exponent = 0;
    while mantissa < least && mantissa > 0.0 {
        mantissa *= 10.0;
        exponent -= 1;
    }
    while mantissa > greatest {
        mantissa /= 10.0;
        exponent += 1;
    }
    (mantissa, Some(exponent))
}

/// The digits of the mantissa with point and separators.
fn mantissa_text(
    mantissa: f64,
    picture: &Picture,
    symbols: &Symbols,
    meter: &Meter,
) -> Result<Vec<char>, Error> {
    let rounded = numbers::round(mantissa, Some(picture.fraction_size_max as f64));
    let fixed = to_fixed(rounded, picture.fraction_size_max)?;
    let (integer, fraction) = fixed.split_once('.').unwrap_or((&fixed, ""));
    let integer = integer.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let zeros =
        |size: usize, len: usize| std::iter::repeat_n(symbols.zero, size.saturating_sub(len));
    let mut text: Vec<char> = zeros(picture.integer_size_min, integer.len()).collect();
    text.extend(integer.chars().map(|character| digit(character, symbols)));
    let point = text.len();
    text.push(symbols.decimal);
    text.extend(fraction.chars().map(|character| digit(character, symbols)));
    text.extend(zeros(picture.fraction_size_min, fraction.len()));
    group(&mut text, point, picture, symbols, meter)?;
    if !picture.has_decimal || text.last() == Some(&symbols.decimal) {
        text.pop();
    }
    Ok(text)
}

/// Inserts the separators; the point stands at `point`. If a number has too few digits for groups
/// of different sizes, the reference counts from the wrong end (`slice` with a negative number)
/// and puts them elsewhere, and so do we.
fn group(
    text: &mut Vec<char>,
    point: usize,
    picture: &Picture,
    symbols: &Symbols,
    meter: &Meter,
) -> Result<(), Error> {
    let len_before = text.len();
    let mut insert = |at: usize| -> Result<usize, Error> {
        meter.step(1 + text.len() as u64 / 16)?;
        text.insert(at.min(text.len()), symbols.grouping);
        Ok(text.len())
    };
    let mut inserted = 0;
    if picture.regular_grouping > 0 {
        let multiples = (1..).map(|number| number * picture.regular_grouping);
        for position in multiples.take_while(|position| *position < point) {
            insert(point - position)?;
            inserted += 1;
        }
    } else {
        let mut len = len_before;
        for position in &picture.integer_groups {
            let point = point + inserted;
            let from_end = || len.saturating_sub(position - point);
            len = insert(point.checked_sub(*position).unwrap_or_else(from_end))?;
            inserted += 1;
        }
    }
    for position in &picture.fraction_groups {
        insert(position + point + inserted + 1)?;
    }
    Ok(())
}

/// An ASCII digit in the family of the picture; anything else as it is (`1e+21`).
fn digit(character: char, symbols: &Symbols) -> char {
    character
        .to_digit(10)
        .map_or(character, |digit| symbols.digit_of(digit))
}

fn push_exponent(
    exponent: i32,
    picture: &Picture,
    symbols: &Symbols,
    out: &mut Builder<'_>,
) -> Result<(), Error> {
    let digits = exponent.unsigned_abs().to_string();
    out.push(symbols.exponent)?;
    if exponent < 0 {
        out.push_str(&symbols.minus)?;
    }
    for _ in digits.len()..picture.exponent_size_min {
        out.push(symbols.zero)?;
    }
    digits
        .chars()
        .try_for_each(|character| out.push(digit(character, symbols)))
}

#[cfg(test)]
mod tests;
