//! Pass: input or a literal, shaped and passed on.

use super::data;
use super::step::{Fault, Go, Step};
use crate::program::Pass;

pub(super) fn enter(step: &mut Step<'_>, pass: &Pass) -> Result<Go, Fault> {
    let context = step.context()?;
    let data = data::of(step, &context);
    let input = data.input()?;
    let exit = if data.is_queries() {
        // In JSONata a Pass has no result: `$states` does not show one.
        data.leave(input)?
    } else {
        let shaped = data.arguments(input)?;
        data.leave_with(pass.result.as_ref().cloned().unwrap_or(shaped))?
    };
    data.limit(&exit.output, &context.state.name)?;
    step.exit(exit, pass.next)
}
