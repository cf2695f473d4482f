//! Warnings: what AWS accepts although it is probably not what was meant.

use json::{Object, Value, View};

use crate::validate::message;
use crate::validate::place::Place;
use crate::validate::report::Report;
use crate::validate::schema::Language;

/// Text that would be evaluated if its field had the right name.
fn looks_like_path(text: &str) -> bool {
    ["$.", "$[", "$$."]
        .iter()
        .any(|start| text.starts_with(start))
}

fn looks_dynamic(text: &str) -> bool {
    looks_like_path(text) || (text.starts_with("States.") && text.ends_with(')'))
}

/// `NO_PATH`: a field that takes literal text holds what looks like a path.
pub(crate) fn literal(
    name: &str,
    language: Language,
    value: &Value,
    place: &Place<'_>,
    report: &mut Report<'_>,
) {
    let is_path = value.as_str().is_some_and(looks_like_path);
    if language == Language::JsonPath && is_path {
        report.warn(message::NO_PATH, message::no_path(name), place, place);
    }
}

/// `NO_DOLLAR`: members of a payload template that look dynamic under a name without `.$`.
pub(crate) fn template(value: &Value, place: &Place<'_>, report: &mut Report<'_>) {
    each_text(value, place, &mut |name, text, at| {
        if !name.ends_with(".$") && looks_dynamic(text) {
            report.warn(message::NO_DOLLAR, message::no_dollar(name), place, at);
        }
    });
}

/// `PASS_RESULT_IS_STATIC`: members of a Pass state's Result that look dynamic.
pub(crate) fn pass_result(value: &Value, place: &Place<'_>, report: &mut Report<'_>) {
    each_text(value, place, &mut |name, text, at| {
        if looks_dynamic(text) {
            report.warn(
                message::STATIC_RESULT,
                message::static_result(name),
                place,
                at,
            );
        }
    });
}

/// `NO_EFFECT`: fields of an inline Map that only a distributed one heeds.
pub(crate) fn tolerance(state: &Object, place: &Place<'_>, report: &mut Report<'_>) {
    let names = state.keys().filter(|name| name.starts_with("Tolerated"));
    for name in names {
        let at = place.member(name);
        report.warn(message::NO_EFFECT, message::no_effect(name), &at, &at);
    }
}

/// `NOT_SERVED`: a Map whose mode, at this place, is DISTRIBUTED.
pub(crate) fn distributed(place: &Place<'_>, report: &mut Report<'_>) {
    let message = message::DISTRIBUTED_NOT_RUN.to_owned();
    report.warn(message::NOT_SERVED, message, place, place);
}

/// `NO_PATH` in a Choice rule: an operand that looks like a path under an operator that takes a
/// literal.
pub(crate) fn condition(rule: &Value, place: &Place<'_>, report: &mut Report<'_>) {
    let is_literal =
        |name: &str| !name.ends_with("Path") && !matches!(name, "Variable" | "Next" | "Comment");
    each_text(rule, place, &mut |name, text, at| {
        if is_literal(name) && looks_like_path(text) {
            report.warn(message::NO_PATH, message::no_path(name), at, at);
        }
    });
}

/// Visits every string that is a member, with the member's name. As deep as the JSON parser lets
/// a definition nest, so the recursion is bounded.
fn each_text(value: &Value, place: &Place<'_>, visit: &mut dyn FnMut(&str, &str, &Place<'_>)) {
    match value.view() {
        View::Object(object) => {
            for (name, value) in object.members() {
                let place = place.member(name);
                match value.as_str() {
                    Some(text) => visit(name, text, &place),
                    None => each_text(value, &place, visit),
                }
            }
        }
        View::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                each_text(element, &place.item(index), visit);
            }
        }
        _ => {}
    }
}

/// Visits every string, elements of arrays too, in the order of the text. As deep as the JSON
/// parser lets a definition nest, so the recursion is bounded.
pub(crate) fn each_string(
    value: &Value,
    place: &Place<'_>,
    visit: &mut dyn FnMut(&str, &Place<'_>),
) {
    match value.view() {
        View::String(text) => visit(text, place),
        View::Object(object) => {
            for (name, value) in object.members() {
                each_string(value, &place.member(name), visit);
            }
        }
        View::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                each_string(element, &place.item(index), visit);
            }
        }
        _ => {}
    }
}
