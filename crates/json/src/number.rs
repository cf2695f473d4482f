//! Numbers that keep their text and compare as exact decimals.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::Text;
use crate::parse::number_len;

/// A JSON number exactly as written: `0.0`, `1e3` and `-0` keep their text, and integers of any
/// length are exact.
///
/// Equality, order and hash are those of the number, not of the text: `1`, `1.0` and `10e-1` are
/// equal, `0` equals `-0`, and no digit is lost to floating point. The cost is linear in the
/// length of the texts, whatever the exponent. (Exponents beyond ±10^30 count as ±10^30.)
#[derive(Clone)]
pub struct Number(pub(crate) Text);

/// The text is not a number as JSON writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is not a JSON number")]
pub struct NotANumber;

impl Number {
    /// The number as it was written.
    pub fn as_text(&self) -> &str {
        self.0.as_str()
    }

    /// The value, if it is an integer in range, however written: `1.0` and `1e3` are integers.
    pub fn as_i64(&self) -> Option<i64> {
        let text = self.0.as_bytes();
        plain_i64(text).or_else(|| Decimal::of(text).as_i64())
    }

    /// The nearest double; too large values become infinite, as in every IEEE 754 parser.
    pub fn as_f64(&self) -> f64 {
        if let Some(value) = short_f64(self.0.as_bytes()) {
            return value;
        }
        // JSON's grammar of numbers is within the one of `f64`.
        self.as_text().parse().unwrap_or(f64::NAN)
    }

    /// Whether the value has no fraction: true for `7`, `7.0` and `7e400`.
    pub fn is_integer(&self) -> bool {
        let decimal = Decimal::of(self.0.as_bytes());
        decimal.magnitude >= i128::try_from(decimal.count).unwrap_or(i128::MAX)
    }

    /// Whether the value is below zero; false for `-0`.
    pub fn is_negative(&self) -> bool {
        Decimal::of(self.0.as_bytes()).sign() < 0
    }

    /// The integer in plain digits.
    pub fn from_i64(value: i64) -> Number {
        Number::from_digits(value.is_negative(), value.unsigned_abs())
    }

    /// The integer in plain digits.
    pub fn from_u64(value: u64) -> Number {
        Number::from_digits(false, value)
    }

    /// The shortest text that reads back as `value`, laid out as ECMAScript does: `1`, `0.1`,
    /// `1e+21`, `1e-7`, and `0` for negative zero. `None` if `value` is not finite.
    pub fn from_f64(value: f64) -> Option<Number> {
        if !value.is_finite() {
            return None;
        }
        if value == 0.0 {
            return Some(Number::from_i64(0));
        }
        Some(Number::trusted(&ecmascript_text(value)))
    }

    /// Takes text that is known to be a JSON number.
    pub(crate) fn trusted(text: &str) -> Number {
        Number(Text::with_quoted_len(text, text.len() + 2))
    }

    pub(crate) fn text_len(&self) -> usize {
        self.0.as_bytes().len()
    }

    fn from_digits(negative: bool, magnitude: u64) -> Number {
        // Twenty digits and a sign, filled from the end.
        let mut buffer = [b'0'; 21];
        let mut start = buffer.len();
        let mut rest = magnitude;
        for (at, slot) in buffer.iter_mut().enumerate().rev() {
            *slot = b"0123456789"
                .get((rest % 10) as usize)
                .copied()
                .unwrap_or(b'0');
            start = at;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if negative && let Some(slot) = start.checked_sub(1).and_then(|at| buffer.get_mut(at)) {
            *slot = b'-';
            start -= 1;
        }
        let text = buffer
            .get(start..)
            .and_then(|digits| str::from_utf8(digits).ok());
        Number::trusted(text.unwrap_or("0"))
    }
}

/// The value of an integer in plain digits that is in range: what most numbers are.
fn plain_i64(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text.split_first() {
        Some((b'-', digits)) => (-1, digits),
        _ => (1, text),
    };
    digits.iter().try_fold(0_i64, |sum, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        sum.checked_mul(10)?.checked_add(sign * i64::from(digit))
    })
}

/// The value of up to 15 digits without an exponent: what most numbers are. Both the digits and the
/// power of ten are doubles then, so their quotient is the nearest double.
fn short_f64(text: &[u8]) -> Option<f64> {
    const DIGITS_MAX: usize = 15;
    const POWERS: [f64; DIGITS_MAX + 1] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ];
    let (is_negative, unsigned) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    if unsigned.len() > DIGITS_MAX {
        return None;
    }
    let mut digits = 0_u64;
    let mut point = None;
    for (at, byte) in unsigned.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits = digits * 10 + u64::from(byte - b'0'),
            b'.' => point = Some(unsigned.len() - 1 - at),
            _ => return None,
        }
    }
    let value = match point {
        None => digits as f64,
        Some(places) => digits as f64 / POWERS.get(places)?,
    };
    Some(if is_negative { -value } else { value })
}

/// Lays out the shortest digits of a finite, non-zero double as `Number::toString` of ECMAScript.
fn ecmascript_text(value: f64) -> String {
    if (1e-6..1e21).contains(&value.abs()) {
        return format!("{value}");
    }
    let scientific = format!("{:e}", value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let point = exponent + 1;
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let sign = if value < 0.0 { "-" } else { "" };
    if (count..=21).contains(&point) {
        format!("{sign}{digits}{}", zeros(point - count))
    } else if (1..=21).contains(&point) {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
        format!("{sign}{whole}.{fraction}")
    } else if (-5..=0).contains(&point) {
        format!("{sign}0.{}{digits}", zeros(-point))
    } else {
        let exponent_sign = if exponent < 0 { "" } else { "+" };
        format!("{sign}{mantissa}e{exponent_sign}{exponent}")
    }
}

const EXPONENT_MAX: i128 = 10_i128.pow(30);

/// A number taken apart: `0.d1d2d3... * 10^magnitude` with `d1` not zero; zero has no digits.
struct Decimal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    /// Significant digits, without leading and trailing zeros.
    count: usize,
    /// Leading zeros of `whole` and `fraction` taken together.
    leading: usize,
    magnitude: i128,
}

impl<'a> Decimal<'a> {
    fn of(text: &'a [u8]) -> Decimal<'a> {
        let (negative, unsigned) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            _ => (false, text),
        };
        let is_exponent = |byte: &u8| matches!(byte, b'e' | b'E');
        let (mantissa, exponent) = split_before(unsigned, is_exponent);
        let (whole, fraction) = split_before(mantissa, |byte| *byte == b'.');
        let fraction = fraction.get(1..).unwrap_or_default();
        let is_zero = |byte: &&u8| **byte == b'0';
        let total = whole.len() + fraction.len();
        let leading = whole.iter().chain(fraction).take_while(is_zero).count();
        let trailing = whole
            .iter()
            .chain(fraction)
            .rev()
            .take_while(is_zero)
            .count();
        let count = total.saturating_sub(leading + trailing);
        let shift = int(whole.len()) - int(leading);
        let magnitude = if count == 0 {
            0
        } else {
            exponent_of(exponent) + shift
        };
        Decimal {
            negative,
            whole,
            fraction,
            count,
            leading,
            magnitude,
        }
    }

    fn sign(&self) -> i8 {
        match (self.count, self.negative) {
            (0, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        }
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole
            .iter()
            .chain(self.fraction)
            .copied()
            .skip(self.leading)
            .take(self.count)
    }

    fn as_i64(&self) -> Option<i64> {
        // i64 has at most 19 digits; the digits then fit i128 with room to spare.
        if self.count > 0 && !(1..=19).contains(&self.magnitude) {
            return None;
        }
        let zeros = self
            .magnitude
            .checked_sub(int(self.count))
            .filter(|zeros| *zeros >= 0)?;
        let digits = self
            .digits()
            .fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        let value = digits * 10_i128.pow(u32::try_from(zeros).ok()?);
        i64::try_from(if self.negative { -value } else { value }).ok()
    }

    fn cmp_absolute(&self, other: &Decimal<'_>) -> Ordering {
        // Digits are fractions of the same magnitude: the order is that of words in a dictionary.
        self.magnitude
            .cmp(&other.magnitude)
            .then_with(|| self.digits().cmp(other.digits()))
    }
}

fn int(length: usize) -> i128 {
    i128::try_from(length).unwrap_or(EXPONENT_MAX)
}

fn split_before(bytes: &[u8], is_border: impl FnMut(&u8) -> bool) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().position(is_border).unwrap_or(bytes.len()))
}

/// The value of `e+12`, `E-3` or nothing at all.
fn exponent_of(text: &[u8]) -> i128 {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit());
    let absolute = digits.fold(0_i128, |sum, digit| {
        EXPONENT_MAX.min(sum * 10 + i128::from(digit - b'0'))
    });
    if text.get(1) == Some(&b'-') {
        -absolute
    } else {
        absolute
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        let left = Decimal::of(self.0.as_bytes());
        let right = Decimal::of(other.0.as_bytes());
        left.sign()
            .cmp(&right.sign())
            .then_with(|| match left.sign() {
                0 => Ordering::Equal,
                1 => left.cmp_absolute(&right),
                _ => right.cmp_absolute(&left),
            })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.0 == other.0 || self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let decimal = Decimal::of(self.0.as_bytes());
        state.write_i8(decimal.sign());
        state.write_i128(decimal.magnitude);
        decimal.digits().for_each(|digit| state.write_u8(digit));
    }
}

impl FromStr for Number {
    type Err = NotANumber;

    /// Takes the text of a number, without white space around it.
    fn from_str(text: &str) -> Result<Number, NotANumber> {
        let is_whole = number_len(text.as_bytes()) == Some(text.len());
        if is_whole {
            Ok(Number::trusted(text))
        } else {
            Err(NotANumber)
        }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Number {
        Number::from_i64(value)
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Number {
        Number::from_u64(value)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_text())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_text())
    }
}

#[cfg(test)]
mod tests;
