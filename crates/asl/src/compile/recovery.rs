//! `Retry` and `Catch`: what happens after an error.

use json::{Object, Value};

use super::Context;
use crate::program::{Catcher, Recovery, Retrier};
use crate::validate::errors;
use crate::validate::fields::Fields;
use crate::validate::message;
use crate::validate::place::Place;
use crate::validate::schema::Language;

/// AWS's defaults (ASL specification, "Retrying after error").
const INTERVAL_SECONDS: u64 = 1;
const ATTEMPTS_MAX: u64 = 3;
const BACKOFF_RATE: f64 = 2.0;

/// `Retry` and `Catch` of the state at `place`.
pub(super) fn recovery(
    fields: &mut Fields<'_>,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) -> Recovery {
    Recovery {
        retry: retry(fields, place, context),
        catch: catch(fields, place, context),
    }
}

/// Notes the variables that the catchers of a state assign.
pub(super) fn assigns<'a>(
    state: &'a Object,
    language: Language,
    place: &Place<'_>,
    context: &mut Context<'_, 'a>,
) {
    let catchers = state.get("Catch").and_then(Value::as_array);
    let place = place.member("Catch");
    for (index, catcher) in catchers.unwrap_or_default().iter().enumerate() {
        if let Some(catcher) = catcher.as_object() {
            context.assigns(catcher, language, &place.item(index));
        }
    }
}

fn retry(
    fields: &mut Fields<'_>,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) -> Vec<Retrier> {
    let retriers = fields.take_objects("Retry");
    all_is_last(&retriers, &place.member("Retry"), context);
    retriers.iter().filter_map(retrier).collect()
}

fn retrier(fields: &Fields<'_>) -> Option<Retrier> {
    Some(Retrier {
        error_equals: fields.names("ErrorEquals")?.clone(),
        interval_seconds: fields
            .integer("IntervalSeconds")
            .unwrap_or(INTERVAL_SECONDS),
        attempts_max: fields.integer("MaxAttempts").unwrap_or(ATTEMPTS_MAX),
        backoff_rate: fields.factor("BackoffRate").unwrap_or(BACKOFF_RATE),
        delay_seconds_max: fields.integer("MaxDelaySeconds"),
        jitter: fields.text("JitterStrategy") == Some("FULL"),
    })
}

fn catch(
    fields: &mut Fields<'_>,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) -> Vec<Catcher> {
    let mut catchers = fields.take_objects("Catch");
    let place = place.member("Catch");
    all_is_last(&catchers, &place, context);
    let one = |(index, fields)| catcher(fields, &place.item(index), context);
    catchers.iter_mut().enumerate().filter_map(one).collect()
}

fn catcher(
    fields: &mut Fields<'_>,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) -> Option<Catcher> {
    let next = context.target(fields, "Next", place);
    Some(Catcher {
        error_equals: fields.names("ErrorEquals")?.clone(),
        result_path: fields.take_result_path(),
        assign: fields.take_template("Assign"),
        output: fields.take_template("Output"),
        next: next?,
    })
}

/// What stands after `States.ALL` would never be asked.
fn all_is_last(elements: &[Fields<'_>], place: &Place<'_>, context: &mut Context<'_, '_>) {
    let names_all = |fields: &Fields<'_>| {
        let names = fields.names("ErrorEquals");
        names.is_some_and(|names| names.iter().any(|name| &**name == errors::ALL))
    };
    let Some((_, before)) = elements.split_last() else {
        return;
    };
    for (index, _) in before
        .iter()
        .enumerate()
        .filter(|(_, fields)| names_all(fields))
    {
        let at = place.item(index);
        context.error(message::ALL_LAST.to_owned(), &at.member("ErrorEquals"));
    }
}
