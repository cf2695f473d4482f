//! Choice: the first rule that holds says where to go.

use super::data;
use super::step::{Fault, Go, Step};
use crate::program::{Choice, Next};
use crate::template::Scope;

/// What AWS reports when no rule holds and there is no Default; not `States.NoChoiceMatched`,
/// which only the language's specification has.
const NO_WAY_OUT: &str =
    "Failed to transition out of the state. The state does not point to a next state.";

pub(super) fn enter(step: &mut Step<'_>, choice: &Choice) -> Result<Go, Fault> {
    let context = step.context()?;
    let input = data::filter(&choice.input_path, &context.visit.input, &context)?;
    let scope = Scope {
        input: &input,
        context: &context,
    };
    let mut next = choice.default;
    for rule in &choice.rules {
        if rule
            .condition
            .evaluate(&scope)
            .map_err(|failure| Fault::runtime(failure.to_string()))?
        {
            next = Some(rule.next);
            break;
        }
    }
    let next = next.ok_or_else(|| Fault::runtime(NO_WAY_OUT))?;
    let output = data::filter(&choice.output_path, &input, &context)?;
    data::limit(&output, step.payload_bytes_max(), &context.state.name)?;
    step.exit(output, Next::State(next))
}
