//! Choice: goes on with the first rule whose condition holds, or with `Default`.

use json::Value;

use super::Context;
use crate::choice::Condition;
use crate::program::{Choice, Rule, StateKind, Test};
use crate::validate::fields::{self, Fields};
use crate::validate::message;
use crate::validate::place::{Place, pointer_steps};
use crate::validate::schema::RULE;
use crate::validate::{lint, values};

/// Conditions are evaluated by recursion. Each `And` or `Or` adds two levels of JSON; nobody
/// writes a hundred of them into one another.
const RULE_DEPTH_MAX: usize = 200;

pub(super) fn compile(
    fields: &mut Fields<'_>,
    place: &Place<'_>,
    context: &mut Context<'_, '_>,
) -> StateKind {
    let choices = place.member("Choices");
    let mut rules = Vec::new();
    for (index, value) in fields.array("Choices").iter().enumerate() {
        rules.extend(rule(value, &choices.item(index), context));
    }
    let has_default = fields.contains("Default");
    StateKind::Choice(Box::new(Choice {
        rules,
        default: has_default
            .then(|| context.target(fields, "Default", place))
            .flatten(),
    }))
}

/// One element of `Choices`: its transition, and its condition among the other members.
fn rule(value: &Value, place: &Place<'_>, context: &mut Context<'_, '_>) -> Option<Rule> {
    let object = values::object(value, place, context.report)?;
    let fields = fields::read_known(&RULE, object, place, context.report);
    let next = context.target(&fields, "Next", place);
    if object.contains_key("Condition") {
        // A JSONata condition, which has been refused.
        return None;
    }
    if value.depth() > RULE_DEPTH_MAX {
        let message = message::RULE_TOO_DEEP.to_owned();
        context.report.error(message::TOO_DEEP, message, place);
        return None;
    }
    lint::condition(value, place, context.report);
    match Condition::compile(value) {
        Ok(condition) => Some(Rule {
            condition: Test::Paths(condition),
            assign: None,
            output: None,
            next: next?,
        }),
        Err(problems) => {
            for problem in problems {
                let steps = pointer_steps(value, &problem.pointer);
                place.below(&steps, &mut |at| context.error(problem.message.clone(), at));
            }
            None
        }
    }
}
