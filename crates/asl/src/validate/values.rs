//! One function for each kind of value: reports what is wrong, returns what is right.

use std::sync::Arc;

use json::{Object, Value};

use crate::event::Text;
use crate::jsonpath::Path;
use crate::program::Test;
use crate::query::Query;
use crate::template::{
    Reference, Root, Template, TemplateError, TemplateProblem, VARIABLE_NAME_CHARS_MAX, ValuePath,
    is_variable_name,
};
use crate::time::Timestamp;
use crate::validate::message::{self, SCHEMA};
use crate::validate::place::{Place, pointer_steps};
use crate::validate::queries::{self, Setting};
use crate::validate::report::Report;
use crate::validate::schema::Language;
use crate::validate::{errors, label, lint};

/// Reports that a value is not of the kind its place demands.
fn refuse<T>(kind: &str, place: &Place<'_>, report: &mut Report<'_>) -> Option<T> {
    report.error(SCHEMA, message::expected(kind), place);
    None
}

/// Reports a fixed text.
fn say<T>(text: &str, place: &Place<'_>, report: &mut Report<'_>) -> Option<T> {
    report.error(SCHEMA, text.to_owned(), place);
    None
}

pub(crate) fn object<'a>(
    value: &'a Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<&'a Object> {
    value
        .as_object()
        .or_else(|| refuse("Object", place, report))
}

pub(crate) fn array<'a>(
    value: &'a Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<&'a [Value]> {
    value.as_array().or_else(|| refuse("Array", place, report))
}

pub(crate) fn non_empty_array<'a>(
    value: &'a Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<&'a [Value]> {
    match array(value, place, report)? {
        [] => say(message::EMPTY, place, report),
        elements => Some(elements),
    }
}

pub(crate) fn text<'a>(
    value: &'a Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<&'a str> {
    value.as_str().or_else(|| refuse("String", place, report))
}

pub(crate) fn non_empty_text<'a>(
    value: &'a Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<&'a str> {
    match text(value, place, report)? {
        "" => say(message::EMPTY, place, report),
        text => Some(text),
    }
}

/// `End`: anything but `true` says nothing.
pub(crate) fn literal_true(
    name: &str,
    value: &Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> bool {
    match value.as_bool() {
        Some(true) => return true,
        Some(false) => report.error(SCHEMA, message::one_of_values(name, &["true"]), place),
        None => report.error(SCHEMA, message::expected("Boolean"), place),
    }
    false
}

pub(crate) fn one_of<'a>(
    name: &str,
    options: &[&str],
    value: &'a Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<&'a str> {
    let text = text(value, place, report)?;
    if !options.contains(&text) {
        report.error(SCHEMA, message::one_of_values(name, options), place);
        return None;
    }
    Some(text)
}

/// A whole number written without fraction and exponent: `60.0` is no integer to AWS's parser.
pub(crate) fn integer(
    minimum: u64,
    maximum: u64,
    value: &Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<u64> {
    let is_whole = |text: &&str| !text.contains(['.', 'e', 'E']);
    let Some(number) = value
        .as_number()
        .filter(|number| is_whole(&number.as_text()))
    else {
        return refuse("Integer", place, report);
    };
    // What does not fit is beyond every range of the table.
    let least = i64::try_from(minimum).unwrap_or(i64::MAX);
    if number.is_negative() || number.as_i64().is_some_and(|number| number < least) {
        report.error(SCHEMA, message::minimum(&minimum.to_string()), place);
        return None;
    }
    let number = number
        .as_i64()
        .and_then(|number| u64::try_from(number).ok());
    let in_range = number.filter(|number| *number <= maximum);
    if in_range.is_none() {
        report.error(SCHEMA, message::maximum(&maximum.to_string()), place);
    }
    in_range
}

/// `BackoffRate`.
pub(crate) fn factor(value: &Value, place: &Place<'_>, report: &mut Report<'_>) -> Option<f64> {
    let Some(number) = value.as_f64().filter(|number| number.is_finite()) else {
        return refuse("Number", place, report);
    };
    if number < 1.0 {
        report.error(SCHEMA, message::minimum("1.0"), place);
        return None;
    }
    Some(number)
}

/// ToleratedFailurePercentage.
pub(crate) fn percentage(value: &Value, place: &Place<'_>, report: &mut Report<'_>) -> Option<f64> {
    let Some(number) = value.as_f64().filter(|number| number.is_finite()) else {
        return refuse("Number", place, report);
    };
    if number < 0.0 {
        report.error(SCHEMA, message::minimum("0"), place);
        return None;
    }
    if number > 100.0 {
        report.error(SCHEMA, message::maximum("100"), place);
        return None;
    }
    Some(number)
}

/// The literal of a Condition.
pub(crate) fn condition(value: &Value, place: &Place<'_>, report: &mut Report<'_>) -> Option<Test> {
    let literal = value.as_bool().map(Test::Literal);
    literal.or_else(|| refuse("Boolean", place, report))
}

/// InputPath, OutputPath: any path, from the input, the context object or a variable.
pub(crate) fn path(value: &Value, place: &Place<'_>, report: &mut Report<'_>) -> Option<ValuePath> {
    let path = ValuePath::parse(text(value, place, report)?).ok();
    path.or_else(|| say(message::NOT_JSONPATH, place, report))
}

/// ErrorPath, CausePath.
pub(crate) fn path_or_intrinsic(
    value: &Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Reference> {
    let reference = Reference::parse(text(value, place, report)?).ok();
    reference.or_else(|| say(message::NOT_PATH_OR_INTRINSIC, place, report))
}

/// TimeoutSecondsPath and the like: a path that names exactly one node.
pub(crate) fn reference_path(
    value: &Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<ValuePath> {
    let path = ValuePath::parse(text(value, place, report)?).ok();
    path.filter(|path| path.path.is_reference())
        .or_else(|| say(message::NOT_REFERENCE_PATH, place, report))
}

/// MaxConcurrencyPath and the like: a reference path that does not lead into the context object.
pub(crate) fn data_path(
    value: &Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<ValuePath> {
    let path = reference_path(value, place, report)?;
    if path.root == Root::Context {
        return say(message::NOT_REFERENCE_PATH, place, report);
    }
    Some(path)
}

/// ResultPath writes into the input; neither the context object nor a variable can be written to.
pub(crate) fn result_path(
    value: &Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Path> {
    let text = text(value, place, report)?;
    match ValuePath::parse(text) {
        Ok(path) if path.root == Root::Input && path.path.is_reference() => Some(path.path),
        _ => say(message::NOT_REFERENCE_PATH, place, report),
    }
}

/// Parameters, ResultSelector, Arguments, Output and the like. AWS gives the template as the
/// location, whatever lies deeper.
pub(crate) fn template(
    setting: Setting,
    value: &Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Template> {
    if setting.language == Language::Jsonata {
        return queries::template(value, setting, place, report);
    }
    lint::template(value, place, report);
    match Template::compile(value) {
        Ok(template) => Some(template),
        Err(problems) => {
            for problem in &problems {
                let steps = pointer_steps(value, &problem.pointer);
                place.below(&steps, &mut |at| {
                    report.error_within(SCHEMA, template_message(problem), place, at);
                });
            }
            None
        }
    }
}

fn template_message(problem: &TemplateError) -> String {
    match &problem.reason {
        TemplateProblem::Duplicate => {
            let plain = problem.field.strip_suffix(".$").unwrap_or(&problem.field);
            message::only_one(&[plain, &format!("{plain}.$")])
        }
        TemplateProblem::NotAString | TemplateProblem::NotAReference(_) => {
            message::template(&problem.field)
        }
    }
}

/// Assign: a template whose members are the variables.
pub(crate) fn assign(
    setting: Setting,
    value: &Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Template> {
    for key in object(value, place, report)?.keys() {
        let name = assigned_name(setting.language, key);
        let message = if name == "states" {
            message::RESERVED_VARIABLE.to_owned()
        } else if name.chars().count() > VARIABLE_NAME_CHARS_MAX {
            message::VARIABLE_NAME_LENGTH.to_owned()
        } else if !is_variable_name(name) {
            message::variable_name(name)
        } else {
            continue;
        };
        report.error_within(SCHEMA, message, place, &place.member(key));
    }
    template(setting, value, place, report)
}

/// The variable that a member of Assign is about.
pub(crate) fn assigned_name(language: Language, key: &str) -> &str {
    match language {
        Language::JsonPath => key.strip_suffix(".$").unwrap_or(key),
        Language::Jsonata => key,
    }
}

/// Items: an array or object, or an expression that makes one.
pub(crate) fn items(
    setting: Setting,
    value: &Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Template> {
    let is_container = value.as_array().is_some() || value.as_object().is_some();
    let is_expression = value.as_str().is_some_and(Query::is_query);
    if !is_container && !is_expression {
        return say(message::NOT_ITEMS, place, report);
    }
    template(setting, value, place, report)
}

/// The literal of a Wait state.
pub(crate) fn timestamp(
    value: &Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Timestamp> {
    let text = text(value, place, report)?;
    Timestamp::parse_rfc3339(text).or_else(|| say(message::NOT_RFC3339, place, report))
}

/// ErrorEquals.
pub(crate) fn error_names(
    value: &Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Arc<[Text]>> {
    let elements = non_empty_array(value, place, report)?;
    let mut names = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        let at = place.item(index);
        let Some(name) = text(element, &at, report) else {
            continue;
        };
        if errors::is_unknown_reserved(name) {
            report.error(SCHEMA, message::reserved_error_name(name), &at);
        }
        names.push(Text::from(name));
    }
    if names.len() > 1 && names.iter().any(|name| &**name == errors::ALL) {
        report.error(SCHEMA, message::ALL_ALONE.to_owned(), place);
    }
    Some(names.into())
}

/// The Label of a distributed Map.
pub(crate) fn label<'a>(
    value: &'a Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<&'a str> {
    let label = text(value, place, report)?;
    if let Some(problem) = label::problem(label) {
        report.error(message::INVALID_LABEL, problem, place);
        return None;
    }
    Some(label)
}

/// ItemsPointer: a JSON pointer. (RFC 6901)
pub(crate) fn pointer<'a>(
    value: &'a Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<&'a str> {
    let pointer = text(value, place, report)?;
    let mut after_tildes = pointer.split('~').skip(1);
    let is_pointer = (pointer.is_empty() || pointer.starts_with('/'))
        && after_tildes.all(|after| after.starts_with(['0', '1']));
    if !is_pointer {
        return say(message::NOT_POINTER, place, report);
    }
    Some(pointer)
}

/// CSVHeaders. Those that are repeated are refused when the file is read.
pub(crate) fn texts(
    value: &Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Arc<[Text]>> {
    let mut texts = Vec::new();
    for (index, element) in non_empty_array(value, place, report)?.iter().enumerate() {
        texts.push(text(element, &place.item(index), report)?.into());
    }
    Some(texts.into())
}

/// Credentials: `RoleArn`, literally, from a path or by an expression, and nothing else.
pub(crate) fn credentials(
    setting: Setting,
    value: &Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) -> Option<Template> {
    let object = object(value, place, report)?;
    let names: &[&str] = match setting.language {
        Language::JsonPath => &["RoleArn", "RoleArn.$"],
        Language::Jsonata => &["RoleArn"],
    };
    for (name, value) in object.members() {
        let at = place.member(name);
        if !names.contains(&name.as_str()) {
            report.error_within(SCHEMA, message::unsupported(name), place, &at);
        } else if value.as_str().is_none() {
            report.error(SCHEMA, message::expected("String"), &at);
        }
    }
    if !names.iter().any(|name| object.contains_key(name)) {
        return say(&message::missing("RoleArn"), place, report);
    }
    template(setting, value, place, report)
}
