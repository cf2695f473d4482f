//! ISO 8601 as the reference takes it: its pattern, then what `Date.parse` makes of the text.

use std::sync::LazyLock;

use super::calendar::{DAY_MS, true_day_number};
use super::error;
use crate::error::Error;
use crate::meter::Meter;
use crate::text::regex::Regex;
use crate::text::serialise::quoted;

/// The reference's pattern, which lets more pass than ISO 8601 has.
static PATTERN: LazyLock<Result<Regex, Error>> = LazyLock::new(|| {
    let date = r"^\d{4}(?:-[01]\d)*(?:-[0-3]\d)*";
    let time = r"(?:T[0-2]\d:[0-5]\d:[0-5]\d)*(?:\.\d+)?(?:[+-][0-2]\d:?[0-5]\d|Z)?$";
    Regex::compile(&format!("{date}{time}"), "")
});

/// The instant of a timestamp such as `2017-11-07T15:12:37.121+01:00`; month, day, time, fraction
/// and zone may be missing. What passes the pattern, but is no date, is NaN.
///
/// # Errors
/// D3110 for what does not pass; those of the meter.
pub(super) fn parse(text: &str, meter: &Meter) -> Result<f64, Error> {
    let mut reader = Reader { rest: text };
    let millis = reader.timestamp().filter(|_| reader.rest.is_empty());
    if let Some(millis) = millis {
        return Ok(millis as f64);
    }
    if PATTERN.clone()?.first(text, meter)?.is_none() {
        let message = format!(
            "The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given \
             {}",
            quoted(text)
        );
        return Err(error("D3110", message));
    }
    Ok(f64::NAN)
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    /// `None` for what is no date or does not pass the pattern; what is left over has not been
    /// understood.
    fn timestamp(&mut self) -> Option<i64> {
        let year = self.number("", 4)?;
        let month = self.number("-", 2);
        let day = month.and_then(|_| self.number("-", 2)).unwrap_or(1);
        let month = month.unwrap_or(1);
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let midnight = true_day_number(year, month - 1, day) * DAY_MS;
        let Some(hour) = self.number("T", 2) else {
            self.take("Z");
            return Some(midnight);
        };
        let minute = self.number(":", 2)?;
        let second = self.number(":", 2)?;
        let time = (hour * 60 + minute) * 60_000 + second * 1000 + self.fraction()?;
        if time > DAY_MS || minute > 59 || second > 59 {
            return None;
        }
        Some(midnight + time - self.zone()? * 60_000)
    }

    fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// A number of so many digits behind a prefix.
    fn number(&mut self, prefix: &str, digits: usize) -> Option<i64> {
        let (number, rest) = self.rest.strip_prefix(prefix)?.split_at_checked(digits)?;
        let is_number = number.bytes().all(|digit| digit.is_ascii_digit());
        let value = number.parse().ok().filter(|_| is_number)?;
        self.rest = rest;
        Some(value)
    }

    /// Milliseconds; further digits are cut off.
    fn fraction(&mut self) -> Option<i64> {
        if !self.take(".") {
            return Some(0);
        }
        let mut millis = self.number("", 1)? * 100;
        for factor in [10, 1] {
            millis += factor * self.number("", 1).unwrap_or(0);
        }
        self.rest = self
            .rest
            .trim_start_matches(|digit: char| digit.is_ascii_digit());
        Some(millis)
    }

    /// The offset in minutes; none counts as UTC.
    fn zone(&mut self) -> Option<i64> {
        let sign = match self.rest.chars().next() {
            Some('+') => 1,
            Some('-') => -1,
            _ => {
                self.take("Z");
                return Some(0);
            }
        };
        let hours = self.number(if sign > 0 { "+" } else { "-" }, 2)?;
        self.take(":");
        let minutes = self.number("", 2)?;
        (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
    }
}
