//! Pass: input or a literal, shaped and passed on.

use super::data;
use super::step::{Fault, Go, Step};
use crate::program::Pass;

pub(super) fn enter(step: &mut Step<'_>, pass: &Pass) -> Result<Go, Fault> {
    let context = step.context()?;
    let data = data::of(step, &context);
    let shaped = data.arguments(data.input()?)?;
    let result = pass.result.as_ref().cloned().unwrap_or(shaped);
    let exit = data.leave_with(result)?;
    data.limit(&exit.output, &context.state.name)?;
    step.exit(exit, pass.next)
}
