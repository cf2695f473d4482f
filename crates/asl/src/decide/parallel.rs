//! Parallel: branches that run side by side, each in a thread of its own.

use super::data;
use super::step::{Fault, Go, Step};
use super::{Refusal, fork};
use crate::event::EventKind;
use crate::program::Parallel;

/// Makes an attempt: the first on entry, a further one after a back-off. Every branch begins with
/// the same input.
pub(super) fn attempt(step: &mut Step<'_>, parallel: &Parallel) -> Result<Go, Fault> {
    let context = step.context()?;
    let data = data::of(step, &context);
    let input = data.arguments(data.input()?)?;
    data.limit(&input, &context.state.name)?;
    let state = context.visit.state;
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

/// One branch fewer; after the last the state succeeds with the array of their outputs.
pub(super) fn branch_ended(step: &mut Step<'_>, parallel: &Parallel) -> Result<Go, Fault> {
    let (visit, forked) = step.thread()?.forked().ok_or(Refusal::ForeignProgram)?;
    if forked.live > 0 {
        return Ok(Go::Rest);
    }
    let (state, result) = (visit.state, forked.results.to_array());
    let name = &step.visit()?.0.name;
    let result = result.ok_or_else(|| data::too_large(name))?;
    step.emit(EventKind::StateSucceeded { state })?;
    let exit = data::leave_with(step, result)?;
    step.exit(exit, parallel.next)
}
