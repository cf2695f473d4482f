//! `$fromMillis` and `$toMillis`: ISO 8601, and the pictures of XPath's `format-dateTime`.

mod calendar;
mod format;
mod iso;
mod parse;
mod picture;

use std::sync::LazyLock;

use self::picture::Part;
use super::{error, steps_to_read};
use crate::error::Error;
use crate::meter::Meter;

static ISO_8601: LazyLock<Result<Vec<Part>, Error>> =
    LazyLock::new(|| picture::analyse("[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"));

/// `$fromMillis`: the instant in the form of a picture, that of ISO 8601 if there is none, in a
/// timezone such as `+0100`.
///
/// # Errors
/// D3130 to D3135 for pictures; for an instant beyond the years ±271821 and a timezone that is no
/// number, where the reference shows `NaN`; those of the meter.
pub(crate) fn from_millis(
    millis: f64,
    picture: Option<&str>,
    timezone: Option<&str>,
    meter: &Meter,
) -> Result<String, Error> {
    let offset = match timezone {
        Some(timezone) => {
            meter.step(steps_to_read(timezone))?;
            format::Offset::parse(timezone)?
        }
        None => format::Offset::UTC,
    };
    let Some(picture) = picture else {
        let parts = ISO_8601.as_ref().map_err(Error::clone)?;
        return format::format(millis, parts, offset, meter);
    };
    let parts = analyse(picture, meter)?;
    let text = format::format(millis, &parts, offset, meter)?;
    meter.refund(parts_bytes(picture));
    Ok(text)
}

/// `$toMillis`: the instant that a text in ISO 8601, or in the form of a picture, stands for. Of
/// what the picture leaves out, the parts above are taken from `now_ms`, those below are the
/// least. `None` for a text that does not fit the picture; NaN for a date that does not exist.
///
/// # Errors
/// D3110 for what does not look like ISO 8601; D3130 to D3136 for pictures; those of the meter.
pub(crate) fn to_millis(
    text: &str,
    picture: Option<&str>,
    now_ms: i64,
    meter: &Meter,
) -> Result<Option<f64>, Error> {
    meter.step(steps_to_read(text))?;
    let Some(picture) = picture else {
        return iso::parse(text, meter).map(Some);
    };
    let parts = analyse(picture, meter)?;
    let millis = parse::parse(text, &parts, now_ms, meter)?;
    meter.refund(parts_bytes(picture));
    Ok(millis)
}

/// Analysing takes a few dozen comparisons for each character.
fn analyse(picture: &str, meter: &Meter) -> Result<Vec<Part>, Error> {
    meter.step(1 + picture.len() as u64)?;
    meter.make(parts_bytes(picture))?;
    picture::analyse(picture)
}

/// What the parts of a picture take at most.
fn parts_bytes(picture: &str) -> usize {
    picture.len().saturating_mul(64)
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// From Monday, as ISO 8601 counts them.
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// D3133: names of what has none.
fn no_names(component: char) -> Error {
    let quoted = super::serialise::quoted(component.encode_utf8(&mut [0; 4]));
    let message = format!(
        "The 'name' modifier can only be applied to months and days in the date/time picture \
         string, not {quoted}"
    );
    error("D3133", message)
}

#[cfg(test)]
mod tests;
