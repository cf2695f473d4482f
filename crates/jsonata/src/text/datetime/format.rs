//! Instants as text.

use super::calendar::Moment;
use super::picture::{Form, Marker, Part};
use super::{DAYS, MONTHS, error, no_names};
use crate::error::Error;
use crate::meter::Meter;
use crate::text::builder::Builder;
use crate::text::integers::{self, Case, Grouping, Picture, Primary};
use crate::text::numbers::parse_int;
use crate::text::serialise::quoted;

/// The offset of a timezone from UTC, as the reference takes it apart: the hours are rounded down,
/// the minutes keep the sign, so that `-0530` is six and a half hours behind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Offset {
    hours: f64,
    minutes: f64,
}

impl Offset {
    pub(super) const UTC: Offset = Offset {
        hours: 0.0,
        minutes: 0.0,
    };

    /// Of `+0100`.
    ///
    /// # Errors
    /// For what does not begin with a number.
    pub(super) fn parse(timezone: &str) -> Result<Offset, Error> {
        let offset = parse_int(timezone);
        if offset.is_nan() {
            let shown = quoted(timezone);
            let message = format!("The timezone must be an offset such as \"+0100\"; got: {shown}");
            return Err(error("", message));
        }
        Ok(Offset {
            hours: (offset / 100.0).floor(),
            minutes: offset % 100.0,
        })
    }

    fn millis(self) -> f64 {
        (60.0 * self.hours + self.minutes) * 60_000.0
    }

    fn digits(self) -> f64 {
        self.hours * 100.0 + self.minutes
    }
}

pub(super) fn format(
    millis: f64,
    parts: &[Part],
    offset: Offset,
    meter: &Meter,
) -> Result<String, Error> {
    let moment = Moment::of(millis + offset.millis());
    let moment = moment.ok_or_else(|| error("", "Invalid time value"))?;
    let mut out = Builder::new(meter);
    for part in parts {
        meter.step(4)?;
        match part {
            Part::Literal(text) => out.push_str(text)?,
            Part::Marker(marker) => push_marker(marker, &moment, offset, meter, &mut out)?,
        }
    }
    Ok(out.finish())
}

fn push_marker(
    marker: &Marker,
    moment: &Moment,
    offset: Offset,
    meter: &Meter,
    out: &mut Builder<'_>,
) -> Result<(), Error> {
    match marker.component {
        'C' | 'E' => return out.push_str("ISO"),
        'Z' | 'z' => return push_zone(marker, offset, meter, out),
        _ => {}
    }
    let value = moment.component(marker.component).unwrap_or_default();
    match (&marker.form, marker.component) {
        (form, 'P') => {
            let is_upper = *form == Form::Name(Case::Upper);
            out.push_str(match (value > 0, is_upper) {
                (false, false) => "am",
                (false, true) => "AM",
                (true, false) => "pm",
                (true, true) => "PM",
            })
        }
        (Form::Name(case), component) => {
            let name = name_of(component, value).ok_or_else(|| no_names(component))?;
            let name = match case {
                Case::Upper => name.to_uppercase(),
                Case::Lower => name.to_lowercase(),
                Case::Title => name.to_owned(),
            };
            let width = marker.width_max.unwrap_or(usize::MAX);
            out.push_str(name.get(..width).unwrap_or(&name))
        }
        _ => {
            let value = shown_value(marker, value as f64);
            let text = integers::format(value, marker.number()?, meter)?;
            out.push_str(&text)
        }
    }
}

fn name_of(component: char, value: i64) -> Option<&'static str> {
    let at = usize::try_from(value - 1).ok()?;
    match component {
        'M' | 'x' => MONTHS.get(at).copied(),
        'F' => DAYS.get(at).copied(),
        _ => None,
    }
}

/// Of a year, only the last digits may be shown.
fn shown_value(marker: &Marker, value: f64) -> f64 {
    match marker.digits_max.map(i32::try_from) {
        Some(Ok(digits)) if marker.component == 'Y' => value % 10_f64.powi(digits),
        _ => value,
    }
}

fn push_zone(
    marker: &Marker,
    offset: Offset,
    meter: &Meter,
    out: &mut Builder<'_>,
) -> Result<(), Error> {
    let digits = offset.digits();
    if digits == 0.0 && marker.modifier == Some('t') {
        return out.push('Z');
    }
    if marker.component == 'z' {
        out.push_str("GMT")?;
    }
    if digits >= 0.0 {
        out.push('+')?;
    }
    let picture = marker.number()?;
    if shows_hours_and_minutes(picture)? {
        return out.push_str(&integers::format(digits, picture, meter)?);
    }
    out.push_str(&integers::format(offset.hours, picture, meter)?)?;
    if offset.minutes != 0.0 {
        out.push(':')?;
        out.push_str(&integers::format_integer(offset.minutes, "00", meter)?)?;
    }
    Ok(())
}

/// Whether a picture takes hours and minutes as one number: if it has a separator or more than two
/// digits.
///
/// # Errors
/// D3134 for more than four digits, and for none.
fn shows_hours_and_minutes(picture: &Picture) -> Result<bool, Error> {
    if let Primary::Decimal(decimal) = &picture.primary {
        match (&decimal.grouping, decimal.mandatory) {
            (Grouping::Regular { .. }, _) | (_, 3 | 4) => return Ok(true),
            (_, 1 | 2) => return Ok(false),
            _ => {}
        }
    }
    let message = "The timezone integer format specifier cannot have more than four digits";
    Err(error("D3134", message))
}
