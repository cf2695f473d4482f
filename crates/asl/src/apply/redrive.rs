//! ExecutionRedriven: what is left of an execution that ended badly goes on.
//!
//! Every thread takes up the state it is in, with its retries uncounted. A Parallel or Map that
//! failed gets back the results it had and the threads that failed or were cut, as they were. A
//! Wait keeps its time.

use std::sync::Arc;

use super::variables_bytes_of;
use crate::event::{BranchId, Event, EventKind};
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
    while let Some(thread) = stopped.pop() {
        let keeps = !(is_anew && thread.id == BranchId::ROOT);
        let (phase, threads) = take_up(&thread.phase, keeps);
        stopped.extend(threads);
        run.branches.push(Arc::new(Branch {
            id: thread.id,
            parent: thread.parent,
            last_event: event.id,
            variables: thread.variables.clone(),
            phase,
        }));
    }
    run.branches.sort_unstable_by_key(|thread| thread.id);
    run.variables_bytes = variables_bytes_of(&run.branches);
}

/// Where a thread takes up its work, and the threads it gets back below it.
fn take_up(phase: &Phase, keeps: bool) -> (Phase, Vec<Arc<Branch>>) {
    let Phase::In(visit) = phase else {
        return (phase.clone(), Vec::new());
    };
    let (activity, threads) = match &visit.activity {
        Activity::Failed {
            kept: Some(kept), ..
        }
        | Activity::Cut(kept)
            if keeps =>
        {
            (Activity::Forked(kept.forked.clone()), kept.threads.clone())
        }
        activity => (taken_up(activity), Vec::new()),
    };
    let visit = StateRun {
        state: visit.state,
        entered_event: visit.entered_event,
        entered_at: visit.entered_at,
        input: visit.input.clone(),
        retries: Vec::new(),
        activity,
    };
    (Phase::In(visit), threads)
}

fn taken_up(activity: &Activity) -> Activity {
    match activity {
        Activity::Forked(forked) | Activity::Succeeded { forked, .. } => {
            Activity::Forked(forked.clone())
        }
        Activity::Waiting { until } => Activity::Waiting { until: *until },
        Activity::Entered
        | Activity::Calling(_)
        | Activity::BackingOff { .. }
        | Activity::Answered
        | Activity::Cut(_)
        | Activity::Failed { .. } => Activity::Entered,
    }
}
