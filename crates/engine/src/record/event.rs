//! One event as bytes and back. Whoever adds a kind of event is led here by the compiler, and to
//! `kinds`, whose codes are part of the format and are never given twice.

mod fields;
mod start;

use asl::event::{BranchId, Event, EventId, EventKind, Served, Text};
use asl::program::StateIndex;
use json::Value;

use super::Flaw;
use super::bytes::{Reader, put_number};
use super::read::Payload;
use fields::{
    failure, object, optional_number, optional_payload, optional_text, payload, put_failure,
    put_optional_number, put_optional_payload, put_optional_text, put_small, put_state, put_text,
    put_time, small, text, time,
};

/// Where an event's parts go. Payloads and texts have places of their own in a record.
pub(super) trait Sink {
    fn bytes(&mut self) -> &mut Vec<u8>;
    fn payload(&mut self, value: &Value);
    /// A payload whose text as sent is to be kept.
    fn payload_as_sent(&mut self, value: &Value, text: &str);
    /// A payload whose elements will be payloads of their own.
    fn payload_of_parts(&mut self, value: &Value);
    fn text(&mut self, text: &str);
}

/// Where an event's parts come from.
pub(super) trait Source<'r> {
    type Error: From<Flaw>;
    fn bytes(&mut self) -> &mut Reader<'r>;
    /// The event before in this record.
    fn last(&mut self) -> &mut Last;
    /// The payload and, if it was kept, its text as sent.
    fn payload(&mut self, number: usize) -> Result<Payload, Self::Error>;
    fn text(&mut self, len: usize) -> Result<Text, Self::Error>;
}

/// What an event takes from the one before it in its record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Last {
    /// The id of the last event that is shown, 0 at first.
    id: EventId,
    /// The thread of the event before, the root at first.
    branch: BranchId,
}

impl Last {
    /// In front of the first event of a record.
    pub(super) const NONE: Last = Last {
        id: 0,
        branch: BranchId::ROOT,
    };
}

mod kinds {
    /// As the first builds wrote it; only read.
    pub(super) const EXECUTION_STARTED_OF_THREE_LIMITS: u8 = 1;
    pub(super) const EXECUTION_SUCCEEDED: u8 = 2;
    pub(super) const EXECUTION_FAILED: u8 = 3;
    pub(super) const EXECUTION_ABORTED: u8 = 4;
    pub(super) const EXECUTION_TIMED_OUT: u8 = 5;
    pub(super) const STATE_ENTERED: u8 = 6;
    pub(super) const STATE_EXITED: u8 = 7;
    pub(super) const TASK_SCHEDULED: u8 = 8;
    pub(super) const TASK_STARTED: u8 = 9;
    pub(super) const TASK_SUBMITTED: u8 = 10;
    pub(super) const TASK_SUCCEEDED: u8 = 11;
    pub(super) const TASK_FAILED: u8 = 12;
    pub(super) const TASK_TIMED_OUT: u8 = 13;
    pub(super) const EXECUTION_DEADLINE: u8 = 14;
    pub(super) const WAIT_UNTIL: u8 = 15;
    pub(super) const RETRY_AT: u8 = 16;
    pub(super) const YIELDED: u8 = 17;
    /// Before there were executions of other kinds; only read.
    pub(super) const EXECUTION_STARTED_OF_STANDARD: u8 = 18;
    /// Left with variables written.
    pub(super) const STATE_EXITED_ASSIGNING: u8 = 19;
    pub(super) const EVALUATION_FAILED: u8 = 20;
    pub(super) const PARALLEL_STARTED: u8 = 21;
    pub(super) const MAP_STARTED: u8 = 22;
    pub(super) const MAP_ITERATION_STARTED: u8 = 23;
    pub(super) const MAP_ITERATION_SUCCEEDED: u8 = 24;
    pub(super) const MAP_ITERATION_FAILED: u8 = 25;
    pub(super) const MAP_ITERATION_ABORTED: u8 = 26;
    pub(super) const STATE_SUCCEEDED: u8 = 27;
    pub(super) const STATE_FAILED: u8 = 28;
    pub(super) const STATE_ABORTED: u8 = 29;
    pub(super) const BRANCH_STARTED: u8 = 30;
    pub(super) const BRANCH_SUCCEEDED: u8 = 31;
    pub(super) const BRANCHES_CUT: u8 = 32;
    /// Picked up by a worker that said its name.
    pub(super) const TASK_STARTED_BY: u8 = 33;
    pub(super) const EXECUTION_REDRIVEN: u8 = 34;
    pub(super) const QUEUED: u8 = 35;
    pub(super) const ADMITTED: u8 = 36;
    pub(super) const JOB_CANCELLED: u8 = 37;
    pub(super) const EXECUTION_STARTED: u8 = 38;
    /// The call starts a job.
    pub(super) const TASK_SCHEDULED_JOB: u8 = 39;
    pub(super) const TASK_SERVED: u8 = 40;
    /// Of a state machine with tags.
    pub(super) const EXECUTION_STARTED_TAGGED: u8 = 41;
}

/// The event is internal: its id is 0.
const INTERNAL: u8 = 1;
/// The id is one more than that of the last event shown in this record.
const NEXT_ID: u8 = 2;
/// The previous event is the one with the id before; for an internal event: none.
const AFTER_LAST: u8 = 4;
/// The thread is the root.
const ROOT: u8 = 8;
/// The thread is that of the event before in this record.
const SAME_BRANCH: u8 = 16;
const FLAGS: u8 = INTERNAL | NEXT_ID | AFTER_LAST | ROOT | SAME_BRANCH;

/// Appends an event. `last` tells of the event before in this record.
pub(super) fn put(out: &mut impl Sink, event: &Event, last: &mut Last) {
    let is_internal = event.id == 0;
    let is_next = last.id != 0 && event.id == last.id.wrapping_add(1);
    let is_after_last = event.previous == event.id.saturating_sub(1);
    let is_root = event.branch == BranchId::ROOT;
    let is_same = !is_root && event.branch == last.branch;
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    out.bytes().push(code(&event.kind));
    out.bytes().push(
        flag(is_internal, INTERNAL)
            | flag(is_next, NEXT_ID)
            | flag(is_after_last, AFTER_LAST)
            | flag(is_root, ROOT)
            | flag(is_same, SAME_BRANCH),
    );
    if !is_internal && !is_next {
        put_number(out.bytes(), event.id);
    }
    if !is_after_last {
        put_number(out.bytes(), event.previous);
    }
    if !is_root && !is_same {
        put_small(out, event.branch.0);
    }
    if !is_internal {
        last.id = event.id;
    }
    last.branch = event.branch;
    put_kind(out, &event.kind);
}

fn code(kind: &EventKind) -> u8 {
    match kind {
        EventKind::ExecutionStarted(start) => match start.tags {
            Some(_) => kinds::EXECUTION_STARTED_TAGGED,
            None => kinds::EXECUTION_STARTED,
        },
        EventKind::ExecutionSucceeded { .. } => kinds::EXECUTION_SUCCEEDED,
        EventKind::ExecutionFailed(_) => kinds::EXECUTION_FAILED,
        EventKind::ExecutionAborted(_) => kinds::EXECUTION_ABORTED,
        EventKind::ExecutionTimedOut(_) => kinds::EXECUTION_TIMED_OUT,
        EventKind::StateEntered { .. } => kinds::STATE_ENTERED,
        EventKind::StateExited { assigned: None, .. } => kinds::STATE_EXITED,
        EventKind::StateExited { .. } => kinds::STATE_EXITED_ASSIGNING,
        EventKind::TaskScheduled { is_job: false, .. } => kinds::TASK_SCHEDULED,
        EventKind::TaskScheduled { .. } => kinds::TASK_SCHEDULED_JOB,
        EventKind::TaskStarted {
            worker_name: None, ..
        } => kinds::TASK_STARTED,
        EventKind::TaskStarted { .. } => kinds::TASK_STARTED_BY,
        EventKind::ExecutionRedriven { .. } => kinds::EXECUTION_REDRIVEN,
        EventKind::Queued => kinds::QUEUED,
        EventKind::Admitted => kinds::ADMITTED,
        EventKind::JobCancelled { .. } => kinds::JOB_CANCELLED,
        EventKind::TaskServed { .. } => kinds::TASK_SERVED,
        EventKind::TaskSubmitted { .. } => kinds::TASK_SUBMITTED,
        EventKind::TaskSucceeded { .. } => kinds::TASK_SUCCEEDED,
        EventKind::TaskFailed { .. } => kinds::TASK_FAILED,
        EventKind::TaskTimedOut { .. } => kinds::TASK_TIMED_OUT,
        EventKind::EvaluationFailed { .. } => kinds::EVALUATION_FAILED,
        EventKind::ParallelStarted { .. } => kinds::PARALLEL_STARTED,
        EventKind::MapStarted { .. } => kinds::MAP_STARTED,
        EventKind::MapIterationStarted { .. } => kinds::MAP_ITERATION_STARTED,
        EventKind::MapIterationSucceeded { .. } => kinds::MAP_ITERATION_SUCCEEDED,
        EventKind::MapIterationFailed { .. } => kinds::MAP_ITERATION_FAILED,
        EventKind::MapIterationAborted { .. } => kinds::MAP_ITERATION_ABORTED,
        EventKind::StateSucceeded { .. } => kinds::STATE_SUCCEEDED,
        EventKind::StateFailed { .. } => kinds::STATE_FAILED,
        EventKind::StateAborted { .. } => kinds::STATE_ABORTED,
        EventKind::ExecutionDeadline { .. } => kinds::EXECUTION_DEADLINE,
        EventKind::WaitUntil { .. } => kinds::WAIT_UNTIL,
        EventKind::RetryAt { .. } => kinds::RETRY_AT,
        EventKind::Yielded { .. } => kinds::YIELDED,
        EventKind::BranchStarted { .. } => kinds::BRANCH_STARTED,
        EventKind::BranchSucceeded => kinds::BRANCH_SUCCEEDED,
        EventKind::BranchesCut => kinds::BRANCHES_CUT,
    }
}

fn put_kind(out: &mut impl Sink, kind: &EventKind) {
    match kind {
        EventKind::ExecutionStarted(start) => start::put(out, start),
        EventKind::ExecutionSucceeded { output } => out.payload(output),
        EventKind::ExecutionFailed(failure)
        | EventKind::ExecutionAborted(failure)
        | EventKind::ExecutionTimedOut(failure) => put_failure(out, failure),
        EventKind::ExecutionDeadline { at: time } | EventKind::WaitUntil { until: time } => {
            put_time(out, *time);
        }
        EventKind::RetryAt {
            retrier,
            retries,
            until,
        } => {
            put_small(out, *retrier);
            put_small(out, *retries);
            put_time(out, *until);
        }
        EventKind::BranchStarted {
            parent,
            index,
            input,
        } => {
            put_small(out, parent.0);
            put_small(out, *index);
            out.payload(input);
        }
        EventKind::ExecutionRedriven {
            redrive_count,
            client_token,
        } => {
            put_small(out, *redrive_count);
            put_optional_text(out, client_token.as_deref());
        }
        EventKind::JobCancelled { attempt } => put_number(out.bytes(), *attempt),
        EventKind::TaskServed { attempt, served } => {
            put_number(out.bytes(), *attempt);
            put_optional_payload(out, served.function.as_ref());
            put_optional_payload(out, served.role_policies.as_ref());
        }
        EventKind::BranchSucceeded
        | EventKind::BranchesCut
        | EventKind::Queued
        | EventKind::Admitted => {}
        _ => put_state_kind(out, kind),
    }
}

/// The kinds whose first field is a state.
fn put_state_kind(out: &mut impl Sink, kind: &EventKind) {
    match kind {
        EventKind::StateEntered { state, input } => put_with_payload(out, *state, input),
        EventKind::Yielded { next, input } => put_with_payload(out, *next, input),
        EventKind::TaskSubmitted { state, output } | EventKind::TaskSucceeded { state, output } => {
            put_with_payload(out, *state, output);
        }
        EventKind::StateExited {
            state,
            output,
            assigned,
        } => {
            put_with_payload(out, *state, output);
            if let Some(assigned) = assigned {
                out.payload(&Value::from(assigned.clone()));
            }
        }
        EventKind::TaskFailed { state, failure } | EventKind::TaskTimedOut { state, failure } => {
            put_state(out, *state);
            put_failure(out, failure);
        }
        EventKind::EvaluationFailed {
            state,
            failure,
            location,
        } => {
            put_state(out, *state);
            put_failure(out, failure);
            put_optional_text(out, location.as_deref());
        }
        EventKind::TaskStarted { state, worker_name } => {
            put_state(out, *state);
            if let Some(name) = worker_name {
                put_text(out, name);
            }
        }
        EventKind::ParallelStarted { state }
        | EventKind::StateSucceeded { state }
        | EventKind::StateFailed { state }
        | EventKind::StateAborted { state } => put_state(out, *state),
        EventKind::MapIterationSucceeded { state, index }
        | EventKind::MapIterationFailed { state, index }
        | EventKind::MapIterationAborted { state, index } => {
            put_state(out, *state);
            put_small(out, *index);
        }
        _ => put_start_of_work(out, kind),
    }
}

fn put_start_of_work(out: &mut impl Sink, kind: &EventKind) {
    match kind {
        EventKind::TaskScheduled {
            state,
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            credentials_role_arn,
            is_job: _,
        } => {
            put_with_payload(out, *state, parameters);
            put_optional_number(out, *timeout_seconds);
            put_optional_number(out, *heartbeat_seconds);
            put_optional_text(out, credentials_role_arn.as_deref());
        }
        EventKind::MapStarted {
            state,
            items,
            concurrency,
        } => {
            put_state(out, *state);
            out.payload_of_parts(items);
            put_small(out, *concurrency);
        }
        EventKind::MapIterationStarted {
            state,
            parent,
            index,
            input,
        } => {
            put_state(out, *state);
            put_small(out, parent.0);
            put_small(out, *index);
            out.payload(input);
        }
        _ => {}
    }
}

fn put_with_payload(out: &mut impl Sink, state: StateIndex, payload: &Value) {
    put_state(out, state);
    out.payload(payload);
}

/// Reads an event.
pub(super) fn read<'r, S: Source<'r>>(source: &mut S) -> Result<Event, S::Error> {
    let kind = source.bytes().byte()?;
    let flags = source.bytes().byte()?;
    if flags & !FLAGS != 0 {
        return Err(Flaw::Kind.into());
    }
    let is = |flag: u8| flags & flag != 0;
    let last = *source.last();
    let id = match (is(INTERNAL), is(NEXT_ID)) {
        (true, _) => 0,
        (false, true) => last.id.checked_add(1).ok_or(Flaw::Number)?,
        (false, false) => source.bytes().number()?,
    };
    let previous = if is(AFTER_LAST) {
        id.saturating_sub(1)
    } else {
        source.bytes().number()?
    };
    let branch = match (is(ROOT), is(SAME_BRANCH)) {
        (true, _) => BranchId::ROOT,
        (false, true) => last.branch,
        (false, false) => BranchId(small(source)?),
    };
    source.last().branch = branch;
    if id != 0 {
        source.last().id = id;
    }
    Ok(Event {
        id,
        previous,
        branch,
        kind: read_kind(kind, source)?,
    })
}

fn read_kind<'r, S: Source<'r>>(kind: u8, source: &mut S) -> Result<EventKind, S::Error> {
    Ok(match kind {
        kinds::EXECUTION_STARTED => EventKind::ExecutionStarted(Box::new(start::read(source)?)),
        kinds::EXECUTION_STARTED_TAGGED => {
            EventKind::ExecutionStarted(Box::new(start::read_tagged(source)?))
        }
        kinds::EXECUTION_STARTED_OF_STANDARD => {
            EventKind::ExecutionStarted(Box::new(start::read_of_standard(source)?))
        }
        kinds::EXECUTION_STARTED_OF_THREE_LIMITS => {
            EventKind::ExecutionStarted(Box::new(start::read_of_three_limits(source)?))
        }
        kinds::EXECUTION_SUCCEEDED => EventKind::ExecutionSucceeded {
            output: payload(source)?,
        },
        kinds::EXECUTION_FAILED => EventKind::ExecutionFailed(failure(source)?),
        kinds::EXECUTION_ABORTED => EventKind::ExecutionAborted(failure(source)?),
        kinds::EXECUTION_TIMED_OUT => EventKind::ExecutionTimedOut(failure(source)?),
        kinds::EXECUTION_DEADLINE => EventKind::ExecutionDeadline { at: time(source)? },
        kinds::WAIT_UNTIL => EventKind::WaitUntil {
            until: time(source)?,
        },
        kinds::RETRY_AT => EventKind::RetryAt {
            retrier: small(source)?,
            retries: small(source)?,
            until: time(source)?,
        },
        kinds::BRANCH_STARTED => EventKind::BranchStarted {
            parent: BranchId(small(source)?),
            index: small(source)?,
            input: payload(source)?,
        },
        kinds::BRANCH_SUCCEEDED => EventKind::BranchSucceeded,
        kinds::BRANCHES_CUT => EventKind::BranchesCut,
        kinds::EXECUTION_REDRIVEN => EventKind::ExecutionRedriven {
            redrive_count: small(source)?,
            client_token: optional_text(source)?,
        },
        kinds::QUEUED => EventKind::Queued,
        kinds::ADMITTED => EventKind::Admitted,
        kinds::JOB_CANCELLED => EventKind::JobCancelled {
            attempt: source.bytes().number()?,
        },
        kinds::TASK_SERVED => EventKind::TaskServed {
            attempt: source.bytes().number()?,
            served: Box::new(Served {
                function: optional_payload(source)?,
                role_policies: optional_payload(source)?,
            }),
        },
        _ => {
            let state = StateIndex(small(source)?);
            read_state_kind(kind, state, source)?
        }
    })
}

/// The kinds whose first field is a state.
fn read_state_kind<'r, S: Source<'r>>(
    kind: u8,
    state: StateIndex,
    source: &mut S,
) -> Result<EventKind, S::Error> {
    Ok(match kind {
        kinds::STATE_ENTERED => EventKind::StateEntered {
            state,
            input: payload(source)?,
        },
        kinds::STATE_EXITED => EventKind::StateExited {
            state,
            output: payload(source)?,
            assigned: None,
        },
        kinds::STATE_EXITED_ASSIGNING => EventKind::StateExited {
            state,
            output: payload(source)?,
            assigned: object(source)?,
        },
        kinds::YIELDED => EventKind::Yielded {
            next: state,
            input: payload(source)?,
        },
        kinds::EVALUATION_FAILED => EventKind::EvaluationFailed {
            state,
            failure: failure(source)?,
            location: optional_text(source)?,
        },
        kinds::PARALLEL_STARTED => EventKind::ParallelStarted { state },
        kinds::STATE_SUCCEEDED => EventKind::StateSucceeded { state },
        kinds::STATE_FAILED => EventKind::StateFailed { state },
        kinds::STATE_ABORTED => EventKind::StateAborted { state },
        kinds::TASK_SCHEDULED
        | kinds::TASK_SCHEDULED_JOB
        | kinds::TASK_STARTED
        | kinds::TASK_STARTED_BY
        | kinds::TASK_SUBMITTED
        | kinds::TASK_SUCCEEDED
        | kinds::TASK_FAILED
        | kinds::TASK_TIMED_OUT => read_task_kind(kind, state, source)?,
        _ => read_map_kind(kind, state, source)?,
    })
}

fn read_task_kind<'r, S: Source<'r>>(
    kind: u8,
    state: StateIndex,
    source: &mut S,
) -> Result<EventKind, S::Error> {
    Ok(match kind {
        kinds::TASK_SCHEDULED | kinds::TASK_SCHEDULED_JOB => EventKind::TaskScheduled {
            state,
            parameters: payload(source)?,
            timeout_seconds: optional_number(source)?,
            heartbeat_seconds: optional_number(source)?,
            credentials_role_arn: optional_text(source)?,
            is_job: kind == kinds::TASK_SCHEDULED_JOB,
        },
        kinds::TASK_STARTED => EventKind::TaskStarted {
            state,
            worker_name: None,
        },
        kinds::TASK_STARTED_BY => EventKind::TaskStarted {
            state,
            worker_name: Some(text(source)?),
        },
        kinds::TASK_SUBMITTED => EventKind::TaskSubmitted {
            state,
            output: payload(source)?,
        },
        kinds::TASK_SUCCEEDED => EventKind::TaskSucceeded {
            state,
            output: payload(source)?,
        },
        kinds::TASK_FAILED => EventKind::TaskFailed {
            state,
            failure: failure(source)?,
        },
        kinds::TASK_TIMED_OUT => EventKind::TaskTimedOut {
            state,
            failure: failure(source)?,
        },
        _ => return Err(Flaw::Kind.into()),
    })
}

fn read_map_kind<'r, S: Source<'r>>(
    kind: u8,
    state: StateIndex,
    source: &mut S,
) -> Result<EventKind, S::Error> {
    Ok(match kind {
        kinds::MAP_STARTED => EventKind::MapStarted {
            state,
            items: payload(source)?,
            concurrency: small(source)?,
        },
        kinds::MAP_ITERATION_STARTED => EventKind::MapIterationStarted {
            state,
            parent: BranchId(small(source)?),
            index: small(source)?,
            input: payload(source)?,
        },
        kinds::MAP_ITERATION_SUCCEEDED => EventKind::MapIterationSucceeded {
            state,
            index: small(source)?,
        },
        kinds::MAP_ITERATION_FAILED => EventKind::MapIterationFailed {
            state,
            index: small(source)?,
        },
        kinds::MAP_ITERATION_ABORTED => EventKind::MapIterationAborted {
            state,
            index: small(source)?,
        },
        _ => return Err(Flaw::Kind.into()),
    })
}
