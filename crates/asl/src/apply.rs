//! Folds events into a run. Evaluates nothing, and cannot fail on an event that was decided.

mod redrive;

use std::sync::Arc;

use json::{Object, Value};

use crate::event::{BranchId, Event, EventKind, Failure, Start};
use crate::program::StateIndex;
use crate::run::{
    Activity, Branch, Calling, Cancel, End, Forked, Kept, Mapping, Parent, Phase, Results, Run,
    StateRun, Status,
};
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
        EventKind::ExecutionRedriven { .. } => redrive::redrive(run, time, event),
        EventKind::Queued => run.queued = true,
        EventKind::Admitted => run.queued = false,
        EventKind::JobCancelled { attempt } => run.cancels.retain(|it| it.attempt != *attempt),
        EventKind::TaskServed { served, .. } => {
            if served.role_policies.is_some() {
                run.role_policies = served.role_policies.clone();
            }
        }
        EventKind::TaskTimedOut { .. } => time_out(run, event),
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
        EventKind::BranchStarted {
            parent,
            index,
            input,
        } => fork(run, event, (*parent, *index), input),
        EventKind::MapIterationStarted {
            parent,
            index,
            input,
            ..
        } => fork(run, event, (*parent, *index), input),
        EventKind::BranchSucceeded | EventKind::MapIterationSucceeded { .. } => join(run, event),
        EventKind::BranchesCut => cut(run, event),
        EventKind::StateExited {
            output, assigned, ..
        } => leave(run, event, output, assigned.as_ref()),
        _ => {
            if let Some(thread) = run.branch_mut(event.branch) {
                apply_to_thread(thread, time, event);
            }
            if let EventKind::TaskScheduled { state, .. } = &event.kind {
                count_call(run, event.branch, *state);
            }
        }
    }
}

/// Numbers a call where tasks are mocked: the number chooses the mocked response.
fn count_call(run: &mut Run, branch: BranchId, state: StateIndex) {
    if !run.is_mocked() {
        return;
    }
    let count = run.calls.entry(state).or_default();
    let number = *count;
    *count = count.saturating_add(1);
    let thread = run.branch_mut(branch);
    if let Some(calling) = thread.and_then(Branch::calling_mut) {
        calling.number = number;
    }
}

fn begin(run: &mut Run, time: Timestamp, start: &Start) {
    run.start = Some(Arc::new(start.clone()));
    run.started_at = time;
    run.status = Status::Running;
    // AWS gives the first state's event no previous one, so ExecutionStarted belongs to no thread.
    run.branches.push(Arc::new(Branch {
        id: BranchId::ROOT,
        parent: None,
        last_event: 0,
        variables: Object::default(),
        phase: Phase::Between {
            output: Value::null(),
        },
    }));
}

fn end(run: &mut Run, at: Timestamp, status: Status, output: Option<Value>, failure: Failure) {
    run.status = status;
    run.times_out_at = None;
    run.queued = false;
    run.variables_bytes = 0;
    let threads = std::mem::take(&mut run.branches);
    owe_cancels(run, &threads);
    let remains = match status {
        Status::Succeeded => Vec::new(),
        _ => threads,
    };
    run.end = Some(Box::new(End {
        at,
        output,
        failure,
        remains,
    }));
}

/// These threads have ended before their time: the jobs that they wait for are to be stopped.
fn owe_cancels(run: &mut Run, threads: &[Arc<Branch>]) {
    for thread in threads {
        if let Some(cancel) = Cancel::of(thread) {
            run.cancels.push(cancel);
        }
    }
}

/// An attempt ran out of time. If it had started a job, that is to be stopped.
fn time_out(run: &mut Run, event: &Event) {
    let Some(thread) = run.branch_mut(event.branch) else {
        return;
    };
    let cancel = Cancel::of(thread);
    thread.last_event = event.id;
    if let Phase::In(visit) = &mut thread.phase {
        visit.activity = Activity::Answered;
    }
    if let Some(cancel) = cancel {
        run.cancels.push(cancel);
    }
}

/// A branch or iteration begins; `event.branch` is its thread.
fn fork(run: &mut Run, event: &Event, (parent, index): (BranchId, u32), input: &Value) {
    // Threads stay in the order of their ids.
    if event.branch.0 <= run.last_branch {
        return;
    }
    let Some(above) = run.branch_mut(parent) else {
        return;
    };
    let last_event = match event.id {
        0 => above.last_event,
        id => id,
    };
    if let Some(forked) = above.forked_mut() {
        forked.live += 1;
        if let Some(mapping) = &mut forked.mapping {
            mapping.started += 1;
        }
    }
    run.last_branch = event.branch.0;
    run.branches.push(Arc::new(Branch {
        id: event.branch,
        parent: Some(Parent {
            branch: parent,
            index,
        }),
        last_event,
        variables: Object::default(),
        phase: Phase::Begun {
            input: input.clone(),
        },
    }));
}

/// A branch or iteration ends well: its last output becomes its result.
fn join(run: &mut Run, event: &Event) {
    let limits = run.start.as_ref().map(|start| start.limits);
    let bytes_max = limits.unwrap_or_default().payload_bytes_max();
    let Some(ended) = run.position(event.branch).map(|at| run.branches.remove(at)) else {
        return;
    };
    let gone = variables_bytes(&ended.variables);
    run.variables_bytes = run.variables_bytes.saturating_sub(gone);
    let Some(parent) = ended.parent else {
        return;
    };
    let Some(above) = run.branch_mut(parent.branch) else {
        return;
    };
    above.last_event = match event.id {
        0 => ended.last_event,
        id => id,
    };
    if let Some(forked) = above.forked_mut()
        && let Phase::Between { output } = &ended.phase
        && let Ok(index) = usize::try_from(parent.index)
    {
        forked.live = forked.live.saturating_sub(1);
        forked.results.put(index, output.clone(), bytes_max);
    }
}

/// All threads below `event.branch` are gone; the state above keeps them as they were, in case the
/// execution ends with its failure and is redriven. Threads are in the order of their ids, and a
/// thread is older than those below it: one pass finds them all.
fn cut(run: &mut Run, event: &Event) {
    let mut gone: Vec<BranchId> = Vec::new();
    let mut threads = Vec::new();
    run.branches.retain(|thread| {
        let is_below = thread.parent.is_some_and(|parent| {
            parent.branch == event.branch || gone.binary_search(&parent.branch).is_ok()
        });
        if is_below {
            gone.push(thread.id);
            threads.push(thread.clone());
        }
        !is_below
    });
    let bytes_gone = variables_bytes_of(&threads);
    run.variables_bytes = run.variables_bytes.saturating_sub(bytes_gone);
    owe_cancels(run, &threads);
    if let Some(thread) = run.branch_mut(event.branch) {
        thread.last_event = event.previous;
        if let Phase::In(visit) = &mut thread.phase {
            let activity = std::mem::replace(&mut visit.activity, Activity::Answered);
            if let Activity::Forked(forked) = activity {
                visit.activity = Activity::Cut(Box::new(Kept { forked, threads }));
            }
        }
    }
}

fn leave(run: &mut Run, event: &Event, output: &Value, assigned: Option<&Object>) {
    let Some(thread) = run.branch_mut(event.branch) else {
        return;
    };
    thread.last_event = event.id;
    thread.phase = Phase::Between {
        output: output.clone(),
    };
    if let Some(assigned) = assigned {
        let before = variables_bytes(&thread.variables);
        assign(&mut thread.variables, assigned);
        let after = variables_bytes(&thread.variables);
        run.variables_bytes = (run.variables_bytes + after).saturating_sub(before);
    }
}

/// So few variables are looked for one after the other: an index over all that a scope holds, which
/// is lost with each new one, would cost more.
pub(crate) const FEW_VARIABLES: usize = 16;

/// Sets variables: in their places those that are there, the new ones after them. Takes no longer
/// than sorting all of them does, whoever assigns thousands.
pub(crate) fn assign(variables: &mut Object, assigned: &Object) {
    if variables.is_empty() {
        *variables = assigned.clone();
        return;
    }
    let is_few = assigned.len() <= FEW_VARIABLES;
    let mut added = Vec::new();
    for (name, value) in assigned.members() {
        if is_few || variables.contains_key(name) {
            variables.insert(name.clone(), value.clone());
        } else {
            added.push((name.clone(), value.clone()));
        }
    }
    if !added.is_empty() {
        *variables = variables.members().iter().cloned().chain(added).collect();
    }
}

/// The text of the variables that `assigned` replaces, in bytes.
pub(crate) fn replaced_bytes(variables: &Object, assigned: &Object) -> usize {
    let is_few = assigned.len() <= FEW_VARIABLES;
    let value = |name: &str| match is_few {
        true => variables
            .iter()
            .find(|(own, _)| *own == name)
            .map(|it| it.1),
        false => variables.get(name),
    };
    let bytes = |(name, _): &(json::Text, Value)| Some(name.quoted_len() + 1 + value(name)?.size());
    assigned.members().iter().filter_map(bytes).sum()
}

/// The text of all variables of these threads.
fn variables_bytes_of(threads: &[Arc<Branch>]) -> u64 {
    let bytes = |thread: &Arc<Branch>| variables_bytes(&thread.variables);
    threads.iter().map(bytes).sum()
}

/// The text of variables without the braces around them.
pub(crate) fn variables_bytes(variables: &Object) -> u64 {
    u64::try_from(variables.size().saturating_sub(2)).unwrap_or(u64::MAX)
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
        EventKind::Yielded { next, input } => {
            thread.phase = Phase::Yielded {
                next: *next,
                input: input.clone(),
            };
        }
        _ => {
            if let Phase::In(visit) = &mut thread.phase {
                apply_to_visit(visit, time, event);
            }
        }
    }
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
            is_job,
            ..
        } => {
            visit.activity = Activity::Calling(Calling {
                attempt: event.id,
                scheduled_at: time,
                started_at: None,
                number: 0,
                parameters: parameters.clone(),
                credentials_role_arn: credentials_role_arn.clone(),
                deadline: timeout_seconds.map(|seconds| time.plus_seconds(seconds)),
                heartbeat_seconds: *heartbeat_seconds,
                submitted: None,
                is_job: *is_job,
            });
        }
        EventKind::TaskStarted { .. } => {
            if let Activity::Calling(calling) = &mut visit.activity {
                calling.started_at = Some(time);
            }
        }
        EventKind::TaskSubmitted { output, .. } => {
            if let Activity::Calling(calling) = &mut visit.activity {
                calling.submitted = Some(output.clone());
            }
        }
        EventKind::TaskSucceeded { .. } | EventKind::TaskFailed { .. } => {
            visit.activity = Activity::Answered;
        }
        EventKind::ParallelStarted { .. } => visit.activity = forked(None),
        EventKind::MapStarted {
            items, concurrency, ..
        } => {
            visit.activity = forked(Some(Mapping {
                items: items.clone(),
                concurrency: *concurrency,
                started: 0,
            }));
        }
        EventKind::StateSucceeded { .. } | EventKind::StateFailed { .. } => {
            finish(visit, event);
        }
        _ => {}
    }
}

/// A Parallel or Map has had its last attempt. What it had stays for a redrive.
fn finish(visit: &mut StateRun, event: &Event) {
    let before = event.previous;
    let activity = std::mem::replace(&mut visit.activity, Activity::Answered);
    visit.activity = match (&event.kind, activity) {
        (EventKind::StateSucceeded { .. }, Activity::Forked(forked)) => {
            Activity::Succeeded { before, forked }
        }
        (_, Activity::Forked(forked) | Activity::Succeeded { forked, .. }) => {
            let threads = Vec::new();
            let kept = Some(Box::new(Kept { forked, threads }));
            Activity::Failed { before, kept }
        }
        (_, Activity::Cut(kept)) => Activity::Failed {
            before,
            kept: Some(kept),
        },
        (_, Activity::Failed { kept, .. }) => Activity::Failed { before, kept },
        (_, _) => Activity::Failed { before, kept: None },
    };
}

fn forked(mapping: Option<Mapping>) -> Activity {
    Activity::Forked(Forked {
        live: 0,
        results: Results::default(),
        mapping,
    })
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
