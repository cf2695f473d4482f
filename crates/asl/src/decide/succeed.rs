//! Succeed: the end, with what the paths leave of the input.

use super::data;
use super::step::{Fault, Go, Step};
use crate::program::{Next, Succeed};

pub(super) fn enter(step: &mut Step<'_>, succeed: &Succeed) -> Result<Go, Fault> {
    let output = data::pass_on(step, &succeed.input_path, &succeed.output_path)?;
    step.exit(output, Next::End)
}
