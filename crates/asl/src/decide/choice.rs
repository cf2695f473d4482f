//! Choice: the first rule that holds says where to go.

use json::Value;

use super::data::{self, Data};
use super::step::{Fault, Go, Step};
use crate::program::{Choice, Next, Rule, Test};
use crate::template::Evaluation;

/// What AWS reports when no rule holds and there is no Default; not `States.NoChoiceMatched`,
/// which only the language's specification has.
const NO_WAY_OUT: &str =
    "Failed to transition out of the state. The state does not point to a next state.";

pub(super) fn enter(step: &mut Step<'_>, choice: &Choice) -> Result<Go, Fault> {
    let context = step.context()?;
    let data = data::of(step, &context);
    let input = data.input()?;
    let chosen = first(&choice.rules, &input, &data)?;
    let (next, exit) = match chosen {
        Some(rule) => (rule.next, data.choose(rule, input)?),
        None => {
            let next = choice.default.ok_or_else(|| Fault::runtime(NO_WAY_OUT))?;
            (next, data.leave(input)?)
        }
    };
    data.limit(&exit.output, &context.state.name)?;
    step.exit(exit, Next::State(next))
}

/// The first rule that holds.
fn first<'r>(rules: &'r [Rule], input: &Value, data: &Data<'_>) -> Result<Option<&'r Rule>, Fault> {
    let scope = data.scope(input);
    let evaluation = Evaluation::new(&scope);
    for rule in rules {
        let holds = match &rule.condition {
            Test::Paths(condition) => condition.evaluate_in(&evaluation)?,
            Test::Query(query) => query.evaluate_boolean(&scope)?,
            Test::Literal(literal) => *literal,
        };
        if holds {
            return Ok(Some(rule));
        }
    }
    Ok(None)
}
