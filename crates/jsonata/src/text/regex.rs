//! Regular expressions as ECMAScript has them (without the `u` flag, but over characters instead of
//! UTF-16 units), matched in linear time and metered.
//!
//! No crate does this: a search has to pay for its steps while it runs, and the syntax, the case
//! rules and the groups within repetitions have to be ECMAScript's. What cannot be matched in
//! linear time, look-around and back-references, is refused.
//!
//! One difference remains: where a repetition repeats what can match nothing and would rather do
//! so (`(a*?)*`), it may stop earlier than a backtracking matcher does.

mod machine;
mod parse;
mod program;
mod set;

use std::ops::Range;
use std::sync::Arc;

use json::{ObjectBuilder, Value};

use self::machine::Machine;
use self::program::Program;
use super::builder::{Builder, utf16_len};
use super::serialise::start_of;
use super::strings::{self, Parts, is_below, string_bytes};
use super::{error, steps_to_read};
use crate::error::Error;
use crate::meter::Meter;

/// A compiled expression; a clone is one reference count.
#[derive(Clone, Debug)]
pub(crate) struct Regex(Arc<Program>);

/// Where an expression matches a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Match {
    /// In bytes.
    pub(crate) span: Range<usize>,
    /// In UTF-16 units, as the reference reports it.
    pub(crate) start: usize,
    /// In UTF-16 units.
    pub(crate) end: usize,
    /// What the groups match, in bytes; `None` for a group that took no part.
    pub(crate) groups: Vec<Option<Range<usize>>>,
}

impl Match {
    /// The matched part of the text that was searched.
    pub(crate) fn text<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.span.clone()).unwrap_or_default()
    }

    /// The parts of the text that the groups match.
    pub(crate) fn group_texts<'t>(&self, text: &'t str) -> Vec<Option<&'t str>> {
        self.groups
            .iter()
            .map(|group| group.clone().and_then(|range| text.get(range)))
            .collect()
    }

    /// The same as an array. A group that took no part is undefined in the reference, which an
    /// array writes as null.
    pub(crate) fn groups_value(&self, text: &str) -> Value {
        let groups = self.group_texts(text).into_iter();
        groups.map(Value::from).collect()
    }

    /// What the array takes besides its node.
    pub(crate) fn groups_bytes(&self, text: &str) -> usize {
        let groups = self.group_texts(text).into_iter();
        groups
            .map(|group| string_bytes(group.unwrap_or_default()))
            .sum()
    }
}

impl Regex {
    /// Compiles what stands between the slashes; `flags` are some of `i` and `m`.
    ///
    /// # Errors
    /// What ECMAScript calls a syntax error, in V8's words; what is not supported; expressions too
    /// large to be run in bounded memory. None of them has a code.
    pub(crate) fn compile(source: &str, flags: &str) -> Result<Regex, Error> {
        let fault = |reason: &str| {
            let shown = start_of(source);
            let message = format!("Invalid regular expression: /{shown}/{flags}: {reason}");
            error("", message)
        };
        let is_repeated = |flag: char| flags.matches(flag).count() > 1;
        if flags.contains(|flag| !matches!(flag, 'i' | 'm') || is_repeated(flag)) {
            return Err(fault("Invalid flags"));
        }
        let pattern = parse::parse(source, flags.contains('i')).map_err(fault)?;
        let program = Program::new(pattern, flags.contains('m')).map_err(fault)?;
        Ok(Regex(Arc::new(program)))
    }

    /// The first match in the text.
    ///
    /// # Errors
    /// Those of the meter.
    pub(crate) fn first(&self, text: &str, meter: &Meter) -> Result<Option<Match>, Error> {
        Matches::new(self, text, meter)?.next()
    }

    /// The match that follows `previous` in the same text.
    ///
    /// # Errors
    /// D1004 if it is empty; those of the meter.
    pub(crate) fn after(
        &self,
        text: &str,
        previous: &Match,
        meter: &Meter,
    ) -> Result<Option<Match>, Error> {
        let mut matches = Matches::new(self, text, meter)?;
        matches.previous = Some((previous.span.end, previous.end));
        matches.next()
    }
}

/// The matches of an expression in a text, one after the other.
struct Matches<'t> {
    machine: Machine<'t>,
    text: &'t str,
    /// Where the last match ended, in bytes and in UTF-16 units.
    previous: Option<(usize, usize)>,
}

impl<'t> Matches<'t> {
    fn new(regex: &'t Regex, text: &'t str, meter: &'t Meter) -> Result<Matches<'t>, Error> {
        Ok(Matches {
            machine: Machine::new(&regex.0, meter)?,
            text,
            previous: None,
        })
    }

    fn next(&mut self) -> Result<Option<Match>, Error> {
        let (from, from_units) = match self.previous {
            Some((end, _)) if end >= self.text.len() => return Ok(None),
            Some(end) => end,
            None => (0, 0),
        };
        let Some(found) = self.machine.search(self.text, from)? else {
            return Ok(None);
        };
        let mut groups = found.into_iter();
        let span = groups.next().flatten().unwrap_or(from..from);
        if span.is_empty() && self.previous.is_some() {
            let message = "Regular expression matches zero length string";
            return Err(error("D1004", message));
        }
        let units = |range| utf16_len(self.text.get(range).unwrap_or_default());
        let start = from_units + units(from..span.start);
        let end = start + units(span.clone());
        self.previous = Some((span.end, end));
        Ok(Some(Match {
            span,
            start,
            end,
            groups: groups.collect(),
        }))
    }
}

/// `$match`: an object `{match, index, groups}` for each match.
///
/// # Errors
/// D3040 for a negative limit, D1004 for a match of nothing behind another match; those of the
/// meter.
pub(crate) fn matches(
    text: &str,
    regex: &Regex,
    limit: Option<f64>,
    meter: &Meter,
) -> Result<Vec<Value>, Error> {
    strings::check_match_limit(limit)?;
    let mut found = Vec::new();
    let mut matches = Matches::new(regex, text, meter)?;
    // The reference looks for one match more than it returns.
    let mut next = first_within(limit, &mut matches)?;
    while let Some(current) = next.filter(|_| is_below(found.len() as f64, limit)) {
        found.push(match_value(&current, text, meter)?);
        next = matches.next()?;
    }
    Ok(found)
}

/// The first match, unless the limit allows none.
fn first_within(limit: Option<f64>, matches: &mut Matches<'_>) -> Result<Option<Match>, Error> {
    if is_below(0.0, limit) {
        matches.next()
    } else {
        Ok(None)
    }
}

fn match_value(found: &Match, text: &str, meter: &Meter) -> Result<Value, Error> {
    /// The nodes of the object and of the list of groups.
    const NODE_BYTES: usize = 288;
    let matched = found.text(text);
    meter.make(NODE_BYTES + string_bytes(matched) + found.groups_bytes(text))?;
    let mut object = ObjectBuilder::with_capacity(3);
    object
        .add("match", matched)
        .add("index", found.start as u64)
        .add("groups", found.groups_value(text));
    Ok(object.build().into())
}

/// `$split` with an expression.
///
/// # Errors
/// D3020 for a negative limit; otherwise those of [`matches`].
pub(crate) fn split(
    text: &str,
    regex: &Regex,
    limit: Option<f64>,
    meter: &Meter,
) -> Result<Vec<Value>, Error> {
    strings::check_split_limit(limit)?;
    let mut parts = Parts::new(meter);
    let mut matches = Matches::new(regex, text, meter)?;
    let mut next = first_within(limit, &mut matches)?;
    let (mut start, mut count) = (0, 0.0);
    while let Some(current) = next.filter(|_| is_below(count, limit)) {
        parts.push(text.get(start..current.span.start).unwrap_or_default())?;
        start = current.span.end;
        count += 1.0;
        next = matches.next()?;
    }
    if is_below(count, limit) {
        parts.push(text.get(start..).unwrap_or_default())?;
    }
    Ok(parts.finish())
}

/// `$replace` with an expression and a string, by the rules of [`expand`].
///
/// # Errors
/// D3011 for a negative limit; otherwise those of [`matches`].
pub(crate) fn replace(
    text: &str,
    regex: &Regex,
    replacement: &str,
    limit: Option<f64>,
    meter: &Meter,
) -> Result<String, Error> {
    strings::check_replace_limit(limit)?;
    let mut builder = Builder::new(meter);
    let mut matches = Matches::new(regex, text, meter)?;
    let mut next = first_within(limit, &mut matches)?;
    let (mut position, mut count) = (0, 0.0);
    while let Some(current) = next.filter(|_| is_below(count, limit)) {
        builder.push_str(text.get(position..current.span.start).unwrap_or_default())?;
        let groups = current.group_texts(text);
        meter.step(steps_to_read(replacement))?;
        expand(replacement, current.text(text), &groups, &mut builder)?;
        position = current.span.end;
        count += 1.0;
        next = matches.next()?;
    }
    builder.push_str(text.get(position..).unwrap_or_default())?;
    Ok(builder.finish())
}

/// Appends what a match is replaced by: `$$` is a dollar sign, `$0` the match, `$1` a group. A
/// number takes as many digits as the number of groups has, one less if there is no such group; a
/// `$` before anything else is itself.
///
/// # Errors
/// Those of the meter.
pub(crate) fn expand(
    replacement: &str,
    matched: &str,
    groups: &[Option<&str>],
    out: &mut Builder<'_>,
) -> Result<(), Error> {
    let digits_max = groups.len().checked_ilog10().unwrap_or(0) as usize + 1;
    let mut rest = replacement;
    while let Some((plain, after)) = rest.split_once('$') {
        out.push_str(plain)?;
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$')?;
            rest = after;
        } else if let Some(after) = rest.strip_prefix('0') {
            out.push_str(matched)?;
            rest = after;
        } else if let Some((number, after)) = group_number(rest, digits_max, groups.len()) {
            let group = groups.get(number.wrapping_sub(1)).copied().flatten();
            out.push_str(group.unwrap_or_default())?;
            rest = after;
        } else {
            out.push('$')?;
        }
    }
    out.push_str(rest)
}

/// The number at the start of `text`, and what follows it.
fn group_number(text: &str, digits_max: usize, groups: usize) -> Option<(usize, &str)> {
    let digits = text.bytes().take(digits_max);
    let len = digits.take_while(u8::is_ascii_digit).count();
    let read = |len: usize| {
        let (digits, after) = text.split_at_checked(len)?;
        Some((digits.parse().ok()?, after))
    };
    let (number, after) = read(len)?;
    if number > groups && digits_max > 1 {
        return read(len.min(digits_max - 1));
    }
    Some((number, after))
}

#[cfg(test)]
mod tests;
