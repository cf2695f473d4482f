//! The constraints of a model, checked and reported in AWS's words.
//!
//! A violation is not yet an error: which of them a service reports as what (`ValidationException`,
//! `InvalidName`, its own text) is the service's business. [`crate::ServiceError::violations`] is
//! the usual answer.

use std::fmt::{self, Write as _};

use json::{Object, Value, View};

use crate::model::{Kind, Member, Model, Reference, Shape, ShapeId, Structure};

/// Most violations collected from one input. Their texts repeat the values, so a hostile input must
/// not make many.
pub const VIOLATIONS_MAX: usize = 10;
/// Longest value repeated in a message, in bytes; a longer one is cut. AWS repeats whole values:
/// this is beyond the longest member that is no payload, a page token of 3,096 characters.
const VALUE_BYTES_MAX: usize = 4_096;

/// A member that breaks a constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path as AWS prints it: `routingConfiguration.1.member.weight`.
    pub member: String,
    pub rule: Rule,
    /// The value as AWS prints it: `Value '1001'`, `Value null`, or just `Value` for a sensitive
    /// one.
    pub value: String,
    /// The text after `failed to satisfy constraint: `.
    pub constraint: String,
}

/// The kind of constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A required member is absent.
    Required,
    /// Too short or too few.
    LengthMin,
    /// Too long or too many.
    LengthMax,
    /// A number too small.
    Min,
    /// A number too large.
    Max,
    Pattern,
    Enum,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation {
            member,
            value,
            constraint,
            ..
        } = self;
        write!(
            f,
            "{value} at '{member}' failed to satisfy constraint: {constraint}"
        )
    }
}

impl Violation {
    /// Whether Lambda reports this as `InvalidParameterValueException` instead of
    /// `ValidationException`.
    pub(crate) fn is_lambda_parameter_value(&self) -> bool {
        self.member == "runtime" && self.rule == Rule::Enum
    }
}

/// `1 validation error detected: ..`; several are joined by `; `. `None` when there is none.
#[must_use]
pub fn message(violations: &[Violation]) -> Option<String> {
    let (first, others) = violations.split_first()?;
    let errors = if others.is_empty() { "error" } else { "errors" };
    let mut out = format!("{} validation {errors} detected: {first}", violations.len());
    for other in others {
        let _ = write!(out, "; {other}");
    }
    Some(out)
}

/// The constraints that `members`, an input of shape `input`, breaks. `has_body` says that the
/// payload member, which travels beside the value, is there.
#[must_use]
pub fn check(model: &Model, input: ShapeId, members: &Value, has_body: bool) -> Vec<Violation> {
    let mut check = Check {
        model,
        found: Vec::new(),
    };
    if let (Some(structure), Some(object)) = (model.structure(input), members.as_object()) {
        let body = structure.payload_member().filter(|_| has_body);
        check.structure(
            structure,
            object,
            None,
            body.map(|member| member.name.as_str()),
        );
    }
    check.found
}

/// Where in the input a value is: a chain of names, so that nothing is allocated unless there is
/// something to report.
#[derive(Clone, Copy)]
struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Member(&'a str),
    /// From 1.
    Element(usize),
    Entry(&'a str),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        match self.step {
            Step::Member(name) => f.write_str(&decapitalised(name)),
            Step::Element(number) => write!(f, "{number}.member"),
            Step::Entry(key) => write!(f, "{key}.member"),
        }
    }
}

/// Messages spell members as the fields of AWS's Java classes: `RoleName` is `roleName`.
fn decapitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(chars)
        .collect()
}

struct Check<'m> {
    model: &'m Model,
    found: Vec<Violation>,
}

impl Check<'_> {
    fn structure(
        &mut self,
        structure: &Structure,
        object: &Object,
        parent: Option<&Place<'_>>,
        present: Option<&str>,
    ) {
        for Member {
            name,
            required,
            reference,
            ..
        } in &structure.members
        {
            let place = Place {
                parent,
                step: Step::Member(name.as_str()),
            };
            match object.get(name.as_str()) {
                Some(value) => self.value(reference, value, &place),
                None if *required && present != Some(name.as_str()) => self.report_null(&place),
                None => {}
            }
        }
    }

    fn value(&mut self, reference: &Reference, value: &Value, place: &Place<'_>) {
        if self.found.len() >= VIOLATIONS_MAX {
            return;
        }
        let shape = self.model.shape(reference.shape);
        match (&shape.kind, value.view()) {
            (Kind::Structure(structure), View::Object(object)) => {
                self.structure(structure, object, Some(place), None);
            }
            (Kind::List { member, .. }, View::Array(elements)) => {
                self.length(shape, elements.len(), value, place);
                self.elements(member, elements, value, place);
            }
            (
                Kind::Map {
                    key, value: entry, ..
                },
                View::Object(object),
            ) => {
                self.length(shape, object.len(), value, place);
                self.entries(key, entry, object, value, place);
            }
            _ => {
                let mut broken = Vec::new();
                broken_by_scalar(shape, value, &mut broken);
                for (rule, text) in broken {
                    self.report(rule, text, shape, value, place);
                }
            }
        }
    }

    /// Scalars in a list are reported together, under the list; structures one by one.
    fn elements(&mut self, member: &Reference, elements: &[Value], list: &Value, at: &Place<'_>) {
        let shape = self.model.shape(member.shape);
        if is_compound(&shape.kind) {
            for (number, element) in (1..).zip(elements) {
                let place = Place {
                    parent: Some(at),
                    step: Step::Element(number),
                };
                match element.is_null() {
                    true => self.report_null(&place),
                    false => self.value(member, element, &place),
                }
            }
        } else if let Some(rule) = first_broken(shape, elements.iter()) {
            let text = format!("Member must satisfy constraint: [{}]", all_rules(shape));
            self.report(rule, text, shape, list, at);
        }
    }

    fn entries(
        &mut self,
        key: &Reference,
        entry: &Reference,
        object: &Object,
        map: &Value,
        at: &Place<'_>,
    ) {
        let key_shape = self.model.shape(key.shape);
        let keys: Vec<Value> = object.keys().map(Value::from).collect();
        if let Some(rule) = first_broken(key_shape, keys.iter()) {
            let text = format!(
                "Map keys must satisfy constraint: [{}]",
                all_rules(key_shape)
            );
            self.report(rule, text, key_shape, map, at);
        }
        let shape = self.model.shape(entry.shape);
        if is_compound(&shape.kind) {
            for (key, value) in object.iter() {
                let place = Place {
                    parent: Some(at),
                    step: Step::Entry(key),
                };
                self.value(entry, value, &place);
            }
        } else if let Some(rule) = first_broken(shape, object.values()) {
            let text = format!("Map value must satisfy constraint: [{}]", all_rules(shape));
            self.report(rule, text, shape, map, at);
        }
    }

    fn length(&mut self, shape: &Shape, length: usize, value: &Value, place: &Place<'_>) {
        let mut broken = Vec::new();
        broken_by_length(shape, length, &mut broken);
        for (rule, text) in broken {
            self.report(rule, text, shape, value, place);
        }
    }

    fn report_null(&mut self, place: &Place<'_>) {
        if self.found.len() < VIOLATIONS_MAX {
            self.found.push(Violation {
                member: place.to_string(),
                rule: Rule::Required,
                value: "Value null".to_owned(),
                constraint: "Member must not be null".to_owned(),
            });
        }
    }

    fn report(
        &mut self,
        rule: Rule,
        constraint: String,
        shape: &Shape,
        value: &Value,
        place: &Place<'_>,
    ) {
        if self.found.len() < VIOLATIONS_MAX {
            let printed = match shape.sensitive {
                true => "Value".to_owned(),
                false => format!("Value '{}'", self.printed(shape, value)),
            };
            let member = place.to_string();
            self.found.push(Violation {
                member,
                rule,
                value: printed,
                constraint,
            });
        }
    }

    /// `value` as Java prints it, cut at [`VALUE_BYTES_MAX`].
    fn printed(&self, shape: &Shape, value: &Value) -> String {
        let mut out = String::new();
        self.print(shape, value, &mut out);
        if out.len() > VALUE_BYTES_MAX {
            let end = (0..=VALUE_BYTES_MAX)
                .rev()
                .find(|end| out.is_char_boundary(*end));
            out.truncate(end.unwrap_or_default());
            out.push_str("...");
        }
        out
    }

    fn print(&self, shape: &Shape, value: &Value, out: &mut String) {
        if out.len() > VALUE_BYTES_MAX {
            return;
        }
        let inner = |reference: &Reference| self.model.shape(reference.shape);
        if shape.sensitive {
            return out.push_str("***Sensitive Data Redacted***");
        }
        match (value.view(), &shape.kind) {
            (View::String(text), _) => out.push_str(text),
            (View::Array(elements), kind) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    let shape = match kind {
                        Kind::List { member, .. } => inner(member),
                        _ => shape,
                    };
                    self.print(shape, element, out);
                }
                out.push(']');
            }
            (View::Object(object), Kind::Structure(structure)) => {
                let _ = write!(out, "{}(", shape.name);
                for (index, member) in structure.members.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    let _ = write!(out, "{}=", decapitalised(member.name.as_str()));
                    match object.get(member.name.as_str()) {
                        Some(value) => self.print(inner(&member.reference), value, out),
                        None => out.push_str("null"),
                    }
                }
                out.push(')');
            }
            (View::Object(object), kind) => {
                out.push('{');
                for (index, (key, entry)) in object.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    let _ = write!(out, "{key}=");
                    let shape = match kind {
                        Kind::Map { value, .. } => inner(value),
                        _ => shape,
                    };
                    self.print(shape, entry, out);
                }
                out.push('}');
            }
            _ => value.write_to(out),
        }
    }
}

fn is_compound(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. }
    )
}

/// The first rule of `shape` that one of `values` breaks.
fn first_broken<'v>(shape: &Shape, values: impl Iterator<Item = &'v Value>) -> Option<Rule> {
    let mut broken = Vec::new();
    for value in values {
        match value.is_null() {
            true => return Some(Rule::Required),
            false => broken_by_scalar(shape, value, &mut broken),
        }
        if let Some((rule, _)) = broken.first() {
            return Some(*rule);
        }
    }
    None
}

type Broken = Vec<(Rule, String)>;

fn broken_by_scalar(shape: &Shape, value: &Value, broken: &mut Broken) {
    let rules = &shape.constraints;
    match (&shape.kind, value.view()) {
        (Kind::String, View::String(text)) => {
            // A character is one to three bytes for each UTF-16 unit, so mostly the bytes decide
            // without counting.
            let bytes = as_f64(text.len());
            if rules.max.is_some_and(|max| bytes > max)
                || rules.min.is_some_and(|min| bytes < 3.0 * min)
            {
                broken_by_length(shape, text.encode_utf16().count(), broken);
            }
            if let Some(pattern) = rules
                .pattern
                .as_ref()
                .filter(|pattern| !pattern.matches(text))
            {
                let text = format!(
                    "Member must satisfy regular expression pattern: {}",
                    pattern.as_str()
                );
                broken.push((Rule::Pattern, text));
            }
            if !rules.choices.is_empty() && !rules.choices.iter().any(|choice| **choice == *text) {
                broken.push((Rule::Enum, enum_text(shape)));
            }
        }
        (Kind::Blob, View::String(base64)) => {
            let padding = base64.bytes().rev().take_while(|b| *b == b'=').count();
            broken_by_length(
                shape,
                (base64.len() / 4 * 3).saturating_sub(padding),
                broken,
            );
        }
        (Kind::Integer | Kind::Long | Kind::Float | Kind::Double, View::Number(number)) => {
            let value = number.as_f64();
            if let Some(max) = rules.max.filter(|max| value > *max) {
                let text = format!("Member must have value less than or equal to {max}");
                broken.push((Rule::Max, text));
            }
            if let Some(min) = rules.min.filter(|min| value < *min) {
                let text = format!("Member must have value greater than or equal to {min}");
                broken.push((Rule::Min, text));
            }
        }
        _ => {}
    }
}

fn broken_by_length(shape: &Shape, length: usize, broken: &mut Broken) {
    let length = as_f64(length);
    if let Some(max) = shape.constraints.max.filter(|max| length > *max) {
        let text = format!("Member must have length less than or equal to {max}");
        broken.push((Rule::LengthMax, text));
    }
    if let Some(min) = shape.constraints.min.filter(|min| length < *min) {
        let text = format!("Member must have length greater than or equal to {min}");
        broken.push((Rule::LengthMin, text));
    }
}

/// Exact for all lengths that fit in memory.
#[expect(
    clippy::cast_precision_loss,
    reason = "a length below 2^53 is exact, and none is above"
)]
fn as_f64(length: usize) -> f64 {
    length as f64
}

fn enum_text(shape: &Shape) -> String {
    format!(
        "Member must satisfy enum value set: [{}]",
        shape.constraints.choices.join(", ")
    )
}

/// All rules of a scalar shape, as they stand in the message about a list or a map of it.
fn all_rules(shape: &Shape) -> String {
    let rules = &shape.constraints;
    let what = if matches!(shape.kind, Kind::String | Kind::Blob) {
        "length"
    } else {
        "value"
    };
    let mut out: Vec<String> = Vec::new();
    out.extend(
        rules
            .max
            .map(|max| format!("Member must have {what} less than or equal to {max}")),
    );
    out.extend(
        rules
            .min
            .map(|min| format!("Member must have {what} greater than or equal to {min}")),
    );
    out.extend(rules.pattern.as_ref().map(|pattern| {
        format!(
            "Member must satisfy regular expression pattern: {}",
            pattern.as_str()
        )
    }));
    if !rules.choices.is_empty() {
        out.push(enum_text(shape));
    }
    out.push("Member must not be null".to_owned());
    out.join(", ")
}

#[cfg(test)]
mod tests;
