//! Succeed: the end, with the input as output.

use super::data;
use super::step::{Fault, Go, Step};
use crate::program::Next;

pub(super) fn enter(step: &mut Step<'_>) -> Result<Go, Fault> {
    let exit = data::leave(step)?;
    step.exit(exit, Next::End)
}
