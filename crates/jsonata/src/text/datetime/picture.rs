//! Pictures of dates and times.

use super::{error, no_names};
use crate::error::Error;
use crate::text::integers::{self, Case, Picture, Primary};
use crate::text::numbers::{count_of, parse_int};
use crate::text::serialise::quoted;

/// A piece of a picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Literal(String),
    Marker(Marker),
}

/// A variable marker: `[Y0001]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Marker {
    pub(super) component: char,
    pub(super) form: Form,
    /// `t`, `a`, `c` or `o` behind the form.
    pub(super) modifier: Option<char>,
    /// What stands behind the dash of the width.
    pub(super) width_max: Option<usize>,
    /// How many digits years, months and days have at most; `None` if any number.
    pub(super) digits_max: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    Name(Case),
    Number(Picture),
    /// Of components that have one form only.
    Text,
}

/// The form of a component whose marker names none; `None` for a letter that is no component.
fn default_form(component: char) -> Option<&'static str> {
    match component {
        'Y' | 'M' | 'D' | 'd' | 'W' | 'w' | 'X' | 'x' | 'H' | 'h' | 'f' => Some("1"),
        'm' | 's' => Some("01"),
        'Z' | 'z' => Some("01:01"),
        'F' | 'P' | 'C' | 'E' => Some("n"),
        _ => None,
    }
}

/// Analyses a picture.
///
/// # Errors
/// D3135 for a marker without an end, D3132 for an unknown one, D3131 for digits of several
/// families.
pub(super) fn analyse(picture: &str) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::new();
    let mut rest = picture;
    while let Some((literal, after)) = rest.split_once('[') {
        push_literal(literal, &mut parts);
        if let Some(after) = after.strip_prefix('[') {
            parts.push(Part::Literal("[".to_owned()));
            rest = after;
            continue;
        }
        let (marker, after) = after.split_once(']').ok_or_else(|| {
            let message = "No matching closing bracket ']' in date/time picture string";
            error("D3135", message)
        })?;
        parts.push(Part::Marker(Marker::parse(marker)?));
        rest = after;
    }
    push_literal(rest, &mut parts);
    Ok(parts)
}

/// `]]` stands for `]`.
fn push_literal(literal: &str, parts: &mut Vec<Part>) {
    if !literal.is_empty() {
        parts.push(Part::Literal(literal.replace("]]", "]")));
    }
}

impl Marker {
    /// Parses what stands between the brackets; white space does not count.
    fn parse(text: &str) -> Result<Marker, Error> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (text, width) = match text.rsplit_once(',') {
            Some((text, width)) => (text, Some(width)),
            None => (text.as_str(), None),
        };
        let mut characters = text.chars();
        let component = characters.next();
        let Some((component, default)) =
            component.and_then(|component| Some((component, default_form(component)?)))
        else {
            let shown = quoted(&component.map(String::from).unwrap_or_default());
            let message =
                format!("Unknown component specifier {shown} in date/time picture string");
            return Err(error("D3132", message));
        };
        let (form, modifier) = split_modifier(characters.as_str());
        let form = if form.is_empty() { default } else { form };
        let (min, max) = width.map_or((None, None), widths);
        let mut marker = Marker {
            component,
            form: Form::Text,
            modifier,
            width_max: max,
            digits_max: None,
        };
        marker.form = marker.parse_form(form)?;
        marker.apply_widths(min, max);
        Ok(marker)
    }

    fn parse_form(&self, form: &str) -> Result<Form, Error> {
        let is_zone = matches!(self.component, 'Z' | 'z');
        if !is_zone && form.starts_with('n') {
            return Ok(Form::Name(Case::Lower));
        }
        if !is_zone && form.starts_with('N') {
            let case = if form.starts_with("Nn") {
                Case::Title
            } else {
                Case::Upper
            };
            return Ok(Form::Name(case));
        }
        if matches!(self.component, 'P' | 'C' | 'E') {
            return Ok(Form::Text);
        }
        let picture = match self.modifier.filter(|_| !is_zone) {
            Some(modifier) => integers::analyse(&format!("{form};{modifier}"))?,
            None => integers::analyse(form)?,
        };
        Ok(Form::Number(picture))
    }

    /// Widths are digits that have to be there; of years, months and days the greatest one also
    /// says how many are shown.
    fn apply_widths(&mut self, min: Option<usize>, max: Option<usize>) {
        let is_date = matches!(self.component, 'Y' | 'M' | 'D');
        let is_zone = matches!(self.component, 'Z' | 'z');
        let Form::Number(picture) = &mut self.form else {
            return;
        };
        let max = max.filter(|_| is_date);
        if let Primary::Decimal(decimal) = &mut picture.primary
            && !is_zone
        {
            decimal.mandatory = decimal.mandatory.max(min.unwrap_or(0));
            decimal.mandatory = max.unwrap_or(decimal.mandatory);
            let digits = decimal.mandatory.saturating_add(decimal.optional);
            self.digits_max = Some(digits).filter(|digits| is_date && *digits >= 2);
        }
        self.digits_max = max.or(self.digits_max);
    }

    /// The picture of a component that is shown as a number.
    pub(super) fn number(&self) -> Result<&Picture, Error> {
        match &self.form {
            Form::Number(picture) => Ok(picture),
            _ => Err(no_names(self.component)),
        }
    }
}

/// The second presentation modifier is the last letter, unless it is the only one.
fn split_modifier(form: &str) -> (&str, Option<char>) {
    match form.strip_suffix(['a', 't', 'c', 'o']) {
        Some(first) if !first.is_empty() => (first, form.chars().next_back()),
        _ => (form, None),
    }
}

/// `3`, `3-5`, `*-5`: the least and the greatest width. What is no number counts as `*`.
fn widths(text: &str) -> (Option<usize>, Option<usize>) {
    let width = |text: &str| {
        Some(parse_int(text))
            .filter(|width| !width.is_nan())
            .map(count_of)
    };
    match text.split_once('-') {
        Some((min, max)) => (width(min), width(max)),
        None => (width(text), None),
    }
}
