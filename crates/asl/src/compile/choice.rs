//! Choice: goes on with the first rule whose condition holds, or with `Default`.

use json::{Object, Value};

use super::Context;
use crate::choice::{Condition, OPERATORS};
use crate::program::{Choice, Rule, StateKind, Test};
use crate::validate::fields::{self, Fields};
use crate::validate::place::{Place, pointer_steps};
use crate::validate::queries::Setting;
use crate::validate::schema::Language;
use crate::validate::table::RULE;
use crate::validate::{lint, message, values};

/// Conditions are evaluated by recursion. Each `And` or `Or` adds two levels of JSON; nobody
/// writes a hundred of them into one another.
const RULE_DEPTH_MAX: usize = 200;

pub(super) fn compile<'a>(
    fields: &mut Fields<'a>,
    language: Language,
    place: &Place<'_>,
    context: &mut Context<'_, 'a>,
) -> StateKind {
    let choices = place.member("Choices");
    let mut rules = Vec::new();
    if fields.array("Choices").is_empty() {
        context.graph.set_incomplete();
    }
    for (index, value) in fields.array("Choices").iter().enumerate() {
        rules.extend(rule(value, language, &choices.item(index), context));
    }
    let has_default = fields.contains("Default");
    StateKind::Choice(Box::new(Choice {
        rules,
        default: has_default
            .then(|| context.target(fields, "Default", place))
            .flatten(),
    }))
}

/// One element of `Choices`: its transition, and its condition.
fn rule<'a>(
    value: &'a Value,
    language: Language,
    place: &Place<'_>,
    context: &mut Context<'_, 'a>,
) -> Option<Rule> {
    let Some(object) = values::object(value, place, context.report) else {
        context.graph.set_incomplete();
        return None;
    };
    context.assigns(object, language, place);
    let setting = Setting::new(language);
    let mut fields = fields::read_known(&RULE, setting, object, place, context.report);
    let next = context.target(&fields, "Next", place);
    let condition = match language {
        // A condition of the other language has been refused, and nothing else is missing.
        Language::JsonPath if object.contains_key("Condition") => None,
        Language::JsonPath => paths(value, place, context),
        Language::Jsonata => {
            not_of_jsonata(object, place, context);
            fields.take_test("Condition")
        }
    };
    Some(Rule {
        condition: condition?,
        assign: fields.take_template("Assign"),
        output: fields.take_template("Output"),
        next: next?,
    })
}

/// The condition of a JSONPath rule: its members beside those of the table.
fn paths(value: &Value, place: &Place<'_>, context: &mut Context<'_, '_>) -> Option<Test> {
    if value.depth() > RULE_DEPTH_MAX {
        let message = message::RULE_TOO_DEEP.to_owned();
        context.report.error(message::TOO_DEEP, message, place);
        return None;
    }
    lint::condition(value, place, context.report);
    match Condition::compile(value) {
        Ok(condition) => Some(Test::Paths(condition)),
        Err(problems) => {
            for problem in problems {
                let steps = pointer_steps(value, &problem.pointer);
                place.below(&steps, &mut |at| {
                    let message = problem.message.clone();
                    match &problem.member {
                        None => context.error(message, at),
                        Some(name) => context.error_of(message, at, &at.member(name)),
                    }
                });
            }
            None
        }
    }
}

/// Reports the members of a JSONata rule that no rule has, or only one of JSONPath.
fn not_of_jsonata(rule: &Object, place: &Place<'_>, context: &mut Context<'_, '_>) {
    for name in rule.keys().filter(|name| RULE.field(name).is_none()) {
        let is_combinator = matches!(name, "And" | "Or" | "Not");
        if name == "Variable" || is_combinator || OPERATORS.iter().any(|it| it.name == name) {
            fields::foreign(name, Language::Jsonata, place, context.report);
        } else {
            context.error_of(message::unsupported(name), place, &place.member(name));
        }
    }
}
