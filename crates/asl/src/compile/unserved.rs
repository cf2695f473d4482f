//! States that are refused by name. Their transitions count all the same, so that the states
//! behind them are not called unreachable.

use json::{Object, Value};

use super::Context;
use crate::validate::place::Place;
use crate::validate::schema::StateType;

/// Follows every transition of a state whose other fields are not looked at.
pub(super) fn follow(
    state_type: StateType,
    object: &Object,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) {
    if matches!(state_type, StateType::Succeed | StateType::Fail) || object.contains_key("End") {
        context.graph.end();
    }
    for name in ["Next", "Default"] {
        member(name, object, place, context);
    }
    for list in ["Choices", "Catch"] {
        let place = place.member(list);
        let elements = object
            .get(list)
            .and_then(Value::as_array)
            .unwrap_or_default();
        for (index, element) in elements.iter().enumerate() {
            if let Some(object) = element.as_object() {
                member("Next", object, &place.item(index), context);
            }
        }
    }
}

fn member(name: &str, object: &Object, place: &Place<'_>, context: &mut Context<'_, '_>) {
    if let Some(target) = object.get(name).and_then(Value::as_str) {
        context.follow(name, target, &place.member(name));
    }
}
