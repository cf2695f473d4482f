//! `$formatInteger` and `$parseInteger`: the pictures of XPath's `format-integer`, which dates
//! use as well.

mod picture;
mod words;

pub(super) use picture::{Case, Grouping, Picture, Primary, analyse, regular_interval};
pub(super) use words::names as word_names;

use self::picture::{Decimal, Separator};
use super::builder::Builder;
use super::error;
use super::numbers::{self, count_of};
use super::serialise::quoted;
use crate::error::Error;
use crate::meter::Meter;

/// `$formatInteger`: the number, rounded down, in the form of a picture: `000`, `#,##0`, `1;o`
/// (ordinal), `A`/`a` (letters), `I`/`i` (Roman), `W`/`w`/`Ww` (words).
///
/// # Errors
/// D3130 and D3131 for pictures, D1001 for a number that is not finite; those of the meter.
pub(crate) fn format_integer(value: f64, picture: &str, meter: &Meter) -> Result<String, Error> {
    let analysed = charged_analysis(picture, meter)?;
    let text = format(value.floor(), &analysed, meter)?;
    meter.refund(picture_bytes(picture));
    Ok(text)
}

fn charged_analysis(picture: &str, meter: &Meter) -> Result<Picture, Error> {
    meter.step(1 + picture.len() as u64)?;
    meter.make(picture_bytes(picture))?;
    analyse(picture)
}

/// What an analysed picture takes at most: its separators, twice while they are sorted.
fn picture_bytes(picture: &str) -> usize {
    picture.len().saturating_mul(32)
}

/// Formats an integer by a picture that has been analysed.
pub(super) fn format(value: f64, picture: &Picture, meter: &Meter) -> Result<String, Error> {
    if !value.is_finite() {
        return Err(error("D1001", "Number out of range: null"));
    }
    let magnitude = value.abs();
    let mut out = Builder::new(meter);
    if value < 0.0 {
        out.push('-')?;
    }
    match &picture.primary {
        Primary::Letters => letters(magnitude, picture.case, &mut out)?,
        Primary::Roman => roman(magnitude, picture.case, meter, &mut out)?,
        Primary::Words => {
            let words = words::of_number(magnitude, picture.is_ordinal, meter)?;
            out.push_str(&match picture.case {
                Case::Upper => words.to_uppercase(),
                Case::Lower => words.to_lowercase(),
                Case::Title => words,
            })?;
        }
        Primary::Decimal(pattern) => {
            decimal(magnitude, pattern, picture.is_ordinal, meter, &mut out)?;
        }
        Primary::Sequence(token) => return Err(sequence_error(token)),
    }
    Ok(out.finish())
}

/// Of a picture without any digit.
pub(super) fn sequence_error(token: &str) -> Error {
    let message = format!(
        "Formatting or parsing an integer as a sequence starting with {} is not supported by this \
         implementation",
        quoted(token)
    );
    error("D3130", message)
}

/// `a`, `b` .. `z`, `aa`, `ab`; nothing for zero.
fn letters(magnitude: f64, case: Case, out: &mut Builder<'_>) -> Result<(), Error> {
    let first = if case == Case::Upper { b'A' } else { b'a' };
    let mut reversed = Vec::new();
    let mut rest = magnitude;
    while rest > 0.0 {
        let letter = u8::try_from(count_of((rest - 1.0) % 26.0)).unwrap_or(0);
        reversed.push(char::from(first + letter));
        rest = ((rest - 1.0) / 26.0).floor();
    }
    reversed
        .iter()
        .rev()
        .try_for_each(|letter| out.push(*letter))
}

const NUMERALS: [(f64, &str, &str); 13] = [
    (1000.0, "M", "m"),
    (900.0, "CM", "cm"),
    (500.0, "D", "d"),
    (400.0, "CD", "cd"),
    (100.0, "C", "c"),
    (90.0, "XC", "xc"),
    (50.0, "L", "l"),
    (40.0, "XL", "xl"),
    (10.0, "X", "x"),
    (9.0, "IX", "ix"),
    (5.0, "V", "v"),
    (4.0, "IV", "iv"),
    (1.0, "I", "i"),
];

/// Nothing stands for more than a thousand, so large numbers are long.
fn roman(magnitude: f64, case: Case, meter: &Meter, out: &mut Builder<'_>) -> Result<(), Error> {
    let mut rest = magnitude;
    for (value, upper, lower) in NUMERALS {
        for _ in 0..count_of(rest / value) {
            meter.step(1)?;
            out.push_str(if case == Case::Upper { upper } else { lower })?;
        }
        rest %= value;
    }
    Ok(())
}

/// Digits, at least as many as the picture has mandatory ones, grouped.
fn decimal(
    magnitude: f64,
    pattern: &Decimal,
    is_ordinal: bool,
    meter: &Meter,
    out: &mut Builder<'_>,
) -> Result<(), Error> {
    let digits = numbers::text_of(magnitude);
    let missing = pattern.mandatory.saturating_sub(digits.len());
    let zeros = std::iter::repeat_n('0', missing);
    let characters = zeros
        .chain(digits.chars())
        .map(|digit| pattern.shift(digit));
    match &pattern.grouping {
        Grouping::Regular { every, character } => {
            let count = missing.saturating_add(digits.len());
            for (at, digit) in characters.enumerate() {
                meter.step(1)?;
                if at > 0 && (count - at).is_multiple_of(*every) {
                    out.push(*character)?;
                }
                out.push(digit)?;
            }
        }
        Grouping::Listed(separators) => {
            let bytes = missing
                .saturating_add(digits.len())
                .saturating_mul(size_of::<char>());
            meter.make(bytes)?;
            let mut grouped = characters.collect();
            for separator in separators.iter().rev() {
                meter.step(1 + bytes as u64 / 64)?;
                insert_from_right(&mut grouped, *separator);
            }
            for character in grouped {
                out.push(character)?;
            }
            meter.refund(bytes);
        }
    }
    if is_ordinal {
        out.push_str(ordinal_suffix(out.as_str()))?;
    }
    Ok(())
}

/// Inserts a separator where the picture has it, counted from the right. If the number is too
/// short, the reference loses digits (`substr` with a negative start), and so do we.
fn insert_from_right(characters: &mut Vec<char>, separator: Separator) {
    let len = characters.len();
    match len.checked_sub(separator.position) {
        Some(at) => characters.insert(at, separator.character),
        None => {
            let kept = (separator.position - len).min(len);
            characters.splice(..len - kept, [separator.character]);
        }
    }
}

fn ordinal_suffix(digits: &str) -> &'static str {
    let mut from_end = digits.chars().rev();
    match (from_end.next(), from_end.next()) {
        (_, Some('1')) => "th",
        (Some('1'), _) => "st",
        (Some('2'), _) => "nd",
        (Some('3'), _) => "rd",
        _ => "th",
    }
}

/// `$parseInteger`. Like the reference it does not check the text against the picture: what is no
/// number in that form is NaN.
///
/// # Errors
/// D3130 and D3131 for pictures; those of the meter.
pub(crate) fn parse_integer(text: &str, picture: &str, meter: &Meter) -> Result<f64, Error> {
    let analysed = charged_analysis(picture, meter)?;
    let value = parse(text, &analysed, meter)?;
    meter.refund(picture_bytes(picture));
    Ok(value)
}

/// Parses an integer by a picture that has been analysed.
pub(super) fn parse(text: &str, picture: &Picture, meter: &Meter) -> Result<f64, Error> {
    meter.step(1 + text.len() as u64)?;
    meter.make(text.len())?;
    let value = match &picture.primary {
        Primary::Letters => {
            let first = if picture.case == Case::Upper {
                'A'
            } else {
                'a'
            };
            letters_value(text, first)
        }
        Primary::Roman if picture.case == Case::Upper => roman_value(text),
        Primary::Roman => roman_value(&text.to_uppercase()),
        Primary::Words => words::value(&text.to_lowercase(), meter)?,
        Primary::Decimal(pattern) => decimal_value(text, pattern, picture.is_ordinal),
        Primary::Sequence(token) => return Err(sequence_error(token)),
    };
    meter.refund(text.len());
    Ok(value)
}

fn letters_value(text: &str, first: char) -> f64 {
    let first = f64::from(u32::from(first));
    let units = text.encode_utf16().map(f64::from);
    units.fold(0.0, |sum, unit| sum * 26.0 + unit - first + 1.0)
}

fn roman_value(text: &str) -> f64 {
    let mut sum = 0.0;
    let mut greatest = 1.0;
    for numeral in text.chars().rev() {
        let value = match numeral {
            'M' => 1000.0,
            'D' => 500.0,
            'C' => 100.0,
            'L' => 50.0,
            'X' => 10.0,
            'V' => 5.0,
            'I' => 1.0,
            _ => return f64::NAN,
        };
        if value < greatest {
            sum -= value;
        } else {
            greatest = value;
            sum += value;
        }
    }
    sum
}

fn decimal_value(text: &str, pattern: &Decimal, is_ordinal: bool) -> f64 {
    let mut digits: Vec<char> = text.chars().collect();
    if is_ordinal {
        digits.truncate(digits.len().saturating_sub(2));
    }
    let plain = digits.into_iter().filter(|digit| match &pattern.grouping {
        // Whatever the picture has, the reference takes regular groups to be separated by commas.
        Grouping::Regular { .. } => *digit != ',',
        Grouping::Listed(separators) => !separators
            .iter()
            .any(|separator| separator.character == *digit),
    });
    let plain: String = plain.map(|digit| pattern.unshift(digit)).collect();
    numbers::parse_int(&plain)
}

#[cfg(test)]
mod tests;
