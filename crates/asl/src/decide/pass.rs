//! Pass: input or a literal, shaped and passed on.

use super::data;
use super::step::{Fault, Go, Step};
use crate::program::Pass;

pub(super) fn enter(step: &mut Step<'_>, pass: &Pass) -> Result<Go, Fault> {
    let context = step.context()?;
    let paths = data::paths(&context)?;
    let raw = &context.visit.input;
    let input = data::filter(&paths.input_path, raw, &context)?;
    let shaped = data::shape(paths.parameters.as_ref(), input, &context)?;
    let result = pass.result.as_ref().cloned().unwrap_or(shaped);
    let placed = data::place(&paths.result_path, raw, result)?;
    let output = data::filter(&paths.output_path, &placed, &context)?;
    data::limit(&output, step.payload_bytes_max(), &context.state.name)?;
    step.exit(output, pass.next)
}
