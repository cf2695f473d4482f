//! ExecutionRedriven: what is left of an execution that ended badly goes on.
//!
//! Every thread takes up the state it is in, with its retries uncounted. A Parallel or Map that
//! failed gets back the results it had and the threads that failed or were cut, as they were. A
//! Wait keeps its time.

use std::sync::Arc;

use super::variables_bytes_of;
use crate::event::{BranchId, Event, EventId, EventKind};
use crate::run::{Activity, Branch, Phase, Run, StateRun, Status};
use crate::time::Timestamp;

/// A Parallel or Map that failed with this error has no results to keep: all of it runs anew
/// (developer guide, "Redrive behavior of individual states").
const DATA_LIMIT: &str = "States.DataLimitExceeded";

pub(super) fn redrive(run: &mut Run, time: Timestamp, event: &Event) {
    let EventKind::ExecutionRedriven {
        redrive_count,
        client_token,
    } = &event.kind
    else {
        return;
    };
    let Some(end) = run.end.take() else {
        return;
    };
    // A failure that nothing caught is that of every state above, up to the root's.
    let is_anew = run.status == Status::Failed && end.failure.error.as_deref() == Some(DATA_LIMIT);
    run.status = Status::Running;
    run.redrives
        .note(*redrive_count, client_token.as_ref(), time);
    let mut stopped = end.remains;
    while let Some(mut thread) = stopped.pop() {
        let keeps = !(is_anew && thread.id == BranchId::ROOT);
        stopped.extend(take_up(Arc::make_mut(&mut thread), event.id, keeps));
        run.branches.push(thread);
    }
    run.branches.sort_unstable_by_key(|thread| thread.id);
    run.variables_bytes = variables_bytes_of(&run.branches);
}

/// Readies a thread. Answers those it gets back below it.
fn take_up(thread: &mut Branch, redriven: EventId, keeps: bool) -> Vec<Arc<Branch>> {
    thread.last_event = redriven;
    let Phase::In(visit) = &mut thread.phase else {
        return Vec::new();
    };
    visit.retries = Vec::new();
    let kept = visit.kept.take().filter(|_| keeps);
    let (activity, threads) = match kept {
        Some(kept) => (Activity::Forked(kept.forked), kept.threads),
        None => (taken_up(visit), Vec::new()),
    };
    visit.activity = activity;
    threads
}

fn taken_up(visit: &mut StateRun) -> Activity {
    match std::mem::replace(&mut visit.activity, Activity::Entered) {
        Activity::Forked(forked) | Activity::Succeeded { forked, .. } => Activity::Forked(forked),
        Activity::Waiting { until } => Activity::Waiting { until },
        Activity::Entered
        | Activity::Calling(_)
        | Activity::BackingOff { .. }
        | Activity::Answered
        | Activity::Failed { .. } => Activity::Entered,
    }
}
