//! The values that conditions compare, read from their texts.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use json::Number;

/// A decimal number; `+` in front and zeros before it are let pass.
pub(super) fn number(text: &str) -> Option<Number> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let trimmed = digits.trim_start_matches('0');
    let leads_with_digit = trimmed.starts_with(|c: char| c.is_ascii_digit());
    let zero = if leads_with_digit { "" } else { "0" };
    if sign.is_empty() && trimmed.len() == text.len() && leads_with_digit {
        return text.parse().ok();
    }
    // `+`, `-` and the empty text are not zero.
    digits
        .starts_with(|c: char| c.is_ascii_digit() || c == '.')
        .then(|| format!("{sign}{zero}{trimmed}").parse().ok())?
}

pub(super) fn binary(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A range of addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    address: IpAddr,
    /// Bits that count, from the left.
    prefix: u32,
}

impl Network {
    /// `203.0.113.0/24`, `2001:db8::/32`, or one address.
    pub(super) fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let prefix_max = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) if prefix.bytes().all(|b| b.is_ascii_digit()) => prefix.parse().ok()?,
            Some(_) => return None,
            None => prefix_max,
        };
        (prefix <= prefix_max).then_some(Network { address, prefix })
    }

    /// Whether the text is an address of this range; families never match each other.
    pub(super) fn holds(&self, text: &str) -> bool {
        let Ok(address) = text.parse::<IpAddr>() else {
            return false;
        };
        let differing = match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => return false,
        };
        differing >= self.prefix
    }
}

/// An instant in milliseconds since the Unix epoch: whole seconds, or W3C's ISO 8601: `2026-11-20`,
/// `2026-11-20T12:00Z`, `2026-11-20T12:00:00.5+01:00`. Without an offset it is UTC; a fraction
/// finer than milliseconds is cut.
pub(in crate::iam) fn date_ms(text: &str) -> Option<i128> {
    let is_seconds = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if is_seconds {
        let seconds: i64 = text.parse().ok()?;
        return Some(i128::from(seconds) * 1000);
    }
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let time_ms = match time {
        Some(time) => time_of_day_ms(time)?,
        None => 0,
    };
    let ms = i128::from(days(date)?) * 86_400_000 + i128::from(time_ms);
    // AWS reads dates as far as its milliseconds go.
    i64::try_from(ms).ok().map(i128::from)
}

/// Days since the Unix epoch of `YYYY-MM-DD` or `YYYY-MM`; the year may have a sign and more
/// digits.
fn days(date: &str) -> Option<i64> {
    let (sign, rest) = match date.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, date.strip_prefix('+').unwrap_or(date)),
    };
    let mut fields = rest.split('-');
    let year = fields.next().filter(|year| (4..=9).contains(&year.len()))?;
    let (month, day) = (fields.next()?, fields.next().unwrap_or("01"));
    if fields.next().is_some() {
        return None;
    }
    let (year, month) = (sign * digits(year)?, two_digits(month, 1..=12)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let day_max = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let day = two_digits(day, 1..=day_max)?;
    // The year begins in March, so that the leap day is its last (Hinnant, "chrono-compatible
    // low-level date algorithms").
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Milliseconds since midnight UTC of `hh:mm`, `hh:mm:ss` or `hh:mm:ss.fff` with `Z`, an offset or
/// nothing behind.
fn time_of_day_ms(text: &str) -> Option<i64> {
    let offset_at = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (time, offset) = text.split_at_checked(offset_at)?;
    let offset_minutes = match offset {
        "" | "Z" | "z" => 0,
        _ => {
            let (sign, offset) = offset.split_at_checked(1)?;
            let minutes = minutes(offset)?;
            if sign == "-" { -minutes } else { minutes }
        }
    };
    let (hours_minutes, seconds_ms) = match time.get(5..).filter(|rest| !rest.is_empty()) {
        Some(rest) => (time.get(..5)?, seconds_ms(rest.strip_prefix(':')?)?),
        None => (time, 0),
    };
    Some((minutes(hours_minutes)? - offset_minutes) * 60_000 + seconds_ms)
}

/// `hh:mm`.
fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    Some(two_digits(hours, 0..=23)? * 60 + two_digits(minutes, 0..=59)?)
}

/// `ss` or `ss.fff`.
fn seconds_ms(text: &str) -> Option<i64> {
    let (seconds, fraction) = match text.split_once('.') {
        Some((seconds, fraction)) => (seconds, Some(fraction)),
        None => (text, None),
    };
    let ms = match fraction {
        Some(fraction) if fraction.bytes().all(|b| b.is_ascii_digit()) => {
            digits(format!("{fraction}00").get(..3)?)?
        }
        Some(_) => return None,
        None => 0,
    };
    Some(two_digits(seconds, 0..=59)? * 1000 + ms)
}

fn two_digits(text: &str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    (text.len() == 2)
        .then(|| digits(text))?
        .filter(|number| range.contains(number))
}

fn digits(text: &str) -> Option<i64> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}
