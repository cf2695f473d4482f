//! Functions that search text: for text, for a regular expression, or by a function that behaves
//! like one.

use std::rc::Rc;

use json::{Text, Value};

use super::{number_at, take, text_at};
use crate::builder::array_of;
use crate::error::Fault;
use crate::eval::{Evaluation, Result};
use crate::function::{Function, Next};
use crate::item::{Item, SEQUENCE};
use crate::text::builder::Builder;
use crate::text::regex::{self, Match, Regex};
use crate::text::strings::{self, string_bytes};

/// What a match object takes: its members, and the function among them.
const MATCH_BYTES: usize = 512;

/// A match as a function that searches returns it.
struct Found {
    text: Text,
    start: f64,
    end: f64,
    groups: Item,
    next: Item,
    item: Item,
}

impl Evaluation<'_> {
    /// A regular expression called as a function.
    pub(crate) fn first_match(&self, regex: &Regex, arguments: &[Item]) -> Result<Item> {
        let Some(text) = arguments.first().and_then(Item::as_value) else {
            return Ok(Item::Undefined);
        };
        let Some(text) = text.to_shared_text() else {
            return Ok(Item::Undefined);
        };
        let found = regex.first(&text, self.meter)?;
        self.match_item(regex, text, found)
    }

    /// The function `next` of a match.
    pub(crate) fn next_match(&self, next: &Next) -> Result<Item> {
        let found = next.regex.after(&next.text, &next.previous, self.meter)?;
        self.match_item(&next.regex, next.text.clone(), found)
    }

    fn match_item(&self, regex: &Regex, text: Text, found: Option<Match>) -> Result<Item> {
        let Some(found) = found else {
            return Ok(Item::Undefined);
        };
        let matched = found.text(&text);
        let bytes = MATCH_BYTES + string_bytes(matched) + found.groups_bytes(&text);
        self.meter.make(bytes)?;
        let members: Vec<(Text, Item)> = vec![
            ("match".into(), matched.into()),
            ("start".into(), found.start.into()),
            ("end".into(), found.end.into()),
            ("groups".into(), Item::Value(found.groups_value(&text))),
            (
                "next".into(),
                Item::Function(Rc::new(Function::Next(Box::new(Next {
                    regex: regex.clone(),
                    text,
                    previous: found,
                })))),
            ),
        ];
        self.object_of(members)
    }

    /// Calls a function that searches.
    ///
    /// # Errors
    /// T1010 if it returns something else than a match.
    fn search(&self, function: &Rc<Function>, text: Option<&Item>) -> Result<Option<Found>> {
        self.meter.step(1)?;
        let mut arguments: Vec<Item> = text.cloned().into_iter().collect();
        let item = self.apply_to_items(function, &mut arguments)?;
        if item.is_undefined() {
            return Ok(None);
        }
        let field = |name| self.lookup(&item, name);
        let (start, end) = (field("start")?.as_number(), field("end")?);
        let (groups, next) = (field("groups")?, field("next")?);
        if start.is_none() && !groups.is_array() && next.as_function().is_none() {
            return Err(Fault::new("T1010"));
        }
        let text = field("match")?.as_value().and_then(Value::to_shared_text);
        Ok(Some(Found {
            text: text.unwrap_or_default(),
            start: start.unwrap_or(0.0),
            end: end.as_number().unwrap_or(0.0),
            groups,
            next,
            item,
        }))
    }

    fn search_next(&self, found: &Found) -> Result<Option<Found>> {
        match &found.next {
            Item::Function(next) => self.search(next, None),
            _ => Ok(None),
        }
    }
}

fn below(count: usize, limit: Option<f64>) -> bool {
    limit.is_none_or(|limit| (count as f64) < limit)
}

pub(super) fn contains(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let Some(text) = text_at(arguments, 0) else {
        return Ok(Item::Undefined);
    };
    let contains = match arguments.get(1) {
        Some(Item::Function(function)) => match &**function {
            Function::Matcher(regex) => regex.first(text, evaluation.meter)?.is_some(),
            _ => evaluation.search(function, arguments.first())?.is_some(),
        },
        token => {
            let token = token.and_then(Item::as_str).unwrap_or("undefined");
            strings::contains(text, token, evaluation.meter)?
        }
    };
    Ok(contains.into())
}

pub(super) fn matches(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let limit = number_at(arguments, 2);
    let (Some(text), Some(Item::Function(function))) = (text_at(arguments, 0), arguments.get(1))
    else {
        return Ok(Item::Undefined);
    };
    let mut result = evaluation.list();
    if let Function::Matcher(regex) = &**function {
        for found in regex::matches(text, regex, limit, evaluation.meter)? {
            result.push(Item::Value(found))?;
        }
        return Ok(result.finish(SEQUENCE));
    }
    strings::check_match_limit(limit)?;
    let mut next = match below(0, limit) {
        true => evaluation.search(function, arguments.first())?,
        false => None,
    };
    while let Some(found) = next.filter(|_| below(result.len(), limit)) {
        result.push(evaluation.object_of(vec![
            ("match".into(), Item::Value(found.text.clone().into())),
            ("index".into(), found.start.into()),
            ("groups".into(), found.groups.clone()),
        ])?)?;
        next = evaluation.search_next(&found)?;
    }
    Ok(result.finish(SEQUENCE))
}

pub(super) fn split(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let limit = number_at(arguments, 2);
    let Some(text) = text_at(arguments, 0) else {
        return Ok(Item::Undefined);
    };
    let parts = match arguments.get(1) {
        Some(Item::Function(function)) => match &**function {
            Function::Matcher(regex) => regex::split(text, regex, limit, evaluation.meter)?,
            _ => split_by(evaluation, text, function, limit, arguments.first())?,
        },
        separator => match separator.and_then(Item::as_str) {
            Some(separator) => strings::split(text, separator, limit, evaluation.meter)?,
            // Javascript splits at nothing then, and looks at the limit all the same.
            None => {
                strings::check_split_limit(limit)?;
                let whole = below(0, limit).then(|| text.into());
                whole.into_iter().collect()
            }
        },
    };
    Ok(array_of(parts))
}

fn split_by(
    evaluation: &Evaluation<'_>,
    text: &str,
    function: &Rc<Function>,
    limit: Option<f64>,
    subject: Option<&Item>,
) -> Result<Vec<Value>> {
    strings::check_split_limit(limit)?;
    let units = Units(text);
    let mut parts = Vec::new();
    let mut start = 0.0;
    let mut next = match below(0, limit) {
        true => evaluation.search(function, subject)?,
        false => return Ok(parts),
    };
    let mut add = |part: &str| {
        evaluation.meter.element(parts.len())?;
        evaluation.meter.make(part.len())?;
        parts.push(Value::from(part));
        Ok::<usize, Fault>(parts.len())
    };
    let mut count = 0;
    while let Some(found) = next.filter(|_| below(count, limit)) {
        evaluation.meter.step(text.len() as u64 / 64)?;
        count = add(units.between(start, found.start))?;
        start = found.end;
        next = evaluation.search_next(&found)?;
    }
    if below(count, limit) {
        add(units.between(start, f64::INFINITY))?;
    }
    Ok(parts)
}

pub(super) fn replace(evaluation: &Evaluation<'_>, arguments: &mut [Item]) -> Result<Item> {
    let limit = number_at(arguments, 3);
    let replacement = take(arguments, 2);
    let Some(text) = text_at(arguments, 0) else {
        return Ok(Item::Undefined);
    };
    let meter = evaluation.meter;
    Ok(match (arguments.get(1), &replacement) {
        (Some(Item::Function(function)), replacement) => {
            match (&**function, replacement.as_str()) {
                (Function::Matcher(regex), Some(replacement)) => {
                    regex::replace(text, regex, replacement, limit, meter)?.into()
                }
                _ => replace_by(
                    evaluation,
                    text,
                    function,
                    replacement,
                    limit,
                    arguments.first(),
                )?,
            }
        }
        (pattern, replacement) => {
            let pattern = pattern.and_then(Item::as_str).unwrap_or("undefined");
            let replacement = match replacement {
                Item::Undefined => "undefined",
                replacement => replacement.as_str().ok_or_else(|| Fault::new("D3012"))?,
            };
            strings::replace(text, pattern, replacement, limit, meter)?.into()
        }
    })
}

fn replace_by(
    evaluation: &Evaluation<'_>,
    text: &str,
    function: &Rc<Function>,
    replacement: &Item,
    limit: Option<f64>,
    subject: Option<&Item>,
) -> Result<Item> {
    strings::check_replace_limit(limit)?;
    let units = Units(text);
    let mut result = Builder::new(evaluation.meter);
    let mut position = 0.0;
    let mut count = 0;
    let mut next = match below(0, limit) {
        true => evaluation.search(function, subject)?,
        false => None,
    };
    while let Some(found) = next.filter(|_| below(count, limit)) {
        evaluation.meter.step(text.len() as u64 / 64)?;
        result.push_str(units.between(position, found.start))?;
        match replacement {
            Item::Function(replacement) => {
                let mut arguments = vec![found.item.clone()];
                let with = evaluation.apply_to_items(replacement, &mut arguments)?;
                let with = with.as_str().ok_or_else(|| Fault::new("D3012"))?;
                result.push_str(with)?;
            }
            replacement => {
                let groups: Vec<Item> = match found.groups.elements() {
                    Some(elements) => elements.iter().collect(),
                    None => Vec::new(),
                };
                let groups: Vec<Option<&str>> = groups.iter().map(Item::as_str).collect();
                let with = replacement.as_str().unwrap_or("undefined");
                regex::expand(with, &found.text, &groups, &mut result)?;
            }
        }
        position = found.start + found.text.encode_utf16().count() as f64;
        count += 1;
        next = evaluation.search_next(&found)?;
    }
    result.push_str(units.between(position, f64::INFINITY))?;
    Ok(result.finish().into())
}

/// A text by positions in UTF-16 units.
struct Units<'t>(&'t str);

impl<'t> Units<'t> {
    fn between(&self, start: f64, end: f64) -> &'t str {
        let (start, end) = (self.offset(start), self.offset(end));
        self.0.get(start..end.max(start)).unwrap_or_default()
    }

    fn offset(&self, position: f64) -> usize {
        let mut units = 0.0;
        for (offset, character) in self.0.char_indices() {
            if units >= position {
                return offset;
            }
            units += character.len_utf16() as f64;
        }
        self.0.len()
    }
}
