//! Folds events into a run. Evaluates nothing, and cannot fail on an event that was decided.

use std::sync::Arc;

use crate::event::{BranchId, Event, EventKind, Failure, Start};
use crate::program::StateIndex;
use crate::run::{Activity, Branch, Calling, End, Phase, Run, StateRun, Status};
use crate::time::Timestamp;

/// Applies one event of a record of this time. Events of one record share its time, and come in
/// the order in which they were decided.
///
/// A sequence that no decision could have made (a result for a thread that waits for none) leaves
/// the run as it is beyond its counters: refusing damaged records is the journal's task.
pub fn apply(run: &mut Run, time: Timestamp, event: &Event) {
    run.time = time;
    if event.id != 0 {
        run.last_event = event.id;
    }
    match &event.kind {
        EventKind::ExecutionStarted(start) => begin(run, time, start),
        EventKind::ExecutionDeadline { at } => run.times_out_at = Some(*at),
        EventKind::ExecutionSucceeded { output } => {
            end(
                run,
                time,
                Status::Succeeded,
                Some(output.clone()),
                Failure::default(),
            );
        }
        EventKind::ExecutionFailed(failure) => {
            end(run, time, Status::Failed, None, failure.clone());
        }
        EventKind::ExecutionAborted(failure) => {
            end(run, time, Status::Aborted, None, failure.clone());
        }
        EventKind::ExecutionTimedOut(_) => {
            // AWS reports the deadline as the stop date, and neither error nor cause.
            let at = run.times_out_at.unwrap_or(time);
            end(run, at, Status::TimedOut, None, Failure::default());
        }
        _ => {
            if let Some(thread) = run.branch_mut(event.branch) {
                apply_to_thread(thread, time, event);
            }
        }
    }
}

fn begin(run: &mut Run, time: Timestamp, start: &Start) {
    run.start = Some(Arc::new(start.clone()));
    run.started_at = time;
    run.status = Status::Running;
    // AWS gives the first state's event no previous one, so ExecutionStarted belongs to no thread.
    run.branches.push(Branch {
        id: BranchId::ROOT,
        last_event: 0,
        phase: Phase::Between,
    });
}

fn end(
    run: &mut Run,
    at: Timestamp,
    status: Status,
    output: Option<json::Value>,
    failure: Failure,
) {
    run.status = status;
    run.times_out_at = None;
    run.branches.clear();
    run.end = Some(End {
        at,
        output,
        failure,
    });
}

fn apply_to_thread(thread: &mut Branch, time: Timestamp, event: &Event) {
    if event.id != 0 {
        thread.last_event = event.id;
    }
    match &event.kind {
        EventKind::StateEntered { state, input } => {
            thread.phase = Phase::In(StateRun {
                state: *state,
                entered_event: event.id,
                entered_at: time,
                input: input.clone(),
                retries: Vec::new(),
                activity: Activity::Entered,
            });
        }
        EventKind::StateExited { .. } => thread.phase = Phase::Between,
        EventKind::Yielded { next, input } => yielded(thread, *next, input),
        _ => {
            if let Phase::In(visit) = &mut thread.phase {
                apply_to_visit(visit, time, event);
            }
        }
    }
}

fn yielded(thread: &mut Branch, next: StateIndex, input: &json::Value) {
    thread.phase = Phase::Yielded {
        next,
        input: input.clone(),
    };
}

fn apply_to_visit(visit: &mut StateRun, time: Timestamp, event: &Event) {
    match &event.kind {
        EventKind::WaitUntil { until } => visit.activity = Activity::Waiting { until: *until },
        EventKind::RetryAt {
            retrier,
            retries,
            until,
        } => {
            count_retry(&mut visit.retries, *retrier, *retries);
            visit.activity = Activity::BackingOff { until: *until };
        }
        EventKind::TaskScheduled {
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            credentials_role_arn,
            ..
        } => {
            visit.activity = Activity::Calling(Calling {
                attempt: event.id,
                parameters: parameters.clone(),
                credentials_role_arn: credentials_role_arn.clone(),
                deadline: timeout_seconds.map(|seconds| time.plus_seconds(seconds)),
                heartbeat_seconds: *heartbeat_seconds,
                submitted: false,
            });
        }
        EventKind::TaskSubmitted { .. } => {
            if let Activity::Calling(calling) = &mut visit.activity {
                calling.submitted = true;
            }
        }
        EventKind::TaskSucceeded { .. }
        | EventKind::TaskFailed { .. }
        | EventKind::TaskTimedOut { .. } => visit.activity = Activity::Answered,
        _ => {}
    }
}

/// Validation allows a state no more retriers than a definition of 1 MiB can hold, so the list
/// stays short; it grows only to the retrier in use.
fn count_retry(counts: &mut Vec<u32>, retrier: u32, retries: u32) {
    let Ok(at) = usize::try_from(retrier) else {
        return;
    };
    if counts.len() <= at {
        counts.resize(at + 1, 0);
    }
    if let Some(count) = counts.get_mut(at) {
        *count = retries;
    }
}

#[cfg(test)]
mod tests;
