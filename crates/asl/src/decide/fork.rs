//! The threads below a Parallel or Map state: how they begin, end and fail.

use super::failure::{Failed, recover};
use super::step::{Fault, Go, Step};
use super::{Effect, Refusal, data, map};
use crate::event::{BranchId, EventId, EventKind};
use crate::program::{Next, StateIndex, StateKind};
use crate::run::{Activity, Branch, Parent};

/// The number of the next thread.
pub(super) fn next_branch(step: &Step<'_>) -> BranchId {
    BranchId(step.run.last_branch + 1)
}

/// The state that a branch or iteration begins with.
pub(super) fn first_state(step: &Step<'_>, parent: Option<Parent>) -> Option<StateIndex> {
    let parent = parent?;
    match &step.state_above(parent)?.kind {
        StateKind::Parallel(parallel) => {
            let index = usize::try_from(parent.index).ok()?;
            parallel.branches.get(index).copied()
        }
        StateKind::Map(map) => Some(map.body),
        _ => None,
    }
}

/// The thread has come to the end of its branch or iteration.
pub(super) fn end(step: &mut Step<'_>) -> Result<Go, Fault> {
    let thread = step.thread()?;
    let last_event = thread.last_event;
    let parent = thread.parent.ok_or(Refusal::ForeignProgram)?;
    let above = step.run.branch(parent.branch).and_then(Branch::visit);
    let state = above.ok_or(Refusal::ForeignProgram)?.state;
    match step.program.state(state).map(|state| &state.kind) {
        Some(StateKind::Parallel(parallel)) => {
            step.emit(EventKind::BranchSucceeded)?;
            step.branch = parent.branch;
            step.begin_turn();
            finish(step, parallel.next)
        }
        Some(StateKind::Map(map)) => {
            let index = parent.index;
            step.emit(EventKind::MapIterationSucceeded { state, index })?;
            step.branch = parent.branch;
            step.begin_turn();
            map::fill(step, map, last_event)?;
            finish(step, map.next)
        }
        _ => Err(Refusal::ForeignProgram.into()),
    }
}

/// After the last of the threads below, the state succeeds with the array of their outputs.
pub(super) fn finish(step: &mut Step<'_>, next: Next) -> Result<Go, Fault> {
    let (visit, forked) = step.thread()?.forked().ok_or(Refusal::ForeignProgram)?;
    if forked.live > 0 {
        return Ok(Go::Rest);
    }
    let (state, result) = (visit.state, forked.results.to_array());
    let name = &step.visit()?.0.name;
    let result = result.ok_or_else(|| data::too_large(name))?;
    step.emit(EventKind::StateSucceeded { state })?;
    let exit = data::leave_with(step, result)?;
    step.exit(exit, next)
}

/// The thread fails, and with it the Parallel or Map above; the execution, if there is none.
pub(super) fn raise(step: &mut Step<'_>, failed: Failed) -> Result<Go, Fault> {
    let thread = step.thread()?;
    let (id, last_event) = (thread.id, thread.last_event);
    let Some(parent) = thread.parent else {
        return step.fail(failed.failure);
    };
    cut(step, parent.branch, Some(id), last_event)?;
    recover(step, failed)
}

/// Ends every thread below `above`, which is the thread that moves afterwards. Each event that
/// tells of an end follows `previous`, the last event of the one that failed, and so does whatever
/// the thread does next.
///
/// An iteration's end comes before that of the state it was in, a thread's before those of the
/// threads below it; siblings come in the order of their index.
pub(super) fn cut(
    step: &mut Step<'_>,
    above: BranchId,
    failing: Option<BranchId>,
    previous: EventId,
) -> Result<(), Fault> {
    let below = threads_below(step, above);
    let mut pending = children(&below, above);
    while let Some(id) = pending.pop() {
        step.branch = id;
        for end in ends(step, failing == Some(id)) {
            step.emit_after(previous, end)?;
        }
        if let Some((_, calling)) = step.run.branch(id).and_then(Branch::calling) {
            let attempt = calling.attempt;
            step.effects.push(Effect::Abandon { attempt });
        }
        pending.extend(children(&below, id));
    }
    step.branch = above;
    step.emit_after(previous, EventKind::BranchesCut)?;
    Ok(())
}

/// The threads below one, each with its parent before it, siblings together. A thread is older
/// than those below it, so one pass finds them all.
fn threads_below(step: &Step<'_>, above: BranchId) -> Vec<(BranchId, BranchId)> {
    let mut ids: Vec<BranchId> = vec![above];
    let mut below = Vec::new();
    for thread in &step.run.branches {
        if let Some(parent) = thread.parent
            && ids.binary_search(&parent.branch).is_ok()
        {
            ids.push(thread.id);
            below.push((parent.branch, thread.id));
        }
    }
    below.sort_unstable();
    below
}

/// Siblings begin in the order of their index; the last comes first here, to be taken last.
fn children(below: &[(BranchId, BranchId)], parent: BranchId) -> Vec<BranchId> {
    let begin = below.partition_point(|(above, _)| *above < parent);
    let mut children: Vec<_> = below
        .iter()
        .skip(begin)
        .take_while(|(above, _)| *above == parent)
        .map(|(_, id)| *id)
        .collect();
    children.reverse();
    children
}

/// What the history tells of a thread that ends before its time. A state that failed may be told
/// to have been aborted too, as AWS does, but not one whose `...StateFailed` is written.
fn ends(step: &Step<'_>, is_failing: bool) -> Vec<EventKind> {
    let mut ends = Vec::new();
    let Ok(thread) = step.thread() else {
        return ends;
    };
    if let Some(parent) = thread.parent
        && let Some(state) = step.run.branch(parent.branch).and_then(Branch::visit)
        && let Some(StateKind::Map(_)) = step.state_above(parent).map(|state| &state.kind)
    {
        let (state, index) = (state.state, parent.index);
        ends.push(match is_failing {
            true => EventKind::MapIterationFailed { state, index },
            false => EventKind::MapIterationAborted { state, index },
        });
    }
    let takes_time = |kind: &StateKind| {
        matches!(
            kind,
            StateKind::Task(_) | StateKind::Wait(_) | StateKind::Parallel(_) | StateKind::Map(_)
        )
    };
    if let Ok((state, visit)) = step.visit()
        && takes_time(&state.kind)
        && !matches!(visit.activity, Activity::Failed { .. })
    {
        let state = visit.state;
        ends.push(EventKind::StateAborted { state });
    }
    ends
}
