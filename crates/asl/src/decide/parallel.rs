//! Parallel: branches that run side by side, each in a thread of its own.

use json::Value;

use super::step::{Fault, Go, Step};
use super::{data, fork};
use crate::event::EventKind;
use crate::program::Parallel;

/// Makes an attempt: the first on entry, a further one after a back-off. Every branch begins with
/// the same input.
pub(super) fn attempt(step: &mut Step<'_>, parallel: &Parallel) -> Result<Go, Fault> {
    let input = prepare(step)?;
    let state = step.visit()?.1.state;
    step.emit(EventKind::ParallelStarted { state })?;
    let parent = step.branch;
    for (index, _) in (0..).zip(&parallel.branches) {
        let branch = fork::next_branch(step);
        step.branch = branch;
        step.emit(EventKind::BranchStarted {
            parent,
            index,
            input: input.clone(),
        })?;
        step.ready.push(parent, branch);
    }
    step.branch = parent;
    Ok(Go::Rest)
}

/// What the branches begin with.
pub(super) fn prepare(step: &Step<'_>) -> Result<Value, Fault> {
    let context = step.context()?;
    let data = data::of(step, &context);
    let input = data.arguments(data.input()?)?;
    data.limit(&input, &context.state.name)?;
    Ok(input)
}
