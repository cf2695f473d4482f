//! One event as bytes and back. Whoever adds a kind of event is led here by the compiler, and to
//! `KINDS`, whose codes are part of the format and are never given twice.

use asl::event::{BranchId, Event, EventId, EventKind, Failure, Start, Text};
use asl::limits::Limits;
use asl::program::StateIndex;
use asl::time::Timestamp;
use json::Value;

use super::Flaw;
use super::bytes::{Reader, put_number, put_signed};
use super::read::Payload;
use crate::arn;

/// Where an event's parts go. Payloads and texts have places of their own in a record.
pub(super) trait Sink {
    fn bytes(&mut self) -> &mut Vec<u8>;
    fn payload(&mut self, value: &Value);
    /// A payload whose text as sent is to be kept.
    fn payload_as_sent(&mut self, value: &Value, text: &str);
    fn text(&mut self, text: &str);
}

/// Where an event's parts come from.
pub(super) trait Source<'r> {
    type Error: From<Flaw>;
    fn bytes(&mut self) -> &mut Reader<'r>;
    /// The id of the last event shown in this record.
    fn last(&mut self) -> &mut EventId;
    /// The payload and, if it was kept, its text as sent.
    fn payload(&mut self, number: usize) -> Result<Payload, Self::Error>;
    fn text(&mut self, len: usize) -> Result<Text, Self::Error>;
}

mod kinds {
    pub(super) const EXECUTION_STARTED: u8 = 1;
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
}

/// The event is internal: its id is 0.
const INTERNAL: u8 = 1;
/// The id is one more than that of the last event shown in this record.
const NEXT_ID: u8 = 2;
/// The previous event is the one with the id before; for an internal event: none.
const AFTER_LAST: u8 = 4;
/// The thread is the root.
const ROOT: u8 = 8;
const FLAGS: u8 = INTERNAL | NEXT_ID | AFTER_LAST | ROOT;

/// Appends an event. `last` is the id of the last event shown in this record, 0 at first.
pub(super) fn put(out: &mut impl Sink, event: &Event, last: &mut EventId) {
    let is_internal = event.id == 0;
    let is_next = *last != 0 && event.id == last.wrapping_add(1);
    let is_after_last = event.previous == event.id.saturating_sub(1);
    let is_root = event.branch == BranchId::ROOT;
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    out.bytes().push(code(&event.kind));
    out.bytes().push(
        flag(is_internal, INTERNAL)
            | flag(is_next, NEXT_ID)
            | flag(is_after_last, AFTER_LAST)
            | flag(is_root, ROOT),
    );
    if !is_internal && !is_next {
        put_number(out.bytes(), event.id);
    }
    if !is_after_last {
        put_number(out.bytes(), event.previous);
    }
    if !is_root {
        put_number(out.bytes(), u64::from(event.branch.0));
    }
    if !is_internal {
        *last = event.id;
    }
    put_kind(out, &event.kind);
}

fn code(kind: &EventKind) -> u8 {
    match kind {
        EventKind::ExecutionStarted(_) => kinds::EXECUTION_STARTED,
        EventKind::ExecutionSucceeded { .. } => kinds::EXECUTION_SUCCEEDED,
        EventKind::ExecutionFailed(_) => kinds::EXECUTION_FAILED,
        EventKind::ExecutionAborted(_) => kinds::EXECUTION_ABORTED,
        EventKind::ExecutionTimedOut(_) => kinds::EXECUTION_TIMED_OUT,
        EventKind::StateEntered { .. } => kinds::STATE_ENTERED,
        EventKind::StateExited { .. } => kinds::STATE_EXITED,
        EventKind::TaskScheduled { .. } => kinds::TASK_SCHEDULED,
        EventKind::TaskStarted { .. } => kinds::TASK_STARTED,
        EventKind::TaskSubmitted { .. } => kinds::TASK_SUBMITTED,
        EventKind::TaskSucceeded { .. } => kinds::TASK_SUCCEEDED,
        EventKind::TaskFailed { .. } => kinds::TASK_FAILED,
        EventKind::TaskTimedOut { .. } => kinds::TASK_TIMED_OUT,
        EventKind::ExecutionDeadline { .. } => kinds::EXECUTION_DEADLINE,
        EventKind::WaitUntil { .. } => kinds::WAIT_UNTIL,
        EventKind::RetryAt { .. } => kinds::RETRY_AT,
        EventKind::Yielded { .. } => kinds::YIELDED,
    }
}

fn put_kind(out: &mut impl Sink, kind: &EventKind) {
    match kind {
        EventKind::ExecutionStarted(start) => put_start(out, start),
        EventKind::ExecutionSucceeded { output } => out.payload(output),
        EventKind::ExecutionFailed(failure)
        | EventKind::ExecutionAborted(failure)
        | EventKind::ExecutionTimedOut(failure) => put_failure(out, failure),
        EventKind::StateEntered {
            state,
            input: payload,
        }
        | EventKind::StateExited {
            state,
            output: payload,
        }
        | EventKind::TaskSubmitted {
            state,
            output: payload,
        }
        | EventKind::TaskSucceeded {
            state,
            output: payload,
        }
        | EventKind::Yielded {
            next: state,
            input: payload,
        } => {
            put_state(out, *state);
            out.payload(payload);
        }
        EventKind::TaskScheduled {
            state,
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            credentials_role_arn,
        } => {
            put_state(out, *state);
            out.payload(parameters);
            put_optional_number(out, *timeout_seconds);
            put_optional_number(out, *heartbeat_seconds);
            put_optional_text(out, credentials_role_arn.as_deref());
        }
        EventKind::TaskStarted { state } => put_state(out, *state),
        EventKind::TaskFailed { state, failure } | EventKind::TaskTimedOut { state, failure } => {
            put_state(out, *state);
            put_failure(out, failure);
        }
        EventKind::ExecutionDeadline { at: time } | EventKind::WaitUntil { until: time } => {
            put_signed(out.bytes(), time.0);
        }
        EventKind::RetryAt {
            retrier,
            retries,
            until,
        } => {
            put_number(out.bytes(), u64::from(*retrier));
            put_number(out.bytes(), u64::from(*retries));
            put_signed(out.bytes(), until.0);
        }
    }
}

/// The execution's ARN follows from the machine's and the name; it is written only if it does not.
fn put_start(out: &mut impl Sink, start: &Start) {
    let derived = arn::execution(&start.state_machine_arn, &start.execution_name);
    let own_arn = Some(&*start.execution_arn).filter(|arn| derived.as_deref() != Some(arn));
    put_text(out, &start.state_machine_arn);
    put_text(out, &start.execution_name);
    put_optional_text(out, own_arn);
    put_text(out, &start.state_machine_name);
    put_optional_text(out, start.state_machine_version_arn.as_deref());
    put_optional_text(out, start.state_machine_alias_arn.as_deref());
    put_text(out, &start.role_arn);
    put_number(out.bytes(), start.definition);
    match &start.input_text {
        Some(text) => out.payload_as_sent(&start.input, text),
        None => out.payload(&start.input),
    }
    put_optional_text(out, start.trace_header.as_deref());
    let Limits {
        payload_bytes_max,
        history_events_max,
        transitions_per_decision_max,
    } = start.limits;
    for limit in [
        payload_bytes_max,
        history_events_max,
        transitions_per_decision_max,
    ] {
        put_number(out.bytes(), u64::from(limit));
    }
    out.bytes().extend_from_slice(&start.token_secret);
}

fn put_state(out: &mut impl Sink, state: StateIndex) {
    put_number(out.bytes(), u64::from(state.0));
}

fn put_failure(out: &mut impl Sink, failure: &Failure) {
    put_optional_text(out, failure.error.as_deref());
    put_optional_text(out, failure.cause.as_deref());
}

fn put_optional_number(out: &mut impl Sink, number: Option<u64>) {
    out.bytes().push(u8::from(number.is_some()));
    if let Some(number) = number {
        put_number(out.bytes(), number);
    }
}

fn put_text(out: &mut impl Sink, text: &str) {
    put_number(out.bytes(), text.len() as u64);
    out.text(text);
}

/// 0 for none, else the length plus one.
fn put_optional_text(out: &mut impl Sink, text: Option<&str>) {
    put_number(out.bytes(), text.map_or(0, |text| text.len() as u64 + 1));
    if let Some(text) = text {
        out.text(text);
    }
}

/// Reads an event.
pub(super) fn read<'r, S: Source<'r>>(source: &mut S) -> Result<Event, S::Error> {
    let kind = source.bytes().byte()?;
    let flags = source.bytes().byte()?;
    if flags & !FLAGS != 0 {
        return Err(Flaw::Kind.into());
    }
    let is = |flag: u8| flags & flag != 0;
    let id = match (is(INTERNAL), is(NEXT_ID)) {
        (true, _) => 0,
        (false, true) => source.last().checked_add(1).ok_or(Flaw::Number)?,
        (false, false) => source.bytes().number()?,
    };
    let previous = if is(AFTER_LAST) {
        id.saturating_sub(1)
    } else {
        source.bytes().number()?
    };
    let branch = if is(ROOT) {
        BranchId::ROOT
    } else {
        BranchId(source.bytes().small()?)
    };
    if id != 0 {
        *source.last() = id;
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
        kinds::EXECUTION_STARTED => EventKind::ExecutionStarted(Box::new(read_start(source)?)),
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
            retrier: source.bytes().small()?,
            retries: source.bytes().small()?,
            until: time(source)?,
        },
        _ => {
            let state = StateIndex(source.bytes().small()?);
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
        },
        kinds::YIELDED => EventKind::Yielded {
            next: state,
            input: payload(source)?,
        },
        kinds::TASK_SCHEDULED => EventKind::TaskScheduled {
            state,
            parameters: payload(source)?,
            timeout_seconds: optional_number(source)?,
            heartbeat_seconds: optional_number(source)?,
            credentials_role_arn: optional_text(source)?,
        },
        kinds::TASK_STARTED => EventKind::TaskStarted { state },
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

fn read_start<'r, S: Source<'r>>(source: &mut S) -> Result<Start, S::Error> {
    let state_machine_arn = text(source)?;
    let execution_name = text(source)?;
    let execution_arn = match optional_text(source)? {
        Some(arn) => arn,
        None => arn::execution(&state_machine_arn, &execution_name).ok_or(Flaw::Kind)?,
    };
    let state_machine_name = text(source)?;
    let state_machine_version_arn = optional_text(source)?;
    let state_machine_alias_arn = optional_text(source)?;
    let role_arn = text(source)?;
    let definition = source.bytes().number()?;
    let number = source.bytes().len()?;
    let (input, input_text) = source.payload(number)?;
    let trace_header = optional_text(source)?;
    let bytes = source.bytes();
    Ok(Start {
        execution_arn,
        execution_name,
        state_machine_arn,
        state_machine_name,
        state_machine_version_arn,
        state_machine_alias_arn,
        role_arn,
        definition,
        input,
        input_text,
        trace_header,
        limits: Limits {
            payload_bytes_max: bytes.small()?,
            history_events_max: bytes.small()?,
            transitions_per_decision_max: bytes.small()?,
        },
        token_secret: bytes.array()?,
    })
}

fn payload<'r, S: Source<'r>>(source: &mut S) -> Result<Value, S::Error> {
    let number = source.bytes().len()?;
    Ok(source.payload(number)?.0)
}

fn time<'r, S: Source<'r>>(source: &mut S) -> Result<Timestamp, S::Error> {
    Ok(Timestamp(source.bytes().signed()?))
}

fn failure<'r, S: Source<'r>>(source: &mut S) -> Result<Failure, S::Error> {
    Ok(Failure {
        error: optional_text(source)?,
        cause: optional_text(source)?,
    })
}

fn optional_number<'r, S: Source<'r>>(source: &mut S) -> Result<Option<u64>, S::Error> {
    match source.bytes().byte()? {
        0 => Ok(None),
        1 => Ok(Some(source.bytes().number()?)),
        _ => Err(Flaw::Kind.into()),
    }
}

fn text<'r, S: Source<'r>>(source: &mut S) -> Result<Text, S::Error> {
    let len = source.bytes().len()?;
    source.text(len)
}

fn optional_text<'r, S: Source<'r>>(source: &mut S) -> Result<Option<Text>, S::Error> {
    match source.bytes().len()?.checked_sub(1) {
        None => Ok(None),
        Some(len) => source.text(len).map(Some),
    }
}
