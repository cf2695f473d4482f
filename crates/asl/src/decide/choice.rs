//! Choice: the first rule that holds says where to go.

use super::{Refusal, data};
use super::step::{Fault, Go, Step};
use crate::choice::ChoiceFailure;
use crate::program::{Choice, Next, Test};
use crate::template::Scope;

/// What AWS reports when no rule holds and there is no Default; not `States.NoChoiceMatched`,
/// which only the language's specification has.
const NO_WAY_OUT: &str =
    "Failed to transition out of the state. The state does not point to a next state.";

pub(super) fn enter(step: &mut Step<'_>, choice: &Choice) -> Result<Go, Fault> {
    let context = step.context()?;
    let paths = data::paths(&context)?;
    let input = data::filter(&paths.input_path, &context.visit.input, &context)?;
    let scope = Scope::new(&input, &context);
    let mut next = choice.default;
    for rule in &choice.rules {
        let Test::Paths(condition) = &rule.condition else {
            return Err(Refusal::ForeignProgram.into());
        };
        let failed = |failure: ChoiceFailure| Fault::runtime(failure.to_string());
        if condition.evaluate(&scope).map_err(failed)? {
            next = Some(rule.next);
            break;
        }
    }
    let next = next.ok_or_else(|| Fault::runtime(NO_WAY_OUT))?;
    let output = data::filter(&paths.output_path, &input, &context)?;
    data::limit(&output, step.payload_bytes_max(), &context.state.name)?;
    step.exit(output, Next::State(next))
}
