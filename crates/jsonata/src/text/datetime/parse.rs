//! Text in the form of a picture as an instant.

use super::calendar::{Moment, date_utc};
use super::picture::{Form, Marker, Part};
use super::{DAYS, MONTHS, error, no_names};
use crate::error::Error;
use crate::meter::Meter;
use crate::text::integers::{self, Case, Grouping, Picture, Primary};
use crate::text::numbers::parse_int;
use crate::text::regex::Regex;

/// The instant, `None` if the text does not fit or says nothing.
///
/// # Errors
/// D3136 if parts between those given are missing, and for dates in weeks; D3133 for names of
/// what has none; D3130 for pictures without digits; those of the meter.
pub(super) fn parse(
    text: &str,
    parts: &[Part],
    now_ms: i64,
    meter: &Meter,
) -> Result<Option<f64>, Error> {
    let mut pattern = String::from("^");
    let mut charged = 0;
    for part in parts {
        pattern.push('(');
        match part {
            Part::Literal(literal) => push_literal(literal, &mut pattern),
            Part::Marker(marker) => push_pattern(marker, &mut pattern)?,
        }
        pattern.push(')');
        // A marker of four bytes can stand for half a kilobyte.
        meter.make(pattern.len() - charged)?;
        charged = pattern.len();
    }
    pattern.push('$');
    // Compiling is paid for by length; repetitions with bounds multiply it.
    meter.step(16 * (1 + pattern.len() as u64))?;
    let regex = Regex::compile(&pattern, "i")?;
    meter.refund(charged);
    let Some(found) = regex.first(text, meter)? else {
        return Ok(None);
    };
    let mut fields = Fields::default();
    for (part, group) in parts.iter().zip(found.group_texts(text)) {
        if let Part::Marker(marker) = part {
            let value = value_of(marker, group.unwrap_or_default(), meter)?;
            fields.set(marker.component, value);
        }
    }
    if fields.0.is_empty() {
        return Ok(None);
    }
    fields.instant(now_ms).map(Some)
}

fn push_literal(literal: &str, pattern: &mut String) {
    for character in literal.chars() {
        if ".*+?^${}()|[]\\".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
}

/// The expression for what a marker stands for; cases do not count.
fn push_pattern(marker: &Marker, pattern: &mut String) -> Result<(), Error> {
    match (&marker.form, marker.component) {
        (Form::Number(picture), 'Z' | 'z') => {
            pattern.push_str(if marker.component == 'z' { "GMT" } else { "" });
            pattern.push_str("[-+][0-9]+");
            if let Some(separator) = zone_separator(picture) {
                push_literal(separator.encode_utf8(&mut [0; 4]), pattern);
                pattern.push_str("[0-9]+");
            }
            Ok(())
        }
        (Form::Number(picture), _) => push_number_pattern(marker, picture, pattern),
        (Form::Name(_), 'M' | 'x' | 'F') | (_, 'P') => {
            pattern.push_str("[a-zA-Z]+");
            Ok(())
        }
        (_, component) => Err(no_names(component)),
    }
}

fn push_number_pattern(
    marker: &Marker,
    picture: &Picture,
    pattern: &mut String,
) -> Result<(), Error> {
    match &picture.primary {
        Primary::Letters if picture.case == Case::Upper => pattern.push_str("[A-Z]+"),
        Primary::Letters => pattern.push_str("[a-z]+"),
        Primary::Roman => pattern.push_str("[MDCLXVI]+"),
        Primary::Words => {
            pattern.push_str("(?:");
            for name in integers::word_names() {
                pattern.push_str(&name);
                pattern.push('|');
            }
            pattern.push_str("and|[\\-, ])+");
        }
        Primary::Decimal(decimal) => {
            pattern.push_str("[0-9]");
            match marker.digits_max.filter(|digits| *digits > 0) {
                Some(max) => {
                    let min = max.saturating_sub(decimal.optional);
                    pattern.push_str(&format!("{{{min},{max}}}"));
                }
                None => pattern.push('+'),
            }
            if picture.is_ordinal {
                pattern.push_str("(?:th|st|nd|rd)");
            }
        }
        Primary::Sequence(token) => return Err(integers::sequence_error(token)),
    }
    Ok(())
}

/// What stands between hours and minutes; without it they are told apart by the number of digits.
fn zone_separator(picture: &Picture) -> Option<char> {
    match &picture.primary {
        Primary::Decimal(decimal) => match decimal.grouping {
            Grouping::Regular { character, .. } => Some(character),
            Grouping::Listed(_) => None,
        },
        _ => None,
    }
}

/// The value of a component; `None` for a name that is none.
fn value_of(marker: &Marker, text: &str, meter: &Meter) -> Result<Option<f64>, Error> {
    match (&marker.form, marker.component) {
        (Form::Number(picture), 'Z' | 'z') => {
            let offset = if marker.component == 'z' {
                text.get("GMT".len()..).unwrap_or_default()
            } else {
                text
            };
            Ok(Some(zone_minutes(offset, zone_separator(picture))))
        }
        (Form::Number(picture), _) => integers::parse(text, picture, meter).map(Some),
        (_, 'P') => Ok(match text {
            "am" | "AM" => Some(0.0),
            "pm" | "PM" => Some(1.0),
            _ => None,
        }),
        (_, 'F') => Ok(name_number(&DAYS, text, marker.width_max)),
        _ => Ok(name_number(&MONTHS, text, marker.width_max)),
    }
}

/// The number from 1 of a name, or of its first letters if there is a width. The last one of
/// several wins.
fn name_number(names: &[&str], text: &str, width: Option<usize>) -> Option<f64> {
    let width = width.filter(|width| *width > 0).unwrap_or(usize::MAX);
    let short = |name: &&str| name.get(..width).unwrap_or(name) == text;
    names.iter().rposition(short).map(|at| at as f64 + 1.0)
}

/// The offset in minutes. The sign counts for the hours alone, as in the reference: `-05:30` is
/// four and a half hours behind.
fn zone_minutes(text: &str, separator: Option<char>) -> f64 {
    let (hours, minutes) = match separator {
        Some(separator) => text.split_once(separator).unwrap_or((text, "0")),
        None if text.len() <= 3 => (text, "0"),
        None => text.split_at_checked(3).unwrap_or((text, "0")),
    };
    parse_int(hours) * 60.0 + parse_int(minutes)
}

/// What has been read, or what is taken for it.
#[derive(Default)]
struct Fields(Vec<(char, Option<f64>)>);

impl Fields {
    fn set(&mut self, component: char, value: Option<f64>) {
        self.0.retain(|(other, _)| *other != component);
        self.0.push((component, value));
    }

    fn get(&self, component: char) -> Option<f64> {
        let found = self.0.iter().find(|(other, _)| *other == component);
        found.and_then(|(_, value)| *value)
    }

    fn get_or_zero(&self, component: char) -> f64 {
        self.get(component).unwrap_or(0.0)
    }

    /// Whether of `all` none but those of `allowed` are given, and at least one of them. Zero and
    /// NaN count as not given.
    fn fit(&self, all: &str, allowed: &str) -> bool {
        let is_given = |component: &char| {
            let value = self.get_or_zero(*component);
            value != 0.0 && !value.is_nan()
        };
        let mut given = all.chars().filter(is_given).peekable();
        given.peek().is_some() && given.all(|component| allowed.contains(component))
    }

    /// The instant, by the date and time components that go together.
    fn instant(mut self, now_ms: i64) -> Result<f64, Error> {
        const DATE: &str = "YXMxWwdD";
        const TIME: &str = "PHhmsf";
        let in_days = !self.fit(DATE, "YMD") && self.fit(DATE, "Yd");
        let in_months_and_weeks = self.fit(DATE, "Xxw");
        let in_weeks = !in_months_and_weeks && self.fit(DATE, "XW");
        let in_half_days = !self.fit(TIME, "Hmsf") && self.fit(TIME, "Phmsf");
        let date = match (in_days, in_months_and_weeks, in_weeks) {
            (true, _, _) => "YD",
            (_, true, _) => "XxwF",
            (_, _, true) => "XWF",
            _ => "YMD",
        };
        let time = if in_half_days { "Phmsf" } else { "Hmsf" };
        self.complete(date.chars().chain(time.chars()), now_ms)?;
        if in_months_and_weeks || in_weeks {
            return Err(missing_specifiers());
        }
        Ok(self.millis(in_days, in_half_days))
    }

    /// Fills what is missing: before the first component given with that of now, behind the last
    /// one with the least.
    fn complete(
        &mut self,
        components: impl Iterator<Item = char>,
        now_ms: i64,
    ) -> Result<(), Error> {
        let now = Moment::of(now_ms as f64);
        let (mut has_begun, mut has_ended) = (false, false);
        for component in components {
            if self.get(component).is_some() {
                if has_ended {
                    return Err(missing_specifiers());
                }
                has_begun = true;
            } else if has_begun {
                let is_day = matches!(component, 'M' | 'D' | 'd');
                self.set(component, Some(f64::from(u8::from(is_day))));
                has_ended = true;
            } else {
                // The half of the day is no number in the reference, and counts as the first one.
                let now = now.filter(|_| component != 'P');
                let value = now.and_then(|now| now.component(component));
                self.set(component, value.map(|value| value as f64));
            }
        }
        Ok(())
    }

    fn millis(&self, in_days: bool, in_half_days: bool) -> f64 {
        let month = self.get('M').filter(|month| *month > 0.0);
        let year = self.get_or_zero('Y');
        let (month, day) = if in_days {
            day_of_year(year, self.get_or_zero('d'))
        } else {
            (
                month.map_or(0.0, |month| month - 1.0),
                self.get_or_zero('D'),
            )
        };
        let hour = if in_half_days {
            let hour = self.get_or_zero('h');
            let hour = if hour == 12.0 { 0.0 } else { hour };
            hour + 12.0 * self.get_or_zero('P')
        } else {
            self.get_or_zero('H')
        };
        let [minute, second, milli] = ['m', 's', 'f'].map(|component| self.get_or_zero(component));
        let zone = ['Z', 'z']
            .map(|component| self.get_or_zero(component))
            .into_iter()
            .find(|zone| *zone != 0.0 && !zone.is_nan());
        date_utc([year, month, day, hour, minute, second, milli]) - zone.unwrap_or(0.0) * 60_000.0
    }
}

/// Month (from 0) and day of a day of the year. Behind the last one they are those of the next
/// year, but the year stays, as in the reference.
fn day_of_year(year: f64, day: f64) -> (f64, f64) {
    let moment = Moment::of(date_utc([year, 0.0, day, 0.0, 0.0, 0.0, 0.0]));
    let part = |component| moment.and_then(|moment| moment.component(component));
    let part = |component| part(component).map_or(f64::NAN, |value| value as f64);
    (part('M') - 1.0, part('D'))
}

fn missing_specifiers() -> Error {
    let message =
        "The date/time picture string is missing specifiers required to parse the timestamp";
    error("D3136", message)
}
